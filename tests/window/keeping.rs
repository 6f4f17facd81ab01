//! Contact sheets pinned, exported and copied, and channels laid over the picture.

use eframe::egui::{Event, Key, Modifiers};
use egui_kittest::kittest::Queryable;

use super::flows::{copied_text, press, press_with};
use super::{Test, assert_shows, open_with, options, settle, shows, skipped, wait_for, write_picture};

/// Only the press: a release would have a frame of its own, and replace its output.
fn copies(harness: &mut Test, modifiers: Modifiers) -> String {
    harness.event(Event::Key { key: Key::C, physical_key: None, pressed: true, repeat: false, modifiers });
    harness.step();
    copied_text(harness).expect("a command line")
}

#[test]
fn contact_sheets_are_pinned_beside_views() {
    if skipped() {
        return;
    }
    let mut harness = open_with(options(Vec::new()), 1280.0, 900.0);
    press_with(&mut harness, Modifiers::SHIFT, Key::Space);
    assert!(!shows(&harness, "Unpin 1"), "there is no sheet yet");
    // Asked for before it is there.
    harness.key_press(Key::N);
    harness.key_press(Key::T);
    harness.key_press_modifiers(Modifiers::SHIFT, Key::Space);
    settle(&mut harness);
    assert_shows(&harness, "b 12 over t · norm");
    assert_shows(&harness, "pin 1 L2 norm over channels t 90 b 12");
    assert_shows(&harness, "each cell in its own range");
    press(&mut harness, Key::B);
    harness.get_by_label("Pin sheet").click();
    settle(&mut harness);
    assert_shows(&harness, "t 50 over b · norm");
    assert_shows(&harness, "pin 2 L2 norm over channels t 50 b 3");
    press(&mut harness, Key::Space);
    assert_shows(&harness, "b 12 t 50 · norm");
    press(&mut harness, Key::H);
    assert!(!shows(&harness, "each cell in its own range"), "all pins have one scale");
    harness.get_by_label("pin 2 L2 norm over channels t 50 b 2").click();
    settle(&mut harness);
    assert_shows(&harness, "L2 norm over channels of b 2");
}

#[test]
fn contact_sheets_are_exported_and_copied() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut harness = open_with(options(Vec::new()), 1280.0, 900.0);
    assert!(!harness.state_mut().export_sheet_to(path("none.png"), false), "no sheet is shown");
    press(&mut harness, Key::N);
    press(&mut harness, Key::T);
    for (name, captioned) in [
        ("sheet.png", false),
        ("captioned.png", true),
        ("sheet.npy", false),
        ("sheet.csv", false),
        ("sheet.safetensors", false),
    ] {
        assert!(harness.state_mut().export_sheet_to(path(name), captioned));
        wait_for(&mut harness, &format!("saved {}", path(name).display()));
    }
    let [plain, captioned] = ["sheet.png", "captioned.png"].map(|name| image::open(path(name)).unwrap());
    assert!(plain.width() > 7 * 128 && captioned.height() > plain.height());
    let array = npyz::NpyFile::new(std::fs::File::open(path("sheet.npy")).unwrap()).unwrap();
    assert_eq!(array.shape(), [7, 8, 8]);
    press_with(&mut harness, Modifiers::SHIFT, Key::G);
    let line = copies(&mut harness, Modifiers::ALT | Modifiers::SHIFT);
    assert_eq!(
        line,
        "difscope heatmap bundled:fashion/test#0 --t 50 --block 12 --view norm --sheet steps --map viridis --set look.shared_cells=true --out sheet.png"
    );
    press_with(&mut harness, Modifiers::ALT, Key::C);
    wait_for(&mut harness, "the picture is on the clipboard");
}

#[test]
fn every_channel_is_laid_over_the_picture() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide.png");
    write_picture(&path, 300, 150);
    let mut harness = open_with(options(vec![path]), 1280.0, 800.0);
    let rect = harness.get_by_label("channels").rect();
    let first_cell = |harness: &mut Test| {
        let whole = harness.render().unwrap();
        image::imageops::crop_imm(&whole, rect.min.x as u32 + 2, rect.min.y as u32 + 2, 24, 24).to_image()
    };
    let alone = first_cell(&mut harness);
    press(&mut harness, Key::O);
    let over = first_cell(&mut harness);
    for _ in 0..6 {
        press(&mut harness, Key::Minus);
    }
    let picture = first_cell(&mut harness);
    assert!(alone != over && over != picture, "the picture shines through, at last alone");
    for _ in 0..6 {
        press(&mut harness, Key::Plus);
    }
    let line = copies(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT);
    assert!(line.contains("--view mosaic") && line.contains("--overlay 0.6"), "{line}");
    press(&mut harness, Key::Space);
    assert_shows(&harness, "b 12 t 50 · mosaic");
}
