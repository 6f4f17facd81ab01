//! How good predicted classes and probabilities are, on pictures whose class is known.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Bins of confidence, of equal width over 0 to 1.
pub const BINS: usize = 10;

/// How far the probabilities of one picture may be from 1 together: rounding in f32, with room.
const SUM_TOLERANCE: f64 = 1e-3;

/// How a head did on labelled pictures. Shares are from 0 to 1.
///
/// ```
/// use difscope::train::metrics::Metrics;
///
/// let metrics = Metrics::of(&[0, 1], &[0.9, 0.1, 0.6, 0.4], 2)?;
/// assert_eq!((metrics.accuracy, metrics.count), (0.5, 2));
/// # Ok::<(), difscope::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Pictures tested on.
    pub count: usize,
    /// Share of them whose most likely class is theirs; of equally likely ones the first counts.
    pub accuracy: f64,
    /// Mean F1 over the classes that have pictures. A class without support says nothing about the head
    /// and is left out; what is wrongly taken for it counts against the classes it came from.
    pub macro_f1: f64,
    /// Mean of −ln p of the true class, in nats. A p below the least normal f32 counts as that
    /// (87.3 nats), so that a single certain mistake leaves the mean finite.
    pub cross_entropy: f64,
    /// Mean distance of confidence and accuracy over the bins, weighted by their pictures (Guo et al.,
    /// arXiv 1706.04599, equation 3).
    pub calibration_error: f64,
    /// Each class, in the order of their numbers.
    pub classes: Vec<ClassMetrics>,
    /// `[true class][predicted class]`, in pictures.
    pub confusion: Vec<Vec<usize>>,
    /// How often the head is right when it is so sure: [`BINS`] of them, from low confidence to high.
    pub reliability: Vec<Bin>,
}

/// How a head did on one class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassMetrics {
    /// Pictures of the class.
    pub support: usize,
    /// Pictures taken for it.
    pub predicted: usize,
    /// Share of its pictures that were recognised: the accuracy of the class. `None` without support.
    pub recall: Option<f64>,
    /// Share of the pictures taken for it that are of it. `None` where none was.
    pub precision: Option<f64>,
    /// 2·hits / (support + predicted). `None` without support.
    pub f1: Option<f64>,
}

/// The pictures whose largest probability lies in one range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// The lower end of the range, which belongs to it.
    pub low: f64,
    /// The upper end, which belongs to the next bin; 1 belongs to the last.
    pub high: f64,
    /// How many pictures.
    pub count: usize,
    /// Their mean largest probability; `None` where there is no picture.
    pub confidence: Option<f64>,
    /// The share of them that are right; `None` where there is no picture.
    pub accuracy: Option<f64>,
}

