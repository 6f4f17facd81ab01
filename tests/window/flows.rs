//! What a user does from opening a picture to exporting a view.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{DroppedFile, Key, Modifiers};
use egui_kittest::kittest::Queryable;

use super::{Test, assert_shows, open, open_with, options, settle, shows, skipped, wait_for, write_picture};

pub(super) fn press(harness: &mut Test, key: Key) {
    harness.key_press(key);
    settle(harness);
}

pub(super) fn press_with(harness: &mut Test, modifiers: Modifiers, key: Key) {
    harness.key_press_modifiers(modifiers, key);
    settle(harness);
}

pub(super) fn click_at(harness: &mut Test, position: eframe::egui::Pos2) {
    for pressed in [true, false] {
        harness.hover_at(position);
        harness.event(eframe::egui::Event::PointerButton {
            pos: position,
            button: eframe::egui::PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        });
        harness.step();
    }
}

#[derive(Debug)]
struct Dropped(PathBuf);

impl DroppedFile for Dropped {
    fn path(&self) -> &std::path::Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

pub(super) fn drop_file(harness: &mut Test, path: PathBuf) {
    harness.input_mut().dropped_files.push(Arc::new(Dropped(path)));
    harness.step();
    settle(harness);
}

#[test]
fn the_first_screen_needs_no_click() {
    if skipped() {
        return;
    }
    let harness = open_with(options(Vec::new()), 1280.0, 800.0);
    assert_shows(&harness, "fashion32");
    assert_shows(&harness, "t 50");
    assert_shows(&harness, "b 12 (dec 1, 128×8×8)");
    assert_shows(&harness, "128 channels of b 12");
    assert!(!shows(&harness, "far from"), "clothes are what the embedded network knows");
}

#[test]
fn a_picture_is_opened_and_its_distance_noted() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("colourful squares.png");
    write_picture(&path, 200, 120);
    let harness = open(&[&path]);
    assert_shows(&harness, "colourful squares.png");
    assert_shows(&harness, "picture, 200×120");
    assert_shows(&harness, "far from what this network knows");
}

#[test]
fn the_timestep_moves_by_keys() {
    if skipped() {
        return;
    }
    let mut harness = open_with(options(Vec::new()), 1280.0, 800.0);
    press(&mut harness, Key::CloseBracket);
    assert_shows(&harness, "t 90");
    press(&mut harness, Key::OpenBracket);
    press(&mut harness, Key::OpenBracket);
    assert_shows(&harness, "t 30");
    press_with(&mut harness, Modifiers::SHIFT, Key::CloseBracket);
    assert_shows(&harness, "t 31");
}

#[test]
fn blocks_are_picked_by_key_and_by_click_without_a_new_forward() {
    if skipped() {
        return;
    }
    let mut harness = open_with(options(Vec::new()), 1280.0, 800.0);
    press(&mut harness, Key::ArrowDown);
    assert_shows(&harness, "128 channels of b 13");
    assert_shows(&harness, "no forward needed");
    harness.get_by_label_contains("b 5 (enc 4)").click();
    settle(&mut harness);
    assert_shows(&harness, "64 channels of b 5");
    assert_shows(&harness, "no forward needed");
}

#[test]
fn views_switch_by_key_button_and_palette() {
    if skipped() {
        return;
    }
    let mut harness = open_with(options(Vec::new()), 1280.0, 800.0);
    press(&mut harness, Key::N);
    assert_shows(&harness, "L2 norm over channels of b 12");
    harness.get_by_label("PCA").click();
    settle(&mut harness);
    assert_shows(&harness, "principal components of b 12");
    press(&mut harness, Key::Slash);
    harness.event(eframe::egui::Event::Text("mean over".into()));
    harness.step();
    press(&mut harness, Key::Enter);
    assert_shows(&harness, "mean over channels of b 12");
    press(&mut harness, Key::C);
    assert_shows(&harness, "of 128 of b 12");
    press(&mut harness, Key::S);
    assert_shows(&harness, "similarity to (16, 16) of b 12");
    assert_shows(&harness, "all other pictures of the library");
    assert_shows(&harness, "similarity in fashion/test #1");
}

