//! Everything that decides a sweep.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::scores::Score;
use crate::error::{Error, Result};
use crate::features::extract::{Blocks, ExtractConfig};
use crate::features::network::NetworkCard;

/// The steps of the published curves, of 1000.
const PUBLISHED: [usize; 7] = [10, 30, 50, 90, 150, 300, 500];
/// The largest pool that a cell may have.
const LARGEST_POOL: usize = 64;
/// Pictures that are compared with each other, at least and at most.
pub(super) const PICTURES: [usize; 2] = [10, 100_000];
/// Above this many rounds of cross-validation nothing changes any more.
const MOST_REPEATS: usize = 100;

/// What of the answers is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// The share of the pictures that are recognised.
    #[default]
    Accuracy,
    /// The mean over classes of that share.
    BalancedAccuracy,
    /// The mean over classes of F1.
    MacroF1,
}

impl Metric {
    /// All of them.
    pub const ALL: [Metric; 3] = [Metric::Accuracy, Metric::BalancedAccuracy, Metric::MacroF1];

    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Accuracy => "accuracy",
            Metric::BalancedAccuracy => "balanced-accuracy",
            Metric::MacroF1 => "macro-f1",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Metric {
    type Err = Error;

    fn from_str(text: &str) -> Result<Metric> {
        Metric::ALL.into_iter().find(|metric| metric.name() == text).ok_or_else(|| {
            let names = Metric::ALL.map(Metric::name).join(", ");
            Error::Setting(format!("there is no metric {text:?}; choose one of {names}"))
        })
    }
}

/// Everything that decides a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SweepConfig {
    /// The blocks.
    pub blocks: Blocks,
    /// The diffusion steps; 10, 30, 50, 90, 150, 300 and 500 of 1000 where none are said.
    pub timesteps: Option<Vec<usize>>,
    /// Sides that maps are pooled to.
    pub pools: Vec<usize>,
    /// What learns, or what is measured without labels.
    pub score: Score,
    /// What is counted.
    pub metric: Metric,
    /// Pictures of each class to learn from; one table for each.
    pub shots: Vec<usize>,
    /// Parts of the pictures learned from, each of which is answered by what learned from the others.
    pub folds: usize,
    /// Rounds of that, each with folds of its own, for cells that may be the best; all others get one.
    pub repeats: usize,
    /// Pictures to test on in all at most, evenly over the classes; all that remain where none is said.
    pub test: Option<usize>,
    /// Without labels: pictures drawn from the data set at most.
    pub pictures: usize,
    /// Clusters of `silhouette`; as many as there are classes, or ten where there are none, where it is not
    /// said.
    pub clusters: Option<usize>,
    /// Nearest neighbours of `agreement`.
    pub neighbours: usize,
    /// Whether raw pixels and random weights stand beside.
    pub controls: bool,
    /// Noises that features are averaged over.
    pub draws: u32,
    /// The class given to a class-conditional network.
    pub class: Option<usize>,
    /// Of pictures chosen, folds, noise and resampling.
    pub seed: u64,
    /// Seconds after which no more cells are scored, but what is best so far is tested.
    pub budget: Option<f64>,
    /// How often pictures are drawn anew for intervals.
    pub resamples: usize,
}

impl Default for SweepConfig {
    fn default() -> SweepConfig {
        SweepConfig {
            blocks: Blocks::All,
            timesteps: None,
            pools: vec![1],
            score: Score::Ridge,
            metric: Metric::Accuracy,
            shots: vec![20],
            folds: 5,
            repeats: 5,
            test: Some(1000),
            pictures: 500,
            clusters: None,
            neighbours: 10,
            controls: true,
            draws: 1,
            class: None,
            seed: 0,
            budget: None,
            resamples: 2000,
        }
    }
}

impl SweepConfig {
    /// The diffusion steps for a network of `steps` of them, ascending.
    pub fn timesteps(&self, steps: usize) -> Vec<usize> {
        let scaled = || PUBLISHED.iter().map(|t| t * steps / 1000).collect();
        let mut timesteps = self.timesteps.clone().unwrap_or_else(scaled);
        timesteps.sort_unstable();
        timesteps.dedup();
        timesteps
    }

    /// Checks what does not depend on the network.
    ///
    /// # Errors
    /// The first impossible setting.
    pub fn validate(&self) -> Result<()> {
        let refuse = |why: String| Err(Error::Setting(why));
        if self.pools.is_empty() || self.pools.iter().any(|&pool| pool == 0 || pool > LARGEST_POOL) {
            return refuse(format!("--pool must be sides from 1 to {LARGEST_POOL}, as in --pool 1,2"));
        }
        if self.budget.is_some_and(|budget| !(budget > 0.0 && budget.is_finite())) {
            return refuse("--budget must be seconds above 0".into());
        }
        if !(100..=1_000_000).contains(&self.resamples) {
            return refuse("resamples must be 100 to 1000000; 2000 is enough for most".into());
        }
        if self.score.needs_labels() { self.validate_learning() } else { self.validate_measuring() }
    }

