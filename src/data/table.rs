//! Tables in text files: CSV with a header line, quotes, and whichever separator the header has.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::decode::unreadable;
use crate::error::{Error, Result};

/// Longer tables are refused before they are read.
const MAX_BYTES: u64 = 256 << 20;

/// A table with its header.
#[derive(Debug)]
pub(super) struct Table {
    /// What it is called in messages.
    name: String,
    /// Names of the columns in lower case.
    header: Vec<String>,
    /// Rows with their line in the file, from 1.
    pub rows: Vec<(u64, Vec<String>)>,
}

impl Table {
    /// Reads the table at `path`.
    ///
    /// # Errors
    /// When it is not there, too long, not text, or has no header.
    pub fn read(path: &Path) -> Result<Table> {
        let name = path.display().to_string();
        let mut file = File::open(path).map_err(unreadable(path))?;
        let about = file.metadata().map_err(unreadable(path))?;
        if about.len() > MAX_BYTES {
            let why = format!("a table of more than {} MB is not read here; split it", MAX_BYTES >> 20);
            return Err(Error::data(name, why));
        }
        let mut bytes = Vec::new();
        file.by_ref().take(MAX_BYTES).read_to_end(&mut bytes).map_err(unreadable(path))?;
        Table::parse(&bytes, &name)
    }

    /// The table in `bytes`, called `name`.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn parse(bytes: &[u8], name: &str) -> Result<Table> {
        let refuse = |why: String| Error::data(name, why);
        let text = std::str::from_utf8(bytes)
            .map_err(|error| refuse(format!("not text in UTF-8 ({error}); save it as CSV UTF-8")))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let first = text.lines().next().unwrap_or_default();
        let separators = [b',', b';', b'\t'];
        let count = |separator: &u8| first.bytes().filter(|byte| byte == separator).count();
        // The first of those that are equally frequent: max_by_key takes the last.
        let separator = separators.into_iter().rev().max_by_key(count).unwrap_or(b',');
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let damaged = |error: csv::Error| refuse(format!("not a table ({error})"));
        let header: Vec<String> = reader.headers().map_err(damaged)?.iter().map(str::to_lowercase).collect();
        if header.iter().all(String::is_empty) {
            return Err(refuse("empty: a table begins with the names of its columns".into()));
        }
        let mut rows = Vec::new();
        let (mut at, mut line) = (0, 1);
        for record in reader.records() {
            let record = record.map_err(damaged)?;
            // The reader counts a line late where lines end with two characters.
            let start = record.position().map_or(0, |position| position.byte() as usize);
            let breaks = text.as_bytes()[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
            let start = start + breaks.count();
            line += text.as_bytes()[at..start].iter().filter(|&&byte| byte == b'\n').count() as u64;
            at = start;
            if record.iter().any(|cell| !cell.is_empty()) {
                rows.push((line, record.iter().map(String::from).collect()));
            }
        }
        Ok(Table { name: name.to_owned(), header, rows })
    }

    /// The place of the column called one of `names`, the first that there is.
    pub fn find(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.header.iter().position(|column| column == name))
    }

    /// As [`Table::find`] for a column that must be there.
    ///
    /// # Errors
    /// Names the columns that there are.
    pub fn need(&self, names: &[&str]) -> Result<usize> {
        self.find(names).ok_or_else(|| {
            let columns = self.header.join(", ");
            let why = format!(
                "no column `{}` in its first line ({columns}); the first line names the columns",
                names[0]
            );
            Error::data(self.name.clone(), why)
        })
    }

    /// A failure at `line`.
    pub fn fault(&self, line: u64, why: impl std::fmt::Display) -> Error {
        Error::data(format!("{}, line {line}", self.name), why.to_string())
    }
}

/// The cell of `row` in `column`; empty where the row is short.
pub(super) fn cell(row: &[String], column: Option<usize>) -> &str {
    column.and_then(|column| row.get(column)).map_or("", String::as_str)
}

/// Rows as CSV, cells quoted where they must be.
///
/// # Errors
/// Not expected: memory takes everything.
pub(super) fn to_csv<'a>(rows: impl IntoIterator<Item = Vec<&'a str>>) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |why: String| Error::Compute(format!("a table cannot be written: {why}"));
    for row in rows {
        writer.write_record(row).map_err(|error| failed(error.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_quotes_and_marks_are_understood() {
        for text in [
            "path,label\n\"a, b.png\",\"the \"\"cat\"\"\"\nc.png,dog\n",
            "\u{feff}Path;Label\r\n\"a, b.png\";\"the \"\"cat\"\"\"\r\n\r\nc.png;dog\r\n",
            "path\tlabel\na, b.png\t\"the \"\"cat\"\"\"\n\t\nc.png\tdog",
        ] {
            let table = Table::parse(text.as_bytes(), "t").unwrap();
            let (path, label) = (table.need(&["path"]).unwrap(), table.need(&["label"]).unwrap());
            let rows: Vec<_> =
                table.rows.iter().map(|(_, row)| (cell(row, Some(path)), cell(row, Some(label)))).collect();
            assert_eq!(rows, [("a, b.png", "the \"cat\""), ("c.png", "dog")], "{text:?}");
            let last = if text.contains(";") || text.contains("\t") { 4 } else { 3 };
            assert_eq!([table.rows[0].0, table.rows[1].0], [2, last], "{text:?}");
        }
    }

    #[test]
    fn what_is_no_table_is_said() {
        let why = |bytes: &[u8]| Table::parse(bytes, "t.csv").unwrap_err().to_string();
        assert!(why(b"").contains("empty"));
        assert!(why(b"path,label\n\xff\xfe").contains("UTF-8"));
        let table = Table::parse(b"file,class\na,b", "t.csv").unwrap();
        let error = table.need(&["path"]).unwrap_err().to_string();
        assert!(error.contains("t.csv") && error.contains("`path`") && error.contains("file, class"));
        assert_eq!(cell(&["a".into()], Some(3)), "");
    }

    #[test]
    fn what_is_written_reads_back() {
        let rows = [vec!["path", "label"], vec!["a, \"b\"\nc", "ü"], vec!["", "x"]];
        let text = to_csv(rows.clone()).unwrap();
        let table = Table::parse(text.as_bytes(), "t").unwrap();
        let read: Vec<Vec<String>> = table.rows.into_iter().map(|(_, row)| row).collect();
        assert_eq!(read, rows[1..]);
    }
}
