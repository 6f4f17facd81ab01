//! Writing a head through a temporary file and a rename.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use candle_core::Device;
use safetensors::tensor::{Dtype, TensorView};

use super::{FORMAT, HeadInfo, KEY, Named, vector};
use crate::error::{Error, Result};
use crate::heads::backbone::Backbone;
use crate::heads::head::Head;
use crate::heads::instant::State;
use crate::unet::weights::NetworkHasher;

/// Saves `head` with what `info` says about it. `format`, `config` and `hash` of the info are filled
/// in.
///
/// # Errors
/// When the file exists and `replace` is false, it cannot be written, the head holds NaN, or names
/// and classes do not match.
pub fn save(path: &Path, info: &HeadInfo, head: &Head, backbone: &Backbone, replace: bool) -> Result<()> {
    if !replace && path.exists() {
        return Err(Error::Exists(path.into()));
    }
    let name = || path.display().to_string();
    if info.classes.len() != head.classes() {
        let why = format!("{} names for {} classes", info.classes.len(), head.classes());
        return Err(Error::head(name(), why));
    }
    let (mut tensors, device) = values(head)?;
    if let Some((tensor, ..)) = tensors.iter().find(|(.., values)| values.iter().any(|v| !v.is_finite())) {
        return Err(Error::head(
            name(),
            format!("{tensor} is not finite: training went astray; lower the learning rate and train again"),
        ));
    }
    let parts = vector::parts(head.config(), backbone, head.classes())?;
    tensors.extend(vector::make(&parts, head, &device)?);
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let info =
        HeadInfo { format: FORMAT, config: head.config().clone(), hash: hash_of(&tensors), ..info.clone() };
    let text = serde_json::to_string(&info).map_err(|error| Error::Compute(error.to_string()))?;
    write(path, &tensors, HashMap::from([(KEY.to_string(), text)]), replace)
}

/// The hash over tensors sorted by name.
pub(super) fn hash_of(tensors: &[Named]) -> String {
    let mut hasher = NetworkHasher::new();
    for (name, shape, values) in tensors {
        hasher.parameter(name, shape);
        hasher.values(values);
    }
    hasher.finish()
}

/// Everything that makes the head, and where it is.
fn values(head: &Head) -> Result<(Vec<Named>, Device)> {
    match head {
        Head::Instant(head) => {
            let values = State::of(head).into_iter();
            Ok((values.map(|v| (v.name.to_string(), v.shape, v.numbers)).collect(), Device::Cpu))
        }
        Head::Neural(head) => {
            let parameters = head.parameters();
            let mut device = Device::Cpu;
            let mut tensors = Vec::new();
            for (name, var) in parameters.variables().chain(parameters.buffers()) {
                device = var.device().clone();
                let values = var.flatten_all()?.to_vec1::<f32>()?;
                tensors.push((name.to_string(), var.dims().to_vec(), values));
            }
            Ok((tensors, device))
        }
    }
}

fn write(path: &Path, tensors: &[Named], metadata: HashMap<String, String>, replace: bool) -> Result<()> {
    let failed = |error: safetensors::SafeTensorError| Error::Compute(error.to_string());
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(.., values)| values.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let mut views = Vec::with_capacity(tensors.len());
    for ((name, shape, _), bytes) in tensors.iter().zip(&bytes) {
        views.push((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(failed)?));
    }
    let data = safetensors::serialize(views, Some(metadata)).map_err(failed)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::Builder::new()
        .prefix(".difscope-")
        .make_in(folder, |temporary| std::fs::File::options().write(true).create_new(true).open(temporary))
        .map_err(Error::io("write", path))?;
    temporary.as_file_mut().write_all(&data).map_err(Error::io("write", path))?;
    // Some file systems find out only now that there is no room.
    temporary.as_file().sync_all().map_err(Error::io("write", path))?;
    let placed = if replace { temporary.persist(path) } else { temporary.persist_noclobber(path) };
    placed.map_err(|failed| match failed.error.kind() {
        std::io::ErrorKind::AlreadyExists => Error::Exists(path.into()),
        _ => Error::io("write", path)(failed.error),
    })?;
    Ok(())
}
