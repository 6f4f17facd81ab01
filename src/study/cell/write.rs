//! What was seen in a cell, in files: tables as CSV, everything as JSON, and the figure.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::records::{ClassRecord, pictures};
use super::report::CellReport;
use crate::error::{Error, Result};
use crate::figure::Theme;
use crate::figure::write::{atomic, encode_png, refuse_existing};
use crate::study::chart::cell_figure;
use crate::study::report::csv;

/// What [`write_cell`] writes: everything; a row for each picture, class, point of the learning curve and
/// step of noise; and the figure. Tables without a row are left away.
pub const CELL_FILES: [&str; 6] =
    ["cell.json", "cell-pictures.csv", "cell-classes.csv", "cell-curve.csv", "cell-noise.csv", "cell.png"];

/// Writes the [`CELL_FILES`] into `folder`, which must be there. Says what was written. With `force`, those
/// of an earlier look that this one has no rows for are taken away.
///
/// # Errors
/// When one of the files is there and `force` is not given: then none is written. When the disk refuses.
pub fn write_cell(folder: &Path, report: &CellReport, theme: Theme, force: bool) -> Result<Vec<PathBuf>> {
    let paths: Vec<PathBuf> = CELL_FILES.iter().map(|name| folder.join(name)).collect();
    paths.iter().try_for_each(|path| refuse_existing(path, force))?;
    let failed = |error: serde_json::Error| Error::Compute(format!("a cell cannot be written: {error}"));
    let settings = serde_json::to_string(&report.settings).map_err(failed)?;
    let classes: Vec<ClassRecord<'_>> =
        report.answers.iter().flat_map(|answers| &answers.classes).map(ClassRecord::of).collect();
    let points = report.curve.as_ref().map_or(&[][..], |curve| &curve.points);
    let rows = |count: usize, table: Result<String>| -> Result<Option<Vec<u8>>> {
        Ok(if count > 0 { Some(table?.into_bytes()) } else { None })
    };
    // All is made before anything is written, so that a failure leaves no half of a report.
    let contents = [
        Some((serde_json::to_string_pretty(report).map_err(failed)? + "\n").into_bytes()),
        rows(report.pictures.len(), csv(&pictures(report)))?,
        rows(classes.len(), csv(&classes))?,
        rows(points.len(), csv(points))?,
        rows(report.noise.len(), csv(&report.noise))?,
        Some(encode_png(&cell_figure(report, theme)?, Some(&settings))?),
    ];
    let mut written = Vec::new();
    for (path, bytes) in paths.into_iter().zip(contents) {
        match bytes {
            Some(bytes) => {
                atomic(&path, force, |file| file.write_all(&bytes).map_err(Error::io("write", &path)))?;
                written.push(path);
            }
            None if path.exists() => std::fs::remove_file(&path).map_err(Error::io("remove", &path))?,
            None => {}
        }
    }
    Ok(written)
}
