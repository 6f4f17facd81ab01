//! Files that are broken, or something else: each a clear error and never a panic.

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

#[test]
fn files_that_are_no_checkpoints_are_named_for_what_they_are() {
    let folder = TempDir::new().unwrap();
    let noise: Vec<u8> =
        (0..4096u64).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8 | 1).collect();
    for (name, bytes, said) in [
        ("empty.pt", &b""[..], "is empty"),
        ("page.pt", b"\n<!DOCTYPE html><html><body>404</body></html>", "web page"),
        ("lfs.pt", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git lfs pull"),
        ("noise.safetensors", &noise, "not a safetensors file"),
        ("noise.pt", &noise, "not a safetensors file"),
        ("short.safetensors", b"abc", "too few"),
        ("half.pt", b"PK\x03\x04\0\0", "cut short"),
    ] {
        let text = complaint(&write(folder.path(), name, bytes));
        assert!(text.contains(said) && text.contains(name), "{text}");
    }
    assert!(complaint(folder.path()).contains("is a folder"));
    let absent = complaint(&folder.path().join("absent.pt"));
    assert!(absent.contains("cannot read") && absent.contains("absent.pt"), "{absent}");
}

#[test]
fn other_things_that_pytorch_saves_are_refused() {
    let legacy = complaint(&golden("torch_legacy.pt"));
    assert!(legacy.contains("torch.save(torch.load(f), f2)"), "{legacy}");
    let module = complaint(&golden("torch_module.pt"));
    assert!(module.contains("Linear") && module.contains("state_dict()"), "{module}");
    let upsampler = complaint(&golden("torch_upsampler.pt"));
    assert!(upsampler.contains("super-resolution") && upsampler.contains("6 channels"), "{upsampler}");
}

#[test]
fn neighbours_of_the_networks_are_recognised_and_refused() {
    let folder = TempDir::new().unwrap();
    let refused = |tensors: Tensors| {
        complaint(&write(folder.path(), "net.safetensors", &safetensors(&tensors, Kind::F16, &[])))
    };
    let mut classifier = formula_network(&tiny(), "s0");
    classifier.retain(|(name, ..)| !name.starts_with("output_blocks."));
    classifier.push(("out.2.c_proj.weight".into(), vec![10, 32, 1], vec![0.0; 320]));
    assert!(refused(classifier).contains("is a classifier"));
    let one = |name: &str, shape: &[usize]| {
        vec![(name.to_owned(), shape.to_vec(), vec![0.0; shape.iter().product()])]
    };
    assert!(refused(one("head.1.weight", &[2])).contains("trained head"));
    assert!(refused(one("down_blocks.0.resnets.0.conv1.weight", &[2])).contains("diffusers"));
    assert!(
        refused(one("input_blocks.1.1.transformer_blocks.0.norm1.weight", &[2])).contains("text-conditional")
    );
    assert!(refused(one("layer.weight", &[2])).contains("input_blocks.0.0.weight"));
    let mut latent = one("input_blocks.0.0.weight", &[32, 4, 3, 3]);
    latent.extend(one("output_blocks.0.0.in_layers.0.weight", &[2]));
    assert!(refused(latent).contains("4 channels"));
}

