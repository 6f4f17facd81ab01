//! Training of heads on frozen features: one config, the features of examples, the loop, and the
//! answers of heads to pictures.

mod answer;
mod bank;
mod config;
mod fit;
mod gathering;
mod inside;
pub mod metrics;
mod optimiser;
mod reader;
mod sight;
mod union;
mod view;

pub use answer::{Answers, answer};
pub use bank::{Bank, BankPlan, Example};
pub use config::{LearningRate, OptimiserKind, Recipe, TrainConfig, few_shot_head};
pub use fit::{EpochPoint, Fit, StepDone, Stopped, Trained, fit_instant};
pub use gathering::Gathering;
pub use inside::{FedFeature, Inside, Summary, look_inside};
pub use reader::{Reader, Seen};
pub use sight::{Sight, Taken};
pub use union::union;
pub use view::View;
