//! How good suggestions are, from pictures drawn by chance.
//!
//! Labels that an order chose say nothing of the others: uncertain pictures are harder than the rest. So every
//! now and then the user is asked about pictures of the *audit*: the set in one random order, front to back.
//! Three rules make its interval hold at any time, however often labels and suggestions change between:
//!
//! 1. An answer of the audit is not learned from. It stands apart from the labels.
//! 2. Orders do not know of the audit: they offer an audited picture like any other without a label. Once it is
//!    labelled (its answer need not be asked for again) it is learned from, and leaves the audit.
//! 3. The pictures counted are the first of the random order that are not learned from, without a gap.
//!
//! What is learned from is then chosen independently of the random order, so that, given it, the counted
//! pictures are a simple random sample without replacement of all that are *not* learned from, and the head in
//! use has seen none of them. The share of right suggestions has Wilson's interval with the correction for a
//! finite set, about exactly these pictures. Labels by hand that the user picks because a picture is in the
//! audit would break rule 2; labels of whole groups do not.

use serde::Serialize;

use super::order::Order;
use super::refit::Refit;
use crate::data::split::Chance;
use crate::error::{Error, Result};
use crate::study::measures::learning_curve::{LearningCurve, Measured, Needed};
use crate::study::report::percent;
use crate::study::statistics::{Bootstrap, Estimate, wilson_of_finite};

/// Parts of the audit that stand for repeats of a forecast.
const PARTS: usize = 5;
/// Answers that each part of a forecast needs.
const OF_PART: usize = 5;

/// What the user says of a picture of the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is of this class.
    Class(usize),
    /// It is of no class, or the user cannot tell: no suggestion is right.
    NoClass,
}

/// Pictures in one random order, and what the user says of the first.
#[derive(Clone, Debug)]
pub struct Audit {
    order: Vec<usize>,
    answers: Vec<Option<Answer>>,
    looks: Vec<Look>,
}

/// How the audit came out with some number of labels.
#[derive(Clone, Debug)]
struct Look {
    labels: usize,
    /// Right and asked, of each part.
    parts: [(usize, usize); PARTS],
}

/// What the audit says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Audited {
    /// Pictures asked about and not learned from.
    pub asked: usize,
    /// Those that the suggestion was right about.
    pub right: usize,
    /// All pictures that are not learned from, those asked about included.
    pub unlearned: usize,
    /// The share of right suggestions among the pictures that are not learned from.
    pub suggestions: Estimate,
    /// The share of right labels in the whole set if every suggestion were accepted now: what is labelled
    /// counts as right, and pictures asked about get the answer.
    pub set: Estimate,
}

impl Audit {
    /// An audit of `pictures` in the order of `seed`, without answers.
    pub fn new(pictures: &[usize], seed: u64) -> Audit {
        let mut order = pictures.to_vec();
        order.sort_unstable();
        let answers = vec![None; order.last().map_or(0, |last| last + 1)];
        Chance::new(seed, "audit of labels").shuffle(&mut order);
        Audit { order, answers, looks: Vec::new() }
    }

    /// The picture to ask about next: the first in the random order without an answer that is not learned
    /// from. None where all are.
    pub fn next(&self, refit: &Refit) -> Option<usize> {
        let open =
            |picture: &&usize| self.answer_of(**picture).is_none() && refit.label_of(**picture).is_none();
        self.order.iter().find(open).copied()
    }

    /// Notes the answer about `picture`, or takes it back.
    ///
    /// # Errors
    /// When the picture is not of the set.
    pub fn answer(&mut self, picture: usize, answer: Option<Answer>) -> Result<()> {
        match self.answers.get_mut(picture) {
            Some(place) => *place = answer,
            None => return Err(Error::Compute(format!("picture {picture} is in no audit"))),
        }
        Ok(())
    }

    /// What was answered about `picture`.
    pub fn answer_of(&self, picture: usize) -> Option<Answer> {
        self.answers.get(picture).copied().flatten()
    }

