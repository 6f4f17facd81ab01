//! What an accuracy is worth: intervals, and differences between heads on the same pictures.
//!
//! All intervals are of 95 %. Nothing here corrects for the number of comparisons: each is made as if
//! it were the only one.

mod binomial;
mod resample;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use binomial::{at_most_half, exactly_half};
use resample::{Design, resample};

pub(super) use resample::times_drawn;

/// The 97.5 % point of the standard normal distribution, so that ±[`Z95`] holds 95 %.
pub const Z95: f64 = 1.959_963_984_540_054;

/// A number with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The number itself; never outside the interval.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Estimate {
    /// Whether the interval holds `value`, ends included.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// The pictures tested on in one run (one seed), and which of them were recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tested {
    images: Vec<usize>,
    correct: Vec<bool>,
}

impl Tested {
    /// Tested on `images`, which are numbers of the caller's choice: the same number is the same picture
    /// in every run. Runs of several seeds may be tested on the same pictures, on others, or on some of
    /// both.
    ///
    /// # Errors
    /// When there is no picture, or the lengths differ.
    pub fn on(images: Vec<usize>, correct: Vec<bool>) -> Result<Tested> {
        if images.len() != correct.len() {
            let text = format!("{} results for {} pictures", correct.len(), images.len());
            return Err(Error::Compute(text));
        }
        if images.is_empty() {
            return Err(Error::Setting("there is no picture to test on; test on one or more".into()));
        }
        Ok(Tested { images, correct })
    }

    /// The pictures' numbers.
    pub fn images(&self) -> &[usize] {
        &self.images
    }

    /// Which of them were recognised, in the same order.
    pub fn correct(&self) -> &[bool] {
        &self.correct
    }

    /// How many were recognised.
    pub fn hits(&self) -> usize {
        self.correct.iter().filter(|&&correct| correct).count()
    }

    /// The share that was recognised, with its [`wilson`] interval.
    pub fn accuracy(&self) -> Estimate {
        score_interval(self.hits(), self.correct.len())
    }
}

/// How chance is imitated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bootstrap {
    /// How often seeds and pictures are drawn; 100 to 1,000,000.
    pub resamples: usize,
    /// Which draws; the same seed gives the same interval, to the bit, on any number of threads.
    pub seed: u64,
}

impl Bootstrap {
    /// Refuses numbers of draws that make no interval, or take forever.
    pub(super) fn check(self) -> Result<()> {
        match (100..=1_000_000).contains(&self.resamples) {
            true => Ok(()),
            false => Err(Error::Setting(format!(
                "{} resamples make no interval; choose 100 to 1000000, 2000 is enough for most",
                self.resamples
            ))),
        }
    }
}

impl Default for Bootstrap {
    fn default() -> Bootstrap {
        Bootstrap { resamples: 2000, seed: 0 }
    }
}

/// The share `hits` of `count` pictures with Wilson's score interval (Wilson 1927, without continuity
/// correction).
///
/// # Errors
/// When there is no picture, or more hits than pictures.
pub fn wilson(hits: usize, count: usize) -> Result<Estimate> {
    if count == 0 || hits > count {
        let text = format!("{hits} of {count} pictures is no share; test on one picture or more");
        return Err(Error::Setting(text));
    }
    Ok(score_interval(hits, count))
}

/// [`wilson`] for a share that is known to be one.
fn score_interval(hits: usize, count: usize) -> Estimate {
    score_of(hits as f64 / count as f64, count as f64)
}

/// The share `share` of all answers about `pictures` pictures, as many about each, with Wilson's interval
/// over the pictures: of one answer it is [`wilson`], of several it holds the truth at least as often.
///
/// # Errors
/// When there is no picture, or it is no share.
pub fn wilson_of_share(share: f64, pictures: usize) -> Result<Estimate> {
    if pictures == 0 || !(0.0..=1.0).contains(&share) {
        let text = format!("{share} of {pictures} pictures is no share; test on one picture or more");
        return Err(Error::Setting(text));
    }
    Ok(score_of(share, pictures as f64))
}

