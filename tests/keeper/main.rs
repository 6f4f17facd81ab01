//! Projects behind the engine: what is kept comes back, whatever happens in between.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod files;
#[cfg(unix)]
mod full;
mod killed;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use difscope::data::dataset::Digest;
use difscope::data::split::{How, Part, Placed, Split};
use difscope::jobs::{
    Engine, EngineOptions, Event, KeepId, NewRecord, OpenedProject, ProjectChoice, ProjectEvent, RunRecord,
    RunResults, RunSettings,
};
use difscope::project::{NewImage, NewRun, Project, RunStatus};
use difscope::study::TestedPicture;
use difscope::tensor::device::DeviceChoice;
use difscope::train::EpochPoint;
use difscope::train::metrics::Metrics;
use serde_json::{Value, json};

/// A front with nothing but a project.
struct Front {
    engine: Engine,
}

impl Front {
    fn start() -> Front {
        let device = DeviceChoice::Cpu;
        let options = EngineOptions { device, threads: Some(1), cache: None, ..EngineOptions::default() };
        Front { engine: Engine::start(options, || {}).unwrap() }
    }

    /// With the project at `path` open.
    fn on(path: &Path) -> (Front, Arc<OpenedProject>) {
        let front = Front::start();
        let opened = front.open(ProjectChoice::File(path.to_path_buf()));
        (front, opened)
    }

    /// Everything until `asked` is saved or told as not saved.
    fn until(&self, asked: KeepId) -> Vec<ProjectEvent> {
        self.until_late(asked).0
    }

