//! Studies over labelled pictures: training one head, comparing many.

mod compare;
mod labelled;
mod plan;
mod training;

pub use compare::{CompareConfig, CompareRun, Comparison, Outcome as RunOutcome, Step};
pub use labelled::{Labelled, Skip};
pub use plan::{Controls, Features, head_for};
pub use training::{Report as TrainReport, TrainingConfig, TrainingRun, TrainingStep};
