//! A sweep in files: tables as CSV, everything as JSON, and the figure.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::report::SweepReport;
use crate::error::{Error, Result};
use crate::figure::Theme;
use crate::figure::write::{atomic, encode_png, refuse_existing};
use crate::study::chart::sweep_figure;
use crate::study::report::csv;

/// What [`write_sweep`] writes: all cells, those that test pictures scored (not without labels),
/// everything with the answer in words, and the table as a figure.
pub const SWEEP_FILES: [&str; 4] = ["sweep.csv", "sweep-test.csv", "sweep.json", "sweep.png"];

/// Writes all [`SWEEP_FILES`] into `folder`, which must be there. Says what was written. Without labels no
/// picture is tested on: a `sweep-test.csv` of another sweep is taken away, where `force` is given.
///
/// # Errors
/// When one of the files is there and `force` is not given: then none is written. When the disk refuses.
pub fn write_sweep(folder: &Path, report: &SweepReport, theme: Theme, force: bool) -> Result<Vec<PathBuf>> {
    let paths: Vec<PathBuf> = SWEEP_FILES.iter().map(|name| folder.join(name)).collect();
    paths.iter().try_for_each(|path| refuse_existing(path, force))?;
    let failed = |error: serde_json::Error| Error::Compute(format!("a sweep cannot be written: {error}"));
    let settings = serde_json::to_string(&report.settings).map_err(failed)?;
    // All is made before anything is written, so that a failure leaves no half of a report.
    let has_test = report.settings.score.needs_labels();
    let contents = [
        Some(csv(&report.rows)?.into_bytes()),
        has_test.then(|| csv(&report.tested)).transpose()?.map(String::into_bytes),
        Some((serde_json::to_string_pretty(report).map_err(failed)? + "\n").into_bytes()),
        Some(encode_png(&sweep_figure(report, theme)?, Some(&settings))?),
    ];
    let mut written = Vec::new();
    for (path, bytes) in paths.into_iter().zip(contents) {
        match bytes {
            Some(bytes) => {
                atomic(&path, force, |file| file.write_all(&bytes).map_err(Error::io("write", &path)))?;
                written.push(path);
            }
            // Refused above where it is there without `force`.
            None if path.exists() => std::fs::remove_file(&path).map_err(Error::io("remove", &path))?,
            None => {}
        }
    }
    Ok(written)
}
