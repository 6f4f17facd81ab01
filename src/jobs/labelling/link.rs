//! What lies between a session, its labeller, and work that reports to it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::head::HeadNow;
use super::larger::LargerFound;
use super::snapshot::{Groups, GroupsFound, LabelSnapshot, Why};
use crate::error::Result;
use crate::features::network::NetworkCard;
use crate::study::label::{Cover, FeaturesNow, LabelFeatures, LabelState, Tuned};

/// Features that begin to come.
pub(super) struct Begin {
    pub width: usize,
    pub features: LabelFeatures,
    pub card: Arc<NetworkCard>,
}

/// Features of a picture, or why there are none.
pub(super) type Row = (usize, std::result::Result<Vec<f32>, String>);

/// What waits for the labeller: of what replaces the one before only the newest.
#[derive(Default)]
pub(super) struct Inbox {
    pub state: Option<(Arc<LabelState>, Instant)>,
    pub begin: Option<Begin>,
    pub rows: Vec<Row>,
    pub why: Option<(usize, usize)>,
    /// Groups asked for, with the number of the request.
    pub groups: Option<(u64, Option<Groups>)>,
    pub found: Option<(u64, GroupsFound)>,
    /// A penalty chosen, with the features that it is for; none where it could not be.
    pub tuned: Option<(Option<Tuned>, u64)>,
    /// How pictures lie among each other, with the features that it is for.
    pub cover: Option<(Cover, u64)>,
    pub heads: Vec<Sender<Result<HeadNow>>>,
    /// Who asks for the features.
    pub features: Vec<Sender<FeaturesNow>>,
    pub larger: Option<LargerFound>,
    pub closed: bool,
    /// What was taken last is still being followed.
    busy: bool,
    /// Names the features that are coming: those of an earlier run are late.
    run: u64,
}

impl Inbox {
    pub fn is_empty(&self) -> bool {
        let Inbox { state, begin, rows, why, groups, found, tuned, cover, heads, larger, closed, .. } = self;
        let sends = !heads.is_empty() || !self.features.is_empty();
        let asks = why.is_some()
            || groups.is_some()
            || found.is_some()
            || tuned.is_some()
            || cover.is_some()
            || larger.is_some();
        state.is_none() && begin.is_none() && rows.is_empty() && !asks && !sends && !closed
    }
}

/// The link.
pub(super) struct Link {
    inbox: Mutex<Inbox>,
    bell: Condvar,
    snapshot: Mutex<Arc<LabelSnapshot>>,
    why: Mutex<Option<(Arc<Why>, u64)>>,
    /// The newest request for groups.
    pub groups_asked: AtomicU64,
    /// Tells the front to look.
    wake: Arc<dyn Fn() + Send + Sync>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Under these locks nothing panics; if it did, what they hold would still be whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Link {
    pub fn new(wake: Arc<dyn Fn() + Send + Sync>, pictures: usize) -> Link {
        let snapshot =
            LabelSnapshot { has_features: vec![false; pictures].into(), ..LabelSnapshot::default() };
        Link {
            inbox: Mutex::default(),
            bell: Condvar::new(),
            snapshot: Mutex::new(Arc::new(snapshot)),
            why: Mutex::default(),
            groups_asked: AtomicU64::new(0),
            wake,
        }
    }

    /// Puts something into the inbox.
    pub fn put(&self, put: impl FnOnce(&mut Inbox)) {
        put(&mut lock(&self.inbox));
        self.bell.notify_all();
    }

    /// Waits for something, no longer than `patience` says, and takes all of it.
    pub fn take(&self, patience: Option<Duration>) -> Inbox {
        let mut inbox = lock(&self.inbox);
        inbox.busy = false;
        while inbox.is_empty() {
            let Some(patience) = patience else {
                inbox = self.bell.wait(inbox).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let (back, time) =
                self.bell.wait_timeout(inbox, patience).unwrap_or_else(PoisonError::into_inner);
            inbox = back;
            if time.timed_out() {
                break;
            }
        }
        let (run, closed) = (inbox.run, inbox.closed);
        std::mem::replace(&mut *inbox, Inbox { run, closed, busy: true, ..Inbox::default() })
    }

    /// Whether something waits or is being followed.
    pub fn is_busy(&self) -> bool {
        let inbox = lock(&self.inbox);
        inbox.busy || !inbox.is_empty()
    }

    /// Whether anything waits that makes what is under way old.
    pub fn is_newer(&self) -> bool {
        let inbox = lock(&self.inbox);
        inbox.state.is_some() || inbox.begin.is_some() || inbox.closed
    }

    pub fn is_closed(&self) -> bool {
        lock(&self.inbox).closed
    }

    /// Features begin to come: the number of their run. Those of an earlier run are forgotten.
    pub fn begin(&self, begin: Begin) -> u64 {
        let mut inbox = lock(&self.inbox);
        inbox.run += 1;
        inbox.begin = Some(begin);
        inbox.rows.clear();
        let run = inbox.run;
        drop(inbox);
        self.bell.notify_all();
        run
    }

    /// Adds features of a run; false where another run has begun or nobody labels any more.
    pub fn add(&self, run: u64, rows: Vec<Row>) -> bool {
        let mut inbox = lock(&self.inbox);
        if inbox.run != run || inbox.closed {
            return false;
        }
        inbox.rows.extend(rows);
        drop(inbox);
        self.bell.notify_all();
        true
    }

    pub fn snapshot(&self) -> Arc<LabelSnapshot> {
        Arc::clone(&lock(&self.snapshot))
    }

    pub fn publish(&self, snapshot: LabelSnapshot) {
        *lock(&self.snapshot) = Arc::new(snapshot);
        (self.wake)();
    }

    /// What was answered last, and for which state.
    pub fn why(&self) -> Option<(Arc<Why>, u64)> {
        lock(&self.why).clone()
    }

    pub fn answer_why(&self, why: Why, state: u64) {
        *lock(&self.why) = Some((Arc::new(why), state));
        (self.wake)();
    }

    /// A new request for groups, which ends the one before.
    pub fn next_groups(&self) -> u64 {
        self.groups_asked.fetch_add(1, Ordering::Relaxed) + 1
    }
}
