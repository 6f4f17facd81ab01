//! Noise schedules (`gaussian_diffusion.py`, `respace.py`), in f64.

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::unet::config::{NoiseSchedule, UnetConfig};

/// What a schedule of T steps implies, each a vector of length T.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Variance added at each step.
    pub betas: Vec<f64>,
    /// ᾱ_t: the share of the picture's variance left at step t.
    pub alphas_cumprod: Vec<f64>,
    /// ᾱ_{t−1}, 1 at the first step.
    pub alphas_cumprod_prev: Vec<f64>,
    /// Variance of q(x_{t−1} | x_t, x_0).
    pub posterior_variance: Vec<f64>,
    /// Its logarithm, the first value (of variance 0) replaced by the second.
    pub posterior_log_variance_clipped: Vec<f64>,
    /// Weight of x_0 in the mean of q(x_{t−1} | x_t, x_0).
    pub posterior_mean_coef1: Vec<f64>,
    /// Weight of x_t in the mean of q(x_{t−1} | x_t, x_0).
    pub posterior_mean_coef2: Vec<f64>,
}

impl Schedule {
    /// The schedule a network was trained with.
    pub fn of(config: &UnetConfig) -> Schedule {
        Schedule::new(config.noise_schedule, config.diffusion_steps)
    }

    /// Linear β from 1e-4·1000/T to 0.02·1000/T, or the cosine schedule with β at most 0.999.
    pub fn new(kind: NoiseSchedule, steps: usize) -> Schedule {
        let betas = match kind {
            NoiseSchedule::Linear => {
                let scale = 1000.0 / steps as f64;
                let (first, last) = (scale * 1e-4, scale * 0.02);
                let spacing = (last - first) / steps.saturating_sub(1).max(1) as f64;
                (0..steps).map(|i| (first + i as f64 * spacing).min(1.0)).collect()
            }
            NoiseSchedule::Cosine => {
                let alpha_bar =
                    |share: f64| ((share + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2).cos().powi(2);
                let at = |i: usize| alpha_bar(i as f64 / steps as f64);
                (0..steps).map(|i| (1.0 - at(i + 1) / at(i)).min(0.999)).collect()
            }
        };
        Schedule::from_betas(betas)
    }

    fn from_betas(betas: Vec<f64>) -> Schedule {
        let alphas_cumprod: Vec<f64> = betas
            .iter()
            .scan(1.0, |product, beta| {
                *product *= 1.0 - beta;
                Some(*product)
            })
            .collect();
        let alphas_cumprod_prev: Vec<f64> =
            std::iter::once(1.0).chain(alphas_cumprod.iter().copied()).take(betas.len()).collect();
        let per_step = |value: &dyn Fn(f64, f64, f64) -> f64| -> Vec<f64> {
            (0..betas.len()).map(|t| value(betas[t], alphas_cumprod[t], alphas_cumprod_prev[t])).collect()
        };
        let posterior_variance = per_step(&|beta, now, before| beta * (1.0 - before) / (1.0 - now));
        let clipped = |t: usize| posterior_variance[if t == 0 { 1.min(betas.len() - 1) } else { t }];
        Schedule {
            posterior_log_variance_clipped: (0..betas.len()).map(|t| clipped(t).ln()).collect(),
            posterior_mean_coef1: per_step(&|beta, now, before| beta * before.sqrt() / (1.0 - now)),
            posterior_mean_coef2: per_step(&|beta, now, before| {
                (1.0 - before) * (1.0 - beta).sqrt() / (1.0 - now)
            }),
            posterior_variance,
            betas,
            alphas_cumprod,
            alphas_cumprod_prev,
        }
    }

    /// T, the number of steps.
    pub fn steps(&self) -> usize {
        self.betas.len()
    }

    /// ᾱ at `timestep`, the last one past the end.
    pub fn alpha_bar(&self, timestep: usize) -> f64 {
        self.alphas_cumprod.get(timestep).or(self.alphas_cumprod.last()).copied().unwrap_or(1.0)
    }

    /// ᾱ/(1 − ᾱ) at `timestep`: power of the picture over power of the noise.
    pub fn signal_to_noise(&self, timestep: usize) -> f64 {
        let alpha_bar = self.alpha_bar(timestep);
        alpha_bar / (1.0 - alpha_bar)
    }
}

/// The steps kept when `steps` are thinned: `sections` like `25` or `10,15,20` (as many from each
/// equal part), or `ddim25` (a fixed stride). `space_timesteps` in `respace.py`.
///
/// # Errors
/// When a section has fewer steps than asked for, or no stride gives the number.
pub fn respaced(steps: usize, sections: &str) -> Result<BTreeSet<usize>> {
    let refuse = |why: String| Error::Setting(format!("thinning {steps} steps by {sections:?}: {why}"));
    let number =
        |text: &str| text.trim().parse::<usize>().map_err(|_| refuse(format!("{text:?} is no number")));
    if let Some(count) = sections.strip_prefix("ddim") {
        let count = number(count)?;
        let stride = (1..steps).find(|stride| steps.div_ceil(*stride) == count);
        let stride = stride.ok_or_else(|| refuse(format!("no stride gives {count} steps")))?;
        return Ok((0..steps).step_by(stride).collect());
    }
    let counts = sections.split(',').map(number).collect::<Result<Vec<_>>>()?;
    let (size, extra) = (steps / counts.len(), steps % counts.len());
    let mut kept = BTreeSet::new();
    let mut start = 0;
    for (section, &count) in counts.iter().enumerate() {
        let size = size + usize::from(section < extra);
        if count == 0 || size < count {
            return Err(refuse(format!("a part of {size} steps cannot give {count}")));
        }
        let stride = if count == 1 { 1.0 } else { (size - 1) as f64 / (count - 1) as f64 };
        let mut place = 0.0f64;
        for _ in 0..count {
            kept.insert(start + place.round_ties_even() as usize);
            place += stride;
        }
        start += size;
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_that_cannot_be_is_refused() {
        assert!(respaced(10, "11").is_err());
        assert!(respaced(1000, "ddim999").is_err());
        assert!(respaced(1000, "ten").is_err());
    }

    #[test]
    fn signal_fades() {
        for kind in [NoiseSchedule::Linear, NoiseSchedule::Cosine] {
            for steps in [1, 2, 1000, 4000] {
                let schedule = Schedule::new(kind, steps);
                assert!(schedule.alphas_cumprod.windows(2).all(|pair| pair[1] < pair[0]), "{kind:?} {steps}");
                assert!(schedule.posterior_log_variance_clipped.len() == steps);
            }
        }
    }
}
