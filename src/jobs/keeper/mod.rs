//! The keeper: a thread of its own that saves every change as it happens, in the order in which they
//! come. Saving waits for the disk, and nobody else does: a request returns at once, and what came of it
//! is told as a [`ProjectEvent`]. What a full disk did not take is told, and tried again until there is
//! room.

mod answers;
mod clerk;
mod desk;
mod labels;
mod place;
mod record;
mod sweeps;

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use super::{Engine, Event, Outbox};
use crate::data::split::Split;
use crate::error::{Error, Result};
use crate::project::{Labelling, NewImage, RunId, RunStatus};
use crate::study::sweep::{SweepReport, SweepRow};
use clerk::Clerk;

pub(super) use labels::{LabelWrite, OpenLabelling};
pub use place::ProjectChoice;
pub use record::{
    KeepId, NewRecord, NewSweep, Opened as OpenedProject, ProjectEvent, RunRecord, RunResults, RunSettings,
    SweepRecord, SweepSettings,
};

/// How often what could not be saved is tried again where nothing else is asked.
const AGAIN: Duration = Duration::from_secs(3);

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
    Relink(Vec<NewImage>),
    OpenLabelling(Box<OpenLabelling>),
    Label { of: Labelling, write: LabelWrite },
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
            Request::Relink(_) => "where pictures are now".into(),
            Request::OpenLabelling(asked) => format!("the labels of {}", asked.data),
            Request::Label { write, .. } => match write {
                LabelWrite::Change { what, .. } => format!("the labels ({what})"),
                LabelWrite::Undo | LabelWrite::Redo => "what was undone of the labels".into(),
                LabelWrite::Answer { .. } => "an answer of the audit".into(),
                LabelWrite::Settings(_) => "the settings of labelling".into(),
            },
        }
    }

    /// Whether this, coming later, makes `other` needless: the same thing as it is now.
    fn replaces(&self, other: &Request) -> bool {
        match (self, other) {
            (Request::State { key, .. }, Request::State { key: other, .. }) => key == other,
            (Request::Keep(run), Request::Keep(other)) => (run.id, run.created) == (other.id, other.created),
            (Request::Split { name, .. }, Request::Split { name: other, .. }) => name == other,
            (
                Request::Label { of, write: LabelWrite::Settings(_) },
                Request::Label { of: other, write: LabelWrite::Settings(_) },
            ) => of == other,
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
        self.pen().ask(request)
    }

    /// Asks from elsewhere.
    pub fn pen(&self) -> Pen {
        Pen(Arc::clone(&self.shared))
    }
}

/// Asks the keeper from elsewhere than its engine.
#[derive(Clone)]
pub(super) struct Pen(Arc<Shared>);

impl Pen {
    fn ask(&self, request: Request) -> KeepId {
        let id = lock(&self.0).put(request);
        self.0.1.notify_one();
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

    /// Finds pictures of the project again by their content in `found`, everything that a data set holds:
    /// [`ProjectEvent::Relinked`] where some have another place now.
    pub fn relink(&self, found: Vec<NewImage>) -> KeepId {
        self.keeper.ask(Request::Relink(found))
    }
}

/// The life of the thread: until it is shut down and nothing waits.
fn work(shared: &Shared, outbox: &Outbox) {
    let tell = |event| outbox.send(Event::Project(event));
    let mut clerk = Clerk::default();
    loop {
        let (through, asked) = {
            let mut waiting = lock(shared);
            loop {
                if let Some(next) = waiting.requests.pop_front() {
                    break (next.0, Some(next));
                }
                if waiting.shut_down {
                    drop(waiting);
                    // The last chance of what could not be saved.
                    clerk.try_again(&tell);
                    return;
                }
                if !clerk.has_unsaved() {
                    waiting = shared.1.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
                let (back, time) =
                    shared.1.wait_timeout(waiting, AGAIN).unwrap_or_else(PoisonError::into_inner);
                waiting = back;
                if time.timed_out() && waiting.requests.is_empty() {
                    break (KeepId(waiting.last), None);
                }
            }
        };
        let serving = asked.is_some();
        if let Some((id, request)) = asked {
            clerk.serve(id, request, &tell);
        }
        // A disk that takes nothing is not asked after each of many requests.
        let idle = lock(shared).requests.is_empty();
        let late = if idle { clerk.try_again(&tell) } else { Vec::new() };
        if idle && (serving || !late.is_empty()) {
            tell(ProjectEvent::Saved { through, late });
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
