//! The open project: runs as records in it, and out of it.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::answers::{self, Answers, Kept};
use super::place::{Folders, Place};
use super::record::{NewRecord, Opened, RunRecord, RunResults, RunSettings};
use super::sweeps::sweep_record;
use crate::data::split::Split;
use crate::error::{Error, Result};
use crate::project::{Image, ImageId, NewImage, NewRun, Project, Run, RunId, RunStatus};
use crate::study::{TrainReport, json_beside};

/// The largest report that is read, in bytes.
const LARGEST_REPORT: u64 = 256 << 20;
/// How exactly a disk knows when a file was written, in milliseconds.
const CLOCK: i64 = 2000;

/// A project at work.
pub(super) struct Desk {
    place: Place,
    /// The runs of training in it.
    known: HashMap<RunId, Known>,
}

/// What is known of a run in the file.
struct Known {
    created: i64,
    answers: Option<Answers>,
}

/// Where the pictures tested on stand in the metrics.
const TESTED: &str = "tested";

impl Desk {
    /// The desk for the project at `place`, with what was in it. Runs that a killed program has left
    /// are completed where their report is there, else marked as broken off.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(place: Place) -> Result<(Desk, Opened)> {
        let mut desk = Desk { place, known: HashMap::new() };
        let mut opened = desk.look()?;
        for run in opened.runs.iter_mut().filter(|run| run.status == RunStatus::Running) {
            match finished(run) {
                Ok(Some(report)) => {
                    run.results = Some(RunResults::from(&report));
                    run.curve = report.curve;
                    run.status = RunStatus::Done;
                }
                Ok(None) => run.status = RunStatus::Interrupted,
                Err(why) => {
                    opened.notes.push(format!("what came of the run {} cannot be read: {why}", run.name));
                    run.status = RunStatus::Interrupted;
                }
            }
            desk.keep(run)?;
        }
        for sweep in opened.sweeps.iter_mut().filter(|sweep| sweep.status == RunStatus::Running) {
            sweep.status = RunStatus::Interrupted;
            desk.end_sweep(sweep.id, sweep.status, None)?;
        }
        Ok((desk, opened))
    }

    /// Everything that is in the project now.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn look(&mut self) -> Result<Opened> {
        let Place { project, folders, notes, .. } = &self.place;
        let mut notes = notes.clone();
        let images: HashMap<ImageId, Image> =
            project.images()?.into_iter().map(|image| (image.id, image)).collect();
        let (mut runs, mut sweeps) = (Vec::new(), Vec::new());
        for run in project.runs()? {
            sweeps.extend(sweep_record(project, &run, &mut notes)?);
            let Some((record, answers)) = record(project, folders, run, &images, &mut notes)? else {
                continue;
            };
            self.known.insert(record.id, Known { created: record.created, answers });
            runs.push(record);
        }
        Ok(Opened {
            path: folders.file.clone(),
            temporary: self.place.is_temporary(),
            heads: folders.heads.clone(),
            cache: folders.cache.clone(),
            runs,
            sweeps,
            state: project.states()?,
            notes,
        })
    }

    /// The project itself.
    pub(super) fn project_mut(&mut self) -> &mut Project {
        &mut self.place.project
    }

    /// `value` as it is kept.
    ///
    /// # Errors
    /// Not expected: records hold finite numbers and text.
    pub(super) fn json(&self, value: &impl Serialize) -> Result<Value> {
        json(&self.place.folders, value)
    }

    /// Something about this project that does not work.
    pub(super) fn error(&self, why: &str) -> Error {
        self.place.folders.error(why)
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.place.folders.file
    }

    /// Begins a run.
    ///
    /// # Errors
    /// When it cannot be saved.
    pub fn begin(&mut self, new: NewRecord) -> Result<RunRecord> {
        let Place { project, folders, .. } = &mut self.place;
        fs::create_dir_all(&folders.heads).map_err(Error::io("create", &folders.heads))?;
        let settings = json(folders, &new.settings)?;
        let run = NewRun { name: new.name, notes: new.notes, config: settings };
        let id = loop {
            let id = project.add_run(&run)?;
            // Files that an earlier project of this name has left are not written over.
            if !folders.of_run(id).iter().any(|path| path.exists()) {
                break id;
            }
            project.remove_run(id)?;
        };
        let [head, ..] = folders.of_run(id);
        let mut added =
            project.run(id)?.ok_or_else(|| folders.error("the run that was added is not in it"))?;
        added.head = Some(folders.told(&head)?);
        project.update_run(&added)?;
        self.known.insert(id, Known { created: added.created, answers: None });
        Ok(RunRecord {
            id,
            name: added.name,
            notes: added.notes,
            settings: new.settings,
            status: added.status,
            results: None,
            curve: Vec::new(),
            created: added.created,
            head: Some(head),
        })
    }

    /// Whether `run` is one of this project.
    pub fn has(&self, run: &RunRecord) -> bool {
        self.known.get(&run.id).is_some_and(|known| known.created == run.created)
    }

    /// Whether a run or sweep is in this project.
    pub fn has_run(&self, run: RunId) -> bool {
        self.place.project.run(run).is_ok_and(|found| found.is_some())
    }

    /// Keeps a run as it is now.
    ///
    /// # Errors
    /// When it is not of this project, or cannot be saved.
    pub fn keep(&mut self, run: &RunRecord) -> Result<()> {
        let Place { project, folders, .. } = &mut self.place;
        let known = self.known.get_mut(&run.id).filter(|known| known.created == run.created);
        let known = known.ok_or_else(|| {
            folders.error("this run is not in it: it was removed, or begun in another project; open that one")
        })?;
        let metrics = match &run.results {
            None => Value::Null,
            Some(results) => {
                let pictures = answers::put(project, folders, run.id, results, &mut known.answers)?;
                let tested = pictures.iter().zip(&results.tested).map(|(image, tested)| Kept {
                    image: image.0,
                    label: tested.label,
                    name: tested.name.clone(),
                    digest: tested.digest,
                });
                let mut metrics = json(folders, results)?;
                metrics[TESTED] = json(folders, &tested.collect::<Vec<_>>())?;
                metrics
            }
        };
        // The last of all: a run that is done has its answers.
        project.update_run(&Run {
            id: run.id,
            name: run.name.clone(),
            notes: run.notes.clone(),
            config: json(folders, &run.settings)?,
            status: run.status,
            metrics,
            curves: json(folders, &run.curve)?,
            created: run.created,
            head: run.head.as_deref().map(|head| folders.told(head)).transpose()?,
        })
    }

    /// Removes a run; its own files in the folder of heads too if `with_files`. A head elsewhere stays.
    ///
    /// # Errors
    /// When the change cannot be saved, or a file cannot be removed.
    pub fn remove(&mut self, run: RunId, with_files: bool) -> Result<()> {
        self.place.project.remove_run(run)?;
        self.known.remove(&run);
        if !with_files {
            return Ok(());
        }
        // By the number alone: a file from elsewhere must not say what is removed.
        let [head, report, states] = self.place.folders.of_run(run);
        for path in [&head, &report] {
            gone(fs::remove_file(path)).map_err(Error::io("remove", path))?;
        }
        gone(fs::remove_dir_all(&states)).map_err(Error::io("remove", &states))
    }

    /// Keeps `value` as `key`.
    ///
    /// # Errors
    /// When it cannot be saved.
    pub fn state(&mut self, key: &str, value: &Value) -> Result<()> {
        self.place.project.put_state(key, value)
    }

    /// Finds pictures again in `found`, everything that a data set holds; how many are at another place.
    ///
    /// # Errors
    /// When it cannot be saved.
    pub fn relink(&mut self, found: &[NewImage]) -> Result<usize> {
        Ok(self.place.project.relink_beside(found)?.moved.len())
    }

    /// Keeps `split` as `name`.
    ///
    /// # Errors
    /// When it cannot be saved.
    pub fn split(&mut self, name: &str, split: &Split) -> Result<()> {
        self.place.project.put_split(name, split)
    }
}

