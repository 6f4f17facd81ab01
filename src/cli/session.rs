//! A command's use of the engine: jobs, listings and previews, with progress and Ctrl-C.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Failure;
use super::args::Everywhere;
use super::progress::{Progress, time_left};
use crate::data::{Skipped, Source};
use crate::error::Error;
use crate::features::network::NetworkCard;
use crate::grid::Grid;
use crate::jobs::{
    Canceller, Engine, Event, HeadInside, Job, JobState, KeepId, LibraryEvent, MapShown, OpenNetworkJob,
    Outcome, Part, PictureShown, PreviewRequest, ProjectEvent, SheetCell,
};

/// How often waiting looks for Ctrl-C.
const BEAT: Duration = Duration::from_millis(100);

/// Carries Ctrl-C from the signal to the command at work.
#[derive(Clone, Default)]
pub struct Interrupt {
    raised: Arc<AtomicBool>,
    canceller: Arc<Mutex<Option<Canceller>>>,
}

impl Interrupt {
    /// Asks the command at work to stop in order. False when none listens, or when it was asked
    /// before: then there is nothing to wait for.
    pub fn raise(&self) -> bool {
        let again = self.raised.swap(true, Ordering::SeqCst);
        // A canceller is whole whatever happened to its last holder.
        let canceller = self.canceller.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(canceller) = canceller.as_ref() {
            canceller.cancel_all();
        }
        canceller.is_some() && !again
    }

    fn is_raised(&self) -> bool {
        self.raised.load(Ordering::SeqCst)
    }

    fn listen(&self, canceller: Option<Canceller>) {
        *self.canceller.lock().unwrap_or_else(PoisonError::into_inner) = canceller;
    }
}

/// An open network, and how long that took.
pub struct Opened {
    /// The network's card.
    pub card: Arc<NetworkCard>,
    /// Seconds from asking to ready.
    pub seconds: f64,
}

/// Everything that a preview brought.
pub struct Previewed {
    /// The picture.
    pub shown: Arc<PictureShown>,
    /// x_t, `[3, S, S]`.
    pub noised: Grid,
    /// The map asked for.
    pub map: Arc<MapShown>,
    /// Cells of the contact sheet, if one was asked for.
    pub cells: Vec<Arc<SheetCell>>,
    /// The predicted x_0, `[3, S, S]`, if asked for.
    pub predicted: Option<Grid>,
}

/// The engine with its progress line.
pub struct Session {
    engine: Engine,
    interrupt: Interrupt,
    /// The progress line.
    pub progress: Progress,
    /// What the engine computes on, in words.
    pub device: String,
}

