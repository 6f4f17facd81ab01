//! `difscope sweep`: which blocks and steps tell the user's classes apart, or how features lie without
//! labels.

use std::fs;
use std::path::Path;

use super::args::Everywhere;
use super::estimate::Estimate;
use super::kept::{self, KeptSweep};
use super::output::{report, significant, table};
use super::session::{Interrupt, Opened, Session, unexpected};
use super::sweep_args::{MergeArgs, SweepArgs};
use super::{Failure, no_settings, set};
use crate::data::dataset::DataSet;
use crate::error::Error;
use crate::features::network::NetworkCard;
use crate::figure::Theme;
use crate::figure::write::refuse_existing;
use crate::jobs::{Engine, Event, Outcome, ShardJob, SweepJob};
use crate::study::sweep::{
    SWEEP_FILES, Supply, SweepConfig, SweepCost, SweepKeep, SweepPart, SweepParts, SweepReport, SweepRow,
    SweepTested, write_sweep,
};
use crate::study::table::Features;

/// Sweeps and writes the tables and the figure.
///
/// # Errors
/// When pictures, settings or the output cannot be used.
pub fn run(args: &SweepArgs, everywhere: &Everywhere, interrupt: &Interrupt) -> Result<(), Failure> {
    let config = config(args, everywhere)?;
    args.check_for(config.score)?;
    config.validate()?;
    let keep = keep(&args.out, everywhere)?;
    let mut session = Session::start(everywhere, interrupt)?;
    if !everywhere.estimate {
        keep_features(&mut session, everywhere)?;
    }
    let Opened { card, .. } = session.open_network(everywhere)?;
    if everywhere.estimate {
        return estimate(&config, &args.data, &card)?.print(everywhere.json);
    }
    if let Some(share) = args.shard {
        let part = match session.run(ShardJob::new(config, args.data.clone(), share, keep)?)? {
            Outcome::Sharded(part) => part,
            other => return Err(unexpected(&other)),
        };
        return report(everywhere.json, &*part, || text_of_part(&part, &args.out));
    }
    let job = SweepJob::new(config.clone(), args.data.clone(), Some(keep), None)?;
    let kept = keep_sweep(&config, &args.data, &card, &args.out, (&mut session, everywhere))?;
    sweep(job, kept, &args.out, &mut session, everywhere)
}

/// Joins the parts of a sweep, scores and writes it.
///
/// # Errors
/// When parts are missing or do not belong together, or the output cannot be used.
pub fn merge(args: &MergeArgs, everywhere: &Everywhere, interrupt: &Interrupt) -> Result<(), Failure> {
    no_settings(everywhere, "merge")?;
    let parts = SweepParts::read(&args.parts)?;
    let keep = keep(&args.out, everywhere)?;
    let mut session = Session::start(everywhere, interrupt)?;
    keep_features(&mut session, everywhere)?;
    let Opened { card, .. } = session.open_network(everywhere)?;
    let data = args.data.clone().unwrap_or_else(|| parts.note.data.clone());
    let config = parts.note.settings.clone();
    let job = SweepJob::new(config.clone(), data.clone(), Some(keep), Some(parts))?;
    let kept = keep_sweep(&config, &data, &card, &args.out, (&mut session, everywhere))?;
    sweep(job, kept, &args.out, &mut session, everywhere)
}

/// Begins the sweep in the project, if there is one.
///
/// # Errors
/// When it cannot be saved.
fn keep_sweep(
    config: &SweepConfig,
    data: &Path,
    card: &NetworkCard,
    out: &Path,
    (session, everywhere): (&mut Session, &Everywhere),
) -> Result<Option<KeptSweep>, Failure> {
    if everywhere.project.is_none() {
        return Ok(None);
    }
    let name = out.file_name().unwrap_or_default().to_string_lossy().into_owned();
    KeptSweep::begin(session, config, data, card, name).map(Some)
}

