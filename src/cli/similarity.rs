//! `difscope similarity`: how alike blocks, timesteps and networks are.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::args::Everywhere;
use super::estimate::Estimate;
use super::lists::{Pool, blocks, pool};
use super::output::{report, table};
use super::session::{Interrupt, Opened, Session, unexpected};
use super::{Failure, set};
use crate::data::dataset::DataSet;
use crate::error::Error;
use crate::features::extract::Blocks;
use crate::features::network::NetworkCard;
use crate::figure::Theme;
use crate::figure::write::refuse_existing;
use crate::jobs::{Against, InspectJob, Outcome, SimilarityJob};
use crate::study::similarity::{Compared, Similarity, SimilarityConfig, SimilarityRecord, files, write};

/// What `--help` shows under the flags.
pub const EXAMPLES: &str = "\
Examples:
  difscope similarity bundled:fashion --out alike/
  difscope similarity bundled:fashion --t 10,50,150,500 --blocks 3,10,12,19 --n 2000
  difscope similarity birds/ --model 64x64_diffusion.pt --t 90 --pool 2 --estimate
  difscope similarity birds/ --against 256x256_diffusion_uncond.pt --against-blocks 19,24,30
  difscope similarity bundled:fashion --against random-weights

Similarity is linear CKA, estimated without bias over minibatches: 1 for features
that are the same up to rotation and scale, 0 for unrelated ones. Blocks are
compared at each step, steps at each block where several are given. Writes
similarity.csv, similarity.json and a figure of each comparison.";

/// Flags of `similarity`.
#[derive(Args, Debug)]
pub struct SimilarityArgs {
    /// The pictures, as for `difscope data`, with or without classes
    #[arg(value_name = "DATA")]
    pub data: PathBuf,
    /// Diffusion steps, as in 90,150 [default: the network's own]
    #[arg(long = "t", value_name = "LIST", value_delimiter = ',')]
    pub timesteps: Option<Vec<usize>>,
    /// Blocks, as in 19,24, or all [default: all]
    #[arg(long, value_name = "LIST|all", value_parser = blocks)]
    pub blocks: Option<Blocks>,
    /// Pool maps to P×P, or none [default: 1]
    #[arg(long, value_name = "none|P", value_parser = pool)]
    pub pool: Option<Pool>,
    /// Pictures drawn from the data [default: 512]
    #[arg(long = "n", value_name = "N")]
    pub pictures: Option<usize>,
    /// Pictures of a minibatch [default: 64]
    #[arg(long, value_name = "N")]
    pub batch: Option<usize>,
    /// Another network to compare with: as for --model, fashion32 (the embedded one) or random-weights
    #[arg(long, value_name = "MODEL")]
    pub against: Option<String>,
    /// Its blocks [default: all]
    #[arg(long, value_name = "LIST|all", value_parser = blocks, requires = "against")]
    pub against_blocks: Option<Blocks>,
    /// Folder to write to, made if it is not there
    #[arg(long, value_name = "DIR", default_value = "difscope-similarity")]
    pub out: PathBuf,
}

/// What `--json` tells.
#[derive(Serialize)]
struct Told<'a> {
    data: &'a str,
    network: &'a Compared,
    against: Option<&'a Compared>,
    settings: &'a SimilarityConfig,
    pictures: usize,
    /// By timestep: means of encoder blocks beside their mirror images, and beside other decoder blocks.
    mirrored: Vec<Option<[f64; 2]>>,
    rows: Vec<SimilarityRecord<'a>>,
    notes: &'a [String],
}

