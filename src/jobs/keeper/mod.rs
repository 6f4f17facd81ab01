//! The keeper: a thread of its own that saves every change as it happens, in the order in which they
//! come. Saving waits for the disk, and nobody else does: a request returns at once, and what came of it
//! is told as a [`ProjectEvent`].

mod answers;
mod desk;
mod place;
mod record;
mod sweeps;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use serde_json::Value;

use super::worker::panic_error;
use super::{Engine, Event, Outbox};
use crate::data::split::Split;
use crate::error::{Error, Result};
use crate::project::{RunId, RunStatus};
use crate::study::sweep::{SweepReport, SweepRow};
use desk::Desk;
use place::Place;

pub use place::ProjectChoice;
pub use record::{
    KeepId, NewRecord, NewSweep, Opened as OpenedProject, ProjectEvent, RunRecord, RunResults, RunSettings,
    SweepRecord, SweepSettings,
};

/// What the keeper is asked for.
enum Request {
    Open(ProjectChoice),
    Begin(NewRecord),
    Keep(Box<RunRecord>),
    Remove { run: RunId, with_files: bool },
    BeginSweep(Box<NewSweep>),
    Rows { run: RunId, rows: Vec<SweepRow> },
    EndSweep { run: RunId, status: RunStatus, report: Option<Arc<SweepReport>> },
    State { key: String, value: Value },
    Split { name: String, split: Split },
}

impl Request {
    /// What it is about, for people.
    fn what(&self) -> String {
        match self {
            Request::Open(_) => "opening a project".into(),
            Request::Begin(run) => format!("the run {}", run.name),
            Request::Keep(run) => format!("the run {}", run.name),
            Request::Remove { run, .. } => format!("that run {} is removed", run.0),
            Request::BeginSweep(sweep) => format!("the sweep {}", sweep.name),
            Request::Rows { run, .. } | Request::EndSweep { run, .. } => format!("the sweep {}", run.0),
            Request::State { key, .. } => format!("the state of {key}"),
            Request::Split { name, .. } => format!("the split {name}"),
        }
    }

    /// Whether this, coming later, makes `other` needless: the same thing as it is now.
    fn replaces(&self, other: &Request) -> bool {
        match (self, other) {
            (Request::State { key, .. }, Request::State { key: other, .. }) => key == other,
            (Request::Keep(run), Request::Keep(other)) => (run.id, run.created) == (other.id, other.created),
            _ => false,
        }
    }
}

/// What waits for the keeper.
#[derive(Default)]
struct Waiting {
    requests: VecDeque<(KeepId, Request)>,
    last: u64,
    shut_down: bool,
}

impl Waiting {
    fn put(&mut self, request: Request) -> KeepId {
        self.last += 1;
        let id = KeepId(self.last);
        // What belongs to the project before is not touched by what belongs to the next.
        let from = self.requests.iter().rposition(|(_, waits)| matches!(waits, Request::Open(_)));
        let here = self.requests.iter_mut().skip(from.map_or(0, |open| open + 1));
        match here.rev().find(|(_, waits)| request.replaces(waits)) {
            Some(waits) => *waits = (id, request),
            None => self.requests.push_back((id, request)),
        }
        id
    }
}

type Shared = (Mutex<Waiting>, Condvar);

fn lock(shared: &Shared) -> MutexGuard<'_, Waiting> {
    // Under this lock nothing panics; if it did, the queue would still be whole.
    shared.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The handle of the keeper's thread. Dropping it waits until everything is saved.
pub(super) struct Keeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread, which has no project open.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(outbox: Outbox) -> Result<Keeper> {
        let shared = Arc::new(Shared::default());
        let thread = {
            let shared = Arc::clone(&shared);
            Builder::new().name("keeper".into()).spawn(move || work(&shared, &outbox))
        };
        Ok(Keeper { shared, thread: Some(thread.map_err(Error::io("start", "the thread that saves"))?) })
    }

    fn ask(&self, request: Request) -> KeepId {
        let id = lock(&self.shared).put(request);
        self.shared.1.notify_one();
        id
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        lock(&self.shared).shut_down = true;
        self.shared.1.notify_one();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            log::error!("the thread that saves ended by a panic");
        }
    }
}

impl Engine {
    /// Opens a project in place of the one before: [`ProjectEvent::Opened`] or [`ProjectEvent::Failed`].
    pub fn open_project(&self, choice: ProjectChoice) -> KeepId {
        self.keeper.ask(Request::Open(choice))
    }

    /// Begins a run, with a place for its head: [`ProjectEvent::RunAdded`].
    pub fn begin_run(&self, run: NewRecord) -> KeepId {
        self.keeper.ask(Request::Begin(run))
    }

    /// Keeps a run as it is now; one that waits to be saved as it was before is saved as it is now.
    pub fn keep_run(&self, run: RunRecord) -> KeepId {
        self.keeper.ask(Request::Keep(Box::new(run)))
    }

    /// Removes a run; also its head, report and states if `with_files`, where they lie in the project's
    /// folder of heads: what lies elsewhere stays.
    pub fn remove_run(&self, run: RunId, with_files: bool) -> KeepId {
        self.keeper.ask(Request::Remove { run, with_files })
    }

