//! Results on standard output: text for people, or one JSON document.

use std::io::{self, ErrorKind, Write};
use std::path::Path;

use serde::Serialize;

use super::Failure;
use crate::figure::write::refuse_existing;

/// Prints text as it is. A reader that has gone away, as `head` does, is no failure.
///
/// # Errors
/// When standard output cannot be written for another reason, such as a full disk.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::failed(format!("cannot write to standard output: {error}"))),
    }
}

/// Prints `value` as JSON when asked for, else the text that `human` makes.
///
/// # Errors
/// As [`print`].
pub fn report(json: bool, value: &impl Serialize, human: impl FnOnce() -> String) -> Result<(), Failure> {
    if !json {
        return print(&human());
    }
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::failed(format!("the result cannot be written as JSON: {error}")))?;
    print(&(text + "\n"))
}

/// Checks before any work that `path` can be written: nothing is there, unless `force`, and its
/// folder is.
///
/// # Errors
/// Says what is in the way.
pub fn check_place(path: &Path, force: bool) -> Result<(), Failure> {
    refuse_existing(path, force)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder.filter(|folder| !folder.is_dir()) {
        Some(folder) => Err(Failure::failed(format!(
            "cannot write {}: there is no folder {}; create it first",
            path.display(),
            folder.display()
        ))),
        None => Ok(()),
    }
}

/// Three significant digits, never in exponents.
pub fn significant(value: f64) -> String {
    let before = if value >= 1.0 { value.log10().floor() as i32 + 1 } else { 1 };
    format!("{value:.*}", (4 - before).max(0) as usize)
}

/// Bytes in the largest unit that leaves a number of at least 1.
pub fn bytes(count: u64) -> String {
    let units = [(30, "GB"), (20, "MB"), (10, "kB")];
    match units.iter().find(|(shift, _)| count >> shift > 0) {
        Some((shift, unit)) => format!("{:.1} {unit}", count as f64 / (1u64 << shift) as f64),
        None => format!("{count} bytes"),
    }
}

/// Rows in columns as wide as their widest cell, two blanks between; `left` columns are flush left,
/// the others flush right.
pub fn table(rows: &[Vec<String>], left: &[usize]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let length = |text: &String| text.chars().count();
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(length).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let blanks = " ".repeat(widths[column] - length(cell));
            let cell = if left.contains(&column) { cell.clone() + &blanks } else { blanks + cell };
            line = line + if column > 0 { "  " } else { "" } + &cell;
        }
        text = text + line.trim_end() + "\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([12, 1536, 3 << 30].map(bytes), ["12 bytes", "1.5 kB", "3.0 GB"]);
    }

    #[test]
    fn columns_are_aligned_by_characters() {
        let rows = [["b", "shape"], ["12", "8×8"]].map(|row| row.map(String::from).to_vec());
        assert_eq!(table(&rows, &[1]), " b  shape\n12  8×8\n");
    }
}
