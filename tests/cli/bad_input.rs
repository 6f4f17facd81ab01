//! Files that are broken, missing or something else: exit 1, one line with the file and a remedy.

use super::*;

fn extract(folder: &TempDir, input: &str, more: &[&str]) -> Run {
    run(folder, &[&["extract", input, "--pool", "1", "--out", "f.safetensors"], more].concat())
}

fn heatmap(folder: &TempDir, input: &str) -> Run {
    run(folder, &["heatmap", input, "--out", "h.png"])
}

fn write(folder: &TempDir, name: &str, bytes: &[u8]) {
    std::fs::write(folder.path().join(name), bytes).unwrap();
}

/// A grey PNG whose header says that it is `side` pixels wide and high.
fn huge_png(side: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::GrayImage::new(1, 1).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    let mut bytes = bytes.into_inner();
    bytes[16..20].copy_from_slice(&side.to_be_bytes());
    bytes[20..24].copy_from_slice(&side.to_be_bytes());
    let mut checksum = flate2::Crc::new();
    checksum.update(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.sum().to_be_bytes());
    bytes
}

/// Bytes that mean nothing.
fn noise() -> Vec<u8> {
    (0..4096u64).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8 | 1).collect()
}

#[test]
fn broken_networks() {
    let folder = TempDir::new().unwrap();
    let torch = std::fs::read(golden("torch_small.pt")).unwrap();
    write(&folder, "short.pt", &torch[..torch.len() / 2]);
    write(&folder, "random.safetensors", &noise());
    let (mut tensors, config) = formula_network("unet_plain.safetensors");
    tensors[3].2[0] = f32::NAN;
    let metadata = HashMap::from([("config".to_string(), config)]);
    write_tensors(&folder.path().join("nan.safetensors"), &tensors, metadata);
    for (model, words) in [
        ("short.pt", &["short.pt", "cut short"][..]),
        ("random.safetensors", &["random.safetensors", "not a safetensors file"]),
        ("nan.safetensors", &["nan", "not finite", "again"]),
        ("absent.pt", &["absent.pt", "no such file"]),
        (".", &["folder"]),
    ] {
        extract(&folder, "bundled:chelsea.png", &["--model", model]).refused(1, words);
        run(&folder, &["heatmap", "bundled:chelsea.png", "--model", model, "--out", "h.png"])
            .refused(1, words);
        run(&folder, &["convert", model, "c.safetensors"]).refused(1, &words[..1.min(words.len())]);
    }
    run(&folder, &["inspect", "short.pt"]).refused(1, &["short.pt"]);
    run(&folder, &["inspect", "random.safetensors", "--json"]).refused(1, &["random.safetensors"]);
    let nan = ["inspect", "nan.safetensors", "--preset", "adm-lsun-dog"];
    run(&folder, &nan).refused(1, &["adm-lsun-dog", "adm-lsun-cat"]);
    assert_eq!(names(folder.path()), ["nan.safetensors", "random.safetensors", "short.pt"]);
}

#[test]
fn broken_pictures() {
    let folder = TempDir::new().unwrap();
    write(&folder, "zero.png", b"");
    write(&folder, "huge.png", &huge_png(20_000));
    write(&folder, "text.png", b"hello");
    std::fs::create_dir(folder.path().join("bare")).unwrap();
    for (input, words) in [
        ("zero.png", &["zero.png", "empty", "again"][..]),
        ("huge.png", &["huge.png", "20000×20000"]),
        ("text.png", &["text.png", "not a picture"]),
        ("bare", &["bare", "no pictures", "choose another"]),
        ("absent.png", &["absent.png", "not there"]),
        ("bundled:dogs", &["bundled:dogs", "photos"]),
    ] {
        extract(&folder, input, &[]).refused(1, words);
        heatmap(&folder, input).refused(1, words);
    }
    assert_eq!(names(folder.path()), ["bare", "huge.png", "text.png", "zero.png"]);
}

#[test]
fn a_single_pixel_works_and_is_remarked_on() {
    let folder = TempDir::new().unwrap();
    image::RgbImage::from_pixel(1, 1, image::Rgb([9, 99, 200])).save(folder.path().join("dot.png")).unwrap();
    for ended in [extract(&folder, "dot.png", &[]), heatmap(&folder, "dot.png")] {
        let ended = ended.good();
        assert!(ended.err.contains("dot.png") && ended.err.contains("1×1"), "{}", ended.err);
    }
}

#[test]
fn broken_tensors() {
    let folder = TempDir::new().unwrap();
    write(&folder, "random.safetensors", &noise());
    let file = |name: &str, tensors: &[(&str, Vec<usize>)]| {
        let zeros = |shape: &Vec<usize>| vec![0.0; shape.iter().product()];
        let tensors: Vec<_> =
            tensors.iter().map(|(name, shape)| (name.to_string(), shape.clone(), zeros(shape))).collect();
        write_tensors(&folder.path().join(name), &tensors, HashMap::new());
    };
    file("nox.safetensors", &[("y", vec![2])]);
    file("small.safetensors", &[("x", vec![1, 3, 16, 16])]);
    file("flat.safetensors", &[("x", vec![1, 1, 32, 32])]);
    file("noise.safetensors", &[("x", vec![1, 3, 32, 32]), ("noise", vec![2, 1, 3, 32, 32])]);
    for (input, words) in [
        ("random.safetensors", &["random.safetensors", "not a safetensors file"][..]),
        ("absent.safetensors", &["absent.safetensors"]),
        ("nox.safetensors", &["nox.safetensors", "`x`"]),
        ("small.safetensors", &["small.safetensors", "3x32x32"]),
        ("flat.safetensors", &["flat.safetensors", "[N, 3, H, W]"]),
        ("noise.safetensors", &["noise.safetensors", "2 timesteps"]),
    ] {
        extract(&folder, input, &[]).refused(1, words);
    }
    extract(&folder, "bundled:chelsea.png", &["small.safetensors"])
        .refused(1, &["small.safetensors", "only input"]);
    extract(&folder, "bundled:chelsea.png", &["--noised"]).refused(1, &["--noised", ".safetensors"]);
    extract(&folder, "bundled:chelsea.png", &["--t", "50,50"]).refused(1, &["twice"]);
    extract(&folder, "bundled:chelsea.png", &["--blocks", "0"]).refused(1, &["1 to 19"]);
}
