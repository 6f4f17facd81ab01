//! A run in files: the table, everything, and a figure.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::{LabelBench, Saving};
use crate::error::{Error, Result};
use crate::figure::Theme;
use crate::figure::write::{atomic, encode_png, refuse_existing};
use crate::study::chart::label_figure;
use crate::study::label::Order;
use crate::study::report::{csv, percent};

/// The table, everything that was found, and the figure.
const FILES: [&str; 3] = ["label-bench.csv", "label-bench.json", FIGURE];
/// The figure.
pub const FIGURE: &str = "label-bench.png";

/// Every file that is written to in `folder`.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    FILES.iter().map(|name| folder.join(name)).collect()
}

/// Writes all files into `folder`, which must be there. Says what was written.
///
/// # Errors
/// When one of [`files`] is there and `force` is not given: then none is written. When the disk refuses.
pub fn write(folder: &Path, found: &LabelBench, theme: Theme, force: bool) -> Result<Vec<PathBuf>> {
    let paths = files(folder);
    paths.iter().try_for_each(|path| refuse_existing(path, force))?;
    let text = |why: serde_json::Error| Error::Compute(format!("a table cannot be written: {why}"));
    let settings = serde_json::to_string(&found.settings).map_err(text)?;
    // All is made before anything is written, so that a failure leaves no half of a report.
    let contents = [
        csv(&found.rows)?.into_bytes(),
        (serde_json::to_string_pretty(found).map_err(text)? + "\n").into_bytes(),
        encode_png(&label_figure(found, theme)?, Some(&settings))?,
    ];
    for (path, bytes) in paths.iter().zip(contents) {
        atomic(path, force, |file| file.write_all(&bytes).map_err(Error::io("write", path)))?;
    }
    Ok(paths)
}

impl Saving {
    /// In one sentence.
    pub fn sentence(&self) -> String {
        let times = |value: Option<f64>| match value {
            Some(value) => format!("{value:.2}"),
            None => format!("more than {:.1}", self.most),
        };
        format!(
            "For the {} of {} labels in the order {}, chance needs {} times as many (95 %: {} to {}).",
            percent(self.accuracy),
            self.labels,
            Order::default(),
            times(self.ratio),
            times(self.ci_low),
            times(self.ci_high),
        )
    }
}

impl LabelBench {
    /// What audits are worth, in one sentence.
    pub fn coverage_sentence(&self) -> Option<String> {
        let coverage = self.coverage.as_ref()?;
        let share = |e: crate::study::statistics::Estimate| {
            format!("{} ({} to {})", percent(e.value), percent(e.low), percent(e.high))
        };
        let mut text = format!(
            "95 % intervals of {} audits of {} pictures by chance held the truth in {}",
            coverage.audits,
            coverage.answers,
            share(coverage.held)
        );
        if let Some(chosen) = coverage.chosen_held {
            text += &format!("; those of labels that an order chose, in {}", share(chosen));
        }
        Some(text + ".")
    }
}
