//! Labelling of a data set: the marks of its pictures, the answers of its audit, and the history of both
//! marks and classes. Pictures are known by content and place; only those that were ever marked have a row.
//! What classes and settings mean is known further up.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::Fault;
use super::labels::LabelSource;
use super::{Project, now};
use crate::error::Result;

/// Names the labelling of a data set: a number within its project, and when it was begun, which tells the
/// projects apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Labelling {
    /// The number.
    pub id: i64,
    /// In milliseconds since 1970.
    pub created: i64,
}

/// A picture by content and place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PictureKey {
    /// BLAKE3 of its size and pixels.
    pub digest: [u8; 32],
    /// Where it is, as a command line would have it.
    pub place: String,
}

/// What a picture is marked as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Marked {
    /// Nothing.
    #[default]
    Blank,
    /// The class of this number.
    Class {
        /// The number.
        class: usize,
        /// How the label came to be.
        source: LabelSource,
    },
    /// The user cannot tell.
    Unsure,
    /// It is of none of the classes.
    Outside,
}

/// What the user said of a picture drawn by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answered {
    /// It is of the class of this number.
    Class(usize),
    /// It is of no class.
    Nothing,
}

/// A picture that is marked otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkStep {
    /// Which.
    pub picture: PictureKey,
    /// What it was marked as.
    pub before: Marked,
    /// What it is marked as.
    pub after: Marked,
}

/// What a change did, both ways.
#[derive(Serialize, Deserialize)]
pub(super) struct Body {
    pub steps: Vec<Step>,
    pub classes: Option<[Value; 2]>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Step {
    /// The row of its picture.
    pub picture: i64,
    pub before: Marked,
    pub after: Marked,
}

pub(super) fn text(value: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::said(format!("it cannot be written ({error})")))
}

pub(super) fn body(text: &str) -> Result<Body, Fault> {
    serde_json::from_str(text)
        .map_err(|error| Fault::said(format!("the history of labelling is damaged ({error})")))
}

impl Project {
    /// Marks pictures, and changes the classes where `classes` says before and after: one step of the
    /// history called `what`. What was undone before cannot be done again after this.
    ///
    /// # Errors
    /// When the labelling is not of this project, or the change cannot be saved.
    pub fn put_marks(
        &mut self,
        of: Labelling,
        what: &str,
        steps: &[MarkStep],
        classes: Option<[&Value; 2]>,
    ) -> Result<()> {
        self.change_labelling(of, |work| {
            let mut rows = Vec::with_capacity(steps.len());
            for step in steps {
                let picture = row_of(work, of, &step.picture)?;
                set_mark(work, picture, step.after)?;
                rows.push(Step { picture, before: step.before, after: step.after });
            }
            if let Some([_, after]) = classes {
                set_classes(work, of, after)?;
            }
            let body = Body { steps: rows, classes: classes.map(|both| both.map(Value::clone)) };
            work.execute("DELETE FROM marking WHERE labelling = ?1 AND undone = 1", [of.id])?;
            work.execute(
                "INSERT INTO marking (labelling, what, made, body) VALUES (?1, ?2, ?3, ?4)",
                params![of.id, what, now(), text(&body)?],
            )?;
            Ok(())
        })
    }

    /// Undoes the last change of a labelling that is not undone; whether there was one.
    ///
    /// # Errors
    /// As [`Project::put_marks`].
    pub fn undo_marks(&mut self, of: Labelling) -> Result<bool> {
        let next =
            "SELECT id, body FROM marking WHERE labelling = ?1 AND undone = 0 ORDER BY id DESC LIMIT 1";
        self.step_marks(of, next, true)
    }

    /// Does the last undone change of a labelling again; whether there was one.
    ///
    /// # Errors
    /// As [`Project::put_marks`].
    pub fn redo_marks(&mut self, of: Labelling) -> Result<bool> {
        let next = "SELECT id, body FROM marking WHERE labelling = ?1 AND undone = 1 ORDER BY id LIMIT 1";
        self.step_marks(of, next, false)
    }

