//! Splits as tables: `path,label,part`, and `digest`, by which moved files are found again.

use std::collections::HashMap;
use std::path::Path;

use super::{Candidate, How, Part, Split, divided};
use crate::data::dataset::Digest;
use crate::data::table::{Table, cell, to_csv};
use crate::error::Result;

impl Split {
    /// The split as CSV with the columns `path` (the name in the data set), `label`, `part`, `digest`.
    ///
    /// # Errors
    /// Not expected.
    pub fn to_csv(&self) -> Result<String> {
        let rows: Vec<[String; 2]> =
            self.items.iter().map(|item| [item.part.to_string(), item.digest.to_string()]).collect();
        let cells = self.items.iter().zip(&rows);
        let cells = cells.map(|(item, [part, digest])| vec![item.name.as_str(), &item.class, part, digest]);
        to_csv(std::iter::once(vec!["path", "label", "part", "digest"]).chain(cells))
    }

    /// Reads the split in the table at `path`, as [`Split::parse`].
    ///
    /// # Errors
    /// As [`Split::parse`], or when the file cannot be read.
    pub fn read(path: &Path, candidates: &[Candidate]) -> Result<Split> {
        Split::of_table(&Table::read(path)?, candidates)
    }

    /// The split in the CSV `text`, called `name`, over `candidates`. Pictures are found by `digest`
    /// where that column is there and the name does not fit, by their name in the data set, or by the
    /// end of it (`a.png` for `cat/a.png`) where only one ends so. Pictures not in the table are not
    /// used; rows with an empty `part` neither.
    ///
    /// # Errors
    /// With the line: a picture that is not there or not told from another, a label that is not the
    /// data set's, a word that is no part; and as [`Split::check`].
    pub fn parse(text: &str, name: &str, candidates: &[Candidate]) -> Result<Split> {
        Split::of_table(&Table::parse(text.as_bytes(), name)?, candidates)
    }

    fn of_table(table: &Table, candidates: &[Candidate]) -> Result<Split> {
        let (path, part) = (table.need(&["path", "name"])?, table.need(&["part"])?);
        let (label, digest) = (table.find(&["label"]), table.find(&["digest"]));
        let index = Index::of(candidates);
        let mut parts: Vec<Option<Part>> = vec![None; candidates.len()];
        for (line, row) in &table.rows {
            let (path, label, word) = (cell(row, Some(path)), cell(row, label), cell(row, Some(part)));
            if word.is_empty() {
                continue;
            }
            let part: Part = word.parse().map_err(|why: String| table.fault(*line, why))?;
            let digest = match cell(row, digest) {
                "" => None,
                text => Some(text.parse().map_err(|why: String| table.fault(*line, why))?),
            };
            let at = index.find(path, digest).map_err(|why| table.fault(*line, why))?;
            let candidate = &candidates[at];
            if !label.is_empty() && label != candidate.class {
                let why = format!("{path} is {label} here and {} in the data set", candidate.class);
                return Err(table.fault(*line, why));
            }
            if parts[at].is_some_and(|before| before != part) {
                return Err(table.fault(*line, format!("{path} stands in two parts; keep one")));
            }
            parts[at] = Some(part);
        }
        let split = Split::placed(
            How::Given,
            0,
            candidates,
            &parts,
            divided(candidates, &parts).into_iter().collect(),
        );
        split.check()?;
        Ok(split)
    }
}

/// Finds candidates.
struct Index<'a> {
    candidates: &'a [Candidate],
    names: HashMap<&'a str, usize>,
    /// By the last part of the name; `None` where several end so.
    ends: HashMap<&'a str, Option<usize>>,
    digests: HashMap<Digest, Vec<usize>>,
}

impl<'a> Index<'a> {
    fn of(candidates: &'a [Candidate]) -> Index<'a> {
        let mut index =
            Index { candidates, names: HashMap::new(), ends: HashMap::new(), digests: HashMap::new() };
        for (at, candidate) in candidates.iter().enumerate() {
            index.names.insert(&candidate.name, at);
            let end = last(&candidate.name);
            index.ends.entry(end).and_modify(|found| *found = None).or_insert(Some(at));
            index.digests.entry(candidate.digest).or_default().push(at);
        }
        index
    }

    fn find(&self, path: &str, digest: Option<Digest>) -> Result<usize, String> {
        let fits = |at: &usize| digest.is_none_or(|digest| self.candidates[*at].digest == digest);
        if let Some(&at) = self.names.get(path).filter(|at| fits(at)) {
            return Ok(at);
        }
        if let Some(digest) = digest {
            let same = self.digests.get(&digest).map_or(&[][..], Vec::as_slice);
            let by_end = same.iter().find(|&&at| last(&self.candidates[at].name) == last(path));
            return by_end.or(same.first()).copied().ok_or_else(|| {
                format!("no picture of the data set has the content of {path}; it was changed or is gone")
            });
        }
        match self.ends.get(last(path)) {
            Some(Some(at)) => Ok(*at),
            Some(None) => Err(format!("several pictures are called {}; give more of the path", last(path))),
            None => Err(format!("{path} is not in the data set")),
        }
    }
}

fn last(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
