//! Drawing seeds and pictures with replacement.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;

use super::{Bootstrap, Tested};
use crate::error::{Error, Result};

/// Which pictures each seed was tested on.
pub(super) struct Design {
    /// Per seed, in its own order: places among the different pictures.
    seeds: Vec<Vec<u32>>,
    pictures: u32,
}

impl Design {
    pub fn of(seeds: &[Tested]) -> Result<Design> {
        if seeds.is_empty() {
            return Err(Error::Setting("there is no seed to compute an interval over".into()));
        }
        let mut all: Vec<usize> = seeds.iter().flat_map(|seed| seed.images.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        let pictures = u32::try_from(all.len())
            .map_err(|_| Error::Setting(format!("{} pictures are too many for an interval", all.len())))?;
        let place = |image: &usize| all.binary_search(image).unwrap_or(0) as u32;
        let seeds = seeds.iter().map(|seed| seed.images.iter().map(place).collect()).collect();
        Ok(Design { seeds, pictures })
    }

    /// How many different pictures there are.
    pub fn pictures(&self) -> usize {
        self.pictures as usize
    }

    /// The mean over seeds of the mean over pictures of each of `sets`, `[seed][image]`.
    pub fn as_it_is(&self, sets: &[Vec<Vec<i8>>]) -> Vec<f64> {
        let ones = vec![1; self.pictures()];
        self.means(sets, &vec![1; self.seeds.len()], &ones).unwrap_or_else(|| vec![f64::NAN; sets.len()])
    }

    /// The same with every seed and every picture counted so many times; `None` where no seed that
    /// counts was tested on a picture that counts. Such a seed is passed over.
    fn means(&self, sets: &[Vec<Vec<i8>>], of_seed: &[i32], of_picture: &[i32]) -> Option<Vec<f64>> {
        let mut sums = vec![0.0; sets.len()];
        let mut seeds = 0;
        for (seed, (places, &times)) in self.seeds.iter().zip(of_seed).enumerate() {
            if times == 0 {
                continue;
            }
            let weights: Vec<i32> = places.iter().map(|&place| of_picture[place as usize]).collect();
            let weight: i64 = weights.iter().map(|&weight| i64::from(weight)).sum();
            if weight == 0 {
                continue;
            }
            seeds += times;
            for (sum, set) in sums.iter_mut().zip(sets) {
                let hits: i64 =
                    set[seed].iter().zip(&weights).map(|(&x, &w)| i64::from(i32::from(x) * w)).sum();
                *sum += f64::from(times) * hits as f64 / weight as f64;
            }
        }
        (seeds > 0).then(|| sums.into_iter().map(|sum| sum / f64::from(seeds)).collect())
    }

    fn draw(&self, chance: &mut ChaCha20Rng) -> (Vec<i32>, Vec<i32>) {
        let mut times = |count: u32| {
            let mut times = vec![0; count as usize];
            for _ in 0..count {
                times[below(chance, count) as usize] += 1;
            }
            times
        };
        let seeds = times(self.seeds.len() as u32);
        (seeds, times(self.pictures))
    }
}

/// The means of each set in each draw, `[draw][set]`. Every draw has a stream of chance of its own, so
/// that threads change nothing.
pub(super) fn resample(design: &Design, sets: &[Vec<Vec<i8>>], bootstrap: Bootstrap) -> Vec<Vec<f64>> {
    let mut hasher = blake3::Hasher::new_derive_key("difscope 2026 bootstrap over seeds and pictures");
    hasher.update(&bootstrap.seed.to_le_bytes());
    let key: [u8; 32] = hasher.finalize().into();
    (0..bootstrap.resamples as u64)
        .into_par_iter()
        .map(|draw| {
            let mut chance = ChaCha20Rng::from_seed(key);
            chance.set_stream(draw);
            loop {
                let (seeds, pictures) = design.draw(&mut chance);
                if let Some(means) = design.means(sets, &seeds, &pictures) {
                    return means;
                }
            }
        })
        .collect()
}

/// How often each of `pictures` comes up in draw number `draw` of as many pictures with replacement.
pub(in crate::study) fn times_drawn(pictures: usize, draw: u64, seed: u64) -> Vec<u32> {
    let mut hasher = blake3::Hasher::new_derive_key("difscope 2026 bootstrap over pictures");
    hasher.update(&seed.to_le_bytes());
    let mut chance = ChaCha20Rng::from_seed(hasher.finalize().into());
    chance.set_stream(draw);
    let mut times = vec![0; pictures];
    for _ in 0..pictures {
        times[below(&mut chance, pictures as u32) as usize] += 1;
    }
    times
}

/// A number below `end`, each equally likely (Lemire, arXiv 1805.10941).
fn below(chance: &mut ChaCha20Rng, end: u32) -> u32 {
    // Low halves below this belong to numbers that would come up once too often.
    let unfair = end.wrapping_neg().checked_rem(end).unwrap_or(0);
    loop {
        let wide = u64::from(chance.next_u32()) * u64::from(end);
        if wide as u32 >= unfair {
            return (wide >> 32) as u32;
        }
    }
}
