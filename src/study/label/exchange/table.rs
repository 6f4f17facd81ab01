//! Labels as a table: one line per picture, and nothing lost on the way back.

use std::path::Path;

use super::made;
use super::place::within;
use super::set::{LabelPicture, LabelSet};
use crate::error::{Error, Result};
use crate::study::label::Mark;

/// The columns that every table has, in their order.
pub(super) const COLUMNS: [&str; 6] = ["path", "label", "source", "made", "digest", "mark"];
/// The columns of what a head suggests.
pub(super) const SUGGESTED: [&str; 2] = ["suggestion", "confidence"];

/// The word for a mark that is no class; empty for others.
pub(super) fn word(mark: Mark) -> &'static str {
    match mark {
        Mark::Blank | Mark::Class { .. } => "",
        Mark::Unsure => "unsure",
        Mark::Outside => "none",
    }
}

/// Where the label of `mark` comes from; empty where there is none.
pub(super) fn source(mark: Mark) -> String {
    match mark {
        Mark::Class { source, .. } => source.to_string(),
        _ => String::new(),
    }
}

/// The table, with paths relative to `folder` for pictures below it.
pub(super) fn csv(set: &LabelSet, folder: &Path, suggestions: bool) -> Result<Vec<u8>> {
    let failed = |why: String| Error::Compute(format!("the labels cannot be written as a table: {why}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = COLUMNS.into_iter().chain(SUGGESTED.into_iter().filter(|_| suggestions));
    writer.write_record(head).map_err(|error| failed(error.to_string()))?;
    for picture in &set.pictures {
        let LabelPicture { place, digest, mark, made, suggestion, .. } = picture;
        let mut row = vec![
            within(place, folder),
            set.label(*mark).unwrap_or_default().to_owned(),
            source(*mark),
            made.map(made::text).unwrap_or_default(),
            digest.map(|digest| digest.to_string()).unwrap_or_default(),
            word(*mark).to_owned(),
        ];
        if suggestions {
            let (class, confidence) = match suggestion {
                Some(suggested) => (set.class(suggested.class), suggested.confidence.to_string()),
                None => ("", String::new()),
            };
            row.extend([class.to_owned(), confidence]);
        }
        writer.write_record(row).map_err(|error| failed(error.to_string()))?;
    }
    writer.into_inner().map_err(|error| failed(error.to_string()))
}
