//! The table of a comparison: one record per head, features, shots and seed, and their summaries.

use serde::{Deserialize, Serialize};

use super::statistics::{Bootstrap, Tested, accuracy, not_distinguishable_from_best};
use crate::error::{Error, Result};

/// What a head read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Features {
    /// Feature maps of the network in question.
    #[default]
    Network,
    /// The pictures themselves: a control.
    RawPixels,
    /// Feature maps of the same network with random weights: a control.
    RandomWeights,
}

impl Features {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Features::Network => "network",
            Features::RawPixels => "raw-pixels",
            Features::RandomWeights => "random-weights",
        }
    }

    /// True for what a result of the network must beat to mean something.
    pub fn is_control(self) -> bool {
        self != Features::Network
    }
}

/// One row of `compare.csv`: a head trained once and tested once. The fields' order is that of the
/// columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The head's name.
    pub head: String,
    /// What it read.
    pub features: Features,
    /// Pictures of each class learned from; empty for all of the training part.
    pub shots: Option<usize>,
    /// The seed of split and training.
    pub seed: u64,
    /// Share of the test pictures that were recognised.
    pub accuracy: f64,
    /// Lower end of its 95 % interval (Wilson).
    pub ci_low: f64,
    /// Upper end.
    pub ci_high: f64,
    /// Mean F1 over classes.
    pub macro_f1: f64,
    /// Test pictures.
    pub n_test: usize,
    /// Trained numbers of the head.
    pub parameters: u64,
    /// Multiply-adds for one picture, network and head, in 10⁹.
    pub gmac_per_image: f64,
    /// Seconds that training took.
    pub seconds_train: f64,
    /// Seconds that one picture takes, network and head.
    pub seconds_per_image: f64,
}

/// What a run measured beside the pictures that it recognised.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// As in [`Record`].
    pub head: String,
    /// As in [`Record`].
    pub features: Features,
    /// As in [`Record`].
    pub shots: Option<usize>,
    /// As in [`Record`].
    pub seed: u64,
    /// As in [`Record`].
    pub macro_f1: f64,
    /// As in [`Record`].
    pub parameters: u64,
    /// As in [`Record`].
    pub gmac_per_image: f64,
    /// As in [`Record`].
    pub seconds_train: f64,
    /// As in [`Record`].
    pub seconds_per_image: f64,
}

/// A head over all seeds: one row of `compare-summary.csv`. The fields' order is that of the columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The head's name.
    pub head: String,
    /// What it read.
    pub features: Features,
    /// Pictures of each class learned from; empty for all of the training part.
    pub shots: Option<usize>,
    /// How many seeds.
    pub seeds: usize,
    /// Mean accuracy over the seeds.
    pub accuracy: f64,
    /// Lower end of its 95 % interval: bootstrap over seeds and pictures, Wilson for one seed.
    pub ci_low: f64,
    /// Upper end.
    pub ci_high: f64,
    /// Mean over the seeds.
    pub macro_f1: f64,
    /// Different test pictures, over all seeds.
    pub n_test: usize,
    /// The most over the seeds: that of heads which keep their pictures may differ.
    pub parameters: u64,
    /// Mean over the seeds.
    pub gmac_per_image: f64,
    /// Mean over the seeds.
    pub seconds_train: f64,
    /// Mean over the seeds.
    pub seconds_per_image: f64,
    /// Whether it cannot be told from the best of the same shots, controls included, on the seeds that
    /// all of them have. Empty where they share none.
    pub in_best_set: Option<bool>,
}

/// All runs of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    records: Vec<Record>,
    summaries: Vec<Summary>,
}

impl Table {
    /// The table of `runs`, which may come in any order and lack seeds; heads keep the order in which
    /// they first come.
    ///
    /// # Errors
    /// When there is no run, one comes twice, a number of one is impossible, or runs of the same shots
    /// and seed were tested on different pictures.
    pub fn new(runs: &[(Measured, Tested)], bootstrap: Bootstrap) -> Result<Table> {
        if runs.is_empty() {
            return Err(Error::Setting("there is no run to report".into()));
        }
        let mut groups: Vec<Group<'_>> = Vec::new();
        for run in runs {
            check(&run.0)?;
            match groups.iter_mut().find(|group| group.fits(&run.0)) {
                Some(group) => group.runs.push(run),
                None => groups.push(Group { runs: vec![run], in_best_set: None }),
            }
        }
        let heads: Vec<&str> = runs.iter().map(|(run, _)| run.head.as_str()).collect();
        let place = |group: &Group<'_>| {
            let run = group.first();
            let head = heads.iter().position(|head| *head == run.head);
            // All pictures are more than any number of them.
            (run.shots.unwrap_or(usize::MAX), run.features, head)
        };
        groups.sort_by_key(place);
        for group in &mut groups {
            group.runs.sort_by_key(|(run, _)| run.seed);
            if let Some(pair) = group.runs.windows(2).find(|pair| pair[0].0.seed == pair[1].0.seed) {
                let Measured { head, features, seed, .. } = &pair[0].0;
                return Err(Error::Setting(format!(
                    "{head} on {} comes twice with seed {seed}; leave one out",
                    features.name()
                )));
            }
        }
        for same_shots in groups.chunk_by_mut(|a, b| a.first().shots == b.first().shots) {
            mark_best(same_shots, bootstrap)?;
        }
        let records = groups.iter().flat_map(|group| group.runs.iter().map(|run| record(run))).collect();
        let summaries = groups.iter().map(|group| group.summary(bootstrap)).collect::<Result<_>>()?;
        Ok(Table { records, summaries })
    }

    /// A row for each run: by shots, network before controls, head, seed.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// A row for each head, features and shots, in the same order.
    pub fn summaries(&self) -> &[Summary] {
        &self.summaries
    }
}

