//! Jobs: opening a network, extracting features, converting a checkpoint.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::event::{Event, JobId, JobState, Outcome};
use super::worker::Bench;
use super::{Outbox, Shared};
use crate::error::{Error, Result};
use crate::features::Network;
use crate::features::extract::{ExtractConfig, ExtractRun, Inputs, Step};
use crate::features::network::NetworkSource;
use crate::features::output::Existing;
use crate::study::sweep::SweepNews;
use crate::train::EpochPoint;
use crate::unet::weights::{OpenOptions, Progress, convert};

/// Work for the worker, done in steps between which previews get their turn.
pub trait Job: Send {
    /// What it does, for people.
    fn title(&self) -> String;

    /// Does a part. A step that ends with [`Error::Cancelled`] from `control` is called again
    /// unless the user cancelled the job.
    ///
    /// # Errors
    /// Ends the job, unless it is [`Error::Cancelled`] for a preview's sake.
    fn step(&mut self, bench: &mut Bench, control: &mut Control) -> Result<JobStep>;

    /// Called when the job ends before its time: keeps what is done, and says so.
    fn stopped(&mut self) -> Option<String> {
        None
    }
}

/// How a step ended.
#[derive(Debug)]
pub enum JobStep {
    /// There is more to do.
    Going {
        /// What, in words.
        what: String,
        /// Units done.
        done: u64,
        /// Units in all.
        total: u64,
    },
    /// All is done.
    Done(Outcome),
}

/// A job's link to those who wait for it.
pub struct Control {
    id: JobId,
    title: String,
    shared: Arc<Shared>,
    outbox: Outbox,
    reported: Option<Instant>,
    pace: Option<Pace>,
}

/// How fast a part of a job goes.
struct Pace {
    what: String,
    start: Instant,
    first: u64,
    last: u64,
}

impl Pace {
    fn new(what: &str, done: u64, now: Instant) -> Pace {
        Pace { what: what.to_string(), start: now, first: done, last: done }
    }

    /// Seconds to the end, once something is done. Another part, or one begun again, is measured
    /// from its own beginning.
    fn seconds_left(&mut self, what: &str, done: u64, total: u64, now: Instant) -> Option<f64> {
        if self.what != what || done < self.last {
            *self = Pace::new(what, done, now);
        }
        self.last = done;
        let gained = done - self.first;
        let seconds = now.duration_since(self.start).as_secs_f64();
        (gained > 0).then(|| seconds / gained as f64 * total.saturating_sub(done) as f64)
    }
}

impl Control {
    pub(super) fn new(id: JobId, title: String, shared: Arc<Shared>, outbox: Outbox) -> Control {
        Control { id, title, shared, outbox, reported: None, pace: None }
    }

