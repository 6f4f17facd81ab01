//! Random numbers that are the same everywhere: candle's CPU generator cannot be seeded.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// `count` independent standard normal values from a 256-bit key: ChaCha20, then Box–Muller in f64
/// with the portable functions of `libm`, rounded to f32 at the end. Bit-equal on every platform.
pub fn standard_normal(key: &[u8; 32], count: usize) -> Vec<f32> {
    let mut rng = ChaCha20Rng::from_seed(*key);
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        // 53 random bits each; the first is in (0, 1] so that its logarithm is finite.
        let radius_share = ((rng.next_u64() >> 11) + 1) as f64 / (1u64 << 53) as f64;
        let angle_share = (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        let radius = libm::sqrt(-2.0 * libm::log(radius_share));
        let angle = std::f64::consts::TAU * angle_share;
        values.push((radius * libm::cos(angle)) as f32);
        values.push((radius * libm::sin(angle)) as f32);
    }
    values.truncate(count);
    values
}

/// `count` independent values, uniform over [−1, 1), from a 256-bit key: 24 bits each of ChaCha20, so
/// that every value is exact.
pub fn uniform(key: &[u8; 32], count: usize) -> Vec<f32> {
    let mut rng = ChaCha20Rng::from_seed(*key);
    (0..count).map(|_| (rng.next_u32() >> 8) as f32 / 8_388_608.0 - 1.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_standard_normal_and_repeats() {
        let values = standard_normal(&[7; 32], 100_001);
        assert_eq!(values.len(), 100_001);
        assert_eq!(values, standard_normal(&[7; 32], 100_001));
        assert_ne!(values[..10], standard_normal(&[8; 32], 10)[..]);
        let n = values.len() as f64;
        let moment = |p: i32| values.iter().map(|&v| f64::from(v).powi(p)).sum::<f64>() / n;
        assert!(moment(1).abs() < 0.01, "mean {}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.02, "variance {}", moment(2));
        assert!((moment(4) - 3.0).abs() < 0.1, "fourth moment {}", moment(4));
    }

    #[test]
    fn uniform_values_fill_their_interval_and_repeat() {
        let values = uniform(&[7; 32], 100_000);
        assert_eq!(values, uniform(&[7; 32], 100_000));
        assert!(values.iter().all(|v| (-1.0..1.0).contains(v)));
        let n = values.len() as f64;
        let moment = |p: i32| values.iter().map(|&v| f64::from(v).powi(p)).sum::<f64>() / n;
        assert!(moment(1).abs() < 0.01 && (moment(2) - 1.0 / 3.0).abs() < 0.01);
        assert_eq!(
            values[..3],
            [-0.058_044_434, -0.484_659_9, 0.456_114_4],
            "the exact bits are part of the contract"
        );
    }

    /// The exact bits are part of the contract: results must not change between releases.
    #[test]
    fn bits_are_pinned() {
        let bits: Vec<u32> = standard_normal(&[0; 32], 4).iter().map(|v| v.to_bits()).collect();
        assert_eq!(bits, PINNED);
    }

    const PINNED: [u32; 4] = [1_058_286_999, 1_063_697_262, 1_052_452_430, 3_221_605_283];
}
