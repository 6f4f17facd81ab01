//! Studies over labelled pictures: training one head, comparing many, and what their numbers are
//! worth.

pub mod chart;
mod compare;
mod labelled;
mod plan;
pub mod report;
pub mod statistics;
pub mod table;
mod training;

pub use compare::{CompareConfig, CompareRun, Comparison, Outcome as HeadOutcome, Step};
pub use labelled::{Labelled, Skip};
pub use plan::{Controls, head_for};
pub use training::{Report as TrainReport, TrainingConfig, TrainingRun, TrainingStep, json_beside};