    /// Asks to stop, by [`Error::Cancelled`], when the job is cancelled or paused, a preview waits or
    /// the engine ends.
    ///
    /// # Errors
    /// [`Error::Cancelled`] only.
    pub fn check(&self) -> Result<()> {
        let inbox = self.shared.lock();
        let id = self.id;
        let stop =
            inbox.is_cancelled(id) || inbox.is_paused(id) || inbox.preview_waits() || inbox.is_shut_down();
        if stop { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// As [`Control::check`], for work that cannot give way to a preview.
    ///
    /// # Errors
    /// [`Error::Cancelled`] only.
    pub fn check_cancelled(&self) -> Result<()> {
        let inbox = self.shared.lock();
        if inbox.is_cancelled(self.id) || inbox.is_shut_down() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Whether the job is to end with what it has reached.
    pub fn is_ending(&self) -> bool {
        self.shared.lock().is_ending(self.id)
    }

    /// Tells of an epoch that has ended.
    pub fn epoch(&self, point: EpochPoint) {
        self.outbox.send(Event::Epoch { id: self.id, point });
    }

    /// Tells what is new in a sweep.
    pub fn sweep(&self, news: SweepNews) {
        self.outbox.send(Event::Sweep { id: self.id, news: Arc::new(news) });
    }

    /// Tells how far the job is, at most twenty times a second.
    pub fn report(&mut self, what: &str, done: u64, total: u64) {
        let now = Instant::now();
        let pace = self.pace.get_or_insert_with(|| Pace::new(what, done, now));
        let seconds_left = pace.seconds_left(what, done, total, now);
        if self.reported.is_some_and(|last| now - last < Duration::from_millis(50)) && done < total {
            return;
        }
        self.reported = Some(now);
        let state = JobState::Running { what: what.to_string(), done, total, seconds_left };
        self.outbox.send(Event::Job { id: self.id, title: self.title.clone(), state });
    }

    pub(super) fn on_bytes(&mut self) -> impl FnMut(Progress) -> ControlFlow<()> + '_ {
        |progress| {
            self.report(progress.what, progress.done, progress.total);
            if self.check_cancelled().is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
}

/// Opens a network and uses it from then on; when it fails, the one before stays.
pub struct OpenNetworkJob {
    /// Which.
    pub source: NetworkSource,
    /// The published network it is, if the user says so.
    pub preset: Option<String>,
}

impl Job for OpenNetworkJob {
    fn title(&self) -> String {
        match &self.source {
            NetworkSource::Embedded => "opening the embedded network".into(),
            NetworkSource::Named(name) => {
                let short =
                    std::path::Path::new(name).file_name().map(|name| name.to_string_lossy().into_owned());
                format!("opening {}", short.unwrap_or_else(|| name.clone()))
            }
        }
    }

    fn step(&mut self, bench: &mut Bench, control: &mut Control) -> Result<JobStep> {
        let options = OpenOptions { preset: self.preset.clone(), cache: bench.options.cache.clone() };
        let device = bench.device.device.clone();
        let precision = bench.options.precision.on(&device);
        let network = Network::open(&self.source, &options, &device, precision, &mut control.on_bytes())?;
        let card = Arc::clone(&network.card);
        bench.set_network(network);
        Ok(JobStep::Done(Outcome::Network(card)))
    }
}

/// What an extraction did.
#[derive(Clone, Debug, Serialize)]
pub struct ExtractReport {
    /// The file written.
    pub out: PathBuf,
    /// Pictures in it.
    pub items: usize,
    /// Tensors in it.
    pub timesteps: Vec<usize>,
    /// Seconds of each picture's forwards, of those computed in this run.
    pub seconds_forward: Vec<f64>,
    /// Seconds of loading the weights that this run was the first to need.
    pub seconds_load: f64,
    /// Pictures whose rows hold NaN, with the reason.
    pub skipped: Vec<String>,
    /// What else should be known of the pictures, in sentences.
    pub notes: Vec<String>,
}

/// Extracts features of many pictures into one file.
pub struct ExtractJob {
    config: ExtractConfig,
    out: PathBuf,
    existing: Existing,
    inputs: Option<Inputs>,
    run: Option<ExtractRun>,
}

impl ExtractJob {
    /// An extraction of `inputs` into `out`, which is refused if it exists unless `force`. What a
    /// stopped run has left is taken up with `resume`, thrown away with `force` alone, and else
    /// refused when the job runs.
    ///
    /// # Errors
    /// When `out` exists and `force` is false.
    pub fn new(
        config: ExtractConfig,
        inputs: Inputs,
        out: PathBuf,
        resume: bool,
        force: bool,
    ) -> Result<ExtractJob> {
        if out.exists() && !force {
            return Err(Error::Exists(out));
        }
        let existing = Existing { resume, force };
        Ok(ExtractJob { config, out, existing, inputs: Some(inputs), run: None })
    }
}

impl Job for ExtractJob {
    fn title(&self) -> String {
        format!("extracting features to {}", self.out.display())
    }

    fn step(&mut self, bench: &mut Bench, control: &mut Control) -> Result<JobStep> {
        let network = bench.network()?;
        if let Some(inputs) = self.inputs.take() {
            let config = self.config.clone();
            self.run = Some(ExtractRun::start(network, config, inputs, &self.out, self.existing)?);
        }
        let Some(run) = &mut self.run else {
            return Err(Error::Compute("the extraction has ended already".into()));
        };
        match run.step(network, &mut || control.check())? {
            Step::Going => {
                let (done, total) = run.progress();
                Ok(JobStep::Going { what: "pictures".into(), done: done as u64, total: total as u64 })
            }
            Step::Finished => {
                let (items, _) = run.progress();
                let report = ExtractReport {
                    out: self.out.clone(),
                    items,
                    timesteps: self.config.timesteps.clone(),
                    seconds_forward: run.seconds_forward.clone(),
                    seconds_load: run.seconds_load,
                    skipped: run.skipped(),
                    notes: run.notes.clone(),
                };
                if let Some(run) = self.run.take() {
                    run.finish()?;
                }
                Ok(JobStep::Done(Outcome::Extracted(Arc::new(report))))
            }
        }
    }

    fn stopped(&mut self) -> Option<String> {
        let run = self.run.take()?;
        let (_, total) = run.progress();
        match run.pause() {
            Ok(_) => Some(format!("{} of {total} pictures are kept; go on with --resume", run.kept())),
            Err(error) => Some(format!("what is done could not be noted: {error}")),
        }
    }
}

/// How to convert a checkpoint.
#[derive(Clone, Debug)]
pub struct ConvertOptions {
    /// The checkpoint.
    pub input: PathBuf,
    /// The safetensors file to write.
    pub output: PathBuf,
    /// In half precision.
    pub half: bool,
    /// Replace an existing output.
    pub force: bool,
    /// The published network it is, if the user says so.
    pub preset: Option<String>,
}

/// Converts a checkpoint to safetensors.
pub struct ConvertJob(pub ConvertOptions);

impl Job for ConvertJob {
    fn title(&self) -> String {
        format!("converting {}", self.0.input.display())
    }

    fn step(&mut self, bench: &mut Bench, control: &mut Control) -> Result<JobStep> {
        let ConvertOptions { input, output, half, force, preset } = self.0.clone();
        let options = OpenOptions { preset, cache: bench.options.cache.clone() };
        let report = convert(&input, &output, half, force, &options, &mut control.on_bytes())?;
        Ok(JobStep::Done(Outcome::Converted(Arc::new(report))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_counts_this_part_of_this_run_only() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut pace = Pace::new("pictures", 900, start);
        assert_eq!(pace.seconds_left("pictures", 900, 1000, start), None, "what was done before is no work");
        assert_eq!(pace.seconds_left("pictures", 910, 1000, after(10)), Some(90.0));
        assert_eq!(pace.seconds_left("bytes", 950, 1000, after(20)), None);
        assert_eq!(pace.seconds_left("bytes", 960, 1000, after(30)), Some(40.0));
        assert_eq!(pace.seconds_left("bytes", 0, 1000, after(31)), None, "begun again");
        assert_eq!(pace.seconds_left("bytes", 500, 1000, after(36)), Some(5.0));
    }
}
