//! Commands and flags.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, value_parser};
use clap_complete::Shell;

use super::Failure;
use super::cell::CellArgs;
pub use super::head_args::{AttentionArgs, CompareArgs, DiffsslArgs, PredictArgs, TrainArgs};
pub use super::label_bench::LabelBenchArgs;
pub use super::labels_args::{LabelsAction, LabelsArgs, LabelsExportArgs};
use super::lists::{Pool, blocks, pool};
use super::look_args::LookArgs;
use super::set::Setting;
pub use super::similarity::SimilarityArgs;
use super::sweep_args::{MERGE_EXAMPLES, SWEEP_EXAMPLES};
pub use super::sweep_args::{MergeArgs, SweepArgs};
use crate::features::extract::Blocks;
use crate::features::network::NetworkSource;
use crate::features::view::View;
use crate::jobs::{EngineOptions, ExploreConfig, SheetKind};
use crate::tensor::device::DeviceChoice;
use crate::tensor::precision::PrecisionChoice;

const EXAMPLES: &str = "\
Examples:
  difscope                                   open the window on the pictures brought along
  difscope photos/ --model 256x256_diffusion_uncond.pt
  difscope --project birds.difscope          go on with a project where it was
  difscope tour                              write the first views to difscope-tour/
  difscope heatmap cat.png --t 90 --block 12 --view pca --out cat.png --colorbar
  difscope extract photos/ --t 90,150 --blocks all --pool 2 --out features.safetensors

INPUT is picture files, folders, IDX files, or pictures brought along:
bundled:photos, bundled:chelsea.png, bundled:fashion/test#12. MODEL is a
checkpoint file (.pt or .safetensors) or the name of a published network whose
file is in the cache folder; without one the embedded network is used.

Exit codes: 0 done, 1 failed, 2 wrong arguments, 130 stopped by Ctrl-C.";

