//! Cross-validation: every picture is tested on once.

use super::draw::{Chance, Pool};
use super::{Candidate, How, Part, Split};
use crate::error::{Error, Result};

/// Pictures dealt to folds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folds {
    /// How many folds.
    pub count: usize,
    /// The seed they were drawn with.
    pub seed: u64,
    /// The fold of each candidate, from 0.
    pub fold_of: Vec<usize>,
    /// What should be known about them, in sentences.
    pub notes: Vec<String>,
}

/// Deals `candidates` to `count` folds: every class evenly (within one picture where none look the
/// same), groups undivided, whatever the order of the candidates.
///
/// # Errors
/// When there are fewer than two folds or classes, or all pictures of a class look the same.
pub fn cv_folds(count: usize, seed: u64, candidates: &[Candidate]) -> Result<Folds> {
    if count < 2 {
        return Err(Error::Setting(format!("{count} folds leave nothing to test on; use --folds 2 or more")));
    }
    let pool = Pool::of(candidates)?;
    pool.check_apart()?;
    let mut notes = Vec::new();
    for (name, units) in pool.classes.iter().zip(pool.units_of_classes()) {
        if units < count {
            notes.push(format!(
                "class {name} has only {units} different pictures for {count} folds: some folds test none of them"
            ));
        }
    }
    let mut order: Vec<usize> = (0..pool.units.len()).collect();
    Chance::new(seed, "folds").shuffle(&mut order);
    // Stable: units of one size stay shuffled.
    order.sort_by_key(|&unit| std::cmp::Reverse(pool.units[unit].len()));
    let mut of_class = vec![vec![0; pool.classes.len()]; count];
    let mut of_fold = vec![0; count];
    let mut fold_of = vec![0; candidates.len()];
    for unit in order {
        let members = &pool.units[unit];
        let weights = pool.weights(members);
        let filled =
            |fold: usize| (weights.keys().map(|&class| of_class[fold][class]).sum::<usize>(), of_fold[fold]);
        let fold = (0..count).min_by_key(|&fold| filled(fold)).unwrap_or(0);
        for (class, number) in weights {
            of_class[fold][class] += number;
        }
        of_fold[fold] += members.len();
        for &at in members {
            fold_of[at] = fold;
        }
    }
    Ok(Folds { count, seed, fold_of, notes })
}

impl Folds {
    /// The split that tests on `fold` and learns from the others.
    pub fn split(&self, candidates: &[Candidate], fold: usize) -> Split {
        let part = |&of: &usize| Some(if of == fold { Part::Test } else { Part::Train });
        let parts: Vec<Option<Part>> = self.fold_of.iter().map(part).collect();
        let share = 1.0 - 1.0 / self.count as f64;
        let how = How::Fractions { train: share, validation: 0.0 };
        Split::placed(how, self.seed, candidates, &parts, self.notes.clone())
    }
}
