//! Work beside the worker: short, or on pictures rather than the network.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Builder;

use super::event::{Event, JobId, JobState, Outcome};
use super::{Engine, Outbox, worker};
use crate::error::{Error, Result};
use crate::study::{Survey, SurveyConfig};

/// A link from work on a thread of its own to those who wait for it.
#[derive(Clone)]
pub struct Aside {
    id: JobId,
    title: String,
    outbox: Outbox,
    cancelled: Arc<AtomicBool>,
}

impl Aside {
    fn send(&self, state: JobState) {
        self.outbox.send(Event::Job { id: self.id, title: self.title.clone(), state });
    }

    /// Tells how far the work is; false when it is to stop.
    pub fn report(&self, what: &str, done: u64, total: u64) -> bool {
        self.send(JobState::Running { what: what.into(), done, total, seconds_left: None });
        !self.is_cancelled()
    }

    /// Whether the work is to stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

impl Engine {
    /// Runs something that may touch the disk on a thread of its own; it ends as a job event.
    pub fn aside(
        &self,
        title: impl Into<String>,
        work: impl FnOnce(&Aside) -> Result<Outcome> + Send + 'static,
    ) -> JobId {
        let id = self.inbox.lock().next_job_id();
        let cancelled = Arc::new(AtomicBool::new(false));
        let aside = Aside { id, title: title.into(), outbox: self.sender.clone(), cancelled };
        let mut running = self.asides.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Those that have ended hold their end of the flag no more.
        running.retain(|(_, flag)| Arc::strong_count(flag) > 1);
        running.push((id, Arc::clone(&aside.cancelled)));
        drop(running);
        let spawned = Builder::new().name("aside".into()).spawn({
            let aside = aside.clone();
            move || {
                let result = catch_unwind(AssertUnwindSafe(|| work(&aside)))
                    .unwrap_or_else(|payload| Err(worker::panic_error(&aside.title, payload.as_ref())));
                aside.send(match result {
                    Ok(outcome) => JobState::Done(outcome),
                    Err(error) if error.is_cancelled() => JobState::Cancelled { kept: None },
                    Err(error) => JobState::Failed { error: Arc::new(error), kept: None },
                });
            }
        });
        if let Err(error) = spawned {
            let error = Arc::new(Error::io("start", "a thread")(error));
            aside.send(JobState::Failed { error, kept: None });
        }
        id
    }

    /// Cancels work beside the worker.
    pub(super) fn cancel_aside(&self, id: JobId) {
        let running = self.asides.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, flag)) = running.iter().find(|(aside, _)| *aside == id) {
            flag.store(true, Ordering::Relaxed);
        }
    }

    /// Reads and splits a labelled data set; it ends with [`Outcome::Surveyed`].
    pub fn survey(&self, config: SurveyConfig) -> JobId {
        let cache = Arc::clone(&self.labelled);
        self.aside(format!("reading {}", config.data.display()), move |aside| {
            let mut progress =
                |done: usize, total: usize| aside.report("pictures", done as u64, total as u64);
            Ok(Outcome::Surveyed(Arc::new(Survey::make(config, &cache, &mut progress)?)))
        })
    }
}
