//! From a file to a checkpoint in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::cache::{Cache, hash_file};
use super::checkpoint::{Fit, LoadedCheckpoint};
use super::configuration::{self, file_name};
use super::entry::{Entry, Stored, stored_as, strip_module_prefix};
use super::kinds;
use super::parameters::Parameters;
use super::progress::{Meter, OnProgress};
use super::safetensors::SafetensorsFile;
use super::torch::{TorchFile, is_legacy};
use crate::error::{Error, Result};
use crate::tensor::device::free_bytes;
use crate::unet::plan::Plan;

/// How to open a checkpoint.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// The published network that the file is, by name; goes before every other configuration.
    pub preset: Option<String>,
    /// Folder for converted `.pt` files; without one they are read anew each time.
    pub cache: Option<PathBuf>,
}

/// Reads the checkpoint at `path`, a `.pt` or `.safetensors` by its contents.
///
/// Parameters that are missing, unused, wrongly shaped or not finite are reported in the result, not
/// as an error, so that they can be shown: see [`LoadedCheckpoint::check`].
///
/// # Errors
/// When the file cannot be read, is damaged, is no network of this family, has an impossible
/// configuration, or the user cancels.
pub fn open(path: &Path, options: &OpenOptions, progress: OnProgress<'_>) -> Result<LoadedCheckpoint> {
    let mut meter = Meter::new(progress);
    let name = file_name(path);
    let mut file = File::open(path).map_err(Error::io("read", path))?;
    if file.metadata().map_err(Error::io("read", path))?.is_dir() {
        return Err(Error::checkpoint(name, "is a folder; give a .pt or .safetensors file"));
    }
    let mut start = Vec::new();
    (&file).take(512).read_to_end(&mut start).map_err(Error::io("read", path))?;
    file.seek(SeekFrom::Start(0)).map_err(Error::io("read", path))?;
    let preset = options.preset.as_deref();
    match Format::of(&start).map_err(|why| Error::checkpoint(&name, why))? {
        Format::Safetensors => {
            let file = SafetensorsFile::open(BufReader::new(file), &name)?;
            from_safetensors(file, &name, Some(path), preset, &mut meter)
        }
        Format::Torch => from_torch(file, path, &name, options, &mut meter),
    }
}

/// Reads a checkpoint from a safetensors file in memory.
///
/// # Errors
/// As [`open`].
pub(in crate::unet) fn open_embedded(name: &str, bytes: &[u8]) -> Result<LoadedCheckpoint> {
    let mut silent = |_| ControlFlow::Continue(());
    let file = SafetensorsFile::open(Cursor::new(bytes), name)?;
    from_safetensors(file, name, None, None, &mut Meter::new(&mut silent))
}

pub(super) enum Format {
    Safetensors,
    Torch,
}

impl Format {
    /// What a file that begins with `start` is, or why it cannot be read.
    pub(super) fn of(start: &[u8]) -> Result<Format, String> {
        let text = String::from_utf8_lossy(start).trim_start().to_ascii_lowercase();
        if start.is_empty() {
            Err("is empty; fetch it again".into())
        } else if start.starts_with(b"PK") {
            Ok(Format::Torch)
        } else if is_legacy(start) {
            Err("was written by PyTorch before 1.6 or with its old format; open it once in a newer PyTorch and save it again: torch.save(torch.load(f), f2)".into())
        } else if text.starts_with("<!doctype") || text.starts_with("<html") || text.starts_with("<?xml") {
            Err("is a web page, not a checkpoint: the download was answered with a page; fetch the file itself".into())
        } else if text.starts_with("version https://git-lfs") {
            Err("is only a pointer to the file, left by Git LFS; fetch the file itself with git lfs pull"
                .into())
        } else {
            Ok(Format::Safetensors)
        }
    }
}

fn from_safetensors<R: Read + Seek>(
    file: SafetensorsFile<R>,
    name: &str,
    path: Option<&Path>,
    preset: Option<&str>,
    meter: &mut Meter<'_>,
) -> Result<LoadedCheckpoint> {
    let about = About { name, path, metadata: file.metadata().clone(), preset, notes: Vec::new() };
    let entries = file.entries();
    about.load(entries, || {
        let contents = file.read(meter)?;
        Ok((contents.parameters, contents.file_hash, None))
    })
}

fn from_torch(
    mut file: File,
    path: &Path,
    name: &str,
    options: &OpenOptions,
    meter: &mut Meter<'_>,
) -> Result<LoadedCheckpoint> {
    let handle = file.try_clone().map_err(Error::io("read", path))?;
    let torch = TorchFile::open(BufReader::new(handle), name)?;
    let notes = torch
        .key
        .iter()
        .map(|key| format!("The parameters stand under the key {key} of the file."))
        .collect();
    let about =
        About { name, path: Some(path), metadata: BTreeMap::new(), preset: options.preset.as_deref(), notes };
    let entries = torch.entries();
    about.load(entries.clone(), || {
        let Some(folder) = &options.cache else {
            let hash = hash_file(path, &mut file, meter)?;
            return Ok((torch.read(meter)?, hash, None));
        };
        let cache = Cache::new(folder);
        let hash = cache.file_hash(path, &mut file, meter)?;
        if let Some(parameters) = cache.load(&hash, &entries, meter)? {
            return Ok((parameters, hash, None));
        }
        let parameters = torch.read(meter)?;
        let note = match cache.store(&hash, &parameters, meter) {
            Ok(()) => None,
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(error) => {
                Some(format!("The converted copy was not kept and will be made again next time: {error}."))
            }
        };
        Ok((parameters, hash, note))
    })
}

