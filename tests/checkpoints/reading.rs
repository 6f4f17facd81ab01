//! Values, hashes and configurations from every kind of file.

use difscope::Error;
use difscope::unet::weights::{ConfigSource, locate};
use tempfile::TempDir;

use super::*;

/// The network in `torch_small.pt`, saved by PyTorch with its blocks in half precision.
fn small() -> UnetConfig {
    parse_config(
        r#"{"image_size": 16, "num_channels": 32, "num_res_blocks": 1, "channel_mult": [1, 1],
            "attention_resolutions": [8], "num_heads": 4, "use_scale_shift_norm": true, "learn_sigma": true}"#,
        "small",
    )
    .unwrap()
}

fn torso_is_half(name: &str) -> Kind {
    let torso = ["input_blocks", "middle_block", "output_blocks"].iter().any(|part| name.starts_with(part));
    if torso { Kind::F16 } else { Kind::F32 }
}

#[test]
fn a_pt_saved_by_pytorch() {
    let loaded = read(&golden("torch_small.pt")).unwrap();
    loaded.check().unwrap();
    let expected = formula_network(&small(), "s0");
    assert_eq!(loaded.parameters.len(), expected.len());
    for (name, shape, formula) in &expected {
        assert_eq!(loaded.parameters.shape(name).unwrap(), shape.as_slice());
        let rounded: Vec<f32> = formula.iter().map(|&v| round(torso_is_half(name), v)).collect();
        assert_eq!(values(&loaded.parameters, name), rounded, "{name}");
    }
    assert_eq!(loaded.hash, hash_of(&expected, torso_is_half));
    assert_eq!(
        loaded.file_hash,
        blake3::hash(&fs::read(golden("torch_small.pt")).unwrap()).to_hex().to_string()
    );
    assert_eq!((loaded.name.as_str(), loaded.dtype.as_str()), ("torch_small", "f16 and f32"));
    assert_eq!(loaded.config, small());
    assert!(!loaded.assumed.is_empty() && loaded.notes.is_empty());
}

#[test]
fn a_pt_of_a_training_script() {
    // Nested under `ema` beside an optimiser, with the prefix of parallel training, parameters as
    // views of one shared storage, a transposed one, one channels-last, bf16 and f64.
    let loaded = read(&golden("torch_training.pt")).unwrap();
    loaded.check().unwrap();
    for (name, _, formula) in formula_network(&tiny(), "s1") {
        let rounded: Vec<f32> = formula.iter().map(|&v| round(Kind::BF16, v)).collect();
        assert_eq!(values(&loaded.parameters, &name), rounded, "{name}");
    }
    assert_eq!(loaded.hash, hash_of(&formula_network(&tiny(), "s1"), |_| Kind::BF16));
    assert_eq!(loaded.dtype, "bf16 and f64");
    assert!(loaded.unused.is_empty());
    let notes = loaded.notes.join(" ");
    assert!(notes.contains("ema") && notes.contains("module."), "{notes}");
}

#[test]
fn safetensors_of_each_kind() {
    let folder = TempDir::new().unwrap();
    let tensors = formula_network(&tiny(), "s0");
    for (kind, name) in [(Kind::F32, "f32"), (Kind::F16, "f16"), (Kind::BF16, "bf16")] {
        let bytes = safetensors(&tensors, kind, &[]);
        let loaded = read(&write(folder.path(), "net.safetensors", &bytes)).unwrap();
        loaded.check().unwrap();
        assert_eq!(loaded.dtype, name);
        assert_eq!(loaded.hash, hash_of(&tensors, |_| kind));
        assert_eq!(loaded.file_hash, blake3::hash(&bytes).to_hex().to_string());
    }
    // The contents decide, not the ending, and the order in the file does not matter.
    let mut reversed = tensors.clone();
    reversed.reverse();
    let loaded = read(&write(folder.path(), "net.pt", &safetensors(&reversed, Kind::F32, &[]))).unwrap();
    assert_eq!(loaded.hash, hash_of(&tensors, |_| Kind::F32));
}

