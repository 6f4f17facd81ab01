//! What more pictures would bring: the accuracy of a cell over pictures learned from, and its forecast.
//!
//! Every repeat deals the pictures to folds; what learns gets a few pictures of each class from the other
//! folds, and answers for the fold left out. So all pictures are tested on, none that was learned from.

use rayon::prelude::*;
use serde::Serialize;

use super::config::CurveConfig;
use crate::data::split::Chance;
use crate::error::Result;
use crate::heads::Rows;
use crate::study::measures::learning_curve::{LearningCurve, Measured, Needed, PowerLaw};
use crate::study::statistics::{Bootstrap, Tested, accuracy};
use crate::study::sweep::Learner;

/// Points along the band of the forecast.
const ALONG: usize = 49;
/// How many times the pictures at hand forecasts are told for.
const TIMES: [f64; 3] = [1.0, 2.0, 5.0];
/// Up to so many times the curve is drawn.
const FARTHEST: f64 = 5.0;
/// A target is at least so much above what the pictures at hand give, and a multiple of the other.
const TARGET: (f64, f64) = (0.02, 0.05);

/// A point of a learning curve: one row of `cell-curve.csv`. The fields' order is that of the columns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CurvePoint {
    /// Pictures of each class asked for.
    pub shots: usize,
    /// Pictures of each class learned from, on average.
    pub pictures: f64,
    /// The share recognised of pictures not learned from, the mean of all repeats.
    pub accuracy: f64,
    /// Lower end of its 95 % interval over repeats and pictures.
    pub ci_low: f64,
    /// Upper end.
    pub ci_high: f64,
    /// Repeats.
    pub repeats: usize,
    /// Pictures tested on.
    pub n: usize,
}

/// An accuracy to come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ForecastPoint {
    /// Pictures of each class.
    pub pictures: f64,
    /// The accuracy.
    pub accuracy: f64,
    /// Lower end of its 95 % interval: over repeats, for a curve that goes on as it began.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// What an accuracy takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Target {
    /// The accuracy, 0 to 1.
    pub accuracy: f64,
    /// Pictures of each class.
    pub needed: Needed,
}

/// A learning curve with its forecast.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CellCurve {
    /// What was measured.
    pub points: Vec<CurvePoint>,
    /// Pictures of each class at hand.
    pub at_hand: f64,
    /// The curve in pictures of each class; none with fewer than three points.
    pub law: Option<PowerLaw>,
    /// With the pictures at hand, twice and five times as many.
    pub forecasts: Vec<ForecastPoint>,
    /// Along the curve, from the first point to five times the pictures at hand.
    pub band: Vec<ForecastPoint>,
    /// What it takes to reach a target; none where the target would be more than 99 %.
    pub target: Option<Target>,
    /// In words.
    pub sentence: String,
}

/// Numbers of shots up to `most`: 1, 2, 5, 10 and so on.
fn ladder(most: usize) -> Vec<usize> {
    let decades = std::iter::successors(Some(1usize), |unit| unit.checked_mul(10));
    let steps = decades.flat_map(|unit| [1, 2, 5].map(|times| unit.saturating_mul(times)));
    let mut ladder: Vec<usize> = steps.take_while(|&shots| shots < most).collect();
    ladder.push(most);
    ladder
}

/// Pictures dealt to folds.
pub(super) struct Dealt<'a> {
    /// The class of each, and how many classes.
    pub labels: (&'a [usize], usize),
    /// Round after round, the fold of each.
    pub folds: &'a [Vec<usize>],
    /// Pictures of each class that were asked for.
    pub shots: usize,
}

/// One fold of one repeat.
struct Fold {
    repeat: usize,
    asked: Vec<usize>,
    /// By number of shots, how many were learned from and which of `asked` were recognised.
    found: Vec<(usize, Vec<bool>)>,
}

