//! Curves of the ImageNet network that were published, to be drawn in grey behind one's own.
//!
//! Top-1 accuracies of linear probes on frozen features of the unconditional 256×256 network (37 blocks,
//! 1000 steps), from the plots on the project page of Mukhopadhyay, Gwilliam et al., arXiv 2307.08702:
//! read off their vector paths by the ticks of the axes, which agrees with the cells printed elsewhere to
//! 0.02 points. They are another network's on another data set than anything measured here.

use serde::Serialize;

/// N, blocks of that network.
pub const BLOCKS: usize = 37;
/// T, its diffusion steps.
pub const STEPS: usize = 1000;

/// What a curve runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Axis {
    /// Blocks, at one timestep.
    Block,
    /// Timesteps, at one block.
    Timestep,
}

/// A published curve.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PublishedCurve {
    /// The data set.
    pub data: &'static str,
    /// What it runs over.
    pub axis: Axis,
    /// The timestep or block that it is at.
    pub at: usize,
    /// Features were pooled to pool×pool.
    pub pool: usize,
    /// Block or timestep, and accuracy in percent.
    pub points: Vec<(usize, f64)>,
    /// Where it is from.
    pub source: &'static str,
}

impl PublishedCurve {
    /// Relative depth (b − 1)/(N − 1), or t/T; and accuracy, 0 to 1.
    pub fn relative(&self) -> impl Iterator<Item = (f64, f64)> {
        let place = |at: usize| match self.axis {
            Axis::Block => (at - 1) as f64 / (BLOCKS - 1) as f64,
            Axis::Timestep => at as f64 / STEPS as f64,
        };
        self.points.iter().map(move |&(at, percent)| (place(at), percent / 100.0))
    }

    /// The curve in words, network and data set named.
    pub fn title(&self) -> String {
        let at = match self.axis {
            Axis::Block => format!("t {}", self.at),
            Axis::Timestep => format!("block {} of {BLOCKS}", self.at),
        };
        format!("{}, ADM 256×256, {at}, pool {} (published)", self.data, self.pool)
    }
}

const IMAGENET: &str = "ImageNet-1k";
const IMAGENET_SOURCE: &str =
    "arXiv 2307.08702, project page, plot of block, timestep and pool (linear probe)";
const CUB: &str = "CUB-200";
const CUB_SOURCE: &str = "arXiv 2307.08702, project page, plot of the CUB grid (linear probe)";

const IMAGENET_STEPS: [(usize, f64); 7] =
    [(10, 49.23), (30, 53.10), (50, 54.37), (90, 55.09), (150, 54.77), (300, 50.74), (500, 34.67)];
const IMAGENET_BLOCKS: [(usize, [(usize, f64); 7]); 2] = [
    (90, [(6, 11.08), (9, 16.67), (15, 41.23), (19, 55.09), (24, 61.95), (30, 45.98), (33, 30.08)]),
    (150, [(6, 9.65), (9, 14.43), (15, 40.77), (19, 54.77), (24, 61.86), (30, 47.22), (33, 30.80)]),
];

const CUB_STEPS: [usize; 4] = [50, 150, 300, 500];
/// Block, pool, and accuracies at [`CUB_STEPS`].
const CUB_GRID: [(usize, usize, [f64; 4]); 12] = [
    (15, 1, [4.60, 5.10, 4.35, 4.37]),
    (15, 2, [10.62, 11.19, 11.90, 9.45]),
    (15, 4, [21.40, 24.64, 24.91, 17.99]),
    (15, 8, [22.04, 23.77, 24.64, 17.45]),
    (19, 1, [5.24, 7.88, 8.52, 6.71]),
    (19, 2, [17.01, 20.42, 21.82, 16.09]),
    (19, 4, [30.24, 34.91, 33.65, 22.76]),
    (19, 8, [26.60, 30.04, 30.22, 21.36]),
    (24, 1, [10.05, 12.07, 13.16, 10.65]),
    (24, 2, [17.47, 20.77, 21.71, 16.55]),
    (24, 4, [25.04, 27.59, 27.11, 19.30]),
    (24, 8, [20.56, 23.47, 22.98, 15.48]),
];

/// Every published curve: ImageNet over timesteps and blocks, then CUB over timesteps and blocks.
pub fn published() -> Vec<PublishedCurve> {
    let imagenet = |axis, at, points: &[(usize, f64)]| PublishedCurve {
        data: IMAGENET,
        axis,
        at,
        pool: 1,
        points: points.to_vec(),
        source: IMAGENET_SOURCE,
    };
    let cub =
        |axis, at, pool, points| PublishedCurve { data: CUB, axis, at, pool, points, source: CUB_SOURCE };
    let mut curves = vec![imagenet(Axis::Timestep, 19, &IMAGENET_STEPS)];
    curves.extend(IMAGENET_BLOCKS.iter().map(|(t, points)| imagenet(Axis::Block, *t, points)));
    curves.extend(CUB_GRID.iter().map(|&(block, pool, accuracies)| {
        cub(Axis::Timestep, block, pool, CUB_STEPS.into_iter().zip(accuracies).collect())
    }));
    for pool in [1, 2, 4, 8] {
        for (place, step) in CUB_STEPS.into_iter().enumerate() {
            let of_pool = CUB_GRID.iter().filter(|row| row.1 == pool);
            let points = of_pool.map(|&(block, _, accuracies)| (block, accuracies[place])).collect();
            curves.push(cub(Axis::Block, step, pool, points));
        }
    }
    curves
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(data: &str, axis: Axis, at: usize, pool: usize) -> PublishedCurve {
        let is = |curve: &&PublishedCurve| {
            (curve.data, curve.axis, curve.at, curve.pool) == (data, axis, at, pool)
        };
        published().iter().find(is).unwrap().clone()
    }

    #[test]
    fn places_are_relative_and_within_the_network() {
        let all = published();
        assert_eq!(all.len(), 1 + 2 + 12 + 16);
        for curve in &all {
            let points: Vec<(f64, f64)> = curve.relative().collect();
            assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0), "{}", curve.title());
            assert!(
                points.iter().all(|(place, value)| (0.0..=1.0).contains(place) && (0.0..0.7).contains(value))
            );
            assert!(curve.source.contains("2307.08702") && curve.title().contains("published"));
        }
        let blocks = find("ImageNet-1k", Axis::Block, 90, 1);
        let middle = blocks.relative().find(|point| point.0 == 0.5).unwrap();
        assert!((middle.1 - 0.5509).abs() < 1e-12, "block 19 is the middle");
        assert_eq!(find("ImageNet-1k", Axis::Timestep, 19, 1).relative().nth(3).unwrap().0, 0.09);
    }

    /// Where two of the plots show the same setting, they must say the same.
    #[test]
    fn the_curves_meet_where_they_cross() {
        let all = published();
        let cell =
            |curve: &PublishedCurve, at: usize| curve.points.iter().find(|point| point.0 == at).map(|p| p.1);
        let mut met = 0;
        for over_t in all.iter().filter(|curve| curve.axis == Axis::Timestep) {
            for over_b in
                all.iter().filter(|c| c.axis == Axis::Block && (c.data, c.pool) == (over_t.data, over_t.pool))
            {
                if let (Some(a), Some(b)) = (cell(over_t, over_b.at), cell(over_b, over_t.at)) {
                    assert_eq!(a, b, "{} and {}", over_t.title(), over_b.title());
                    met += 1;
                }
            }
        }
        assert_eq!(met, 2 + 48);
        let best = find("CUB-200", Axis::Timestep, 19, 4);
        assert_eq!(best.points[1], (150, 34.91));
    }
}
