//! From scores to probabilities: a softmax whose temperature is fitted to scores that each picture
//! got while it was left out.

/// `score · sharpness` goes into the softmax; searched between these.
const RANGE: (f64, f64) = (-4.0, 7.0);
const ROUNDS: usize = 40;

/// The sharpness that makes left-out scores most likely. Targets are smoothed as Platt does: of n
/// pictures, the right class gets (n + 1)/(n + K) and each other 1/(n + K), so that few examples
/// cannot make it certain. `scores` are rows of `classes`. 1 without any.
pub(super) fn sharpness(scores: &[f64], labels: &[usize], classes: usize) -> f32 {
    if labels.is_empty() {
        return 1.0;
    }
    let n = labels.len() as f64;
    let (right, other) = ((n + 1.0) / (n + classes as f64), 1.0 / (n + classes as f64));
    let loss = |log_sharpness: f64| {
        let sharpness = log_sharpness.exp();
        let rows = scores.chunks_exact(classes).zip(labels);
        rows.map(|(row, &label)| {
            let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = row.iter().map(|score| ((score - top) * sharpness).exp()).sum();
            let log_p = |score: f64| (score - top) * sharpness - sum.ln();
            let all: f64 = row.iter().map(|&score| log_p(score)).sum();
            -(right - other) * log_p(row[label]) - other * all
        })
        .sum::<f64>()
    };
    // The loss is convex in the sharpness, so it has one valley: golden sections find it.
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = RANGE;
    let (mut a, mut b) = (high - golden * (high - low), low + golden * (high - low));
    let (mut at_a, mut at_b) = (loss(a), loss(b));
    for _ in 0..ROUNDS {
        if at_a <= at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - golden * (high - low);
            at_a = loss(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + golden * (high - low);
            at_b = loss(b);
        }
    }
    ((low + high) / 2.0).exp() as f32
}

/// Rows of `classes` logits to rows that sum to one.
pub fn softmax_rows(logits: &[f32], classes: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(logits.len());
    for row in logits.chunks_exact(classes.max(1)) {
        let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let parts: Vec<f64> = row.iter().map(|&logit| f64::from(logit - top).exp()).collect();
        let sum: f64 = parts.iter().sum();
        out.extend(parts.iter().map(|part| (part / sum) as f32));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three of four right, each by one: the likeliest softmax gives the smoothed share.
    #[test]
    fn the_share_of_right_answers_becomes_the_confidence() {
        let scores = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0];
        let sharpness = f64::from(sharpness(&scores, &[0, 0, 0, 1], 2));
        let confidence = 1.0 / (1.0 + (-sharpness).exp());
        let (right, other) = (5.0 / 6.0, 1.0 / 6.0);
        assert!((confidence - (3.0 * right + other) / 4.0).abs() < 1e-4, "{confidence}");
    }

    #[test]
    fn few_examples_are_never_certain_and_noise_is_worth_little() {
        let all_right = f64::from(sharpness(&[1.0, -1.0, -1.0, 1.0], &[0, 1], 2));
        let confidence = 1.0 / (1.0 + (-2.0 * all_right).exp());
        assert!((confidence - 0.75).abs() < 1e-4, "{confidence}");
        assert!(sharpness(&[1.0, -1.0, 1.0, -1.0], &[1, 1], 2) < 0.02);
        assert_eq!(sharpness(&[], &[], 2), 1.0);
    }
}