/// See what a text-free diffusion U-Net sees in your pictures, at any noise step and block.
#[derive(Debug, Parser)]
#[command(name = "difscope", version, long_version = super::version::long(), after_help = EXAMPLES)]
#[command(disable_help_subcommand = true, subcommand_value_name = "COMMAND")]
pub struct Cli {
    /// What to do; without a command the window opens.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Pictures to open in the window: files, folders, IDX files or bundled:NAME.
    #[arg(value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
    /// The flags of every command.
    #[command(flatten)]
    pub everywhere: Everywhere,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write the first views of the pictures brought along, and a page that explains them
    #[command(after_help = "\
Examples:
  difscope tour
  difscope tour --out views --model 64x64_diffusion.pt")]
    Tour(TourArgs),
    /// Show a network's configuration, blocks, missing and unused parameters, and hashes
    #[command(after_help = "\
Examples:
  difscope inspect
  difscope inspect 256x256_diffusion_uncond.pt
  difscope inspect model.safetensors --json")]
    Inspect(InspectArgs),
    /// Convert a checkpoint to safetensors that carries its configuration, or a head of diffssl to a head
    #[command(after_help = "\
Examples:
  difscope convert 256x256_diffusion_uncond.pt adm256.safetensors --half
  difscope convert model.pt cat.safetensors --preset adm-lsun-cat
  difscope convert latest.pth birds.safetensors --head difformer --t 90,150,300 --blocks 19,24,30 \\
      --model adm256.safetensors --classes birds.txt

A head of diffssl (.pth, or .safetensors of the same names) does not store its
timesteps, blocks and feedback blocks: give them in the order of its training.
Its network is the one of --model. What is assumed beside is told.")]
    Convert(ConvertArgs),
    /// Write features of pictures to a file
    #[command(after_help = "\
Examples:
  difscope extract photos/ --t 90,150 --blocks 19,24 --pool 1 --out features.safetensors
  difscope extract bundled:fashion --t 50 --blocks all --pool 2 --out fashion.parquet
  difscope extract inputs.safetensors --noised --t 90 --blocks all --pool none --out maps.safetensors
  difscope extract photos/ --blocks all --out features.safetensors --estimate

A .safetensors input holds x [N, 3, H, W] in [-1, 1] and optionally noise, y
and labels. The output holds tensors such as t90/block_24; .npy holds one
tensor, .parquet one row per picture. A run stopped by Ctrl-C goes on with the
same command and --resume.")]
    Extract(ExtractArgs),
    /// Write one view of one picture as a figure or as numbers
    #[command(after_help = "\
Examples:
  difscope heatmap cat.png --t 90 --block 24 --view norm --out norm.png --colorbar
  difscope heatmap cat.png --view similarity:16,12 --overlay 0.6 --out like-the-eye.png
  difscope heatmap bundled:chelsea.png --view mosaic --out all.png --set look.shared_channels=true
  difscope heatmap cat.png --view channel:12 --out channel.npy
  difscope heatmap cat.png --view norm --sheet steps --out over-t.png --colorbar
  difscope heatmap cat.png --view pca --lock-pictures cats/ --lock-t 50,90 --lock-blocks 9,12,15 --out same-colours.png")]
    Heatmap(HeatmapArgs),
    /// Tell what is in a labelled data set: classes, unreadable files, near-duplicates
    #[command(after_help = "\
Examples:
  difscope data birds/
  difscope data bundled:fashion --json
  difscope data labels.csv --fraction 0.8 --seed 1 --export-split split.csv
  difscope data cifar-10-batches-bin/ --shots 10 --test 100

DATA is a folder with one folder per class, an IDX images file with its labels
beside it, CIFAR batches (.bin), a folder of such files, a table (.csv) with
the columns path and label and optionally part, or bundled:fashion. Splits keep
near-duplicates on one side, and depend on the pictures and --seed alone.")]
    Data(DataArgs),
    /// Train a head on labelled pictures, test it and save it
    #[command(after_help = "\
Examples:
  difscope train bundled:fashion --head attention --shots 10 --out shirts.safetensors
  difscope train birds/ --head difformer --blocks 10,12,15 --t 10,50,150 --out birds.safetensors
  difscope train birds/ --head linear --recipe paper --split split.csv --out birds.safetensors
  difscope train birds/ --head diffeed --shots 10 --out birds.safetensors --set train.learning_rate=5e-4
  difscope train birds/ --head mlp --shots 10 --out birds.safetensors --project birds.difscope

Without --shots or --split the data set's own parts are used, where it has some;
else of each class 70 % are learned from, 10 % decide which epoch is kept, and
20 % are tested on. The report beside the head holds settings, split and curves.
With --project the run is one of the project's, as if it had been made in its
window, and features are kept beside the project for the next training.")]
    Train(TrainArgs),
    /// Train many heads on the same pictures, beside raw pixels and random weights, and test them
    #[command(after_help = "\
Examples:
  difscope compare bundled:fashion --heads linear,ridge,knn --shots 5,20 --test 1000 --out out/
  difscope compare birds/ --heads attention,difformer,diffeed --shots 10 --seeds 5 --controls none
  difscope compare birds/ --heads ridge,linear --shots 1,5,20 --project birds.difscope

Writes compare.csv, compare.json, their summaries over the seeds, a Markdown
table and two figures. Every head of a seed learns from the same pictures and
is tested on the same others. With --project features of the pictures learned
from are kept beside the project for the next training.")]
    Compare(CompareArgs),
    /// Score every block and diffusion step on labelled pictures: which tell your classes apart
    #[command(after_help = SWEEP_EXAMPLES)]
    Sweep(SweepArgs),
    /// Join the parts of a sweep that several runs have made, and score it
    #[command(after_help = MERGE_EXAMPLES)]
    Merge(MergeArgs),
    /// Look into one cell of a sweep: answers, neighbours, maps, and what more pictures would bring
    #[command(after_help = super::cell::EXAMPLES)]
    Cell(CellArgs),
    /// Compare blocks and steps of a network with each other, and with those of another network
    #[command(after_help = super::similarity::EXAMPLES)]
    Similarity(SimilarityArgs),
    /// Play users who label pictures: how many labels each order takes
    #[command(after_help = super::label_bench::EXAMPLES)]
    LabelBench(LabelBenchArgs),
    /// Labels to other programs and folders, and back into a project
    #[command(after_help = super::labels_args::EXAMPLES)]
    Labels(LabelsArgs),
    /// Ask a trained head about pictures
    #[command(after_help = "\
Examples:
  difscope predict birds.safetensors garden/ --out answers.csv
  difscope predict shirts.safetensors bundled:fashion/test#12 --json

The network is found by its hash: the embedded one, the file that the head was
trained with, or the one given by --model.")]
    Predict(PredictArgs),
    /// Write where a trained head looks in a picture
    #[command(after_help = "\
Examples:
  difscope attention birds.safetensors garden/7.jpg --out wren.png --overlay 0.6 --colorbar
  difscope attention shirts.safetensors bundled:fashion/test#12 --out weights.safetensors
  difscope attention diffeed.safetensors bundled:fashion/test#12 --feedback --out fed.png

Heads with a transformer show how CLS attends to every token, by block, timestep
and attention head, and what reaches it through all layers (rollout); linear and
ridge show what every place adds to the logit of a class.")]
    Attention(AttentionArgs),
    /// Make a project file, bring labels into it, and get out what is in it
    #[command(after_help = "\
Examples:
  difscope project import birds.difscope birds/
  difscope project list birds.difscope --json
  difscope project export birds.difscope labels --out labels.csv
  difscope project export birds.difscope runs --out runs.json")]
    Project(ProjectArgs),
    /// Time the network on this machine
    #[command(after_help = "\
Examples:
  difscope bench
  difscope bench --profile
  difscope bench --model 256x256_diffusion_uncond.pt --block 24 --threads 4 --json

Times are medians of passes over one picture of noise, after one pass that is
not counted. --profile tells the time of every block.")]
    Bench(BenchArgs),
    /// Print completions for a shell
    #[command(after_help = "\
Examples:
  difscope completions bash > ~/.local/share/bash-completion/completions/difscope
  difscope completions zsh > ~/.zfunc/_difscope")]
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

/// The flags of every command.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Everywhere")]
pub struct Everywhere {
    /// The network: a checkpoint file or a published network's name [default: the embedded one]
    #[arg(long, global = true, value_name = "MODEL")]
    pub model: Option<String>,
    /// Which published network the file is
    #[arg(long, global = true, value_name = "NAME")]
    pub preset: Option<String>,
    /// Where to compute: auto, cpu, cuda:0 or metal
    #[arg(long, global = true, value_name = "DEVICE", default_value_t, hide_default_value = true)]
    pub device: DeviceChoice,
    /// What to multiply: f32, bf16 (features within about 1 %) or auto [default: f32]
    #[arg(long, global = true, value_name = "KIND", default_value_t, hide_default_value = true)]
    pub precision: PrecisionChoice,
    /// Threads to compute with [default: all cores]
    #[arg(long, global = true, value_name = "N", value_parser = value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Seed of the noise [default: 0]
    #[arg(long, global = true, value_name = "N")]
    pub seed: Option<u64>,
    /// Noise draws to average over [default: 1]
    #[arg(long, global = true, value_name = "K", value_parser = value_parser!(u32).range(1..=1024))]
    pub draws: Option<u32>,
    /// Class for a class-conditional network [default: none]
    #[arg(long, global = true, value_name = "N")]
    pub class: Option<usize>,
    /// The project file that the window works in, that train adds its run to, and beside which train,
    /// compare, sweep and cell keep features; made if it is not there
    #[arg(long, global = true, value_name = "FILE")]
    pub project: Option<PathBuf>,
    /// Folder for converted checkpoints, and for features of a sweep or cell without a project [default: the
    /// platform's cache folder; a sweep keeps no features after it]
    #[arg(long, global = true, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Memory for feature maps kept for another look, in MB [default: 1024]
    #[arg(long, global = true, value_name = "MB", value_parser = value_parser!(u32).range(16..))]
    pub map_cache: Option<u32>,
    /// Print one JSON document on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress and no notes on standard error
    #[arg(long, global = true)]
    pub quiet: bool,
    /// Go on with what a stopped run has left
    #[arg(long, global = true)]
    pub resume: bool,
    /// Replace outputs that exist
    #[arg(long, global = true)]
    pub force: bool,
    /// Say what it would cost, and do nothing
    #[arg(long, global = true)]
    pub estimate: bool,
    /// Set any field of the command's settings, as in look.gamma=0.5; may be repeated
    #[arg(long, global = true, value_name = "PATH=VALUE")]
    pub set: Vec<Setting>,
}

impl Everywhere {
    /// How the engine should work.
    pub fn engine(&self) -> EngineOptions {
        let plain = EngineOptions::default();
        EngineOptions {
            device: self.device,
            precision: self.precision,
            threads: self.threads.map(usize::from),
            cache: self.cache.clone().or(plain.cache.clone()),
            pass_cache_bytes: self.map_cache.map_or(plain.pass_cache_bytes, |mb| (mb as usize) << 20),
            ..plain
        }
    }

