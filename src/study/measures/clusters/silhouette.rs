//! Silhouettes: how much nearer pictures are to their own cluster than to the next (Rousseeuw 1987).

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::data::split::Chance;
use crate::error::{Error, Result};
use crate::heads::Rows;
use crate::study::measures::Watch;
use crate::study::measures::vectors::distance2;

/// Pictures looked at between two looks at the watch.
const BLOCK: usize = 64;

/// How many pictures are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SilhouetteConfig {
    /// Of more pictures than this, so many are drawn; each is still compared with all.
    pub at_most: usize,
    /// Which are drawn.
    pub seed: u64,
}

impl Default for SilhouetteConfig {
    fn default() -> SilhouetteConfig {
        SilhouetteConfig { at_most: 2000, seed: 0 }
    }
}

/// Silhouettes of pictures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Silhouette {
    /// The mean over the pictures looked at, −1 to 1.
    pub mean: f64,
    /// Pictures looked at, ascending, with their own: 1 far inside its cluster, 0 between two, −1 far
    /// inside another; 0 for one alone in its cluster.
    pub of: Vec<(usize, f64)>,
    /// Pictures in all: more than were looked at where a sample was drawn.
    pub count: usize,
}

/// Silhouettes of `rows` in the clusters (or classes) `labels`, by Euclidean distance. `watch` gets
/// pictures done and all.
///
/// # Errors
/// When there are not as many labels as rows, or fewer than two clusters have pictures; what `watch`
/// returns.
pub fn silhouette(
    rows: &Rows,
    labels: &[usize],
    config: SilhouetteConfig,
    watch: Watch<'_>,
) -> Result<Silhouette> {
    let count = rows.count();
    if labels.len() != count {
        return Err(Error::Compute(format!("{} labels for {count} pictures", labels.len())));
    }
    let mut sizes = vec![0usize; labels.iter().max().map_or(0, |most| most + 1)];
    labels.iter().for_each(|&label| sizes[label] += 1);
    if sizes.iter().filter(|&&size| size > 0).count() < 2 || config.at_most == 0 {
        return Err(Error::Setting("silhouettes need pictures in at least two clusters".into()));
    }
    let mut looked: Vec<usize> = (0..count).collect();
    if count > config.at_most {
        Chance::new(config.seed, "silhouettes").shuffle(&mut looked);
        looked.truncate(config.at_most);
        looked.sort_unstable();
    }
    let of_row = |&row: &usize| {
        let mut sums = vec![0f64; sizes.len()];
        for (other, &label) in rows.iter().zip(labels) {
            sums[label] += distance2(rows.row(row), other).sqrt();
        }
        let own = labels[row];
        let others = (0..sizes.len()).filter(|&label| label != own && sizes[label] > 0);
        let next = others.map(|label| sums[label] / sizes[label] as f64).fold(f64::INFINITY, f64::min);
        let within = sums[own] / (sizes[own].max(2) - 1) as f64;
        let most = within.max(next);
        let alone = sizes[own] == 1 || most <= 0.0;
        (row, if alone { 0.0 } else { (next - within) / most })
    };
    let mut of = Vec::with_capacity(looked.len());
    for block in looked.chunks(BLOCK) {
        watch(of.len(), looked.len())?;
        let new: Vec<(usize, f64)> = block.par_iter().map(of_row).collect();
        of.extend(new);
    }
    watch(looked.len(), looked.len())?;
    let mean = of.iter().map(|of| of.1).sum::<f64>() / of.len() as f64;
    Ok(Silhouette { mean, of, count })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::study::measures::unwatched;
    use crate::study::measures::vectors::exact_distance2;
    use crate::tensor::rng::standard_normal;

    fn slow(rows: &Rows, labels: &[usize], row: usize) -> f64 {
        let mean = |label: usize| {
            let own = (0..rows.count()).filter(|&other| other != row && labels[other] == label);
            let all: Vec<f64> =
                own.map(|other| exact_distance2(rows.row(row), rows.row(other)).sqrt()).collect();
            (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
        };
        let Some(a) = mean(labels[row]) else { return 0.0 };
        let others = (0..=9).filter(|&label| label != labels[row]).filter_map(mean);
        let b = others.fold(f64::INFINITY, f64::min);
        if a < b { 1.0 - a / b } else { b / a - 1.0 }
    }

    #[test]
    fn known_values() {
        // 0 and 1 beside 4 and 6: for 0, a = 1 and b = 5; for 6, a = 2 and b = 5.5.
        let rows = Rows::new(1, vec![0.0, 1.0, 4.0, 6.0, 30.0]).unwrap();
        let got = silhouette(&rows, &[0, 0, 3, 3, 7], SilhouetteConfig::default(), &mut unwatched).unwrap();
        assert!(
            (got.of[0].1 - 0.8).abs() < 1e-6 && (got.of[3].1 - (1.0 - 2.0 / 5.5)).abs() < 1e-6,
            "{got:?}"
        );
        assert_eq!((got.of[4].1, got.count), (0.0, 5), "alone in its cluster");
    }

    #[test]
    fn duplicates_are_far_inside_and_one_cluster_is_refused() {
        let rows = Rows::new(2, [[5.0, 5.0], [5.0, 5.0], [9.0, 1.0], [9.0, 1.0]].concat()).unwrap();
        let config = SilhouetteConfig::default();
        assert_eq!(silhouette(&rows, &[0, 0, 1, 1], config, &mut unwatched).unwrap().mean, 1.0);
        let same = Rows::new(2, vec![5.0; 8]).unwrap();
        assert_eq!(silhouette(&same, &[0, 0, 1, 1], config, &mut unwatched).unwrap().mean, 0.0);
        assert!(silhouette(&rows, &[2; 4], config, &mut unwatched).is_err());
        assert!(silhouette(&rows, &[0, 1], config, &mut unwatched).is_err());
        let stopped = silhouette(&rows, &[0, 0, 1, 1], config, &mut |_, _| Err(Error::Cancelled));
        assert!(stopped.unwrap_err().is_cancelled());
    }

    #[test]
    fn a_sample_is_of_the_same_values_and_says_so() {
        let rows = Rows::new(4, standard_normal(&[1; 32], 4 * 300)).unwrap();
        let labels: Vec<usize> = (0..300).map(|row| row % 3).collect();
        let whole = silhouette(&rows, &labels, SilhouetteConfig::default(), &mut unwatched).unwrap();
        let few = SilhouetteConfig { at_most: 50, seed: 1 };
        let part = silhouette(&rows, &labels, few, &mut unwatched).unwrap();
        assert_eq!((part.of.len(), part.count, whole.of.len()), (50, 300, 300));
        assert!(part.of.iter().all(|of| whole.of[of.0] == *of));
        assert!(part.of.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(part, silhouette(&rows, &labels, few, &mut unwatched).unwrap());
        assert_ne!(
            part.of,
            silhouette(&rows, &labels, SilhouetteConfig { seed: 2, ..few }, &mut unwatched).unwrap().of
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn agrees_with_plain_loops(seed in 0u8..100, count in 8usize..60, clusters in 2usize..6) {
            let rows = Rows::new(5, standard_normal(&[seed; 32], 5 * count)).unwrap();
            let labels: Vec<usize> = (0..count).map(|row| row * row % clusters).collect();
            let got = silhouette(&rows, &labels, SilhouetteConfig::default(), &mut unwatched).unwrap();
            for (row, value) in got.of {
                prop_assert!((value - slow(&rows, &labels, row)).abs() < 1e-5);
                prop_assert!((-1.0..=1.0).contains(&value));
            }
        }
    }
}
