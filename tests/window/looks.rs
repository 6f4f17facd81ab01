//! Snapshots of the whole window on lavapipe.

use eframe::egui::{Key, Modifiers, Rect, pos2};
use egui_kittest::SnapshotOptions;

use super::{Test, open_with, options, settle, skipped, write_picture};

/// Heatmaps may differ a little between processors; times and cache sizes differ always.
fn snapshot(harness: &mut Test, name: &str) {
    snapshot_without(harness, name, &[]);
}

/// As [`snapshot`], without looking at some places.
pub(super) fn snapshot_without(harness: &mut Test, name: &str, places: &[Rect]) {
    settle(harness);
    // After settling: a mask holds until the next frame.
    places.iter().for_each(|place| harness.mask(*place));
    let size = harness.ctx.content_rect().size();
    harness.mask(Rect::from_min_max(pos2(0.0, size.y - 34.0), pos2(size.x, size.y)));
    let options = SnapshotOptions::new().threshold(2.0).max_failed_pixels(400);
    harness.try_snapshot_options(name, &options).unwrap();
}

fn press(harness: &mut Test, keys: &[Key]) {
    for key in keys {
        harness.key_press(*key);
        settle(harness);
    }
}

#[test]
fn first_screen() {
    if skipped() {
        return;
    }
    let mut harness = open_with(options(Vec::new()), 1280.0, 800.0);
    snapshot(&mut harness, "explore_first_dark");
    harness.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::L);
    snapshot(&mut harness, "explore_first_light");
}

#[test]
fn pins_and_sheet() {
    if skipped() {
        return;
    }
    let mut harness = open_with(options(Vec::new()), 1280.0, 900.0);
    press(
        &mut harness,
        &[Key::N, Key::Space, Key::P, Key::Space, Key::CloseBracket, Key::M, Key::Space, Key::A, Key::B],
    );
    snapshot(&mut harness, "explore_pins_and_sheet");
}

#[test]
fn overlay_in_a_small_window_with_a_long_name() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder
        .path()
        .join("a very long file name of a picture that somebody took on a long holiday 0001.png");
    write_picture(&path, 320, 200);
    let mut harness = open_with(options(vec![path]), 800.0, 560.0);
    press(&mut harness, &[Key::N, Key::O]);
    snapshot(&mut harness, "explore_small");
}

#[test]
fn similarity_in_other_pictures() {
    if skipped() {
        return;
    }
    let mut harness = open_with(options(Vec::new()), 1280.0, 800.0);
    press(&mut harness, &[Key::S]);
    snapshot(&mut harness, "explore_similarity");
}

#[test]
fn nothing_open() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let mut harness = open_with(options(vec![missing]), 1100.0, 700.0);
    // The notice names a folder that differs from run to run.
    let notice = Rect::from_min_max(pos2(700.0, 560.0), pos2(1100.0, 700.0));
    snapshot_without(&mut harness, "explore_empty", &[notice]);
}
