//! The cache of converted files, and `convert`.

use difscope::Error;
use difscope::unet::embedded::embedded;
use difscope::unet::weights::{ConfigSource, convert};
use tempfile::TempDir;

use super::*;

fn in_cache(path: &Path, cache: &Path) -> (LoadedCheckpoint, Vec<&'static str>) {
    let mut done = Vec::new();
    let mut watch = |step: Progress| {
        if !done.contains(&step.what) {
            done.push(step.what);
        }
        ControlFlow::Continue(())
    };
    let options = OpenOptions { preset: None, cache: Some(cache.into()) };
    (open(path, &options, &mut watch).unwrap(), done)
}

#[test]
fn a_pt_is_converted_once() {
    let folder = TempDir::new().unwrap();
    let cache = folder.path().join("deep/cache");
    let path = folder.path().join("net.pt");
    fs::copy(golden("torch_small.pt"), &path).unwrap();
    let plain = read(&path).unwrap();
    let (first, done) = in_cache(&path, &cache);
    assert_eq!(done, ["hashing", "reading", "writing"]);
    let kept = cache.join(format!("{}.safetensors", plain.file_hash));
    assert!(kept.is_file());

    let (second, done) = in_cache(&path, &cache);
    assert_eq!(done, ["reading"], "an unchanged file is neither hashed nor written again");
    for loaded in [&first, &second] {
        assert_eq!((&loaded.hash, &loaded.file_hash), (&plain.hash, &plain.file_hash));
        assert_eq!(
            (&loaded.config, &loaded.dtype, &loaded.assumed),
            (&plain.config, &plain.dtype, &plain.assumed)
        );
        assert!(loaded.notes.is_empty());
    }

    // Another file at the same place is noticed.
    fs::copy(golden("torch_training.pt"), &path).unwrap();
    let (other, done) = in_cache(&path, &cache);
    assert!(done.contains(&"hashing"));
    assert_ne!(other.hash, plain.hash);
    // So is a copy that was damaged, by its length or by a single bit.
    fs::copy(golden("torch_small.pt"), &path).unwrap();
    let whole = fs::read(&kept).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for damaged in [&whole[..whole.len() / 2], &flipped, b""] {
        fs::write(&kept, damaged).unwrap();
        assert_eq!(in_cache(&path, &cache).0.hash, plain.hash);
        assert_eq!(fs::read(&kept).unwrap(), whole, "the copy was made anew");
    }
    fs::write(cache.join("hashes.json"), "{").unwrap();
    assert_eq!(in_cache(&path, &cache).0.hash, plain.hash);
}

#[test]
fn without_a_writable_cache_loading_goes_on() {
    let folder = TempDir::new().unwrap();
    let file_instead = write(folder.path(), "cache", b"no folder");
    let (loaded, _) = in_cache(&golden("torch_small.pt"), &file_instead);
    loaded.check().unwrap();
    assert!(loaded.notes[0].contains("not kept"), "{:?}", loaded.notes);
}

#[test]
fn a_pt_and_its_conversion_are_the_same_network() {
    let folder = TempDir::new().unwrap();
    let input = golden("torch_small.pt");
    let output = folder.path().join("net.safetensors");
    let options = OpenOptions::default();
    let report = convert(&input, &output, false, false, &options, &mut go_on).unwrap();
    let (before, after) = (read(&input).unwrap(), read(&output).unwrap());
    assert_eq!((&after.hash, &report.hash), (&before.hash, &before.hash));
    assert_eq!((&after.file_hash, report.bytes), (&report.file_hash, fs::metadata(&output).unwrap().len()));
    assert_ne!(after.file_hash, before.file_hash);
    assert_eq!((&after.config, after.config_source), (&before.config, ConfigSource::Metadata));
    assert_eq!(
        (&after.assumed, &report.notes),
        (&before.assumed, &before.assumed),
        "what was assumed stays known"
    );
    assert_eq!((after.dtype.as_str(), report.parameters), ("f32", before.parameters.count()));

    let again = convert(&input, &output, true, false, &options, &mut go_on).unwrap_err();
    assert!(matches!(again, Error::Exists(_)));
    let halved = convert(&input, &output, true, true, &options, &mut go_on).unwrap();
    let after = read(&output).unwrap();
    assert_eq!((after.dtype.as_str(), &after.hash), ("f16", &halved.hash));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    assert!(
        convert(&input, &folder.path().join("no/such.safetensors"), false, false, &options, &mut go_on)
            .is_err()
    );
}

#[test]
fn what_half_precision_cannot_hold_is_refused() {
    let folder = TempDir::new().unwrap();
    let mut tensors = formula_network(&tiny(), "s0");
    tensors[3].2[0] = 70_000.0;
    let name = tensors[3].0.clone();
    let input = write(folder.path(), "net.safetensors", &safetensors(&tensors, Kind::F32, &[]));
    let output = folder.path().join("half.safetensors");
    let text =
        convert(&input, &output, true, false, &OpenOptions::default(), &mut go_on).unwrap_err().to_string();
    assert!(text.contains(&name) && text.contains("--half"), "{text}");
    assert!(!output.exists());
    convert(&input, &output, false, false, &OpenOptions::default(), &mut go_on).unwrap();
}

#[test]
fn the_embedded_network_is_the_file_in_weights() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights/fashion32.safetensors");
    let (embedded, read) = (embedded().unwrap(), read(&file).unwrap());
    assert_eq!((&embedded.hash, &embedded.file_hash), (&read.hash, &read.file_hash));
    assert_eq!((&embedded.config, &embedded.name), (&read.config, &read.name));
}
