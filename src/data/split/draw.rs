//! What every way of splitting needs: pictures in an order of their own, and seeded chance.

use std::collections::BTreeMap;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::Candidate;
use crate::error::{Error, Result};

/// The candidates, grouped and ordered by their content alone.
pub(super) struct Pool<'a> {
    /// As they were given.
    pub candidates: &'a [Candidate],
    /// Names of the classes, sorted.
    pub classes: Vec<&'a str>,
    /// The class of each candidate, a place in `classes`.
    pub class_of: Vec<usize>,
    /// Places of candidates that belong together; ordered by digest and name, inside and outside.
    pub units: Vec<Vec<usize>>,
}

impl<'a> Pool<'a> {
    /// Refuses fewer than two classes.
    pub fn of(candidates: &'a [Candidate]) -> Result<Pool<'a>> {
        let mut classes: Vec<&str> = candidates.iter().map(|candidate| candidate.class.as_str()).collect();
        classes.sort_unstable();
        classes.dedup();
        if classes.len() < 2 {
            let text = "a split needs pictures of at least two classes; label more";
            return Err(Error::Setting(text.into()));
        }
        let place = |candidate: &Candidate| classes.binary_search(&candidate.class.as_str()).unwrap_or(0);
        let class_of: Vec<usize> = candidates.iter().map(place).collect();
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        let key = |&at: &usize| {
            let Candidate { digest, name, class, .. } = &candidates[at];
            (*digest, name.as_str(), class.as_str())
        };
        order.sort_by(|a, b| key(a).cmp(&key(b)));
        let mut units: Vec<Vec<usize>> = Vec::new();
        let mut unit_of: BTreeMap<usize, usize> = BTreeMap::new();
        for at in order {
            let unit = *unit_of.entry(candidates[at].group).or_insert(units.len());
            match units.get_mut(unit) {
                Some(members) => members.push(at),
                None => units.push(vec![at]),
            }
        }
        Ok(Pool { candidates, classes, class_of, units })
    }

    /// How many pictures of each class are in `unit`.
    pub fn weights(&self, unit: &[usize]) -> BTreeMap<usize, usize> {
        let mut weights = BTreeMap::new();
        for &at in unit {
            *weights.entry(self.class_of[at]).or_default() += 1;
        }
        weights
    }

    /// How many units have pictures of each class.
    pub fn units_of_classes(&self) -> Vec<usize> {
        let mut count = vec![0; self.classes.len()];
        for class in self.units.iter().flat_map(|unit| self.weights(unit).into_keys()) {
            count[class] += 1;
        }
        count
    }

    /// Refuses a class of one picture, or all of whose pictures look the same.
    pub fn check_apart(&self) -> Result<()> {
        let alone = |class: &usize| self.class_of.iter().filter(|of| *of == class).count() == 1;
        if let Some(class) = (0..self.classes.len()).find(alone) {
            return Err(Error::Setting(format!(
                "the class {} has one picture; it takes two, one to learn from and one to test on: add one, \
                 leave the class out, or learn from so many of each class and test on none (--shots 1 --test 0)",
                self.classes[class]
            )));
        }
        match self.units_of_classes().iter().position(|&units| units < 2) {
            Some(class) => Err(self.only_duplicates(class)),
            None => Ok(()),
        }
    }

    /// The pictures of `class` cannot stand on two sides.
    pub fn only_duplicates(&self, class: usize) -> Error {
        Error::Setting(format!(
            "the pictures of class {} are near-duplicates of one another, so that none can test what the \
             others taught; add other pictures, or leave the class out",
            self.classes[class]
        ))
    }
}

/// Seeded chance: ChaCha20 keyed by a seed and a purpose.
pub struct Chance(ChaCha20Rng);

impl Chance {
    /// Other purposes are independent of each other.
    pub fn new(seed: u64, purpose: &str) -> Chance {
        let mut hasher = blake3::Hasher::new_derive_key("difscope 2026 split of a data set");
        hasher.update(&seed.to_le_bytes());
        hasher.update(purpose.as_bytes());
        Chance(ChaCha20Rng::from_seed(hasher.finalize().into()))
    }

    /// A number below `end` (at least 1), each equally likely.
    pub fn below(&mut self, end: usize) -> usize {
        let end = end.max(1) as u64;
        // The values past the last whole multiple would favour the small ones.
        let whole = u64::MAX - u64::MAX % end;
        loop {
            let value = self.0.next_u64();
            if value < whole {
                return (value % end) as usize;
            }
        }
    }

    /// A number in [0, 1), one of 2⁵³ equally likely.
    pub fn share(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Fisher–Yates.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last + 1));
        }
    }
}
