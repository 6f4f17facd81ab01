//! What a head that learned from some pictures says of others.

use super::metric::Said;
use super::scores::Score;
use crate::error::{Error, Result};
use crate::heads::{Backbone, HeadConfig, HeadKind, InstantHead, LinearProbe, Rows};

/// What learns in every cell.
#[derive(Clone)]
pub(super) enum Learner {
    /// A head in closed form.
    Instant(HeadConfig),
    /// Logistic regression.
    Linear,
}

impl Learner {
    /// The learner of `score`, over a network.
    ///
    /// # Errors
    /// When the score learns nothing, or the network has no blocks.
    pub fn of(score: Score, backbone: &Backbone) -> Result<Learner> {
        let kind = match score {
            Score::Ridge => HeadKind::Ridge,
            Score::Knn => HeadKind::Knn,
            Score::Prototype => HeadKind::Prototype,
            Score::Linear => return Ok(Learner::Linear),
            other => return Err(Error::Setting(format!("{other} learns nothing"))),
        };
        Ok(Learner::Instant(HeadConfig::published(kind, backbone)?))
    }

    /// What is said of `asked` after `learned`; of equally likely classes the first.
    ///
    /// # Errors
    /// When labels do not fit.
    pub fn answers(
        &self,
        learned: &Rows,
        (labels, classes): (&[usize], usize),
        asked: &Rows,
    ) -> Result<Vec<Said>> {
        let logits = match self {
            Learner::Instant(head) => InstantHead::fit(head, learned, labels, classes)?.logits(asked)?,
            Learner::Linear => LinearProbe::fit(learned, labels, classes)?.logits(asked)?,
        };
        let top = |row: &[f32]| {
            (0..classes).fold(0, |best, class| if row[class] > row[best] { class } else { best }) as Said
        };
        Ok(logits.chunks_exact(classes).map(top).collect())
    }

    /// What is said of each of `rows` after all other folds. `folds` has the fold of each row; `watch` is
    /// asked between folds.
    ///
    /// # Errors
    /// What `watch` returns, or when features are not finite.
    pub fn cross_validated(
        &self,
        rows: &Rows,
        (labels, classes): (&[usize], usize),
        folds: &[usize],
        watch: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<Vec<Said>> {
        let count = folds.iter().max().map_or(0, |last| last + 1);
        let mut said = vec![0; rows.count()];
        for fold in 0..count {
            watch()?;
            let (asked, learned): (Vec<usize>, Vec<usize>) =
                (0..rows.count()).partition(|&row| folds[row] == fold);
            if asked.is_empty() {
                continue;
            }
            let labels: Vec<usize> = learned.iter().map(|&row| labels[row]).collect();
            let answers = self.answers(&some(rows, &learned)?, (&labels, classes), &some(rows, &asked)?)?;
            asked.iter().zip(answers).for_each(|(&row, answer)| said[row] = answer);
        }
        Ok(said)
    }
}

fn some(rows: &Rows, of: &[usize]) -> Result<Rows> {
    Rows::new(rows.width(), of.iter().flat_map(|&row| rows.row(row)).copied().collect())
}