    /// The network meant by `model`, or by --model.
    ///
    /// # Errors
    /// When --preset is given for the embedded network, which it cannot be.
    pub fn network(&self, model: Option<&str>) -> Result<NetworkSource, Failure> {
        let model = model.or(self.model.as_deref());
        if model.is_none() && self.preset.is_some() {
            let text = "--preset says which published network a file is; name the file with --model";
            return Err(Failure::usage(text));
        }
        Ok(NetworkSource::of(model))
    }

    /// Settings of views with these flags filled in.
    pub fn explore(&self) -> ExploreConfig {
        let plain = ExploreConfig::default();
        ExploreConfig {
            seed: self.seed.unwrap_or(plain.seed),
            average: self.draws.unwrap_or(plain.average),
            class: self.class,
            ..plain
        }
    }
}

/// Flags of `tour`.
#[derive(Args, Debug)]
pub struct TourArgs {
    /// Folder to write to
    #[arg(long, value_name = "DIR", default_value = super::tour::FOLDER)]
    pub out: PathBuf,
}

/// Flags of `inspect`.
#[derive(Args, Debug)]
pub struct InspectArgs {
    /// The network, as for --model
    #[arg(value_name = "MODEL")]
    pub network: Option<String>,
}

/// Flags of `convert`.
#[derive(Args, Debug)]
pub struct ConvertArgs {
    /// The checkpoint or head
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// The .safetensors file to write
    #[arg(value_name = "OUT.safetensors")]
    pub output: PathBuf,
    /// Store values in half precision
    #[arg(long, conflicts_with = "head")]
    pub half: bool,
    /// What diffssl does not store of its heads.
    #[command(flatten)]
    pub head: DiffsslArgs,
}

/// Flags of `extract`.
#[derive(Args, Debug)]
pub struct ExtractArgs {
    /// Pictures: files, folders, IDX files, bundled:NAME, or one .safetensors file of tensors
    #[arg(value_name = "INPUT", required = true)]
    pub inputs: Vec<PathBuf>,
    /// Diffusion steps, as in 90,150 [default: the network's own]
    #[arg(long = "t", value_name = "LIST", value_delimiter = ',')]
    pub timesteps: Option<Vec<usize>>,
    /// Blocks, as in 19,24, or all [default: the network's own]
    #[arg(long, value_name = "LIST|all", value_parser = blocks)]
    pub blocks: Option<Blocks>,
    /// Pool maps to P×P, or none [default: none]
    #[arg(long, value_name = "none|P", value_parser = pool)]
    pub pool: Option<Pool>,
    /// The file to write: .safetensors, .npy or .parquet
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// The tensor x of the input is x_t already
    #[arg(long)]
    pub noised: bool,
    /// Write the network's output too
    #[arg(long)]
    pub with_out: bool,
}

/// Flags of `heatmap`.
#[derive(Args, Debug)]
pub struct HeatmapArgs {
    /// The picture: a file or bundled:NAME
    #[arg(value_name = "INPUT")]
    pub input: PathBuf,
    /// Diffusion step [default: the network's own]
    #[arg(long = "t", value_name = "T")]
    pub timestep: Option<usize>,
    /// Block [default: the network's own]
    #[arg(long, value_name = "B")]
    pub block: Option<usize>,
    /// mosaic, norm, mean, pca, channel:12 or similarity:X,Y (pixels of the network's input) [default: mosaic]
    #[arg(long, value_name = "VIEW")]
    pub view: Option<View>,
    /// Write a contact sheet instead: the block over the marked steps, or the step over all blocks
    #[arg(long, value_name = "steps|blocks")]
    pub sheet: Option<SheetKind>,
    /// Pictures that decide the colours of pca, files or folders; may be repeated [default: the picture]
    #[arg(long, value_name = "PICTURE")]
    pub lock_pictures: Vec<String>,
    /// Steps that decide the colours of pca, as in 10,50,150 [default: the step shown]
    #[arg(long = "lock-t", value_name = "LIST", value_delimiter = ',')]
    pub lock_timesteps: Vec<usize>,
    /// Blocks that share one meaning of each colour of pca, as in 9,12,15 [default: none]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub lock_blocks: Vec<usize>,
    /// The file to write: .png, or for the raw values .npy or .csv (a contact sheet: .safetensors too)
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// How maps look
    #[command(flatten)]
    pub look: LookArgs,
}

/// Flags of `data`.
#[derive(Args, Debug)]
pub struct DataArgs {
    /// The data set
    #[arg(value_name = "DATA")]
    pub data: PathBuf,
    /// Split: so many pictures per class to learn from
    #[arg(long, value_name = "K", conflicts_with_all = ["fraction", "split"])]
    pub shots: Option<usize>,
    /// Split: this share of each class to learn from, as in 0.8
    #[arg(long, value_name = "F", conflicts_with = "split")]
    pub fraction: Option<f64>,
    /// The share to validate on, or with --shots the pictures per class [default: 0]
    #[arg(long, value_name = "V", conflicts_with = "split")]
    pub validation: Option<f64>,
    /// Pictures per class to test on [default: all others]
    #[arg(long, value_name = "N", requires = "shots")]
    pub test: Option<usize>,
    /// Check the split in this table: path or name, label, part
    #[arg(long, value_name = "FILE")]
    pub split: Option<PathBuf>,
    /// Write the split, or the data set's own parts, as CSV
    #[arg(long, value_name = "FILE")]
    pub export_split: Option<PathBuf>,
}

/// Flags of `project`.
#[derive(Args, Debug)]
pub struct ProjectArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: ProjectAction,
}

