//! What answers come to, on pictures as they are or drawn anew.

use super::config::Metric;

/// What was said of a picture: the number of a class.
pub type Said = u16;

/// What a cell said of the same pictures, round after round of cross-validation.
pub type Rounds = Vec<Vec<Said>>;

/// Pictures whose class is known.
pub(in crate::study) struct Truth<'a> {
    /// The class of each.
    pub labels: &'a [usize],
    /// How many classes.
    pub classes: usize,
}

impl Truth<'_> {
    /// How often each picture counts where each is there once.
    pub fn once(&self) -> Vec<u32> {
        vec![1; self.labels.len()]
    }

    /// `metric` of `rounds`, their mean, where picture i counts `weights[i]` times. Classes none of whose
    /// pictures count are left out.
    pub fn value(&self, metric: Metric, rounds: &[Vec<Said>], weights: &[u32]) -> f64 {
        let right = |said: &[Said]| -> u64 {
            let pairs = said.iter().zip(self.labels).zip(weights);
            let hits = pairs.filter(|((said, label), _)| usize::from(**said) == **label);
            hits.map(|(_, &weight)| u64::from(weight)).sum()
        };
        if metric == Metric::Accuracy {
            // In whole numbers, so that a round share is one.
            let all = rounds.len() as u64 * weights.iter().map(|&weight| u64::from(weight)).sum::<u64>();
            return rounds.iter().map(|said| right(said)).sum::<u64>() as f64 / all.max(1) as f64;
        }
        let each = rounds.iter().map(|said| match metric {
            Metric::Accuracy | Metric::BalancedAccuracy => {
                let shares = self.shares(metric, weights);
                let right = said.iter().zip(self.labels).map(|(&said, &label)| usize::from(said) == label);
                right.zip(shares).map(|(right, share)| if right { share } else { 0.0 }).sum()
            }
            Metric::MacroF1 => self.macro_f1(said, weights),
        });
        each.sum::<f64>() / rounds.len().max(1) as f64
    }

    /// What each picture adds to accuracy or balanced accuracy when it is recognised.
    pub fn shares(&self, metric: Metric, weights: &[u32]) -> Vec<f64> {
        let all: u32 = weights.iter().sum();
        if metric == Metric::Accuracy {
            return weights.iter().map(|&weight| f64::from(weight) / f64::from(all.max(1))).collect();
        }
        let support = self.support(weights);
        let classes = support.iter().filter(|&&count| count > 0).count().max(1) as f64;
        let share = |(&weight, &label): (&u32, &usize)| match support[label] {
            0 => 0.0,
            count => f64::from(weight) / count as f64 / classes,
        };
        weights.iter().zip(self.labels).map(share).collect()
    }

    /// How often each picture was recognised, as a share of the rounds.
    pub fn right(&self, rounds: &[Vec<Said>]) -> Vec<f64> {
        let mut right = vec![0.0; self.labels.len()];
        for said in rounds {
            for ((right, &said), &label) in right.iter_mut().zip(said).zip(self.labels) {
                *right += f64::from(u8::from(usize::from(said) == label));
            }
        }
        right.iter().map(|count| count / rounds.len().max(1) as f64).collect()
    }

    fn support(&self, weights: &[u32]) -> Vec<u64> {
        let mut support = vec![0; self.classes];
        weights.iter().zip(self.labels).for_each(|(&weight, &label)| support[label] += u64::from(weight));
        support
    }

    fn macro_f1(&self, said: &[Said], weights: &[u32]) -> f64 {
        let support = self.support(weights);
        let (mut hits, mut taken) = (vec![0u64; self.classes], vec![0u64; self.classes]);
        for ((&said, &label), &weight) in said.iter().zip(self.labels).zip(weights) {
            let said = usize::from(said).min(self.classes - 1);
            taken[said] += u64::from(weight);
            if said == label {
                hits[label] += u64::from(weight);
            }
        }
        let known = (0..self.classes).filter(|&class| support[class] > 0);
        let f1: Vec<f64> =
            known.map(|class| 2.0 * hits[class] as f64 / (support[class] + taken[class]) as f64).collect();
        f1.iter().sum::<f64>() / f1.len().max(1) as f64
    }

    /// Whether these are answers about these pictures.
    pub fn fits(&self, said: &[Said]) -> bool {
        said.len() == self.labels.len() && said.iter().all(|&said| usize::from(said) < self.classes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::metrics::Metrics;

    const LABELS: [usize; 7] = [0, 0, 0, 0, 1, 1, 2];
    const SAID: [Said; 7] = [0, 0, 1, 0, 1, 0, 1];

    fn value(metric: Metric, rounds: &[Vec<Said>], weights: &[u32]) -> f64 {
        Truth { labels: &LABELS, classes: 4 }.value(metric, rounds, weights)
    }

    #[test]
    fn metrics_are_those_of_trained_heads() {
        let sure = SAID.iter().flat_map(|&said| (0..4).map(move |c| if c == said { 1.0 } else { 0.0 }));
        let metrics = Metrics::of(&LABELS, &sure.collect::<Vec<f32>>(), 4).unwrap();
        let once = [1; 7];
        let rounds = [SAID.to_vec()];
        assert!((value(Metric::Accuracy, &rounds, &once) - metrics.accuracy).abs() < 1e-12);
        assert!((value(Metric::MacroF1, &rounds, &once) - metrics.macro_f1).abs() < 1e-12);
        let recall: Vec<f64> = metrics.classes.iter().filter_map(|class| class.recall).collect();
        let balanced = recall.iter().sum::<f64>() / recall.len() as f64;
        assert!((value(Metric::BalancedAccuracy, &rounds, &once) - balanced).abs() < 1e-12);
    }

    #[test]
    fn a_picture_that_counts_twice_is_two_pictures() {
        let weights = [2, 1, 0, 1, 3, 1, 0];
        let truth = Truth { labels: &LABELS, classes: 4 };
        let repeat = |of: &dyn Fn(usize) -> usize| -> Vec<usize> {
            (0..7).flat_map(|i| vec![of(i); weights[i] as usize]).collect()
        };
        let labels = repeat(&|i| LABELS[i]);
        let said: Vec<Said> = repeat(&|i| usize::from(SAID[i])).into_iter().map(|s| s as Said).collect();
        let many = Truth { labels: &labels, classes: 4 };
        for metric in Metric::ALL {
            let rounds = [SAID.to_vec(), vec![0; 7]];
            let zeros = vec![0; said.len()];
            let want = many.value(metric, &[said.clone(), zeros], &many.once());
            assert!((truth.value(metric, &rounds, &weights) - want).abs() < 1e-12, "{metric}");
        }
    }
}
