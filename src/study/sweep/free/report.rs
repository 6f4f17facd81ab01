//! What a sweep without labels found.

use super::run::about_intervals;
use super::work::{FreeWork, Standing};
use crate::features::Network;
use crate::figure::ticks::thousands;
use crate::study::sweep::answer::{Answer, Axes};
use crate::study::sweep::cell::{Cell, SweepRow};
use crate::study::sweep::config::SweepConfig;
use crate::study::sweep::news::SweepEnd;
use crate::study::sweep::report::SweepReport;
use crate::study::sweep::scores::Score;
use crate::study::sweep::table::SweepTable;
use crate::study::table::Features;

/// The report of a sweep that is done, whose best cell and those that cannot be told from it are given.
pub(super) fn report(
    work: &FreeWork,
    best: &(Cell, Vec<Cell>),
    end: Option<SweepEnd>,
    network: &Network,
    seconds: f64,
) -> SweepReport {
    let (chosen, set) = best;
    let measured = work.measured();
    let standing = work.standing(measured.clone(), work.config.resamples);
    let mut rows = work.rows(measured, Some(set));
    rows.extend(work.rows(work.controls.clone(), Some(&[])));
    rows.sort_by_key(|row| (row.features, row.pool, row.timestep, row.block));
    let answer = answer(work, &rows, &standing, (*chosen, set));
    let score = work.config.score;
    let mut notes = work.pictures.notes.clone();
    match score {
        Score::Silhouette => notes.push(format!("{} clusters by k-means.", work.measure.clusters)),
        Score::Agreement => notes.push(format!(
            "{} nearest neighbours of each picture; by chance {} of them would be the same.",
            work.measure.neighbours,
            score.scale().text(work.measure.chance().unwrap_or(0.0))
        )),
        Score::Alignment => {
            notes
                .push("Features that ignore the picture are aligned best: read it beside uniformity.".into());
        }
        Score::Uniformity => {
            notes.push("Noise alone is the most uniform: read it beside alignment or agreement.".into());
        }
        _ => {}
    }
    notes.push(about_intervals(score, work.config.resamples));
    if let Some(end) = end {
        notes.push(format!("No more was scored because {}.", end.words()));
    }
    SweepReport {
        sentence: answer.sentence.clone(),
        answers: vec![answer],
        data: work.pictures.labelled.set.name.clone(),
        classes: Vec::new(),
        network: network.card.name.clone(),
        network_hash: network.card.hash.clone(),
        settings: SweepConfig {
            clusters: (score == Score::Silhouette).then_some(work.measure.clusters),
            ..work.config.clone()
        },
        blocks: network.card.blocks.clone(),
        rows,
        tested: Vec::new(),
        end: end.unwrap_or(SweepEnd::Rounds),
        cells: work.answers.tally,
        forwards: work.reader.forwards,
        seconds,
        notes,
    }
}

fn answer(work: &FreeWork, rows: &[SweepRow], standing: &Standing, (best, set): (Cell, &[Cell])) -> Answer {
    let axes = Axes::of(&SweepTable::of(rows));
    let default = work.plan.default_cell(0);
    let source = work.plan.default_source();
    let gain = if best == default { None } else { standing.difference(best, default) };
    let row = |wanted: Cell| rows.iter().find(|row| row.cell() == wanted);
    let (score, scale) = (work.config.score, work.config.score.scale());
    let value = |row: &SweepRow| scale.interval(row.accuracy, row.ci_low, row.ci_high);
    let better = if scale.lower_is_better { "lower is better" } else { "higher is better" };
    let mut sentence = format!("By {score} ({better}) {}", axes.found(best, set));
    if let Some(row) = row(best) {
        // Where it stands alone it was just named.
        let name = if set.len() > 1 { axes.name(best) } else { "it".into() };
        sentence += &format!("; {name} comes to {}", value(row));
    }
    let name = axes.name(default);
    sentence += &match gain {
        None if best == default => format!("; it is the default setting ({source}). "),
        None => format!("; the default setting ({name}, {source}) was not measured. "),
        Some(gain) => {
            let apart = scale.interval(gain.value.abs(), gain.low, gain.high);
            let what = if set.contains(&default) { "cannot be told from it here" } else { "is worse here" };
            format!("; the default setting ({name}, {source}) {what} ({apart} apart). ")
        }
    };
    sentence += &beside(rows, best, |row| scale.text(row.accuracy), scale.lower_is_better);
    sentence += &format!(
        "Without labels: this says how {} pictures lie among themselves, and nothing about particular classes.",
        thousands(row(best).map_or(0, |row| row.n) as u64)
    );
    Answer {
        shots: 0,
        sentence,
        best,
        in_best_set: set.len(),
        cells: rows.iter().filter(|row| row.features == Features::Network).count(),
        default,
        default_source: source.to_string(),
        gain,
    }
}

/// What pixels and random weights come to, in a sentence.
fn beside(
    rows: &[SweepRow],
    best: Cell,
    text: impl Fn(&SweepRow) -> String,
    lower_is_better: bool,
) -> String {
    let sign = if lower_is_better { -1.0 } else { 1.0 };
    let pixels = rows.iter().filter(|row| row.features == Features::RawPixels);
    let pixels = pixels.max_by(|a, b| (sign * a.accuracy).total_cmp(&(sign * b.accuracy)));
    let random = rows.iter().find(|row| row.cell() == Cell { features: Features::RandomWeights, ..best });
    match (pixels, random) {
        (Some(pixels), Some(random)) => format!(
            "Raw pixels come to {}, random weights at the same place to {}. ",
            text(pixels),
            text(random)
        ),
        (Some(pixels), None) => format!("Raw pixels come to {}. ", text(pixels)),
        (None, Some(random)) => format!("Random weights at the same place come to {}. ", text(random)),
        (None, None) => String::new(),
    }
}
