//! Checkpoints: the published layouts, reading every kind of file, conversion, and damage.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod conversion;
mod damage;
mod layouts;
mod reading;
mod streaming;

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use common::formula::formula_parameter;
use difscope::unet::config::UnetConfig;
use difscope::unet::plan::Plan;
use difscope::unet::weights::{LoadedCheckpoint, OpenOptions, Parameters, Progress, open, parse_config};
use half::{bf16, f16};

/// A tensor of a file to be written: name, shape, values.
type Tensors = Vec<(String, Vec<usize>, Vec<f32>)>;

#[derive(Clone, Copy, Debug)]
enum Kind {
    F32,
    F16,
    BF16,
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// A network of one level and 32 channels, about 180,000 values.
fn tiny() -> UnetConfig {
    parse_config(
        r#"{"image_size": 8, "num_channels": 32, "num_res_blocks": 1, "channel_mult": [1], "attention_resolutions": [],
            "num_heads": 4, "use_scale_shift_norm": true, "learn_sigma": true}"#,
        "tiny",
    )
    .unwrap()
}

fn formula_network(config: &UnetConfig, seed: &str) -> Tensors {
    let parameters = Plan::new(config).unwrap().parameters();
    parameters
        .into_iter()
        .map(|p| {
            let values = formula_parameter(seed, &p.name, &p.shape);
            (p.name, p.shape, values)
        })
        .collect()
}

fn round(kind: Kind, value: f32) -> f32 {
    match kind {
        Kind::F32 => value,
        Kind::F16 => f16::from_f32(value).to_f32(),
        Kind::BF16 => bf16::from_f32(value).to_f32(),
    }
}

fn encode(kind: Kind, value: f32) -> Vec<u8> {
    match kind {
        Kind::F32 => value.to_le_bytes().to_vec(),
        Kind::F16 => f16::from_f32(value).to_le_bytes().to_vec(),
        Kind::BF16 => bf16::from_f32(value).to_le_bytes().to_vec(),
    }
}

/// The bytes of a safetensors file with `tensors` in the order given.
fn safetensors(tensors: &Tensors, kind: Kind, metadata: &[(&str, String)]) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    header.insert(
        "__metadata__".into(),
        serde_json::json!(metadata.iter().cloned().collect::<BTreeMap<_, _>>()),
    );
    let mut data = Vec::new();
    for (name, shape, values) in tensors {
        let begin = data.len();
        values.iter().for_each(|&v| data.extend(encode(kind, v)));
        let entry = serde_json::json!({"dtype": format!("{kind:?}"), "shape": shape, "data_offsets": [begin, data.len()]});
        header.insert(name.clone(), entry);
    }
    let header = serde_json::Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn read(path: &Path) -> difscope::Result<LoadedCheckpoint> {
    open(path, &OpenOptions::default(), &mut go_on)
}

fn complaint(path: &Path) -> String {
    read(path).expect_err("the file should be refused").to_string()
}

fn values(parameters: &Parameters, name: &str) -> Vec<f32> {
    parameters.read(name).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// The hash of `tensors` after rounding to `kind`.
fn hash_of(tensors: &Tensors, kind: impl Fn(&str) -> Kind) -> String {
    let mut parameters = Parameters::new();
    for (name, shape, values) in tensors {
        let values = values.iter().map(|&v| round(kind(name), v)).collect();
        parameters.insert(name, shape, values).unwrap();
    }
    parameters.hash().unwrap()
}
