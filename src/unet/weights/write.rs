//! Writing `.safetensors` through a temporary file and a rename.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use half::f16;

use super::parameters::{NetworkHasher, Parameters};
use super::progress::Meter;
use crate::error::{Error, Result};

/// Hashes of what was written.
pub(super) struct Written {
    /// The network as it will be read back.
    pub(super) hash: String,
    pub(super) file_hash: String,
    /// Length of the file in bytes.
    pub(super) bytes: u64,
}

/// Writes `parameters` to `path` in f32 or f16, sorted by name, a piece at a time.
///
/// # Errors
/// When the file exists and `replace` is false, cannot be written, `parameters` cannot be read, a value is too large for half
/// precision, or the user cancels. Nothing is left behind then.
pub(super) fn write_safetensors(
    path: &Path,
    metadata: &BTreeMap<String, String>,
    parameters: &Parameters,
    half: bool,
    replace: bool,
    meter: &mut Meter<'_>,
) -> Result<Written> {
    if !replace && path.exists() {
        return Err(Error::Exists(path.into()));
    }
    let size = if half { 2 } else { 4 };
    meter.start("writing", (parameters.count() * size) as u64)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = tempfile::Builder::new()
        .prefix(".difscope-")
        .make_in(folder, |temporary| File::options().write(true).create_new(true).open(temporary))
        .map_err(Error::io("write", path))?;
    let mut out =
        HashingWriter { file: BufWriter::new(temporary.as_file()), hasher: blake3::Hasher::new(), bytes: 0 };
    let mut network = NetworkHasher::new();
    out.write(&header(metadata, parameters, half)).map_err(Error::io("write", path))?;
    for (name, shape) in parameters.shapes() {
        network.parameter(name, shape);
        parameters.each(name, &mut |values| {
            let bytes = if half {
                halve(name, path, values, &mut network)?
            } else {
                network.values(values);
                values.iter().flat_map(|v| v.to_le_bytes()).collect()
            };
            out.write(&bytes).map_err(Error::io("write", path))?;
            meter.add(bytes.len())
        })?;
    }
    out.file.flush().map_err(Error::io("write", path))?;
    let written = Written {
        hash: network.finish(),
        file_hash: out.hasher.finalize().to_hex().to_string(),
        bytes: out.bytes,
    };
    drop(out);
    let persisted = if replace { temporary.persist(path) } else { temporary.persist_noclobber(path) };
    persisted.map_err(|error| match error.error.kind() {
        std::io::ErrorKind::AlreadyExists => Error::Exists(path.into()),
        _ => Error::io("write", path)(error.error),
    })?;
    Ok(written)
}

/// `values` as f16; the network's hash takes them as they will be read back.
fn halve(name: &str, path: &Path, values: &[f32], network: &mut NetworkHasher) -> Result<Vec<u8>> {
    let halves: Vec<f16> = values.iter().map(|v| f16::from_f32(*v)).collect();
    if let Some((value, _)) = values.iter().zip(&halves).find(|(v, h)| v.is_finite() && !h.is_finite()) {
        return Err(Error::checkpoint(
            path.display().to_string(),
            format!("{name} holds {value}, too large for half precision; leave out --half"),
        ));
    }
    network.values(&halves.iter().map(|h| h.to_f32()).collect::<Vec<_>>());
    Ok(halves.iter().flat_map(|h| h.to_le_bytes()).collect())
}

/// The length and the JSON header, padded so that the values start at a multiple of 8.
fn header(metadata: &BTreeMap<String, String>, parameters: &Parameters, half: bool) -> Vec<u8> {
    let (dtype, size) = if half { ("F16", 2) } else { ("F32", 4) };
    let mut map = serde_json::Map::new();
    map.insert("__metadata__".into(), serde_json::json!(metadata));
    let mut begin = 0;
    for (name, shape) in parameters.shapes() {
        let end = begin + shape.iter().product::<usize>() * size;
        let entry = serde_json::json!({"dtype": dtype, "shape": shape, "data_offsets": [begin, end]});
        map.insert(name.into(), entry);
        begin = end;
    }
    let mut text = serde_json::Value::Object(map).to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    [&(text.len() as u64).to_le_bytes()[..], &text].concat()
}

struct HashingWriter<'a> {
    file: BufWriter<&'a File>,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl HashingWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes)
    }
}
