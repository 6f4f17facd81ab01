//! Runs of training, sweeps and comparisons, with what they measured.

use std::fmt;
use std::str::FromStr;

use rusqlite::{Connection, Row, params};
use serde::Serialize;
use serde_json::Value;

use super::fault::Fault;
use super::{ClassId, ImageId, Project, now};
use crate::error::Result;

/// Names a run within a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct RunId(pub i64);

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Begun; one that is still so when the project is opened was broken off.
    Running,
    /// Broken off: the program ended before it did.
    Interrupted,
    /// Ended well.
    Done,
    /// Ended badly.
    Failed,
    /// Ended by the user; what it finished is kept.
    Cancelled,
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RunStatus::Running => "running",
            RunStatus::Interrupted => "interrupted",
            RunStatus::Done => "done",
            RunStatus::Failed => "failed",
            RunStatus::Cancelled => "cancelled",
        })
    }
}

impl FromStr for RunStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<RunStatus, String> {
        match text {
            "running" => Ok(RunStatus::Running),
            "interrupted" => Ok(RunStatus::Interrupted),
            "done" => Ok(RunStatus::Done),
            "failed" => Ok(RunStatus::Failed),
            "cancelled" => Ok(RunStatus::Cancelled),
            _ => Err(format!("{text:?} is no state of a run; the file is damaged")),
        }
    }
}

/// A run to be added.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRun {
    /// What it is called.
    pub name: String,
    /// What its user wants to remember of it.
    pub notes: String,
    /// Its configuration.
    pub config: Value,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// Names it.
    pub id: RunId,
    /// What it is called.
    pub name: String,
    /// What its user wants to remember of it.
    pub notes: String,
    /// Its configuration.
    pub config: Value,
    /// How far it is.
    pub status: RunStatus,
    /// What it measured in the end.
    pub metrics: Value,
    /// What it measured on the way.
    pub curves: Value,
    /// When it was begun, in milliseconds since 1970.
    pub created: i64,
    /// The file of the head that it trained.
    pub head: Option<String>,
}

/// A cell of a sweep: how well a block and step tell classes apart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SweepCell {
    /// The block.
    pub block: u32,
    /// The diffusion step.
    pub timestep: u32,
    /// The side that maps were pooled to.
    pub pool: u32,
    /// What was measured.
    pub score: String,
    /// Pictures learned from, per class; 0 for all.
    pub shots: u32,
    /// Whose features: `network`, `raw-pixels`, `random-weights`.
    pub features: String,
    /// Share of the pictures told right, 0 to 1.
    pub accuracy: f64,
    /// Lower end of its interval.
    pub ci_low: f64,
    /// Upper end of its interval.
    pub ci_high: f64,
    /// Pictures tested on.
    pub n: u32,
}

/// What a run says of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Which picture.
    pub image: ImageId,
    /// The class that it takes it for.
    pub class: ClassId,
    /// How sure it is, 0 to 1.
    pub confidence: f64,
    /// The probability of each class, in the order of the run's configuration.
    pub scores: Vec<f32>,
}

impl Project {
    /// Adds a run, which is running from now on.
    ///
    /// # Errors
    /// When the change cannot be saved.
    pub fn add_run(&mut self, run: &NewRun) -> Result<RunId> {
        self.change(|work| {
            work.execute(
                "INSERT INTO run (name, notes, config, status, metrics, curves, created)
                 VALUES (?1, ?2, ?3, 'running', 'null', 'null', ?4)",
                params![run.name, run.notes, run.config.to_string(), now()],
            )?;
            Ok(RunId(work.last_insert_rowid()))
        })
    }

    /// Saves everything about a run but when it was begun.
    ///
    /// # Errors
    /// When there is no such run, or the change cannot be saved.
    pub fn update_run(&mut self, run: &Run) -> Result<()> {
        self.change(|work| {
            let changed = work.execute(
                "UPDATE run SET name = ?2, notes = ?3, config = ?4, status = ?5, metrics = ?6, curves = ?7,
                 head = ?8 WHERE id = ?1",
                params![
                    run.id.0,
                    run.name,
                    run.notes,
                    run.config.to_string(),
                    run.status.to_string(),
                    run.metrics.to_string(),
                    run.curves.to_string(),
                    run.head
                ],
            )?;
            if changed == 1 { Ok(()) } else { Err(gone(run.id)) }
        })
    }

    /// Removes a run with its sweep cells and predictions. The file of its head stays.
    ///
    /// # Errors
    /// When there is no such run, or the change cannot be saved.
    pub fn remove_run(&mut self, run: RunId) -> Result<()> {
        self.change(|work| match work.execute("DELETE FROM run WHERE id = ?1", [run.0])? {
            1 => Ok(()),
            _ => Err(gone(run)),
        })
    }

