//! The program end to end: what scripts rely on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod attention;
mod bad_input;
mod bench;
mod cell;
mod data;
mod diffssl;
mod extract;
mod general;
mod heads;
mod heatmap;
mod inspect;
mod kept;
mod label_bench;
mod labels;
mod similarity;
mod sweep;
mod sweep_free;
mod tour;
mod trouble;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use common::formula::formula_parameter;
use difscope::unet::config::UnetConfig;
use difscope::unet::plan::Plan;
use safetensors::tensor::{Dtype, TensorView};
use tempfile::TempDir;

/// The program in a folder of its own, on two threads, without display or colours.
fn difscope(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_difscope"));
    command.current_dir(folder.path()).stdin(Stdio::null());
    for name in ["DISPLAY", "WAYLAND_DISPLAY", "RUST_LOG"] {
        command.env_remove(name);
    }
    command.env("XDG_CACHE_HOME", folder.path().join("cache-of-the-platform"));
    command
}

/// How a run ended.
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    fn of(output: Output) -> Run {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap_or_else(|| panic!("the program ended by {}", output.status));
        Run { code, out: text(output.stdout), err: text(output.stderr) }
    }

    #[track_caller]
    fn good(self) -> Run {
        assert_eq!(self.code, 0, "{}", self.err);
        self
    }

    /// Exit code, and exactly one line on standard error with all of `words`; nothing on standard
    /// output.
    #[track_caller]
    fn refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{}", self.err);
        assert_eq!(self.out, "", "standard output stays clean");
        assert_eq!(self.err.lines().count(), 1, "{}", self.err);
        assert!(self.err.starts_with("difscope: "), "{}", self.err);
        for word in words {
            assert!(self.err.contains(word), "{word} is not in: {}", self.err);
        }
    }

    #[track_caller]
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).expect("one JSON document")
    }
}

fn run(folder: &TempDir, args: &[&str]) -> Run {
    Run::of(difscope(folder).args(args).output().unwrap())
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Tensors of a file to be written: name, shape, values.
type ToWrite = Vec<(String, Vec<usize>, Vec<f32>)>;

/// Tensors of f32 by name.
type Tensors = HashMap<String, (Vec<usize>, Vec<f32>)>;

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}

/// The f32 tensors of a safetensors file.
fn read_tensors(path: &Path) -> Tensors {
    let bytes = std::fs::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let of_floats = file.tensors().into_iter().filter(|(_, view)| view.dtype() == Dtype::F32);
    of_floats.map(|(name, view)| (name, (view.shape().to_vec(), floats(view.data())))).collect()
}

fn write_tensors(path: &Path, tensors: &[(String, Vec<usize>, Vec<f32>)], metadata: HashMap<String, String>) {
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|(.., values)| values.iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
    });
    std::fs::write(path, safetensors::serialize(views, Some(metadata)).unwrap()).unwrap();
}

/// The parameters that the formula gives the network of a fixture, and its configuration.
fn formula_network(fixture: &str) -> (ToWrite, String) {
    let bytes = std::fs::read(golden(fixture)).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = header.metadata().clone().unwrap();
    let config: UnetConfig = serde_json::from_str(&metadata["config"]).unwrap();
    let parameters = Plan::new(&config).unwrap().parameters();
    let values = parameters.into_iter().map(|p| {
        let values = formula_parameter(&metadata["seed"], &p.name, &p.shape);
        (p.name, p.shape, values)
    });
    (values.collect(), metadata["config"].clone())
}

/// Writes the network of a fixture as `model.safetensors` into `folder`.
fn write_network(folder: &TempDir, fixture: &str) -> PathBuf {
    let (tensors, config) = formula_network(fixture);
    let path = folder.path().join("model.safetensors");
    write_tensors(&path, &tensors, HashMap::from([("config".to_string(), config)]));
    path
}

/// Shape and values of an npy file.
fn read_npy(path: &Path) -> (Vec<u64>, Vec<f32>) {
    let bytes = std::fs::read(path).unwrap();
    let npy = npyz::NpyFile::new(&bytes[..]).unwrap();
    (npy.shape().to_vec(), npy.into_vec().unwrap())
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name != "cache-of-the-platform")
        .collect();
    names.sort();
    names
}
