//! What a sweep found: its table, what test pictures say, and the answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answer::{Answer, answer};
use super::answers::{Round, Scored};
use super::best_set::Drawn;
use super::cell::{Cell, SweepRow};
use super::config::{Metric, SweepConfig};
use super::gather::Forwards;
use super::metric::Rounds;
use super::news::SweepEnd;
use super::run::Best;
use super::work::Work;
use crate::error::Result;
use crate::features::Network;
use crate::study::statistics::{Bootstrap, Estimate};
use crate::study::table::Features;
use crate::unet::plan::BlockInfo;

/// A cell on the test pictures. The fields' order is that of the columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepTested {
    /// The block, from 1; 0 for raw pixels.
    pub block: usize,
    /// The diffusion step; 0 for raw pixels.
    pub timestep: usize,
    /// p of the p×p pool.
    pub pool: usize,
    /// What learned.
    pub score: String,
    /// Pictures of each class learned from.
    pub shots: usize,
    /// What the metric came to on the test pictures, 0 to 1.
    pub accuracy: f64,
    /// Lower end of its 95 % interval.
    pub ci_low: f64,
    /// Upper end.
    pub ci_high: f64,
    /// Test pictures.
    pub n: usize,
    /// Whether it is the cell that was chosen.
    pub is_best: bool,
    /// Whether it is the default setting.
    pub is_default: bool,
    /// Whose features.
    pub features: Features,
}

/// What a sweep found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepReport {
    /// The answer in words, for the most pictures learned from.
    pub sentence: String,
    /// The answers, one for each number of shots.
    pub answers: Vec<Answer>,
    /// The data set.
    pub data: String,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// The network.
    pub network: String,
    /// Its hash.
    pub network_hash: String,
    /// The settings.
    pub settings: SweepConfig,
    /// The block table of the network.
    pub blocks: Vec<BlockInfo>,
    /// Every cell, by cross-validation.
    pub rows: Vec<SweepRow>,
    /// What test pictures say of the best cells, the default one and the controls.
    pub tested: Vec<SweepTested>,
    /// Why no more cells were scored.
    pub end: SweepEnd,
    /// Rounds of cells scored.
    pub cells: Scored,
    /// Forwards.
    pub forwards: Forwards,
    /// Seconds of work.
    pub seconds: f64,
    /// What should be known, in sentences.
    pub notes: Vec<String>,
}

/// The report of a sweep that is done.
///
/// # Errors
/// When pictures or answers are missing.
pub(super) fn report(
    work: &Work,
    best: &BTreeMap<usize, Best>,
    end: SweepEnd,
    network: &Network,
    seconds: f64,
) -> Result<SweepReport> {
    let (mut rows, mut tested, mut answers) = (Vec::new(), Vec::new(), Vec::new());
    for face in &work.pictures.faces {
        let shots = face.shots;
        let Some((chosen, set)) = best.get(&shots) else { continue };
        let mut own = rows_of(work, &work.scored(shots), shots, Some(set))?;
        let of_random = work.tested.iter().map(|&cell| Cell { features: Features::RandomWeights, ..cell });
        let controls =
            work.plan.pixel_cells().into_iter().chain(of_random).filter(|cell| cell.shots == shots);
        let controls: Vec<(Cell, Rounds)> = controls
            .filter(|&cell| work.answers.has(cell, Round::Fold(0)))
            .map(|cell| (cell, work.answers.rounds(cell)))
            .collect();
        if !controls.is_empty() {
            own.extend(rows_of(work, &controls, shots, Some(&[]))?);
        }
        own.sort_by_key(|row| (row.features, row.pool, row.timestep, row.block));
        let default = work.plan.default_cell(shots);
        let (of_shots, gain) = tests(work, shots, *chosen, default)?;
        answers.push(answer(work, &own, &of_shots, gain, (*chosen, default)));
        rows.extend(own);
        tested.extend(of_shots);
    }
    let mut notes = work.pictures.notes.clone();
    notes.push(format!("No more was scored because {}.", end.words()));
    Ok(SweepReport {
        sentence: answers.last().map(|answer: &Answer| answer.sentence.clone()).unwrap_or_default(),
        answers,
        data: work.pictures.name().to_string(),
        classes: work.pictures.classes().to_vec(),
        network: network.card.name.clone(),
        network_hash: network.card.hash.clone(),
        settings: work.config.clone(),
        blocks: network.card.blocks.clone(),
        rows,
        tested,
        end,
        cells: work.answers.tally,
        forwards: work.reader.forwards,
        seconds,
        notes,
    })
}

