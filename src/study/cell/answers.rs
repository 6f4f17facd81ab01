//! What a cell says of the pictures learned from, each answered by what learned from the other folds.

use rayon::prelude::*;
use serde::Serialize;

use super::config::CellConfig;
use crate::error::Result;
use crate::heads::{Rows, softmax_rows};
use crate::study::statistics::{Bootstrap, Estimate, between, times_drawn, wilson};
use crate::study::sweep::{Drawn, Learner, Metric, Rounds, Said, Truth, top};

/// How a cell does in cross-validation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CellAnswers {
    /// What is counted.
    pub metric: Metric,
    /// What the first round comes to: everything below is of this round.
    pub first: Estimate,
    /// The mean of all rounds, as a sweep tells it of cells that may be the best.
    pub all: Estimate,
    /// Each round.
    pub rounds: Vec<f64>,
    /// `[true class][answer]`, in pictures.
    pub confusion: Vec<Vec<usize>>,
    /// Each class.
    pub classes: Vec<ClassScore>,
}

/// How a cell does on one class, with 95 % intervals over pictures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassScore {
    /// Its name.
    pub class: String,
    /// Its pictures.
    pub support: usize,
    /// Pictures taken for it.
    pub predicted: usize,
    /// The share of its pictures that are recognised.
    pub recall: Option<Estimate>,
    /// The share of the pictures taken for it that are of it.
    pub precision: Option<Estimate>,
    /// 2·hits / (support + predicted).
    pub f1: Option<Estimate>,
}

/// Each picture's answer in the first round, and the answers of all rounds.
pub(super) struct Spoken {
    /// How sure the first answer was, 0 to 1.
    pub confidence: Vec<f32>,
    /// Round after round.
    pub rounds: Rounds,
}

/// Lets the cell speak in every round of `folds`.
///
/// # Errors
/// What `watch` returns, or when features are not finite.
pub(super) fn speak(
    learner: &Learner,
    rows: &Rows,
    (labels, classes): (&[usize], usize),
    folds: &[Vec<usize>],
    watch: &(dyn Fn() -> Result<()> + Sync),
) -> Result<Spoken> {
    let logits: Vec<Result<Vec<f32>>> = (folds.par_iter())
        .map(|folds| learner.cross_validated_logits(rows, (labels, classes), folds, watch))
        .collect();
    let logits: Vec<Vec<f32>> = logits.into_iter().collect::<Result<_>>()?;
    let said = |logits: &Vec<f32>| logits.chunks_exact(classes).map(top).collect::<Vec<Said>>();
    let rounds: Rounds = logits.iter().map(said).collect();
    let sure = softmax_rows(logits.first().map_or(&[][..], |first| first), classes);
    let first = rounds.first().map_or(&[][..], |first| first);
    let confidence = sure.chunks_exact(classes).zip(first).map(|(row, &said)| row[usize::from(said)]);
    Ok(Spoken { confidence: confidence.collect(), rounds })
}

/// What the answers come to.
///
/// # Errors
/// When there is no picture.
pub(super) fn answers(
    spoken: &Spoken,
    (labels, names): (&[usize], &[String]),
    config: &CellConfig,
) -> Result<CellAnswers> {
    let truth = Truth { labels, classes: names.len() };
    let metric = config.sweep.metric;
    let bootstrap = Bootstrap { resamples: config.sweep.resamples, seed: config.sweep.seed };
    // Intervals of accuracy need no draws.
    let resamples = if metric == Metric::Accuracy { 0 } else { bootstrap.resamples };
    let first: Rounds = spoken.rounds.iter().take(1).cloned().collect();
    let drawn = Drawn::of(&[&first, &spoken.rounds], metric, &truth, Bootstrap { resamples, ..bootstrap });
    let estimates = drawn.estimates(metric)?;
    let once = truth.once();
    let value = |round: &Vec<Said>| truth.value(metric, std::slice::from_ref(round), &once);
    let said: &[Said] = first.first().map_or(&[], |first| first);
    let mut confusion = vec![vec![0; names.len()]; names.len()];
    labels.iter().zip(said).for_each(|(&label, &said)| confusion[label][usize::from(said)] += 1);
    let draws = f1_draws(labels, said, names.len(), bootstrap);
    let score = |(class, name): (usize, &String)| {
        let hits = confusion[class][class];
        let support: usize = confusion[class].iter().sum();
        let predicted: usize = confusion.iter().map(|row| row[class]).sum();
        let f1 = match hits {
            0 => wilson(0, support).ok(),
            // Where all answers are right, drawing tells nothing.
            _ if hits == support && hits == predicted => wilson(support, support).ok(),
            _ => Some(between(2.0 * hits as f64 / (support + predicted) as f64, draws[class].clone())),
        };
        ClassScore {
            class: name.clone(),
            support,
            predicted,
            recall: wilson(hits, support).ok(),
            precision: wilson(hits, predicted).ok(),
            f1,
        }
    };
    Ok(CellAnswers {
        metric,
        first: estimates[0],
        all: estimates[1],
        rounds: spoken.rounds.iter().map(value).collect(),
        classes: names.iter().enumerate().map(score).collect(),
        confusion,
    })
}

/// F1 of each class over pictures drawn anew, where it has pictures among them.
fn f1_draws(labels: &[usize], said: &[Said], classes: usize, bootstrap: Bootstrap) -> Vec<Vec<f64>> {
    let draw = |draw: u64| {
        let times = times_drawn(labels.len(), draw, bootstrap.seed);
        let mut counts = vec![[0u32; 3]; classes];
        for ((&label, &said), &times) in labels.iter().zip(said).zip(&times) {
            let said = usize::from(said);
            counts[label][1] += times;
            counts[said][2] += times;
            counts[label][0] += if said == label { times } else { 0 };
        }
        counts
    };
    let draws: Vec<Vec<[u32; 3]>> = (0..bootstrap.resamples as u64).into_par_iter().map(draw).collect();
    let of_class = |class: usize| {
        let with = draws.iter().map(|draw| draw[class]).filter(|[_, support, _]| *support > 0);
        with.map(|[hits, support, taken]| 2.0 * f64::from(hits) / f64::from(support + taken)).collect()
    };
    (0..classes).map(of_class).collect()
}
