//! Exports that are files: which, with what in them, and what to know about them.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::config::{ExportConfig, ExportFormat};
use super::place::{folder_of, real};
use super::set::LabelSet;
use super::{Vectors, coco, fiftyone, label_studio, projector, table};
use crate::error::{Error, Result};
use crate::figure::write::{atomic, refuse_existing};

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// The files.
    pub written: Vec<PathBuf>,
    /// Pictures in them.
    pub pictures: usize,
    /// Of these with the label of a class.
    pub labelled: usize,
    /// What to know: how the other program loads it, and what it cannot open.
    pub notes: Vec<String>,
}

/// What [`export`] may write to `out`: a file and what stands beside it, or files in a folder. To be shown, and
/// asked about, before long work.
pub fn files(config: &ExportConfig, out: &Path) -> Vec<PathBuf> {
    let with = |ending: &str| out.with_extension(ending);
    let inside = |names: &[&str]| names.iter().map(|name| out.join(name)).collect();
    match config.format {
        ExportFormat::Csv => vec![out.to_path_buf()],
        ExportFormat::Folders => Vec::new(),
        ExportFormat::LabelStudio => vec![out.to_path_buf(), with("xml")],
        ExportFormat::Coco if config.suggestions => vec![out.to_path_buf(), with("suggestions.json")],
        ExportFormat::Coco => vec![out.to_path_buf()],
        ExportFormat::Fiftyone => {
            inside(&[fiftyone::LABELS, fiftyone::DATA, fiftyone::MARKS, fiftyone::SUGGESTIONS])
        }
        ExportFormat::Projector => inside(&[projector::VECTORS, projector::METADATA]),
    }
}

/// Writes labels to `out` as `config` says: a file (CSV, Label Studio, COCO), or a folder that is made if it is
/// not there (FiftyOne, projector, for which `vectors` hold one row per picture). Folders of pictures are for
/// [`FolderPlan`](super::FolderPlan).
///
/// # Errors
/// When the labels cannot be written so, one of the [`files`] is there and `force` is not given (then none is
/// written), or the disk refuses.
pub fn export(
    set: &LabelSet,
    config: &ExportConfig,
    out: &Path,
    vectors: Option<&Vectors>,
    force: bool,
) -> Result<Exported> {
    set.check()?;
    check_ending(config.format, out)?;
    files(config, out).iter().try_for_each(|path| refuse_existing(path, force))?;
    // All is made before anything is written, so that a failure leaves no half of an export.
    let contents = contents(set, config, out, vectors)?;
    if config.format.is_folder() {
        std::fs::create_dir_all(out).map_err(Error::io("create", out))?;
    }
    for (path, bytes) in &contents {
        atomic(path, force, |file| file.write_all(bytes).map_err(Error::io("write", path)))?;
    }
    let written: Vec<PathBuf> = contents.into_iter().map(|(path, _)| path).collect();
    // What an earlier export left, and this one has nothing for, would be taken for a part of it.
    for stale in files(config, out).into_iter().filter(|path| force && !written.contains(path)) {
        if stale.is_file() {
            std::fs::remove_file(&stale).map_err(Error::io("remove", &stale))?;
        }
    }
    Ok(Exported {
        pictures: set.pictures.len(),
        labelled: set.pictures.iter().filter(|picture| picture.mark.class().is_some()).count(),
        notes: notes(set, config, out)?,
        written,
    })
}

fn check_ending(format: ExportFormat, out: &Path) -> Result<()> {
    let wanted = match format {
        ExportFormat::Csv => "csv",
        ExportFormat::LabelStudio | ExportFormat::Coco => "json",
        _ => return Ok(()),
    };
    let ending = out.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    if ending.as_deref() == Some(wanted) {
        return Ok(());
    }
    Err(Error::Setting(format!(
        "{}: {format} is written as .{wanted}; choose a name with this ending",
        out.display()
    )))
}

fn contents(
    set: &LabelSet,
    config: &ExportConfig,
    out: &Path,
    vectors: Option<&Vectors>,
) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let folder = folder_of(out);
    let inside = real(out);
    Ok(match config.format {
        ExportFormat::Csv => vec![(out.to_path_buf(), table::csv(set, &folder, config.suggestions)?)],
        ExportFormat::Folders => {
            return Err(Error::Compute("folders of pictures were asked for as a file of labels".into()));
        }
        ExportFormat::LabelStudio => vec![
            (out.to_path_buf(), label_studio::tasks(set, config, &folder)?),
            (out.with_extension("xml"), label_studio::interface(set)?),
        ],
        ExportFormat::Coco => {
            let mut files = vec![(out.to_path_buf(), coco::annotations(set, &folder)?)];
            if config.suggestions {
                files.push((out.with_extension("suggestions.json"), coco::results(set)?));
            }
            files
        }
        ExportFormat::Fiftyone => {
            let files = fiftyone::files(set, &inside, config.suggestions)?;
            files.into_iter().map(|(name, bytes)| (out.join(name), bytes)).collect()
        }
        ExportFormat::Projector => {
            let Some(vectors) = vectors else {
                let text = "the projector shows vectors: give features of the pictures, which `difscope \
                            extract` writes";
                return Err(Error::Setting(text.into()));
            };
            vectors.check(set.pictures.len())?;
            let metadata = projector::metadata(set, &inside, config.labels_only, config.suggestions);
            vec![
                (out.join(projector::VECTORS), projector::vectors(vectors)),
                (out.join(projector::METADATA), metadata),
            ]
        }
    })
}

fn notes(set: &LabelSet, config: &ExportConfig, out: &Path) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    let packed = set.packed();
    let opens = match config.format {
        ExportFormat::LabelStudio => Some("Label Studio cannot show them"),
        ExportFormat::Fiftyone => Some("they are left out, FiftyOne opens files only"),
        ExportFormat::Coco => Some("other programs cannot open them"),
        _ => None,
    };
    if let (Some(opens), 1..) = (opens, packed) {
        notes.push(format!("{packed} pictures are in files of many or come with the program: {opens}"));
    }
    match config.format {
        ExportFormat::LabelStudio => {
            if let Some(served) = label_studio::served(set, config)? {
                notes.push(format!(
                    "start Label Studio with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true and \
                     LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={}, give a new project the labelling interface {} \
                     and the local storage {}, and import {}",
                    served.root.display(),
                    out.with_extension("xml").display(),
                    served.storage.display(),
                    out.display()
                ));
            }
        }
        ExportFormat::Fiftyone => notes.push(format!(
            "load it with fo.Dataset.from_dir({:?}, fo.types.FiftyOneImageClassificationDataset, \
             data_path={:?})",
            out.display().to_string(),
            fiftyone::DATA
        )),
        ExportFormat::Projector => {
            notes.push(
                "load both files at projector.tensorflow.org, or in TensorBoard under Projector".into(),
            );
        }
        _ => {}
    }
    Ok(notes)
}
