//! Bad pictures and networks: a clear message, and nothing else is lost.

use std::fs;

use super::{Test, assert_shows, open, open_with, options, settle, shows, skipped, write_picture};
use difscope::features::network::NetworkSource;
use eframe::egui::Key;

fn next(harness: &mut Test) {
    harness.key_press(Key::ArrowRight);
    settle(harness);
}

#[test]
fn bad_pictures_are_named_and_the_rest_loads() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    write_picture(&file("1 good.png"), 64, 64);
    fs::write(file("2 empty.png"), []).unwrap();
    let whole = fs::read(file("1 good.png")).unwrap();
    fs::write(file("3 cut.png"), &whole[..whole.len() / 2]).unwrap();
    write_picture(&file("4 dot.png"), 1, 1);
    fs::write(file("notes.txt"), "not a picture").unwrap();
    let mut harness = open(&[folder.path()]);
    assert_shows(&harness, "1 good.png");
    next(&mut harness);
    assert_shows(&harness, "3 cut.png");
    assert_shows(&harness, "This cannot be shown");
    next(&mut harness);
    assert_shows(&harness, "4 dot.png");
    assert_shows(&harness, "nothing to see in a picture this small");
    assert_shows(&harness, "128 channels of b 12");
    let badge = format!("{} 2", difscope::app::icons::WARNING);
    egui_kittest::kittest::Queryable::get_by_label(&harness, &badge).click();
    settle(&mut harness);
    assert_shows(&harness, "2 empty.png");
    assert_shows(&harness, "notes.txt");
}

#[test]
fn a_cut_picture_fails_in_its_place_and_the_next_works() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (cut, good) = (folder.path().join("a cut.png"), folder.path().join("b good.png"));
    write_picture(&good, 300, 300);
    let whole = fs::read(&good).unwrap();
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let mut harness = open(&[folder.path()]);
    assert_shows(&harness, "This cannot be shown");
    assert_shows(&harness, "a cut.png");
    next(&mut harness);
    assert_shows(&harness, "b good.png");
    assert_shows(&harness, "128 channels of b 12");
    assert!(!shows(&harness, "This cannot be shown"));
}

#[test]
fn a_file_deleted_while_open_is_said() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first.png"), folder.path().join("second.png"));
    write_picture(&first, 50, 50);
    write_picture(&second, 50, 50);
    let mut harness = open(&[folder.path()]);
    fs::remove_file(&second).unwrap();
    next(&mut harness);
    assert_shows(&harness, "second.png");
    assert_shows(&harness, "This cannot be shown");
    harness.key_press(Key::ArrowLeft);
    settle(&mut harness);
    assert_shows(&harness, "128 channels of b 12");
}

#[test]
fn a_folder_without_pictures_and_a_path_that_is_not_there_leave_an_empty_state() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let harness = open(&[folder.path()]);
    assert_shows(&harness, "No pictures yet");
    assert_shows(&harness, folder.path().file_name().unwrap().to_str().unwrap());
    let harness = open(&[&folder.path().join("gone")]);
    assert_shows(&harness, "No pictures yet");
    assert_shows(&harness, "gone");
}

#[test]
fn a_huge_picture_is_refused_with_its_numbers() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.png");
    // A header of 20,000 by 20,000 pixels is enough: it is refused before anything is decoded.
    let file = fs::File::create(&path).unwrap();
    let encoder = image::codecs::png::PngEncoder::new(file);
    use image::ImageEncoder;
    let small = vec![0u8; 20_000];
    encoder.write_image(&small, 20_000, 1, image::ExtendedColorType::L8).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[20..24].copy_from_slice(&20_000u32.to_be_bytes());
    let mut crc = flate2::Crc::new();
    crc.update(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    fs::write(&path, bytes).unwrap();
    let harness = open(&[&path]);
    assert_shows(&harness, "This cannot be shown");
    assert_shows(&harness, "megapixels");
}

#[test]
fn a_bad_network_leaves_the_one_before_in_place() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("noise.safetensors");
    fs::write(&path, [0x5a; 4096]).unwrap();
    let mut wrong = options(Vec::new());
    wrong.source = NetworkSource::Named(path.display().to_string());
    let mut harness = open_with(wrong, 1280.0, 800.0);
    assert_shows(&harness, "No network is open");
    assert_shows(&harness, "noise.safetensors");
    egui_kittest::kittest::Queryable::get_by_label(&harness, "Use embedded network").click();
    settle(&mut harness);
    assert_shows(&harness, "128 channels of b 12");
}
