//! Bad pictures and networks: a clear message, and nothing else is lost.

#[path = "../common/mod.rs"]
mod common;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use super::flows::drop_file;
use super::{Test, assert_shows, open, open_with, options, settle, shows, skipped, write_picture};
use common::formula::formula_parameter;
use difscope::features::network::NetworkSource;
use difscope::unet::config::UnetConfig;
use difscope::unet::plan::Plan;
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
    egui_kittest::kittest::Queryable::get_by_label(&harness, "2 skipped").click();
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

/// Drops a network that cannot be used on the window: `said` shows, and nothing else changes.
fn assert_refused(path: &Path, said: &[&str]) {
    let mut harness = open_with(options(Vec::new()), 1280.0, 800.0);
    assert_shows(&harness, "128 channels of b 12");
    drop_file(&mut harness, path.to_path_buf());
    for part in said {
        assert_shows(&harness, part);
    }
    assert_shows(&harness, "fashion32");
    assert_shows(&harness, "128 channels of b 12");
    next(&mut harness);
    assert_shows(&harness, "128 channels of b 12");
    assert!(!shows(&harness, "No network is open"));
}

/// Writes a small network whose parameters went through `change`.
fn write_network(path: &Path, change: impl Fn(&str, &mut Vec<usize>, &mut Vec<f32>)) {
    let config = r#"{"image_size": 8, "num_channels": 32, "num_res_blocks": 1, "channel_mult": [1],
        "attention_resolutions": [], "num_heads": 4, "use_scale_shift_norm": true, "learn_sigma": true}"#;
    let plan = Plan::new(&serde_json::from_str::<UnetConfig>(config).unwrap()).unwrap();
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = plan
        .parameters()
        .into_iter()
        .map(|parameter| {
            let mut values = formula_parameter("window", &parameter.name, &parameter.shape);
            let mut shape = parameter.shape;
            change(&parameter.name, &mut shape, &mut values);
            (parameter.name, shape, values.into_iter().flat_map(f32::to_le_bytes).collect())
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes);
        (name.as_str(), view.unwrap())
    });
    let metadata = HashMap::from([("config".to_owned(), config.to_owned())]);
    safetensors::serialize_to_file(views, Some(metadata), path).unwrap();
}

#[test]
fn a_small_network_of_the_same_making_opens() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.safetensors");
    write_network(&path, |_, _, _| {});
    let mut harness = open_with(options(Vec::new()), 1280.0, 800.0);
    drop_file(&mut harness, path);
    assert!(!shows(&harness, "128 channels of b 12"), "another network is in use");
    assert_shows(&harness, "32 channels of b ");
}

#[test]
fn a_truncated_pytorch_file_is_refused() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.pt");
    let whole =
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/torch_training.pt")).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert_refused(&path, &["cut.pt", "fetch it again"]);
}

#[test]
fn a_network_of_wrong_shapes_is_refused() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("misshapen.safetensors");
    write_network(&path, |name, shape, values| {
        if name == "out.0.weight" {
            (*shape, *values) = (vec![33], vec![1.0; 33]);
        }
    });
    assert_refused(&path, &["network misshapen:", "out.0.weight", "[33] instead of [32]"]);
}

#[test]
fn a_network_with_nan_weights_is_refused() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nan.safetensors");
    write_network(&path, |name, _, values| {
        if name == "out.2.bias" {
            values[2] = f32::NAN;
        }
    });
    assert_refused(&path, &["network nan:", "not finite", "out.2.bias"]);
}
