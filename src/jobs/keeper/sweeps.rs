//! Sweeps in the project: begun, cell by cell, and what came of them.

use serde_json::{Value, json};

use super::desk::Desk;
use super::record::{NewSweep, SweepRecord, SweepSettings};
use crate::error::Result;
use crate::project::{NewRun, Project, Run, RunId, RunStatus, SweepCell};
use crate::study::sweep::{SweepReport, SweepRow};
use crate::study::table::Features;

/// Where the settings of a sweep stand in the configuration of its run.
const SWEEP: &str = "sweep";

impl Desk {
    /// Begins a sweep.
    ///
    /// # Errors
    /// When it cannot be saved.
    pub fn begin_sweep(&mut self, new: NewSweep) -> Result<SweepRecord> {
        let settings = self.json(&new.settings)?;
        let run = NewRun { name: new.name.clone(), notes: String::new(), config: json!({ SWEEP: settings }) };
        let project = self.project_mut();
        let id = project.add_run(&run)?;
        let created = project.run(id)?.map_or(0, |run| run.created);
        let (name, settings) = (new.name, new.settings);
        let status = RunStatus::Running;
        Ok(SweepRecord { id, name, settings, status, rows: Vec::new(), report: None, created })
    }

    /// Keeps rows of a sweep; those of the same cells before are replaced.
    ///
    /// # Errors
    /// When there is no such sweep, or it cannot be saved.
    pub fn keep_rows(&mut self, run: RunId, rows: &[SweepRow]) -> Result<()> {
        let cells: Vec<SweepCell> = rows.iter().map(cell_of).collect();
        self.project_mut().put_sweep_cells(run, &cells)
    }

    /// Ends a sweep, with what came of it if it came to its end.
    ///
    /// # Errors
    /// When there is no such sweep, or it cannot be saved.
    pub fn end_sweep(&mut self, run: RunId, status: RunStatus, report: Option<&SweepReport>) -> Result<()> {
        let metrics = report.map(|report| self.json(report)).transpose()?;
        if let Some(report) = report {
            self.keep_rows(run, &report.rows)?;
        }
        let gone = self.error("this sweep is not in it: it was removed");
        let project = self.project_mut();
        let held = project.run(run)?.ok_or(gone)?;
        // The last of all: a sweep that is done has its cells.
        project.update_run(&Run { status, metrics: metrics.unwrap_or(Value::Null), ..held })
    }
}

/// The record of `run`; none when it is no sweep. What is not understood is said in `notes`.
pub(super) fn sweep_record(
    project: &Project,
    run: &Run,
    notes: &mut Vec<String>,
) -> Result<Option<SweepRecord>> {
    let Some(settings) = run.config.get(SWEEP) else { return Ok(None) };
    let settings: SweepSettings = match serde_json::from_value(settings.clone()) {
        Ok(settings) => settings,
        Err(error) => {
            notes.push(format!(
                "the sweep {} is left out, its settings are not understood: {error}",
                run.name
            ));
            return Ok(None);
        }
    };
    let report: Option<SweepReport> = match &run.metrics {
        Value::Null => None,
        metrics => serde_json::from_value(metrics.clone()).map(Some).unwrap_or_else(|_| {
            notes.push(format!("what came of the sweep {} is damaged and left out", run.name));
            None
        }),
    };
    let rows = match &report {
        Some(report) => report.rows.clone(),
        None => project.sweep_cells(run.id)?.iter().map(row_of).collect(),
    };
    let (id, name, status, created) = (run.id, run.name.clone(), run.status, run.created);
    Ok(Some(SweepRecord { id, name, settings, status, rows, report, created }))
}

fn cell_of(row: &SweepRow) -> SweepCell {
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    SweepCell {
        block: small(row.block),
        timestep: small(row.timestep),
        pool: small(row.pool),
        score: row.score.clone(),
        shots: small(row.shots),
        features: row.features.name().into(),
        accuracy: row.accuracy,
        ci_low: row.ci_low,
        ci_high: row.ci_high,
        n: small(row.n),
    }
}

/// The row of a cell that was kept before its sweep came to its end.
fn row_of(cell: &SweepCell) -> SweepRow {
    let features = [Features::RawPixels, Features::RandomWeights];
    SweepRow {
        block: cell.block as usize,
        timestep: cell.timestep as usize,
        pool: cell.pool as usize,
        score: cell.score.clone(),
        shots: cell.shots as usize,
        accuracy: cell.accuracy,
        ci_low: cell.ci_low,
        ci_high: cell.ci_high,
        n: cell.n as usize,
        in_best_set: None,
        features: features.into_iter().find(|f| f.name() == cell.features).unwrap_or_default(),
    }
}
