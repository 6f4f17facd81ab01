//! Pictures as points of a plane: the plane of most variance, or one that keeps neighbours together.

mod affinities;
mod descent;
mod tree;

use serde::{Deserialize, Serialize};

use super::Watch;
use super::neighbours::{Metric, all_nearest};
use crate::error::{Error, Result};
use crate::features::pca::PcaBasis;
use crate::grid::Grid;
use crate::heads::Rows;
use affinities::Affinities;

/// The fewest pictures whose neighbours mean anything; fewer lie as their principal components do.
const FEWEST: usize = 4;

/// The plane of most variance.
#[derive(Clone, Debug, PartialEq)]
pub struct PcaMap {
    /// A point for each picture.
    pub points: Vec<[f32; 2]>,
    /// The share of the variance along x and y.
    pub explained: [f64; 2],
}

/// Pictures along their first two principal components. The sign of each makes its largest loading
/// positive.
///
/// # Errors
/// When there is no picture.
pub fn pca_map(rows: &Rows) -> Result<PcaMap> {
    if rows.count() == 0 {
        return Err(Error::Setting("a map needs at least one picture".into()));
    }
    let grid = Grid::from_fn(rows.width(), 1, rows.count(), |column, _, row| rows.row(row)[column]);
    let basis = PcaBasis::fit(&[&grid])?;
    let [x, y] = [0, 1].map(|component| basis.component(&grid, component));
    let points = x.into_iter().zip(y).map(|(x, y)| [x as f32, y as f32]).collect();
    Ok(PcaMap { points, explained: [basis.explained[0], basis.explained[1]] })
}

/// How a map that keeps neighbours is made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeighbourMapConfig {
    /// About how many neighbours count, 2 to 100; fewer where there are few pictures.
    pub perplexity: f64,
    /// How far apart pictures are.
    pub metric: Metric,
    /// Rounds of gradient descent.
    pub rounds: usize,
    /// θ: a heap of points counts as one when its side is less than this share of its distance. 0 is
    /// exact, 0.7 the most.
    pub opening: f64,
    /// Of the small noise that tells equal pictures apart.
    pub seed: u64,
}

impl Default for NeighbourMapConfig {
    fn default() -> NeighbourMapConfig {
        NeighbourMapConfig { perplexity: 30.0, metric: Metric::Cosine, rounds: 750, opening: 0.5, seed: 0 }
    }
}

impl NeighbourMapConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// The first impossible one.
    pub fn validate(&self) -> Result<()> {
        let refuse = |why: &str| Err(Error::Setting(why.into()));
        if !(2.0..=100.0).contains(&self.perplexity) {
            return refuse("perplexity must be 2 to 100");
        }
        if !(0.0..=0.7).contains(&self.opening) {
            return refuse("opening must be 0 to 0.7");
        }
        if !(1..=100_000).contains(&self.rounds) {
            return refuse("rounds must be 1 to 100000");
        }
        Ok(())
    }
}