/// Where a sweep into `out` keeps what is done.
///
/// # Errors
/// When an output is there already.
fn keep(out: &Path, everywhere: &Everywhere) -> Result<SweepKeep, Failure> {
    for name in SWEEP_FILES {
        refuse_existing(&out.join(name), everywhere.force)?;
    }
    Ok(SweepKeep { folder: out.to_path_buf(), resume: everywhere.resume, force: everywhere.force })
}

/// Runs a sweep, writes what was found and tells it.
///
/// # Errors
/// When the sweep fails or the output cannot be written.
fn sweep(
    job: SweepJob,
    kept: Option<KeptSweep>,
    out: &Path,
    session: &mut Session,
    everywhere: &Everywhere,
) -> Result<(), Failure> {
    let mut see = |engine: &Engine, event: &Event| {
        if let Some(kept) = &kept {
            kept.see(engine, event);
        }
    };
    let came = session.run_seen(job, &mut see).and_then(|outcome| match outcome {
        Outcome::Swept(swept) => Ok(swept),
        other => Err(unexpected(&other)),
    });
    if let Some(kept) = kept {
        let saved = kept.end(session, came.as_ref());
        // Of two failures the first is told.
        came.as_ref().map_err(Clone::clone).and(saved)?;
    }
    let swept = came?;
    for note in &swept.notes {
        session.progress.note(note);
    }
    fs::create_dir_all(out).map_err(Error::io("create", out))?;
    write_sweep(out, &swept, Theme::Light, everywhere.force)?;
    SweepKeep::clear(out)?;
    report(everywhere.json, &*swept, || text(&swept, out))
}

fn text_of_part(part: &SweepPart, out: &Path) -> String {
    format!(
        "{}: part {} · {} pictures · {} forwards made and {} kept, {} s\njoin all parts with difscope merge\n",
        out.display(),
        part.share,
        part.pictures,
        part.forwards.computed,
        part.forwards.kept,
        significant(part.seconds)
    )
}

/// Keeps features beside the project, or in the folder that the user named.
///
/// # Errors
/// When the project cannot be opened.
pub(super) fn keep_features(session: &mut Session, everywhere: &Everywhere) -> Result<(), Failure> {
    match (&everywhere.project, &everywhere.cache) {
        (Some(_), _) => kept::open(session, everywhere),
        (None, Some(cache)) => {
            session.keep_features(cache.join("features"));
            Ok(())
        }
        (None, None) => Ok(()),
    }
}

fn config(args: &SweepArgs, everywhere: &Everywhere) -> Result<SweepConfig, Failure> {
    let plain = SweepConfig::default();
    let config = SweepConfig {
        blocks: args.blocks.clone().unwrap_or(plain.blocks),
        timesteps: args.timesteps.clone(),
        pools: args.pools.clone().unwrap_or(plain.pools),
        score: args.score.unwrap_or(plain.score),
        metric: args.metric.unwrap_or(plain.metric),
        shots: args.shots.clone().unwrap_or(plain.shots),
        folds: args.folds.unwrap_or(plain.folds),
        repeats: args.repeats.unwrap_or(plain.repeats),
        test: args.test.or(plain.test),
        pictures: args.pictures.unwrap_or(plain.pictures),
        clusters: args.clusters,
        neighbours: args.neighbours.unwrap_or(plain.neighbours),
        draws: everywhere.draws.unwrap_or(plain.draws),
        class: everywhere.class,
        seed: everywhere.seed.unwrap_or(plain.seed),
        budget: args.budget,
        ..plain
    };
    set::apply(config, &everywhere.set)
}