/// Values, the file's hash, and a note.
type Values = (Parameters, String, Option<String>);

/// What is known of a file before its values are read.
struct About<'a> {
    name: &'a str,
    path: Option<&'a Path>,
    metadata: BTreeMap<String, String>,
    preset: Option<&'a str>,
    notes: Vec<String>,
}

impl About<'_> {
    /// Decides from `entries` what network this is, then has the values read and judges them.
    fn load(
        self,
        mut entries: Vec<Entry>,
        read: impl FnOnce() -> Result<Values>,
    ) -> Result<LoadedCheckpoint> {
        let mut notes = self.notes;
        let mut names: Vec<&mut String> = entries.iter_mut().map(|entry| &mut entry.name).collect();
        let prefix = strip_module_prefix(&mut names);
        if prefix {
            notes.push("The prefix \"module.\" of parallel training was removed from the names.".into());
        }
        if let Some(why) = kinds::refusal(&entries) {
            return Err(Error::checkpoint(self.name, why));
        }
        let decision = configuration::decide(self.name, self.path, &self.metadata, self.preset, &entries)?;
        let fit = Fit::new(Plan::new(&decision.config)?.parameters(), &entries);
        refuse_unreadable(self.name, &entries, &fit)?;
        let used = entries.iter().filter(|entry| fit.good.contains(&entry.name));
        let dtype = stored_as(used);
        refuse_too_large(self.name, &entries, &fit, free_bytes())?;

        let (mut parameters, file_hash, note) = read()?;
        notes.extend(note);
        if prefix {
            parameters.strip_module_prefix();
        }
        parameters.retain(|name| fit.good.contains(name));
        let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        Ok(LoadedCheckpoint {
            name: self.path.and_then(stem).unwrap_or_else(|| self.name.into()),
            path: self.path.map(Path::to_path_buf),
            config: decision.config,
            config_source: decision.source,
            assumed: decision.assumed,
            notes,
            not_finite: parameters.not_finite()?,
            hash: parameters.hash()?,
            parameters,
            missing: fit.missing,
            unused: fit.unused,
            misshapen: fit.misshapen,
            file_hash,
            dtype,
        })
    }
}

/// Refuses a network whose parameters do not fit into the memory that is free, before any is read.
fn refuse_too_large(name: &str, entries: &[Entry], fit: &Fit, free: Option<u64>) -> Result<()> {
    let used = entries.iter().filter(|entry| fit.good.contains(&entry.name));
    let needed: u64 = used.map(|entry| 4 * entry.shape.iter().product::<usize>() as u64).sum();
    let gigabytes = |bytes: u64| bytes as f64 / 1e9;
    match free {
        Some(free) if needed > free => Err(Error::checkpoint(
            name,
            format!(
                "needs {:.1} GB of memory for its parameters and {:.1} GB are free; close other programs first",
                gigabytes(needed),
                gigabytes(free)
            ),
        )),
        _ => Ok(()),
    }
}

/// Refuses parameters of the network in a kind of number that is not read.
fn refuse_unreadable(name: &str, entries: &[Entry], fit: &Fit) -> Result<()> {
    let mut bad = entries.iter().filter_map(|entry| match &entry.stored {
        Stored::Other(kind) if fit.good.contains(&entry.name) => Some((entry.name.as_str(), kind)),
        _ => None,
    });
    match bad.next() {
        None => Ok(()),
        Some((parameter, kind)) => Err(Error::checkpoint(
            name,
            format!(
                "{parameter}{} stored as {kind}; f32, f16, bf16 and f64 are read: save the network in one of them",
                match bad.count() {
                    0 => " is".into(),
                    more => format!(" and {more} more parameters are"),
                }
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_does_not_fit_into_memory_is_refused_with_the_numbers() {
        let entry = |name: &str, shape: &[usize]| Entry {
            name: name.into(),
            shape: shape.to_vec(),
            stored: Stored::F16,
        };
        let entries = [entry("a", &[1000, 1000, 500]), entry("unused", &[1000, 1000, 1000])];
        let wanted = vec![crate::unet::plan::Parameter { name: "a".into(), shape: vec![1000, 1000, 500] }];
        let fit = Fit::new(wanted, &entries);
        let refusal = |free| refuse_too_large("large.pt", &entries, &fit, free);
        let message = refusal(Some(1_500_000_000)).unwrap_err().to_string();
        assert!(message.contains("2.0 GB") && message.contains("1.5 GB"), "{message}");
        assert!(refusal(Some(2_000_000_000)).is_ok() && refusal(None).is_ok());
    }
}