    /// All runs, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn runs(&self) -> Result<Vec<Run>> {
        self.look(|file| {
            let mut all = file.prepare(&format!("{RUN} ORDER BY id"))?;
            let mut rows = all.query([])?;
            let mut runs = Vec::new();
            while let Some(row) = rows.next()? {
                runs.push(run_of(row)?);
            }
            Ok(runs)
        })
    }

    /// A run, or `None` when there is none of this number.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn run(&self, run: RunId) -> Result<Option<Run>> {
        self.look(|file| {
            let mut one = file.prepare(&format!("{RUN} WHERE id = ?1"))?;
            let mut rows = one.query([run.0])?;
            rows.next()?.map(run_of).transpose()
        })
    }

    /// Saves cells of a sweep; a cell that is there already is replaced.
    ///
    /// # Errors
    /// When there is no such run, a number is not finite, or the change cannot be saved.
    pub fn put_sweep_cells(&mut self, run: RunId, cells: &[SweepCell]) -> Result<()> {
        self.change(|work| {
            need(work, run)?;
            let mut put = work.prepare(
                "INSERT OR REPLACE INTO sweep_cell (run, block, timestep, pool, score, shots, features,
                 accuracy, ci_low, ci_high, n) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?;
            for cell in cells {
                if ![cell.accuracy, cell.ci_low, cell.ci_high].iter().all(|value| value.is_finite()) {
                    let why = format!("block {}, t {} has no finite result", cell.block, cell.timestep);
                    return Err(Fault::said(why));
                }
                put.execute(params![
                    run.0,
                    cell.block,
                    cell.timestep,
                    cell.pool,
                    cell.score,
                    cell.shots,
                    cell.features,
                    cell.accuracy,
                    cell.ci_low,
                    cell.ci_high,
                    cell.n
                ])?;
            }
            Ok(())
        })
    }

    /// The cells of a sweep, ordered by features, score, shots, pool, timestep and block.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn sweep_cells(&self, run: RunId) -> Result<Vec<SweepCell>> {
        self.look(|file| {
            let mut all = file.prepare(
                "SELECT block, timestep, pool, score, shots, features, accuracy, ci_low, ci_high, n
                 FROM sweep_cell WHERE run = ?1 ORDER BY features, score, shots, pool, timestep, block",
            )?;
            let cells = all.query_map([run.0], |row| {
                Ok(SweepCell {
                    block: row.get(0)?,
                    timestep: row.get(1)?,
                    pool: row.get(2)?,
                    score: row.get(3)?,
                    shots: row.get(4)?,
                    features: row.get(5)?,
                    accuracy: row.get(6)?,
                    ci_low: row.get(7)?,
                    ci_high: row.get(8)?,
                    n: row.get(9)?,
                })
            })?;
            Ok(cells.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Saves what a run says of pictures; what it said of them before is replaced.
    ///
    /// # Errors
    /// When there is no such run or picture, a confidence is not finite, or the change cannot be saved.
    pub fn put_predictions(&mut self, run: RunId, predictions: &[Prediction]) -> Result<()> {
        self.change(|work| {
            need(work, run)?;
            let mut put = work.prepare(
                "INSERT OR REPLACE INTO prediction (run, image, class, confidence, scores)
                 SELECT ?1, id, ?3, ?4, ?5 FROM image WHERE id = ?2",
            )?;
            for prediction in predictions {
                let Prediction { image, class, confidence, scores } = prediction;
                if !confidence.is_finite() {
                    return Err(Fault::said("a prediction is not finite"));
                }
                let scores: Vec<u8> = scores.iter().flat_map(|score| score.to_le_bytes()).collect();
                if put.execute(params![run.0, image.0, class.0, confidence, scores])? == 0 {
                    return Err(Fault::said("a picture predicted is not in the project; add it first"));
                }
            }
            Ok(())
        })
    }

    /// What a run says of pictures, by picture.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn predictions(&self, run: RunId) -> Result<Vec<Prediction>> {
        self.look(|file| {
            let mut all = file.prepare(
                "SELECT image, class, confidence, scores FROM prediction WHERE run = ?1 ORDER BY image",
            )?;
            let predictions = all.query_map([run.0], |row| {
                let scores: Vec<u8> = row.get(3)?;
                Ok(Prediction {
                    image: ImageId(row.get(0)?),
                    class: ClassId(row.get(1)?),
                    confidence: row.get(2)?,
                    scores: scores.as_chunks::<4>().0.iter().map(|&four| f32::from_le_bytes(four)).collect(),
                })
            })?;
            Ok(predictions.collect::<rusqlite::Result<_>>()?)
        })
    }
}

/// What a row of [`run_of`] is made of.
const RUN: &str = "SELECT id, name, notes, config, status, metrics, curves, created, head FROM run";

fn run_of(row: &Row<'_>) -> Result<Run, Fault> {
    let json = |column| -> Result<Value, Fault> { json(&row.get::<_, String>(column)?) };
    Ok(Run {
        id: RunId(row.get(0)?),
        name: row.get(1)?,
        notes: row.get(2)?,
        config: json(3)?,
        status: row.get::<_, String>(4)?.parse().map_err(Fault::said)?,
        metrics: json(5)?,
        curves: json(6)?,
        created: row.get(7)?,
        head: row.get(8)?,
    })
}

/// JSON that was written here.
pub(super) fn json(text: &str) -> Result<Value, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::said(format!("the file is damaged ({error})")))
}

fn gone(run: RunId) -> Fault {
    Fault::said(format!("there is no run {} in it; it was removed", run.0))
}

fn need(work: &Connection, run: RunId) -> Result<(), Fault> {
    let count: i64 = work.query_row("SELECT count(*) FROM run WHERE id = ?1", [run.0], |row| row.get(0))?;
    if count == 1 { Ok(()) } else { Err(gone(run)) }
}
