//! Noise that follows from a picture's content, and noising.

use super::Schedule;
use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::tensor::rng::standard_normal;

/// Which of the endlessly many noises of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Draw {
    /// The user's seed.
    pub seed: u64,
    /// Number of the draw under that seed, from 0.
    pub number: u32,
}

/// ε for a preprocessed picture `x_0` `[3, H, W]`: standard normal values keyed by BLAKE3 of x_0 as
/// f32 little-endian, the draw number and the seed. The same for every timestep and block, and on
/// every machine.
pub fn noise_for(x_0: &Grid, draw: Draw) -> Grid {
    let mut hasher = blake3::Hasher::new();
    for value in x_0.values() {
        hasher.update(&value.to_le_bytes());
    }
    hasher.update(&draw.number.to_le_bytes());
    hasher.update(&draw.seed.to_le_bytes());
    let values = standard_normal(hasher.finalize().as_bytes(), x_0.values().len());
    let mut values = values.into_iter();
    Grid::from_fn(x_0.channels(), x_0.height(), x_0.width(), |_, _, _| values.next().unwrap_or(0.0))
}

/// x_t = sqrt(ᾱ_t)·x_0 + sqrt(1 − ᾱ_t)·ε.
///
/// # Errors
/// When the shapes differ.
pub fn q_sample(schedule: &Schedule, timestep: usize, x_0: &Grid, noise: &Grid) -> Result<Grid> {
    let alpha_bar = schedule.alpha_bar(timestep);
    combine(x_0, noise, alpha_bar.sqrt() as f32, (1.0 - alpha_bar).sqrt() as f32)
}

/// The x_0 that a predicted noise implies: (x_t − sqrt(1 − ᾱ_t)·ε)/sqrt(ᾱ_t), clipped to [−1, 1].
/// Of a `prediction` with more channels than x_t (a learned variance) the first ones count.
///
/// # Errors
/// When the shapes do not fit.
pub fn predict_x_0(schedule: &Schedule, timestep: usize, x_t: &Grid, prediction: &Grid) -> Result<Grid> {
    let noise = prediction.values().get(..x_t.values().len());
    let noise = noise.ok_or_else(|| Error::Compute("the prediction is smaller than its input".into()))?;
    let noise = Grid::new(x_t.channels(), x_t.height(), x_t.width(), noise)?;
    let alpha_bar = schedule.alpha_bar(timestep);
    let x_0 = combine(x_t, &noise, (1.0 / alpha_bar).sqrt() as f32, -(1.0 / alpha_bar - 1.0).sqrt() as f32)?;
    let clipped: Vec<f32> = x_0.values().iter().map(|v| v.clamp(-1.0, 1.0)).collect();
    Grid::new(x_0.channels(), x_0.height(), x_0.width(), clipped)
}

fn combine(a: &Grid, b: &Grid, scale_a: f32, scale_b: f32) -> Result<Grid> {
    let shape = |grid: &Grid| (grid.channels(), grid.height(), grid.width());
    if shape(a) != shape(b) {
        return Err(Error::Data {
            name: "noise".into(),
            why: format!("its shape {:?} is not that of the picture, {:?}", shape(b), shape(a)),
        });
    }
    let values: Vec<f32> =
        a.values().iter().zip(b.values()).map(|(a, b)| scale_a * a + scale_b * b).collect();
    Grid::new(a.channels(), a.height(), a.width(), values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unet::config::NoiseSchedule;

    fn picture(shift: f32) -> Grid {
        Grid::from_fn(3, 8, 8, |c, y, x| (c * 64 + y * 8 + x) as f32 / 96.0 - 1.0 + shift)
    }

    #[test]
    fn noise_follows_content_seed_and_draw() {
        let draw = Draw { seed: 5, number: 0 };
        let noise = noise_for(&picture(0.0), draw);
        assert_eq!(noise, noise_for(&picture(0.0), draw));
        assert_ne!(noise, noise_for(&picture(1e-6), draw));
        assert_ne!(noise, noise_for(&picture(0.0), Draw { seed: 6, ..draw }));
        assert_ne!(noise, noise_for(&picture(0.0), Draw { number: 1, ..draw }));
    }

    #[test]
    fn the_true_noise_gives_the_picture_back() {
        let schedule = Schedule::new(NoiseSchedule::Linear, 1000);
        let x_0 = picture(0.0);
        let noise = noise_for(&x_0, Draw { seed: 0, number: 0 });
        for timestep in [0, 50, 500] {
            let x_t = q_sample(&schedule, timestep, &x_0, &noise).unwrap();
            let back = predict_x_0(&schedule, timestep, &x_t, &noise).unwrap();
            let far = back.values().iter().zip(x_0.values()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(far < 1e-3, "t {timestep}: {far}");
        }
    }

    #[test]
    fn shapes_must_agree() {
        let schedule = Schedule::new(NoiseSchedule::Linear, 10);
        assert!(q_sample(&schedule, 0, &picture(0.0), &Grid::from_fn(3, 8, 9, |_, _, _| 0.0)).is_err());
    }
}
