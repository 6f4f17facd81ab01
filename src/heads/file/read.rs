//! Reading a head file, which is untrusted: sizes follow from the settings and the network, and are
//! compared with the file before anything is made of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use candle_core::Device;
use safetensors::{Dtype, SafeTensors};

use super::write::hash_of;
use super::{FORMAT, HeadInfo, KEY, Named, vector};
use crate::error::{Error, Result};
use crate::heads::backbone::Backbone;
use crate::heads::head::Head;
use crate::heads::instant::State;
use crate::heads::kind::HeadKind;
use crate::heads::neural::{NeuralHead, check_classes};
use crate::heads::spec::{row_length, wanted};
use crate::tensor::device::free_bytes;

/// The longest header: a head has some hundred tensors and perhaps many classes.
const MAX_HEADER: u64 = 100_000_000;
/// How many of each kind of problem an error lists.
const LISTED: usize = 4;

/// What the head file at `path` says about its head, without its values.
///
/// # Errors
/// When it cannot be read or is no head file.
pub fn read_info(path: &Path) -> Result<HeadInfo> {
    let mut file = File::open(path).map_err(Error::io("read", path))?;
    let length = file.metadata().map_err(Error::io("read", path))?.len();
    let mut prefix = [0u8; 8];
    let no_head = || Error::head(path.display().to_string(), NO_HEAD);
    if length < 8 {
        return Err(no_head());
    }
    file.read_exact(&mut prefix).map_err(Error::io("read", path))?;
    let header = u64::from_le_bytes(prefix);
    if header > MAX_HEADER || header > length - 8 {
        return Err(no_head());
    }
    let mut text = vec![0u8; header as usize];
    file.read_exact(&mut text).map_err(Error::io("read", path))?;
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(|_| no_head())?;
    let text = value.get("__metadata__").and_then(|metadata| metadata.get(KEY)?.as_str());
    parse(text.ok_or_else(no_head)?).map_err(|why| Error::head(path.display().to_string(), why))
}

const NO_HEAD: &str = "is no head saved by difscope; give a file that was saved as a head, \
                       or bring in a diffssl .pth with convert";

fn parse(text: &str) -> Result<HeadInfo, String> {
    let damaged = |error: serde_json::Error| format!("its settings cannot be read: {error}");
    let value: serde_json::Value = serde_json::from_str(text).map_err(damaged)?;
    let format = value.get("format").and_then(serde_json::Value::as_u64);
    match format {
        Some(format) if format > u64::from(FORMAT) => {
            Err(format!("was written by a newer difscope (format {format}); update difscope to use it"))
        }
        Some(_) => serde_json::from_value(value).map_err(damaged),
        None => Err(NO_HEAD.into()),
    }
}

