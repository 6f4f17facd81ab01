//! The labelling of a data set as it was kept, for the pictures that are there now.

use std::collections::{HashMap, VecDeque};

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use super::fault::Fault;
use super::labelling::{Answered, Labelling, Marked, PictureKey, body};
use super::runs::json;
use super::{Project, now};
use crate::error::Result;

/// What is kept of the labelling of a data set. Pictures are numbered as they were given.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptLabelling {
    /// Names it.
    pub labelling: Labelling,
    /// Whether nothing was kept before.
    pub is_new: bool,
    /// The classes, as they were put.
    pub classes: Value,
    /// The settings, as they were put.
    pub settings: Value,
    /// Pictures with a mark.
    pub marks: Vec<(usize, Marked)>,
    /// Pictures with an answer.
    pub answers: Vec<(usize, Answered)>,
    /// Everything that was done, the oldest first.
    pub history: Vec<KeptChange>,
    /// Of the history, how many changes are not undone.
    pub done: usize,
    /// Marked pictures that are at another place now.
    pub moved: usize,
    /// Marked pictures that are not there, or have another content; their marks stay in the project.
    pub lost: usize,
}

/// A change as it was kept.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptChange {
    /// What it was called.
    pub what: String,
    /// Its steps on pictures that are there.
    pub steps: Vec<KeptStep>,
    /// The classes before and after, where these became others.
    pub classes: Option<[Value; 2]>,
}

/// A step as it was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptStep {
    /// The picture.
    pub picture: usize,
    /// What it was marked as.
    pub before: Marked,
    /// What it was marked as then.
    pub after: Marked,
}

/// The labels of a data set as they are listed.
#[derive(Clone, Debug, PartialEq)]
pub struct LabellingEntry {
    /// The data set.
    pub data: String,
    /// The classes, as they were put.
    pub classes: Value,
    /// Pictures with a mark, in the order in which they were first marked.
    pub marks: Vec<(PictureKey, Marked)>,
}

/// A picture as it is kept.
struct Row {
    id: i64,
    key: PictureKey,
    mark: Marked,
    answer: Option<Answered>,
}

impl Project {
    /// The labelling of the data set `data` with its `pictures`; begun with the classes `classes` where there
    /// is none. Marked pictures that are not at their place are looked for by content, and get the new place.
    /// Where the whole set has moved, the labelling that shares the most content is taken, of those whose data
    /// set `is_gone`.
    ///
    /// # Errors
    /// When the file is damaged, or the change cannot be saved.
    pub fn open_labelling(
        &mut self,
        data: &str,
        pictures: &[PictureKey],
        classes: &Value,
        is_gone: &dyn Fn(&str) -> bool,
    ) -> Result<KeptLabelling> {
        self.change(|work| {
            let find = "SELECT id, created FROM labelling WHERE data = ?1";
            let named = |row: &rusqlite::Row<'_>| Ok(Labelling { id: row.get(0)?, created: row.get(1)? });
            let mut found = work.query_row(find, [data], named).optional()?;
            if found.is_none() {
                found = elsewhere(work, pictures, is_gone)?;
                if let Some(of) = found {
                    work.execute("UPDATE labelling SET data = ?2 WHERE id = ?1", params![of.id, data])?;
                }
            }
            if let Some(labelling) = found {
                return kept(work, labelling, pictures);
            }
            let created = now();
            let id = work.query_row(
                "INSERT INTO labelling (data, created, classes, settings) VALUES (?1, ?2, ?3, 'null') RETURNING id",
                params![data, created, classes.to_string()],
                |row| row.get(0),
            )?;
            Ok(KeptLabelling {
                labelling: Labelling { id, created },
                is_new: true,
                classes: classes.clone(),
                settings: Value::Null,
                marks: Vec::new(),
                answers: Vec::new(),
                history: Vec::new(),
                done: 0,
                moved: 0,
                lost: 0,
            })
        })
    }
}

impl Project {
    /// The labels of all data sets, in the order in which they were begun.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn labellings(&self) -> Result<Vec<LabellingEntry>> {
        self.look(|file| {
            let mut all = file.prepare("SELECT id, created, data, classes FROM labelling ORDER BY id")?;
            let read = all.query_map([], |row| {
                let of = Labelling { id: row.get(0)?, created: row.get(1)? };
                Ok((of, row.get::<_, String>(2)?, row.get::<_, String>(3)?))
            })?;
            let mut entries = Vec::new();
            for row in read {
                let (of, data, classes) = row?;
                let marked = rows(file, of)?.into_iter().filter(|row| row.mark != Marked::Blank);
                let marks = marked.map(|row| (row.key, row.mark)).collect();
                entries.push(LabellingEntry { data, classes: json(&classes)?, marks });
            }
            Ok(entries)
        })
    }
}