/// The share `hits` of `count` pictures drawn by chance, none twice, from `population`: the share in all of
/// these, with [`wilson`]'s interval for as many more pictures as make up for those already seen. It is the
/// number itself where all were drawn.
///
/// # Errors
/// As [`wilson`], and when more were drawn than there are.
pub fn wilson_of_finite(hits: usize, count: usize, population: usize) -> Result<Estimate> {
    let plain = wilson(hits, count)?;
    if count > population {
        let text = format!("{count} pictures were not drawn from {population}");
        return Err(Error::Setting(text));
    }
    let value = plain.value;
    if count == population {
        return Ok(Estimate { value, low: value, high: value });
    }
    let larger = count as f64 * (population - 1) as f64 / (population - count) as f64;
    let Estimate { low, high, .. } = score_of(value, larger);
    // What was seen is certain.
    let of_all = |right: usize| right as f64 / population as f64;
    Ok(Estimate { value, low: low.max(of_all(hits)), high: high.min(1.0 - of_all(count - hits)) })
}

/// The share `p` of `n` pictures, with Wilson's interval.
fn score_of(p: f64, n: f64) -> Estimate {
    let z2 = Z95 * Z95;
    let middle = p + z2 / (2.0 * n);
    let reach = Z95 * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    let end = |at: f64| at / (1.0 + z2 / n);
    // At no and at all hits the ends are 0 and 1; rounding must not say otherwise.
    let low = if p <= 0.0 { 0.0 } else { end(middle - reach).max(0.0) };
    let high = if p >= 1.0 { 1.0 } else { end(middle + reach).min(1.0) };
    Estimate { value: p, low, high }
}

/// The mean over seeds of the accuracy, with its interval: [`wilson`] for one seed; for several the
/// percentiles of a bootstrap that draws seeds and pictures, both with replacement. A picture drawn
/// twice counts twice in every seed that was tested on it.
///
/// Where every picture was recognised in every seed, or none was, drawing tells nothing: the end that is
/// not 0 or 1 is then Wilson's, over the different pictures. Three seeds or fewer tell little of the
/// spread between seeds.
///
/// # Errors
/// When there is no seed, or too few or too many resamples.
pub fn accuracy(seeds: &[Tested], bootstrap: Bootstrap) -> Result<Estimate> {
    if let [one] = seeds {
        return Ok(one.accuracy());
    }
    let design = Design::of(seeds)?;
    let values = seeds.iter().map(|seed| seed.correct.iter().map(|&c| i8::from(c)).collect()).collect();
    let estimate = interval(&design, values, bootstrap)?;
    let pictures = design.pictures();
    Ok(match estimate.value {
        0.0 => score_interval(0, pictures),
        1.0 => score_interval(pictures, pictures),
        _ => estimate,
    })
}

/// The accuracy of `first` minus that of `second`, means over seeds, on the same pictures; a bootstrap
/// that draws seeds and pictures for both at once. An interval without 0 tells the two apart.
///
/// # Errors
/// When the two were not tested on the same pictures in the same order, seed by seed; and as
/// [`accuracy`].
pub fn difference(first: &[Tested], second: &[Tested], bootstrap: Bootstrap) -> Result<Estimate> {
    let design = Design::of(first)?;
    interval(&design, paired(first, second)?, bootstrap)
}

/// Which of `runs` (each a list over the same seeds, tested on the same pictures) cannot be told from
/// the one with the highest mean accuracy: their paired [`difference`] from it holds 0. The best is one
/// of them.
///
/// Few pictures make percentile intervals too short: with fewer than about 30 pictures on which two
/// heads disagree, look at [`mcnemar`] as well.
///
/// # Errors
/// As [`difference`], and when there is no run.
pub fn not_distinguishable_from_best(runs: &[Vec<Tested>], bootstrap: Bootstrap) -> Result<Vec<bool>> {
    let Some(first) = runs.first() else {
        return Err(Error::Setting("there is no run to find the best of".into()));
    };
    let design = Design::of(first)?;
    // The first of equally good ones.
    let mut best = (first, f64::NEG_INFINITY);
    for run in runs {
        let mean = run.iter().map(|seed| seed.hits() as f64 / seed.correct.len() as f64).sum::<f64>();
        if mean > best.1 {
            best = (run, mean);
        }
    }
    let differences = runs.iter().map(|run| paired(run, best.0)).collect::<Result<Vec<_>>>()?;
    Ok(intervals(&design, &differences, bootstrap)?.iter().map(|estimate| estimate.contains(0.0)).collect())
}

