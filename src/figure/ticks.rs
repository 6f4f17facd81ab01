//! Numbers beside a scale: where they stand and how they are written.

/// Round values (1, 2 or 5 times a power of ten) within `range`, ascending, at most `max` of them.
///
/// At least one wherever a round value fits; for a range of one value that value; none for a range
/// that is not finite.
pub fn nice_ticks(range: [f32; 2], max: usize) -> Vec<f32> {
    let (lo, hi) = (range[0].min(range[1]), range[0].max(range[1]));
    if max == 0 || range.iter().any(|end| !end.is_finite()) {
        return Vec::new();
    }
    if lo == hi {
        return vec![lo];
    }
    let span = f64::from(hi) - f64::from(lo);
    let mut exponent = (span / max as f64).log10().floor() as i32;
    let mut finer: Vec<f32> = Vec::new();
    loop {
        for multiple in [1.0, 2.0, 5.0] {
            let ticks = multiples_within(lo, hi, multiple, exponent);
            if (1..=max).contains(&ticks.len()) {
                return ticks;
            }
            if ticks.is_empty() {
                // Only a small `max` falls between two steps: thin out the finer one.
                let every = finer.len().div_ceil(max).max(1);
                return finer.into_iter().step_by(every).collect();
            }
            finer = ticks;
        }
        exponent += 1;
    }
}

/// The whole multiples of `multiple · 10^exponent` in `lo..=hi`.
fn multiples_within(lo: f32, hi: f32, multiple: f64, exponent: i32) -> Vec<f32> {
    // Dividing by a power of ten keeps 0.1, 0.2 … exact where multiplying by 0.1 would not.
    let value = |i: f64| {
        let scaled = i * multiple;
        if exponent < 0 { scaled / 10f64.powi(-exponent) } else { scaled * 10f64.powi(exponent) }
    };
    let step = value(1.0);
    // One more on each side, so that rounding loses no tick at an end.
    let first = (f64::from(lo) / step).ceil() - 1.0;
    let count = ((f64::from(hi) / step).floor() + 1.0 - first) as usize;
    let mut ticks: Vec<f32> = (0..=count)
        .map(|k| value(first + k as f64) as f32 + 0.0)
        .filter(|tick| (lo..=hi).contains(tick))
        .collect();
    ticks.dedup();
    ticks
}

/// `value` with three significant digits: `0.500`, `12.3`, `-4.00`, `1230`, `1.23e5`, `2.00e−4`.
///
/// The minus is a true one (−), of the width of a digit; NaN is written `NaN`, infinity `∞`.
pub fn format_value(value: f32) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞".into() } else { "−∞".into() };
    }
    if value == 0.0 {
        return "0".into();
    }
    // Rounding first: 9.996 is 10.0, not 10.00.
    let scientific = format!("{:.2e}", f64::from(value));
    let exponent = exponent_of(&scientific);
    let text = match exponent {
        -3..=2 => format!("{:.*}", (2 - exponent) as usize, f64::from(value)),
        3 => format!("{:.0}", (f64::from(value) / 10.0).round() * 10.0),
        _ => scientific,
    };
    text.replace('-', "−")
}

/// The labels of neighbouring `ticks` of one scale, all with the same number of decimals: the fewest
/// that write each of them truly.
pub fn tick_labels(ticks: &[f32]) -> Vec<String> {
    let largest = ticks.iter().fold(0f32, |reach, tick| reach.max(tick.abs()));
    let step = ticks.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(f32::INFINITY, f32::min);
    let allowed = if step.is_finite() { step * 0.01 } else { largest * 1e-3 };
    let plain = largest == 0.0 || (1e-3..1e4).contains(&largest);
    let write = |tick: f32, decimals: usize| match tick {
        0.0 if !plain => "0".to_owned(),
        _ if plain => format!("{:.*}", decimals, f64::from(tick)),
        _ => format!("{:.*e}", decimals, f64::from(tick)),
    };
    let truly = |decimals: &usize| {
        ticks.iter().all(|&tick| {
            write(tick, *decimals)
                .parse::<f64>()
                .is_ok_and(|read| (read - f64::from(tick)).abs() <= f64::from(allowed))
        })
    };
    let decimals = (0..12).find(truly).unwrap_or(12);
    ticks.iter().map(|&tick| write(tick, decimals).replace('-', "−")).collect()
}

fn exponent_of(scientific: &str) -> i32 {
    scientific.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0)
}

/// Whole numbers with a comma between thousands.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_have_commas() {
        assert_eq!([0, 999, 1000, 4_425_062].map(thousands), ["0", "999", "1,000", "4,425,062"]);
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(nice_ticks([0.0, 1.0], 5), vec![0.0, 0.5, 1.0]);
        assert_eq!(nice_ticks([0.0, 1.0], 6), vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        assert_eq!(nice_ticks([-0.37, 0.81], 5), vec![0.0, 0.5]);
        assert_eq!(nice_ticks([12.3, 57.9], 5), vec![20.0, 30.0, 40.0, 50.0]);
        assert_eq!(nice_ticks([1.0, 0.0], 5), vec![0.0, 0.5, 1.0]);
        assert_eq!(nice_ticks([11.0, 14.0], 1).len(), 1);
    }

    #[test]
    fn odd_ranges_are_answered() {
        assert_eq!(nice_ticks([3.5, 3.5], 5), vec![3.5]);
        assert!(nice_ticks([f32::NAN, 1.0], 5).is_empty());
        assert!(nice_ticks([0.0, f32::INFINITY], 5).is_empty());
        assert!(nice_ticks([0.0, 1.0], 0).is_empty());
        assert!(!nice_ticks([f32::MIN, f32::MAX], 5).is_empty());
    }

    #[test]
    fn values_have_three_digits() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (0.5, "0.500"),
            (9.996, "10.0"),
            (-12.34, "−12.3"),
            (123.4, "123"),
            (1234.0, "1230"),
            (0.00123, "0.00123"),
            (123_456.0, "1.23e5"),
            (-0.000_2, "−2.00e−4"),
            (f32::NAN, "NaN"),
            (f32::NEG_INFINITY, "−∞"),
        ];
        for (value, text) in cases {
            assert_eq!(format_value(value), text);
        }
    }

    #[test]
    fn labels_share_their_decimals() {
        assert_eq!(tick_labels(&[0.0, 0.5, 1.0]), ["0.0", "0.5", "1.0"]);
        assert_eq!(tick_labels(&[-20.0, 0.0, 20.0]), ["−20", "0", "20"]);
        assert_eq!(tick_labels(&[0.0, 2e-5]), ["0", "2e−5"]);
        assert_eq!(tick_labels(&[100_000.0, 150_000.0]), ["1.0e5", "1.5e5"]);
        assert_eq!(tick_labels(&[1.0001, 1.0002]), ["1.0001", "1.0002"]);
        assert_eq!(tick_labels(&[3.5]), ["3.5"]);
        assert!(tick_labels(&[]).is_empty());
    }
}
