//! Measuring how long a training or a comparison will take.

use super::batch::{Control, Job, JobStep};
use super::event::Outcome;
use super::worker::Bench;
use crate::error::Result;
use crate::study::{CompareConfig, TrainingConfig, comparison_seconds, training_seconds};

/// What is to be estimated.
#[derive(Clone, Debug)]
pub enum PaceJob {
    /// A training.
    Training {
        /// What decides it.
        config: TrainingConfig,
        /// Pictures to learn from, to validate on and to test on.
        parts: [usize; 3],
        /// Classes.
        classes: usize,
    },
    /// A comparison.
    Comparison {
        /// What decides it.
        config: CompareConfig,
        /// Labelled pictures.
        pictures: usize,
        /// Classes.
        classes: usize,
    },
}

impl Job for PaceJob {
    fn title(&self) -> String {
        "measuring how long it will take".into()
    }

    fn step(&mut self, bench: &mut Bench, control: &mut Control) -> Result<JobStep> {
        let network = bench.network()?;
        let watch = || control.check();
        let seconds = match self {
            PaceJob::Training { config, parts, classes } => {
                training_seconds(config, *parts, *classes, network, &watch)?
            }
            PaceJob::Comparison { config, pictures, classes } => {
                comparison_seconds(config, *pictures, *classes, network, &watch)?
            }
        };
        Ok(JobStep::Done(Outcome::Paced(seconds)))
    }
}
