//! What a head that learned from some pictures says of others.

use super::metric::Said;
use crate::error::Result;
use crate::heads::{HeadConfig, InstantHead, Rows};

/// What is said of each of `rows` by the head that learned from all other folds. `folds` has the fold of
/// each row; `watch` is asked between folds.
///
/// # Errors
/// What `watch` returns, or when features are not finite.
pub(super) fn cross_validated(
    head: &HeadConfig,
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
        let answers = answered(head, &some(rows, &learned)?, (&labels, classes), &some(rows, &asked)?)?;
        asked.iter().zip(answers).for_each(|(&row, answer)| said[row] = answer);
    }
    Ok(said)
}

/// What is said of `asked` by the head that learned from `learned`; of equally likely classes the first.
///
/// # Errors
/// When labels do not fit.
pub(super) fn answered(
    head: &HeadConfig,
    learned: &Rows,
    (labels, classes): (&[usize], usize),
    asked: &Rows,
) -> Result<Vec<Said>> {
    let head = InstantHead::fit(head, learned, labels, classes)?;
    let logits = head.logits(asked)?;
    let top = |row: &[f32]| {
        (0..classes).fold(0, |best, class| if row[class] > row[best] { class } else { best }) as Said
    };
    Ok(logits.chunks_exact(classes).map(top).collect())
}

fn some(rows: &Rows, of: &[usize]) -> Result<Rows> {
    Rows::new(rows.width(), of.iter().flat_map(|&row| rows.row(row)).copied().collect())
}