/// The rows of `cells` with their intervals. Controls are no candidates for the best.
pub(super) fn rows_of(
    work: &Work,
    cells: &[(Cell, Rounds)],
    shots: usize,
    set: Option<&[Cell]>,
) -> Result<Vec<SweepRow>> {
    let rounds: Vec<&Rounds> = cells.iter().map(|(_, rounds)| rounds).collect();
    let (metric, bootstrap) = (work.config.metric, work.bootstrap());
    // Intervals of accuracy need no draws.
    let resamples = if metric == Metric::Accuracy { 0 } else { bootstrap.resamples };
    let drawn = Drawn::of(&rounds, metric, &work.truth(shots)?, Bootstrap { resamples, ..bootstrap });
    let estimates = drawn.estimates(metric)?;
    let n = work.pictures.face(shots)?.rows.len();
    let row = |(&(cell, _), estimate): (&(Cell, Rounds), Estimate)| SweepRow {
        block: cell.block,
        timestep: cell.timestep,
        pool: cell.pool,
        score: work.config.score.name().into(),
        shots,
        accuracy: estimate.value,
        ci_low: estimate.low,
        ci_high: estimate.high,
        n,
        in_best_set: match set {
            _ if cell.features.is_control() => Some(false),
            set => set.map(|set| set.contains(&cell)),
        },
        features: cell.features,
    };
    Ok(cells.iter().zip(estimates).map(row).collect())
}

/// What test pictures say of cells of so many shots, and by how much the chosen cell is better than the
/// default one, paired on these pictures.
fn tests(
    work: &Work,
    shots: usize,
    chosen: Cell,
    default: Cell,
) -> Result<(Vec<SweepTested>, Option<Estimate>)> {
    let of_random = work.tested.iter().map(|&cell| Cell { features: Features::RandomWeights, ..cell });
    let all = work.tested.iter().copied().chain(work.plan.pixel_cells()).chain(of_random);
    let cells: Vec<(Cell, Rounds)> = all
        .filter(|cell| cell.shots == shots)
        .filter_map(|cell| Some((cell, work.answers.test(cell)?)))
        .collect();
    let truth = work.test_truth();
    let rounds: Vec<&Rounds> = cells.iter().map(|(_, rounds)| rounds).collect();
    let drawn = Drawn::of(&rounds, work.config.metric, &truth, work.bootstrap());
    let estimates = drawn.estimates(work.config.metric)?;
    let place = |wanted: Cell| cells.iter().position(|(cell, _)| *cell == wanted);
    let gain = match (place(chosen), place(default)) {
        (Some(first), Some(second)) if first != second => Some(drawn.difference(first, second)),
        _ => None,
    };
    let row = |(&(cell, _), estimate): (&(Cell, Rounds), Estimate)| SweepTested {
        block: cell.block,
        timestep: cell.timestep,
        pool: cell.pool,
        score: work.config.score.name().into(),
        shots,
        accuracy: estimate.value,
        ci_low: estimate.low,
        ci_high: estimate.high,
        n: truth.labels.len(),
        is_best: cell == chosen,
        is_default: cell == default,
        features: cell.features,
    };
    Ok((cells.iter().zip(estimates).map(row).collect(), gain))
}
