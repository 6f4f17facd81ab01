//! `difscope cell`: what one cell of a sweep says of every picture, and what more pictures would bring.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::args::Everywhere;
use super::estimate::Estimate;
use super::output::{report, significant, table};
use super::session::{Interrupt, Opened, Session, unexpected};
use super::sweep::keep_features;
use super::{Failure, set};
use crate::data::dataset::DataSet;
use crate::error::Error;
use crate::features::extract::Blocks;
use crate::features::network::NetworkCard;
use crate::figure::Theme;
use crate::figure::write::refuse_existing;
use crate::jobs::{CellJob, Outcome};
use crate::study::cell::{
    CELL_FILES, CellConfig, CellCost, CellReport, CurveConfig, LabelFree, NoiseConfig, write_cell,
};
use crate::study::statistics::Estimate as Interval;
use crate::study::sweep::{Cell, Metric, Score, SweepConfig};
use crate::study::table::Features;

/// What `--help` shows under the flags.
pub const EXAMPLES: &str = "\
Examples:
  difscope cell bundled:fashion --b 12 --t 50 --out cell/
  difscope cell birds/ --b 24 --t 90 --pool 2 --shots 50 --noise-draws 4
  difscope cell garden/ --b 19 --t 90 --pictures 500     (a folder without classes)

Pictures, folds and answers are those of difscope sweep with the same settings.
Writes cell.json, cell-pictures.csv (answer, confidence, place on both maps and
nearest pictures of each), cell-classes.csv, cell-curve.csv, cell-noise.csv and
cell.png. Features that a sweep has kept with the same --project or --cache are
not computed again. Without classes there are neighbours and maps alone.";

/// Flags of `cell`.
#[derive(Args, Debug)]
pub struct CellArgs {
    /// The pictures, as for `difscope data`, or a folder of pictures without classes
    #[arg(value_name = "DATA")]
    pub data: PathBuf,
    /// The block [default: the network's own]
    #[arg(long = "b", visible_alias = "block", value_name = "B")]
    pub block: Option<usize>,
    /// The diffusion step [default: the network's own]
    #[arg(long = "t", value_name = "T")]
    pub timestep: Option<usize>,
    /// Pool maps to P×P [default: 1]
    #[arg(long, value_name = "P")]
    pub pool: Option<usize>,
    /// Pictures of each class to learn from [default: 20]
    #[arg(long, value_name = "N")]
    pub shots: Option<usize>,
    /// What learns: ridge, linear, knn or prototype [default: ridge]
    #[arg(long, value_name = "NAME")]
    pub score: Option<Score>,
    /// What is counted: accuracy, balanced-accuracy or macro-f1 [default: accuracy]
    #[arg(long, value_name = "NAME")]
    pub metric: Option<Metric>,
    /// Parts of the pictures that are answered by what learned from the others [default: 5]
    #[arg(long, value_name = "K")]
    pub folds: Option<usize>,
    /// Rounds of that [default: 5]
    #[arg(long, value_name = "K")]
    pub repeats: Option<usize>,
    /// Nearest pictures of each [default: 12]
    #[arg(long, value_name = "K")]
    pub neighbours: Option<usize>,
    /// Pictures at most where they have no classes [default: 1000]
    #[arg(long, value_name = "N")]
    pub pictures: Option<usize>,
    /// The accuracy that pictures are counted for, as in 0.9 [default: the next round one]
    #[arg(long, value_name = "SHARE")]
    pub target: Option<f64>,
    /// Noise draws to compare at several steps, 0 for none [default: 0]
    #[arg(long, value_name = "K")]
    pub noise_draws: Option<u32>,
    /// The steps of that [default: those of a sweep, and --t]
    #[arg(long, value_name = "LIST", value_delimiter = ',', requires = "noise_draws")]
    pub noise_t: Option<Vec<usize>>,
    /// Folder to write to, made if it is not there
    #[arg(long, value_name = "DIR", default_value = "difscope-cell")]
    pub out: PathBuf,
}

/// Looks into a cell and writes what is seen.
///
/// # Errors
/// When pictures, settings or the output cannot be used.
pub fn run(args: &CellArgs, everywhere: &Everywhere, interrupt: &Interrupt) -> Result<(), Failure> {
    config(args, everywhere, None)?.validate()?;
    for name in CELL_FILES {
        refuse_existing(&args.out.join(name), everywhere.force)?;
    }
    let mut session = Session::start(everywhere, interrupt)?;
    if !everywhere.estimate {
        keep_features(&mut session, everywhere)?;
    }
    let Opened { card, .. } = session.open_network(everywhere)?;
    let config = config(args, everywhere, Some(&card))?;
    if everywhere.estimate {
        return estimate(&config, &args.data, &card)?.print(everywhere.json);
    }
    let seen = match session.run(CellJob::new(config, args.data.clone())?)? {
        Outcome::Cell(seen) => seen,
        other => return Err(unexpected(&other)),
    };
    for note in &seen.notes {
        session.progress.note(note);
    }
    fs::create_dir_all(&args.out).map_err(Error::io("create", &args.out))?;
    let written = write_cell(&args.out, &seen, Theme::Light, everywhere.force)?;
    report(everywhere.json, &*seen, || text(&seen, &written))
}

