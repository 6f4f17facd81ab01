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
    let mosaic = |out: &str, opacity: &str| {
        let args = ["heatmap", "bundled:chelsea.png", "--view", "mosaic", "--overlay", opacity, "--out", out];
        run(&folder, &args).good();
        image::open(folder.path().join(out)).unwrap().to_rgb8()
    };
    let (half, pictures) = (mosaic("b.png", "0.5"), mosaic("c.png", "0"));
    assert_eq!(half.dimensions(), pictures.dimensions());
    assert_ne!(half, pictures, "the channels show through");
    // Each cell holds the whole picture: wider than high, and the same in every cell at opacity 0.
    let gap = (0..pictures.width()).find(|&x| pictures.get_pixel(x, 0).0 == [0xfb, 0xfb, 0xfa]).unwrap();
    assert!((1..gap).all(|x| pictures.get_pixel(x, 9) == pictures.get_pixel(x + gap + 4, 9)));
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

#[test]
fn contact_sheets_are_written_as_pictures_and_numbers() {
    let folder = TempDir::new().unwrap();
    let size = |out: &str, more: &[&str]| {
        heatmap(&folder, out, more).good();
        image::open(folder.path().join(out)).unwrap().dimensions()
    };
    let steps = size("steps.png", &["--view", "norm", "--sheet", "steps"]);
    assert!(steps.0 > 7 * 128 && steps.1 < 256, "seven cells in a row: {steps:?}");
    let captioned = size("bar.png", &["--view", "norm", "--sheet", "steps", "--colorbar"]);
    assert!(captioned.1 > steps.1, "title and settings take room");
    let one = size("one.png", &["--sheet", "steps", "--colorbar", "--set", "look.shared_cells=true"]);
    assert!(one.0 > captioned.0, "one range has a bar");
    let blocks = size("blocks.png", &["--view", "mean", "--sheet", "blocks"]);
    assert!(blocks.1 > 3 * 128, "nineteen cells: {blocks:?}");
    let over = size("over.png", &["--view", "pca", "--sheet", "blocks", "--overlay", "0.5"]);
    assert!(over.0 > blocks.0, "pictures take more room");

    let told = heatmap(&folder, "s.npy", &["--view", "norm", "--sheet", "steps", "--json"]).good().json();
    assert_eq!(told["cells"].as_array().unwrap().len(), 7);
    assert_eq!(told["cells"][0]["timestep"], 10);
    assert_eq!(read_npy(&folder.path().join("s.npy")).0, [7, 8, 8]);
    heatmap(&folder, "b.safetensors", &["--view", "norm", "--sheet", "blocks"]).good();
    let tensors = read_tensors(&folder.path().join("b.safetensors"));
    assert_eq!(tensors.len(), 19);
    assert_eq!(tensors["t50/block_01"].0, [1, 32, 32]);
    heatmap(&folder, "one.npy", &["--view", "norm"]).good();
    assert_eq!(tensors["t50/block_12"].1, read_npy(&folder.path().join("one.npy")).1);
    heatmap(&folder, "b.csv", &["--view", "pca", "--sheet", "blocks"]).good();
    let csv = std::fs::read_to_string(folder.path().join("b.csv")).unwrap();
    assert!(csv.starts_with("50,1,0,"), "t, b, channel");
    heatmap(&folder, "b.npy", &["--sheet", "blocks"]).refused(1, &["b.npy", ".safetensors"]);
    heatmap(&folder, "c.safetensors", &[]).refused(1, &["c.safetensors", ".npy"]);
}

#[test]
fn colours_are_locked_over_pictures_steps_and_blocks() {
    let folder = TempDir::new().unwrap();
    let mut seen: Vec<Vec<u8>> = Vec::new();
    for (index, more) in [
        &[][..],
        &["--lock-pictures", "bundled:photos"],
        &["--lock-t", "10,50,300"],
        &["--lock-blocks", "10,15"],
        &["--lock-pictures", "bundled:photos", "--lock-t", "10,50", "--lock-blocks", "10,15"],
    ]
    .iter()
    .enumerate()
    {
        let out = format!("{index}.png");
        heatmap(&folder, &out, &[&["--view", "pca"][..], more].concat()).good();
        let pixels = image::open(folder.path().join(&out)).unwrap().to_rgb8().into_raw();
        assert!(!seen.contains(&pixels), "{more:?} changes nothing");
        seen.push(pixels);
    }
    let sets = [
        "--view",
        "pca",
        "--set",
        "lock.pictures=bundled:photos",
        "--set",
        "lock.timesteps=10,50",
        "--set",
        "lock.blocks=10,15",
    ];
    let told = heatmap(&folder, "set.png", &[&sets[..], &["--json"]].concat()).good().json();
    let pixels = image::open(folder.path().join("set.png")).unwrap().to_rgb8().into_raw();
    assert_eq!(&pixels, seen.last().unwrap(), "flags and settings mean the same");
    assert_eq!(told["lock"]["blocks"], serde_json::json!([10, 15]));
    heatmap(&folder, "a.png", &["--view", "norm", "--lock-t", "10"]).refused(2, &["--view pca"]);
    heatmap(&folder, "a.png", &["--view", "pca", "--lock-blocks", "20"]).refused(1, &["block 20", "1 to 19"]);
    heatmap(&folder, "a.png", &["--view", "pca", "--lock-pictures", "bundled:fashion/test"])
        .refused(1, &["at most 16"]);
    heatmap(&folder, "a.png", &["--view", "pca", "--lock-pictures", "gone.png"]).refused(1, &["gone.png"]);
}
