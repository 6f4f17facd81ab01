//! The worker thread: one preview or one step of a job at a time.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::ask::HeldHeads;
use super::batch::{Control, Job, JobStep};
use super::event::{DeviceReport, Event, JobId, JobState, Part, PictureShown};
use super::inbox::Work;
use super::library::PictureId;
use super::lock::LockCache;
use super::preview::{self, Live};
use super::{EngineOptions, Outbox, Shared};
use crate::data::{Origin, Source};
use crate::error::{Error, Result};
use crate::features::Network;
use crate::features::cache::PassCache;
use crate::features::store::FeatureStore;
use crate::study::LabelledCache;
use crate::tensor::device::{OpenedDevice, open as open_device};

/// What jobs and previews work with.
pub struct Bench {
    /// How the engine works.
    pub options: EngineOptions,
    /// The device.
    pub device: OpenedDevice,
    /// The labelled pictures read last.
    pub labelled: Arc<Mutex<LabelledCache>>,
    network: Option<Network>,
    /// Features kept from one training to the next.
    pub store: Option<FeatureStore>,
    pub(super) passes: PassCache,
    pub(super) pictures: Vec<HeldPicture>,
    pub(super) locks: LockCache,
    pub(super) heads: HeldHeads,
}

/// A picture kept for another look.
pub(super) struct HeldPicture {
    id: PictureId,
    argument: Option<String>,
    stamp: Stamp,
    shown: Arc<PictureShown>,
}

/// Length and time of a file: another one means that the picture has to be read again.
type Stamp = Option<(u64, std::time::SystemTime)>;

