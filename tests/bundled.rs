//! What the program brings along: the network compiled into it against its full-precision original,
//! and the rights of everything shipped.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use difscope::data::Source;
use difscope::diffusion::{Draw, noise_for, q_sample};
use difscope::features::Network;
use difscope::features::input::prepare;
use difscope::features::network::NetworkSource;
use difscope::features::tap::{grid_of, pooled, tensor_of};
use difscope::grid::Grid;
use difscope::tensor::precision::Precision;
use difscope::unet::Keep;
use difscope::unet::config::Preprocess;
use difscope::unet::weights::OpenOptions;
use difscope::{data, unet};

/// Where the features of the full-precision original are kept.
const REFERENCE: &str = "tests/golden/fashion32_f32_features.safetensors";
/// The picture that they are of, and the noise step.
const PICTURE: &str = "bundled:fashion/test#0";
const TIMESTEP: usize = 50;
/// Every map is pooled to this many cells a side.
const POOL: usize = 2;
/// Relative L2 distance that half precision may cost a block.
const TOLERANCE: f64 = 1e-2;

fn open(source: &NetworkSource) -> Network {
    Network::open(source, &OpenOptions::default(), &Device::Cpu, Precision::F32, &mut |_| {
        std::ops::ControlFlow::Continue(())
    })
    .unwrap()
}

/// The picture as `network` receives it at [`TIMESTEP`], `[3, 32, 32]`.
fn x_t(network: &Network) -> Grid {
    let sources: Vec<Source> = data::library::named(PICTURE).unwrap().unwrap();
    let x_0 = prepare(&sources[0].open().unwrap(), network.unet.config()).unwrap().input;
    let noise = noise_for(&x_0, Draw { seed: 0, number: 0 });
    q_sample(&network.schedule, TIMESTEP, &x_0, &noise).unwrap()
}

/// `block_01` … `block_19`, pooled, and `out`, pooled.
fn features(network: &Network, x_t: &Tensor, timestep: usize) -> BTreeMap<String, Grid> {
    let mut found = BTreeMap::new();
    let mut pass = network.unet.begin(x_t, &[timestep], None, Keep::Needed).unwrap();
    let out = network
        .unet
        .finish(&mut pass, &mut |block, map| {
            found.insert(format!("block_{block:02}"), grid_of(&pooled(map, Some(POOL))?, 0)?);
            Ok(())
        })
        .unwrap();
    found.insert("out".into(), grid_of(&pooled(&out, Some(POOL)).unwrap(), 0).unwrap());
    found
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let squared = |of: &mut dyn Iterator<Item = f64>| of.map(|v| v * v).sum::<f64>();
    let apart = squared(&mut a.iter().zip(b).map(|(&a, &b)| f64::from(a) - f64::from(b)));
    (apart / squared(&mut b.iter().map(|&b| f64::from(b)))).sqrt()
}

