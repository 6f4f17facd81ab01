//! `difscope label-bench`: how many labels each order takes.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::args::Everywhere;
use super::estimate::Estimate;
use super::output::{report, table};
use super::session::{Interrupt, Opened, Session, unexpected};
use super::{Failure, set};
use crate::data::dataset::DataSet;
use crate::error::Error;
use crate::features::network::NetworkCard;
use crate::figure::Theme;
use crate::figure::write::refuse_existing;
use crate::jobs::{LabelBenchJob, Outcome};
use crate::study::label::{LabelBench, LabelBenchConfig, Order, files, write};

/// What `--help` shows under the flags.
pub const EXAMPLES: &str = "\
Examples:
  difscope label-bench bundled:fashion --out labels/
  difscope label-bench birds/ --order recommended,uncertain,random --labels 50,100,200
  difscope label-bench birds/ --t 90 --block 24 --pool 1 --seeds 3 --n 1000

Each user labels one picture after another in the order offered, from nothing,
and the head refits after every label. It is tested on pictures that are never
labelled. Orders: recommended, uncertain, diverse, disagree, class, similar,
random. Writes label-bench.csv, label-bench.json and label-bench.png, and says
how many times as many labels chance needs for what the default order reaches
with 200, and how often intervals of imitated audits held the truth.";

/// Flags of `label-bench`.
#[derive(Args, Debug)]
pub struct LabelBenchArgs {
    /// The labelled pictures, as for `difscope data`
    #[arg(value_name = "DATA")]
    pub data: PathBuf,
    /// Orders, as in recommended,random, or all [default: all]
    #[arg(long = "order", value_name = "LIST|all", value_parser = orders)]
    pub orders: Option<Orders>,
    /// Users, each with other pictures [default: 5]
    #[arg(long, value_name = "K")]
    pub seeds: Option<usize>,
    /// Pictures that each may label; at most four of five [default: 2000]
    #[arg(long = "n", value_name = "N")]
    pub pictures: Option<usize>,
    /// Numbers of labels to test with [default: 20,50,100,200,400]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub labels: Option<Vec<usize>>,
    /// Diffusion step [default: the network's own]
    #[arg(long = "t", value_name = "T")]
    pub timestep: Option<usize>,
    /// Block [default: the network's own]
    #[arg(long, value_name = "B")]
    pub block: Option<usize>,
    /// Pool maps to P×P [default: 2]
    #[arg(long, value_name = "P")]
    pub pool: Option<usize>,
    /// Folder to write to, made if it is not there
    #[arg(long, value_name = "DIR", default_value = "difscope-label-bench")]
    pub out: PathBuf,
}

/// Orders of `--order`.
#[derive(Clone, Debug)]
pub struct Orders(Vec<Order>);

fn orders(text: &str) -> Result<Orders, String> {
    if text == "all" {
        return Ok(Orders(LabelBenchConfig::default().orders));
    }
    let mut found: Vec<Order> = Vec::new();
    for name in text.split(',') {
        let order = name.trim().parse().map_err(|error: Error| error.to_string())?;
        if !found.contains(&order) {
            found.push(order);
        }
    }
    Ok(Orders(found))
}

/// What `--json` tells beside what was found.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    found: &'a LabelBench,
    written: &'a [PathBuf],
}

/// Plays the users, and writes the table and the figure.
///
/// # Errors
/// When pictures, settings or the output cannot be used.
pub fn run(args: &LabelBenchArgs, everywhere: &Everywhere, interrupt: &Interrupt) -> Result<(), Failure> {
    let config = config(args, everywhere)?;
    config.check()?;
    for path in files(&args.out) {
        refuse_existing(&path, everywhere.force)?;
    }
    let mut session = Session::start(everywhere, interrupt)?;
    let Opened { card, .. } = session.open_network(everywhere)?;
    if everywhere.estimate {
        return estimate(&args.data, &config, &card)?.print(everywhere.json);
    }
    let found = match session.run(LabelBenchJob::new(config, args.data.clone())?)? {
        Outcome::LabelBenched(found) => found,
        other => return Err(unexpected(&other)),
    };
    for note in &found.notes {
        session.progress.note(note);
    }
    fs::create_dir_all(&args.out).map_err(Error::io("create", &args.out))?;
    let written = write(&args.out, &found, Theme::Light, everywhere.force)?;
    report(everywhere.json, &Told { found: &found, written: &written }, || text(&found, &written))
}

/// The settings: flags, what they leave open, then `--set`.
fn config(args: &LabelBenchArgs, everywhere: &Everywhere) -> Result<LabelBenchConfig, Failure> {
    let default = LabelBenchConfig::default();
    let config = LabelBenchConfig {
        orders: args.orders.clone().map_or(default.orders, |orders| orders.0),
        seeds: args.seeds.unwrap_or(default.seeds),
        pictures: args.pictures.unwrap_or(default.pictures),
        labels: args.labels.clone().unwrap_or(default.labels),
        timestep: args.timestep,
        block: args.block,
        pool: args.pool.unwrap_or(default.pool),
        seed: everywhere.seed.unwrap_or(default.seed),
        draws: everywhere.draws.unwrap_or(default.draws),
        class: everywhere.class,
        ..LabelBenchConfig::default()
    };
    set::apply(config, &everywhere.set)
}

fn estimate(data: &Path, config: &LabelBenchConfig, card: &NetworkCard) -> Result<Estimate, Failure> {
    let set = DataSet::open(data, &|| false)?;
    let items = set.items.iter().filter(|item| item.class.is_some()).count();
    let (_, block) = config.place(card);
    let forwards = items * config.draws as usize;
    let gmac = card.blocks.get(block.wrapping_sub(1)).map_or(0.0, |info| info.cumulative_gmac);
    let parameter_bytes = card.parameters as u64 * 4;
    Ok(Estimate { items, forwards, gmac: gmac * forwards as f64, output_bytes: None, parameter_bytes })
}

fn text(found: &LabelBench, written: &[PathBuf]) -> String {
    let mut text = format!(
        "{}: {} users label of {} pictures each · {} at block {}, t {}\n\n",
        found.data, found.settings.seeds, found.pictures, found.network, found.block, found.timestep
    );
    let labels = &found.settings.labels;
    let mut rows = vec![vec!["labels".to_string()]];
    rows[0].extend(labels.iter().map(ToString::to_string));
    for &order in &found.settings.orders {
        let mut row = vec![order.to_string()];
        for &count in labels {
            let cell = found.summaries.iter().find(|cell| cell.order == order && cell.labels == count);
            row.push(cell.map_or_else(String::new, |cell| {
                let best = if cell.in_best_set { "*" } else { "" };
                let reach = 50.0 * (cell.ci_high - cell.ci_low);
                format!("{:.1} ±{reach:.1}{best}", 100.0 * cell.accuracy)
            }));
        }
        rows.push(row);
    }
    text += &table(&rows, &[]);
    text += "\nAccuracy in % on pictures never labelled, with half its 95 % interval; * cannot be told from the best.\n";
    for sentence in found.saving.iter().map(|saving| saving.sentence()).chain(found.coverage_sentence()) {
        text += &format!("{sentence}\n");
    }
    for path in written {
        text += &format!("{}\n", path.display());
    }
    text
}
