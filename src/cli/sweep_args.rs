//! Flags of `sweep` and `merge`.

use std::path::PathBuf;

use clap::Args;

use super::lists::blocks;
use crate::error::Error;
use crate::features::extract::Blocks;
use crate::study::sweep::{Metric, Score, Share};

/// Under the help of `sweep`.
pub(super) const SWEEP_EXAMPLES: &str = "\
Examples:
  difscope sweep bundled:fashion --out out/
  difscope sweep birds/ --pool 1,2 --shots 50
  difscope sweep birds/ --blocks 19,24,30 --t 50,90,150 --pool 1,2,4 --score knn
  difscope sweep birds/ --budget 600 --project birds.difscope
  difscope sweep holiday/ --score silhouette --clusters 8 --pictures 400

Writes sweep.csv, sweep-test.csv, sweep.json and sweep.png. Every cell learns
from the same pictures and is scored by cross-validation among them; cells that
may be the best are scored again in other folds. Test pictures then score the
best, those that cannot be told from it and the default setting, beside raw
pixels and random weights. One forward for each picture, step and noise serves
all blocks. A run stopped by Ctrl-C goes on with the same command and --resume.

Scores without labels take any pictures, ignore their classes and learn nothing:
silhouette (of clusters by k-means), agreement (of nearest neighbours under two
noises), alignment (of a picture under two noises) and uniformity; of the last
two lower is better. The column accuracy then holds the score in its own unit,
shots is 0, there is no sweep-test.csv, and --shots, --folds, --repeats, --test
and --metric do not apply.";

/// Under the help of `merge`.
pub(super) const MERGE_EXAMPLES: &str = "\
Examples:
  difscope sweep birds/ --shard 1/3 --out part-1    (and 2/3, 3/3 elsewhere)
  difscope merge part-1 part-2 part-3 --out out/

The table is that of one run, to the bit. Features of random weights are made
here, so that the same --model is needed as for the parts.";

/// Flags of `sweep`.
#[derive(Args, Debug)]
pub struct SweepArgs {
    /// The labelled pictures, as for `difscope data`; without labels any folder of pictures
    #[arg(value_name = "DATA")]
    pub data: PathBuf,
    /// Diffusion steps, as in 50,90,150 [default: 10,30,50,90,150,300,500 of 1000]
    #[arg(long = "t", value_name = "LIST", value_delimiter = ',')]
    pub timesteps: Option<Vec<usize>>,
    /// Blocks, as in 19,24, or all [default: all]
    #[arg(long, value_name = "LIST|all", value_parser = blocks)]
    pub blocks: Option<Blocks>,
    /// Pool maps to P×P, one table for each [default: 1]
    #[arg(long = "pool", value_name = "LIST", value_delimiter = ',')]
    pub pools: Option<Vec<usize>>,
    /// What learns: ridge, linear, knn or prototype; or what is measured without labels: silhouette,
    /// alignment, uniformity or agreement [default: ridge]
    #[arg(long, value_name = "NAME")]
    pub score: Option<Score>,
    /// What is counted: accuracy, balanced-accuracy or macro-f1 [default: accuracy]
    #[arg(long, value_name = "NAME")]
    pub metric: Option<Metric>,
    /// Pictures of each class to learn from, one table for each [default: 20]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub shots: Option<Vec<usize>>,
    /// Parts of these that are answered by what learned from the others [default: 5]
    #[arg(long, value_name = "K")]
    pub folds: Option<usize>,
    /// Rounds of that for cells that may be the best [default: 5]
    #[arg(long, value_name = "K")]
    pub repeats: Option<usize>,
    /// Pictures to test the best on in all at most, evenly over the classes [default: 1000]
    #[arg(long, value_name = "N")]
    pub test: Option<usize>,
    /// Without labels: pictures drawn from the data at most [default: 500]
    #[arg(long, value_name = "N")]
    pub pictures: Option<usize>,
    /// Clusters of silhouette [default: as many as classes, 10 where there are none]
    #[arg(long, value_name = "K")]
    pub clusters: Option<usize>,
    /// Nearest neighbours of agreement [default: 10]
    #[arg(long, value_name = "K")]
    pub neighbours: Option<usize>,
    /// Stop after so many seconds, and say what is best so far
    #[arg(long, value_name = "SECONDS")]
    pub budget: Option<f64>,
    /// Make only the features of one share of the pictures, as in 2/3; difscope merge joins them
    #[arg(long, value_name = "i/n", conflicts_with = "budget")]
    pub shard: Option<Share>,
    /// Folder to write to, made if it is not there
    #[arg(long, value_name = "DIR", default_value = "difscope-sweep")]
    pub out: PathBuf,
}

impl SweepArgs {
    /// Refuses flags that mean nothing to `score`.
    ///
    /// # Errors
    /// The first of them, and what to do.
    pub(super) fn check_for(&self, score: Score) -> Result<(), Error> {
        let learning = [
            ("--metric", self.metric.is_some()),
            ("--shots", self.shots.is_some()),
            ("--folds", self.folds.is_some()),
            ("--repeats", self.repeats.is_some()),
            ("--test", self.test.is_some()),
        ];
        let given = |flags: &[(&'static str, bool)]| flags.iter().find(|flag| flag.1).map(|flag| flag.0);
        let only = |flag: &str, scores: &str| {
            Err(Error::Setting(format!("{flag} is for {scores}; leave it out with --score {score}")))
        };
        if !score.needs_labels()
            && let Some(flag) = given(&learning)
        {
            return only(flag, "scores that learn from labels (ridge, linear, knn, prototype)");
        }
        if score.needs_labels() && self.pictures.is_some() {
            return only(
                "--pictures",
                "scores without labels (silhouette, alignment, uniformity, agreement)",
            );
        }
        if score != Score::Silhouette && self.clusters.is_some() {
            return only("--clusters", "silhouette");
        }
        if score != Score::Agreement && self.neighbours.is_some() {
            return only("--neighbours", "agreement");
        }
        Ok(())
    }
}

/// Flags of `merge`.
#[derive(Args, Debug)]
pub struct MergeArgs {
    /// Folders that difscope sweep --shard has written, all of one sweep
    #[arg(value_name = "DIR", required = true)]
    pub parts: Vec<PathBuf>,
    /// Where the labelled pictures are now [default: where they were]
    #[arg(long, value_name = "DATA")]
    pub data: Option<PathBuf>,
    /// Folder to write to, made if it is not there
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}
