//! The binomial distribution of an even coin.

/// The probability of exactly `hits` heads in `tosses` of an even coin.
pub(super) fn exactly_half(hits: usize, tosses: usize) -> f64 {
    if hits > tosses {
        return 0.0;
    }
    let ln_factorial = |n: usize| libm::lgamma(n as f64 + 1.0);
    let ln_ways = ln_factorial(tosses) - ln_factorial(hits) - ln_factorial(tosses - hits);
    libm::exp(ln_ways - tosses as f64 * std::f64::consts::LN_2)
}

/// The probability of at most `hits` heads in `tosses` of an even coin.
pub(super) fn at_most_half(hits: usize, tosses: usize) -> f64 {
    if hits >= tosses {
        return 1.0;
    }
    // From the upper term downward, each from the one before: p(k − 1) = p(k) · k / (tosses − k + 1).
    let mut term = exactly_half(hits, tosses);
    let mut sum = term;
    for k in (1..=hits).rev() {
        term *= k as f64 / (tosses - k + 1) as f64;
        sum += term;
    }
    sum.min(1.0)
}
