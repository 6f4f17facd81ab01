//! The rooms of the program and the one direction in which they may use each other, read from the
//! sources themselves.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

#[path = "layering/scanner.rs"]
mod scanner;

use std::fs;
use std::path::{Path, PathBuf};

use scanner::{paths, tokens};

/// What the fronts may use, and but for the last the engine.
const BEHIND_FRONTS: &[&str] = &[
    "error",
    "grid",
    "colormap",
    "figure",
    "data",
    "project",
    "tensor",
    "unet",
    "diffusion",
    "features",
    "heads",
    "train",
    "study",
    "jobs",
];
const BEHIND_JOBS: &[&str] = BEHIND_FRONTS.split_at(BEHIND_FRONTS.len() - 1).0;

/// Every room with the rooms that it may use beside itself.
const ROOMS: [(&str, &[&str]); 16] = [
    ("error", &[]),
    ("grid", &["error"]),
    ("colormap", &["error", "grid"]),
    ("figure", &["error", "grid", "colormap"]),
    ("data", &["error", "grid"]),
    ("project", &["error", "grid"]),
    ("tensor", &["error"]),
    ("unet", &["error", "grid", "tensor"]),
    ("diffusion", &["error", "grid", "tensor", "unet"]),
    ("features", &["error", "grid", "data", "project", "tensor", "unet", "diffusion"]),
    ("heads", &["error", "grid", "tensor", "unet", "diffusion", "features"]),
    ("train", &["error", "grid", "tensor", "unet", "diffusion", "features", "heads"]),
    (
        "study",
        &[
            "error",
            "grid",
            "colormap",
            "figure",
            "data",
            "project",
            "tensor",
            "unet",
            "diffusion",
            "features",
            "heads",
            "train",
        ],
    ),
    ("jobs", BEHIND_JOBS),
    ("cli", BEHIND_FRONTS),
    ("app", BEHIND_FRONTS),
];

/// Rooms that compute with tensors.
const CANDLE: &[&str] = &["tensor", "unet", "features", "heads", "train"];

/// Crates by the beginning of their names, and the rooms that may name them.
const CRATES: [(&str, &[&str]); 7] = [
    ("candle", CANDLE),
    ("gemm", &["tensor"]),
    ("egui", &["app"]),
    ("eframe", &["app"]),
    ("wgpu", &["app"]),
    ("rfd", &["app"]),
    ("rusqlite", &["project"]),
];

/// What holds tensors, and therefore is nothing to the rooms that people see.
const TENSORS: [&str; 14] = [
    "crate::unet::model",
    "crate::unet::Unet",
    "crate::unet::Pass",
    "crate::unet::weights::Parameters",
    "crate::features::tap",
    "crate::heads::collect",
    "crate::heads::Head",
    "crate::heads::HeadParameters",
    "crate::heads::ImportedHead",
    "crate::heads::Maps",
    "crate::heads::NeuralHead",
    "crate::heads::Noised",
    "crate::heads::SecondPass",
    "crate::heads::Snapshot",
];

/// The longest file, in lines.
const LONGEST: usize = 520;

/// What is wrong with the source `text` of `file` (relative to `src`, with `/`), a sentence each.
fn faults(file: &str, text: &str) -> Vec<String> {
    let stem = file.trim_end_matches(".rs").trim_end_matches("/mod");
    let root = ["lib", "main"].contains(&stem);
    let module: Vec<&str> = if root { Vec::new() } else { stem.split('/').collect() };
    let room = if root { stem } else { module[0] };
    let mut faults = Vec::new();
    let mut fault = |line: usize, what: String| faults.push(format!("src/{file}:{line}: {what}"));

    let allowed = ROOMS.iter().find(|(name, _)| *name == room).map(|(_, allowed)| *allowed);
    if allowed.is_none() && !root {
        fault(1, format!("{room} is no room of this test; say what it may use"));
    }
    let tokens = tokens(text);
    for path in paths(&tokens, &module, "difscope") {
        let name = path.segments.join("::");
        if let ["crate", used, ..] = path.segments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            let used = match used {
                "Error" | "Result" => "error",
                "Grid" => "grid",
                other => other,
            };
            if allowed.is_some_and(|allowed| used != room && !allowed.contains(&used)) {
                fault(path.line, format!("{room} may not use {used} ({name})"));
            }
            let below = |holder: &str| name == holder || name.starts_with(&format!("{holder}::"));
            let tensor =
                used == "tensor" && !below("crate::tensor::device") && !below("crate::tensor::precision");
            if ["cli", "app"].contains(&room) && (tensor || TENSORS.into_iter().any(below)) {
                fault(path.line, format!("{room} sees plain data only, and {name} holds tensors"));
            }
        }
        let first = &path.segments[0];
        for (prefix, rooms) in CRATES {
            if first.starts_with(prefix) && !rooms.contains(&room) {
                fault(path.line, format!("{first} is for {} only", rooms.join(", ")));
            }
        }
        if let [.., before, last] = &path.segments[..]
            && (last == "exit" || (before == "process" && last == "*"))
            && file != "main.rs"
        {
            fault(path.line, format!("only src/main.rs exits ({name})"));
        }
    }
    let allowed = |text: &str| match file {
        // Where the kernels are declared, the lint is lifted for them.
        "tensor/mod.rs" => text == "unsafe_code",
        file => file.starts_with("tensor/kernel/"),
    };
    let is_unsafe = |text: &str| text == "unsafe" || text == "unsafe_code";
    if let Some(token) = tokens.iter().find(|token| is_unsafe(&token.text) && !allowed(&token.text)) {
        fault(token.line, "only src/tensor/kernel may be unsafe".into());
    }

    let left_over = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let folders = ["work", "tmp", "root", "home", "Users"].map(|folder| format!("/{folder}/"));
    for (index, line) in text.lines().enumerate() {
        for word in left_over.iter().filter(|word| line.contains(**word)) {
            fault(index + 1, format!("{word} is left over"));
        }
        for folder in folders.iter().filter(|folder| line.contains(*folder)) {
            fault(index + 1, format!("{folder} is a place on one machine"));
        }
    }
    let lines = text.lines().count();
    if lines > LONGEST {
        fault(lines, format!("{lines} lines are more than {LONGEST}; split the file by meaning"));
    }
    faults
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn every_room_keeps_to_its_neighbours() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    files.sort();
    assert!(files.len() > 50, "only {} files found under src", files.len());
    let faults: Vec<String> = files
        .iter()
        .flat_map(|path| {
            let file = path.strip_prefix(&src).unwrap().to_str().unwrap().replace('\\', "/");
            faults(&file, &fs::read_to_string(path).unwrap())
        })
        .collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_rooms_are_those_of_the_library() {
    let library = include_str!("../src/lib.rs");
    let declared = library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let (mut declared, mut known): (Vec<_>, Vec<_>) =
        (declared.collect(), ROOMS.map(|(name, _)| name).to_vec());
    declared.sort_unstable();
    known.sort_unstable();
    assert_eq!(declared, known);
}