    /// Checks what decides a score that learns.
    fn validate_learning(&self) -> Result<()> {
        let refuse = |why: String| Err(Error::Setting(why));
        if self.folds < 2 {
            let folds = self.folds;
            return refuse(format!("{folds} folds leave nothing to test on; use --folds 2 or more"));
        }
        if self.shots.is_empty() {
            return refuse("no number of pictures to learn from; give --shots, as in --shots 20".into());
        }
        if let Some(shots) = self.shots.iter().find(|&&shots| shots < self.folds) {
            return refuse(format!(
                "{shots} pictures of each class cannot be dealt to {} folds; use --folds {} or fewer, or more \
                 --shots",
                self.folds,
                (*shots).max(2)
            ));
        }
        if !(1..=MOST_REPEATS).contains(&self.repeats) {
            return refuse(format!("--repeats must be 1 to {MOST_REPEATS}"));
        }
        if self.test == Some(0) {
            return refuse("--test must be at least 1: nothing else says what the best cell is worth".into());
        }
        Ok(())
    }

    /// Checks what decides a score without labels.
    fn validate_measuring(&self) -> Result<()> {
        let refuse = |why: String| Err(Error::Setting(why));
        let [least, most] = PICTURES;
        if !(least..=most).contains(&self.pictures) {
            return refuse(format!("--pictures must be {least} to {most}"));
        }
        if self.clusters.is_some_and(|clusters| clusters < 2) {
            return refuse("--clusters must be 2 or more: one cluster holds everything".into());
        }
        if self.neighbours == 0 {
            return refuse("--neighbours must be 1 or more".into());
        }
        Ok(())
    }

    /// Checks the settings against a network.
    ///
    /// # Errors
    /// The first that does not fit, named.
    pub fn validate_on(&self, card: &NetworkCard) -> Result<()> {
        self.validate()?;
        self.blocks.numbers(card.blocks.len())?;
        let plain = ExtractConfig {
            timesteps: self.timesteps(card.config.diffusion_steps),
            blocks: self.blocks.clone(),
            pool: None,
            seed: self.seed,
            draws: self.draws,
            class: self.class,
            noised: false,
            with_out: false,
        };
        plain.validate(card)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_everywhere() {
        for metric in Metric::ALL {
            assert_eq!(metric.name().parse::<Metric>().unwrap(), metric);
            assert_eq!(serde_json::to_value(metric).unwrap(), metric.name());
        }
        assert!("f1".parse::<Metric>().unwrap_err().to_string().contains("macro-f1"));
    }

    #[test]
    fn steps_follow_the_network() {
        let config = SweepConfig::default();
        assert_eq!(config.timesteps(1000), PUBLISHED);
        assert_eq!(config.timesteps(4000)[3], 360);
        let given = SweepConfig { timesteps: Some(vec![90, 10, 90]), ..config };
        assert_eq!(given.timesteps(4000), [10, 90]);
    }

    #[test]
    fn what_cannot_be_is_named() {
        let why = |config: SweepConfig| config.validate().unwrap_err().to_string();
        let plain = SweepConfig::default;
        assert!(plain().validate().is_ok());
        assert!(why(SweepConfig { pools: vec![0], ..plain() }).contains("--pool"));
        assert!(why(SweepConfig { folds: 1, ..plain() }).contains("--folds 2"));
        assert!(why(SweepConfig { shots: vec![20, 3], ..plain() }).contains("--folds 3 or fewer"));
        assert!(why(SweepConfig { budget: Some(f64::NAN), ..plain() }).contains("--budget"));
        assert!(why(SweepConfig { test: Some(0), ..plain() }).contains("--test"));
        // What does not apply is not looked at.
        let free = || SweepConfig { score: Score::Silhouette, folds: 0, shots: Vec::new(), ..plain() };
        assert!(free().validate().is_ok());
        assert!(why(SweepConfig { pictures: 9, ..free() }).contains("--pictures must be 10"));
        assert!(why(SweepConfig { clusters: Some(1), ..free() }).contains("--clusters"));
        assert!(why(SweepConfig { neighbours: 0, ..free() }).contains("--neighbours"));
        assert!(why(SweepConfig { pools: vec![0], ..free() }).contains("--pool"));
        assert!(SweepConfig { pictures: 0, neighbours: 0, ..plain() }.validate().is_ok());
    }
}
