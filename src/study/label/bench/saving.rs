//! What an order saves: labels by chance for the same accuracy.

use rayon::prelude::*;

use super::Saving;
use crate::data::split::Chance;
use crate::study::statistics::{Bootstrap, Tested, quantile};

/// Curves of each user by chance, and the other order at one number of labels; seed by seed.
pub(super) struct Curves<'a> {
    /// Numbers of labels, ascending.
    pub labels: Vec<usize>,
    /// `[seed][labels]`.
    pub chance: Vec<Vec<&'a Tested>>,
    /// `[seed]`, with [`Curves::at`] labels.
    pub other: Vec<&'a Tested>,
    pub at: usize,
}

impl Curves<'_> {
    pub fn saving(&self, bootstrap: Bootstrap) -> Saving {
        let seeds = self.other.len();
        let pictures = 1 + self.other.iter().flat_map(|tested| tested.images()).max().copied().unwrap_or(0);
        let (accuracy, whole) = self.ratio(&vec![1; seeds], &vec![1; pictures]);
        let draw = |number: usize| {
            let mut chance = Chance::new(bootstrap.seed, &format!("saving of an order {number}"));
            let mut times = |count: usize| {
                let mut times = vec![0u32; count];
                (0..count).for_each(|_| times[chance.below(count)] += 1);
                times
            };
            let of_seed = times(seeds);
            self.ratio(&of_seed, &times(pictures)).1.unwrap_or(f64::INFINITY)
        };
        let mut ratios: Vec<f64> = (0..bootstrap.resamples).into_par_iter().map(draw).collect();
        ratios.sort_by(f64::total_cmp);
        let end = |share: f64| {
            let at = quantile(&ratios, share);
            at.is_finite().then_some(at)
        };
        let most = self.labels.last().copied().unwrap_or(0) as f64 / self.at as f64;
        Saving { labels: self.at, accuracy, ratio: whole, ci_low: end(0.025), ci_high: end(0.975), most }
    }

    /// The accuracy of the other order and the ratio, with every seed and picture counted so many times.
    fn ratio(&self, of_seed: &[u32], of_picture: &[u32]) -> (f64, Option<f64>) {
        let target = mean(of_seed, of_picture, |seed| self.other[seed]);
        let at = |place: usize| mean(of_seed, of_picture, |seed| self.chance[seed][place]);
        let curve = (0..self.labels.len()).map(at).collect();
        (target, reaches(&self.labels, curve, target).map(|labels| labels / self.at as f64))
    }
}

/// The mean over seeds of the accuracy of each, with every seed and picture counted so many times.
fn mean<'a>(of_seed: &[u32], of_picture: &[u32], of: impl Fn(usize) -> &'a Tested) -> f64 {
    let (mut sum, mut whole) = (0.0, 0.0);
    for (seed, &times) in of_seed.iter().enumerate().filter(|(_, times)| **times > 0) {
        let tested = of(seed);
        let (mut hits, mut count) = (0u32, 0u32);
        for (&image, &correct) in tested.images().iter().zip(tested.correct()) {
            count += of_picture[image];
            hits += of_picture[image] * u32::from(correct);
        }
        if count > 0 {
            sum += f64::from(times) * f64::from(hits) / f64::from(count);
            whole += f64::from(times);
        }
    }
    if whole > 0.0 { sum / whole } else { f64::NAN }
}

/// The labels at which a curve reaches `target`: made to rise by its own means (isotonic), and straight over
/// the logarithm of labels between points. The first number of labels where it is reached at once; none
/// beyond the last.
fn reaches(labels: &[usize], curve: Vec<f64>, target: f64) -> Option<f64> {
    let curve = rising(curve);
    let first = curve.iter().position(|&accuracy| accuracy >= target)?;
    if first == 0 {
        return Some(labels[0] as f64);
    }
    let (low, high) = (curve[first - 1], curve[first]);
    let share = (target - low) / (high - low);
    let [from, to] = [labels[first - 1], labels[first]].map(|labels| libm::log(labels as f64));
    Some(libm::exp(from + share * (to - from)))
}

/// Pool adjacent violators.
fn rising(values: Vec<f64>) -> Vec<f64> {
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for value in values {
        let mut pool = (value, 1);
        while let Some(&(before, count)) = pools.last()
            && before > pool.0
        {
            pools.pop();
            let all = count + pool.1;
            pool = ((before * count as f64 + pool.0 * pool.1 as f64) / all as f64, all);
        }
        pools.push(pool);
    }
    pools.into_iter().flat_map(|(value, count)| std::iter::repeat_n(value, count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_read_backwards() {
        let labels = [10, 100, 1000];
        let at = |target| reaches(&labels, vec![0.5, 0.7, 0.9], target);
        assert!((at(0.6).unwrap() - 1000f64.sqrt()).abs() < 1e-9, "half way over the logarithm");
        assert_eq!((at(0.4), at(0.95)), (Some(10.0), None));
        assert!((at(0.9).unwrap() - 1000.0).abs() < 1e-9);
        assert_eq!(rising(vec![0.5, 0.9, 0.7, 0.8]), [0.5, 0.8, 0.8, 0.8]);
        assert!((reaches(&labels, vec![0.7, 0.5, 0.9], 0.75).unwrap() - 316.227_766).abs() < 1e-3);
    }

    /// Twice as many labels by chance: the ratio is two, and its interval holds it.
    #[test]
    fn the_ratio_has_an_interval_that_holds_it() {
        let tested = |share: f64, seed: usize| {
            let correct = (0..400).map(|image| ((image * 37 + seed * 11) % 400) as f64 / 400.0 < share);
            Tested::on((0..400).collect(), correct.collect()).unwrap()
        };
        let runs: Vec<Vec<Tested>> =
            (0..5).map(|seed| [0.6, 0.7, 0.8, 0.85].map(|share| tested(share, seed)).to_vec()).collect();
        let others: Vec<Tested> = (0..5).map(|seed| tested(0.8, seed + 7)).collect();
        let curves = Curves {
            labels: vec![50, 100, 200, 400],
            chance: runs.iter().map(|run| run.iter().collect()).collect(),
            other: others.iter().collect(),
            at: 100,
        };
        let found = curves.saving(Bootstrap { resamples: 300, seed: 1 });
        assert!((found.ratio.unwrap() - 2.0).abs() < 1e-9 && found.accuracy == 0.8 && found.most == 4.0);
        let (low, high) = (found.ci_low.unwrap(), found.ci_high.unwrap());
        assert!(low < 2.0 && high > 2.0 && low > 1.2 && high < 4.0, "{low} {high}");
    }
}
