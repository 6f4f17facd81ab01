//! Flags of the commands about heads.

use std::path::PathBuf;

use clap::Args;

use super::look_args::LookArgs;
use crate::heads::HeadKind;
use crate::study::Controls;
use crate::train::Recipe;

/// Flags of `train`.
#[derive(Args, Debug)]
pub struct TrainArgs {
    /// The labelled pictures, as for `difscope data`
    #[arg(value_name = "DATA")]
    pub data: PathBuf,
    /// The head: linear, mlp, attention, difformer, diffeed, ridge, prototype or knn
    #[arg(long, value_name = "NAME")]
    pub head: HeadKind,
    /// How it is trained: paper or few-shot [default: few-shot]
    #[arg(long, value_name = "NAME")]
    pub recipe: Option<Recipe>,
    /// Diffusion steps, as in 90,150 [default: the head's own]
    #[arg(long = "t", value_name = "LIST", value_delimiter = ',')]
    pub timesteps: Option<Vec<usize>>,
    /// Blocks read in the first pass [default: the head's own]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub blocks: Option<Vec<usize>>,
    /// diffeed: blocks read in the second pass [default: the head's own]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub second: Option<Vec<usize>>,
    /// diffeed: decoder blocks fed back [default: the head's own]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub feedback: Option<Vec<usize>>,
    /// Pool of every map to P×P [default: the head's own]
    #[arg(long, value_name = "P")]
    pub pool: Option<usize>,
    /// Pictures of each class to learn from; the others are tested on
    #[arg(long, value_name = "K", conflicts_with = "split")]
    pub shots: Option<usize>,
    /// Pictures of each class that decide which epoch is kept, with --shots [default: 0]
    #[arg(long, value_name = "K", requires = "shots")]
    pub validation: Option<usize>,
    /// Pictures of each class to test on, with --shots [default: all others]
    #[arg(long, value_name = "N", requires = "shots")]
    pub test: Option<usize>,
    /// A table with the split: path or name, label, part
    #[arg(long, value_name = "FILE")]
    pub split: Option<PathBuf>,
    /// Epochs at most [default: the recipe's]
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// The file to write: .safetensors; its report goes beside it as .json
    #[arg(long, value_name = "HEAD.safetensors")]
    pub out: PathBuf,
}

/// Flags of `compare`.
#[derive(Args, Debug)]
pub struct CompareArgs {
    /// The labelled pictures, as for `difscope data`
    #[arg(value_name = "DATA")]
    pub data: PathBuf,
    /// Heads on the network's features [default: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub heads: Option<Vec<HeadKind>>,
    /// How they are trained: paper or few-shot [default: few-shot]
    #[arg(long, value_name = "NAME")]
    pub recipe: Option<Recipe>,
    /// Pictures of each class to learn from, one comparison for each [default: 5,20]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub shots: Option<Vec<usize>>,
    /// Splits, each drawn anew [default: 3]
    #[arg(long, value_name = "K")]
    pub seeds: Option<usize>,
    /// Pictures to test on in all, evenly over the classes [default: all others]
    #[arg(long, value_name = "N")]
    pub test: Option<usize>,
    /// Heads that also read raw pixels and the network with random weights, all or none
    /// [default: ridge,linear]
    #[arg(long, value_name = "LIST|all|none")]
    pub controls: Option<Controls>,
    /// Epochs of every head at most [default: the recipe's]
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Folder to write to, made if it is not there
    #[arg(long, value_name = "DIR", default_value = "difscope-compare")]
    pub out: PathBuf,
}

/// Flags of `attention`.
#[derive(Args, Debug)]
pub struct AttentionArgs {
    /// The trained head, or one of the states that were kept while it learned
    #[arg(value_name = "HEAD")]
    pub head: PathBuf,
    /// The picture: a file or bundled:NAME
    #[arg(value_name = "INPUT")]
    pub input: PathBuf,
    /// Layer of the head's transformer, from 1 [default: the last]
    #[arg(long, value_name = "N")]
    pub layer: Option<usize>,
    /// diffeed: encoder blocks before and after feedback, their difference, and the feedback
    #[arg(long)]
    pub feedback: bool,
    /// linear and ridge: only what speaks for this class [default: the ten most probable ones]
    #[arg(long, value_name = "CLASS")]
    pub evidence: Option<String>,
    /// The file to write: .png, or for the raw values .safetensors or .csv
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// How maps look
    #[command(flatten)]
    pub look: LookArgs,
}

/// Flags of `convert` for heads of diffssl.
#[derive(Args, Debug)]
#[command(next_help_heading = "Heads of diffssl")]
pub struct DiffsslArgs {
    /// The input is a head: linear, mlp, attention, difformer or diffeed
    #[arg(long, value_name = "NAME")]
    pub head: Option<HeadKind>,
    /// Its diffusion steps, as in 90,150
    #[arg(long = "t", value_name = "LIST", value_delimiter = ',', requires = "head")]
    pub timesteps: Option<Vec<usize>>,
    /// Blocks that it reads in the first pass
    #[arg(long, value_name = "LIST", value_delimiter = ',', requires = "head")]
    pub blocks: Option<Vec<usize>>,
    /// diffeed: blocks that it reads in the second pass
    #[arg(long, value_name = "LIST", value_delimiter = ',', requires = "head")]
    pub second: Option<Vec<usize>>,
    /// diffeed: decoder blocks fed back
    #[arg(long, value_name = "LIST", value_delimiter = ',', requires = "head")]
    pub feedback: Option<Vec<usize>>,
    /// Pool of every map to P×P [default: as the shapes tell, else the published 16]
    #[arg(long, value_name = "P", requires = "head")]
    pub pool: Option<usize>,
    /// Names of its classes, one in each line [default: class_0 and so on]
    #[arg(long, value_name = "FILE", requires = "head")]
    pub classes: Option<PathBuf>,
}

/// Flags of `predict`.
#[derive(Args, Debug)]
pub struct PredictArgs {
    /// The trained head
    #[arg(value_name = "HEAD")]
    pub head: PathBuf,
    /// Pictures: files, folders, IDX files or bundled:NAME
    #[arg(value_name = "INPUT", required = true)]
    pub inputs: Vec<PathBuf>,
    /// The table to write (.csv) [default: to standard output]
    #[arg(long, value_name = "F.csv")]
    pub out: Option<PathBuf>,
}
