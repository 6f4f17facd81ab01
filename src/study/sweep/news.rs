//! What a sweep tells on its way.

use serde::{Deserialize, Serialize};

use super::answers::Scored;
use super::cell::SweepRow;
use super::gather::Forwards;

/// What a sweep does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SweepPhase {
    /// The pictures are read.
    Read,
    /// Every cell is scored once.
    First,
    /// Cells that may be the best are scored again; the number of the round, from 1.
    Later(usize),
    /// Test pictures score what was found, and controls.
    Last,
}

/// Why no more cells are scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SweepEnd {
    /// One cell is better than all others: nothing more could change the answer.
    Settled,
    /// All rounds are done.
    Rounds,
    /// The budget is used.
    Budget,
    /// The user ended it.
    Ended,
}

impl SweepEnd {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            SweepEnd::Settled => "one setting is better than all others, so that more rounds change nothing",
            SweepEnd::Rounds => "all rounds are done",
            SweepEnd::Budget => "the time allowed was used",
            SweepEnd::Ended => "it was ended early",
        }
    }
}

/// What is new in a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepNews {
    /// What it does.
    pub phase: SweepPhase,
    /// Rows of the table that are new or different now; also those of controls.
    pub changed: Vec<SweepRow>,
    /// Rounds of cells scored.
    pub cells: Scored,
    /// Forwards.
    pub forwards: Forwards,
    /// Seconds to the end, as far as can be told.
    pub seconds_left: Option<f64>,
}

/// How far a sweep is.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepStep {
    /// What is being done.
    pub what: String,
    /// Milliseconds worked.
    pub done: u64,
    /// Milliseconds in all, 0 while unknown.
    pub total: u64,
    /// What is new, if anything is.
    pub news: Option<SweepNews>,
}