    /// Begins a sweep: [`ProjectEvent::SweepAdded`].
    pub fn begin_sweep(&self, sweep: NewSweep) -> KeepId {
        self.keeper.ask(Request::BeginSweep(Box::new(sweep)))
    }

    /// Keeps rows of a sweep, as they come; those of the same cells before are replaced.
    pub fn keep_sweep_rows(&self, run: RunId, rows: Vec<SweepRow>) -> KeepId {
        self.keeper.ask(Request::Rows { run, rows })
    }

    /// Keeps how a sweep ended, and what came of it if it came to its end.
    pub fn end_sweep(&self, run: RunId, status: RunStatus, report: Option<Arc<SweepReport>>) -> KeepId {
        self.keeper.ask(Request::EndSweep { run, status, report })
    }

    /// Keeps `value` as `key` for the next time; of values that wait the last is saved.
    pub fn keep_state(&self, key: impl Into<String>, value: Value) -> KeepId {
        self.keeper.ask(Request::State { key: key.into(), value })
    }

    /// Keeps a split as `name`.
    pub fn keep_split(&self, name: impl Into<String>, split: Split) -> KeepId {
        self.keeper.ask(Request::Split { name: name.into(), split })
    }
}

/// The life of the thread: until it is shut down and nothing waits.
fn work(shared: &Shared, outbox: &Outbox) {
    let tell = |event| outbox.send(Event::Project(event));
    let mut desk: Option<Desk> = None;
    loop {
        let (request, asked) = {
            let mut waiting = lock(shared);
            loop {
                if let Some(next) = waiting.requests.pop_front() {
                    break next;
                }
                if waiting.shut_down {
                    return;
                }
                waiting = shared.1.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
        };
        let (what, opens) = (asked.what(), matches!(asked, Request::Open(_)));
        let done = catch_unwind(AssertUnwindSafe(|| answer(&mut desk, asked, &tell)))
            .unwrap_or_else(|payload| Err(panic_error(&what, payload.as_ref())));
        if let Err(error) = done {
            let error = Arc::new(error);
            tell(if opens {
                ProjectEvent::Failed(error)
            } else {
                ProjectEvent::NotSaved { request, what, error }
            });
        }
        if lock(shared).requests.is_empty() {
            tell(ProjectEvent::Saved { through: request });
        }
    }
}

fn answer(desk: &mut Option<Desk>, request: Request, tell: &dyn Fn(ProjectEvent)) -> Result<()> {
    if let Request::Open(choice) = request {
        return open(desk, &choice, tell);
    }
    let Some(desk) = desk else {
        return Err(Error::Setting("no project is open; open or make one".into()));
    };
    match request {
        Request::Open(_) => {}
        Request::Begin(run) => tell(ProjectEvent::RunAdded(Arc::new(desk.begin(run)?))),
        Request::Keep(run) => desk.keep(&run)?,
        Request::Remove { run, with_files } => desk.remove(run, with_files)?,
        Request::BeginSweep(sweep) => tell(ProjectEvent::SweepAdded(Arc::new(desk.begin_sweep(*sweep)?))),
        Request::Rows { run, rows } => desk.keep_rows(run, &rows)?,
        Request::EndSweep { run, status, report } => desk.end_sweep(run, status, report.as_deref())?,
        Request::State { key, value } => desk.state(&key, &value)?,
        Request::Split { name, split } => desk.split(&name, &split)?,
    }
    Ok(())
}

fn open(desk: &mut Option<Desk>, choice: &ProjectChoice, tell: &dyn Fn(ProjectEvent)) -> Result<()> {
    let opened = |opened| tell(ProjectEvent::Opened(Arc::new(opened)));
    let found =
        Place::open(choice, desk.as_ref().map(Desk::path)).and_then(|place| match (place, &mut *desk) {
            (Some(place), _) => Desk::open(place).map(|(desk, opened)| (Some(desk), opened)),
            (None, Some(desk)) => desk.look().map(|opened| (None, opened)),
            (None, None) => Err(Error::Compute("no project is open, and one was".into())),
        });
    match found {
        Ok((new, found)) => {
            // The one before closes here.
            *desk = new.or(desk.take());
            opened(found);
            Ok(())
        }
        // The one before goes on.
        Err(error) if desk.is_some() => Err(error),
        Err(error) => {
            let why = error.to_string();
            tell(ProjectEvent::Failed(Arc::new(error)));
            let place = Place::temporary_because(&why)?;
            let (new, found) = Desk::open(place)?;
            *desk = Some(new);
            opened(found);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(key: &str, value: i64) -> Request {
        Request::State { key: key.into(), value: value.into() }
    }

    #[test]
    fn values_that_wait_are_replaced_within_their_project_only() {
        let mut waiting = Waiting::default();
        waiting.put(state("page", 1));
        waiting.put(state("zoom", 1));
        waiting.put(state("page", 2));
        waiting.put(Request::Open(ProjectChoice::Temporary));
        waiting.put(state("page", 3));
        let last = waiting.put(state("page", 4));
        let told: Vec<String> = waiting
            .requests
            .iter()
            .map(|(id, request)| match request {
                Request::State { key, value } => format!("{} {key} {value}", id.0),
                other => format!("{} {}", id.0, other.what()),
            })
            .collect();
        assert_eq!(told, ["3 page 2", "2 zoom 1", "4 opening a project", "6 page 4"]);
        assert_eq!(last, KeepId(6));
    }
}