    fn step_marks(&mut self, of: Labelling, next: &str, back: bool) -> Result<bool> {
        self.change_labelling(of, |work| {
            let found = work
                .query_row(next, [of.id], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))
                .optional()?;
            let Some((id, found)) = found else { return Ok(false) };
            let Body { steps, classes } = body(&found)?;
            for step in &steps {
                set_mark(work, step.picture, if back { step.before } else { step.after })?;
            }
            if let Some([before, after]) = &classes {
                set_classes(work, of, if back { before } else { after })?;
            }
            work.execute("UPDATE marking SET undone = ?2 WHERE id = ?1", params![id, back])?;
            Ok(true)
        })
    }

    /// Keeps what the user said of a picture drawn by chance, or that nothing was said.
    ///
    /// # Errors
    /// As [`Project::put_marks`].
    pub fn put_answer(
        &mut self,
        of: Labelling,
        picture: &PictureKey,
        answer: Option<Answered>,
    ) -> Result<()> {
        self.change_labelling(of, |work| {
            let row = row_of(work, of, picture)?;
            let answer = answer.map(|answer| text(&answer)).transpose()?;
            work.execute("UPDATE marked SET answer = ?2 WHERE id = ?1", params![row, answer])?;
            Ok(())
        })
    }

    /// Keeps the settings of a labelling.
    ///
    /// # Errors
    /// As [`Project::put_marks`].
    pub fn put_labelling_settings(&mut self, of: Labelling, settings: &Value) -> Result<()> {
        self.change_labelling(of, |work| {
            let settings = settings.to_string();
            work.execute("UPDATE labelling SET settings = ?2 WHERE id = ?1", params![of.id, settings])?;
            Ok(())
        })
    }

    /// Whether a labelling is of this project.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn has_labelling(&self, of: Labelling) -> Result<bool> {
        self.look(|file| is_there(file, of))
    }

    fn change_labelling<T>(
        &mut self,
        of: Labelling,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T> {
        self.change(|work| {
            if !is_there(work, of)? {
                let why = "this labelling is not in it: it was begun in another project; open that one";
                return Err(Fault::said(why));
            }
            change(work)
        })
    }
}

fn is_there(file: &Connection, of: Labelling) -> Result<bool, Fault> {
    let find = "SELECT 1 FROM labelling WHERE id = ?1 AND created = ?2";
    Ok(file.query_row(find, params![of.id, of.created], |_| Ok(())).optional()?.is_some())
}

/// The row of a picture, made where there is none.
fn row_of(work: &Connection, of: Labelling, picture: &PictureKey) -> Result<i64, Fault> {
    let mut find =
        work.prepare("SELECT id FROM marked WHERE labelling = ?1 AND digest = ?2 AND place = ?3")?;
    let found = find.query_row(params![of.id, picture.digest, picture.place], |row| row.get(0)).optional()?;
    if let Some(id) = found {
        return Ok(id);
    }
    let mut add = work.prepare(
        "INSERT INTO marked (labelling, digest, place, mark, made) VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id",
    )?;
    let blank = text(&Marked::Blank)?;
    Ok(add.query_row(params![of.id, picture.digest, picture.place, blank, now()], |row| row.get(0))?)
}

fn set_mark(work: &Connection, row: i64, mark: Marked) -> Result<(), Fault> {
    let mut set = work.prepare("UPDATE marked SET mark = ?2, made = ?3 WHERE id = ?1")?;
    set.execute(params![row, text(&mark)?, now()])?;
    Ok(())
}

fn set_classes(work: &Connection, of: Labelling, classes: &Value) -> Result<(), Fault> {
    let classes = classes.to_string();
    work.execute("UPDATE labelling SET classes = ?2 WHERE id = ?1", params![of.id, classes])?;
    Ok(())
}

#[cfg(test)]
#[path = "labelling_tests.rs"]
mod tests;
