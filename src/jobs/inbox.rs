//! What waits for the worker: one preview at most, and a queue of jobs.

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;

use super::batch::Job;
use super::event::JobId;
use super::preview::PreviewRequest;

#[derive(Default)]
pub(crate) struct Inbox {
    preview: Option<(u64, PreviewRequest)>,
    newest_generation: u64,
    jobs: VecDeque<(JobId, Box<dyn Job>)>,
    cancelled: HashSet<JobId>,
    /// Jobs that wait until they are resumed.
    paused: HashSet<JobId>,
    /// Jobs that are to end with what they have reached.
    ending: HashSet<JobId>,
    /// Jobs that were begun and give others their turn.
    parked: Vec<JobId>,
    last_job: u64,
    running: Option<JobId>,
    shut_down: bool,
    /// Where features are to be kept, if anybody said so after the start.
    store: Option<Option<PathBuf>>,
    store_is_new: bool,
}

/// The worker's next work.
pub(crate) enum Work {
    Preview(u64, PreviewRequest),
    NewJob(JobId, Box<dyn Job>),
    /// Go on with a job that was paused.
    ParkedJob(JobId),
    /// Go on with the job at hand.
    SameJob,
}

impl Inbox {
    /// An empty inbox that goes on counting, so that results of both are told apart.
    pub fn successor(&self) -> Inbox {
        Inbox {
            newest_generation: self.newest_generation,
            last_job: self.last_job,
            store: self.store.clone(),
            store_is_new: self.store.is_some(),
            ..Inbox::default()
        }
    }

    pub fn put_store(&mut self, folder: Option<PathBuf>) {
        self.store = Some(folder);
        self.store_is_new = true;
    }

    /// Where features are to be kept, once after it was said.
    pub fn take_store(&mut self) -> Option<Option<PathBuf>> {
        std::mem::take(&mut self.store_is_new).then(|| self.store.clone()).flatten()
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
        if self.has(id) {
            self.cancelled.insert(id);
        }
    }

    pub fn cancel_all(&mut self) {
        let queued = self.jobs.iter().map(|(id, _)| *id);
        let all: Vec<JobId> = queued.chain(self.running).chain(self.parked.iter().copied()).collect();
        self.cancelled.extend(all);
    }

    fn has(&self, id: JobId) -> bool {
        self.running == Some(id)
            || self.parked.contains(&id)
            || self.jobs.iter().any(|(queued, _)| *queued == id)
    }

    /// What a job that is not begun does.
    pub fn title_of(&self, id: JobId) -> Option<String> {
        self.jobs.iter().find(|(queued, _)| *queued == id).map(|(_, job)| job.title())
    }

    /// Lets a job wait until it is resumed.
    pub fn pause(&mut self, id: JobId) {
        if self.has(id) {
            self.paused.insert(id);
        }
    }

    /// Lets a job go on.
    pub fn resume(&mut self, id: JobId) {
        self.paused.remove(&id);
    }

    /// Asks a job to end with what it has reached; a paused one goes on to do so.
    pub fn end(&mut self, id: JobId) {
        if self.has(id) {
            self.ending.insert(id);
            self.paused.remove(&id);
        }
    }

    pub fn is_paused(&self, id: JobId) -> bool {
        self.paused.contains(&id)
    }

    pub fn is_ending(&self, id: JobId) -> bool {
        self.ending.contains(&id)
    }

    /// The running job gives others their turn.
    pub fn park(&mut self, id: JobId) {
        self.running = None;
        self.parked.push(id);
    }

    /// Jobs that were cancelled while they were paused.
    pub fn take_cancelled_parked(&mut self) -> Vec<JobId> {
        let (gone, kept) = self.parked.iter().partition(|id| self.cancelled.contains(id));
        self.parked = kept;
        gone
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
        if let Some(at) = self.parked.iter().position(|id| !self.paused.contains(id)) {
            let id = self.parked.remove(at);
            self.running = Some(id);
            return Some(Work::ParkedJob(id));
        }
        let at = self.jobs.iter().position(|(id, _)| !self.paused.contains(id))?;
        let (id, job) = self.jobs.remove(at)?;
        self.running = Some(id);
        Some(Work::NewJob(id, job))
    }

    pub fn job_ended(&mut self, id: JobId) {
        self.cancelled.remove(&id);
        self.paused.remove(&id);
        self.ending.remove(&id);
        if self.running == Some(id) {
            self.running = None;
        }
    }
}