/// What can be done with a project file.
#[derive(Debug, Subcommand)]
pub enum ProjectAction {
    /// Bring the pictures and labels of a data set into a project, which is made if it is not there
    Import {
        /// The project file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The data set, as for `difscope data`
        #[arg(value_name = "DATA")]
        data: PathBuf,
    },
    /// Write labels, splits or runs of a project to a file
    Export {
        /// The project file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// labels, splits or runs
        #[arg(value_name = "WHAT")]
        what: ExportWhat,
        /// The file to write: .csv (labels) or .json
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Tell what is in a project
    List {
        /// The project file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// A kind of thing in a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportWhat {
    /// Pictures with their labels.
    Labels,
    /// Splits.
    Splits,
    /// Runs with their sweep cells.
    Runs,
}

/// Flags of `bench`.
#[derive(Args, Debug)]
pub struct BenchArgs {
    /// Tell the time of every block
    #[arg(long)]
    pub profile: bool,
    /// Diffusion step [default: the network's own]
    #[arg(long = "t", value_name = "T")]
    pub timestep: Option<usize>,
    /// The block whose features are wanted [default: the network's own]
    #[arg(long, value_name = "B")]
    pub block: Option<usize>,
    /// Passes to time [default: 7]
    #[arg(long, value_name = "N")]
    pub passes: Option<usize>,
}
