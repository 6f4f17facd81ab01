//! The labeller: the thread that follows a session.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::groups::{Ground, find};
use super::head::{HeadNow, RidgeNow};
use super::larger::LargerFound;
use super::link::{Begin, Inbox, Link};
use super::snapshot::{Groups, GroupsFound, LabelSnapshot, Why};
use crate::data::dataset::Fingerprint;
use crate::error::{Error, Result};
use crate::features::network::NetworkCard;
use crate::jobs::worker::panic_error;
use crate::study::label::{LabelFeatures, LabelState, Labeller};

/// How long features wait for more before they count.
const IDLE: Duration = Duration::from_millis(700);

/// The thread's own.
struct Thread {
    link: Arc<Link>,
    labeller: Labeller,
    prints: Arc<Vec<Fingerprint>>,
    state: Arc<LabelState>,
    /// When the newest change was made, until it is answered.
    since: Option<Instant>,
    features: Option<(LabelFeatures, Arc<NetworkCard>)>,
    /// A penalty is being chosen aside.
    tuning: bool,
    groups: Option<(u64, Groups)>,
    larger: Option<Arc<LargerFound>>,
    failed: Vec<(usize, String)>,
    now: LabelSnapshot,
    /// What follows from features and marks has to be made anew.
    stale: bool,
}

/// Starts the labeller of `link`.
///
/// # Errors
/// When the system gives no thread.
pub(super) fn start(
    link: &Arc<Link>,
    prints: Arc<Vec<Fingerprint>>,
    state: Arc<LabelState>,
) -> Result<JoinHandle<()>> {
    let mut thread = Thread {
        link: Arc::clone(link),
        labeller: Labeller::new(prints.len()),
        now: LabelSnapshot::clone(&link.snapshot()),
        prints,
        state,
        since: None,
        features: None,
        tuning: false,
        groups: None,
        larger: None,
        failed: Vec::new(),
        stale: true,
    };
    let run = move || {
        while thread.turn() {}
    };
    Builder::new().name("labeller".into()).spawn(run).map_err(Error::io("start", "the labeller"))
}

impl Thread {
    /// Takes what waits and follows it; false when nobody labels any more.
    fn turn(&mut self) -> bool {
        let patience = (self.now.error.is_none() && self.labeller.has_more()).then_some(IDLE);
        let inbox = self.link.take(patience);
        if inbox.closed {
            return false;
        }
        let turned = catch_unwind(AssertUnwindSafe(|| self.follow(inbox)))
            .unwrap_or_else(|payload| Err(panic_error("labelling", payload.as_ref())));
        if let Err(error) = turned {
            self.labeller.reset();
            self.stale = true;
            self.now.error = Some(error.to_string());
            // What could not be followed is answered all the same: nobody waits for it.
            (self.now.state, self.now.ranked, self.now.is_settled) =
                (self.state.number, self.state.number, true);
            self.link.publish(self.now.clone());
        }
        true
    }

    fn follow(&mut self, inbox: Inbox) -> Result<()> {
        let is_idle = inbox.is_empty();
        let Inbox { state, begin, rows, why, groups, found, tuned, cover, heads, larger, features, .. } =
            inbox;
        if let Some((state, since)) = state {
            self.state = state;
            self.since.get_or_insert(since);
            self.stale = true;
        }
        if let Some(Begin { width, features, card }) = begin {
            self.failed.clear();
            (self.features, self.stale) = (None, true);
            self.labeller.begin(width);
            self.features = Some((features, card));
        }
        for (picture, row) in rows {
            let added =
                row.and_then(|row| self.labeller.add(picture, &row).map_err(|error| error.to_string()));
            if let Err(why) = added {
                self.failed.push((picture, why));
            }
        }
        self.labeller.fail(self.failed.len());
        if self.now.failed.len() != self.failed.len() {
            (self.now.failed, self.stale) = (self.failed.clone().into(), true);
        }
        self.stale |= self.labeller.gather(is_idle)?;
        if let Some((tuned, generation)) = tuned {
            self.tuning = false;
            self.stale |= tuned.is_some_and(|tuned| self.labeller.adopt(tuned, generation));
        }
        if let Some((cover, generation)) = cover {
            self.stale |= self.labeller.take_cover(cover, generation);
        }
        if let Some(found) = larger {
            self.now.larger = Some(Arc::clone(&found.report));
            (self.larger, self.stale) = (Some(Arc::new(found)), true);
        }
        self.take_groups(groups, found);
        if self.stale {
            self.suggest()?;
        }
        heads.into_iter().for_each(|sender| drop(sender.send(self.head())));
        features.into_iter().for_each(|sender| drop(sender.send(self.labeller.features())));
        if let Some((picture, k)) = why {
            let examples = self.labeller.why(picture, k)?;
            self.link.answer_why(Why { picture, examples }, self.state.number);
        }
        // What is newer comes first; then this comes again.
        if self.stale && !self.link.is_newer() {
            self.rank()?;
        }
        Ok(())
    }

