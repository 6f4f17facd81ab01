//! From a file to a checkpoint.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cache::Cache;
use super::checkpoint::{Fit, LoadedCheckpoint};
use super::configuration::{self, file_name};
use super::entry::{Entry, Stored, stored_as, strip_module_prefix};
use super::kinds;
use super::parameters::Parameters;
use super::progress::{Meter, OnProgress};
use super::safetensors::SafetensorsFile;
use super::store::Store;
use super::survey::{Survey, Wanted, survey};
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

/// Opens the checkpoint at `path`, a `.pt` or `.safetensors` by its contents. Every value is read and
/// judged, and none is kept: the file stays open, and its parameters are read when asked for.
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
    let file = File::open(path).map_err(Error::io("read", path))?;
    if file.metadata().map_err(Error::io("read", path))?.is_dir() {
        return Err(Error::checkpoint(name, "is a folder; give a .pt or .safetensors file"));
    }
    let mut start = Vec::new();
    (&file).take(512).read_to_end(&mut start).map_err(Error::io("read", path))?;
    let format = Format::of(&start).map_err(|why| Error::checkpoint(&name, why))?;
    let store = Store::file(file, path, &name)?;
    match format {
        Format::Safetensors => {
            from_safetensors(store, &name, Some(path), options.preset.as_deref(), &mut meter)
        }
        Format::Torch => from_torch(store, path, &name, options, &mut meter),
    }
}

/// Opens a checkpoint that is a safetensors file in memory.
///
/// # Errors
/// As [`open`].
pub(in crate::unet) fn open_embedded(name: &str, bytes: &'static [u8]) -> Result<LoadedCheckpoint> {
    let mut silent = |_| ControlFlow::Continue(());
    from_safetensors(Store::memory(bytes, name), name, None, None, &mut Meter::new(&mut silent))
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

fn from_safetensors(
    store: Store,
    name: &str,
    path: Option<&Path>,
    preset: Option<&str>,
    meter: &mut Meter<'_>,
) -> Result<LoadedCheckpoint> {
    let file = SafetensorsFile::open(store)?;
    let about = About { name, path, metadata: file.metadata().clone(), preset, notes: Vec::new() };
    about.judge(file.entries(), |wanted| {
        let (survey, file_hash) = file.survey(wanted, meter)?;
        Ok(Judged { parameters: file.parameters(), survey, file_hash, note: None })
    })
}

fn from_torch(
    store: Store,
    path: &Path,
    name: &str,
    options: &OpenOptions,
    meter: &mut Meter<'_>,
) -> Result<LoadedCheckpoint> {
    let store = Arc::new(store);
    let torch = TorchFile::open(Arc::clone(&store))?;
    let notes = torch
        .key
        .iter()
        .map(|key| format!("The parameters stand under the key {key} of the file."))
        .collect();
    let about =
        About { name, path: Some(path), metadata: BTreeMap::new(), preset: options.preset.as_deref(), notes };
    about.judge(torch.entries(), |wanted| {
        let parameters = torch.parameters();
        let Some(folder) = &options.cache else {
            let file_hash = store.hash(meter)?;
            let (survey, _) = survey(&parameters, wanted, meter)?;
            return Ok(Judged { parameters, survey, file_hash, note: None });
        };
        let cache = Cache::new(folder);
        let file_hash = cache.file_hash(&store, meter)?;
        if let Some((parameters, survey)) = cache.load(&file_hash, &torch.entries(), wanted, meter)? {
            return Ok(Judged { parameters, survey, file_hash, note: None });
        }
        let (survey, contents) = survey(&parameters, wanted, meter)?;
        let note = match cache.store(&file_hash, &parameters, &contents, meter) {
            Ok(()) => None,
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(error) => {
                Some(format!("The converted copy was not kept and will be made again next time: {error}."))
            }
        };
        Ok(Judged { parameters, survey, file_hash, note })
    })
}

/// What one reading of a file gave, its parameters under the file's own names.
struct Judged {
    parameters: Parameters,
    survey: Survey,
    file_hash: String,
    note: Option<String>,
}

/// What is known of a file before its values are read.
struct About<'a> {
    name: &'a str,
    path: Option<&'a Path>,
    metadata: BTreeMap<String, String>,
    preset: Option<&'a str>,
    notes: Vec<String>,
}

impl About<'_> {
    /// Decides from `entries` what network this is, then has its values read and judged.
    fn judge(
        self,
        mut entries: Vec<Entry>,
        read: impl FnOnce(&Wanted<'_>) -> Result<Judged>,
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
        let plan = Plan::new(&decision.config)?;
        let fit = Fit::new(plan.parameters(), &entries);
        refuse_unreadable(self.name, &entries, &fit)?;
        let used = entries.iter().filter(|entry| fit.good.contains(&entry.name));
        let dtype = stored_as(used);
        notes.extend(tight(plan.ready_bytes(plan.len()), free_bytes()));

        let wanted = Wanted { good: &fit.good, prefix };
        let judged = read(&wanted)?;
        notes.extend(judged.note);
        let parameters = judged.parameters.renamed(|name| wanted.name(name).map(str::to_owned));
        let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        Ok(LoadedCheckpoint {
            name: self.path.and_then(stem).unwrap_or_else(|| self.name.into()),
            path: self.path.map(Path::to_path_buf),
            config: decision.config,
            config_source: decision.source,
            assumed: decision.assumed,
            notes,
            not_finite: judged.survey.not_finite,
            hash: judged.survey.hash,
            parameters,
            missing: fit.missing,
            unused: fit.unused,
            misshapen: fit.misshapen,
            file_hash: judged.file_hash,
            dtype,
        })
    }
}

/// Says when not all blocks of a network will fit into the memory that is free: `needed` bytes for the
/// weights of all of them. Those that fit can be used, so this is no failure.
fn tight(needed: u64, free: Option<u64>) -> Option<String> {
    let gigabytes = |bytes: u64| bytes as f64 / 1e9;
    free.filter(|&free| needed > free).map(|free| {
        format!(
            "All blocks together need {:.1} GB of memory for their weights and {:.1} GB were free when it was opened: the last ones may be refused.",
            gigabytes(needed),
            gigabytes(free)
        )
    })
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
    fn a_network_that_does_not_fit_as_a_whole_is_noted_with_the_numbers() {
        let note = tight(4_000_000_000, Some(1_500_000_000)).unwrap();
        assert!(note.contains("4.0 GB") && note.contains("1.5 GB"), "{note}");
        assert_eq!((tight(2, Some(2)), tight(2, None)), (None, None));
    }
}