/// Compares blocks and timesteps, and writes the tables and figures.
///
/// # Errors
/// When pictures, settings or the output cannot be used.
pub fn run(args: &SimilarityArgs, everywhere: &Everywhere, interrupt: &Interrupt) -> Result<(), Failure> {
    config(args, everywhere, None)?;
    for path in files(&args.out) {
        refuse_existing(&path, everywhere.force)?;
    }
    let mut session = Session::start(everywhere, interrupt)?;
    let Opened { card, .. } = session.open_network(everywhere)?;
    let config = config(args, everywhere, Some(&card))?;
    let against = args.against.as_deref().map(Against::of);
    if against.is_none() {
        config.validate(&card, None)?;
    }
    if everywhere.estimate {
        return estimate(args, &config, &card, against, &mut session)?.print(everywhere.json);
    }
    let found = match session.run(SimilarityJob::new(config, args.data.clone(), against))? {
        Outcome::Similar(found) => found,
        other => return Err(unexpected(&other)),
    };
    for note in &found.notes {
        session.progress.note(note);
    }
    fs::create_dir_all(&args.out).map_err(Error::io("create", &args.out))?;
    let settings = serde_json::to_string(&found.config).map_err(|error| Error::Compute(error.to_string()))?;
    let written = write(&args.out, &found, Theme::Light, Some(&settings), everywhere.force)?;
    let told = Told {
        data: &found.data,
        network: &found.network,
        against: found.other.as_ref(),
        settings: &found.config,
        pictures: found.pictures,
        mirrored: found.mirrored(),
        rows: found.records(),
        notes: &found.notes,
    };
    report(everywhere.json, &told, || text(&found, &written))
}

/// The settings: flags, what they leave open, then `--set`.
fn config(
    args: &SimilarityArgs,
    everywhere: &Everywhere,
    card: Option<&NetworkCard>,
) -> Result<SimilarityConfig, Failure> {
    let timestep = card.map_or(0, NetworkCard::default_timestep);
    let plain = SimilarityConfig::at(timestep);
    let config = SimilarityConfig {
        timesteps: args.timesteps.clone().unwrap_or(plain.timesteps),
        blocks: args.blocks.clone().unwrap_or(plain.blocks),
        pool: args.pool.map_or(plain.pool, |pool| pool.0),
        pictures: args.pictures.unwrap_or(plain.pictures),
        batch: args.batch.unwrap_or(plain.batch),
        against_blocks: args.against_blocks.clone().unwrap_or(plain.against_blocks),
        seed: everywhere.seed.unwrap_or(plain.seed),
        draws: everywhere.draws.unwrap_or(plain.draws),
        class: everywhere.class,
    };
    set::apply(config, &everywhere.set)
}

fn estimate(
    args: &SimilarityArgs,
    config: &SimilarityConfig,
    card: &NetworkCard,
    against: Option<Against>,
    session: &mut Session,
) -> Result<Estimate, Failure> {
    let items = DataSet::pictures(&args.data, &|| false)?.items.len().min(config.pictures);
    let (mut forwards, mut gmac) = config.cost(&card.blocks, &config.blocks, items)?;
    let mut parameters = card.parameters;
    let other = match against {
        Some(Against::Network(source)) => match session.run(InspectJob { source, preset: None })? {
            Outcome::Inspected(report) => Some((report.blocks.clone(), report.parameters)),
            other => return Err(unexpected(&other)),
        },
        Some(Against::RandomWeights) => Some((card.blocks.clone(), card.parameters)),
        None => None,
    };
    if let Some((blocks, more)) = other {
        let cost = config.cost(&blocks, &config.against_blocks, items)?;
        (forwards, gmac, parameters) = (forwards + cost.0, gmac + cost.1, parameters + more);
    }
    Ok(Estimate { items, forwards, gmac, output_bytes: None, parameter_bytes: parameters as u64 * 4 })
}

fn text(found: &Similarity, written: &[PathBuf]) -> String {
    let mut text = format!(
        "{}: {} pictures in {} minibatches · {}\n",
        found.data, found.pictures, found.batches, found.network.network
    );
    let mut rows = vec![["t", "mirror images", "other decoder blocks"].map(String::from).to_vec()];
    for ((t, _), mirrored) in found.over_blocks.iter().zip(found.mirrored()) {
        if let Some([mirror, others]) = mirrored {
            rows.push(vec![t.to_string(), format!("{mirror:.3}"), format!("{others:.3}")]);
        }
    }
    if rows.len() > 1 {
        text += "\nMean similarity of encoder blocks b to\n";
        text += &table(&rows, &[]);
        text += "\n";
    }
    for sentence in (0..).map_while(|at| found.sentence(at)) {
        text += &format!("{sentence}\n");
    }
    for path in written {
        text += &format!("{}\n", path.display());
    }
    text
}
