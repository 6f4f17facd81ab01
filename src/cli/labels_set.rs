//! The labels that `difscope labels` takes out: of a project, or of a data set.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::args::Everywhere;
use super::{Failure, data};
use crate::data::dataset::{ClassTable, Digest};
use crate::error::Error;
use crate::project::{Class, ClassId, ImageId, Label, LabelSource, LabellingEntry, Marked, Project};
use crate::study::label::exchange::{self, LabelClass, LabelPicture, LabelSet, Suggested};
use crate::study::label::{Classes, Mark};

/// What a SQLite file begins with.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// Whether `path` is a project file, not a data set.
///
/// # Errors
/// When it cannot be read.
pub(super) fn is_project(path: &Path) -> Result<bool, Failure> {
    if !path.is_file() {
        return Ok(false);
    }
    let mut head = Vec::new();
    let file = File::open(path).map_err(Error::io("read", path))?;
    file.take(SQLITE.len() as u64).read_to_end(&mut head).map_err(Error::io("read", path))?;
    Ok(head == SQLITE)
}

/// The labels of a project as its classes are merged and left out; how many pictures of the latter there are.
///
/// # Errors
/// When the project cannot be read.
pub(super) fn of_project(project: &Project) -> Result<(LabelSet, usize), Failure> {
    let classes = project.classes()?;
    let active = |class: &&Class| class.included && class.merged_into.is_none();
    let numbers: HashMap<ClassId, usize> =
        classes.iter().filter(active).enumerate().map(|(number, class)| (class.id, number)).collect();
    let counts_as = |id: ClassId| {
        let mut class = classes.iter().find(|class| class.id == id)?;
        // As many merges as there are classes are a circle.
        for _ in 0..classes.len() {
            match class.merged_into {
                Some(into) if class.included => class = classes.iter().find(|class| class.id == into)?,
                _ => break,
            }
        }
        numbers.get(&class.id).copied()
    };
    let labels: HashMap<ImageId, Label> = project.labels()?.into_iter().collect();
    let (mut pictures, mut left_out) = (Vec::new(), 0);
    for image in project.images()? {
        let label = labels.get(&image.id);
        let mark = match label.map(|label| (counts_as(label.class), label.source)) {
            None => Mark::Blank,
            Some((Some(class), source)) => Mark::Class { class, source },
            Some((None, _)) => {
                left_out += 1;
                continue;
            }
        };
        pictures.push(LabelPicture {
            place: image.place,
            digest: Some(Digest(image.digest)),
            mark,
            made: label.map(|label| label.made),
            suggestion: None,
            size: None,
        });
    }
    let class = |class: &Class| LabelClass { name: class.name.clone(), colour: class.colour };
    let mut set = LabelSet { classes: classes.iter().filter(active).map(class).collect(), pictures };
    for labelling in project.labellings()? {
        add_labelling(&mut set, labelling);
    }
    Ok((set, left_out))
}

/// Adds what pictures were marked as in the window. One that has a label keeps it.
fn add_labelling(set: &mut LabelSet, LabellingEntry { classes, marks, .. }: LabellingEntry) {
    let classes: Classes = serde_json::from_value(classes).unwrap_or_default();
    let mut place_of: HashMap<String, usize> =
        set.pictures.iter().enumerate().map(|(at, picture)| (picture.place.clone(), at)).collect();
    for (key, marked) in marks {
        let mark = match marked {
            Marked::Blank => continue,
            Marked::Unsure => Mark::Unsure,
            Marked::Outside => Mark::Outside,
            Marked::Class { class, source } => {
                let Some(class) = classes.resolve(class).and_then(|class| classes.all().get(class)) else {
                    continue;
                };
                let known = set.classes.iter().position(|held| held.name == class.name);
                let class = known.unwrap_or_else(|| {
                    set.classes.push(LabelClass { name: class.name.clone(), colour: class.colour });
                    set.classes.len() - 1
                });
                Mark::Class { class, source }
            }
        };
        let at = *place_of.entry(key.place.clone()).or_insert_with(|| {
            set.pictures.push(LabelPicture {
                place: key.place,
                digest: Some(Digest(key.digest)),
                mark: Mark::Blank,
                made: None,
                suggestion: None,
                size: None,
            });
            set.pictures.len() - 1
        });
        if set.pictures[at].mark == Mark::Blank {
            set.pictures[at].mark = mark;
        }
    }
}

/// The labels of a data set; of a table with its sources and marks.
///
/// # Errors
/// When the data set cannot be used.
pub(super) fn of_data(path: &Path, everywhere: &Everywhere) -> Result<LabelSet, Failure> {
    let (found, prints) = data::read(path, everywhere)?;
    let pictures = found.items.iter().zip(&prints).map(|(item, print)| LabelPicture {
        place: item.place(),
        digest: Some(print.digest),
        mark: match item.class {
            Some(class) => Mark::Class { class, source: LabelSource::Bulk },
            None => Mark::Blank,
        },
        made: None,
        suggestion: None,
        size: None,
    });
    let mut set = LabelSet { classes: looks(&found.classes), pictures: pictures.collect() };
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    if matches!(ending.as_deref(), Some("csv" | "tsv")) {
        let imported = exchange::import(path, &set.known(), &found.classes)?;
        set.classes = looks(&imported.classes);
        for taken in imported.taken {
            set.pictures[taken.picture].mark = taken.mark;
            set.pictures[taken.picture].made = taken.made;
        }
    }
    Ok(set)
}

fn looks(classes: &[String]) -> Vec<LabelClass> {
    let table = ClassTable::of(classes);
    let looks = table.entries().iter();
    looks.map(|entry| LabelClass { name: entry.name.clone(), colour: entry.colour }).collect()
}

/// Adds what a head suggests; what to know about it.
///
/// # Errors
/// When the table cannot be used, or says nothing of these pictures.
pub(super) fn suggest(set: &mut LabelSet, file: &Path) -> Result<Option<String>, Failure> {
    let (guesses, others) = exchange::read_guesses(file, Path::new(""), &set.known())?;
    if guesses.is_empty() {
        return Err(Failure::failed(format!(
            "{}: suggests nothing for these pictures; predict them first",
            file.display()
        )));
    }
    for guess in guesses {
        let place = set.classes.iter().position(|class| class.name == guess.class);
        let class = place.unwrap_or_else(|| {
            let names: Vec<String> = set.classes.iter().map(|class| class.name.clone()).collect();
            set.classes.extend(looks(&[names, vec![guess.class]].concat()).pop());
            set.classes.len() - 1
        });
        set.pictures[guess.picture].suggestion = Some(Suggested { class, confidence: guess.confidence });
    }
    Ok((others > 0).then(|| format!("suggestions of pictures that are not among these: {others}")))
}
