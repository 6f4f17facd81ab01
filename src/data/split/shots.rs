//! So many pictures of each class.

use super::draw::{Chance, Pool};
use super::{Part, pictures};
use crate::error::{Error, Result};

/// Pictures of each class that are wanted.
pub(super) struct Wanted {
    pub train: usize,
    pub validation: usize,
    pub test: Option<usize>,
}

/// The part of each candidate. Each class is drawn by itself: one picture of each group is taken, those
/// tested on from one end of the shuffled groups, those learned from from the other.
pub(super) fn parts(
    pool: &Pool<'_>,
    seed: u64,
    wanted: Wanted,
    notes: &mut Vec<String>,
) -> Result<Vec<Option<Part>>> {
    if wanted.train == 0 {
        return Err(Error::Setting("0 pictures per class teach nothing; use --shots 1 or more".into()));
    }
    let tested = wanted.test != Some(0);
    if tested {
        pool.check_apart()?;
    }
    let mut side: Vec<Option<Part>> = vec![None; pool.units.len()];
    let mut parts = vec![None; pool.candidates.len()];
    for (class, name) in pool.classes.iter().enumerate() {
        let mut units: Vec<usize> = (0..pool.units.len())
            .filter(|&unit| pool.units[unit].iter().any(|&at| pool.class_of[at] == class))
            .collect();
        Chance::new(seed, &format!("shots of {name}")).shuffle(&mut units);
        // A group with pictures of several classes stays where the first class put it.
        let fixed = |part: Part, most: usize| -> Vec<usize> {
            units.iter().copied().filter(|&unit| side[unit] == Some(part)).take(most).collect()
        };
        let mut train = fixed(Part::Train, wanted.train);
        let held_test = fixed(Part::Test, usize::MAX);
        let held_validation = fixed(Part::Validation, wanted.validation);
        let mut free: Vec<usize> = units.iter().copied().filter(|&unit| side[unit].is_none()).collect();

        let for_test = usize::from(tested && held_test.is_empty());
        let more = (wanted.train - train.len()).min(free.len().saturating_sub(for_test));
        train.extend(free.drain(..more));
        if train.is_empty() {
            return Err(pool.only_duplicates(class));
        }
        let test = match wanted.test {
            Some(count) => {
                let mut test: Vec<usize> = held_test.into_iter().take(count).collect();
                let more = (count - test.len()).min(free.len());
                test.extend(free.drain(free.len() - more..));
                test
            }
            None => {
                let for_validation = wanted.validation.saturating_sub(held_validation.len());
                let kept = for_validation.min(free.len().saturating_sub(for_test));
                let rest = free.split_off(kept);
                held_test.into_iter().chain(rest).collect()
            }
        };
        let more = wanted.validation.saturating_sub(held_validation.len()).min(free.len());
        let validation: Vec<usize> =
            held_validation.into_iter().chain(free.drain(free.len() - more..)).collect();

        let mut got = [0; 3];
        for (part, units) in [(Part::Train, &train), (Part::Validation, &validation), (Part::Test, &test)] {
            for &unit in units {
                side[unit] = Some(part);
                let members = pool.units[unit].iter().filter(|&&at| pool.class_of[at] == class);
                let most = if part == Part::Test && wanted.test.is_none() { usize::MAX } else { 1 };
                for &at in members.take(most) {
                    parts[at] = Some(part);
                    got[part as usize] += 1;
                }
            }
        }
        // Where groups are few, the others of a group taken are better than fewer pictures.
        let spare = train.iter().flat_map(|&unit| &pool.units[unit]);
        for &at in spare.filter(|&&at| pool.class_of[at] == class) {
            if got[0] < wanted.train && parts[at].is_none() {
                parts[at] = Some(Part::Train);
                got[0] += 1;
            }
        }
        let asked = [wanted.train, wanted.validation, wanted.test.unwrap_or(1)];
        let words = ["to learn from", "to validate on", "to test on"];
        for ((got, asked), what) in got.into_iter().zip(asked).zip(words) {
            if got < asked {
                let all = pool.class_of.iter().filter(|&&of| of == class).count();
                let got = pictures(got);
                notes.push(format!("class {name}: {got} {what} instead of {asked}, it has {all}"));
            }
        }
    }
    Ok(parts)
}
