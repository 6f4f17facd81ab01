//! With what weight pictures are neighbours of each other.

use rayon::prelude::*;

use crate::study::measures::neighbours::{Metric, Neighbour};

/// Halvings of the interval that the width of a picture's surroundings is in.
const HALVINGS: usize = 64;

/// p_ij, symmetric, summing to one; only of neighbours.
pub(super) struct Affinities {
    /// Where the entries of each picture begin, and the end of all.
    starts: Vec<usize>,
    entries: Vec<(u32, f64)>,
}

impl Affinities {
    /// Of lists of nearest neighbours, one for each picture: normal weights of such widths that each
    /// picture has `perplexity` neighbours in effect, in both directions.
    pub fn of(lists: &[Vec<Neighbour>], metric: Metric, perplexity: f64) -> Affinities {
        let weights: Vec<Vec<f64>> = lists.par_iter().map(|list| weights(list, metric, perplexity)).collect();
        let mut rows: Vec<Vec<(u32, f64)>> = vec![Vec::new(); lists.len()];
        let scale = 0.5 / lists.len().max(1) as f64;
        for (row, (list, weights)) in lists.iter().zip(&weights).enumerate() {
            for (other, weight) in list.iter().zip(weights) {
                rows[row].push((other.row as u32, scale * weight));
                rows[other.row].push((row as u32, scale * weight));
            }
        }
        let mut starts = vec![0];
        let mut entries: Vec<(u32, f64)> = Vec::new();
        for mut row in rows {
            let first = entries.len();
            row.sort_by_key(|entry| entry.0);
            for (other, weight) in row {
                match entries[first..].last_mut() {
                    Some(last) if last.0 == other => last.1 += weight,
                    _ => entries.push((other, weight)),
                }
            }
            starts.push(entries.len());
        }
        Affinities { starts, entries }
    }

    /// The neighbours of picture `row` with their weights, by row.
    pub fn row(&self, row: usize) -> &[(u32, f64)] {
        &self.entries[self.starts[row]..self.starts[row + 1]]
    }
}

/// exp(−β·δ²) summing to one, with β such that their entropy is ln `perplexity`.
fn weights(list: &[Neighbour], metric: Metric, perplexity: f64) -> Vec<f64> {
    let square = |other: &Neighbour| match metric {
        Metric::Euclidean => other.distance * other.distance,
        // As squared distances of rows at length one.
        Metric::Cosine => 2.0 * other.distance,
    };
    let nearest = list.first().map_or(0.0, square);
    let squares: Vec<f64> = list.iter().map(|other| square(other) - nearest).collect();
    let spread = squares.iter().sum::<f64>() / squares.len().max(1) as f64;
    if spread <= 0.0 {
        return vec![1.0 / list.len().max(1) as f64; list.len()];
    }
    let wanted = libm::log(perplexity);
    let at = |beta: f64| {
        let mut weights: Vec<f64> = squares.iter().map(|square| libm::exp(-beta * square)).collect();
        let sum: f64 = weights.iter().sum();
        let mean = squares.iter().zip(&weights).map(|(square, weight)| square * weight).sum::<f64>() / sum;
        weights.iter_mut().for_each(|weight| *weight /= sum);
        (weights, libm::log(sum) + beta * mean)
    };
    // The entropy falls as β grows; on a scale of powers of two both ends are found at once.
    let (mut low, mut high) = (-60.0, 60.0);
    for _ in 0..HALVINGS {
        let middle = (low + high) / 2.0;
        if at(libm::exp2(middle) / spread).1 > wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    at(libm::exp2((low + high) / 2.0) / spread).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::Rows;
    use crate::study::measures::neighbours::all_nearest;
    use crate::study::measures::unwatched;
    use crate::tensor::rng::standard_normal;

    #[test]
    fn weights_have_their_perplexity_and_are_symmetric() {
        let rows = Rows::new(4, standard_normal(&[1; 32], 4 * 90)).unwrap();
        for metric in [Metric::Cosine, Metric::Euclidean] {
            let lists = all_nearest(&rows, metric, 30, &mut unwatched).unwrap();
            for list in &lists {
                let weights = weights(list, metric, 10.0);
                let entropy: f64 = weights.iter().map(|p| -p * p.ln()).sum();
                assert!((entropy - 10f64.ln()).abs() < 1e-6, "{entropy}");
                assert!(weights.windows(2).all(|pair| pair[0] >= pair[1]), "the nearer the more");
            }
            let all = Affinities::of(&lists, metric, 10.0);
            let weight =
                |row: usize, other: u32| all.row(row).iter().find(|entry| entry.0 == other).unwrap().1;
            let mut sum = 0.0;
            for row in 0..90 {
                for &(other, p) in all.row(row) {
                    assert_eq!(p, weight(other as usize, row as u32));
                    sum += p;
                }
            }
            assert!((sum - 1.0).abs() < 1e-12, "{sum}");
        }
    }

    #[test]
    fn equal_distances_share_evenly() {
        let list: Vec<Neighbour> = (0..6).map(|row| Neighbour { row, distance: 0.4 }).collect();
        assert_eq!(weights(&list, Metric::Cosine, 2.0), [1.0 / 6.0; 6]);
        assert!(weights(&[], Metric::Cosine, 2.0).is_empty());
        // One much nearer than the rest takes all that it can.
        let list: Vec<Neighbour> =
            (0..6).map(|row| Neighbour { row, distance: if row < 2 { 0.0 } else { 1e6 } }).collect();
        let got = weights(&list, Metric::Euclidean, 2.0);
        assert!((got[0] - 0.5).abs() < 1e-6 && got[5] < 1e-6, "{got:?}");
    }
}
