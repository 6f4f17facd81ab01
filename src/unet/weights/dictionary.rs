//! One dictionary of tensors in a `.pt` that holds several.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::configuration::file_name;
use super::entry::{MODULE, strip_module_prefix};
use super::open::Format;
use super::parameters::Parameters;
use super::state_dict;
use super::store::Store;
use super::torch::TorchFile;
use crate::error::{Error, Result};

/// The tensors of floating point under `key` of the `.pt` at `path`; none when there is no such
/// dictionary. The prefix of parallel training is removed.
///
/// # Errors
/// When the file cannot be read, is damaged, or is no `.pt`.
pub fn read_dictionary(path: &Path, key: &str) -> Result<Option<Parameters>> {
    let name = file_name(path);
    let file = File::open(path).map_err(Error::io("read", path))?;
    let mut start = Vec::new();
    (&file).take(512).read_to_end(&mut start).map_err(Error::io("read", path))?;
    match Format::of(&start) {
        Ok(Format::Torch) => {}
        Ok(Format::Safetensors) => {
            return Err(Error::checkpoint(name, "is no file of torch.save; give a .pt or .pth"));
        }
        Err(why) => return Err(Error::checkpoint(name, why)),
    }
    let store = Arc::new(Store::file(file, path, &name)?);
    let torch = TorchFile::open_with(store, |pickle| state_dict::find_under(pickle, key))?;
    if torch.key.is_none() {
        return Ok(None);
    }
    let mut entries = torch.entries();
    let mut names: Vec<&mut String> = entries.iter_mut().map(|entry| &mut entry.name).collect();
    let prefix = strip_module_prefix(&mut names);
    let parameters = torch.parameters();
    Ok(Some(match prefix {
        true => parameters.renamed(|name| Some(name.strip_prefix(MODULE).unwrap_or(name).to_owned())),
        false => parameters,
    }))
}