#[test]
fn the_first_configuration_found_wins() {
    let folder = TempDir::new().unwrap();
    let tensors = formula_network(&tiny(), "s0");
    let with_steps = |steps| UnetConfig { diffusion_steps: steps, ..tiny() };
    let json = |config: &UnetConfig| serde_json::to_string(config).unwrap();
    let plain = write(folder.path(), "plain.safetensors", &safetensors(&tensors, Kind::F16, &[]));
    assert_eq!(read(&plain).unwrap().config_source, ConfigSource::Shapes);

    let metadata = [("config", json(&with_steps(500)))];
    let described =
        write(folder.path(), "described.safetensors", &safetensors(&tensors, Kind::F16, &metadata));
    let loaded = read(&described).unwrap();
    assert_eq!((loaded.config_source, loaded.config.diffusion_steps), (ConfigSource::Metadata, 500));
    assert!(loaded.assumed.is_empty());

    let beside = write(folder.path(), "described.json", json(&with_steps(250)).as_bytes());
    let loaded = read(&described).unwrap();
    assert_eq!((loaded.config_source, loaded.config.diffusion_steps), (ConfigSource::Beside(beside), 250));

    // A preset that the user names goes first, and what does not fit it is listed.
    let options = OpenOptions { preset: Some("iddpm-cifar10".into()), cache: None };
    let loaded = open(&described, &options, &mut go_on).unwrap();
    assert_eq!(loaded.config_source, ConfigSource::Chosen("iddpm-cifar10"));
    assert!(loaded.check().unwrap_err().to_string().contains("--preset"));

    write(folder.path(), "described.json", b"{\"image_size\": 8, \"num_chanels\": 32}");
    let text = complaint(&described);
    assert!(text.contains("num_chanels") && text.contains("described.json"), "{text}");
}

#[test]
fn progress_reaches_the_end_and_can_stop_everything() {
    let path = golden("torch_small.pt");
    let mut steps: Vec<Progress> = Vec::new();
    let mut watch = |progress| {
        steps.push(progress);
        ControlFlow::Continue(())
    };
    open(&path, &OpenOptions::default(), &mut watch).unwrap();
    for what in ["hashing", "reading"] {
        let last = steps.iter().rfind(|step| step.what == what).unwrap();
        assert!(last.done == last.total && last.total > 600_000, "{last:?}");
    }
    assert!(steps.iter().all(|step| step.done <= step.total));

    let folder = TempDir::new().unwrap();
    let options = OpenOptions { preset: None, cache: Some(folder.path().join("cache")) };
    for what in ["hashing", "reading", "writing"] {
        let mut stop = |step: Progress| {
            if step.what == what && step.done > 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let error = open(&path, &options, &mut stop).expect_err(what);
        assert!(matches!(error, Error::Cancelled), "{what}: {error}");
    }
    let left = fs::read_dir(folder.path().join("cache")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| name == "hashes.json"), "a cancelled copy was left behind");
}

#[test]
fn a_published_network_is_found_by_name() {
    let folder = TempDir::new().unwrap();
    let missing = locate("adm-lsun-cat", Some(folder.path())).unwrap_err().to_string();
    assert!(
        missing.contains("lsun_cat.pt") && missing.contains(&folder.path().display().to_string()),
        "{missing}"
    );
    let path = write(folder.path(), "lsun_cat.pt", b"PK");
    assert_eq!(locate("adm-lsun-cat", Some(folder.path())).unwrap(), path);
    let converted = write(folder.path(), "lsun_cat.safetensors", b"x");
    assert_eq!(locate("lsun_cat.pt", Some(folder.path())).unwrap(), converted);
    assert_eq!(locate(path.to_str().unwrap(), None).unwrap(), path);
    assert!(locate("no-such-network", None).unwrap_err().to_string().contains("adm256-uncond"));
}
