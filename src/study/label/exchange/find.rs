//! Labels that come in, and the pictures that they belong to: by path, by content, or by the end of the path.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;

use super::place::{is_bundled, normal, resolve};
use super::{MAX_CLASSES, MAX_TEXT};
use crate::data::dataset::Digest;
use crate::error::{Error, Result};
use crate::project::LabelSource;
use crate::study::label::Mark;

/// A picture that labels are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Where it is, as in [`LabelPicture::place`](super::LabelPicture::place).
    pub place: &'a str,
    /// Names its content, where it is known.
    pub digest: Option<Digest>,
}

/// How a picture was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FoundBy {
    /// It is where the file says.
    Path,
    /// It is elsewhere, and has the content that the file names.
    Content,
    /// It is the only one whose path ends as the file says.
    Ending,
}

/// A label that came in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Taken {
    /// The number of the picture.
    pub picture: usize,
    /// What it is marked as; the class is one of [`Imported::classes`].
    pub mark: Mark,
    /// When it was marked, in milliseconds since 1970, where the file says so.
    pub made: Option<i64>,
    /// Where the file says it: the line of a table, the number of a task or image, from 1.
    pub line: u64,
    /// How the picture was found.
    pub by: FoundBy,
}

/// A line that was not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unused {
    /// As [`Taken::line`].
    pub line: u64,
    /// The path in it.
    pub path: String,
    /// Why, and what to do.
    pub why: String,
}

/// What came in.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Imported {
    /// The classes that were given, then those that are new, in the order of the file.
    pub classes: Vec<String>,
    /// How many of them were given.
    pub known: usize,
    /// A mark for each picture found, [`Mark::Blank`] too, in the order of the file.
    pub taken: Vec<Taken>,
    /// Lines that were not used.
    pub unused: Vec<Unused>,
}

impl Imported {
    /// Names of the classes that are new.
    pub fn new_classes(&self) -> &[String] {
        &self.classes[self.known..]
    }
}

/// What a line says of its picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Said {
    #[default]
    Nothing,
    Class(String, LabelSource),
    Unsure,
    Outside,
}

/// A line of a file of labels.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub line: u64,
    /// As in the file, for messages.
    pub shown: String,
    /// Paths that may be meant, the likeliest first.
    pub paths: Vec<String>,
    pub digest: Option<Digest>,
    pub said: Said,
    pub made: Option<i64>,
}

/// Finds the pictures of `rows`; paths are relative to `folder`. `unused` are lines that were given up
/// before.
///
/// # Errors
/// When there are too many classes to be classes.
pub(super) fn find(
    rows: Vec<Row>,
    mut unused: Vec<Unused>,
    name: &str,
    folder: &Path,
    pictures: &[Known<'_>],
    classes: &[String],
) -> Result<Imported> {
    let index = Index::of(pictures);
    let mut holders: Vec<Option<usize>> = vec![None; pictures.len()];
    let mut found: Vec<Option<(usize, FoundBy)>> = vec![None; rows.len()];
    let mut give_up = |row: &Row, why: String| {
        unused.push(Unused { line: row.line, path: row.shown.clone(), why });
    };
    // What is at its path goes first, so that nothing that was moved takes its place.
    let mut left = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        if let Some(why) = too_long(row) {
            give_up(row, why);
            continue;
        }
        match index.by_path(row, folder) {
            Some(picture) if index.agrees(picture, row) => match holders[picture] {
                None => {
                    holders[picture] = Some(at);
                    found[at] = Some((picture, FoundBy::Path));
                }
                Some(before) => give_up(row, again(&rows[before], row)),
            },
            at_path => left.push((at, at_path.is_some())),
        }
    }
    for (at, changed) in left {
        let row = &rows[at];
        let (candidates, by) = match row.digest {
            Some(digest) => (index.contents.get(&digest).cloned().unwrap_or_default(), FoundBy::Content),
            None => (index.by_ending(row), FoundBy::Ending),
        };
        let free = candidates.iter().copied().find(|&picture| holders[picture].is_none());
        match (free, candidates.as_slice()) {
            (None, []) if changed => give_up(
                row,
                "another picture is at this path now, and the one meant is nowhere among the pictures".into(),
            ),
            (None, []) => give_up(
                row,
                "neither the path nor the content is that of a picture here; add the picture first".into(),
            ),
            (_, [_, _, ..]) if by == FoundBy::Ending => {
                give_up(
                    row,
                    format!("{} pictures have a path that ends so; give more of it", candidates.len()),
                );
            }
            (Some(picture), _) => {
                holders[picture] = Some(at);
                found[at] = Some((picture, by));
            }
            (None, [first, ..]) => {
                let before = holders[*first].map_or(row, |before| &rows[before]);
                give_up(row, again(before, row));
            }
        }
    }
    unused.sort_by_key(|unused| unused.line);
    let mut imported =
        Imported { classes: classes.to_vec(), known: classes.len(), taken: Vec::new(), unused };
    let mut numbers: HashMap<String, usize> =
        classes.iter().enumerate().map(|(number, class)| (class.clone(), number)).collect();
    for (row, found) in rows.into_iter().zip(found) {
        let Some((picture, by)) = found else { continue };
        let mark = match row.said {
            Said::Nothing => Mark::Blank,
            Said::Unsure => Mark::Unsure,
            Said::Outside => Mark::Outside,
            Said::Class(class, source) => {
                let classes = &mut imported.classes;
                let class = *numbers.entry(class).or_insert_with_key(|class| {
                    classes.push(class.clone());
                    classes.len() - 1
                });
                Mark::Class { class, source }
            }
        };
        if imported.classes.len() - imported.known > MAX_CLASSES {
            let why = format!("more than {MAX_CLASSES} new classes; another column than the label was read");
            return Err(Error::data(name, why));
        }
        imported.taken.push(Taken { picture, mark, made: row.made, line: row.line, by });
    }
    Ok(imported)
}

