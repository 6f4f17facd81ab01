//! Studies over labelled pictures: training one head, comparing many, and what their numbers are
//! worth.

pub mod cell;
pub mod chart;
mod compare;
mod contrast;
pub mod label;
mod labelled;
pub mod measures;
mod pace;
mod plan;
pub mod report;
pub mod similarity;
pub mod statistics;
mod survey;
pub mod sweep;
pub mod table;
mod training;

pub use compare::{CompareConfig, CompareRun, Comparison, Outcome as HeadOutcome, Step};
pub use contrast::{Answers, Contrast, Disagreement};
pub use labelled::{Labelled, LabelledCache, Skip};
pub use pace::{comparison_seconds, training_seconds};
pub use plan::{Controls, head_for};
pub use survey::{Survey, SurveyConfig, SurveyItem};
pub use training::{
    Report as TrainReport, TestedPicture, TrainingConfig, TrainingPlan, TrainingRun, TrainingStep,
    json_beside, state_file, states_beside,
};
