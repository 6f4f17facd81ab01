//! k-means: Lloyd's rounds from seeds of k-means++ (Arthur and Vassilvitskii 2007), the best of several
//! starts.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::data::split::Chance;
use crate::error::{Error, Result};
use crate::heads::Rows;
use crate::study::measures::Watch;
use crate::study::measures::vectors::distance2;

/// Rows that one task looks at.
const CHUNK: usize = 256;

/// How clusters are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KMeansConfig {
    /// Clusters, at least 1.
    pub clusters: usize,
    /// Starts, of which the best is kept.
    pub restarts: usize,
    /// Rounds of a start at most.
    pub rounds: usize,
    /// Which starts.
    pub seed: u64,
}

impl KMeansConfig {
    /// So many clusters, from ten starts.
    pub fn new(clusters: usize, seed: u64) -> KMeansConfig {
        KMeansConfig { clusters, restarts: 10, rounds: 100, seed }
    }
}

/// Clusters of pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Clusters {
    /// The cluster of each picture; of equally near centres the first.
    pub labels: Vec<usize>,
    /// The centre of each cluster. Where there are fewer different pictures than clusters asked for, as
    /// many as there are of these.
    pub centres: Rows,
    /// Squared distances of pictures to their centres, summed.
    pub inertia: f64,
    /// Whether the best start came to rest before its last round.
    pub settled: bool,
}

impl Clusters {
    /// Pictures of each cluster.
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.centres.count()];
        self.labels.iter().for_each(|&label| sizes[label] += 1);
        sizes
    }
}

/// The nearest centre, and its squared distance.
fn nearest(row: &[f32], centres: &Rows) -> (usize, f64) {
    let all = centres.iter().map(|centre| distance2(row, centre)).enumerate();
    all.fold((0, f64::INFINITY), |best, one| if one.1 < best.1 { one } else { best })
}

fn assign(rows: &Rows, centres: &Rows) -> Vec<(usize, f64)> {
    let chunks = rows.values().par_chunks(CHUNK * rows.width());
    let near =
        |chunk: &[f32]| chunk.chunks_exact(rows.width()).map(|row| nearest(row, centres)).collect::<Vec<_>>();
    chunks.flat_map_iter(near).collect()
}

/// Different rows, each drawn with a chance that grows as the square of its distance from those before.
fn seeds(rows: &Rows, clusters: usize, chance: &mut Chance) -> Rows {
    let count = rows.count();
    let mut chosen = vec![chance.below(count)];
    let mut far = vec![f64::INFINITY; count];
    while chosen.len() < clusters {
        let last = rows.row(chosen[chosen.len() - 1]);
        let distance = |row: &[f32]| distance2(row, last);
        far.par_iter_mut()
            .zip(rows.values().par_chunks(rows.width()))
            .for_each(|(far, row)| *far = far.min(distance(row)));
        let total: f64 = far.iter().sum();
        if total <= 0.0 {
            break;
        }
        let mut left = chance.share() * total;
        let drawn = far.iter().position(|&far| {
            left -= far;
            far > 0.0 && left < 0.0
        });
        // Rounding may leave a little behind the last.
        let last_far = || far.iter().rposition(|&far| far > 0.0);
        match drawn.or_else(last_far) {
            Some(row) => chosen.push(row),
            None => break,
        }
    }
    rows.pick(&chosen)
}

/// The means of the rows of each cluster, summed piece after piece; none for an empty one.
fn means(rows: &Rows, near: &[(usize, f64)], clusters: usize) -> Vec<Option<Vec<f32>>> {
    let width = rows.width();
    let pieces = rows.values().par_chunks(CHUNK * width).zip(near.par_chunks(CHUNK));
    let sum = |(rows, near): (&[f32], &[(usize, f64)])| {
        let mut sums = vec![0f64; clusters * width];
        for (row, &(cluster, _)) in rows.chunks_exact(width).zip(near) {
            let sum = &mut sums[cluster * width..][..width];
            sum.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
        }
        sums
    };
    let sums: Vec<Vec<f64>> = pieces.map(sum).collect();
    let mut counts = vec![0usize; clusters];
    near.iter().for_each(|&(cluster, _)| counts[cluster] += 1);
    let mean = |(cluster, &count): (usize, &usize)| {
        let value = |column: usize| {
            let at = cluster * width + column;
            (sums.iter().map(|sums| sums[at]).sum::<f64>() / count as f64) as f32
        };
        (count > 0).then(|| (0..width).map(value).collect())
    };
    counts.iter().enumerate().map(mean).collect()
}

/// Centres of the next round. A cluster without pictures takes the one farthest from its centre.
fn moved(rows: &Rows, near: &[(usize, f64)], centres: &Rows) -> Result<Rows> {
    let mut taken: Vec<usize> = Vec::new();
    let mut values = Vec::with_capacity(centres.values().len());
    for (cluster, mean) in means(rows, near, centres.count()).into_iter().enumerate() {
        let farthest = || {
            let free = near.iter().enumerate().filter(|(row, _)| !taken.contains(row));
            let far =
                free.fold((0, 0.0), |best, (row, near)| if near.1 > best.1 { (row, near.1) } else { best });
            (far.1 > 0.0).then_some(far.0)
        };
        match mean {
            Some(mean) => values.extend(mean),
            None => match farthest() {
                Some(row) => {
                    taken.push(row);
                    values.extend_from_slice(rows.row(row));
                }
                None => values.extend_from_slice(centres.row(cluster)),
            },
        }
    }
    Rows::new(rows.width(), values)
}