#[test]
fn everything_wrong_with_the_parameters_is_listed_together() {
    let folder = TempDir::new().unwrap();
    let config = [("config", serde_json::to_string(&tiny()).unwrap())];
    let mut tensors = formula_network(&tiny(), "s0");
    tensors.retain(|(name, ..)| !name.starts_with("middle_block.1.") && name != "time_embed.2.bias");
    for (name, shape, values) in &mut tensors {
        match name.as_str() {
            "out.0.weight" => (*shape, *values) = (vec![33], vec![1.0; 33]),
            "out.2.bias" => values[2] = f32::NAN,
            "out.2.weight" => values[7] = f32::INFINITY,
            _ => {}
        }
    }
    tensors.push(("output_blocks.9.0.in_layers.0.weight".into(), vec![5], vec![0.0; 5]));
    let path = write(folder.path(), "net.safetensors", &safetensors(&tensors, Kind::F32, &config));
    let loaded = read(&path).unwrap();
    assert_eq!((loaded.missing.len(), loaded.unused.len(), loaded.misshapen.len()), (7, 1, 1));
    assert_eq!(
        (loaded.misshapen[0].expected.as_slice(), loaded.misshapen[0].found.as_slice()),
        (&[32][..], &[33][..])
    );
    assert_eq!(loaded.not_finite, ["out.2.bias", "out.2.weight"]);
    let text = loaded.check().unwrap_err().to_string();
    for part in
        ["7 missing", "and 3 more", "1 unused: output_blocks.9.", "[33] instead of [32]", "out.2.bias"]
    {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
}

#[test]
fn weights_that_are_not_finite_are_a_failure_of_their_own() {
    let folder = TempDir::new().unwrap();
    let mut tensors = formula_network(&tiny(), "s0");
    tensors[0].2[5] = f32::NAN;
    let loaded =
        read(&write(folder.path(), "net.safetensors", &safetensors(&tensors, Kind::F32, &[]))).unwrap();
    let text = loaded.check().unwrap_err().to_string();
    assert!(text.contains("not finite") && text.contains("time_embed.0.weight"), "{text}");
}

#[test]
fn tensors_of_no_network_do_no_harm() {
    let folder = TempDir::new().unwrap();
    let mut tensors = formula_network(&tiny(), "s0");
    let hash = hash_of(&tensors, |_| Kind::F32);
    tensors.push(("betas".into(), vec![3], vec![0.1; 3]));
    let loaded =
        read(&write(folder.path(), "net.safetensors", &safetensors(&tensors, Kind::F32, &[]))).unwrap();
    loaded.check().unwrap();
    assert_eq!((loaded.unused[0].name.as_str(), loaded.unused.len()), ("betas", 1));
    assert_eq!(loaded.hash, hash, "the network is the same without them");
}

#[test]
fn numbers_of_other_kinds_are_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let bytes = safetensors(&formula_network(&tiny(), "s0"), Kind::F32, &[]);
    let header_end = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = String::from_utf8(bytes[8..header_end].to_vec()).unwrap().replace("F32", "I32");
    let changed = [&bytes[..8], header.as_bytes(), &bytes[header_end..]].concat();
    let text = complaint(&write(folder.path(), "net.safetensors", &changed));
    assert!(text.contains("stored as I32") && text.contains("more parameters are"), "{text}");
}

#[test]
fn every_truncation_is_an_error() {
    let folder = TempDir::new().unwrap();
    let pt = fs::read(golden("torch_training.pt")).unwrap();
    let safe = safetensors(&formula_network(&tiny(), "s0"), Kind::F16, &[]);
    for bytes in [pt, safe] {
        for part in 0..40 {
            let length = bytes.len() * part / 40;
            let text = complaint(&write(folder.path(), "net", &bytes[..length]));
            assert!(text.contains("fetch it again"), "{length} bytes: {text}");
        }
        complaint(&write(folder.path(), "net", &bytes[..bytes.len() - 1]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), start in 0usize..5) {
        let folder = TempDir::new().unwrap();
        let start: &[u8] = [&b""[..], b"PK\x03\x04", b"\x20\0\0\0\0\0\0\0{\"", b"\x80\x02", b"\x02\0\0\0\0\0\0\0{}"][start];
        let path = write(folder.path(), "net", &[start, &bytes].concat());
        prop_assert!(read(&path).is_err());
    }

    #[test]
    fn a_damaged_checkpoint_never_panics(
        pt in any::<bool>(),
        changes in proptest::collection::vec((0usize..3, any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = if pt {
            fs::read(golden("torch_training.pt")).unwrap()
        } else {
            safetensors(&formula_network(&tiny(), "s0"), Kind::F16, &[("config", serde_json::to_string(&tiny()).unwrap())])
        };
        // Most of a file is values: two thirds of the changes go to the ends, where the structure is.
        let edge = 9000;
        for (region, index, value) in changes {
            let place = match region {
                0 => index.index(edge),
                1 => bytes.len() - 1 - index.index(edge),
                _ => index.index(bytes.len()),
            };
            bytes[place] = value;
        }
        let folder = TempDir::new().unwrap();
        if let Ok(loaded) = read(&write(folder.path(), "net", &bytes)) {
            // Whatever could be read can be judged.
            let _ = loaded.check();
        }
    }
}
