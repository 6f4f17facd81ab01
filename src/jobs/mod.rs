//! The engine: everything that takes long runs here, for the window and the command line alike.
//!
//! One worker thread owns the network. Previews are latest-wins: a newer request stops the one
//! under way between two blocks, and older results are dropped. Jobs queue, show progress with the
//! time left, give way to previews between blocks, and can be cancelled. A panic in either becomes
//! an error event, and the worker lives on. Reading and listing pictures happens on threads of its
//! own, so that a long job never holds up thumbnails.

mod aside;
mod ask;
mod batch;
mod cell;
mod command_line;
mod event;
mod exhibit;
mod explore;
mod heads;
mod import;
mod inbox;
mod inside;
mod inside_shot;
mod inspect;
mod keeper;
mod label;
mod labelling;
mod library;
mod lock;
mod pace;
mod preview;
mod sheet_shot;
mod shot;
mod similarity;
mod speed;
mod sweep;
mod worker;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

pub use aside::Aside;
pub use ask::{HeadAnswer, HeadInside, Said, SeenInside};
pub use batch::{
    Control, ConvertJob, ConvertOptions, ExtractJob, ExtractReport, Job, JobStep, OpenNetworkJob,
};
pub use cell::CellJob;
pub use command_line::{Named, similarity_line};
pub use event::{
    DeviceReport, Event, JobId, JobState, MapShown, OtherMatch, Outcome, Part, PictureShown, SheetCell,
    side_effect_text,
};
pub use exhibit::{Exhibit, Values};
pub use explore::{ExploreConfig, LockConfig, LookConfig, MARKS, SheetKind, WindowOptions, marks};
pub use heads::{CompareJob, PredictJob, Predictions, TrainJob};
pub use import::{ImportHeadJob, ImportReport};
pub use inside::{AttentionConfig, Chosen, block_name};
pub use inside_shot::InsideShot;
pub use inspect::{InspectJob, InspectReport};
pub use keeper::{
    KeepId, NewRecord, NewSweep, OpenedProject, ProjectChoice, ProjectEvent, RunRecord, RunResults,
    RunSettings, SweepRecord, SweepSettings,
};
pub use label::LabelBenchJob;
pub use labelling::{
    Groups, GroupsFound, KeptLabels, LabelFeaturesJob, LabelPicture, LabelSession, LabelSettings,
    LabelSnapshot, LargerHeadJob, OpenedLabels, Why,
};
pub use library::{LibraryEvent, ListingId, PictureId};
pub use pace::PaceJob;
pub use preview::{PcaLock, PreviewRequest, Selection, Sheet};
pub use sheet_shot::SheetShot;
pub use shot::Shot;
pub use similarity::{Against, SimilarityJob};
pub use speed::{Machine, SpeedJob, SpeedReport};
pub use sweep::{ShardJob, SweepJob};
pub use worker::Bench as WorkBench;

use serde::{Deserialize, Serialize};

use crate::data::Source;
use crate::error::{Error, Result};
use crate::study::LabelledCache;
use crate::tensor::device::DeviceChoice;
use crate::tensor::precision::PrecisionChoice;
use inbox::Inbox;
use library::Library;

/// How the engine works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EngineOptions {
    /// The device asked for.
    pub device: DeviceChoice,
    /// What is multiplied.
    pub precision: PrecisionChoice,
    /// Threads of the worker's own pool; by default all cores.
    pub threads: Option<usize>,
    /// Leave one core free on machines with more than two (for a window).
    pub leave_a_core: bool,
    /// Folder for converted checkpoints.
    pub cache: Option<PathBuf>,
    /// Bytes of feature maps kept for another look.
    pub pass_cache_bytes: usize,
    /// Folder for features of trainings; without one they are computed anew every time. It is that of
    /// a project, and no setting of the program.
    #[serde(skip)]
    pub feature_store: Option<PathBuf>,
    /// Bytes of features kept there at most.
    pub feature_store_bytes: u64,
}

impl Default for EngineOptions {
    fn default() -> Self {
        EngineOptions {
            device: DeviceChoice::Auto,
            precision: PrecisionChoice::default(),
            threads: None,
            leave_a_core: false,
            cache: crate::features::network::default_cache_folder(),
            pass_cache_bytes: 1 << 30,
            feature_store: None,
            feature_store_bytes: 8 << 30,
        }
    }
}

