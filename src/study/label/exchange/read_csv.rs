//! Labels from tables: those written here, exactly, and those that others write.

use std::path::Path;

use super::find::{Imported, Known, Row, Said, Unused, find};
use super::table::{COLUMNS, SUGGESTED};
use super::{MAX_TEXT, made, read_text};
use crate::error::{Error, Result};
use crate::project::LabelSource;

/// What the column of paths may be called, the likeliest first.
const PATHS: [&str; 8] = ["path", "filename", "file_name", "filepath", "file", "image", "image_path", "name"];
/// What the column of labels may be called.
const LABELS: [&str; 6] = ["label", "class", "category", "class_name", "label_name", "target"];

/// Labels of the table `text`, called `name`, that stands in `folder`.
///
/// A table that was written here comes back exactly, with its sources and marks, whatever is in its names. In
/// others the columns are called `path`, `filename` or `image` (or a few words like these) and `label`,
/// `class` or `category`; blanks around cells are dropped, and labels count as brought in bulk. Commas,
/// semicolons and tabs separate, whichever the first line has most of. A picture is found by its path relative
/// to the table, else by its content where the table names it, else by the end of its path where only one
/// ends so. What a head suggested is never read.
///
/// # Errors
/// When it is no such table, or has too many classes to be classes. Lines that cannot be used are no error:
/// they stand in [`Imported::unused`].
pub fn import_csv(
    text: &str,
    name: &str,
    folder: &Path,
    pictures: &[Known<'_>],
    classes: &[String],
) -> Result<Imported> {
    let table = Table::parse(text, name)?;
    let path = table.need("path", &PATHS)?;
    let label = table.find(&LABELS);
    let mark = table.find(&["mark"]);
    if label.is_none() && mark.is_none() {
        table.need("label", &LABELS)?;
    }
    let (source, made) = (table.find(&["source"]), table.find(&["made"]));
    let digest = table.find(&["digest"]);
    let (mut rows, mut unused) = (Vec::new(), Vec::new());
    for (line, cells) in &table.rows {
        let cell =
            |column: Option<usize>| column.and_then(|column| cells.get(column)).map_or("", String::as_str);
        let read = || -> Result<Row, String> {
            let shown = cell(Some(path)).to_owned();
            if shown.is_empty() {
                return Err("no path".into());
            }
            let source = match cell(source) {
                "" => LabelSource::Bulk,
                word => word.parse()?,
            };
            let said = match (cell(label), cell(mark)) {
                ("", "") => Said::Nothing,
                (class, "") => Said::Class(class.to_owned(), source),
                ("", "unsure") => Said::Unsure,
                ("", "none") => Said::Outside,
                ("", other) => return Err(format!("{other:?} is no mark; use unsure or none")),
                (class, mark) => return Err(format!("it is {class:?} and {mark:?} at once; keep one")),
            };
            let digest = match cell(digest) {
                "" => None,
                text => Some(text.parse()?),
            };
            let made = match cell(made) {
                "" => None,
                text => Some(made::parse(text).ok_or_else(|| format!("{text:?} is no date and time"))?),
            };
            Ok(Row { line: *line, paths: vec![shown.clone()], shown, digest, said, made })
        };
        match read() {
            Ok(row) => rows.push(row),
            Err(why) => {
                unused.push(Unused {
                    line: *line,
                    path: cell(Some(path)).chars().take(MAX_TEXT).collect(),
                    why,
                });
            }
        }
    }
    find(rows, unused, name, folder, pictures, classes)
}

/// What a head said of a picture, from a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Guess {
    /// The number of the picture.
    pub picture: usize,
    /// The name of the class.
    pub class: String,
    /// Its probability.
    pub confidence: f32,
}

