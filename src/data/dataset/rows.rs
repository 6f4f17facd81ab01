//! A table as a data set: `path,label` and optionally `part`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{DataSet, Found, Labels, folder};
use crate::data::library::{IdxSet, Source};
use crate::data::scan::{Skipped, numbered};
use crate::data::table::{Table, cell};
use crate::error::{Error, Result};

/// The data set in the table at `data`. Paths are relative to the table; rows whose picture is gone
/// are listed with their line.
///
/// # Errors
/// As [`DataSet::open`].
pub(super) fn open(data: &Path, labels: Labels, cancel: &dyn Fn() -> bool) -> Result<DataSet> {
    let table = Table::read(data)?;
    let path = table.need(&["path", "name"])?;
    let label = match labels {
        Labels::Needed => Some(table.need(&["label"])?),
        Labels::Optional => table.find(&["label"]),
    };
    let part = table.find(&["part"]);
    let folder = data.parent().unwrap_or(Path::new(""));
    let mut pictures = Pictures { folder, cancel, sets: HashMap::new() };
    let mut seen: HashMap<&str, (u64, &str)> = HashMap::new();
    let (mut found, mut classes, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    for (line, row) in &table.rows {
        let (name, class) = (cell(row, Some(path)), cell(row, label));
        let given = match cell(row, part) {
            "" => None,
            word => Some(word.parse().map_err(|why: String| table.fault(*line, why))?),
        };
        if !class.is_empty() {
            classes.push(class.to_owned());
        }
        let mut skip = |why: String| {
            let path = if name.is_empty() { data.to_path_buf() } else { pictures.folder.join(name) };
            skipped.push(Skipped { path, why: format!("line {line}: {why}") });
        };
        if name.is_empty() {
            skip("no path".into());
            continue;
        }
        if let Some(&(before, other)) = seen.get(name) {
            if other == class {
                skip(format!("stands in line {before} already"));
                continue;
            }
            let why = format!("{name} is {class:?} here and {other:?} in line {before}; keep one of them");
            return Err(table.fault(*line, why));
        }
        seen.insert(name, (*line, class));
        match pictures.find(name)? {
            Ok(source) => found.push(Found {
                source,
                name: name.to_owned(),
                class: (!class.is_empty()).then(|| class.to_owned()),
                given,
            }),
            Err(why) => skip(why),
        }
    }
    Ok(DataSet::sorted(data.display().to_string(), found, classes, skipped))
}

struct Pictures<'a> {
    folder: &'a Path,
    cancel: &'a dyn Fn() -> bool,
    /// Files of many pictures, each opened once.
    sets: HashMap<PathBuf, Arc<IdxSet>>,
}

impl Pictures<'_> {
    /// The one picture called `name`, or why there is none.
    fn find(&mut self, name: &str) -> Result<Result<Source, String>> {
        let path = if name.starts_with("bundled:") { PathBuf::from(name) } else { self.folder.join(name) };
        if !path.exists()
            && let Some((file, index)) = numbered(&path)
        {
            return Ok(self.of_set(file, index).map_err(|error| error.to_string()));
        }
        let (mut sources, skipped) = folder::list(vec![path], self.cancel)?;
        Ok(match (sources.pop(), sources.is_empty(), skipped.into_iter().next()) {
            (Some(source), true, _) => Ok(source),
            (Some(_), ..) => Err("many pictures, not one; add # and the number of the one meant".into()),
            (None, _, Some(skipped)) => Err(skipped.why),
            (None, _, None) => Err("no picture".into()),
        })
    }

    fn of_set(&mut self, file: PathBuf, index: usize) -> Result<Source> {
        let set = match self.sets.get(&file) {
            Some(set) => Arc::clone(set),
            None => {
                let set = Arc::new(IdxSet::open(&file)?);
                self.sets.insert(file.clone(), Arc::clone(&set));
                set
            }
        };
        IdxSet::source(&set, index).ok_or_else(|| {
            let why = format!("the file holds {} pictures, #{index} is not there", set.count());
            Error::data(file.display().to_string(), why)
        })
    }
}