/// The labelling that shares the most content with `pictures`, of those whose data set is gone.
fn elsewhere(
    work: &Connection,
    pictures: &[PictureKey],
    is_gone: &dyn Fn(&str) -> bool,
) -> Result<Option<Labelling>, Fault> {
    let mut all = work.prepare("SELECT id, created, data FROM labelling ORDER BY id")?;
    let rows = all.query_map([], |row| {
        Ok((Labelling { id: row.get(0)?, created: row.get(1)? }, row.get::<_, String>(2)?))
    })?;
    let digests: std::collections::HashSet<[u8; 32]> =
        pictures.iter().map(|picture| picture.digest).collect();
    let mut best = (0, None);
    for row in rows {
        let (labelling, data) = row?;
        if !is_gone(&data) {
            continue;
        }
        let shared = self::rows(work, labelling)?;
        let shared = shared.iter().filter(|row| digests.contains(&row.key.digest)).count();
        if shared > best.0 {
            best = (shared, Some(labelling));
        }
    }
    Ok(best.1)
}

fn rows(work: &Connection, of: Labelling) -> Result<Vec<Row>, Fault> {
    let mut all =
        work.prepare("SELECT id, digest, place, mark, answer FROM marked WHERE labelling = ?1 ORDER BY id")?;
    let read = all.query_map([of.id], |row| {
        let key = PictureKey { digest: row.get(1)?, place: row.get(2)? };
        Ok((row.get(0)?, key, row.get::<_, String>(3)?, row.get::<_, Option<String>>(4)?))
    })?;
    let damaged = |error| Fault::said(format!("a mark of a picture is damaged ({error})"));
    let mut rows = Vec::new();
    for row in read {
        let (id, key, mark, answer) = row?;
        let mark = serde_json::from_str(&mark).map_err(damaged)?;
        let answer = answer.map(|answer| serde_json::from_str(&answer).map_err(damaged)).transpose()?;
        rows.push(Row { id, key, mark, answer });
    }
    Ok(rows)
}

fn kept(work: &Connection, labelling: Labelling, pictures: &[PictureKey]) -> Result<KeptLabelling, Fault> {
    let (classes, settings) =
        work.query_row("SELECT classes, settings FROM labelling WHERE id = ?1", [labelling.id], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })?;
    let rows = rows(work, labelling)?;
    let at: HashMap<&PictureKey, usize> =
        pictures.iter().enumerate().map(|(number, key)| (key, number)).collect();
    let mut number_of: HashMap<i64, usize> =
        rows.iter().filter_map(|row| Some((row.id, *at.get(&row.key)?))).collect();
    let taken: std::collections::HashSet<usize> = number_of.values().copied().collect();
    let mut free: HashMap<[u8; 32], VecDeque<usize>> = HashMap::new();
    for (number, key) in pictures.iter().enumerate().filter(|(number, _)| !taken.contains(number)) {
        free.entry(key.digest).or_default().push_back(number);
    }
    let (mut moved, mut lost) = (0, 0);
    for row in &rows {
        if number_of.contains_key(&row.id) {
            continue;
        }
        // What holds nothing needs no new place.
        let holds = row.mark != Marked::Blank || row.answer.is_some();
        match free.get_mut(&row.key.digest).and_then(VecDeque::pop_front) {
            Some(number) => {
                let place = &pictures[number].place;
                work.execute("UPDATE marked SET place = ?2 WHERE id = ?1", params![row.id, place])?;
                number_of.insert(row.id, number);
                moved += usize::from(holds);
            }
            None => lost += usize::from(holds),
        }
    }
    let (history, done) = history(work, labelling, &number_of)?;
    let there = |row: &Row| number_of.get(&row.id).copied();
    let marked = rows.iter().filter(|row| row.mark != Marked::Blank);
    let mut marks: Vec<(usize, Marked)> = marked.filter_map(|row| Some((there(row)?, row.mark))).collect();
    let mut answers: Vec<(usize, Answered)> =
        rows.iter().filter_map(|row| Some((there(row)?, row.answer?))).collect();
    marks.sort_by_key(|(picture, _)| *picture);
    answers.sort_by_key(|(picture, _)| *picture);
    Ok(KeptLabelling {
        labelling,
        is_new: false,
        classes: json(&classes)?,
        settings: json(&settings)?,
        marks,
        answers,
        history,
        done,
        moved,
        lost,
    })
}

fn history(
    work: &Connection,
    of: Labelling,
    number_of: &HashMap<i64, usize>,
) -> Result<(Vec<KeptChange>, usize), Fault> {
    let mut all = work.prepare("SELECT what, body, undone FROM marking WHERE labelling = ?1 ORDER BY id")?;
    let read = all.query_map([of.id], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?))
    })?;
    let (mut history, mut done) = (Vec::new(), 0);
    for row in read {
        let (what, text, undone) = row?;
        let body = body(&text)?;
        let steps = body.steps.into_iter().filter_map(|step| {
            let picture = *number_of.get(&step.picture)?;
            Some(KeptStep { picture, before: step.before, after: step.after })
        });
        done += usize::from(!undone);
        history.push(KeptChange { what, steps: steps.collect(), classes: body.classes });
    }
    Ok((history, done))
}