/// A room may use only rooms above it in the table, so that no two can use each other.
#[test]
fn the_rule_has_one_direction() {
    for (index, (room, allowed)) in ROOMS.iter().enumerate() {
        for used in *allowed {
            assert!(ROOMS[..index].iter().any(|(above, _)| above == used), "{room} → {used}");
        }
    }
}

#[test]
fn every_kind_of_fault_is_found() {
    let long = "\n".repeat(LONGEST + 1);
    let left_over = format!("// {}: later", concat!("TO", "DO"));
    let place = format!("const P: &str = \"/{}/x\";", "home");
    let cases = [
        ("grid.rs", "fn f() -> crate::tensor::Device {}", "grid may not use tensor"),
        ("error.rs", "use super::grid::Grid;", "error may not use grid"),
        ("error.rs", "use crate::Grid;", "error may not use grid"),
        ("data/idx.rs", "use crate::{error::Error, unet::Keep};", "data may not use unet"),
        ("data/mod.rs", "use super::features;", "data may not use features"),
        ("figure/bar.rs", "mod tests { use super::super::super::data::open; }", "figure may not use data"),
        ("unet/plan.rs", "use crate::*;", "unet may not use *"),
        ("unet/plan.rs", "use crate as us;", "unet may not use as"),
        ("jobs/mod.rs", "fn f() { crate::app::run() }", "jobs may not use app"),
        ("cli/mod.rs", "use crate::app::style;", "cli may not use app"),
        ("jobs/mod.rs", "use eframe::egui;", "eframe is for app only"),
        (
            "cli/run.rs",
            "fn f(_: &::candle_core::Tensor) {}",
            "candle_core is for tensor, unet, features, heads, train only",
        ),
        ("app/mod.rs", "use candle_nn as nn;", "candle_nn is for"),
        ("main.rs", "use egui_tiles::Tree;", "egui_tiles is for app only"),
        ("cli/mod.rs", "use rfd::FileDialog;", "rfd is for app only"),
        ("project/mod.rs", "use crate::data::Split;", "project may not use data"),
        ("jobs/mod.rs", "use rusqlite::Connection;", "rusqlite is for project only"),
        ("app/mod.rs", "use crate::unet::{Keep, Unet};", "crate::unet::Unet holds tensors"),
        ("cli/mod.rs", "use crate::tensor::rng::standard_normal;", "holds tensors"),
        ("cli/mod.rs", "fn f() { std::process::exit(1) }", "only src/main.rs exits"),
        ("lib.rs", "use std::process::{self, exit};", "only src/main.rs exits"),
        ("tensor/conv.rs", "fn f() { unsafe { g() } }", "only src/tensor/kernel may be unsafe"),
        ("tensor/mod.rs", "fn f() { unsafe { g() } }", "only src/tensor/kernel may be unsafe"),
        ("brushes/mod.rs", "", "brushes is no room"),
        ("grid.rs", &left_over, "is left over"),
        ("grid.rs", &place, "is a place on one machine"),
        ("grid.rs", &long, "521 lines are more than 520"),
    ];
    for (file, text, want) in cases {
        let found = faults(file, text);
        assert!(matches!(&found[..], [one] if one.contains(want)), "{file} {text:?}: {found:?}, not {want}");
    }
}

#[test]
fn what_is_allowed_is_no_fault() {
    let cases = [
        (
            "app/panels/map.rs",
            "use eframe::egui; use crate::jobs::Request; use super::super::style; use crate::Grid;",
        ),
        ("main.rs", "use difscope::{app, cli}; fn main() { std::process::exit(cli::run()) }"),
        ("tensor/mod.rs", "#[allow(unsafe_code, reason = \"vectors\")]\nmod kernel;"),
        ("tensor/kernel/lane.rs", "fn f() { unsafe { g() } }"),
        ("cli/mod.rs", "use crate::tensor::device::DeviceChoice; use crate::unet::plan::BlockInfo;"),
        ("grid.rs", "//! candle, egui and crate::app in prose.\nuse crate::error::{Error, Result};"),
    ];
    for (file, text) in cases {
        assert_eq!(faults(file, text), [""; 0], "{file}");
    }
}