fn reference() -> HashMap<String, Tensor> {
    candle_core::safetensors::load(Path::new(env!("CARGO_MANIFEST_DIR")).join(REFERENCE), &Device::Cpu)
        .unwrap()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn half_precision_keeps_the_features_of_the_original() {
    let reference = reference();
    let network = open(&NetworkSource::Embedded);
    let found = features(&network, &reference["x_t"], TIMESTEP);
    assert_eq!(found.len(), network.unet.block_count() + 1);
    assert_eq!(reference.len(), found.len() + 1, "the reference holds x_t, every block and the output");
    let elsewhere = features(&network, &reference["x_t"], TIMESTEP + 50);
    for (name, grid) in &found {
        let want = &reference[name];
        assert_eq!(want.dims(), [1, grid.channels(), POOL, POOL], "{name}");
        let apart = distance(grid.values(), &values(want));
        println!("{name}: {apart:.2e}");
        assert!(apart < TOLERANCE, "{name} is {apart:.2e} from the original");
        // Another step is no rounding error; else the comparison would hold whatever is computed.
        let moved = distance(elsewhere[name].values(), &values(want));
        assert!(name == "block_01" || moved > TOLERANCE, "{name} moves by {moved:.2e} only with t");
    }
}

#[test]
fn the_input_of_the_reference_is_the_bundled_picture() {
    let network = open(&NetworkSource::Embedded);
    let (found, want) = (x_t(&network), values(&reference()["x_t"]));
    let far = found.values().iter().zip(&want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(far <= 1e-6, "x_t is {far} from the reference");
}

/// Writes the reference anew from the full-precision original, whose path `DIFSCOPE_F32_NETWORK` holds.
#[test]
#[ignore = "needs the full-precision original, which is not shipped"]
fn write_the_reference() {
    let original = std::env::var("DIFSCOPE_F32_NETWORK").unwrap();
    let network = open(&NetworkSource::Named(original));
    assert_eq!(network.card.stored_as, "f32");
    let x_t = tensor_of(&x_t(&network)).unwrap();
    let found = features(&network, &x_t, TIMESTEP);
    let mut tensors: HashMap<String, Tensor> =
        found.iter().map(|(name, grid)| (name.clone(), tensor_of(grid).unwrap())).collect();
    tensors.insert("x_t".into(), x_t);
    candle_core::safetensors::save(&tensors, Path::new(env!("CARGO_MANIFEST_DIR")).join(REFERENCE)).unwrap();
}

#[test]
fn the_embedded_network_says_what_it_is() {
    let network = open(&NetworkSource::Embedded);
    let (card, config) = (&network.card, network.unet.config());
    assert_eq!((card.name.as_str(), card.stored_as.as_str()), (unet::embedded::EMBEDDED_NAME, "f16"));
    assert_eq!((card.parameters, card.blocks.len(), config.image_size), (4_425_062, 19, 32));
    assert_eq!(
        (config.preprocess, config.diffusion_steps, config.num_classes),
        (Preprocess::Pad, 1000, None)
    );
    assert_eq!((card.default_block(), card.default_timestep()), (12, 50));
    assert_eq!(card.licence(), "MIT OR Apache-2.0");
    assert!(config.card.as_ref().unwrap().data.contains("Fashion-MNIST"));
    assert!(!config.card.as_ref().unwrap().intended_use.is_empty());
    assert_eq!((card.assumed.len(), card.notes.len()), (0, 0), "{:?} {:?}", card.assumed, card.notes);
    let described = fs::read_to_string(root().join("weights/README.md")).unwrap();
    assert!(described.contains(&card.hash), "weights/README.md does not name the hash {}", card.hash);
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn is_rights_file(name: &str) -> bool {
    name == "README.md" || name.ends_with("-LICENSE.txt")
}

/// What is missing in `folder` to know the rights of everything in it, a sentence each.
fn unnamed(folder: &Path) -> Vec<String> {
    let Ok(readme) = fs::read_to_string(folder.join("README.md")) else {
        return vec![format!("{} has no README.md", folder.display())];
    };
    let mut missing = Vec::new();
    let licences = ["public domain", "CC0", "MIT", "Apache-2.0", "SIL Open Font License"];
    if !licences.iter().any(|licence| readme.contains(licence)) {
        missing.push(format!("{} names no licence", folder.join("README.md").display()));
    }
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let stem = name.split(['.', '-']).next().unwrap();
        if !is_rights_file(&name) && !readme.contains(stem) {
            missing.push(format!("{} is not in the README.md beside it", folder.join(&name).display()));
        }
    }
    missing
}

#[test]
fn everything_shipped_names_its_rights() {
    let mut folders = vec![root().join("weights")];
    for entry in fs::read_dir(root().join("assets")).unwrap() {
        let path = entry.unwrap().path();
        assert!(path.is_dir(), "{} lies outside of the folders with their rights", path.display());
        folders.push(path);
    }
    assert_eq!(folders.len(), 5, "{folders:?}");
    let missing: Vec<String> = folders.iter().flat_map(|folder| unnamed(folder)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    for font in ["Inter", "JetBrainsMono", "Phosphor"] {
        let licence = fs::read_to_string(root().join(format!("assets/fonts/{font}-LICENSE.txt"))).unwrap();
        assert!(licence.contains("Copyright"), "{font}");
    }
    let photos = fs::read_to_string(root().join("assets/photos/README.md")).unwrap();
    for photo in &data::bundled::PHOTOS {
        let row = photos.lines().find(|line| line.contains(photo.name)).unwrap();
        assert!(
            photo.credit.split(", ").all(|part| row.contains(part)),
            "{:?} is not in {row}",
            photo.credit
        );
    }
}

#[test]
fn missing_rights_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let of = |readme: &str| {
        fs::write(folder.path().join("README.md"), readme).unwrap();
        unnamed(folder.path())
    };
    fs::write(folder.path().join("tree.png"), "").unwrap();
    assert!(unnamed(folder.path())[0].ends_with("has no README.md"));
    assert_eq!(of("tree: found somewhere").len(), 1);
    assert_eq!(of("CC0").len(), 1);
    assert_eq!(of("tree: CC0"), [""; 0]);
}

#[test]
fn the_project_has_its_licences() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("license = \"MIT OR Apache-2.0\""));
    for (file, title) in [("LICENSE-MIT", "MIT License"), ("LICENSE-APACHE", "Apache License")] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        assert!(text.trim_start().starts_with(title) && text.contains("Copyright"), "{file}");
    }
    let changes = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    assert!(changes.contains(&format!("## [{}]", env!("CARGO_PKG_VERSION"))));
}