impl Metrics {
    /// Measures probabilities `[n, classes]`, row-major, against the `n` labels, 0 … `classes` − 1.
    ///
    /// # Errors
    /// When there is no picture or no class, the lengths do not fit, a label is no class, or a row is
    /// no distribution.
    pub fn of(labels: &[usize], probabilities: &[f32], classes: usize) -> Result<Metrics> {
        let predicted = predicted(probabilities, classes)?;
        if labels.is_empty() {
            return Err(Error::Setting("there is no picture to test on; test on one or more".into()));
        }
        check_labels(labels, predicted.len(), classes)?;

        let mut confusion = vec![vec![0; classes]; classes];
        let mut bins = vec![(0usize, 0.0f64, 0usize); BINS];
        let mut nats = 0.0;
        for ((&label, &guess), row) in labels.iter().zip(&predicted).zip(probabilities.chunks(classes)) {
            confusion[label][guess] += 1;
            nats -= f64::from(row[label].max(f32::MIN_POSITIVE)).ln();
            // In f32, where 0.7 · 10 is 7: as f64 the same number falls short of its bin.
            let place = ((row[guess] * BINS as f32) as usize).min(BINS - 1);
            bins[place].0 += 1;
            bins[place].1 += f64::from(row[guess]);
            bins[place].2 += usize::from(guess == label);
        }
        let count = labels.len();
        let share = |part: usize, of: usize| (of > 0).then(|| part as f64 / of as f64);
        let classes: Vec<ClassMetrics> = (0..classes)
            .map(|class| {
                let hits = confusion[class][class];
                let support: usize = confusion[class].iter().sum();
                let predicted: usize = confusion.iter().map(|row| row[class]).sum();
                ClassMetrics {
                    support,
                    predicted,
                    recall: share(hits, support),
                    precision: share(hits, predicted),
                    f1: (support > 0).then(|| 2.0 * hits as f64 / (support + predicted) as f64),
                }
            })
            .collect();
        let f1: Vec<f64> = classes.iter().filter_map(|class| class.f1).collect();
        let hits: usize = (0..confusion.len()).map(|class| confusion[class][class]).sum();
        Ok(Metrics {
            count,
            accuracy: hits as f64 / count as f64,
            macro_f1: f1.iter().sum::<f64>() / f1.len() as f64,
            cross_entropy: nats / count as f64,
            calibration_error: bins.iter().map(|(_, sure, right)| (sure - *right as f64).abs()).sum::<f64>()
                / count as f64,
            classes,
            confusion,
            reliability: bins
                .iter()
                .enumerate()
                .map(|(place, &(count, sure, right))| Bin {
                    low: place as f64 / BINS as f64,
                    high: (place + 1) as f64 / BINS as f64,
                    count,
                    confidence: (count > 0).then(|| sure / count as f64),
                    accuracy: share(right, count),
                })
                .collect(),
        })
    }
}

/// The most likely class of each row of probabilities `[n, classes]`, row-major; of equally likely ones
/// the first.
///
/// # Errors
/// When there is no class, the values are no whole rows, or a row is no distribution.
pub fn predicted(probabilities: &[f32], classes: usize) -> Result<Vec<usize>> {
    if classes == 0 || !probabilities.len().is_multiple_of(classes) {
        return Err(Error::Compute(format!(
            "{} probabilities are no whole rows of {classes} classes",
            probabilities.len()
        )));
    }
    probabilities.chunks(classes).enumerate().map(|(place, row)| most_likely(place, row)).collect()
}

/// Which of the pictures were recognised: what intervals and paired comparisons are computed from.
///
/// # Errors
/// As [`Metrics::of`], but no picture gives an empty list.
pub fn correct(labels: &[usize], probabilities: &[f32], classes: usize) -> Result<Vec<bool>> {
    let predicted = predicted(probabilities, classes)?;
    check_labels(labels, predicted.len(), classes)?;
    Ok(labels.iter().zip(&predicted).map(|(label, guess)| label == guess).collect())
}

fn check_labels(labels: &[usize], count: usize, classes: usize) -> Result<()> {
    if labels.len() != count {
        return Err(Error::Compute(format!(
            "{} labels for the probabilities of {count} pictures",
            labels.len()
        )));
    }
    match labels.iter().find(|&&label| label >= classes) {
        Some(label) => Err(Error::Compute(format!("label {label} is none of {classes} classes"))),
        None => Ok(()),
    }
}

fn most_likely(place: usize, row: &[f32]) -> Result<usize> {
    let sum: f64 = row.iter().map(|&p| f64::from(p)).sum();
    // Written so that NaN is refused as well.
    let is_distribution = (sum - 1.0).abs() <= SUM_TOLERANCE && row.iter().all(|&p| p >= 0.0);
    if !is_distribution {
        return Err(Error::Compute(format!(
            "the probabilities of picture {place} are not from 0 to 1 or do not sum to 1 (their sum is {sum})"
        )));
    }
    let mut best = 0;
    for (class, &p) in row.iter().enumerate() {
        if p > row[best] {
            best = class;
        }
    }
    Ok(best)
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
