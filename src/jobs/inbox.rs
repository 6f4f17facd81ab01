//! What waits for the worker: one preview at most, and a queue of jobs.

use std::collections::{HashSet, VecDeque};

use super::batch::Job;
use super::event::JobId;
use super::preview::PreviewRequest;

#[derive(Default)]
pub(crate) struct Inbox {
    preview: Option<(u64, PreviewRequest)>,
    newest_generation: u64,
    jobs: VecDeque<(JobId, Box<dyn Job>)>,
    cancelled: HashSet<JobId>,
    last_job: u64,
    running: Option<JobId>,
    shut_down: bool,
}

/// The worker's next work.
pub(crate) enum Work {
    Preview(u64, PreviewRequest),
    NewJob(JobId, Box<dyn Job>),
    /// Go on with the job at hand.
    SameJob,
}

impl Inbox {
    /// An empty inbox that goes on counting, so that results of both are told apart.
    pub fn successor(&self) -> Inbox {
        Inbox { newest_generation: self.newest_generation, last_job: self.last_job, ..Inbox::default() }
    }

    pub fn put_preview(&mut self, request: PreviewRequest) -> u64 {
        self.newest_generation += 1;
        self.preview = Some((self.newest_generation, request));
        self.newest_generation
    }

    pub fn next_job_id(&mut self) -> JobId {
        self.last_job += 1;
        JobId(self.last_job)
    }

    pub fn put_job(&mut self, id: JobId, job: Box<dyn Job>) {
        self.jobs.push_back((id, job));
    }

    /// Cancels a job that is queued or running; one that has ended needs none.
    pub fn cancel(&mut self, id: JobId) {
        if self.running == Some(id) || self.jobs.iter().any(|(queued, _)| *queued == id) {
            self.cancelled.insert(id);
        }
    }

    pub fn cancel_all(&mut self) {
        let all: Vec<JobId> = self.jobs.iter().map(|(id, _)| *id).chain(self.running).collect();
        self.cancelled.extend(all);
    }

    pub fn shut_down(&mut self) {
        self.shut_down = true;
    }

    pub fn is_shut_down(&self) -> bool {
        self.shut_down
    }

    pub fn is_cancelled(&self, id: JobId) -> bool {
        self.cancelled.contains(&id)
    }

    pub fn preview_waits(&self) -> bool {
        self.preview.is_some()
    }

    /// Jobs that have not begun.
    pub fn take_queued(&mut self) -> Vec<(JobId, Box<dyn Job>)> {
        self.jobs.drain(..).collect()
    }

    /// Jobs that were cancelled before they began.
    pub fn take_cancelled_queued(&mut self) -> Vec<(JobId, Box<dyn Job>)> {
        let (gone, kept): (Vec<_>, Vec<_>) =
            self.jobs.drain(..).partition(|(id, _)| self.cancelled.contains(id));
        self.jobs = kept.into();
        gone
    }

    /// The next work, previews first; nothing when all is done.
    pub fn next(&mut self, has_job: bool, has_network: bool) -> Option<Work> {
        // Without a network a preview waits for the job that opens one.
        let ready = has_network || (!has_job && self.jobs.is_empty());
        if let Some((generation, request)) = self.preview.take_if(|_| ready) {
            return Some(Work::Preview(generation, request));
        }
        if has_job {
            return Some(Work::SameJob);
        }
        let (id, job) = self.jobs.pop_front()?;
        self.running = Some(id);
        Some(Work::NewJob(id, job))
    }

    pub fn job_ended(&mut self, id: JobId) {
        self.cancelled.remove(&id);
        if self.running == Some(id) {
            self.running = None;
        }
    }
}
