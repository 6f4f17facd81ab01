//! Values that stay in the file until they are asked for.

use std::fs::{File, OpenOptions as FileOptions};
use std::io::{Seek, SeekFrom, Write};
use std::sync::{Arc, Barrier};
use std::time::{Duration, SystemTime};

use candle_core::{Device, Tensor};
use difscope::features::network::{Network, NetworkSource};
use difscope::tensor::precision::Precision;
use difscope::unet::embedded::embedded;
use difscope::unet::weights::convert;
use difscope::unet::{Keep, Unet};
use tempfile::TempDir;

use super::*;

fn network(path: &Path) -> Network {
    let source = NetworkSource::Named(path.to_str().unwrap().into());
    Network::open(&source, &OpenOptions::default(), &Device::Cpu, Precision::F32, &mut go_on).unwrap()
}

fn input(config: &UnetConfig) -> Tensor {
    let side = config.image_size;
    let values = common::formula::units("s0/input.x", 3 * side * side);
    Tensor::from_vec(values, (1, 3, side, side), &Device::Cpu).unwrap()
}

/// The bits of every block's map and of the output.
fn bits(unet: &Unet) -> Vec<Vec<u32>> {
    let mut maps = Vec::new();
    let bits = |map: &Tensor| {
        let values: Vec<f32> = map.flatten_all().unwrap().to_vec1().unwrap();
        values.into_iter().map(f32::to_bits).collect()
    };
    let mut pass = unet.begin(&input(unet.config()), &[90], None, Keep::Needed).unwrap();
    let out = unet
        .finish(&mut pass, &mut |_, map| {
            maps.push(bits(map));
            Ok(())
        })
        .unwrap();
    maps.push(bits(&out));
    maps
}

/// The network of `path` with all its parameters in memory and all blocks ready from the start.
fn eager(path: &Path) -> Unet {
    let loaded = read(path).unwrap();
    let mut source = |name: &str, _: &[usize]| loaded.parameters.read(name);
    Unet::load(&loaded.config, &mut source, &Device::Cpu, Precision::F32).unwrap()
}

#[test]
fn opening_holds_no_values() {
    let folder = TempDir::new().unwrap();
    let cache = folder.path().join("cache");
    let tensors = formula_network(&tiny(), "s0");
    let safe = write(folder.path(), "net.safetensors", &safetensors(&tensors, Kind::BF16, &[]));
    for (path, cache) in [
        (safe, None),
        (golden("torch_small.pt"), None),
        (golden("torch_training.pt"), None),
        (golden("torch_small.pt"), Some(cache.clone())),
        (golden("torch_small.pt"), Some(cache)),
    ] {
        let loaded = open(&path, &OpenOptions { preset: None, cache }, &mut go_on).unwrap();
        assert_eq!(loaded.parameters.bytes_held(), 0, "{}", path.display());
        assert_eq!(loaded.parameters.hash().unwrap(), loaded.hash, "read again, they are the same");
    }
    let mut held = Parameters::new();
    held.insert("a", &[2, 3], vec![0.0; 6]).unwrap();
    assert_eq!(held.bytes_held(), 24);
}

