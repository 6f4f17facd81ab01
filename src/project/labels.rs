//! Classes, labels, and their history: every change can be undone and done again, also tomorrow.

use std::fmt;
use std::str::FromStr;

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::{ImageId, Project, now};
use crate::error::Result;

/// Names a class within a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClassId(pub i64);

/// A class of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// Names it; stays with it when it is renamed.
    pub id: ClassId,
    /// What it is called.
    pub name: String,
    /// Its colour, sRGB.
    pub colour: [u8; 3],
    /// Whether its pictures take part.
    pub included: bool,
    /// The class that its pictures count as instead.
    pub merged_into: Option<ClassId>,
}

/// How a label came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelSource {
    /// Given by hand, picture by picture.
    Hand,
    /// Suggested by the program and accepted.
    Accepted,
    /// Given to many at once, or brought from elsewhere.
    Bulk,
}

impl fmt::Display for LabelSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LabelSource::Hand => "hand",
            LabelSource::Accepted => "accepted",
            LabelSource::Bulk => "bulk",
        })
    }
}

impl FromStr for LabelSource {
    type Err = String;

    fn from_str(text: &str) -> Result<LabelSource, String> {
        match text {
            "hand" => Ok(LabelSource::Hand),
            "accepted" => Ok(LabelSource::Accepted),
            "bulk" => Ok(LabelSource::Bulk),
            _ => Err(format!("{text:?} is no source of a label; use hand, accepted or bulk")),
        }
    }
}

/// The label of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Its class.
    pub class: ClassId,
    /// How it came to be.
    pub source: LabelSource,
    /// When, in milliseconds since 1970.
    pub made: i64,
}

/// A label to be given, or taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelChange {
    /// Whose.
    pub image: ImageId,
    /// The class and where it comes from; `None` takes the label away.
    pub label: Option<(ClassId, LabelSource)>,
}

/// An entry of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What was done, as it was called.
    pub what: String,
    /// When, in milliseconds since 1970.
    pub made: i64,
    /// Whether it is undone.
    pub undone: bool,
}

/// What a change did, both ways.
#[derive(Default, Serialize, Deserialize)]
struct Body {
    labels: Vec<Step>,
    classes: Option<[Vec<Class>; 2]>,
}

#[derive(Serialize, Deserialize)]
struct Step {
    image: i64,
    before: Option<Label>,
    after: Option<Label>,
}