/// Clusters of the rows, by Euclidean distance. `watch` gets rounds done and all, at most so many.
///
/// # Errors
/// When there is no row, or a setting is 0; what `watch` returns.
pub fn k_means(rows: &Rows, config: KMeansConfig, watch: Watch<'_>) -> Result<Clusters> {
    let KMeansConfig { clusters, restarts, rounds, seed } = config;
    if rows.count() == 0 || clusters == 0 || restarts == 0 || rounds == 0 {
        return Err(Error::Setting("clusters need at least one picture, cluster, start and round".into()));
    }
    let all = restarts * rounds;
    let mut best: Option<Clusters> = None;
    for start in 0..restarts {
        watch(start * rounds, all)?;
        let mut chance = Chance::new(seed, &format!("k-means {start}"));
        let mut centres = seeds(rows, clusters.min(rows.count()), &mut chance);
        let mut near = assign(rows, &centres);
        let mut settled = false;
        for round in 1..=rounds {
            watch(start * rounds + round, all)?;
            centres = moved(rows, &near, &centres)?;
            let next = assign(rows, &centres);
            settled = next.iter().zip(&near).all(|(a, b)| a.0 == b.0);
            near = next;
            if settled {
                break;
            }
        }
        let inertia = near.iter().map(|near| near.1).sum();
        if best.as_ref().is_none_or(|best| inertia < best.inertia) {
            let labels = near.iter().map(|near| near.0).collect();
            best = Some(Clusters { labels, centres, inertia, settled });
        }
    }
    watch(all, all)?;
    best.ok_or_else(|| Error::Compute("features of pictures are too large to be clustered".into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::study::measures::unwatched;
    use crate::study::measures::vectors::exact_distance2;
    use crate::tensor::rng::standard_normal;

    /// Three heaps of 40, and which heap each is from.
    fn heaps() -> (Rows, Vec<usize>) {
        let noise = standard_normal(&[4; 32], 120 * 5);
        let values =
            noise.iter().enumerate().map(|(at, v)| v + if at % 5 == at / 5 % 3 { 12.0 } else { 0.0 });
        (Rows::new(5, values.collect()).unwrap(), (0..120).map(|row| row % 3).collect())
    }

    #[test]
    fn heaps_are_found_and_centres_are_means() {
        let (rows, truth) = heaps();
        let found = k_means(&rows, KMeansConfig::new(3, 1), &mut unwatched).unwrap();
        assert_eq!(found.sizes(), [40; 3]);
        assert!(found.settled);
        for (a, b) in truth.iter().zip(&found.labels) {
            assert_eq!(*b, found.labels[*a], "as the first of its heap");
        }
        for cluster in 0..3 {
            let own: Vec<usize> = (0..120).filter(|&row| found.labels[row] == cluster).collect();
            for column in 0..5 {
                let mean = own.iter().map(|&row| f64::from(rows.row(row)[column])).sum::<f64>() / 40.0;
                assert!((f64::from(found.centres.row(cluster)[column]) - mean).abs() < 1e-5);
            }
        }
        let inertia: f64 =
            (0..120).map(|row| exact_distance2(rows.row(row), found.centres.row(found.labels[row]))).sum();
        assert!((found.inertia - inertia).abs() < 1e-3 * inertia);
        assert_eq!(found, k_means(&rows, KMeansConfig::new(3, 1), &mut unwatched).unwrap());
    }

    #[test]
    fn impossible_and_degenerate_input_is_answered() {
        let same = Rows::new(2, vec![1.5; 20]).unwrap();
        let found = k_means(&same, KMeansConfig::new(4, 0), &mut unwatched).unwrap();
        assert_eq!((found.labels, found.inertia, found.centres.count()), (vec![0; 10], 0.0, 1));
        let two = Rows::new(1, vec![0.0, 9.0, 0.0, 9.0]).unwrap();
        let found = k_means(&two, KMeansConfig::new(30, 0), &mut unwatched).unwrap();
        assert_eq!((found.centres.count(), found.inertia), (2, 0.0));
        assert!(
            k_means(&two, KMeansConfig { restarts: 0, ..KMeansConfig::new(2, 0) }, &mut unwatched).is_err()
        );
        let (rows, _) = heaps();
        let mut calls = 0;
        let stopped = k_means(&rows, KMeansConfig::new(3, 1), &mut |_, _| {
            calls += 1;
            if calls == 3 { Err(Error::Cancelled) } else { Ok(()) }
        });
        assert!(stopped.unwrap_err().is_cancelled() && calls == 3);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// At rest every picture is nearest to its own centre, no cluster is empty, and threads change nothing.
        #[test]
        fn is_a_fixed_point(seed in 0u64..1000, clusters in 1usize..9, count in 10usize..700) {
            let rows = Rows::new(3, standard_normal(&[seed as u8; 32], 3 * count)).unwrap();
            let config = KMeansConfig { restarts: 2, rounds: 300, clusters, seed };
            let on = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| k_means(&rows, config, &mut unwatched).unwrap())
            };
            let found = on(1);
            prop_assert!(found.settled);
            prop_assert!(found.sizes().iter().all(|&size| size > 0));
            for (row, &label) in rows.iter().zip(&found.labels) {
                let own = exact_distance2(row, found.centres.row(label));
                let least = found.centres.iter().map(|c| exact_distance2(row, c)).fold(f64::INFINITY, f64::min);
                prop_assert!(own <= least * (1.0 + 1e-5));
            }
            prop_assert_eq!(found, on(3));
        }
    }
}
