//! A vote among the nearest training rows, by cosine about their mean.
//!
//! A neighbour at distance δ (of rows at length one) votes with weight 1/δ; where rows are met
//! exactly, they alone vote, as in scikit-learn's `weights="distance"`.

use super::calibrate::sharpness;
use super::centre::{mean, products, units};
use crate::error::Result;
use crate::heads::rows::Rows;

/// Numbers of neighbours tried.
const CANDIDATES: [usize; 8] = [1, 3, 5, 7, 11, 15, 21, 31];
/// Rows that are left out to choose among them: evenly spaced ones, where there are more.
const LEFT_OUT: usize = 2000;
/// Rows compared at a time.
const CHUNK: usize = 256;

/// Training rows about their mean, at length one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Neighbours {
    /// `[d]`.
    pub centre: Vec<f32>,
    /// `[n, d]`.
    pub rows: Vec<f32>,
    /// `[n]`.
    pub labels: Vec<usize>,
    /// k, how many vote.
    pub k: usize,
}

/// One neighbour: its distance and class.
type Neighbour = (f64, usize);

/// The neighbours with the k of the grid that is right most often about rows left out (of equals the
/// smallest), and the sharpness.
pub(super) fn fit(rows: &Rows, labels: &[usize], classes: usize) -> Result<(Neighbours, f32)> {
    let centre = mean(rows);
    let units = units(rows, &centre);
    let n = labels.len();
    let mut model = Neighbours { centre, rows: units, labels: labels.to_vec(), k: 1 };
    let d = rows.width();
    let tried = n.min(LEFT_OUT);
    let chosen: Vec<usize> = (0..tried).map(|index| index * n / tried).collect();
    let queries: Vec<f32> = chosen.iter().flat_map(|&row| &model.rows[row * d..][..d]).copied().collect();
    let most = CANDIDATES[CANDIDATES.len() - 1].min(n.saturating_sub(1));
    let lists = model.nearest(&queries, d, most, |query| Some(chosen[query]))?;
    let truth: Vec<usize> = chosen.iter().map(|&row| labels[row]).collect();
    let mut best = (0, Vec::new());
    for k in CANDIDATES.into_iter().filter(|&k| k <= most) {
        let scores: Vec<f64> = lists.iter().flat_map(|list| scores_of(&list[..k], classes)).collect();
        let right =
            scores.chunks_exact(classes).zip(&truth).filter(|(row, label)| top(row) == **label).count();
        if best.1.is_empty() || right > best.0 {
            best = (right, scores);
            model.k = k;
        }
    }
    let truth = if best.1.is_empty() { &[] } else { &truth[..] };
    let sharpness = sharpness(&best.1, truth, classes);
    Ok((model, sharpness))
}

/// The first of the largest.
fn top(row: &[f64]) -> usize {
    row.iter().enumerate().fold(0, |best, (index, score)| if *score > row[best] { index } else { best })
}

/// Logarithms of the shares of votes, with one vote more that is shared by all classes.
fn scores_of(neighbours: &[Neighbour], classes: usize) -> Vec<f64> {
    let exact = neighbours.iter().any(|(distance, _)| *distance == 0.0);
    let weight = |distance: f64| match (exact, distance == 0.0) {
        (true, here) => f64::from(u8::from(here)),
        (false, _) => 1.0 / distance,
    };
    let total: f64 = neighbours.iter().map(|(distance, _)| weight(*distance)).sum();
    let k = neighbours.len() as f64;
    let mut votes = vec![1.0 / classes as f64; classes];
    neighbours.iter().for_each(|(distance, label)| votes[*label] += k * weight(*distance) / total);
    votes.iter().map(|vote| (vote / (k + 1.0)).ln()).collect()
}

impl Neighbours {
    /// Scores `[n, K]`.
    pub fn scores(&self, rows: &Rows, classes: usize) -> Result<Vec<f64>> {
        let k = self.k.min(self.labels.len());
        let lists = self.nearest(&units(rows, &self.centre), rows.width(), k, |_| None)?;
        Ok(lists.iter().flat_map(|list| scores_of(list, classes)).collect())
    }

