//! What noise does to features: how much of their variance lies between pictures, and how much between
//! noise draws of the same picture.
//!
//! A one-way analysis of variance with pictures at random, summed over features; the intraclass
//! correlation is ICC(1) of Shrout and Fleiss (1979).

use rayon::prelude::*;
use serde::Serialize;

use super::Watch;
use super::vectors::{centred, exact_distance2, square};
use crate::data::split::Chance;
use crate::error::{Error, Result};
use crate::heads::Rows;
use crate::study::statistics::{Bootstrap, Estimate, between};
use crate::tensor::rows::PackedRows;

/// Resamples between two looks at the watch.
const BLOCK: usize = 64;

/// Where the variance of features comes from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Pictures.
    pub pictures: usize,
    /// Noise draws of each.
    pub draws: usize,
    /// Variance between pictures, summed over features, without what noise adds to their means. Where
    /// noise is all there is, it may be estimated a little below 0.
    pub between: f64,
    /// Variance between draws of a picture, summed over features.
    pub within: f64,
    /// The share that lies between pictures: 1 where noise changes nothing, about 0 where pictures cannot
    /// be told apart; its 95 % interval is from a bootstrap over pictures. None where all features are
    /// the same.
    pub correlation: Option<Estimate>,
}

/// Sums over pictures that a resample weighs anew.
struct Pictures {
    draws: usize,
    width: usize,
    /// Squared distances of draws from their mean, summed, of each picture.
    inside: Vec<f64>,
    /// Squared distance of each picture's mean from that of all.
    outside: Vec<f64>,
    /// Means of pictures about that of all, `[n, d]`; or products of these with one another, `[n, n]`,
    /// where there are fewer pictures than features.
    means: Vec<f32>,
    products: bool,
}

impl Pictures {
    fn of(draws: &[Rows]) -> Result<Pictures> {
        let first = draws.first().filter(|_| draws.len() > 1);
        let first = first.ok_or_else(|| {
            Error::Setting("what noise does is seen from two draws of each picture on; add draws".into())
        })?;
        let (count, width) = (first.count(), first.width());
        if draws.iter().any(|rows| (rows.count(), rows.width()) != (count, width)) {
            return Err(Error::Compute("noise draws of other pictures were compared".into()));
        }
        if count < 2 {
            return Err(Error::Setting("what noise does needs at least two pictures".into()));
        }
        let mean = |row: usize| {
            let value = |column: usize| {
                let sum: f64 = draws.iter().map(|rows| f64::from(rows.row(row)[column])).sum();
                (sum / draws.len() as f64) as f32
            };
            (0..width).map(value).collect::<Vec<f32>>()
        };
        let means: Vec<f32> = (0..count).flat_map(mean).collect();
        let inside = means
            .chunks_exact(width)
            .enumerate()
            .map(|(row, mean)| draws.iter().map(|rows| exact_distance2(rows.row(row), mean)).sum::<f64>());
        let inside = inside.collect();
        let means = centred(&Rows::new(width, means)?);
        let outside = means.chunks_exact(width).map(square).collect();
        let products = count < width;
        let means = if products { PackedRows::new(&means, width).products(&means) } else { means };
        Ok(Pictures { draws: draws.len(), width, inside, outside, means, products })
    }

    /// Variance between pictures and within, each picture counted so many times.
    fn variances(&self, times: &[u32]) -> [f64; 2] {
        let count = f64::from(times.iter().sum::<u32>());
        let draws = self.draws as f64;
        let weighed =
            |of: &[f64]| of.iter().zip(times).map(|(of, &times)| of * f64::from(times)).sum::<f64>();
        let counted = || times.iter().enumerate().filter(|&(_, &times)| times > 0);
        let off_centre: f64 = if self.products {
            let row = |(row, &times): (usize, &u32)| {
                let products = &self.means[row * self.inside.len()..][..self.inside.len()];
                let sum = counted().map(|(other, &times)| f64::from(products[other]) * f64::from(times));
                f64::from(times) * sum.sum::<f64>()
            };
            counted().map(row).sum()
        } else {
            let mut sums = vec![0f64; self.width];
            for (row, &times) in counted() {
                let mean = &self.means[row * self.width..][..self.width];
                sums.iter_mut().zip(mean).for_each(|(sum, &v)| *sum += f64::from(times) * f64::from(v));
            }
            sums.iter().map(|sum| sum * sum).sum()
        };
        let outside = (weighed(&self.outside) - off_centre / count).max(0.0);
        let within = weighed(&self.inside) / (count * (draws - 1.0));
        [(draws * outside / (count - 1.0) - within) / draws, within]
    }
}

fn share([between, within]: [f64; 2]) -> Option<f64> {
    let share = between / (between + within);
    (between + within > 0.0 && share.is_finite()).then_some(share)
}