/// Loads the head at `path` onto `device`, for the network `backbone`.
///
/// # Errors
/// When the file cannot be read, is damaged or no head, belongs to another network, holds tensors
/// that its settings do not ask for or NaN, or no longer gives the logits it was saved with.
pub fn load(path: &Path, backbone: &Backbone, device: &Device) -> Result<(HeadInfo, Head)> {
    let refuse = |why: String| Error::head(path.display().to_string(), why);
    let info = read_info(path)?;
    check_network(&info, backbone).map_err(refuse)?;
    let length = std::fs::metadata(path).map_err(Error::io("read", path))?.len();
    // The file, its values in f32, and the head.
    if free_bytes().is_some_and(|free| length.saturating_mul(3) > free) {
        return Err(refuse(format!(
            "takes {:.1} GB, more than memory allows; close other programs first",
            length as f64 * 3.0 / 1e9
        )));
    }
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let damaged = |error| refuse(format!("is damaged ({error}); save the head again"));
    let file = SafeTensors::deserialize(&bytes).map_err(damaged)?;
    let classes = info.classes.len();
    check_classes(classes).map_err(|error| refuse(error.to_string()))?;
    info.config.validate(backbone).map_err(|error| refuse(error.to_string()))?;

    let rows = file.tensor("knn.rows").ok().and_then(|tensor| tensor.shape().first().copied()).unwrap_or(0);
    let width = row_length(&info.config, backbone)?;
    let own: Vec<(String, Vec<usize>)> = if info.config.kind.is_instant() {
        let shapes = State::shapes(info.config.kind, width, classes, rows);
        shapes.into_iter().map(|(name, shape)| (name.to_string(), shape)).collect()
    } else {
        let wanted = wanted(&info.config, backbone, classes).map_err(|error| refuse(error.to_string()))?;
        wanted.into_iter().map(|wanted| (wanted.name, wanted.shape)).collect()
    };
    let parts = vector::parts(&info.config, backbone, classes)?;
    let expected = own.iter().cloned().chain(parts.iter().map(|p| (p.name.clone(), p.shape.clone())));
    let expected: BTreeMap<String, Vec<usize>> = expected.collect();
    compare(&file, &expected).map_err(refuse)?;
    let tensors = values(&file, &expected).map_err(refuse)?;
    if hash_of(&tensors) != info.hash {
        return Err(refuse(
            "is damaged: its values are not those that were saved; save the head again".into(),
        ));
    }

    let take = |name: &str| tensors.iter().find(|(other, ..)| other == name).map(|(.., v)| v.clone());
    let head = if info.config.kind.is_instant() {
        if info.config.kind == HeadKind::Knn && rows == 0 {
            return Err(refuse("holds no neighbours; save the head again".into()));
        }
        let values = own.iter().map(|(name, _)| take(name).unwrap_or_default()).collect();
        let head = State::restore(&info.config, width, classes, values);
        Head::Instant(head.map_err(|why| refuse(format!("is damaged: {why}; save the head again")))?)
    } else {
        let mut values =
            |name: &str, _: &[usize]| take(name).ok_or_else(|| refuse(format!("{name} is missing")));
        Head::Neural(NeuralHead::from_values(&info.config, backbone, classes, device, &mut values)?)
    };
    vector::check(&parts, &tensors, &head, device).map_err(|why| {
        refuse(format!("{why}: it is damaged or was made by another version of its method; train it again"))
    })?;
    Ok((info, head))
}

fn check_network(info: &HeadInfo, backbone: &Backbone) -> Result<(), String> {
    if info.network.hash == backbone.hash {
        return Ok(());
    }
    let short = |hash: &str| hash.chars().take(12).collect::<String>();
    let place =
        info.network.path.as_ref().map_or(String::new(), |path| format!(", then at {}", path.display()));
    Err(format!(
        "was trained on network {} ({}{place}) and this is {} ({}); open that network with --model",
        info.network.name,
        short(&info.network.hash),
        backbone.name,
        short(&backbone.hash)
    ))
}

/// Compares names, kinds and shapes with those expected.
fn compare(file: &SafeTensors, expected: &BTreeMap<String, Vec<usize>>) -> Result<(), String> {
    let found: BTreeMap<String, _> = file.tensors().into_iter().collect();
    let missing = expected.keys().filter(|name| !found.contains_key(*name)).cloned().collect();
    let unused = found.keys().filter(|name| !expected.contains_key(*name)).cloned().collect();
    let misshapen = expected.iter().filter_map(|(name, shape)| {
        let tensor = found.get(name)?;
        let wrong = tensor.shape() != shape || tensor.dtype() != Dtype::F32;
        wrong.then(|| format!("{name} {:?} {:?} instead of F32 {shape:?}", tensor.dtype(), tensor.shape()))
    });
    let problems = [("missing", missing), ("unused", unused), ("wrongly shaped", misshapen.collect())];
    let problems: Vec<String> = problems.into_iter().filter_map(|(what, names)| list(what, names)).collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(format!("does not hold the head that it describes: {}; save the head again", problems.join("; ")))
}

/// "2 missing: a, b", the list capped; `None` for an empty one.
pub(super) fn list(what: &str, names: Vec<String>) -> Option<String> {
    let count = names.len();
    let more = if count > LISTED { format!(" and {} more", count - LISTED) } else { String::new() };
    (count > 0).then(|| format!("{count} {what}: {}{more}", names[..count.min(LISTED)].join(", ")))
}

/// The values of all tensors, sorted by name.
fn values(file: &SafeTensors, expected: &BTreeMap<String, Vec<usize>>) -> Result<Vec<Named>, String> {
    let mut tensors = Vec::with_capacity(expected.len());
    for (name, shape) in expected {
        let tensor = file.tensor(name).map_err(|error| error.to_string())?;
        let (chunks, _) = tensor.data().as_chunks::<4>();
        let values: Vec<f32> = chunks.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        if values.iter().any(|value| !value.is_finite()) {
            return Err(format!("{name} holds NaN or infinity; train the head again"));
        }
        tensors.push((name.clone(), shape.clone(), values));
    }
    Ok(tensors)
}
