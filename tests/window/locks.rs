//! Colours of principal components that mean the same over chosen pictures, timesteps and blocks.

use eframe::egui::{Event, Key, Modifiers};
use egui_kittest::kittest::Queryable;

use super::flows::{copied_text, press, press_with};
use super::{assert_shows, open_with, options, settle, shows, skipped, write_picture};

#[test]
fn pictures_timesteps_and_blocks_are_chosen() {
    if skipped() {
        return;
    }
    let mut harness = open_with(options(Vec::new()), 1280.0, 900.0);
    press(&mut harness, Key::P);
    assert_shows(&harness, "of the variance");
    // This picture and the next, by key; then more from the list.
    press(&mut harness, Key::X);
    press(&mut harness, Key::ArrowRight);
    press(&mut harness, Key::X);
    assert_shows(&harness, "the same colours over 2 pictures");
    harness.get_by_label("2 of at most 16").click();
    settle(&mut harness);
    assert_shows(&harness, "Take away fashion/test #1");
    harness.get_by_label("Add the next 14 of the library").click();
    settle(&mut harness);
    assert_shows(&harness, "16 of at most 16");
    harness.get_by_label_contains("Take away fashion/test #3").click();
    settle(&mut harness);
    assert_shows(&harness, "the same colours over 15 pictures");
    press(&mut harness, Key::Escape);
    harness.get_by_label("Colours at t 10").click();
    harness.step();
    harness.get_by_label("Colours at t 300").click();
    settle(&mut harness);
    assert_shows(&harness, "the same colours over 15 pictures · t 10, 300");
    press_with(&mut harness, Modifiers::ALT, Key::X);
    press(&mut harness, Key::ArrowDown);
    press_with(&mut harness, Modifiers::ALT, Key::X);
    assert_shows(&harness, "t 10, 300 · b 12, 13");
    press(&mut harness, Key::Z);
    press_with(&mut harness, Modifiers::COMMAND, Key::Z);
    assert_shows(&harness, "t 10, 300 · b 12");
    press(&mut harness, Key::U);
    assert_shows(&harness, "of the variance");
}

#[test]
fn locked_colours_are_copied_as_a_command_line_and_follow_pins() {
    if skipped() {
        return;
    }
    let mut harness = open_with(options(Vec::new()), 1280.0, 900.0);
    press(&mut harness, Key::P);
    press(&mut harness, Key::Space);
    press(&mut harness, Key::ArrowDown);
    press(&mut harness, Key::CloseBracket);
    press(&mut harness, Key::Space);
    harness.get_by_label("as pinned").click();
    settle(&mut harness);
    assert_shows(&harness, "the same colours over 1 picture · t 50, 90 · b 12, 13");
    harness.event(Event::Key {
        key: Key::C,
        physical_key: None,
        pressed: true,
        repeat: false,
        modifiers: Modifiers::COMMAND | Modifiers::SHIFT,
    });
    harness.step();
    let line = copied_text(&harness).expect("a command line");
    let flags = "--view pca --lock-pictures bundled:fashion/test#0 --lock-t 50,90 --lock-blocks 12,13";
    assert!(line.contains(flags), "{line}");
    press(&mut harness, Key::N);
    assert!(!shows(&harness, "the same colours"), "the norm has no such colours");
}

#[test]
fn a_window_opens_with_locked_colours() {
    if skipped() {
        return;
    }
    let mut options = options(Vec::new());
    options.explore.view = "pca".parse().unwrap();
    options.explore.lock.pictures = vec!["bundled:fashion/test#500".into(), "bundled:chelsea.png".into()];
    options.explore.lock.blocks = vec![10, 12];
    let harness = open_with(options, 1280.0, 900.0);
    assert_shows(&harness, "the same colours over 2 pictures · b 10, 12");
}

#[test]
fn a_folder_that_decides_colours_is_expanded() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (cats, many) = (folder.path().join("cats"), folder.path().join("many"));
    for (folder, count) in [(&cats, 2), (&many, 18)] {
        std::fs::create_dir(folder).unwrap();
        (0..count).for_each(|k| write_picture(&folder.join(format!("{k:02}.png")), 40 + k, 40));
    }
    let locked_to = |path: &std::path::Path| {
        let mut options = options(vec![cats.join("00.png")]);
        options.explore.view = "pca".parse().unwrap();
        options.explore.lock.pictures = vec![path.display().to_string()];
        open_with(options, 1280.0, 900.0)
    };
    let mut harness = locked_to(&cats);
    assert_shows(&harness, "the same colours over 2 pictures");
    let second = super::texts(&harness).into_iter().filter(|text| text.contains("01.png"));
    assert_eq!(second.count(), 1, "in the library, and once");
    press_with(&mut harness, Modifiers::COMMAND, Key::Z);
    assert_shows(&harness, "the same colours over 2 pictures");
    let harness = locked_to(&many);
    assert_shows(&harness, "the same colours over 16 pictures");
    assert_shows(&harness, "18 pictures are to decide the colours, and at most 16 can");
    let harness = locked_to(&folder.path().join("gone"));
    assert_shows(&harness, "gone");
}