fn too_long(row: &Row) -> Option<String> {
    let class = match &row.said {
        Said::Class(class, _) => class.len(),
        _ => 0,
    };
    let longest = row.paths.iter().map(String::len).max().unwrap_or(0).max(class);
    (longest > MAX_TEXT).then(|| format!("a path or class of more than {MAX_TEXT} bytes is none"))
}

/// Why a second line of a picture is not used.
fn again(before: &Row, row: &Row) -> String {
    match before.said == row.said {
        true => format!("the picture has this from line {} already", before.line),
        false => {
            let words = |said: &Said| match said {
                Said::Nothing => "nothing".to_owned(),
                Said::Class(class, _) => class.clone(),
                Said::Unsure => "unsure".into(),
                Said::Outside => "none".into(),
            };
            let (one, other) = (words(&before.said), words(&row.said));
            format!("line {} says {one:?} of this picture, and this one {other:?}; keep one", before.line)
        }
    }
}

/// Pictures by everything that they are found by.
struct Index<'a> {
    pictures: &'a [Known<'a>],
    places: HashMap<String, usize>,
    contents: HashMap<Digest, Vec<usize>>,
    /// By the last part of the path.
    names: HashMap<&'a str, Vec<usize>>,
}

/// The last part of a path.
fn last(path: &str) -> &str {
    path.rsplit(['/', std::path::MAIN_SEPARATOR]).next().unwrap_or(path)
}

impl<'a> Index<'a> {
    fn of(pictures: &'a [Known<'a>]) -> Index<'a> {
        let mut index = Index {
            pictures,
            places: HashMap::with_capacity(pictures.len()),
            contents: HashMap::new(),
            names: HashMap::new(),
        };
        for (picture, known) in pictures.iter().enumerate() {
            let place = match is_bundled(known.place) {
                true => known.place.to_owned(),
                false => normal(Path::new(known.place)).to_string_lossy().into_owned(),
            };
            index.places.entry(place).or_insert(picture);
            if let Some(digest) = known.digest {
                index.contents.entry(digest).or_default().push(picture);
            }
            index.names.entry(last(known.place)).or_default().push(picture);
        }
        index
    }

    fn by_path(&self, row: &Row, folder: &Path) -> Option<usize> {
        row.paths.iter().find_map(|path| {
            // Another system may have written it.
            let turned = path.contains('\\').then(|| path.replace('\\', "/"));
            let places = [Some(resolve(path, folder)), turned.map(|path| resolve(&path, folder))];
            places.into_iter().flatten().find_map(|place| self.places.get(&place).copied())
        })
    }

    /// Whether nothing speaks against the picture being the one meant.
    fn agrees(&self, picture: usize, row: &Row) -> bool {
        self.pictures[picture].digest.is_none_or(|digest| row.digest.is_none_or(|meant| meant == digest))
    }

    fn by_ending(&self, row: &Row) -> Vec<usize> {
        let endings = row.paths.iter().map(|path| {
            let path = path.replace('\\', "/");
            let path = path.trim_start_matches("./").trim_start_matches('/').to_owned();
            let named = self.names.get(last(&path)).into_iter().flatten().copied();
            let ends = |&picture: &usize| {
                let place = self.pictures[picture].place.replace('\\', "/");
                place.strip_suffix(&path).is_some_and(|front| front.is_empty() || front.ends_with('/'))
            };
            if path.is_empty() { Vec::new() } else { named.filter(ends).collect::<Vec<_>>() }
        });
        endings.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
    }
}