fn estimate(
    config: &SweepConfig,
    data: &Path,
    card: &std::sync::Arc<NetworkCard>,
) -> Result<Estimate, Failure> {
    let set = match config.score.needs_labels() {
        true => DataSet::open(data, &|| false)?,
        false => DataSet::pictures(data, &|| false)?,
    };
    let supply = Supply {
        pictures: set.items.len(),
        labelled: set.items.len() - set.unlabelled(),
        classes: set.classes.len(),
    };
    let cost = SweepCost::new(config, card, supply)?;
    Ok(Estimate {
        items: cost.pictures,
        forwards: cost.forwards,
        gmac: cost.gmac,
        output_bytes: Some(cost.feature_bytes),
        parameter_bytes: card.parameters as u64 * 4,
    })
}

fn text(swept: &SweepReport, out: &Path) -> String {
    let (rows, left) = match swept.settings.score.needs_labels() {
        true => (tested(swept), [0, 7]),
        false => (measured(swept), [0, 6]),
    };
    let sentences: Vec<String> = match &swept.answers[..] {
        [_] => vec![swept.sentence.clone()],
        many => {
            many.iter().map(|answer| format!("{} of each class: {}", answer.shots, answer.sentence)).collect()
        }
    };
    format!(
        "{}\n\n{}\n{} forwards made and {} kept, {} scores made and {} kept, {} s\n{}: tables and figure\n",
        sentences.join("\n"),
        table(&rows, &left),
        swept.forwards.computed,
        swept.forwards.kept,
        swept.cells.computed,
        swept.cells.kept,
        significant(swept.seconds),
        out.display()
    )
}

/// What a cell is, where it is the best or the default one.
fn mark(is_best: bool, is_default: bool) -> String {
    let word = match (is_best, is_default) {
        (true, true) => "best, default",
        (true, false) => "best",
        (false, true) => "default",
        (false, false) => "",
    };
    word.to_string()
}

/// The best cell, the default one and the controls, by a score without labels.
fn measured(swept: &SweepReport) -> Vec<Vec<String>> {
    let score = swept.settings.score;
    let scale = score.scale();
    let heading = ["", "block", "t", "pool", score.name(), "95 % interval", "features"];
    let answer = swept.answers.first().map(|answer| [answer.best, answer.default]);
    let is = |row: &SweepRow, which: usize| answer.is_some_and(|cells| cells[which] == row.cell());
    let shown = |row: &&SweepRow| row.features != Features::Network || is(row, 0) || is(row, 1);
    let line = |row: &SweepRow| {
        vec![
            mark(is(row, 0), is(row, 1)),
            row.block.to_string(),
            row.timestep.to_string(),
            row.pool.to_string(),
            scale.number(row.accuracy),
            format!("{} – {}", scale.number(row.ci_low), scale.number(row.ci_high)),
            row.features.name().to_string(),
        ]
    };
    let rows = swept.rows.iter().filter(shown).map(line);
    [heading.map(String::from).to_vec()].into_iter().chain(rows).collect()
}

/// What test pictures say of the best cells, the default one and the controls.
fn tested(swept: &SweepReport) -> Vec<Vec<String>> {
    let heading = ["", "block", "t", "pool", "shots", "test", "95 % interval", "features"];
    let mut rows = vec![heading.map(String::from).to_vec()];
    let shown = |row: &&SweepTested| row.features == Features::Network || is_beside(row, swept);
    rows.extend(swept.tested.iter().filter(shown).map(|row| {
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        vec![
            mark(row.is_best, row.is_default),
            row.block.to_string(),
            row.timestep.to_string(),
            row.pool.to_string(),
            row.shots.to_string(),
            percent(row.accuracy),
            format!("{} – {}", percent(row.ci_low), percent(row.ci_high)),
            row.features.name().to_string(),
        ]
    }));
    rows
}

/// Whether a control stands beside the cell chosen.
fn is_beside(row: &SweepTested, swept: &SweepReport) -> bool {
    row.features == Features::RawPixels
        || swept.answers.iter().any(|answer| {
            (row.block, row.timestep, row.pool, row.shots)
                == (answer.best.block, answer.best.timestep, answer.best.pool, answer.shots)
        })
}
