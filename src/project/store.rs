//! Splits and the state of the window, kept as JSON that others understand; and what is in a project.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::fault::Fault;
use super::runs::json;
use super::{Project, now};
use crate::error::Result;

/// A split that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SplitEntry {
    /// What it is called.
    pub name: String,
    /// When it was saved, in milliseconds since 1970.
    pub created: i64,
}

/// How much is in a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Pictures.
    pub images: u64,
    /// Pictures that were not there when they were looked for last.
    pub missing: u64,
    /// Classes.
    pub classes: u64,
    /// Labelled pictures.
    pub labels: u64,
    /// Splits.
    pub splits: u64,
    /// Runs.
    pub runs: u64,
    /// Cells of sweeps.
    pub sweep_cells: u64,
    /// Predictions.
    pub predictions: u64,
}

impl Project {
    /// Keeps `split` as `name`, in place of one of that name.
    ///
    /// # Errors
    /// When it is no JSON, or the change cannot be saved.
    pub fn put_split(&mut self, name: &str, split: &impl Serialize) -> Result<()> {
        let body = serde_json::to_string(split);
        self.change(|work| {
            let body = body.map_err(|error| Fault::said(format!("the split cannot be written ({error})")))?;
            work.execute(
                "INSERT OR REPLACE INTO split (name, created, body) VALUES (?1, ?2, ?3)",
                params![name, now(), body],
            )?;
            Ok(())
        })
    }

    /// The split called `name`, or `None` when there is none.
    ///
    /// # Errors
    /// When the file cannot be read, or the split is another kind of record.
    pub fn split<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        self.look(|file| {
            let body: Option<String> = file
                .query_row("SELECT body FROM split WHERE name = ?1", [name], |row| row.get(0))
                .optional()?;
            let Some(body) = body else { return Ok(None) };
            let split = serde_json::from_str(&body)
                .map_err(|error| Fault::said(format!("the split {name} is damaged ({error})")))?;
            Ok(Some(split))
        })
    }

    /// The splits, by name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn splits(&self) -> Result<Vec<SplitEntry>> {
        self.look(|file| {
            let mut all = file.prepare("SELECT name, created FROM split ORDER BY name")?;
            let splits =
                all.query_map([], |row| Ok(SplitEntry { name: row.get(0)?, created: row.get(1)? }))?;
            Ok(splits.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Forgets the split called `name`; whether there was one.
    ///
    /// # Errors
    /// When the change cannot be saved.
    pub fn remove_split(&mut self, name: &str) -> Result<bool> {
        self.change(|work| Ok(work.execute("DELETE FROM split WHERE name = ?1", [name])? > 0))
    }

    /// What was kept for the window as `key`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn state(&self, key: &str) -> Result<Option<Value>> {
        self.look(|file| {
            let value: Option<String> = file
                .query_row("SELECT value FROM state WHERE key = ?1", [key], |row| row.get(0))
                .optional()?;
            value.map(|text| json(&text)).transpose()
        })
    }

    /// Everything that was kept for the window, by key.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn states(&self) -> Result<BTreeMap<String, Value>> {
        self.look(|file| {
            let mut all = file.prepare("SELECT key, value FROM state")?;
            let mut rows = all.query([])?;
            let mut states = BTreeMap::new();
            while let Some(row) = rows.next()? {
                states.insert(row.get(0)?, json(&row.get::<_, String>(1)?)?);
            }
            Ok(states)
        })
    }

    /// Keeps `value` for the window as `key`.
    ///
    /// # Errors
    /// When the change cannot be saved.
    pub fn put_state(&mut self, key: &str, value: &Value) -> Result<()> {
        self.change(|work| {
            work.execute(
                "INSERT OR REPLACE INTO state (key, value) VALUES (?1, ?2)",
                params![key, value.to_string()],
            )?;
            Ok(())
        })
    }

    /// How much is in it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn summary(&self) -> Result<Summary> {
        self.look(|file| {
            let count = |what: &str| -> Result<u64, Fault> {
                let count: i64 =
                    file.query_row(&format!("SELECT count(*) FROM {what}"), [], |row| row.get(0))?;
                Ok(count.unsigned_abs())
            };
            Ok(Summary {
                images: count("image")?
                    + count(
                        "(SELECT DISTINCT place FROM marked WHERE place NOT IN (SELECT place FROM image))",
                    )?,
                missing: count("image WHERE missing = 1")?,
                classes: count("class")?,
                labels: count("label")? + count("marked WHERE mark LIKE '{\"class\"%'")?,
                splits: count("split")?,
                runs: count("run")?,
                sweep_cells: count("sweep_cell")?,
                predictions: count("prediction")?,
            })
        })
    }
}
