//! A tree of squares over points of a plane, by which far heaps act as one (Barnes and Hut 1986).

/// Points of a leaf at most, unless they cannot be told apart.
const LEAF: usize = 6;
/// Halvings of the whole square after which points count as equal.
const DEEPEST: usize = 40;

/// Squares in the order of a walk through the tree, each before those inside it.
pub(super) struct Tree {
    squares: Vec<Square>,
    /// Points in the order of the leaves, with their numbers.
    points: Vec<([f64; 2], u32)>,
}

struct Square {
    /// Mean of the points inside.
    middle: [f64; 2],
    count: f64,
    /// Squared side.
    side2: f64,
    /// The next square that is not inside this one.
    after: u32,
    /// Points of a leaf.
    first: u32,
    last: u32,
}

/// What all other points do to one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Repulsion {
    /// Σ q²·(y − y′), with q = 1/(1 + |y − y′|²).
    pub force: [f64; 2],
    /// Σ q.
    pub sum: f64,
}

impl Tree {
    pub fn of(points: &[[f64; 2]]) -> Tree {
        let mut low = [f64::INFINITY; 2];
        let mut high = [f64::NEG_INFINITY; 2];
        for point in points {
            for axis in 0..2 {
                low[axis] = low[axis].min(point[axis]);
                high[axis] = high[axis].max(point[axis]);
            }
        }
        let side = (high[0] - low[0]).max(high[1] - low[1]);
        let numbered = points.iter().copied().zip(0..).collect();
        let mut tree = Tree { squares: Vec::with_capacity(points.len()), points: numbered };
        tree.grow(0, points.len(), low, side, 0);
        tree
    }

    /// Adds the square of `side` at `corner`, which holds the points `first` … `last` − 1.
    fn grow(&mut self, first: usize, last: usize, corner: [f64; 2], side: f64, depth: usize) {
        let count = (last - first) as f64;
        let inside = &self.points[first..last];
        let middle = [0, 1].map(|axis| inside.iter().map(|point| point.0[axis]).sum::<f64>() / count);
        let own = self.squares.len();
        let is_leaf = last - first <= LEAF || depth == DEEPEST;
        let bounds = if is_leaf { [first as u32, last as u32] } else { [0, 0] };
        let [from, to] = bounds;
        self.squares.push(Square { middle, count, side2: side * side, after: 0, first: from, last: to });
        if !is_leaf {
            let half = side / 2.0;
            let centre = corner.map(|low| low + half);
            let quarter = |point: &[f64; 2]| {
                usize::from(point[0] >= centre[0]) + 2 * usize::from(point[1] >= centre[1])
            };
            // Sorting keeps the order of equals, so that the tree follows from the points alone.
            self.points[first..last].sort_by_key(|point| quarter(&point.0));
            let mut begin = first;
            for which in 0..4 {
                let end =
                    begin + self.points[begin..last].partition_point(|point| quarter(&point.0) <= which);
                if end > begin {
                    let corner = [
                        corner[0] + if which % 2 == 1 { half } else { 0.0 },
                        corner[1] + if which >= 2 { half } else { 0.0 },
                    ];
                    self.grow(begin, end, corner, half, depth + 1);
                }
                begin = end;
            }
        }
        self.squares[own].after = self.squares.len() as u32;
    }

    /// What all other points do to point `number`, which is at `point`; a square whose side is less than
    /// `opening` (at most 0.7, so that none of them holds the point) of its distance acts as one.
    pub fn repulsion(&self, number: usize, point: [f64; 2], opening: f64) -> Repulsion {
        let opening2 = opening * opening;
        let mut found = Repulsion::default();
        let mut add = |other: [f64; 2], count: f64| {
            let apart = [point[0] - other[0], point[1] - other[1]];
            let q = 1.0 / (1.0 + apart[0] * apart[0] + apart[1] * apart[1]);
            found.sum += count * q;
            found.force[0] += count * q * q * apart[0];
            found.force[1] += count * q * q * apart[1];
        };
        let mut at = 0;
        while let Some(square) = self.squares.get(at) {
            let apart = [point[0] - square.middle[0], point[1] - square.middle[1]];
            let distance2 = apart[0] * apart[0] + apart[1] * apart[1];
            if square.side2 < opening2 * distance2 {
                add(square.middle, square.count);
                at = square.after as usize;
            } else if square.last > square.first {
                for &(other, of) in &self.points[square.first as usize..square.last as usize] {
                    if of as usize != number {
                        add(other, 1.0);
                    }
                }
                at = square.after as usize;
            } else {
                at += 1;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tensor::rng::standard_normal;

    fn slow(points: &[[f64; 2]], number: usize) -> Repulsion {
        let mut found = Repulsion::default();
        for (other, point) in points.iter().enumerate() {
            if other != number {
                let apart = [points[number][0] - point[0], points[number][1] - point[1]];
                let q = 1.0 / (1.0 + apart[0].powi(2) + apart[1].powi(2));
                found.sum += q;
                found.force[0] += q * q * apart[0];
                found.force[1] += q * q * apart[1];
            }
        }
        found
    }

    fn points(seed: u8, count: usize, scale: f32) -> Vec<[f64; 2]> {
        let values = standard_normal(&[seed; 32], 2 * count);
        values.chunks(2).map(|pair| [f64::from(pair[0] * scale), f64::from(pair[1] * scale)]).collect()
    }

    #[test]
    fn heaps_act_nearly_as_their_points() {
        let points = points(1, 1000, 20.0);
        let tree = Tree::of(&points);
        let (mut off, mut all) = (0.0, 0.0);
        for (number, &point) in points.iter().enumerate() {
            let (got, want) = (tree.repulsion(number, point, 0.5), slow(&points, number));
            assert!((got.sum / want.sum - 1.0).abs() < 0.05, "{got:?} {want:?}");
            off += (got.force[0] - want.force[0]).powi(2) + (got.force[1] - want.force[1]).powi(2);
            all += want.force[0].powi(2) + want.force[1].powi(2);
        }
        assert!(off < 1e-3 * all, "{off} of {all}");
    }

    #[test]
    fn equal_points_and_single_ones_are_no_problem() {
        for points in [vec![[1.0, -2.0]; 50], vec![[0.0; 2]], vec![[1e-30, 0.0], [0.0, 1e30]]] {
            let tree = Tree::of(&points);
            for number in 0..points.len() {
                let (got, want) = (tree.repulsion(number, points[number], 0.5), slow(&points, number));
                assert!((got.sum - want.sum).abs() < 1e-9 && got.force.iter().all(|v| v.is_finite()));
            }
        }
        assert_eq!(Tree::of(&[]).repulsion(0, [0.0; 2], 0.5).sum, 0.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Opened all the way, it is the plain sum.
        #[test]
        fn opened_it_is_exact(seed in 0u8..200, count in 1usize..80, twins in 0usize..20, scale in 0.001f32..100.0) {
            let mut points = points(seed, count, scale);
            let copies: Vec<[f64; 2]> = points.iter().copied().take(twins).collect();
            points.extend(copies);
            let tree = Tree::of(&points);
            for number in 0..points.len() {
                let (got, want) = (tree.repulsion(number, points[number], 0.0), slow(&points, number));
                prop_assert!((got.sum - want.sum).abs() < 1e-9 * (1.0 + want.sum));
                for axis in 0..2 {
                    prop_assert!((got.force[axis] - want.force[axis]).abs() < 1e-9);
                }
            }
        }
    }
}
