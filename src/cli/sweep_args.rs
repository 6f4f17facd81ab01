//! Flags of `sweep`.

use std::path::PathBuf;

use clap::Args;

use super::args::blocks;
use crate::features::extract::Blocks;
use crate::study::sweep::{Metric, Score};

/// Flags of `sweep`.
#[derive(Args, Debug)]
pub struct SweepArgs {
    /// The labelled pictures, as for `difscope data`
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
    /// What learns: ridge, knn or prototype [default: ridge]
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
    /// Stop after so many seconds, and say what is best so far
    #[arg(long, value_name = "SECONDS")]
    pub budget: Option<f64>,
    /// Folder to write to, made if it is not there
    #[arg(long, value_name = "DIR", default_value = "difscope-sweep")]
    pub out: PathBuf,
}