impl Session {
    /// Starts an engine as the flags say.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn start(everywhere: &Everywhere, interrupt: &Interrupt) -> Result<Session, Failure> {
        let engine = Engine::start(everywhere.engine(), || {})?;
        interrupt.listen(Some(engine.canceller()));
        let progress = Progress::new(everywhere.quiet);
        Ok(Session { engine, interrupt: interrupt.clone(), progress, device: String::new() })
    }

    /// Runs a job to its end.
    ///
    /// # Errors
    /// When the job fails, or Ctrl-C stops it: then the text says what is kept.
    pub fn run(&mut self, job: impl Job + 'static) -> Result<Outcome, Failure> {
        self.run_seen(job, &mut |_, _| {})
    }

    /// As [`Session::run`]; `seen` gets every event.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn run_seen(
        &mut self,
        job: impl Job + 'static,
        seen: &mut dyn FnMut(&Engine, &Event),
    ) -> Result<Outcome, Failure> {
        let mut kept = None;
        let Session { engine, interrupt, progress, device } = self;
        let canceller = engine.canceller();
        let result = engine.run(job, &mut |event| {
            // Ctrl-C may have come before the job was queued.
            if interrupt.is_raised() {
                canceller.cancel_all();
            }
            if let Event::Job { state: JobState::Cancelled { kept: text }, .. } = event {
                kept.clone_from(text);
            }
            show(event, progress, device);
            seen(engine, event);
        });
        progress.clear();
        result.map_err(
            |error| if error.is_cancelled() { Failure::stopped(kept) } else { error.as_ref().into() },
        )
    }

    /// Opens the network that the flags name.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open_network(&mut self, everywhere: &Everywhere) -> Result<Opened, Failure> {
        let source = everywhere.network(None)?;
        let asked = Instant::now();
        match self.run(OpenNetworkJob { source, preset: everywhere.preset.clone() })? {
            Outcome::Network(card) => Ok(Opened { card, seconds: asked.elapsed().as_secs_f64() }),
            other => Err(unexpected(&other)),
        }
    }

    /// Lists the pictures in `paths`, and what gives none.
    ///
    /// # Errors
    /// When nothing at all was found: the first reason; or on Ctrl-C.
    pub fn list(&mut self, paths: Vec<PathBuf>) -> Result<(Vec<Source>, Vec<Skipped>), Failure> {
        self.engine.scan(paths);
        let mut sources = Vec::new();
        let skipped = loop {
            match self.next()? {
                Some(Event::Library(LibraryEvent::Found { sources: found, .. })) => sources.extend(found),
                Some(Event::Library(LibraryEvent::Listed { skipped, .. })) => break skipped,
                _ => {}
            }
            let count = sources.len();
            self.progress.update(|| format!("listing pictures: {count} found"));
        };
        self.progress.clear();
        match skipped.first() {
            Some(first) if sources.is_empty() => {
                let more = match skipped.len() {
                    1 => String::new(),
                    n => format!(" (and {} more gave no picture)", n - 1),
                };
                Err(Failure::failed(format!("{}: {}{more}", first.path.display(), first.why)))
            }
            _ => Ok((sources, skipped)),
        }
    }

    /// Computes a preview of a map to its end.
    ///
    /// # Errors
    /// When it fails, or on Ctrl-C.
    pub fn preview(&mut self, request: PreviewRequest) -> Result<Previewed, Failure> {
        let name = request.source.name();
        let asked = self.engine.preview(request);
        let (mut shown, mut noised, mut map, mut cells, mut predicted) = (None, None, None, Vec::new(), None);
        loop {
            let Some(Event::Preview { generation, part }) = self.next()? else { continue };
            if generation != asked {
                continue;
            }
            match part {
                Part::Picture(picture) => shown = Some(picture),
                Part::Noised(grid) => noised = Some(grid),
                Part::Progress { done } => self.progress.update(|| format!("{name}: block {done}")),
                Part::Map(found) => map = Some(found),
                Part::Cell(cell) => {
                    self.progress.update(|| format!("{name}: map {} of {}", cell.index + 1, cell.count));
                    cells.push(cell);
                }
                Part::Predicted(grid) => predicted = Some(grid),
                Part::Other(_) | Part::Answer(_) | Part::Inside(_) => {}
                Part::Failed(error) => return Err(error.as_ref().into()),
                Part::Complete => break,
            }
        }
        self.progress.clear();
        match (shown, noised, map) {
            (Some(shown), Some(noised), Some(map)) => Ok(Previewed { shown, noised, map, cells, predicted }),
            _ => Err(Error::Compute(format!("the preview of {name} is incomplete")).into()),
        }
    }

    /// Looks into the head of `request`.
    ///
    /// # Errors
    /// When it cannot be looked into, or on Ctrl-C.
    pub fn look_inside(
        &mut self,
        request: PreviewRequest,
    ) -> Result<(Arc<PictureShown>, Arc<HeadInside>), Failure> {
        let name = request.source.name();
        let asked = self.engine.preview(request);
        let (mut shown, mut inside) = (None, None);
        loop {
            let Some(Event::Preview { generation, part }) = self.next()? else { continue };
            match part {
                _ if generation != asked => {}
                Part::Picture(picture) => shown = Some(picture),
                Part::Inside(seen) => inside = Some(seen),
                Part::Failed(error) => return Err(error.as_ref().into()),
                Part::Complete => break,
                _ => {}
            }
        }
        match (shown, inside) {
            (Some(shown), Some(inside)) => Ok((shown, inside)),
            _ => Err(Error::Compute(format!("the look into the head with {name} is incomplete")).into()),
        }
    }

    /// Asks something of the project and waits until it is saved, also after Ctrl-C: what came of it.
    ///
    /// # Errors
    /// When it cannot be opened or saved.
    pub fn keep(&mut self, ask: impl FnOnce(&Engine) -> KeepId) -> Result<Vec<ProjectEvent>, Failure> {
        let asked = ask(&self.engine);
        let mut news = Vec::new();
        loop {
            let event = self.engine.wait(BEAT);
            if let Some(event) = &event {
                show(event, &mut self.progress, &mut self.device);
            }
            match event {
                Some(Event::Project(ProjectEvent::Failed(error) | ProjectEvent::NotSaved { error, .. })) => {
                    return Err(error.as_ref().into());
                }
                Some(Event::Project(ProjectEvent::Saved { through, .. })) if through >= asked => {
                    return Ok(news);
                }
                Some(Event::Project(other)) => news.push(other),
                _ => {}
            }
        }
    }

    /// Keeps features of trainings in `folder`.
    pub fn keep_features(&self, folder: PathBuf) {
        self.engine.use_feature_store(Some(folder));
    }

    /// The next event, if one comes soon.
    fn next(&mut self) -> Result<Option<Event>, Failure> {
        if self.interrupt.is_raised() {
            return Err(Failure::stopped(None));
        }
        let event = self.engine.wait(BEAT);
        if let Some(event) = &event {
            show(event, &mut self.progress, &mut self.device);
        }
        Ok(event)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.interrupt.listen(None);
    }
}

/// Shows progress, and a device that is not the one asked for.
fn show(event: &Event, progress: &mut Progress, device: &mut String) {
    match event {
        Event::Device(report) => {
            device.clone_from(&report.name);
            if let Some(why) = &report.replaced {
                progress.note(why);
            }
        }
        Event::Job { title, state: JobState::Running { what, done, total, seconds_left }, .. } => {
            progress.update(|| {
                let share = if *total > 0 { format!("{} %", 100 * done / total) } else { done.to_string() };
                let left = seconds_left.map(|left| format!(", {}", time_left(left))).unwrap_or_default();
                format!("{title}: {what} {share}{left}")
            });
        }
        _ => {}
    }
}

/// A job that ended with another job's outcome: not expected.
pub fn unexpected(outcome: &Outcome) -> Failure {
    Error::Compute(format!("a job ended as another: {outcome:?}")).into()
}