#[test]
fn a_channel_of_the_mosaic_is_enlarged_by_a_click() {
    if skipped() {
        return;
    }
    let mut harness = open_with(options(Vec::new()), 1280.0, 800.0);
    let first_cell = harness.get_by_label("channels").rect().min + eframe::egui::vec2(12.0, 12.0);
    click_at(&mut harness, first_cell);
    settle(&mut harness);
    assert_shows(&harness, "of 128 of b 12");
}

#[test]
fn contact_sheets_come_whole() {
    if skipped() {
        return;
    }
    let mut harness = open_with(options(Vec::new()), 1280.0, 900.0);
    press(&mut harness, Key::T);
    for t in [10, 30, 50, 90, 150, 300, 500] {
        assert_shows(&harness, &format!("L2 norm over channels t {t}"));
    }
    press(&mut harness, Key::B);
    assert_shows(&harness, "every block at this timestep");
    assert_shows(&harness, "L2 norm over channels t 50 b 7");
    press(&mut harness, Key::Escape);
    assert!(!shows(&harness, "every block at this timestep"));
}

#[test]
fn views_are_pinned_side_by_side_six_at_most() {
    if skipped() {
        return;
    }
    let mut harness = open_with(options(Vec::new()), 1280.0, 800.0);
    press(&mut harness, Key::N);
    for _ in 0..7 {
        press(&mut harness, Key::Space);
        press(&mut harness, Key::ArrowDown);
    }
    assert_shows(&harness, "b 12 t 50 · norm");
    assert_shows(&harness, "b 17 t 50 · norm");
    assert!(!shows(&harness, "b 18 t 50 · norm"), "the seventh is refused");
    assert_shows(&harness, "six views are pinned");
    harness.get_by_label("Unpin 2").click();
    settle(&mut harness);
    assert!(!shows(&harness, "b 13 t 50 · norm"));
    press_with(&mut harness, Modifiers::COMMAND, Key::Backspace);
    assert!(!shows(&harness, "b 12 t 50 · norm"));
}

#[test]
fn a_pin_asked_for_too_early_shows_what_was_meant() {
    if skipped() {
        return;
    }
    let mut harness = open_with(options(Vec::new()), 1280.0, 800.0);
    // One after the other without a moment in between.
    harness.key_press(Key::N);
    harness.key_press(Key::Space);
    settle(&mut harness);
    assert_shows(&harness, "b 12 t 50 · norm");
    assert!(!shows(&harness, "b 12 t 50 · mosaic"));
}

#[test]
fn settings_are_undone_and_redone() {
    if skipped() {
        return;
    }
    let mut harness = open_with(options(Vec::new()), 1280.0, 800.0);
    press(&mut harness, Key::N);
    press(&mut harness, Key::ArrowDown);
    assert_shows(&harness, "L2 norm over channels of b 13");
    press_with(&mut harness, Modifiers::COMMAND, Key::Z);
    assert_shows(&harness, "L2 norm over channels of b 12");
    press_with(&mut harness, Modifiers::COMMAND, Key::Z);
    assert_shows(&harness, "128 channels of b 12");
    press_with(&mut harness, Modifiers::COMMAND, Key::Y);
    assert_shows(&harness, "L2 norm over channels of b 12");
}

#[test]
fn views_and_values_are_exported() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut harness = open_with(options(Vec::new()), 1280.0, 800.0);
    press(&mut harness, Key::A);
    let path = |name: &str| folder.path().join(name);
    for (name, captioned) in
        [("plain.png", false), ("captioned.png", true), ("values.npy", false), ("values.csv", false)]
    {
        assert!(harness.state_mut().export_to(path(name), captioned));
        wait_for(&mut harness, &format!("saved {}", path(name).display()));
    }
    let (plain, captioned) =
        (image::open(path("plain.png")).unwrap(), image::open(path("captioned.png")).unwrap());
    assert_eq!((plain.width(), plain.height()), (512, 512));
    assert!(captioned.height() > plain.height() && captioned.width() > plain.width());
    let csv = std::fs::read_to_string(path("values.csv")).unwrap();
    assert_eq!(csv.lines().count(), 8);
    let array = npyz::NpyFile::new(std::fs::File::open(path("values.npy")).unwrap()).unwrap();
    assert_eq!(array.shape(), [8, 8]);
    let first: f32 = csv.split(',').next().unwrap().trim().parse().unwrap();
    assert!((array.into_vec::<f32>().unwrap()[0] - first).abs() < 1e-5);
}

