//! Weights from a formula, so that reference networks need no weight file.
//!
//! `unit` is a splitmix64 step keyed by the FNV-1a hash of a string; a parameter's values follow
//! from its seed, name and shape alone.

/// The FNV-1a hash of `key`.
fn fnv1a64(key: &str) -> u64 {
    key.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

fn mix(hash: u64, index: u64) -> f32 {
    let mut z = hash.wrapping_add((index + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 40) as f32 / 8_388_608.0 - 1.0
}

/// The `index`-th value under `key`, in [−1, 1), exact in f32.
pub fn unit(key: &str, index: u64) -> f32 {
    mix(fnv1a64(key), index)
}

/// The first `count` values under `key`.
pub fn units(key: &str, count: usize) -> Vec<f32> {
    let hash = fnv1a64(key);
    (0..count as u64).map(|index| mix(hash, index)).collect()
}

/// The values of parameter `name` with shape `shape` under `seed`, row-major.
pub fn formula_parameter(seed: &str, name: &str, shape: &[usize]) -> Vec<f32> {
    let mut values = units(&format!("{seed}/{name}"), shape.iter().product());
    if shape.len() > 1 {
        let fan_in: usize = shape[1..].iter().product();
        let scale = (3.0 / fan_in as f64).sqrt() as f32;
        values.iter_mut().for_each(|v| *v *= scale);
    } else if name.ends_with("weight") {
        values.iter_mut().for_each(|v| *v = 1.0 + 0.1 * *v);
    } else {
        values.iter_mut().for_each(|v| *v *= 0.05);
    }
    values
}
