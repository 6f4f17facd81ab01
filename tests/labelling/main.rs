//! Labelling behind the engine: what the window holds, without a window.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod following;
#[cfg(unix)]
mod full;
mod keeping;
#[cfg(unix)]
mod killed;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use difscope::features::network::NetworkSource;
use difscope::jobs::{
    Engine, EngineOptions, Event, JobId, JobState, KeepId, LabelSession, LabelSnapshot, OpenNetworkJob,
    OpenedLabels, Outcome, ProjectChoice, ProjectEvent,
};
use difscope::project::LabelSource;
use difscope::study::label::Mark;
use difscope::tensor::device::DeviceChoice;

const LONG: Duration = Duration::from_secs(60);

/// A front with an engine and nothing to see.
struct Front {
    engine: Engine,
}

impl Front {
    /// With the project at `path` open and the embedded network in use.
    fn on(path: &Path) -> Front {
        let front = Front::without_network(path);
        let job = OpenNetworkJob { source: NetworkSource::Embedded, preset: None };
        front.engine.run(job, &mut |_| {}).unwrap();
        front
    }

    fn without_network(path: &Path) -> Front {
        let (device, feature_store) = (DeviceChoice::Cpu, Some(path.with_extension("cache")));
        let options = EngineOptions {
            device,
            threads: Some(2),
            cache: None,
            feature_store,
            ..EngineOptions::default()
        };
        let front = Front { engine: Engine::start(options, || {}).unwrap() };
        front.engine.open_project(ProjectChoice::File(path.to_path_buf()));
        front
    }

    /// How job `id` ends.
    fn end_of(&self, id: JobId) -> JobState {
        let deadline = Instant::now() + LONG;
        while Instant::now() < deadline {
            if let Some(Event::Job { id: of, state, .. }) = self.engine.wait(Duration::from_millis(100))
                && of == id
                && matches!(state, JobState::Done(_) | JobState::Failed { .. } | JobState::Cancelled { .. })
            {
                return state;
            }
        }
        panic!("job {id:?} does not end")
    }

    fn opened(&self, data: impl Into<PathBuf>) -> Arc<OpenedLabels> {
        match self.end_of(self.engine.open_labels(data.into())) {
            JobState::Done(Outcome::LabelsOpened(opened)) => opened,
            other => panic!("{other:?}"),
        }
    }

    fn open(&self, data: impl Into<PathBuf>) -> LabelSession {
        self.engine.label_session(self.opened(data)).unwrap()
    }

    /// Makes the features of `session`.
    fn features(&self, session: &LabelSession) -> String {
        match self.end_of(self.engine.submit(session.features_job())) {
            JobState::Done(Outcome::Done(said)) => said,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until everything is on the disk.
    fn saved(&self, through: KeepId) {
        let deadline = Instant::now() + LONG;
        while Instant::now() < deadline {
            match self.engine.wait(Duration::from_millis(100)) {
                Some(Event::Project(ProjectEvent::Saved { through: saved, .. })) if saved >= through => {
                    return;
                }
                Some(Event::Project(ProjectEvent::NotSaved { what, error, .. })) => {
                    panic!("{what} is not saved: {error}")
                }
                _ => {}
            }
        }
        panic!("it is never saved")
    }
}

/// The first snapshot for which `is` holds.
fn until(session: &LabelSession, is: impl Fn(&LabelSnapshot) -> bool) -> Arc<LabelSnapshot> {
    let deadline = Instant::now() + LONG;
    loop {
        let now = session.snapshot();
        if is(&now) {
            return now;
        }
        assert!(Instant::now() < deadline, "it never comes: {now:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The snapshot of now, once nothing is behind any more and `ready` pictures have features.
fn settled(session: &LabelSession, ready: usize) -> Arc<LabelSnapshot> {
    until(session, |_| !session.is_behind());
    let now = session.snapshot();
    assert_eq!(now.ready, ready);
    now
}

fn hand(class: usize) -> Mark {
    Mark::Class { class, source: LabelSource::Hand }
}

/// A folder with so many small pictures of bars, upright (even) or level (odd), in plain sight of any
/// network, and a file that is no picture.
fn bars(folder: &Path, count: usize) -> PathBuf {
    let place = folder.join("bars");
    std::fs::create_dir_all(&place).unwrap();
    for number in 0..count {
        std::fs::write(place.join(format!("bar {number}.png")), bar(number)).unwrap();
    }
    std::fs::write(place.join("notes.png"), "no picture").unwrap();
    place
}

fn bar(number: usize) -> Vec<u8> {
    let picture = image::GrayImage::from_fn(28, 28, |x, y| {
        let along = if number.is_multiple_of(2) { x } else { y };
        let bright = along.abs_diff(6 + number as u32 % 16) < 3;
        image::Luma([if bright { 250 - (number % 40) as u8 } else { 5 }])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// The kind of bar that the picture of this name shows.
fn kind(name: &str) -> usize {
    let digits: String = name.chars().filter(char::is_ascii_digit).collect();
    digits.parse::<usize>().unwrap() % 2
}