/// A map on which pictures lie beside their nearest neighbours: t-SNE (van der Maaten and Hinton 2008) by
/// the trees of Barnes and Hut (van der Maaten 2014), from the principal components on (Kobak and Berens
/// 2019), so that the same pictures come to lie the same way. Directions and distances between heaps mean
/// little. `watch` gets rounds done and all.
///
/// # Errors
/// When a setting is impossible, or there is no picture; what `watch` returns.
pub fn neighbour_map(rows: &Rows, config: NeighbourMapConfig, watch: Watch<'_>) -> Result<Vec<[f32; 2]>> {
    config.validate()?;
    let start = pca_map(rows)?.points;
    let count = rows.count();
    if count < FEWEST {
        return Ok(start);
    }
    let perplexity = config.perplexity.min((count - 1) as f64 / 3.0);
    let neighbours = (3.0 * perplexity).floor() as usize;
    let lists = all_nearest(rows, config.metric, neighbours, &mut |_, _| watch(0, config.rounds))?;
    let affinities = Affinities::of(&lists, config.metric, perplexity);
    descent::run(&start, &affinities, config, watch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::measures::clusters::neighbour_purity;
    use crate::study::measures::unwatched;
    use crate::tensor::rng::standard_normal;

    /// Heaps of `each` in `width` dimensions, and which heap each is from.
    fn heaps(heaps: usize, each: usize, width: usize) -> (Rows, Vec<usize>) {
        let noise = standard_normal(&[8; 32], heaps * each * width);
        let labels: Vec<usize> = (0..heaps * each).map(|row| row % heaps).collect();
        let value =
            |(at, noise): (usize, &f32)| noise + if at % width == labels[at / width] { 15.0 } else { 0.0 };
        let values = noise.iter().enumerate().map(value).collect();
        (Rows::new(width, values).unwrap(), labels)
    }

    fn purity(points: &[[f32; 2]], labels: &[usize]) -> f64 {
        let rows = Rows::new(2, points.concat()).unwrap();
        let lists = all_nearest(&rows, Metric::Euclidean, 5, &mut unwatched).unwrap();
        neighbour_purity(&lists, labels).unwrap().mean
    }

    const SHORT: NeighbourMapConfig = NeighbourMapConfig {
        perplexity: 10.0,
        metric: Metric::Euclidean,
        rounds: 350,
        opening: 0.5,
        seed: 0,
    };

    #[test]
    fn heaps_stay_apart_where_the_plane_of_most_variance_mixes_them() {
        let (rows, labels) = heaps(8, 30, 20);
        let plane = pca_map(&rows).unwrap();
        let map = neighbour_map(&rows, SHORT, &mut unwatched).unwrap();
        let (before, after) = (purity(&plane.points, &labels), purity(&map, &labels));
        assert!(after > 0.99 && before < 0.96, "{before} {after}");
    }

    #[test]
    fn the_same_seed_gives_the_same_bits_on_any_threads() {
        let (rows, _) = heaps(3, 40, 6);
        let config = NeighbourMapConfig { rounds: 120, ..SHORT };
        let on = |threads: usize, config| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| neighbour_map(&rows, config, &mut unwatched).unwrap())
        };
        let map = on(1, config);
        assert_eq!(map, on(3, config));
        assert_ne!(map, on(1, NeighbourMapConfig { seed: 1, ..config }));
    }

    #[test]
    fn a_little_noise_turns_nothing_around() {
        let (even, labels) = heaps(4, 30, 10);
        // Heaps at distances of their own: where all are alike, so are the directions of most variance.
        let stretched = even.values().iter().enumerate().map(|(at, v)| v * (1.0 + (at % 10) as f32));
        let rows = Rows::new(10, stretched.collect()).unwrap();
        let noise = standard_normal(&[9; 32], rows.values().len());
        let moved = rows.values().iter().zip(noise).map(|(v, noise)| v + 0.02 * noise).collect();
        let moved = Rows::new(10, moved).unwrap();
        let middles = |rows: &Rows| {
            let map = neighbour_map(rows, SHORT, &mut unwatched).unwrap();
            let middle = |heap: usize| {
                let own =
                    || map.iter().zip(&labels).filter(|(_, label)| **label == heap).map(|(point, _)| point);
                [0, 1]
                    .map(|axis| own().map(|point| f64::from(point[axis])).sum::<f64>() / own().count() as f64)
            };
            (0..4).map(middle).collect::<Vec<_>>()
        };
        let (a, b) = (middles(&rows), middles(&moved));
        let scale = a.iter().flatten().map(|v| v * v).sum::<f64>();
        let off = a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        assert!(off < 0.05 * scale, "{a:?} {b:?}");
    }

    #[test]
    fn few_and_equal_pictures_have_a_map() {
        for count in 1..9 {
            let rows = Rows::new(3, standard_normal(&[2; 32], 3 * count)).unwrap();
            let same = Rows::new(3, [0.5, 0.25, 1.0].repeat(count)).unwrap();
            let line = Rows::new(1, (0..count).map(|at| (at / 2) as f32).collect()).unwrap();
            for rows in [rows, same, line] {
                let config = NeighbourMapConfig::default();
                for map in
                    [neighbour_map(&rows, config, &mut unwatched).unwrap(), pca_map(&rows).unwrap().points]
                {
                    assert_eq!(map.len(), count);
                    assert!(map.iter().flatten().all(|v| v.is_finite() && v.abs() < 1e4), "{count}: {map:?}");
                }
            }
        }
        let (rows, labels) = heaps(4, 25, 6);
        let doubled = Rows::new(6, [rows.values(), rows.values()].concat()).unwrap();
        let map = neighbour_map(&doubled, SHORT, &mut unwatched).unwrap();
        assert!(purity(&map, &[labels.clone(), labels].concat()) > 0.99);
    }

    #[test]
    fn the_plane_holds_the_variance_and_impossible_settings_are_refused() {
        let rows = Rows::new(3, vec![0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 1.0, 0.0, 3.0, 1.0, 0.0]).unwrap();
        let plane = pca_map(&rows).unwrap();
        assert!((plane.explained[0] - 0.9).abs() < 1e-6 && (plane.explained[1] - 0.1).abs() < 1e-6);
        let want = [[-1.5, -0.5], [1.5, -0.5], [-1.5, 0.5], [1.5, 0.5]];
        let off = plane.points.iter().flatten().zip(want.iter().flatten()).map(|(a, b)| (a - b).abs());
        assert!(off.fold(0.0, f32::max) < 1e-5, "{:?}", plane.points);
        let with = |config| neighbour_map(&rows, config, &mut unwatched).unwrap_err().to_string();
        assert!(with(NeighbourMapConfig { perplexity: 1.0, ..SHORT }).contains("perplexity"));
        assert!(with(NeighbourMapConfig { opening: 0.9, ..SHORT }).contains("opening"));
        assert!(with(NeighbourMapConfig { rounds: 0, ..SHORT }).contains("rounds"));
        let mut rounds = 0;
        let stopped = neighbour_map(&rows, SHORT, &mut |done, _| {
            rounds = done;
            if done == 7 { Err(Error::Cancelled) } else { Ok(()) }
        });
        assert!(stopped.unwrap_err().is_cancelled() && rounds == 7);
    }
}