/// Measures the curve of `rows` and foretells it.
///
/// # Errors
/// What `watch` returns, or when features are not finite.
pub(super) fn curve(
    learner: &Learner,
    rows: &Rows,
    dealt: &Dealt<'_>,
    config: &CurveConfig,
    bootstrap: Bootstrap,
    watch: &(dyn Fn() -> Result<()> + Sync),
) -> Result<CellCurve> {
    let (labels, classes) = dealt.labels;
    let count = |folds: &Vec<usize>| folds.iter().max().map_or(1, |last| last + 1);
    let folds = dealt.folds.iter().map(count).max().unwrap_or(1);
    let most = (dealt.shots - dealt.shots.div_ceil(folds)).max(1);
    let mut shots = config.shots.clone().unwrap_or_else(|| ladder(most));
    shots.iter_mut().for_each(|shots| *shots = (*shots).min(most));
    shots.sort_unstable();
    shots.dedup();
    let tasks: Vec<(usize, usize)> =
        (0..config.repeats).flat_map(|repeat| (0..folds).map(move |fold| (repeat, fold))).collect();
    let of_task = |&(repeat, fold): &(usize, usize)| {
        let folds = &dealt.folds[repeat % dealt.folds.len()];
        let purpose = format!("learning curve {repeat} {fold}");
        let mut chance = Chance::new(bootstrap.seed, &purpose);
        let (asked, mut others): (Vec<usize>, Vec<usize>) =
            (0..rows.count()).partition(|&row| folds[row] == fold);
        chance.shuffle(&mut others);
        let questions = rows.pick(&asked);
        let with = |&shots: &usize| {
            watch()?;
            // Few pictures are among more.
            let mut of_class = vec![0; classes];
            let mut learned = others.clone();
            learned.retain(|&row| {
                of_class[labels[row]] += 1;
                of_class[labels[row]] <= shots
            });
            // Heads do not depend on the order but for rounding: this one is that of the pictures.
            learned.sort_unstable();
            let own: Vec<usize> = learned.iter().map(|&row| labels[row]).collect();
            let said = learner.answers(&rows.pick(&learned), (&own, classes), &questions)?;
            let right = asked.iter().zip(said).map(|(&row, said)| usize::from(said) == labels[row]);
            Ok((learned.len(), right.collect()))
        };
        let asks = if asked.is_empty() { &[][..] } else { &shots };
        let found = asks.iter().map(with).collect::<Result<Vec<_>>>()?;
        Ok(Fold { repeat, asked, found })
    };
    let done: Vec<Result<Fold>> = tasks.par_iter().map(of_task).collect();
    let done: Vec<Fold> = done.into_iter().collect::<Result<_>>()?;
    let mut points = Vec::new();
    let mut measured = Vec::new();
    for (at, &shots) in shots.iter().enumerate() {
        let with: Vec<&Fold> = done.iter().filter(|fold| !fold.found.is_empty()).collect();
        let learned: usize = with.iter().map(|fold| fold.found[at].0).sum();
        let tested = (0..config.repeats).map(|repeat| {
            let of_repeat = || with.iter().filter(|fold| fold.repeat == repeat);
            let images = of_repeat().flat_map(|fold| fold.asked.clone()).collect();
            Tested::on(images, of_repeat().flat_map(|fold| fold.found[at].1.clone()).collect())
        });
        let tested: Vec<Tested> = tested.collect::<Result<_>>()?;
        let estimate = accuracy(&tested, bootstrap)?;
        let pictures = learned as f64 / with.len().max(1) as f64 / classes as f64;
        let share = |tested: &Tested| tested.accuracy().value;
        measured.push(Measured { labels: pictures.max(1.0), accuracies: tested.iter().map(share).collect() });
        points.push(CurvePoint {
            shots,
            pictures,
            accuracy: estimate.value,
            ci_low: estimate.low,
            ci_high: estimate.high,
            repeats: config.repeats,
            n: rows.count(),
        });
    }
    let at_hand = rows.count() as f64 / classes as f64;
    if points.len() < 3 {
        let sentence = "A forecast needs pictures of each class for three points; add some.".to_string();
        let (law, target) = (None, None);
        return Ok(CellCurve {
            points,
            at_hand,
            law,
            forecasts: Vec::new(),
            band: Vec::new(),
            target,
            sentence,
        });
    }
    let found = LearningCurve::fit(&measured, bootstrap)?;
    let forecast = |pictures: f64| {
        let there = found.forecast(pictures);
        let [low, high] = there.interval.unwrap_or([there.value; 2]);
        ForecastPoint { pictures, accuracy: there.value, low, high }
    };
    let first = measured[0].labels;
    let place = |at: usize| {
        let share = at as f64 / (ALONG - 1) as f64;
        first * libm::pow(FARTHEST * at_hand / first, share)
    };
    let forecasts: Vec<ForecastPoint> = TIMES.map(|times| forecast(times * at_hand)).to_vec();
    let next = ((forecasts[0].accuracy + TARGET.0) / TARGET.1).ceil() * TARGET.1;
    let target = config.target.or((next < 0.99).then_some(next));
    let target = target.map(|accuracy| Target { accuracy, needed: found.labels_for(accuracy) });
    Ok(CellCurve {
        sentence: super::words::growth(&forecasts, target),
        points,
        at_hand,
        law: Some(found.law),
        band: (0..ALONG).map(|at| forecast(place(at))).collect(),
        forecasts,
        target,
    })
}

#[cfg(test)]
#[path = "curve_tests.rs"]
mod tests;