impl Project {
    /// The classes, by id.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn classes(&self) -> Result<Vec<Class>> {
        self.look(classes)
    }

    /// Makes `classes` the classes, a step of the history called `what`.
    ///
    /// # Errors
    /// When a class that is gone still has labels, two are called the same, one is merged into none;
    /// when the change cannot be saved.
    pub fn put_classes(&mut self, what: &str, wanted: &[Class]) -> Result<()> {
        self.change(|work| {
            for (place, class) in wanted.iter().enumerate() {
                if wanted[..place].iter().any(|other| other.name == class.name || other.id == class.id) {
                    return Err(Fault::said(format!("two classes are called {}; rename one", class.name)));
                }
                let known = |id: ClassId| wanted.iter().any(|other| other.id == id);
                if class.merged_into.is_some_and(|into| !known(into)) {
                    return Err(Fault::said(format!("{} is merged into a class that is gone", class.name)));
                }
            }
            let before = classes(work)?;
            set_classes(work, wanted)?;
            record(work, what, &Body { labels: Vec::new(), classes: Some([before, wanted.to_vec()]) })
        })
    }

    /// The labels, by picture.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn labels(&self) -> Result<Vec<(ImageId, Label)>> {
        self.look(|file| {
            let mut all = file.prepare("SELECT image, class, source, made FROM label ORDER BY image")?;
            let rows = all.query_map([], |row| {
                let source: String = row.get(2)?;
                Ok((ImageId(row.get(0)?), ClassId(row.get(1)?), source, row.get(3)?))
            })?;
            let mut labels = Vec::new();
            for row in rows {
                let (image, class, source, made) = row?;
                labels.push((image, Label { class, source: source.parse().map_err(Fault::said)?, made }));
            }
            Ok(labels)
        })
    }

    /// Gives and takes labels, one step of the history called `what`. What was undone before cannot be
    /// done again after this.
    ///
    /// # Errors
    /// When a picture or class is not there; when the change cannot be saved.
    pub fn label(&mut self, what: &str, changes: &[LabelChange]) -> Result<()> {
        self.change(|work| {
            let made = now();
            let mut steps = Vec::with_capacity(changes.len());
            for change in changes {
                let before = label_of(work, change.image)?;
                let after = change.label.map(|(class, source)| Label { class, source, made });
                set_label(work, change.image.0, after)?;
                steps.push(Step { image: change.image.0, before, after });
            }
            record(work, what, &Body { labels: steps, classes: None })
        })
    }

    /// Undoes the last change of labels or classes that is not undone; what it was called, or `None`
    /// when there is none.
    ///
    /// # Errors
    /// When the change cannot be saved.
    pub fn undo(&mut self) -> Result<Option<String>> {
        self.step("SELECT id, what, body FROM change WHERE undone = 0 ORDER BY id DESC LIMIT 1", true)
    }

    /// Does the last undone change again; what it was called, or `None` when there is none.
    ///
    /// # Errors
    /// When the change cannot be saved.
    pub fn redo(&mut self) -> Result<Option<String>> {
        self.step("SELECT id, what, body FROM change WHERE undone = 1 ORDER BY id LIMIT 1", false)
    }

    fn step(&mut self, next: &str, back: bool) -> Result<Option<String>> {
        self.change(|work| {
            let found = work
                .query_row(next, [], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
                })
                .optional()?;
            let Some((id, what, body)) = found else { return Ok(None) };
            let body: Body = serde_json::from_str(&body)
                .map_err(|error| Fault::said(format!("the history of labels is damaged ({error})")))?;
            // A change is of labels or of classes, never of both.
            let classes = body.classes.as_ref().map(|[before, after]| if back { before } else { after });
            if let Some(classes) = classes {
                set_classes(work, classes)?;
            }
            // Backwards: a picture may be in one change twice.
            let mut steps: Vec<&Step> = body.labels.iter().collect();
            if back {
                steps.reverse();
            }
            for step in steps {
                set_label(work, step.image, if back { step.before } else { step.after })?;
            }
            work.execute("UPDATE change SET undone = ?2 WHERE id = ?1", params![id, back])?;
            Ok(Some(what))
        })
    }

    /// Everything that was done to labels and classes, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn history(&self) -> Result<Vec<Change>> {
        self.look(|file| {
            let mut all = file.prepare("SELECT what, made, undone FROM change ORDER BY id")?;
            let changes = all.query_map([], |row| {
                Ok(Change { what: row.get(0)?, made: row.get(1)?, undone: row.get(2)? })
            })?;
            Ok(changes.collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn classes(file: &Connection) -> Result<Vec<Class>, Fault> {
    let mut all = file.prepare("SELECT id, name, colour, included, merged_into FROM class ORDER BY id")?;
    let classes = all.query_map([], |row| {
        let [_, r, g, b] = row.get::<_, u32>(2)?.to_be_bytes();
        Ok(Class {
            id: ClassId(row.get(0)?),
            name: row.get(1)?,
            colour: [r, g, b],
            included: row.get(3)?,
            merged_into: row.get::<_, Option<i64>>(4)?.map(ClassId),
        })
    })?;
    Ok(classes.collect::<rusqlite::Result<_>>()?)
}

fn set_classes(work: &Connection, wanted: &[Class]) -> Result<(), Fault> {
    let mut put = work.prepare(
        "INSERT INTO class (id, name, colour, included, merged_into) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO UPDATE SET name = ?2, colour = ?3, included = ?4, merged_into = ?5",
    )?;
    for class in wanted {
        let [r, g, b] = class.colour;
        let colour = u32::from_be_bytes([0, r, g, b]);
        let into = class.merged_into.map(|into| into.0);
        put.execute(params![class.id.0, class.name, colour, class.included, into])?;
    }
    for gone in classes(work)?.iter().filter(|class| !wanted.iter().any(|kept| kept.id == class.id)) {
        let labels: i64 =
            work.query_row("SELECT count(*) FROM label WHERE class = ?1", [gone.id.0], |row| row.get(0))?;
        if labels > 0 {
            let why = format!(
                "the class {} cannot be removed: {labels} pictures have it; label them otherwise or merge it",
                gone.name
            );
            return Err(Fault::said(why));
        }
        work.execute("DELETE FROM class WHERE id = ?1", [gone.id.0])?;
    }
    Ok(())
}

fn label_of(work: &Connection, image: ImageId) -> Result<Option<Label>, Fault> {
    let mut find = work.prepare("SELECT class, source, made FROM label WHERE image = ?1")?;
    let found = find
        .query_row([image.0], |row| Ok((ClassId(row.get(0)?), row.get::<_, String>(1)?, row.get(2)?)))
        .optional()?;
    let Some((class, source, made)) = found else { return Ok(None) };
    Ok(Some(Label { class, source: source.parse().map_err(Fault::said)?, made }))
}

fn set_label(work: &Connection, image: i64, label: Option<Label>) -> Result<(), Fault> {
    let Some(Label { class, source, made }) = label else {
        work.execute("DELETE FROM label WHERE image = ?1", [image])?;
        return Ok(());
    };
    let known = |table: &str, id: i64| {
        work.query_row(&format!("SELECT 1 FROM {table} WHERE id = ?1"), [id], |_| Ok(())).optional()
    };
    if known("image", image)?.is_none() || known("class", class.0)?.is_none() {
        return Err(Fault::said("a picture or class to be labelled is not in the project; add it first"));
    }
    work.execute(
        "INSERT OR REPLACE INTO label (image, class, source, made) VALUES (?1, ?2, ?3, ?4)",
        params![image, class.0, source.to_string(), made],
    )?;
    Ok(())
}

/// Adds a change to the history, and forgets those that were undone.
fn record(work: &Connection, what: &str, body: &Body) -> Result<(), Fault> {
    let body = serde_json::to_string(body)
        .map_err(|error| Fault::said(format!("the history cannot be written ({error})")))?;
    work.execute("DELETE FROM change WHERE undone = 1", [])?;
    work.execute("INSERT INTO change (what, made, body) VALUES (?1, ?2, ?3)", params![what, now(), body])?;
    Ok(())
}
