//! Dictionaries of tensors that are no network: one in a `.pt` that holds several, or a whole
//! `.safetensors`.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::configuration::file_name;
use super::open::Format;
use super::parameters::Parameters;
use super::safetensors::SafetensorsFile;
use super::state_dict;
use super::store::Store;
use super::torch::TorchFile;
use crate::error::{Error, Result};

/// Tensors of floating point as a file has them.
pub enum Dictionaries {
    /// Those under each of the keys asked for; none where a `.pt` has no such dictionary.
    Keyed(Vec<Option<Parameters>>),
    /// All of a `.safetensors`, which has no dictionaries.
    Flat(Parameters),
}

/// The tensors under `keys` of the `.pt` at `path`, without the prefix of parallel training; all tensors
/// of a `.safetensors`.
///
/// # Errors
/// When the file cannot be read or is damaged.
pub fn read_dictionaries(path: &Path, keys: &[&str]) -> Result<Dictionaries> {
    let name = file_name(path);
    let file = File::open(path).map_err(Error::io("read", path))?;
    if file.metadata().map_err(Error::io("read", path))?.is_dir() {
        return Err(Error::checkpoint(name, "is a folder; give a .pth, .pt or .safetensors file"));
    }
    let mut start = Vec::new();
    (&file).take(512).read_to_end(&mut start).map_err(Error::io("read", path))?;
    let format = Format::of(&start).map_err(|why| Error::checkpoint(&name, why))?;
    let store = Store::file(file, path, &name)?;
    if let Format::Safetensors = format {
        return Ok(Dictionaries::Flat(SafetensorsFile::open(store)?.parameters()));
    }
    let store = Arc::new(store);
    let under = |key: &&str| {
        let torch = TorchFile::open_with(Arc::clone(&store), |pickle| state_dict::find_under(pickle, key))?;
        Ok(torch.key.is_some().then(|| torch.parameters().without_module_prefix()))
    };
    Ok(Dictionaries::Keyed(keys.iter().map(under).collect::<Result<_>>()?))
}
