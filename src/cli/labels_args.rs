//! Flags of `difscope labels`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::error::Error;
use crate::study::label::exchange::{Carry, ExportFormat};

/// What `--help` shows under the flags.
pub const EXAMPLES: &str = "\
Examples:
  difscope labels export birds.difscope --format csv --out labels.csv
  difscope labels import labels.csv --project birds.difscope
  difscope labels export birds.difscope --format folders --how move --out sorted/ --dry-run
  difscope labels undo sorted/difscope-moves.jsonl --project birds.difscope
  difscope labels export birds/ --format label-studio --suggestions answers.csv --out tasks.json

Formats: csv, folders, label-studio, fiftyone, coco, projector. Import reads the
table that was exported, other tables with path and label (or filename, image;
class, category), JSON of Label Studio, and COCO's annotations. Pictures that
have moved since are found by their content.";

/// Flags of `labels`.
#[derive(Args, Debug)]
pub struct LabelsArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: LabelsAction,
}

/// What can be done with labels.
#[derive(Debug, Subcommand)]
pub enum LabelsAction {
    /// Write labels for other programs, or carry pictures into one folder per class
    #[command(after_help = "\
Examples:
  difscope labels export birds.difscope --format csv --out labels.csv
  difscope labels export birds/ --format folders --how symlink --out sorted/ --dry-run
  difscope labels export birds/ --format label-studio --suggestions answers.csv --out tasks.json
  difscope labels export birds.difscope --format fiftyone --out fiftyone/
  difscope labels export birds/ --format projector --features f.safetensors --out projector/")]
    Export(LabelsExportArgs),
    /// Bring labels of a file into a project whose pictures are there already
    Import {
        /// The labels: .csv, .tsv, or .json of Label Studio or COCO
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Take the moves of an export back
    Undo {
        /// The journal that the export left in its folder
        #[arg(value_name = "JOURNAL")]
        journal: PathBuf,
    },
}

/// Flags of `labels export`.
#[derive(Args, Debug)]
pub struct LabelsExportArgs {
    /// A project file, or a data set as for `difscope data`
    #[arg(value_name = "PROJECT|DATA")]
    pub data: PathBuf,
    /// csv, folders, label-studio, fiftyone, coco or projector
    #[arg(long, value_name = "NAME", value_parser = format)]
    pub format: ExportFormat,
    /// The file to write, or for folders, fiftyone and projector the folder
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
    /// Say what would be done and what is in the way, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// What a head suggests, as `difscope predict --out` wrote it: goes into fields of its own
    #[arg(long, value_name = "FILE")]
    pub suggestions: Option<PathBuf>,
    /// Folders: copy, link (hard links), symlink (symbolic links) or move [default: copy]
    #[arg(long, value_name = "HOW", value_parser = carry)]
    pub how: Option<Carry>,
    /// Folders: one for pictures marked unsure, too
    #[arg(long)]
    pub unsure: bool,
    /// Folders: one for pictures of none of the classes, too
    #[arg(long)]
    pub none: bool,
    /// Folders: give names that are taken a number
    #[arg(long)]
    pub number: bool,
    /// Label Studio: the folder that it serves files from [default: above the folder of all pictures]
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Projector: features of the pictures, as `difscope extract` wrote them (.safetensors)
    #[arg(long, value_name = "FILE")]
    pub features: Option<PathBuf>,
    /// Projector: which of the features, as in t50/block_12 [default: the only one]
    #[arg(long, value_name = "NAME", requires = "features")]
    pub tensor: Option<String>,
    /// Projector: labels as the only column, without a header
    #[arg(long)]
    pub labels_only: bool,
}

fn format(text: &str) -> Result<ExportFormat, String> {
    text.parse().map_err(|error: Error| error.to_string())
}

fn carry(text: &str) -> Result<Carry, String> {
    text.parse().map_err(|error: Error| error.to_string())
}