    /// Suggestions, published at once.
    fn suggest(&mut self) -> Result<()> {
        self.labeller.follow(&self.state)?;
        let mut suggestions = self.labeller.suggestions(self.state.classes.all().len());
        self.now.by_larger = self.larger_now().is_some();
        if let (Some(larger), Some(suggestions)) = (self.larger_now(), &mut suggestions) {
            larger.write_over(suggestions);
        }
        let within = self.labeller.within();
        self.now.ready = within.iter().filter(|is| **is).count();
        if self.now.has_features[..] != *within {
            self.now.has_features = within.into();
        }
        self.now.suggestions = suggestions.map(Arc::new);
        self.now.state = self.state.number;
        self.now.penalty = self.labeller.regression().map_or(0.0, |refit| refit.penalty());
        if let Some(since) = self.since.take() {
            self.now.refit_ms = 1000.0 * since.elapsed().as_secs_f64();
        }
        (self.now.error, self.now.is_settled) = (None, false);
        self.link.publish(self.now.clone());
        if !self.tuning
            && let Some(tuning) = self.labeller.tuning()
        {
            let (link, generation) = (Arc::clone(&self.link), self.labeller.generation());
            let work = move || {
                let tuned = catch_unwind(AssertUnwindSafe(|| tuning.run())).ok();
                link.put(|inbox| inbox.tuned = Some((tuned, generation)));
            };
            self.tuning = Builder::new().name("tuning".into()).spawn(work).is_ok();
        }
        Ok(())
    }

    /// All that follows from suggestions.
    fn rank(&mut self) -> Result<()> {
        let (check, left_out) = self.labeller.left_out();
        (self.now.check, self.now.left_out) = (check.into(), left_out);
        self.now.next = self.labeller.next(&self.state)?.into();
        if let Some(work) = self.labeller.cover_work() {
            let (link, generation) = (Arc::clone(&self.link), self.labeller.generation());
            // Where the system gives no thread, the order does without.
            let _ = Builder::new().name("cover".into()).spawn(move || {
                let cover = work.run();
                link.put(|inbox| inbox.cover = Some((cover, generation)));
            });
        }
        let suggestions = self.now.suggestions.clone();
        let forecast = (self.now.audit.forecast, self.now.audit.forecast_waits.take());
        self.now.audit = self.labeller.audit(&self.state, suggestions.as_deref());
        (self.now.audit.forecast, self.now.audit.forecast_waits) = forecast;
        (self.now.ranked, self.now.is_settled) = (self.state.number, true);
        self.stale = false;
        self.link.publish(self.now.clone());
        if self.link.is_newer() {
            return Ok(());
        }
        let (forecast, waits) = match self.labeller.forecast(&self.state) {
            Ok(needed) => (Some(needed), None),
            Err(why) => (None, Some(why.to_string())),
        };
        if (&forecast, &waits) != (&self.now.audit.forecast, &self.now.audit.forecast_waits) {
            (self.now.audit.forecast, self.now.audit.forecast_waits) = (forecast, waits);
            self.link.publish(self.now.clone());
        }
        Ok(())
    }

    fn take_groups(&mut self, asked: Option<(u64, Option<Groups>)>, found: Option<(u64, GroupsFound)>) {
        if let Some((number, asked)) = asked {
            self.groups = asked.map(|asked| (number, asked));
            self.now.groups = None;
            if let Some(asked) = asked {
                let within = self.labeller.within();
                let ready: Vec<usize> = (0..within.len()).filter(|&at| within[at]).collect();
                let space = self.labeller.space().map(|space| (Arc::clone(space), ready));
                let ground = Ground { prints: Arc::clone(&self.prints), space, seed: self.state.seed };
                find(&self.link, number, asked, ground);
            }
            self.link.publish(self.now.clone());
        }
        if let Some((number, found)) = found
            && self.groups.is_some_and(|(asked, _)| asked == number)
        {
            self.now.groups = Some(Arc::new(found));
            self.link.publish(self.now.clone());
        }
    }

    /// The larger head, where it is the one that suggests.
    fn larger_now(&self) -> Option<&Arc<LargerFound>> {
        let refit = self.labeller.regression()?;
        let labels = refit.pictures().len();
        self.larger.as_ref().filter(|larger| larger.suggests(self.labeller.known(), labels))
    }

    /// The head that suggests, to be saved.
    fn head(&self) -> Result<HeadNow> {
        if let Some(larger) = self.larger_now() {
            return Ok(HeadNow::Larger(Arc::clone(larger)));
        }
        let nothing = || {
            let why = "nothing suggests yet: label pictures of two classes, and wait for their features";
            Error::Setting(why.into())
        };
        let (Some(refit), Some((features, card))) = (self.labeller.regression(), &self.features) else {
            return Err(nothing());
        };
        let names = self.state.classes.all();
        let (weights, biases) = refit.weights();
        Ok(HeadNow::Ridge(RidgeNow {
            classes: self.labeller.known().iter().map(|&class| names[class].name.clone()).collect(),
            weights,
            biases,
            choice: refit.choice(),
            features: features.clone(),
            card: Arc::clone(card),
        }))
    }
}