    /// The pictures that count now, with their answers: the first of the random order that are not learned
    /// from, up to the first without an answer.
    fn counted<'a>(&'a self, refit: &'a Refit) -> impl Iterator<Item = (usize, usize, Answer)> + 'a {
        let free = self.order.iter().enumerate().filter(|(_, picture)| refit.label_of(**picture).is_none());
        free.map_while(|(place, &picture)| Some((place, picture, self.answer_of(picture)?)))
    }

    /// What the answers say of `refit`, whose suggestion for each picture is `suggested`. None without any
    /// answer that counts.
    pub fn estimate(&self, refit: &Refit, suggested: impl Fn(usize) -> usize) -> Option<Audited> {
        let (mut asked, mut right) = (0, 0);
        for (_, picture, answer) in self.counted(refit) {
            asked += 1;
            right += usize::from(answer == Answer::Class(suggested(picture)));
        }
        let learned = self.order.iter().filter(|picture| refit.label_of(**picture).is_some()).count();
        let (count, unlearned) = (self.order.len(), self.order.len() - learned);
        let suggestions = wilson_of_finite(right, asked, unlearned).ok()?;
        let of_set = |share: f64| {
            let others = (share * unlearned as f64 - right as f64).clamp(0.0, (unlearned - asked) as f64);
            ((learned + asked) as f64 + others) / count as f64
        };
        let set = Estimate {
            value: of_set(suggestions.value),
            low: of_set(suggestions.low),
            high: of_set(suggestions.high),
        };
        Some(Audited { asked, right, unlearned, suggestions, set })
    }

    /// Remembers how the audit comes out now, for [`Audit::forecast`].
    pub fn look(&mut self, refit: &Refit, suggested: impl Fn(usize) -> usize) {
        let mut parts = [(0, 0); PARTS];
        for (place, picture, answer) in self.counted(refit) {
            let (right, asked) = &mut parts[place % PARTS];
            *asked += 1;
            *right += usize::from(answer == Answer::Class(suggested(picture)));
        }
        let labels = refit.pictures().len();
        self.looks.retain(|look| look.labels != labels);
        if labels > 0 && parts.iter().all(|(_, asked)| *asked >= OF_PART) {
            self.looks.push(Look { labels, parts });
        }
    }

    /// How many labels in all it takes until the share `target` of suggestions is right, by the learning
    /// curve through the looks so far. Its interval tells of chance in the audit, whose five parts stand for
    /// repeats.
    ///
    /// # Errors
    /// When there are not yet looks with three different numbers of labels, of 25 answers or more.
    pub fn forecast(&self, target: f64, bootstrap: Bootstrap) -> Result<Needed> {
        let share = |(right, asked): &(usize, usize)| *right as f64 / *asked as f64;
        let measured = |look: &Look| Measured {
            labels: look.labels as f64,
            accuracies: look.parts.iter().map(share).collect(),
        };
        let measured: Vec<Measured> = self.looks.iter().map(measured).collect();
        Ok(LearningCurve::fit(&measured, bootstrap)?.labels_for(target))
    }
}

/// Why the share of right suggestions among labels that `order` chose is not the accuracy: of the last
/// `count` labels `right` had been suggested rightly. None for pictures by chance, and of no label.
pub fn bias_warning(order: Order, right: usize, count: usize, audited: Option<&Audited>) -> Option<String> {
    if order == Order::Random || count == 0 {
        return None;
    }
    let share = percent(right as f64 / count as f64);
    let chosen = format!(
        "Of the last {count} labels {share} had been suggested rightly, but the order \"{order}\" chose them: \
         this is not the accuracy."
    );
    Some(match audited {
        Some(Audited { suggestions: e, asked, .. }) => format!(
            "{chosen} {asked} pictures by chance say {} ({} to {}).",
            percent(e.value),
            percent(e.low),
            percent(e.high)
        ),
        None => format!("{chosen} Answer a few pictures of the audit to know it."),
    })
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
