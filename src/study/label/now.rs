//! What a labelling session is at the moment, and what follows from it.

use super::audit::{Answer, Audited};
use super::classes::Classes;
use super::order::Order;
use super::session::Mark;
use crate::study::measures::learning_curve::Needed;
use crate::study::statistics::Estimate;

/// What a labelling session is at the moment, beside its pictures.
#[derive(Clone, Debug)]
pub struct LabelState {
    /// Which state; later ones are larger.
    pub number: u64,
    /// The marks of all pictures.
    pub marks: Vec<Mark>,
    /// The classes.
    pub classes: Classes,
    /// What the user said of pictures drawn by chance.
    pub answers: Vec<Option<Answer>>,
    /// What to label next.
    pub order: Order,
    /// The class of [`Order::Class`], by number.
    pub class: Option<usize>,
    /// The picture of [`Order::Similar`].
    pub similar_to: Option<usize>,
    /// Of chance.
    pub seed: u64,
    /// The share of right suggestions that is wanted.
    pub target: f64,
    /// Of the last labels, how many had been suggested rightly, and how many they are.
    pub suggested: (usize, usize),
}

/// A labelled picture and what all other labels say of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Checked {
    /// The picture.
    pub picture: usize,
    /// Its class.
    pub class: usize,
    /// The other class that scores best.
    pub instead: usize,
    /// By how much that one scores better; below 0 the label is the best.
    pub contradiction: f64,
}

/// How often a label is what all others say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeftOut {
    /// Labels that are.
    pub right: usize,
    /// Labels in all.
    pub count: usize,
    /// The share.
    pub estimate: Estimate,
}

/// The audit at the moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditNow {
    /// The picture to ask about.
    pub next: Option<usize>,
    /// Answers so far, also those that no longer count.
    pub answered: usize,
    /// What they say; none without answers that count, and while features are still coming.
    pub audited: Option<Audited>,
    /// How many labels it takes to the target.
    pub forecast: Option<Needed>,
    /// Why that is not known.
    pub forecast_waits: Option<String>,
    /// Why the share of right suggestions so far is not the accuracy.
    pub bias: Option<String>,
}