fn stamp_of(source: &Source) -> Stamp {
    let Origin::File(path) = source.origin() else { return None };
    // A file that is gone has no stamp, and reading it says so.
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

impl HeldPicture {
    fn bytes(&self) -> usize {
        let shown = &self.shown;
        shown.picture.rgb.len() + shown.display.rgba.len() + shown.input.bytes()
    }
}

fn no_network() -> Error {
    Error::Setting("no network is open; open one or use the embedded one".into())
}

impl Bench {
    /// The network in use.
    ///
    /// # Errors
    /// When none is open.
    pub fn network(&self) -> Result<&Network> {
        self.network.as_ref().ok_or_else(no_network)
    }

    /// The network in use, and where its features are kept.
    ///
    /// # Errors
    /// When none is open.
    pub fn network_and_store(&mut self) -> Result<(&Network, Option<&mut FeatureStore>)> {
        Ok((self.network.as_ref().ok_or_else(no_network)?, self.store.as_mut()))
    }

    /// Keeps features in `folder` from now on, or nowhere.
    fn use_store(&mut self, folder: Option<PathBuf>) {
        if self.store.as_ref().map(FeatureStore::folder) != folder.as_deref() {
            self.store = folder.map(|folder| FeatureStore::open(folder, self.options.feature_store_bytes));
        }
    }

    /// Uses another network from now on.
    pub(super) fn set_network(&mut self, network: Network) {
        // Also for the same parameters: their configuration may be another one.
        self.passes = PassCache::new(self.options.pass_cache_bytes);
        self.pictures.clear();
        self.locks = LockCache::default();
        self.heads = HeldHeads::default();
        self.network = Some(network);
    }

    /// The picture as it was read before, if its file is still the same.
    pub(super) fn recall(&mut self, id: PictureId, source: &Source) -> Option<Arc<PictureShown>> {
        let (argument, stamp) = (source.argument(), stamp_of(source));
        let same = |held: &HeldPicture| held.id == id && held.argument == argument && held.stamp == stamp;
        let at = self.pictures.iter().position(same)?;
        let held = self.pictures.remove(at);
        let shown = Arc::clone(&held.shown);
        self.pictures.insert(0, held);
        Some(shown)
    }

    /// Keeps a picture for another look, and lets the oldest go when there are too many.
    pub(super) fn remember(&mut self, id: PictureId, source: &Source, shown: &Arc<PictureShown>) {
        const KEPT: usize = 48;
        const KEPT_BYTES: usize = 512 << 20;
        let held = HeldPicture {
            id,
            argument: source.argument(),
            stamp: stamp_of(source),
            shown: Arc::clone(shown),
        };
        self.pictures.insert(0, held);
        let mut bytes = 0;
        let within = self.pictures.iter().take(KEPT).take_while(|held| {
            let fits = bytes < KEPT_BYTES;
            bytes += held.bytes();
            fits
        });
        let kept = within.count();
        self.pictures.truncate(kept);
    }

    /// Lets everything go that a panic may have left half done.
    fn recover(&mut self) {
        self.passes = PassCache::new(self.options.pass_cache_bytes);
        self.pictures.clear();
        self.locks = LockCache::default();
    }
}

struct Running {
    id: JobId,
    title: String,
    job: Box<dyn Job>,
    control: Control,
}

pub(super) struct Worker {
    bench: Bench,
    shared: Arc<Shared>,
    outbox: Outbox,
    running: Option<Running>,
    /// Begun and paused.
    parked: Vec<Running>,
}

impl Worker {
    pub fn new(
        options: EngineOptions,
        labelled: Arc<Mutex<LabelledCache>>,
        shared: Arc<Shared>,
        outbox: Outbox,
    ) -> Worker {
        let device = open_device(options.device);
        outbox.send(Event::Device(DeviceReport {
            name: device.name.clone(),
            precision: options.precision.on(&device.device),
            threads: options.thread_count(),
            replaced: device.replaced.clone(),
        }));
        let passes = PassCache::new(options.pass_cache_bytes);
        let bench = Bench {
            options,
            device,
            labelled,
            network: None,
            store: None,
            passes,
            pictures: Vec::new(),
            locks: LockCache::default(),
            heads: HeldHeads::default(),
        };
        Worker { bench, shared, outbox, running: None, parked: Vec::new() }
    }

    pub fn run(mut self) {
        while let Some(work) = self.next_work() {
            match work {
                Work::Preview(generation, request) => self.preview(generation, &request),
                Work::NewJob(id, job) => {
                    let title = job.title();
                    let control =
                        Control::new(id, title.clone(), Arc::clone(&self.shared), self.outbox.clone());
                    self.running = Some(Running { id, title, job, control });
                    self.step();
                }
                Work::ParkedJob(id) => {
                    let at = self.parked.iter().position(|parked| parked.id == id);
                    self.running = at.map(|at| self.parked.remove(at));
                    self.step();
                }
                Work::SameJob => self.step(),
            }
        }
        // Whoever goes on listening learns that nothing more comes.
        for mut running in self.running.take().into_iter().chain(self.parked.drain(..)) {
            let state = JobState::Cancelled { kept: stopped(&mut running.job) };
            self.outbox.send(Event::Job { id: running.id, title: running.title, state });
        }
        let queued = self.shared.lock().take_queued();
        for (id, job) in queued {
            let state = JobState::Cancelled { kept: None };
            self.outbox.send(Event::Job { id, title: job.title(), state });
        }
    }

    /// Waits for work; `None` when the engine is dropped.
    fn next_work(&mut self) -> Option<Work> {
        let shared = Arc::clone(&self.shared);
        let mut inbox = shared.lock();
        loop {
            if inbox.is_shut_down() {
                return None;
            }
            for (id, job) in inbox.take_cancelled_queued() {
                inbox.job_ended(id);
                let state = JobState::Cancelled { kept: None };
                self.outbox.send(Event::Job { id, title: job.title(), state });
            }
            for id in inbox.take_cancelled_parked() {
                inbox.job_ended(id);
                let Some(at) = self.parked.iter().position(|parked| parked.id == id) else { continue };
                let mut parked = self.parked.remove(at);
                let state = JobState::Cancelled { kept: stopped(&mut parked.job) };
                self.outbox.send(Event::Job { id, title: parked.title, state });
            }
            if let Some(folder) = inbox.take_store() {
                self.bench.use_store(folder);
            }
            if let Some(work) = inbox.next(self.running.is_some(), self.bench.network.is_some()) {
                return Some(work);
            }
            inbox = shared.bell.wait(inbox).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn preview(&mut self, generation: u64, request: &preview::PreviewRequest) {
        let live = Live { generation, shared: &self.shared, outbox: &self.outbox };
        let bench = &mut self.bench;
        let result = catch_unwind(AssertUnwindSafe(|| preview::run(bench, request, &live))).unwrap_or_else(
            |payload| {
                bench.recover();
                Err(panic_error("the preview", payload.as_ref()))
            },
        );
        match result {
            Ok(()) => {}
            // A newer request is the answer.
            Err(error) if error.is_cancelled() => {}
            Err(error) => live.send(Part::Failed(Arc::new(error))),
        }
    }

    fn step(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        let bench = &mut self.bench;
        let control = &mut running.control;
        let job = &mut running.job;
        let before = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| {
            // Not `check`: a preview that waits for this very job, as for its network, must not stop it.
            control.check_cancelled()?;
            job.step(bench, control)
        }))
        .unwrap_or_else(|payload| {
            bench.recover();
            Err(panic_error(&running.title, payload.as_ref()))
        });
        log::debug!("{}: a step of {:?}", running.title, before.elapsed());
        let state = match result {
            Ok(JobStep::Going { what, done, total }) => {
                running.control.report(&what, done, total);
                self.go_on_or_park(running);
                return;
            }
            Ok(JobStep::Done(outcome)) => JobState::Done(outcome),
            Err(error) if error.is_cancelled() => {
                let inbox = self.shared.lock();
                if !inbox.is_cancelled(running.id) {
                    // It gave way to a preview, is paused, or the engine ends and stops it in order.
                    drop(inbox);
                    self.go_on_or_park(running);
                    return;
                }
                drop(inbox);
                JobState::Cancelled { kept: stopped(&mut running.job) }
            }
            Err(error) => JobState::Failed { error: Arc::new(error), kept: stopped(&mut running.job) },
        };
        self.shared.lock().job_ended(running.id);
        if let JobState::Done(super::Outcome::Network(card)) = &state {
            self.outbox.send(Event::Network(Arc::clone(card)));
        }
        self.outbox.send(Event::Job { id: running.id, title: running.title, state });
    }

    /// Keeps a job at hand, or lets it wait where it is paused.
    fn go_on_or_park(&mut self, running: Running) {
        let mut inbox = self.shared.lock();
        if !inbox.is_paused(running.id) || inbox.is_cancelled(running.id) {
            drop(inbox);
            self.running = Some(running);
            return;
        }
        inbox.park(running.id);
        drop(inbox);
        let (id, title) = (running.id, running.title.clone());
        self.outbox.send(Event::Job { id, title, state: JobState::Paused });
        self.parked.push(running);
    }
}

/// Lets a job keep what is done; a panic while it does costs only that.
fn stopped(job: &mut Box<dyn Job>) -> Option<String> {
    catch_unwind(AssertUnwindSafe(|| job.stopped())).unwrap_or_else(|payload| {
        log::error!("{}", panic_error("keeping finished parts", payload.as_ref()));
        None
    })
}

/// A caught panic as an error.
pub(super) fn panic_error(job: &str, payload: &(dyn Any + Send)) -> Error {
    let message = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_string())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".into());
    Error::Panic { job: job.to_string(), message }
}