/// The runs of one head that differ in the seed only; never empty.
struct Group<'a> {
    runs: Vec<&'a (Measured, Tested)>,
    in_best_set: Option<bool>,
}

impl Group<'_> {
    fn first(&self) -> &Measured {
        &self.runs[0].0
    }

    fn fits(&self, run: &Measured) -> bool {
        let first = self.first();
        (&first.head, first.features, first.shots) == (&run.head, run.features, run.shots)
    }

    fn summary(&self, bootstrap: Bootstrap) -> Result<Summary> {
        let tested: Vec<Tested> = self.runs.iter().map(|(_, tested)| tested.clone()).collect();
        let estimate = accuracy(&tested, bootstrap)?;
        let mut images: Vec<usize> = tested.iter().flat_map(|tested| tested.images().to_vec()).collect();
        images.sort_unstable();
        images.dedup();
        let mean = |of: fn(&Measured) -> f64| {
            self.runs.iter().map(|(run, _)| of(run)).sum::<f64>() / self.runs.len() as f64
        };
        let first = self.first();
        Ok(Summary {
            head: first.head.clone(),
            features: first.features,
            shots: first.shots,
            seeds: self.runs.len(),
            accuracy: estimate.value,
            ci_low: estimate.low,
            ci_high: estimate.high,
            macro_f1: mean(|run| run.macro_f1),
            n_test: images.len(),
            parameters: self.runs.iter().map(|(run, _)| run.parameters).max().unwrap_or(0),
            gmac_per_image: mean(|run| run.gmac_per_image),
            seconds_train: mean(|run| run.seconds_train),
            seconds_per_image: mean(|run| run.seconds_per_image),
            in_best_set: self.in_best_set,
        })
    }
}

/// Marks the best of the groups and those that cannot be told from it.
fn mark_best(groups: &mut [Group<'_>], bootstrap: Bootstrap) -> Result<()> {
    let has = |group: &Group<'_>, seed: u64| group.runs.iter().any(|(run, _)| run.seed == seed);
    let mut seeds: Vec<u64> = groups[0].runs.iter().map(|(run, _)| run.seed).collect();
    seeds.retain(|&seed| groups.iter().all(|group| has(group, seed)));
    if seeds.is_empty() {
        return Ok(());
    }
    let tested = |group: &Group<'_>| -> Vec<Tested> {
        let shared = group.runs.iter().filter(|(run, _)| seeds.contains(&run.seed));
        shared.map(|(_, tested)| tested.clone()).collect()
    };
    let runs: Vec<Vec<Tested>> = groups.iter().map(tested).collect();
    for (group, in_best) in groups.iter_mut().zip(not_distinguishable_from_best(&runs, bootstrap)?) {
        group.in_best_set = Some(in_best);
    }
    Ok(())
}

fn record((run, tested): &(Measured, Tested)) -> Record {
    let estimate = tested.accuracy();
    Record {
        head: run.head.clone(),
        features: run.features,
        shots: run.shots,
        seed: run.seed,
        accuracy: estimate.value,
        ci_low: estimate.low,
        ci_high: estimate.high,
        macro_f1: run.macro_f1,
        n_test: tested.correct().len(),
        parameters: run.parameters,
        gmac_per_image: run.gmac_per_image,
        seconds_train: run.seconds_train,
        seconds_per_image: run.seconds_per_image,
    }
}

/// What could not be written to a file or drawn.
fn check(run: &Measured) -> Result<()> {
    let amounts = [
        ("gmac_per_image", run.gmac_per_image),
        ("seconds_train", run.seconds_train),
        ("seconds_per_image", run.seconds_per_image),
    ];
    let wrong = |name: &str, value: f64| {
        Err(Error::Compute(format!("{}, seed {}: {name} is {value}", run.head, run.seed)))
    };
    if !(0.0..=1.0).contains(&run.macro_f1) {
        return wrong("macro_f1", run.macro_f1);
    }
    match amounts.into_iter().find(|(_, value)| !value.is_finite() || *value < 0.0) {
        Some((name, value)) => wrong(name, value),
        None => Ok(()),
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