/// The settings: flags, what they leave open, then `--set`.
fn config(
    args: &CellArgs,
    everywhere: &Everywhere,
    card: Option<&NetworkCard>,
) -> Result<CellConfig, Failure> {
    let block = args.block.or(card.map(NetworkCard::default_block)).unwrap_or(1);
    let timestep = args.timestep.or(card.map(NetworkCard::default_timestep)).unwrap_or(0);
    let (pool, shots) = (args.pool.unwrap_or(1), args.shots.unwrap_or(20));
    let plain = SweepConfig::default();
    let sweep = SweepConfig {
        blocks: Blocks::List(vec![block]),
        pools: vec![pool],
        score: args.score.unwrap_or(plain.score),
        metric: args.metric.unwrap_or(plain.metric),
        shots: vec![shots],
        folds: args.folds.unwrap_or(plain.folds),
        repeats: args.repeats.unwrap_or(plain.repeats),
        draws: everywhere.draws.unwrap_or(plain.draws),
        class: everywhere.class,
        seed: everywhere.seed.unwrap_or(plain.seed),
        ..plain
    };
    let plain = CellConfig::of(sweep, Cell { features: Features::Network, shots, pool, timestep, block });
    let config = CellConfig {
        neighbours: args.neighbours.unwrap_or(plain.neighbours),
        unlabelled: args.pictures.unwrap_or(plain.unlabelled),
        curve: CurveConfig { target: args.target, ..plain.curve },
        noise: NoiseConfig {
            draws: args.noise_draws.unwrap_or(plain.noise.draws),
            timesteps: args.noise_t.clone(),
            ..plain.noise
        },
        ..plain
    };
    set::apply(config, &everywhere.set)
}

fn estimate(config: &CellConfig, data: &Path, card: &Arc<NetworkCard>) -> Result<Estimate, Failure> {
    let set = DataSet::pictures(data, &|| false)?;
    let labelled = set.items.len() - set.unlabelled();
    let cost = CellCost::new(config, card, (labelled, set.classes.len(), set.items.len()))?;
    Ok(Estimate {
        items: cost.pictures,
        forwards: cost.forwards,
        gmac: cost.gmac,
        output_bytes: Some(cost.feature_bytes),
        parameter_bytes: card.parameters as u64 * 4,
    })
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn text(seen: &CellReport, written: &[PathBuf]) -> String {
    let mut text = format!(
        "{}: {} · {} pictures of {}\n",
        seen.network,
        seen.cell_name(),
        seen.pictures.len(),
        seen.data
    );
    if let Some(answers) = &seen.answers {
        let Interval { value, low, high } = answers.first;
        text +=
            &format!("{}: {} ({} to {})\n\n", answers.metric, percent(value), percent(low), percent(high));
        let share = |estimate: Option<Interval>| {
            estimate.map_or("–".into(), |e| {
                format!("{} ({} to {})", percent(e.value), percent(e.low), percent(e.high))
            })
        };
        let heading = ["class", "pictures", "recall", "precision", "F1"];
        let mut rows = vec![heading.map(String::from).to_vec()];
        rows.extend(answers.classes.iter().map(|row| {
            let count = row.support.to_string();
            vec![row.class.clone(), count, share(row.recall), share(row.precision), share(row.f1)]
        }));
        text += &table(&rows, &[0]);
    }
    text += &format!("\n{}\n", order(&seen.label_free));
    if let Some(curve) = &seen.curve {
        text += &format!("{}\n", curve.sentence);
    }
    if !seen.noise.is_empty() {
        let mut rows =
            vec![["t", "the same under other noise", "neighbours in common"].map(String::from).to_vec()];
        rows.extend(seen.noise.iter().map(|row| {
            let same = row.correlation.map_or("–".into(), percent);
            vec![row.timestep.to_string(), same, percent(row.agreement)]
        }));
        text += &format!("\n{}", table(&rows, &[]));
    }
    text += &format!(
        "\n{} forwards made and {} kept, {} s\n",
        seen.forwards.computed,
        seen.forwards.kept,
        significant(seen.seconds)
    );
    for path in written {
        text += &format!("{}\n", path.display());
    }
    text
}

/// What features say of their own order, in one line.
fn order(of: &LabelFree) -> String {
    let number = |value: Option<f64>| value.map_or("–".to_string(), |value| format!("{value:.3}"));
    let mut parts = vec![
        format!("silhouette of {} clusters {}", of.clusters, number(of.silhouette)),
        format!("uniformity {}", number(of.uniformity)),
    ];
    if let (Some(share), Some(chance)) = (of.same_class, of.same_class_by_chance) {
        let share =
            format!("neighbours of the same class {} ({} by chance)", percent(share), percent(chance));
        parts.insert(0, share);
        parts.push(format!("silhouette of the classes {}", number(of.class_silhouette)));
    }
    parts.join(" · ")
}
