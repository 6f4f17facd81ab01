//! Training of heads on frozen features: one config, the features of examples, the loop, and the
//! answers of heads to pictures.

mod answer;
mod bank;
mod config;
mod fit;
mod gathering;
pub mod metrics;
mod optimiser;
mod reader;
mod union;
mod view;

pub use answer::{Answers, answer};
pub use bank::{Bank, BankPlan, Example};
pub use config::{LearningRate, OptimiserKind, Recipe, TrainConfig, few_shot_head};
pub use fit::{EpochPoint, Fit, StepDone, Stopped, Trained, fit_instant};
pub use gathering::Gathering;
pub use reader::{Reader, Seen};
pub use union::union;
pub use view::View;