/// What a head says of `pictures`: the table at `path` that `difscope predict` wrote, with `path` (relative to
/// `folder`), `label` and `confidence`, or one of labels with `suggestion` and `confidence`. And how many lines
/// are of other pictures.
///
/// # Errors
/// When it cannot be read, or a confidence is no probability.
pub fn read_guesses(path: &Path, folder: &Path, pictures: &[Known<'_>]) -> Result<(Vec<Guess>, usize)> {
    let name = path.display().to_string();
    let table = Table::parse(&read_text(path)?, &name)?;
    let place = table.need("path", &PATHS)?;
    let class = match table.find(&SUGGESTED[..1]) {
        Some(column) => column,
        None => table.need("label", &LABELS)?,
    };
    let confidence = table.need("confidence", &["confidence"])?;
    let (mut rows, mut said) = (Vec::new(), std::collections::HashMap::new());
    for (line, cells) in &table.rows {
        let cell = |column: usize| cells.get(column).map_or("", String::as_str);
        if cell(class).is_empty() {
            continue;
        }
        let probability = cell(confidence).parse::<f32>().ok().filter(|value| (0.0..=1.0).contains(value));
        let probability = probability.ok_or_else(|| {
            let why = format!("the confidence {:?} is no number from 0 to 1", cell(confidence));
            Error::data(format!("{name}, line {line}"), why)
        })?;
        said.insert(*line, (cell(class).to_owned(), probability));
        let shown = cell(place).to_owned();
        rows.push(Row { line: *line, paths: vec![shown.clone()], shown, ..Row::default() });
    }
    let found = find(rows, Vec::new(), &name, folder, pictures, &[])?;
    let guesses = found.taken.iter().filter_map(|taken| {
        let (class, confidence) = said.get(&taken.line)?.clone();
        Some(Guess { picture: taken.picture, class, confidence })
    });
    Ok((guesses.collect(), found.unused.len()))
}

/// Cells with the names of their columns in lower case.
struct Table<'a> {
    name: &'a str,
    header: Vec<String>,
    /// Rows with their line in the file, from 1.
    rows: Vec<(u64, Vec<String>)>,
}

impl<'a> Table<'a> {
    fn parse(text: &str, name: &'a str) -> Result<Table<'a>> {
        let refuse = |why: String| Error::data(name, why);
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let first = text.lines().next().unwrap_or_default();
        let count = |separator: &u8| first.bytes().filter(|byte| byte == separator).count();
        // The first of those that are equally frequent: max_by_key takes the last.
        let separator = [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',');
        // Blanks may belong to names: only tables of others are trimmed.
        let own = first.starts_with(&COLUMNS.join(","));
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .flexible(true)
            .trim(if own { csv::Trim::None } else { csv::Trim::All })
            .from_reader(text.as_bytes());
        let damaged = |error: csv::Error| refuse(format!("not a table ({error})"));
        let header =
            reader.headers().map_err(damaged)?.iter().map(|cell| cell.trim().to_lowercase()).collect();
        let mut table = Table { name, header, rows: Vec::new() };
        if table.header.iter().all(String::is_empty) {
            return Err(refuse("empty: a table begins with the names of its columns".into()));
        }
        let (mut at, mut line) = (0, 1);
        for record in reader.records() {
            let record = record.map_err(damaged)?;
            // The reader's own lines are late where lines end with two characters.
            let start = record.position().map_or(0, |position| position.byte() as usize);
            let breaks = text.as_bytes()[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
            let start = start + breaks.count();
            line += text.as_bytes()[at..start].iter().filter(|&&byte| byte == b'\n').count() as u64;
            at = start;
            if record.iter().any(|cell| !cell.is_empty()) {
                table.rows.push((line, record.iter().map(String::from).collect()));
            }
        }
        Ok(table)
    }

    fn find(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.header.iter().position(|column| column == name))
    }

    fn need(&self, what: &str, names: &[&str]) -> Result<usize> {
        self.find(names).ok_or_else(|| {
            let (names, columns) = (names.join(", "), self.header.join(", "));
            let why =
                format!("no column of the {what} in its first line ({columns}); call it one of: {names}");
            Error::data(self.name, why)
        })
    }
}