/// McNemar's test of two heads on the same pictures: whether those that only one of them recognises are
/// split evenly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct McNemar {
    /// Pictures that only the first recognises.
    pub only_first: usize,
    /// Pictures that only the second recognises.
    pub only_second: usize,
    /// The exact two-sided p: twice the smaller tail of the binomial distribution with ½, at most 1.
    pub p: f64,
    /// Its mid-p: the observed split counts half (Fagerland, Lydersen and Laake 2013). Less cautious,
    /// without a continuity correction.
    pub mid_p: f64,
}

/// The exact test, and its mid-p.
///
/// # Errors
/// When the two lists differ in length or are empty.
pub fn mcnemar(first: &[bool], second: &[bool]) -> Result<McNemar> {
    if first.len() != second.len() || first.is_empty() {
        let text = format!("{} and {} results are not of the same pictures", first.len(), second.len());
        return Err(Error::Compute(text));
    }
    let only = |one: &[bool], other: &[bool]| one.iter().zip(other).filter(|&(&a, &b)| a && !b).count();
    let (only_first, only_second) = (only(first, second), only(second, first));
    let (least, all) = (only_first.min(only_second), only_first + only_second);
    let tails = 2.0 * at_most_half(least, all);
    // An even split is as even as can be: its tails overlap, and both p are 1.
    let even = only_first == only_second;
    let p = if even { 1.0 } else { tails.min(1.0) };
    let mid_p = if even { 1.0 } else { (tails - exactly_half(least, all)).clamp(0.0, 1.0) };
    Ok(McNemar { only_first, only_second, p, mid_p })
}

/// `first` minus `second` for every picture of every seed.
fn paired(first: &[Tested], second: &[Tested]) -> Result<Vec<Vec<i8>>> {
    let same = first.len() == second.len() && first.iter().zip(second).all(|(a, b)| a.images == b.images);
    if !same {
        return Err(Error::Compute("two runs were not tested on the same pictures, seed by seed".into()));
    }
    let minus = |(&a, &b): (&bool, &bool)| i8::from(a) - i8::from(b);
    let rows = first.iter().zip(second).map(|(a, b)| a.correct.iter().zip(&b.correct).map(minus).collect());
    Ok(rows.collect())
}

fn interval(design: &Design, values: Vec<Vec<i8>>, bootstrap: Bootstrap) -> Result<Estimate> {
    let estimates = intervals(design, &[values], bootstrap)?;
    estimates.into_iter().next().ok_or_else(|| Error::Compute("an interval is missing".into()))
}

/// The mean over seeds and pictures of each of `sets` (`[seed][image]`), with percentiles over the same
/// draws.
fn intervals(design: &Design, sets: &[Vec<Vec<i8>>], bootstrap: Bootstrap) -> Result<Vec<Estimate>> {
    bootstrap.check()?;
    let whole = design.as_it_is(sets);
    let drawn = resample(design, sets, bootstrap);
    Ok(whole
        .into_iter()
        .enumerate()
        .map(|(set, value)| between(value, drawn.iter().map(|draw| draw[set]).collect()))
        .collect())
}

/// `value` between the percentiles of `draws` of it.
pub(super) fn between(value: f64, mut draws: Vec<f64>) -> Estimate {
    draws.sort_by(f64::total_cmp);
    let (low, high) = (quantile(&draws, 0.025), quantile(&draws, 0.975));
    // Where all draws agree with the whole, rounding must not say otherwise.
    Estimate { value, low: low.min(value), high: high.max(value) }
}

/// The quantile of ascending `values`, linear between neighbours (type 7 of Hyndman and Fan 1996).
pub(super) fn quantile(values: &[f64], share: f64) -> f64 {
    let at = share * values.len().saturating_sub(1) as f64;
    let (below, part) = (at.floor() as usize, at.fract());
    let low = values.get(below).copied().unwrap_or(f64::NAN);
    let high = values.get(below + 1).copied().unwrap_or(low);
    low + (high - low) * part
}

#[cfg(test)]
mod tests;