    /// Everything until `asked` is saved or told as not saved, and what came late by then.
    fn until_late(&self, asked: KeepId) -> (Vec<ProjectEvent>, Vec<KeepId>) {
        let mut news = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            match self.engine.wait(Duration::from_millis(100)) {
                Some(Event::Project(ProjectEvent::Saved { through, late })) if through >= asked => {
                    return (news, late);
                }
                Some(Event::Project(event)) => news.push(event),
                _ => {}
            }
        }
        panic!("it never came; until then: {news:?}");
    }

    fn open(&self, choice: ProjectChoice) -> Arc<OpenedProject> {
        match &self.until(self.engine.open_project(choice))[..] {
            [ProjectEvent::Opened(opened)] => Arc::clone(opened),
            other => panic!("{other:?}"),
        }
    }

    fn begin(&self, name: &str) -> RunRecord {
        let new = NewRecord { name: name.into(), notes: "a note".into(), settings: settings() };
        match &self.until(self.engine.begin_run(new))[..] {
            [ProjectEvent::RunAdded(run)] => RunRecord::clone(run),
            other => panic!("{other:?}"),
        }
    }

    /// Waits for `asked`, which must be saved.
    fn saved(&self, asked: KeepId) {
        let news = self.until(asked);
        assert!(news.is_empty(), "{news:?}");
    }

    /// Waits for `asked`, which must not be saved; why.
    fn refused(&self, asked: KeepId) -> String {
        match &self.until(asked)[..] {
            [ProjectEvent::NotSaved { request, what, error }] if *request == asked => {
                format!("{what}: {error}")
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Settings of a linear head on the network brought along.
fn settings() -> RunSettings {
    let head = json!({
        "kind": "linear", "timesteps": [50], "blocks": [12], "pool": 2, "width": 64, "heads": 4,
        "layers": 2, "mlp_ratio": 4,
    });
    let train = json!({
        "recipe": "few-shot", "optimiser": "adamw", "learning_rate": 3e-3, "schedule": "cosine",
        "weight_decay": 0.05, "epochs": 40, "batch": 16, "patience": 10, "balanced": true, "views": 4,
        "flip": true, "crop": 0.8, "seed": 0,
    });
    let training = json!({ "head": head, "train": train, "split": null, "split_file": null, "draws": 1 });
    let network = json!({ "name": "fashion32", "hash": "ab".repeat(32) });
    serde_json::from_value(json!({ "data": "bundled:fashion", "network": network, "training": training }))
        .unwrap()
}

fn curve(epochs: usize) -> Vec<EpochPoint> {
    let point = |epoch: usize| EpochPoint {
        epoch,
        loss: 1.5 / epoch as f64,
        accuracy: 0.5,
        validation_loss: Some(2.0),
        validation_accuracy: None,
        learning_rate: 3e-3,
    };
    (1..=epochs).map(point).collect()
}

const CLASSES: [&str; 3] = ["boot", "shirt", "bag"];
const TESTED: usize = 12;

/// What comes of the run of number `seed`: bits that no rounding gives.
fn results(seed: u64) -> RunResults {
    let tested = |index: usize| TestedPicture {
        name: format!("{index}.png"),
        digest: Digest([index as u8; 32]),
        place: format!("pictures/{index}.png"),
        label: index % CLASSES.len(),
    };
    let row = |index: usize| {
        let hash = blake3::hash(format!("{seed} {index}").as_bytes());
        let part = |at: usize| f32::from(hash.as_bytes()[at]) + 1.0;
        let sum: f32 = (0..CLASSES.len()).map(part).sum();
        (0..CLASSES.len()).map(|at| part(at) / sum).collect::<Vec<f32>>()
    };
    RunResults {
        counts: [30, 0, TESTED],
        epoch: Some(7),
        stopped: "trained to the last epoch".into(),
        seconds_train: 1.25,
        seconds_per_image: 0.5,
        memory_bytes: 1 << 40,
        cost: serde_json::from_value(json!({ "parameters": 1000, "head_gmac": 0.5, "network_gmac": 0.25 }))
            .unwrap(),
        classes: CLASSES.map(String::from).to_vec(),
        test: None,
        notes: vec![format!("run {seed}")],
        tested: (0..TESTED).map(tested).collect(),
        probabilities: (0..TESTED).flat_map(row).collect(),
    }
}

fn done(run: RunRecord, seed: u64) -> RunRecord {
    RunRecord { status: RunStatus::Done, results: Some(results(seed)), curve: curve(7), ..run }
}

fn bits(results: &RunResults) -> Vec<u32> {
    results.probabilities.iter().map(|p| p.to_bits()).collect()
}

#[test]
fn everything_kept_is_there_when_a_project_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("birds.difscope");
    let (front, opened) = Front::on(&path);
    assert_eq!((&opened.path, opened.temporary), (&path, false));
    assert_eq!((opened.runs.len(), opened.state.len(), &opened.notes[..]), (0, 0, &[][..]));
    assert_eq!(opened.heads, folder.path().join("birds.heads"));
    assert_eq!(opened.cache, folder.path().join("birds.cache"));

    let first = front.begin("first");
    assert_eq!((first.status, &first.settings), (RunStatus::Running, &settings()));
    assert_eq!(first.head, Some(opened.heads.join(format!("run-{}.safetensors", first.id.0))));
    assert!(opened.heads.is_dir() && first.created > 0);
    let mut first = done(first, 1);
    let results = first.results.as_mut().unwrap();
    let labels: Vec<usize> = results.tested.iter().map(|tested| tested.label).collect();
    results.test = Some(Metrics::of(&labels, &results.probabilities, CLASSES.len()).unwrap());
    front.engine.keep_run(first.clone());
    let second = RunRecord { status: RunStatus::Cancelled, curve: curve(2), ..front.begin("second") };
    front.engine.keep_run(second.clone());
    let split = Split {
        how: difscope::data::split::How::Given,
        seed: 3,
        items: vec![Placed {
            class: "boot".into(),
            digest: Digest([1; 32]),
            name: "1.png".into(),
            part: Part::Test,
        }],
        notes: Vec::new(),
    };
    front.engine.keep_split("halves", split.clone());
    front.saved(front.engine.keep_state("page", json!({ "open": ["heads"], "zoom": 1.5 })));
    drop(front);

    let (front, opened) = Front::on(&path);
    let [one, two] = &opened.runs[..] else { panic!("{:?}", opened.runs) };
    let of = |run: &RunRecord| run.results.clone().unwrap();
    let (kept, came) = (of(&first), of(one));
    assert_eq!(bits(&kept), bits(&came));
    let (kept_test, came_test) = (kept.test.clone().unwrap(), came.test.clone().unwrap());
    assert_eq!((kept_test.confusion, kept_test.count), (came_test.confusion, came_test.count));
    // What is text in the file is the same to the last digits.
    assert!((kept_test.cross_entropy - came_test.cross_entropy).abs() < 1e-12);
    assert_eq!(RunResults { test: None, ..kept }, RunResults { test: None, ..came });
    assert_eq!(RunRecord { results: None, ..first }, RunRecord { results: None, ..one.clone() });
    assert_eq!(&second, two);
    assert_eq!(opened.state.keys().collect::<Vec<_>>(), ["page"]);
    assert_eq!(opened.state["page"]["zoom"], 1.5);
    drop(front);
    assert_eq!(Project::open(&path).unwrap().split::<Split>("halves").unwrap(), Some(split));
}

#[test]
fn a_renamed_run_keeps_its_answers_and_another_test_replaces_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.difscope");
    let (front, _) = Front::on(&path);
    let run = done(front.begin("a"), 1);
    front.saved(front.engine.keep_run(run.clone()));
    let renamed = RunRecord { name: "b".into(), ..run };
    front.saved(front.engine.keep_run(renamed.clone()));
    let again = front.open(ProjectChoice::File(path.clone()));
    assert_eq!(again.runs, std::slice::from_ref(&renamed), "looked at again while it is open");
    // Fewer pictures, in another order.
    let mut other = RunRecord { results: Some(results(2)), ..renamed };
    let answers = other.results.as_mut().unwrap();
    answers.tested.truncate(5);
    answers.tested.reverse();
    answers.probabilities.truncate(5 * CLASSES.len());
    front.saved(front.engine.keep_run(other.clone()));
    drop(front);
    assert_eq!(Front::on(&path).1.runs, [other]);
}

#[test]
fn of_states_that_pile_up_the_last_is_kept_and_none_waits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.difscope");
    let (front, _) = Front::on(&path);
    let begun = Instant::now();
    let mut asked = Vec::new();
    for number in 0..20_000 {
        asked.push(front.engine.keep_state("slider", Value::from(number)));
    }
    let last = front.engine.keep_state("page", Value::from("heads"));
    let seconds = begun.elapsed().as_secs_f64();
    assert!(asked.is_sorted() && *asked.last().unwrap() < last);
    front.saved(last);
    assert!(seconds < 2.0, "asking took {seconds} s");
    drop(front);
    let state = &Front::on(&path).1.state;
    assert_eq!((&state["slider"], &state["page"]), (&json!(19_999), &json!("heads")));
}

#[test]
fn what_is_asked_for_right_before_the_end_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.difscope");
    let front = Front::start();
    front.engine.open_project(ProjectChoice::File(path.clone()));
    for number in 0..5 {
        front.engine.keep_state(format!("key {number}"), Value::from(number));
    }
    drop(front);
    assert_eq!(Front::on(&path).1.state.len(), 5);
}

#[test]
fn runs_of_other_kinds_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.difscope");
    let mut project = Project::create(&path).unwrap();
    let add = |project: &mut Project, config| {
        project.add_run(&NewRun { name: "other".into(), notes: String::new(), config }).unwrap()
    };
    add(&mut project, json!({ "comparison": [1, 2] }));
    add(&mut project, json!({ "training": "of tomorrow" }));
    drop(project);
    let (front, opened) = Front::on(&path);
    assert!(opened.runs.is_empty());
    assert!(matches!(&opened.notes[..], [note] if note.contains("other is left out")), "{:?}", opened.notes);
    drop(front);
    let runs = Project::read(&path).unwrap().runs().unwrap();
    assert!(runs.iter().all(|run| run.status == RunStatus::Running));
}