impl EngineOptions {
    /// Threads that the worker computes with.
    pub fn thread_count(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let spare = usize::from(self.leave_a_core && cores > 2);
        self.threads.unwrap_or(cores - spare).max(1)
    }
}

/// The handle that fronts hold. Dropping it stops the worker at the next block.
pub struct Engine {
    inbox: Arc<Shared>,
    sender: Outbox,
    events: Receiver<Event>,
    library: Library,
    /// The labelled pictures read last, for all that work on them.
    labelled: Arc<Mutex<LabelledCache>>,
    /// Work beside the worker, with the flags that stop it.
    asides: Mutex<Vec<(JobId, Arc<AtomicBool>)>>,
    keeper: keeper::Keeper,
    worker: Option<JoinHandle<()>>,
    /// Workers of earlier options, on their way out.
    retired: Vec<JoinHandle<()>>,
}

/// The inbox with its bell.
pub(crate) struct Shared {
    inbox: Mutex<Inbox>,
    bell: Condvar,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inbox> {
        // A panic never happens under this lock; if it did, the data would still be whole.
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends events and wakes the front.
#[derive(Clone)]
pub(crate) struct Outbox {
    sender: Sender<Event>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Outbox {
    pub(crate) fn send(&self, event: Event) {
        // A front that is gone needs no events.
        if self.sender.send(event).is_ok() {
            (self.wake)();
        }
    }
}

impl Engine {
    /// Starts the worker. `wake` is called, from any thread, when there are events to drain.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(options: EngineOptions, wake: impl Fn() + Send + Sync + 'static) -> Result<Engine> {
        let (sender, events) = channel();
        let sender = Outbox { sender, wake: Arc::new(wake) };
        let inbox = Arc::new(Shared { inbox: Mutex::new(Inbox::default()), bell: Condvar::new() });
        let labelled = Arc::default();
        let worker = start_worker(options, &labelled, &inbox, &sender)?;
        let library = Library::start(sender.clone())?;
        let keeper = keeper::Keeper::start(sender.clone())?;
        Ok(Engine {
            inbox,
            sender,
            events,
            library,
            labelled,
            asides: Mutex::default(),
            keeper,
            worker: Some(worker),
            retired: Vec::new(),
        })
    }

    /// Goes on with other options, by another worker: jobs are cancelled, what they finished is
    /// kept, and the network has to be opened again. Listings, thumbnails and events go on.
    ///
    /// # Errors
    /// When the system gives no threads; then everything stays as it was.
    pub fn restart(&mut self, options: EngineOptions) -> Result<()> {
        let next =
            Arc::new(Shared { inbox: Mutex::new(self.inbox.lock().successor()), bell: Condvar::new() });
        let worker = start_worker(options, &self.labelled, &next, &self.sender)?;
        let before = std::mem::replace(&mut self.inbox, next);
        before.lock().shut_down();
        before.bell.notify_all();
        self.retired.retain(|thread| !thread.is_finished());
        // Waiting for its last block would hold up a window.
        self.retired.extend(self.worker.replace(worker));
        Ok(())
    }

    /// Asks for a preview, which replaces any before it; its results carry the returned generation.
    pub fn preview(&self, request: PreviewRequest) -> u64 {
        let generation = self.inbox.lock().put_preview(request);
        self.inbox.bell.notify_all();
        generation
    }

    /// Queues a job.
    pub fn submit(&self, job: impl Job + 'static) -> JobId {
        let title = job.title();
        let id = self.inbox.lock().next_job_id();
        // Before the worker can see it: nothing may come after the end of a job.
        self.sender.send(Event::Job { id, title, state: JobState::Queued });
        self.inbox.lock().put_job(id, Box::new(job));
        self.inbox.bell.notify_all();
        id
    }

    /// Cancels a job, queued or running; what it finished is kept.
    pub fn cancel(&self, id: JobId) {
        self.cancel_aside(id);
        self.inbox.lock().cancel(id);
        self.inbox.bell.notify_all();
    }

    /// Keeps features of trainings in `folder` from the next step of a job on, or nowhere. That stays
    /// so when the engine goes on with options that name no folder.
    pub fn use_feature_store(&self, folder: Option<PathBuf>) {
        self.inbox.lock().put_store(folder);
        self.inbox.bell.notify_all();
    }

    /// Lets a job wait, queued or running; others get their turn.
    pub fn pause(&self, id: JobId) {
        let mut inbox = self.inbox.lock();
        inbox.pause(id);
        self.tell_waiting(&inbox, id, JobState::Paused);
    }

    /// Lets a paused job go on.
    pub fn resume(&self, id: JobId) {
        let mut inbox = self.inbox.lock();
        // Under the lock: the worker may take the job up as soon as it is let go.
        self.tell_waiting(&inbox, id, JobState::Queued);
        inbox.resume(id);
        drop(inbox);
        self.inbox.bell.notify_all();
    }

    /// Ends a training with the state it has reached, which is tested and saved as if it were the last.
    pub fn end(&self, id: JobId) {
        self.inbox.lock().end(id);
        self.inbox.bell.notify_all();
    }

    /// Tells of a job that has not begun.
    fn tell_waiting(&self, inbox: &Inbox, id: JobId, state: JobState) {
        if let Some(title) = inbox.title_of(id) {
            self.sender.send(Event::Job { id, title, state });
        }
    }

    /// Lists pictures in files and folders; they arrive as [`LibraryEvent`]s. A new listing cancels
    /// none before it.
    pub fn scan(&self, paths: Vec<PathBuf>) -> ListingId {
        self.library.scan(paths)
    }

    /// Asks for thumbnails of what is visible now; what was asked before and is not begun is
    /// forgotten.
    pub fn thumbnails(&self, wanted: Vec<(PictureId, Source)>, side: u32) {
        self.library.thumbnails(wanted, side);
    }

    /// What has happened since the last call.
    pub fn drain(&self) -> Vec<Event> {
        self.events.try_iter().collect()
    }

    /// Waits for the next event, at most `timeout`.
    pub fn wait(&self, timeout: Duration) -> Option<Event> {
        self.events.recv_timeout(timeout).ok()
    }

    /// Runs a job to its end, showing every event of any kind to `seen`; returns its outcome.
    ///
    /// # Errors
    /// When the job fails or is cancelled.
    pub fn run(&self, job: impl Job + 'static, seen: &mut dyn FnMut(&Event)) -> Result<Outcome, Arc<Error>> {
        let id = self.submit(job);
        loop {
            let Some(event) = self.wait(Duration::from_millis(200)) else {
                if self.worker.as_ref().is_none_or(JoinHandle::is_finished) {
                    return Err(Arc::new(Error::Compute("the worker is gone".into())));
                }
                continue;
            };
            seen(&event);
            if let Event::Job { id: ended, state, .. } = event
                && ended == id
            {
                match state {
                    JobState::Done(outcome) => return Ok(outcome),
                    JobState::Failed { error, .. } => return Err(error),
                    JobState::Cancelled { .. } => return Err(Arc::new(Error::Cancelled)),
                    JobState::Queued | JobState::Running { .. } | JobState::Paused => {}
                }
            }
        }
    }

    /// A handle that cancels jobs from elsewhere, as from a signal handler.
    pub fn canceller(&self) -> Canceller {
        Canceller(Arc::clone(&self.inbox))
    }
}

/// Starts a worker with threads of its own.
fn start_worker(
    options: EngineOptions,
    labelled: &Arc<Mutex<LabelledCache>>,
    inbox: &Arc<Shared>,
    sender: &Outbox,
) -> Result<JoinHandle<()>> {
    let threads = options.thread_count();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("compute {index}"))
        .build()
        .map_err(|error| Error::Compute(format!("the system gives no {threads} threads: {error}")))?;
    if options.feature_store.is_some() {
        inbox.lock().put_store(options.feature_store.clone());
    }
    let (labelled, inbox, sender) = (Arc::clone(labelled), Arc::clone(inbox), sender.clone());
    let thread = Builder::new().name("worker".into()).spawn(move || {
        pool.install(|| worker::Worker::new(options, labelled, inbox, sender).run());
    });
    thread.map_err(Error::io("start", "the worker thread"))
}

/// Cancels every job of an engine.
#[derive(Clone)]
pub struct Canceller(Arc<Shared>);

impl Canceller {
    /// Cancels all jobs, queued and running.
    pub fn cancel_all(&self) {
        self.0.lock().cancel_all();
        self.0.bell.notify_all();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.inbox.lock().shut_down();
        self.inbox.bell.notify_all();
        for worker in self.retired.drain(..).chain(self.worker.take()) {
            if worker.join().is_err() {
                log::error!("the worker ended by a panic");
            }
        }
    }
}
