//! One user: labels what the order offers, one picture after another.

use std::sync::Arc;

use super::LabelBenchConfig;
use crate::data::split::Chance;
use crate::error::Result;
use crate::study::label::{Answer, Audit, Cover, Order, Refit, Situation, Space};
use crate::study::statistics::{Tested, wilson};

/// What a user has: pictures to label, others to test on, and how they lie among each other.
pub(super) struct Desk {
    pub seed: u64,
    space: Arc<Space>,
    cover: Cover,
    /// Pictures that may be labelled, and those tested on.
    pool: Vec<usize>,
    test: Vec<usize>,
    /// The hidden labels.
    labels: Arc<Vec<usize>>,
    classes: usize,
}

/// A head with so many labels.
pub(super) struct Point {
    pub labels: usize,
    pub tested: Tested,
    /// Whether intervals of audits held the truth.
    pub audits: Vec<bool>,
    /// Whether the interval of the last labels chosen did.
    pub chosen: Option<bool>,
}

impl Desk {
    pub fn new(
        seed: u64,
        space: Space,
        (pool, test): (Vec<usize>, Vec<usize>),
        labels: Arc<Vec<usize>>,
        classes: usize,
    ) -> Desk {
        let cover = Cover::new(&space, &pool, seed);
        Desk { seed, space: Arc::new(space), cover, pool, test, labels, classes }
    }

    /// How many pictures may be labelled.
    pub fn pictures(&self) -> usize {
        self.pool.len()
    }

    /// Labels in `order` and stops at each of `points`; `audits` are imitated there. `watch` is asked between
    /// labels.
    pub fn play(
        &self,
        order: Order,
        points: &[usize],
        audits: usize,
        config: &LabelBenchConfig,
        watch: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<Vec<Point>> {
        let mut refit = Refit::new(Arc::clone(&self.space), self.classes)?;
        let mut open = self.pool.clone();
        let mut found = Vec::new();
        // Whether each label had been suggested.
        let mut rights: Vec<bool> = Vec::new();
        let most = points.last().copied().unwrap_or(0);
        for count in 1..=most {
            watch()?;
            let suggestions = refit.suggestions();
            let situation = Situation {
                refit: &refit,
                suggestions: &suggestions,
                cover: &self.cover,
                class: None,
                similar_to: None,
                seed: self.seed,
            };
            let Some(picture) = situation.first(order, &open)? else { break };
            rights.push(suggestions.best(picture).class == self.labels[picture]);
            refit.label(picture, Some(self.labels[picture]))?;
            open.retain(|other| *other != picture);
            if refit.is_tuning_due() {
                refit.tune();
            }
            if points.contains(&count) {
                found.push(self.point(&refit, &open, &rights, order, audits, config)?);
            }
        }
        Ok(found)
    }

    fn point(
        &self,
        refit: &Refit,
        open: &[usize],
        rights: &[bool],
        order: Order,
        audits: usize,
        config: &LabelBenchConfig,
    ) -> Result<Point> {
        let suggestions = refit.suggestions();
        let suggested = |picture: usize| suggestions.best(picture).class;
        let is_right = |picture: usize| suggested(picture) == self.labels[picture];
        let tested =
            Tested::on(self.test.clone(), self.test.iter().map(|&picture| is_right(picture)).collect())?;
        let labels = refit.pictures().len();
        if open.is_empty() {
            return Ok(Point { labels, tested, audits: Vec::new(), chosen: None });
        }
        let truth = open.iter().filter(|&&picture| is_right(picture)).count() as f64 / open.len() as f64;
        let mut held = Vec::new();
        for number in 0..audits {
            let purpose = format!("audit {number} of {order} with {labels} labels");
            let seed = Chance::new(self.seed, &purpose).below(1 << 31) as u64;
            let mut audit = Audit::new(&self.pool, seed);
            for _ in 0..config.audited {
                let Some(next) = audit.next(refit) else { break };
                audit.answer(next, Some(Answer::Class(self.labels[next])))?;
            }
            held.extend(audit.estimate(refit, suggested).map(|found| found.suggestions.contains(truth)));
        }
        let last = &rights[rights.len().saturating_sub(config.audited)..];
        let hits = last.iter().filter(|&&right| right).count();
        let of_chosen = (order != Order::Random).then(|| wilson(hits, last.len())).transpose()?;
        Ok(Point { labels, tested, audits: held, chosen: of_chosen.map(|found| found.contains(truth)) })
    }
}
