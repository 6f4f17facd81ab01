//! What each picture adds to the score of a cell.

use crate::error::{Error, Result};
use crate::heads::Rows;
use crate::study::measures::clusters::{
    KMeansConfig, SilhouetteConfig, distances_between, k_means, neighbour_agreement, potentials, silhouette,
};
use crate::study::measures::neighbours::{Metric, all_nearest};
use crate::study::measures::{about, mean};
use crate::study::sweep::config::SweepConfig;
use crate::study::sweep::scores::Score;

/// Clusters where no classes are known.
const CLUSTERS: usize = 10;

/// Of each picture what it adds; their mean is the score. In f32, so that what was written to a file and
/// read again is the same to the bit.
pub(super) type Values = Vec<f32>;

/// What is measured.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Measure {
    score: Score,
    /// Clusters of silhouettes.
    pub clusters: usize,
    /// Nearest neighbours.
    pub neighbours: usize,
    pictures: usize,
    seed: u64,
}

impl Measure {
    /// What `config` asks for, on so many pictures of a data set with so many classes.
    ///
    /// # Errors
    /// When there are too few pictures for it.
    pub fn of(config: &SweepConfig, pictures: usize, classes: usize) -> Result<Measure> {
        let usual = if classes > 1 { classes } else { CLUSTERS };
        let clusters = config.clusters.unwrap_or(usual.min(pictures / 2));
        if config.score == Score::Silhouette && clusters >= pictures {
            return Err(Error::Setting(format!(
                "{clusters} clusters of {pictures} pictures leave each alone; use fewer --clusters or more pictures"
            )));
        }
        if config.score == Score::Agreement && config.neighbours >= pictures {
            return Err(Error::Setting(format!(
                "{pictures} pictures have no {} neighbours each; use fewer --neighbours or more pictures",
                config.neighbours
            )));
        }
        let (score, neighbours, seed) = (config.score, config.neighbours, config.seed);
        Ok(Measure { score, clusters, neighbours, pictures, seed })
    }

    /// What the score would be by chance, where that is known.
    pub fn chance(&self) -> Option<f64> {
        let others = self.pictures.saturating_sub(1).max(1) as f64;
        (self.score == Score::Agreement).then(|| self.neighbours as f64 / others)
    }

    /// Whether these may be values of a cell.
    pub fn fits(&self, values: &[f32]) -> bool {
        values.len() == self.count() && values.iter().all(|value| value.is_finite())
    }

    /// How many pictures are looked at.
    fn count(&self) -> usize {
        match self.score {
            Score::Silhouette => self.pictures.min(SilhouetteConfig::default().at_most),
            _ => self.pictures,
        }
    }

    /// What each picture adds, from its features under one noise, and under another where the score has
    /// two. Features are taken about their mean: what all pictures have in common says nothing.
    ///
    /// # Errors
    /// What `watch` returns; when a noise is missing, or features are not finite.
    pub fn values(
        &self,
        first: &Rows,
        second: Option<&Rows>,
        watch: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<Values> {
        let watch = &mut |_: usize, _: usize| watch();
        let centred = |rows: &Rows| about(rows, &mean(rows));
        let other = || centred(second.ok_or_else(|| Error::Compute("a second noise is missing".into()))?);
        let first = centred(first)?;
        let values: Vec<f64> = match self.score {
            Score::Silhouette => {
                let found = k_means(&first, KMeansConfig::new(self.clusters, self.seed), watch)?;
                if found.centres.count() < 2 {
                    // All pictures are the same to this cell: they lie in one place, far from nothing.
                    return Ok(vec![0.0; self.count()]);
                }
                let config = SilhouetteConfig { seed: self.seed, ..SilhouetteConfig::default() };
                let of = silhouette(&first, &found.labels, config, watch)?.of;
                of.into_iter().map(|(_, value)| value).collect()
            }
            Score::Alignment => distances_between(&first, &other()?)?,
            Score::Uniformity => {
                // The logarithm of a mean of pairs is no mean over pictures. To first order it is one: of
                // its projection (Hájek 1968), whose mean is the score itself.
                let all = potentials(&first, watch)?;
                let whole = all.iter().sum::<f64>() / all.len() as f64;
                let log = libm::log(whole);
                all.into_iter().map(|own| log + 2.0 * (own / whole - 1.0)).collect()
            }
            Score::Agreement => {
                let nearest = |rows: &Rows, watch: &mut dyn FnMut(usize, usize) -> Result<()>| {
                    all_nearest(rows, Metric::Cosine, self.neighbours, watch)
                };
                neighbour_agreement(&nearest(&first, watch)?, &nearest(&other()?, watch)?)?.of
            }
            Score::Ridge | Score::Linear | Score::Knn | Score::Prototype => {
                return Err(Error::Setting(format!("{} needs labels", self.score)));
            }
        };
        Ok(values.into_iter().map(|value| value as f32).collect())
    }
}