#[test]
fn a_parameter_comes_in_pieces_that_make_up_the_whole() {
    // Two pieces of a mebibyte and a bit.
    let loaded = embedded().unwrap();
    let (name, shape) =
        loaded.parameters.shapes().max_by_key(|(_, shape)| shape.iter().product::<usize>()).unwrap();
    assert!(shape.iter().product::<usize>() > 1 << 17);
    let (mut pieces, mut count) = (Vec::new(), 0);
    loaded
        .parameters
        .each(name, &mut |values| {
            pieces.extend_from_slice(values);
            count += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(pieces, values(&loaded.parameters, name));
    let stopped = loaded.parameters.each(name, &mut |_| Err(difscope::Error::Cancelled));
    assert!(stopped.unwrap_err().is_cancelled());
    assert!(count >= 1 && loaded.parameters.read("no such").is_err());
}

#[test]
fn blocks_on_demand_are_those_loaded_at_once() {
    let folder = TempDir::new().unwrap();
    let tensors = formula_network(&tiny(), "s0");
    for kind in [Kind::F32, Kind::F16, Kind::BF16] {
        let path = write(folder.path(), "net.safetensors", &safetensors(&tensors, kind, &[]));
        assert!(bits(&network(&path).unet) == bits(&eager(&path)), "{kind:?}");
    }
    for name in ["torch_small.pt", "torch_training.pt"] {
        assert!(bits(&network(&golden(name)).unet) == bits(&eager(&golden(name))), "{name}");
    }
}

#[test]
fn only_blocks_that_a_pass_comes_to_are_loaded() {
    let unet = network(&golden("torch_small.pt")).unet;
    let count = unet.block_count();
    let left = |block| unet.bytes_to_come(block);
    let all = left(count);
    assert!(left(1) > 0 && left(1) < left(count) && unet.time_to_load() == Duration::ZERO);
    let mut pass = unet.begin(&input(unet.config()), &[90], None, Keep::Until(3)).unwrap();
    unet.advance(&mut pass, 3, &mut |_, _| Ok(())).unwrap();
    assert!(left(3) == 0 && left(4) > 0 && left(count) < all && unet.time_to_load() > Duration::ZERO);
    assert!(unet.advance(&mut pass, 4, &mut |_, _| Ok(())).is_err(), "it ends at block 3");
    assert_eq!(eager(&golden("torch_small.pt")).bytes_to_come(count), 0);
}

#[test]
fn threads_that_ask_at_once_get_the_same() {
    let path = golden("torch_small.pt");
    let expected = bits(&eager(&path));
    let unet = Arc::new(network(&path).unet);
    let start = Arc::new(Barrier::new(4));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (unet, start) = (Arc::clone(&unet), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                bits(&unet)
            })
        })
        .collect();
    for thread in threads {
        assert!(thread.join().unwrap() == expected);
    }
    // So do passes on few threads of one pool, which take up one another's work.
    let unet = network(&path).unet;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let (a, b) = pool.install(|| rayon::join(|| bits(&unet), || bits(&unet)));
    assert!(a == expected && b == expected);
}

/// What `change` does to the file after the network's first block was used.
fn after(change: impl FnOnce(&Path)) -> Result<(), String> {
    let folder = TempDir::new().unwrap();
    let path = write(
        folder.path(),
        "net.safetensors",
        &safetensors(&formula_network(&tiny(), "s0"), Kind::F16, &[]),
    );
    let old = SystemTime::now() - Duration::from_secs(60);
    FileOptions::new().write(true).open(&path).unwrap().set_modified(old).unwrap();
    let expected = bits(&eager(&path));
    let unet = network(&path).unet;
    let mut pass = unet.begin(&input(unet.config()), &[90], None, Keep::All).unwrap();
    unet.advance(&mut pass, 1, &mut |_, _| Ok(())).unwrap();
    change(&path);
    let count = unet.block_count();
    unet.advance(&mut pass, count, &mut |_, _| Ok(())).map_err(|error| error.to_string())?;
    assert!(bits(&unet) == expected);
    Ok(())
}

#[test]
fn a_file_that_changes_after_opening_is_noticed() {
    assert_eq!(after(|_| ()), Ok(()));
    let flipped = after(|path| {
        let mut file = FileOptions::new().write(true).open(path).unwrap();
        file.seek(SeekFrom::End(-1)).unwrap();
        file.write_all(&[0x3c]).unwrap();
    });
    let shorter = after(|path| {
        let file = FileOptions::new().write(true).open(path).unwrap();
        let length = file.metadata().unwrap().len();
        file.set_len(length / 4).unwrap();
    });
    let emptied = after(|path| drop(File::create(path).unwrap()));
    for text in [flipped, shorter, emptied] {
        let text = text.unwrap_err();
        assert!(text.contains("net.safetensors") && text.contains("changed since it was opened"), "{text}");
    }
}

#[test]
fn a_file_that_is_deleted_or_replaced_after_opening_still_gives_its_values() {
    let replaced = after(|path| {
        let other = path.with_extension("new");
        fs::write(&other, safetensors(&formula_network(&tiny(), "s1"), Kind::F16, &[])).unwrap();
        fs::rename(other, path).unwrap();
    });
    assert_eq!(replaced, Ok(()));
    assert_eq!(after(|path| fs::remove_file(path).unwrap()), Ok(()));
}

#[test]
fn a_checkpoint_is_converted_onto_itself() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("net.pt");
    fs::copy(golden("torch_small.pt"), &path).unwrap();
    let before = read(&path).unwrap().hash;
    let report = convert(&path, &path, false, true, &OpenOptions::default(), &mut go_on).unwrap();
    assert_eq!((&report.hash, &read(&path).unwrap().hash), (&before, &before));
}
