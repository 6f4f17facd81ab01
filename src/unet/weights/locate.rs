//! From what a user calls a network to a file.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::unet::presets::{by_name, presets};

/// The file that `model` means: a path, or the name of a published network whose file lies in the
/// cache folder under its published name or as `NAME.pt` or `NAME.safetensors`.
///
/// # Errors
/// When there is no such file; says where to put one.
pub fn locate(model: &str, cache: Option<&Path>) -> Result<PathBuf> {
    let path = Path::new(model);
    if path.exists() {
        return Ok(path.into());
    }
    let Some(preset) = by_name(model) else {
        let names: Vec<&str> = presets().iter().map(|preset| preset.name).collect();
        let why =
            format!("there is no such file, and no published network of that name ({})", names.join(", "));
        return Err(Error::checkpoint(model, why));
    };
    let published = preset.files.iter().flat_map(|file| {
        let converted = Path::new(file).with_extension("safetensors");
        [converted, PathBuf::from(file)]
    });
    let named = [format!("{}.safetensors", preset.name), format!("{}.pt", preset.name)].map(PathBuf::from);
    let candidates: Vec<PathBuf> = published.chain(named).collect();
    let found =
        cache.and_then(|folder| candidates.iter().map(|file| folder.join(file)).find(|file| file.is_file()));
    found.ok_or_else(|| {
        let files = preset.files.join(" or ");
        let place = cache.map_or("a cache folder (--cache)".into(), |folder| folder.display().to_string());
        Error::checkpoint(
            model,
            format!("its file is not there; fetch {files} as published by OpenAI and put it into {place}, or give its path"),
        )
    })
}
