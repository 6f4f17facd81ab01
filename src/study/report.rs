//! A comparison in files: CSV and JSON with the same names, Markdown, and two figures.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::chart::{accuracy_figure, cost_figure};
use super::table::{Summary, Table};
use crate::error::{Error, Result};
use crate::figure::ticks::{format_value, thousands};
use crate::figure::write::{atomic, encode_png, refuse_existing};
use crate::figure::{Caption, Theme};

/// What [`write`] writes: records, their summaries, and figures of these.
pub const FILES: [&str; 7] = [
    "compare.csv",
    "compare.json",
    "compare-summary.csv",
    "compare-summary.json",
    "compare.md",
    "compare.png",
    "compare-cost.png",
];

/// Writes all [`FILES`] into `folder`, which must be there. The caption's title and lines stand in the
/// figures; `settings` (JSON) is put into them. Says what was written.
///
/// # Errors
/// When one of the files is there and `force` is not given: then none is written. When a figure would be
/// too large, or the disk refuses.
pub fn write(
    folder: &Path,
    table: &Table,
    caption: &Caption,
    theme: Theme,
    settings: Option<&str>,
    force: bool,
) -> Result<Vec<PathBuf>> {
    let paths: Vec<PathBuf> = FILES.iter().map(|name| folder.join(name)).collect();
    paths.iter().try_for_each(|path| refuse_existing(path, force))?;
    let summaries = table.summaries();
    // All is made before anything is written, so that a failure leaves no half of a report.
    let contents = [
        csv(table.records())?.into_bytes(),
        json(table.records())?.into_bytes(),
        csv(summaries)?.into_bytes(),
        json(summaries)?.into_bytes(),
        markdown(summaries).into_bytes(),
        encode_png(&accuracy_figure(summaries, caption, theme)?, settings)?,
        encode_png(&cost_figure(summaries, caption, theme)?, settings)?,
    ];
    for (path, bytes) in paths.iter().zip(contents) {
        atomic(path, force, |file| file.write_all(&bytes).map_err(Error::io("write", path)))?;
    }
    Ok(paths)
}

/// Rows as CSV under a header of their fields' names; cells are quoted where they must be, numbers read
/// back exactly, what is unknown is empty.
///
/// # Errors
/// Not expected: memory takes everything.
pub fn csv<T: Serialize>(rows: &[T]) -> Result<String> {
    let failed = |why: String| Error::Compute(format!("a table cannot be written: {why}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).map_err(|error| failed(error.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
}

/// Rows as a JSON list of objects.
///
/// # Errors
/// Not expected: rows hold finite numbers and text.
pub fn json<T: Serialize>(rows: &[T]) -> Result<String> {
    let mut text = serde_json::to_string_pretty(rows)
        .map_err(|why| Error::Compute(format!("a table cannot be written: {why}")))?;
    text.push('\n');
    Ok(text)
}

/// Summaries as a Markdown table whose columns also stand under each other in a terminal.
pub fn markdown(summaries: &[Summary]) -> String {
    let header = [
        "head",
        "features",
        "shots",
        "seeds",
        "accuracy",
        "95 % interval",
        "macro F1",
        "test",
        "parameters",
        "GMAC/image",
        "training",
        "per image",
        "best",
    ];
    let mut rows = vec![header.map(String::from)];
    rows.extend(summaries.iter().map(|row| {
        [
            cell(&row.head),
            row.features.name().to_owned(),
            row.shots.map_or("all".into(), |shots| shots.to_string()),
            row.seeds.to_string(),
            percent(row.accuracy),
            format!("{} – {}", percent(row.ci_low), percent(row.ci_high)),
            format!("{:.3}", row.macro_f1),
            thousands(row.n_test as u64),
            thousands(row.parameters),
            format_value(row.gmac_per_image as f32),
            seconds(row.seconds_train),
            seconds(row.seconds_per_image),
            row.in_best_set.map_or("?", |best| if best { "✓" } else { "" }).to_owned(),
        ]
    }));
    let widths: [usize; 13] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    let is_text = |column: usize| column < 2;
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let padded =
                if is_text(column) { format!("| {cell:<width$} ") } else { format!("| {cell:>width$} ") };
            text.push_str(&padded);
        }
        text.push_str("|\n");
        if index == 0 {
            for (column, &width) in widths.iter().enumerate() {
                let dashes = "-".repeat(width);
                text.push_str(&if is_text(column) { format!("|-{dashes}-") } else { format!("|-{dashes}:") });
            }
            text.push_str("|\n");
        }
    }
    text.push_str(
        "\nbest ✓: not distinguishable from the best with the same shots (paired on the same pictures, 95 %).\n",
    );
    text
}

/// Text that stays in its cell.
fn cell(text: &str) -> String {
    let one_line: Vec<&str> = text.split_whitespace().collect();
    one_line.join(" ").replace('\\', "\\\\").replace('|', "\\|")
}

/// A share as a percentage with one decimal: `91.2 %`.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A duration in the unit that suits it.
fn seconds(value: f64) -> String {
    match value {
        0.0 => "0 s".into(),
        v if v < 0.9995e-3 => format!("{} µs", format_value((v * 1e6) as f32)),
        v if v < 0.9995 => format!("{} ms", format_value((v * 1e3) as f32)),
        v if v < 599.5 => format!("{} s", format_value(v as f32)),
        v => format!("{} min", format_value((v / 60.0) as f32)),
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