pub(super) fn copied_text(harness: &Test) -> Option<String> {
    harness.output().platform_output.commands.iter().find_map(|command| match command {
        eframe::egui::OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    })
}

#[test]
fn the_view_is_copied_as_a_command_line() {
    if skipped() {
        return;
    }
    let mut harness = open_with(options(Vec::new()), 1280.0, 800.0);
    press(&mut harness, Key::P);
    press(&mut harness, Key::O);
    // Only the press: each event has a frame of its own, and the next one would replace its output.
    harness.event(eframe::egui::Event::Key {
        key: Key::C,
        physical_key: None,
        pressed: true,
        repeat: false,
        modifiers: Modifiers::COMMAND | Modifiers::SHIFT,
    });
    harness.step();
    let copied = copied_text(&harness);
    let line = copied.expect("a command line");
    assert_eq!(
        line,
        "difscope heatmap bundled:fashion/test#0 --t 50 --block 12 --view pca --map viridis --overlay 0.6 --out view.png"
    );
}

#[test]
fn dropped_files_folders_and_networks_are_opened() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    write_picture(&folder.path().join("a.png"), 40, 40);
    write_picture(&folder.path().join("b.png"), 40, 40);
    let mut harness = open_with(options(Vec::new()), 1280.0, 800.0);
    drop_file(&mut harness, folder.path().join("b.png"));
    assert_shows(&harness, "b.png");
    drop_file(&mut harness, folder.path().to_path_buf());
    assert_shows(&harness, "a.png");
    let network = folder.path().join("small.safetensors");
    std::fs::copy("weights/fashion32.safetensors", &network).unwrap();
    drop_file(&mut harness, network);
    press_with(&mut harness, Modifiers::COMMAND, Key::R);
    assert_shows(&harness, "small.safetensors");
}

#[test]
fn a_picture_is_pasted() {
    if skipped() {
        return;
    }
    let mut harness = open_with(options(Vec::new()), 1280.0, 800.0);
    let pixels = vec![eframe::egui::Color32::from_rgb(200, 30, 30); 30 * 20];
    let image = eframe::egui::ColorImage::new([30, 20], pixels);
    harness.event(eframe::egui::Event::PasteImage(Arc::new(image)));
    harness.step();
    settle(&mut harness);
    assert_shows(&harness, "pasted 1");
    assert_shows(&harness, "picture, 30×20");
}

#[test]
fn every_key_of_the_screen_works_without_harm() {
    if skipped() {
        return;
    }
    use difscope::app::command::{Command, Space};
    let mut harness = open_with(options(Vec::new()), 1280.0, 800.0);
    // Those open dialogs of the system, or end the window.
    let left_out = [
        Command::OpenPictures,
        Command::OpenFolder,
        Command::OpenNetwork,
        Command::ExportView,
        Command::ExportViewWithSettings,
        Command::ExportRawValues,
        Command::ExportSheet,
        Command::ExportSheetWithSettings,
        Command::ExportSheetValues,
        Command::Quit,
    ];
    for command in Command::all_in(Space::Explore).filter(|command| !left_out.contains(command)) {
        for shortcut in command.info().shortcuts {
            harness.key_press_modifiers(shortcut.modifiers, shortcut.logical_key);
            settle(&mut harness);
            harness.key_press(Key::Escape);
            settle(&mut harness);
        }
    }
    assert_shows(&harness, "fashion32");
}

#[test]
fn ten_thousand_files_are_listed_and_only_what_is_seen_is_read() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("p00000.png");
    write_picture(&first, 12, 12);
    let bytes = std::fs::read(&first).unwrap();
    for index in 1..10_000 {
        std::fs::write(folder.path().join(format!("p{index:05}.png")), &bytes).unwrap();
    }
    let harness = open(&[folder.path()]);
    assert_shows(&harness, "10,000");
    let read = harness.state().thumbnails_held();
    assert!((1..200).contains(&read), "{read} thumbnails were made for one screenful");
}
