//! Shares of each class.

use std::collections::BTreeMap;

use super::Part;
use super::draw::{Chance, Pool};
use crate::error::{Error, Result};

/// The order in which parts are served where there is too little for all.
const SERVED: [usize; 3] = [Part::Train as usize, Part::Test as usize, Part::Validation as usize];

/// The part of each candidate, for the shares of train and validation. Groups of several pictures are
/// placed first, by chance where they fit; single pictures then fill every class to its numbers.
pub(super) fn parts(
    pool: &Pool<'_>,
    seed: u64,
    [train, validation]: [f64; 2],
    notes: &mut Vec<String>,
) -> Result<Vec<Option<Part>>> {
    let test = 1.0 - train - validation;
    let possible = train > 0.0 && validation >= 0.0 && test > -1e-9;
    if !possible {
        let text = format!(
            "the shares {train} to learn from and {validation} to validate on are impossible: the first is \
             above 0, the second not below, both together at most 1"
        );
        return Err(Error::Setting(text));
    }
    let shares = [train, validation, if test < 1e-9 { 0.0 } else { test }];
    if shares[Part::Test as usize] > 0.0 {
        pool.check_apart()?;
    }
    let mut chance = Chance::new(seed, "fractions");
    let mut state = State {
        need: (0..pool.classes.len())
            .map(|class| {
                let count = pool.class_of.iter().filter(|&&of| of == class).count();
                apportion(count, shares).map(|wanted| wanted as i64)
            })
            .collect(),
        has: vec![[0; 3]; pool.classes.len()],
        units_left: pool.units_of_classes(),
    };
    let wanted = state.need.clone();
    let mut order: Vec<usize> = (0..pool.units.len()).collect();
    chance.shuffle(&mut order);
    // Stable: units of one size stay shuffled.
    order.sort_by_key(|&unit| std::cmp::Reverse(pool.units[unit].len()));
    let mut parts = vec![None; pool.candidates.len()];
    for unit in order {
        let members = &pool.units[unit];
        let part = state.choose(&pool.weights(members), &wanted, &mut chance);
        for &at in members {
            parts[at] = Some(Part::ALL[part]);
        }
    }
    for (class, name) in pool.classes.iter().enumerate() {
        let (has, want) = (&state.has[class], &wanted[class]);
        if has[Part::Train as usize] == 0 || (want[Part::Test as usize] > 0 && has[Part::Test as usize] == 0)
        {
            return Err(pool.only_duplicates(class));
        }
        if has.iter().zip(want).any(|(has, want)| has != want) {
            let [train, validation, test] = has;
            notes.push(format!(
                "class {name}: {train} train, {validation} validation, {test} test instead of {}, {}, {}, \
                 because near-duplicates stay together",
                want[0], want[1], want[2]
            ));
        }
    }
    Ok(parts)
}

struct State {
    /// Pictures still wanted, by class and part; below 0 where a group brought too many.
    need: Vec<[i64; 3]>,
    /// Pictures placed.
    has: Vec<[i64; 3]>,
    /// Units not yet placed that have pictures of each class.
    units_left: Vec<usize>,
}

impl State {
    /// Places a unit of so many pictures by class.
    fn choose(
        &mut self,
        weights: &BTreeMap<usize, usize>,
        wanted: &[[i64; 3]],
        chance: &mut Chance,
    ) -> usize {
        let empty = |class: usize| {
            let open = |&part: &usize| wanted[class][part] > 0 && self.has[class][part] == 0;
            SERVED.into_iter().filter(open).collect::<Vec<_>>()
        };
        // Few units are left for parts that have nothing yet.
        let pressed = weights.keys().map(|&class| (class, empty(class)));
        let urgent = pressed
            .filter(|(class, empty)| !empty.is_empty() && self.units_left[*class] <= empty.len())
            .map(|(_, empty)| empty[0])
            .next();
        let needs = |part: usize| weights.keys().map(|&class| self.need[class][part].max(0)).sum::<i64>();
        let fits =
            |part: &usize| weights.iter().all(|(&class, &count)| self.need[class][*part] >= count as i64);
        let part = urgent.unwrap_or_else(|| {
            let fitting: Vec<usize> = SERVED.into_iter().filter(fits).collect();
            let total: i64 = fitting.iter().map(|&part| needs(part)).sum();
            if total == 0 {
                let most = SERVED.into_iter().rev().max_by_key(|&part| needs(part));
                return most.unwrap_or(Part::Train as usize);
            }
            let mut drawn = chance.below(total as usize) as i64;
            let hit = fitting.iter().find(|&&part| {
                drawn -= needs(part);
                drawn < 0
            });
            hit.copied().unwrap_or(Part::Train as usize)
        });
        for (&class, &count) in weights {
            self.need[class][part] -= count as i64;
            self.has[class][part] += count as i64;
            self.units_left[class] -= 1;
        }
        part
    }
}

/// `count` pictures by `shares` (together 1), by largest remainder; every part with a share gets one as
/// long as there are enough, train before test before validation.
pub(super) fn apportion(count: usize, shares: [f64; 3]) -> [usize; 3] {
    let exact = shares.map(|share| share * count as f64);
    let mut parts = exact.map(|value| (value + 1e-9).floor() as usize);
    let mut rest: Vec<usize> = SERVED.into_iter().filter(|&part| shares[part] > 0.0).collect();
    rest.sort_by(|&a, &b| (exact[b] - parts[b] as f64).total_cmp(&(exact[a] - parts[a] as f64)));
    let given: usize = parts.iter().sum();
    for &part in rest.iter().cycle().take(count.saturating_sub(given)) {
        parts[part] += 1;
    }
    for part in SERVED.into_iter().filter(|&part| shares[part] > 0.0) {
        let most = SERVED.into_iter().rev().max_by_key(|&part| parts[part]).unwrap_or(part);
        if parts[part] == 0 && parts[most] > 1 {
            parts[most] -= 1;
            parts[part] += 1;
        }
    }
    parts
}
