//! A larger head on the labels of now, which suggests in place of the ridge only where it is better.

use std::sync::Arc;

use super::link::Link;
use super::open::OpenedLabels;
use super::session::LabelSession;
use crate::data::Source;
use crate::data::duplicates::Duplicates;
use crate::data::split::Candidate;
use crate::error::{Error, Result};
use crate::features::network::NetworkCard;
use crate::heads::Head;
use crate::jobs::batch::{Control, Job, JobStep};
use crate::jobs::event::Outcome;
use crate::jobs::worker::Bench;
use crate::study::label::{
    LabelFeatures, Larger, LargerConfig, LargerExample, LargerReport, LargerRun, Suggestions,
};
use crate::study::report::percent;

/// Labels that are so many times more than a larger head has learned are the ridge's again.
const OUTGROWN: f64 = 1.5;

/// A larger head, with what it says of all pictures.
pub(super) struct LargerFound {
    pub report: Arc<LargerReport>,
    pub head: Head,
    pub card: Arc<NetworkCard>,
    pub seed: u64,
    /// Names of its classes, and their numbers in its order.
    pub names: Vec<String>,
    classes: Vec<usize>,
    /// `[pictures, K]`; of a picture that could not be read zeros.
    probabilities: Vec<f32>,
}

impl LargerFound {
    /// Whether it is to suggest where the ridge knows `classes` and `labels` labels.
    pub fn suggests(&self, classes: &[usize], labels: usize) -> bool {
        let grown = labels as f64 > OUTGROWN * self.report.labels as f64;
        self.report.is_better && self.classes == classes && !grown
    }

    /// Puts what it says in place of what `suggestions` says.
    pub fn write_over(&self, suggestions: &mut Suggestions) {
        let wide = suggestions.probabilities.chunks_exact_mut(suggestions.classes.max(1));
        for (wide, own) in wide.zip(self.probabilities.chunks_exact(self.classes.len().max(1))) {
            if own.iter().any(|&p| p > 0.0) {
                wide.fill(0.0);
                self.classes.iter().zip(own).for_each(|(&class, &p)| wide[class] = p);
            }
        }
    }
}

/// Cross-validates a larger head beside the ridge on the labels of a session, trains it on all of them and
/// asks it about all pictures.
pub struct LargerHeadJob {
    link: Arc<Link>,
    opened: Arc<OpenedLabels>,
    config: LargerConfig,
    features: Option<LabelFeatures>,
    /// Labelled pictures and the places of their classes.
    labels: Vec<(usize, usize)>,
    classes: Vec<usize>,
    names: Vec<String>,
    run: Option<(LargerRun, u64)>,
}

impl LabelSession {
    /// The job that tries a larger head on the labels of now, to be submitted to the engine.
    ///
    /// # Errors
    /// When there are fewer than two classes with labels.
    pub fn larger_head_job(&self, config: LargerConfig) -> Result<LargerHeadJob> {
        let session = self.session();
        let mut classes: Vec<usize> = session.class_list().live().map(|(class, _)| class).collect();
        classes.sort_unstable();
        if classes.len() < 2 {
            return Err(Error::Setting("a head tells apart two classes or more; add a class".into()));
        }
        let marks = session.marks().iter().enumerate();
        let labels =
            marks.filter_map(|(picture, mark)| Some((picture, classes.binary_search(&mark.class()?).ok()?)));
        Ok(LargerHeadJob {
            link: self.shared_link(),
            opened: Arc::clone(self.opened()),
            config,
            features: self.settings().features.clone(),
            labels: labels.collect(),
            names: classes.iter().map(|&class| session.classes()[class].clone()).collect(),
            classes,
            run: None,
        })
    }
}

impl LargerHeadJob {
    fn begin(&self, card: &NetworkCard) -> Result<(LargerRun, u64)> {
        let features = self.features.clone().unwrap_or_else(|| LabelFeatures::of(card));
        let seed = features.seed;
        let prints: Vec<_> = self.opened.pictures.iter().map(|picture| picture.print).collect();
        let groups = Duplicates::of(&prints).group_of;
        let example = |&(picture, class): &(usize, usize)| {
            let entry = &self.opened.pictures[picture];
            LargerExample {
                source: entry.source.clone(),
                class,
                candidate: Candidate {
                    digest: entry.print.digest,
                    name: entry.name.clone(),
                    class: self.names[class].clone(),
                    group: groups[picture],
                    given: None,
                },
            }
        };
        let examples = self.labels.iter().map(example).collect();
        let all: Vec<Source> = self.opened.pictures.iter().map(|picture| picture.source.clone()).collect();
        let config = LargerConfig { seed, ..self.config };
        Ok((LargerRun::new(config, features, examples, all, self.names.len())?, seed))
    }
}

impl Job for LargerHeadJob {
    fn title(&self) -> String {
        format!("{} on the labels of {}", self.config.kind, self.opened.name)
    }

    fn step(&mut self, bench: &mut Bench, control: &mut Control) -> Result<JobStep> {
        let (network, store) = bench.network_and_store()?;
        if self.link.is_closed() {
            return Ok(JobStep::Done(Outcome::Done("nobody labels any more".into())));
        }
        let (run, seed) = match &mut self.run {
            Some(run) => run,
            None => {
                let begun = self.begin(&network.card)?;
                self.run.insert(begun)
            }
        };
        let seed = *seed;
        if let Some(step) = run.step(network, store, &|| control.check())? {
            return Ok(JobStep::Going { what: step.what, done: step.done, total: step.total });
        }
        let Some((run, _)) = self.run.take() else {
            return Err(Error::Compute("there is no larger head".into()));
        };
        let Larger { report, head, probabilities } = run.finish()?;
        let said = sentence(&report);
        let found = LargerFound {
            report: Arc::new(report),
            head,
            card: Arc::clone(&network.card),
            seed,
            names: self.names.clone(),
            classes: self.classes.clone(),
            probabilities,
        };
        self.link.put(|inbox| inbox.larger = Some(found));
        Ok(JobStep::Done(Outcome::Done(said)))
    }
}

fn sentence(report: &LargerReport) -> String {
    let LargerReport { kind, labels, larger, ridge, difference: by, is_better, .. } = report;
    let numbers = format!(
        "{kind} is right about {} of {labels} labels it had not learned, ridge about {}: {:+.1} points ({:+.1} to \
         {:+.1})",
        percent(larger.value),
        percent(ridge.value),
        100.0 * by.value,
        100.0 * by.low,
        100.0 * by.high
    );
    match is_better {
        true => format!("{numbers}; {kind} suggests from now on"),
        false => format!("{numbers}; that is not better beyond chance, ridge goes on"),
    }
}
