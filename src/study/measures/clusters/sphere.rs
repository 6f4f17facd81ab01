//! Alignment and uniformity of features on the unit sphere (Wang and Isola, arXiv 2005.10242).

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::heads::Rows;
use crate::study::measures::Watch;
use crate::study::measures::vectors::{distance2, units};
use crate::tensor::rows::PackedRows;

/// Pictures compared with all others at a time.
const BLOCK: usize = 192;

/// How far apart two noise draws of the same picture lie on average, as the squared distance of rows at
/// length one: 0 where noise changes nothing, 2 where the two are unrelated.
///
/// # Errors
/// When the two are not of the same pictures, or there is none.
pub fn alignment(first: &Rows, second: &Rows) -> Result<f64> {
    let all = distances_between(first, second)?;
    Ok(all.iter().sum::<f64>() / all.len() as f64)
}

/// What [`alignment`] is the mean of: the squared distance of each picture's two draws.
///
/// # Errors
/// As [`alignment`].
pub fn distances_between(first: &Rows, second: &Rows) -> Result<Vec<f64>> {
    if first.count() != second.count() || first.width() != second.width() || first.count() == 0 {
        return Err(Error::Compute("alignment needs two draws of the same pictures".into()));
    }
    let (a, b) = (units(first), units(second));
    let pairs = a.chunks_exact(first.width()).zip(b.chunks_exact(first.width()));
    Ok(pairs.map(|(a, b)| distance2(a, b)).collect())
}

/// How evenly pictures fill the unit sphere: ln of the mean of exp(−2·δ²) over all pairs, δ the distance
/// of rows at length one. 0 where all are in one place; the lower the more evenly, about −4 for unrelated
/// features of many dimensions. `watch` gets pictures done and all.
///
/// # Errors
/// When there are fewer than two pictures; what `watch` returns.
pub fn uniformity(rows: &Rows, watch: Watch<'_>) -> Result<f64> {
    let all = potentials(rows, watch)?;
    Ok(libm::log(all.iter().sum::<f64>() / all.len() as f64))
}

/// What [`uniformity`] is the logarithm of the mean of: for each picture the mean of exp(−2·δ²) over all
/// others.
///
/// # Errors
/// As [`uniformity`].
pub fn potentials(rows: &Rows, watch: Watch<'_>) -> Result<Vec<f64>> {
    let (count, width) = (rows.count(), rows.width());
    if count < 2 {
        return Err(Error::Setting("uniformity needs at least two pictures".into()));
    }
    let units = units(rows);
    let packed = PackedRows::new(&units, width);
    // A row of zeros is at no length, and at distance 1 of all others.
    let squares: Vec<f64> =
        units.chunks_exact(width).map(|row| f64::from(u8::from(row.iter().any(|&v| v != 0.0)))).collect();
    let mut all = Vec::with_capacity(count);
    for first in (0..count).step_by(BLOCK) {
        watch(first, count)?;
        let products = packed.products(&units[first * width..count.min(first + BLOCK) * width]);
        let of_row = |(at, products): (usize, &[f32])| {
            let row = first + at;
            let near = |(other, &product): (usize, &f32)| {
                let square = squares[row] + squares[other] - 2.0 * f64::from(product);
                libm::exp(-2.0 * square.max(0.0))
            };
            let others = products.iter().enumerate().filter(|&(other, _)| other != row);
            others.map(near).sum::<f64>() / (count - 1) as f64
        };
        let new: Vec<f64> = products.par_chunks(count).enumerate().map(of_row).collect();
        all.extend(new);
    }
    watch(count, count)?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::measures::unwatched;
    use crate::study::measures::vectors::exact_distance2;
    use crate::tensor::rng::standard_normal;

    fn random(seed: u8, count: usize, width: usize) -> Rows {
        Rows::new(width, standard_normal(&[seed; 32], count * width)).unwrap()
    }

    #[test]
    fn known_values() {
        let a = Rows::new(2, vec![2.0, 0.0, 0.0, 5.0]).unwrap();
        let b = Rows::new(2, vec![1.0, 0.0, 3.0, 0.0]).unwrap();
        assert!((alignment(&a, &b).unwrap() - 1.0).abs() < 1e-6, "0 for one and 2 for the other");
        // One pair, at squared distance 2.
        assert!((uniformity(&a, &mut unwatched).unwrap() + 4.0).abs() < 1e-6);
        assert!(uniformity(&Rows::new(2, vec![0.3; 20]).unwrap(), &mut unwatched).unwrap().abs() < 1e-5);
        assert!(uniformity(&Rows::new(2, vec![0.3; 2]).unwrap(), &mut unwatched).is_err());
        assert!(alignment(&a, &random(1, 3, 2)).is_err());
    }

    #[test]
    fn agrees_with_plain_loops() {
        let rows = random(3, 450, 6);
        let units = units(&rows);
        let units: Vec<&[f32]> = units.chunks_exact(6).collect();
        let (mut sum, mut pairs) = (0f64, 0.0);
        for i in 0..450 {
            for j in 0..i {
                sum += (-2.0 * exact_distance2(units[i], units[j])).exp();
                pairs += 1.0;
            }
        }
        let want = (sum / pairs).ln();
        let got = uniformity(&rows, &mut unwatched).unwrap();
        assert!((got - want).abs() < 1e-5, "{got} {want}");
        let stopped = uniformity(&rows, &mut |done, _| if done > 0 { Err(Error::Cancelled) } else { Ok(()) });
        assert!(stopped.unwrap_err().is_cancelled());
    }

    #[test]
    fn unrelated_draws_are_not_aligned_and_wide_ones_fill_the_sphere() {
        let (a, b) = (random(1, 300, 400), random(2, 300, 400));
        assert!((alignment(&a, &b).unwrap() - 2.0).abs() < 0.05);
        assert_eq!(alignment(&a, &a).unwrap(), 0.0);
        let even = uniformity(&a, &mut unwatched).unwrap();
        assert!((-4.0..-3.9).contains(&even), "{even}");
    }
}