/// The record of `run`, with what identifies its answers; none when it is no run of training.
fn record(
    project: &Project,
    folders: &Folders,
    run: Run,
    images: &HashMap<ImageId, Image>,
    notes: &mut Vec<String>,
) -> Result<Option<(RunRecord, Option<Answers>)>> {
    let is_training = run.config.get("training").is_some();
    let settings: RunSettings = match serde_json::from_value(run.config) {
        Ok(settings) => settings,
        Err(_) if !is_training => return Ok(None),
        Err(error) => {
            notes.push(format!("the run {} is left out, its settings are not understood: {error}", run.name));
            return Ok(None);
        }
    };
    let mut incomplete = |what: &str| {
        notes.push(format!("{what} of the run {} are damaged and left out; train it again", run.name));
    };
    let curve = match run.curves {
        Value::Null => Vec::new(),
        curves => serde_json::from_value(curves).unwrap_or_else(|_| {
            incomplete("the curves");
            Vec::new()
        }),
    };
    let (mut results, mut answers) = (None, None);
    if let Value::Object(mut metrics) = run.metrics {
        let tested = metrics.remove(TESTED).unwrap_or(Value::Array(Vec::new()));
        match serde_json::from_value::<RunResults>(Value::Object(metrics)) {
            Ok(read) => results = Some(read),
            Err(_) => incomplete("the results"),
        }
        if let Some(results) = &mut results {
            match serde_json::from_value::<Vec<Kept>>(tested) {
                Ok(tested) if tested.is_empty() => {}
                Ok(tested) => match answers::get(project, run.id, results, tested, images)? {
                    Some(found) => answers = Some(found),
                    None => incomplete("the answers"),
                },
                Err(_) => incomplete("the answers"),
            }
        }
    }
    let record = RunRecord {
        id: run.id,
        name: run.name,
        notes: run.notes,
        settings,
        status: run.status,
        results,
        curve,
        created: run.created,
        head: run.head.map(|told| folders.found(&told)),
    };
    Ok(Some((record, answers)))
}

/// What came of a run whose program was killed after it was done.
fn finished(run: &RunRecord) -> Result<Option<TrainReport>, String> {
    let Some(path) = run.head.as_deref().map(json_beside) else { return Ok(None) };
    let about = match fs::metadata(&path) {
        Ok(about) => about,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    // What an earlier training has left there is none of this run's.
    let written = about.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    if written.is_some_and(|at| (at.as_millis() as i64) < run.created - CLOCK) {
        return Ok(None);
    }
    if about.len() > LARGEST_REPORT {
        return Err(format!("{} is too large for a report", path.display()));
    }
    let text = fs::read(&path).map_err(|error| error.to_string())?;
    let report: TrainReport =
        serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let RunSettings { network, training, .. } = &run.settings;
    // A control computes with another network than the one it stands beside.
    let same_network = training.features.is_control() || report.network_hash == network.hash;
    Ok((report.settings == *training && same_network).then_some(report))
}

fn json(folders: &Folders, value: &impl Serialize) -> Result<Value> {
    serde_json::to_value(value)
        .map_err(|error| folders.error(&format!("a record cannot be written: {error}")))
}

/// What is not there need not be removed.
fn gone(removed: std::io::Result<()>) -> std::io::Result<()> {
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