/// Where the variance of features comes from: each of `draws` has the features of the same pictures in
/// the same order under noise of its own. `watch` gets resamples done and all.
///
/// # Errors
/// When there are fewer than two draws or pictures, or they do not fit together; what `watch` returns.
pub fn spread(draws: &[Rows], bootstrap: Bootstrap, watch: Watch<'_>) -> Result<Spread> {
    bootstrap.check()?;
    let pictures = Pictures::of(draws)?;
    let count = pictures.inside.len();
    let whole = pictures.variances(&vec![1; count]);
    let draw = |number: usize| {
        let mut chance = Chance::new(bootstrap.seed, &format!("pictures with noise {number}"));
        let mut times = vec![0u32; count];
        (0..count).for_each(|_| times[chance.below(count)] += 1);
        share(pictures.variances(&times))
    };
    let mut drawn = Vec::with_capacity(bootstrap.resamples);
    for first in (0..bootstrap.resamples).step_by(BLOCK) {
        watch(first, bootstrap.resamples)?;
        let block = first..bootstrap.resamples.min(first + BLOCK);
        // Where one picture is all that was drawn, and it never varies, there is no share.
        drawn.extend(block.into_par_iter().map(draw).collect::<Vec<_>>().into_iter().flatten());
    }
    watch(bootstrap.resamples, bootstrap.resamples)?;
    Ok(Spread {
        pictures: count,
        draws: draws.len(),
        between: whole[0],
        within: whole[1],
        correlation: share(whole).map(|value| between(value, drawn)),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::study::measures::unwatched;
    use crate::tensor::rng::standard_normal;

    const FEW: Bootstrap = Bootstrap { resamples: 200, seed: 1 };

    /// Pictures of variance `between²` in each feature, and draws of variance `within²`.
    fn made(seed: u8, [pictures, draws, width]: [usize; 3], between: f32, within: f32) -> Vec<Rows> {
        let own = standard_normal(&[seed; 32], pictures * width);
        let of_draw = |draw: usize| {
            let noise = standard_normal(&[seed ^ (100 + draw as u8); 32], pictures * width);
            let values = own.iter().zip(noise).map(|(own, noise)| 3.0 + between * own + within * noise);
            Rows::new(width, values.collect()).unwrap()
        };
        (0..draws).map(of_draw).collect()
    }

    /// By the formulas of the analysis of variance, feature by feature.
    fn slow(draws: &[Rows], pictures: &[usize]) -> [f64; 2] {
        let (n, k) = (pictures.len() as f64, draws.len() as f64);
        let mut variances = [0.0; 2];
        for column in 0..draws[0].width() {
            let value = |row: usize, draw: usize| f64::from(draws[draw].row(row)[column]);
            let mean = |row: usize| (0..draws.len()).map(|draw| value(row, draw)).sum::<f64>() / k;
            let grand = pictures.iter().map(|&row| mean(row)).sum::<f64>() / n;
            let msb = k * pictures.iter().map(|&row| (mean(row) - grand).powi(2)).sum::<f64>() / (n - 1.0);
            let inside = |row: usize| {
                (0..draws.len()).map(move |draw| (value(row, draw) - mean(row)).powi(2)).sum::<f64>()
            };
            let msw = pictures.iter().map(|&row| inside(row)).sum::<f64>() / (n * (k - 1.0));
            variances[0] += (msb - msw) / k;
            variances[1] += msw;
        }
        variances
    }

    #[test]
    fn known_shares_are_found_inside_their_intervals() {
        for (between, within) in [(1.0, 0.5), (0.5, 1.0), (0.0, 1.0)] {
            let got = spread(&made(3, [300, 4, 20], between, within), FEW, &mut unwatched).unwrap();
            let (b, w) = (f64::from(between * between), f64::from(within * within));
            let correlation = got.correlation.unwrap();
            assert!((correlation.value - b / (b + w)).abs() < 0.03, "{got:?}");
            assert!(correlation.low <= correlation.value && correlation.high - correlation.low < 0.1);
            assert!((got.within / 20.0 - w).abs() < 0.05 && (got.between / 20.0 - b).abs() < 0.1, "{got:?}");
        }
    }

    #[test]
    fn ends_and_impossible_input() {
        let still = made(1, [30, 3, 4], 1.0, 0.0);
        assert_eq!(spread(&still, FEW, &mut unwatched).unwrap().correlation.unwrap().value, 1.0);
        let flat = vec![Rows::new(2, vec![0.7; 20]).unwrap(); 3];
        assert_eq!(spread(&flat, FEW, &mut unwatched).unwrap().correlation, None);
        assert!(spread(&still[..1], FEW, &mut unwatched).unwrap_err().to_string().contains("two draws"));
        assert!(spread(&made(1, [1, 3, 4], 1.0, 1.0), FEW, &mut unwatched).is_err());
        let other = vec![still[0].clone(), made(1, [31, 1, 4], 1.0, 0.0)[0].clone()];
        assert!(spread(&other, FEW, &mut unwatched).is_err());
        assert!(spread(&still, Bootstrap { resamples: 3, seed: 0 }, &mut unwatched).is_err());
        let stopped =
            spread(&still, FEW, &mut |done, _| if done > 0 { Err(Error::Cancelled) } else { Ok(()) });
        assert!(stopped.unwrap_err().is_cancelled());
    }

    #[test]
    fn intervals_are_as_wide_as_estimates_scatter() {
        let all: Vec<Estimate> = (0..60)
            .map(|seed| {
                spread(&made(seed, [40, 3, 2], 1.0, 1.0), FEW, &mut unwatched).unwrap().correlation.unwrap()
            })
            .collect();
        let held = all.iter().filter(|estimate| estimate.contains(0.5)).count();
        assert!(held >= 51, "{held} of 60 hold the truth");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// With few features and with many, whole and resampled.
        #[test]
        fn agrees_with_plain_sums(seed in 0u8..90, n in 3usize..12, k in 2usize..5, width in 1usize..30) {
            let draws = made(seed, [n, k, width], 1.0, 0.7);
            let pictures = Pictures::of(&draws).unwrap();
            let mut times = vec![1u32; n];
            (times[0], times[1]) = (3, 0);
            let resampled: Vec<usize> = (0..n).flat_map(|row| vec![row; times[row] as usize]).collect();
            for (times, rows) in [(vec![1; n], (0..n).collect()), (times, resampled)] {
                let (got, want) = (pictures.variances(&times), slow(&draws, &rows));
                for side in 0..2 {
                    prop_assert!((got[side] - want[side]).abs() < 1e-4 * (want[0].abs() + want[1]), "{:?} {:?}", got, want);
                }
            }
        }
    }
}