    /// The `k` nearest of every query, the nearest first (of equals the earlier row), without the row
    /// that `but` names.
    fn nearest(
        &self,
        queries: &[f32],
        d: usize,
        k: usize,
        but: impl Fn(usize) -> Option<usize>,
    ) -> Result<Vec<Vec<Neighbour>>> {
        let n = self.labels.len();
        let mut lists = Vec::with_capacity(queries.len() / d);
        for (chunk, some) in queries.chunks(CHUNK * d).enumerate() {
            let cosines = products(some, &self.rows, d)?;
            for (index, (cosines, query)) in cosines.chunks_exact(n).zip(some.chunks_exact(d)).enumerate() {
                let left_out = but(chunk * CHUNK + index);
                let mut order: Vec<usize> = (0..n).filter(|row| Some(*row) != left_out).collect();
                let by_cosine = |a: &usize, b: &usize| cosines[*b].total_cmp(&cosines[*a]).then(a.cmp(b));
                if k < order.len() && k > 0 {
                    order.select_nth_unstable_by(k - 1, by_cosine);
                }
                order.truncate(k);
                let exact = |row: usize| {
                    let pairs = query.iter().zip(&self.rows[row * d..][..d]);
                    pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>().sqrt()
                };
                let mut list: Vec<(f64, usize)> = order.iter().map(|&row| (exact(row), row)).collect();
                list.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                lists.push(list.into_iter().map(|(distance, row)| (distance, self.labels[row])).collect());
            }
        }
        Ok(lists)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(k: usize) -> Neighbours {
        // On the unit circle at 0°, 90°, 180° and 270°.
        let rows = vec![1.0, 0.0, 0.0, 1.0, -1.0, 0.0, 0.0, -1.0];
        Neighbours { centre: vec![0.0; 2], rows, labels: vec![0, 1, 1, 0], k }
    }

    #[test]
    fn nearer_neighbours_weigh_more() {
        // At 30°: δ = 2·sin(15°) to the first and 2·sin(30°) to the second.
        let query = Rows::new(2, vec![0.75f32.sqrt(), 0.5]).unwrap();
        let (near, far) = (1.0 / (2.0 * 15f64.to_radians().sin()), 1.0 / (2.0 * 30f64.to_radians().sin()));
        let shares = [near / (near + far), far / (near + far)];
        let want = shares.map(|share| ((2.0 * share + 0.5) / 3.0).ln());
        let got = model(2).scores(&query, 2).unwrap();
        assert!(got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-6), "{got:?} {want:?}");
    }

    #[test]
    fn a_row_that_is_met_exactly_votes_alone() {
        let got = model(3).scores(&Rows::new(2, vec![0.0, 7.0]).unwrap(), 3).unwrap();
        let want = [1.0 / 12.0, 10.0 / 12.0, 1.0 / 12.0].map(f64::ln);
        assert!(got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-6), "{got:?}");
    }

    #[test]
    fn k_is_the_one_that_is_right_about_rows_left_out() {
        // Pairs of opposite labels inside two clusters: the nearest is always wrong, three are right.
        let angles = [0.0f32, 2.0, 4.5, 90.0, 92.0, 94.5, 180.0, 182.0, 184.5, 270.0, 272.0, 274.5];
        let values = angles.iter().flat_map(|a| [a.to_radians().cos(), a.to_radians().sin()]).collect();
        let labels = [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1];
        let (alike, _) = fit(&Rows::new(2, values).unwrap(), &labels, 2).unwrap();
        assert_eq!(alike.k, 1, "of equals the smallest");
        let values: Vec<f32> = (0..30)
            .flat_map(|i| {
                let a = (i as f32 * 2.0 + if i < 15 { 0.0 } else { 150.0 }).to_radians();
                [a.cos(), a.sin()]
            })
            .collect();
        let mut labels: Vec<usize> = (0..30).map(|i| i / 15).collect();
        labels[7] = 1;
        labels[22] = 0;
        let (noisy, _) = fit(&Rows::new(2, values).unwrap(), &labels, 2).unwrap();
        assert!(noisy.k > 1, "single wrong labels are outvoted");
        let one = fit(&Rows::new(1, vec![3.0]).unwrap(), &[1], 2).unwrap();
        assert_eq!((one.0.k, one.1), (1, 1.0));
    }
}
