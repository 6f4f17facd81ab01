//! `heatmap`: pictures and numbers of one view.

use super::*;
use image::GenericImageView;

fn heatmap(folder: &TempDir, out: &str, more: &[&str]) -> Run {
    let base = ["heatmap", "bundled:fashion/test#3", "--t", "50", "--block", "12", "--out", out];
    run(folder, &[&base[..], more].concat())
}

#[test]
fn every_view_is_a_picture_of_its_own() {
    let folder = TempDir::new().unwrap();
    let mut seen: Vec<Vec<u8>> = Vec::new();
    for (index, view) in
        ["norm", "mean", "pca", "channel:12", "similarity:16,12", "mosaic"].iter().enumerate()
    {
        let out = format!("{index}.png");
        heatmap(&folder, &out, &["--view", view]).good();
        let image = image::open(folder.path().join(&out)).unwrap();
        if *view != "mosaic" {
            assert_eq!(image.dimensions(), (512, 512), "{view}");
        }
        let pixels = image.to_rgb8().into_raw();
        assert!(!seen.contains(&pixels), "{view} looks like another");
        seen.push(pixels);
    }
    heatmap(&folder, "bar.png", &["--view", "norm", "--colorbar"]).good();
    let captioned = image::open(folder.path().join("bar.png")).unwrap();
    assert!(captioned.width() > 512 && captioned.height() > 512, "title, bar and settings take room");
    let bytes = std::fs::read(folder.path().join("bar.png")).unwrap();
    assert!(bytes.windows(12).any(|window| window == b"network_hash"), "the settings travel inside");
}

#[test]
fn an_overlay_has_the_shape_of_the_whole_picture() {
    let folder = TempDir::new().unwrap();
    let args = ["heatmap", "bundled:chelsea.png", "--view", "norm", "--overlay", "0.5", "--out", "a.png"];
    let ended = run(&folder, &args).good();
    assert_eq!(image::open(folder.path().join("a.png")).unwrap().dimensions(), (451, 300));
    assert!(ended.err.contains("far from what this network knows"), "{}", ended.err);
    let mosaic = ["heatmap", "bundled:chelsea.png", "--overlay", "0.5", "--out", "b.png"];
    run(&folder, &mosaic).refused(2, &["--overlay", "--view"]);
    let opaque = ["heatmap", "bundled:chelsea.png", "--view", "norm", "--overlay", "1.5", "--out", "b.png"];
    run(&folder, &opaque).refused(1, &["opacity"]);
}

#[test]
fn colours_follow_map_and_range() {
    let folder = TempDir::new().unwrap();
    let pixels = |out: &str, more: &[&str]| {
        heatmap(&folder, out, &[&["--view", "norm"][..], more].concat()).good();
        image::open(folder.path().join(out)).unwrap().to_rgb8().into_raw()
    };
    let plain = pixels("a.png", &[]);
    let grey = pixels("b.png", &["--map", "grey"]);
    assert!(grey.chunks_exact(3).all(|p| p[0] == p[1] && p[1] == p[2]) && grey != plain);
    let high = pixels("c.png", &["--map", "grey", "--range", "-2e9,-1e9"]);
    assert!(high.iter().all(|&v| v == 255), "all values are above the range");
    heatmap(&folder, "d.png", &["--view", "norm", "--range", "2,1"]).refused(1, &["range"]);
}

#[test]
fn raw_values_agree_with_extracted_features() {
    let folder = TempDir::new().unwrap();
    let told = heatmap(&folder, "a.npy", &["--view", "mosaic", "--json"]).good().json();
    assert_eq!((&told["channels"], &told["height"]), (&128.into(), &8.into()));
    assert_eq!(told["selection"]["timestep"], 50);
    let (shape, values) = read_npy(&folder.path().join("a.npy"));
    assert_eq!(shape, [128, 8, 8]);
    let args = ["extract", "bundled:fashion/test#3", "--t", "50", "--blocks", "12", "--out", "f.safetensors"];
    run(&folder, &args).good();
    assert_eq!(read_tensors(&folder.path().join("f.safetensors"))["t50/block_12"].1, values);
    heatmap(&folder, "a.csv", &["--view", "norm"]).good();
    let csv = std::fs::read_to_string(folder.path().join("a.csv")).unwrap();
    assert_eq!((csv.lines().count(), csv.lines().next().unwrap().split(',').count()), (8, 8));
}

#[test]
fn seed_and_draws_change_the_noise() {
    let folder = TempDir::new().unwrap();
    let bytes = |out: &str, more: &[&str]| {
        heatmap(&folder, out, more).good();
        std::fs::read(folder.path().join(out)).unwrap()
    };
    let plain = bytes("a.npy", &[]);
    assert_eq!(plain, bytes("b.npy", &["--threads", "1"]));
    assert_ne!(plain, bytes("c.npy", &["--seed", "1"]));
    assert_ne!(plain, bytes("d.npy", &["--draws", "2"]));
    assert_ne!(plain, bytes("e.npy", &["--set", "draw=1"]));
}

#[test]
fn outputs_and_settings_are_checked() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("a.png"), "mine").unwrap();
    heatmap(&folder, "a.png", &[]).refused(1, &["a.png", "--force"]);
    heatmap(&folder, "a.png", &["--force"]).good();
    heatmap(&folder, "none/a.png", &[]).refused(1, &["none/a.png", "create"]);
    heatmap(&folder, "a.jpg", &[]).refused(1, &["a.jpg", ".png"]);
    run(&folder, &["heatmap", "bundled:photos", "--out", "b.png"])
        .refused(1, &["4 pictures", "bundled:chelsea.png"]);
    let wrong =
        |more: &[&str]| run(&folder, &[&["heatmap", "bundled:chelsea.png", "--out", "b.png"], more].concat());
    wrong(&["--block", "20"]).refused(1, &["block 20", "1 to 19"]);
    wrong(&["--t", "1000"]).refused(1, &["1000", "999"]);
    let estimate = wrong(&["--block", "12", "--estimate", "--json"]).good().json();
    assert_eq!(estimate["forwards"], 1);
    assert_eq!(names(folder.path()), ["a.png"]);
}
