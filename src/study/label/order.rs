//! What to label next.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::cover::{Cover, nearest_labelled};
use super::panel::disagreement;
use super::refit::{Refit, Suggestions};
use crate::data::split::Chance;
use crate::error::{Error, Result};

/// An order in which pictures are offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Cover the set first, then what is uncertain and stands for many.
    #[default]
    Recommended,
    /// Where two classes are almost equally likely.
    Uncertain,
    /// What is farthest from everything labelled, and stands for many.
    Diverse,
    /// Where ridge, prototype and kNN answer differently.
    Disagree,
    /// What is likeliest of one class.
    Class,
    /// What resembles one picture.
    Similar,
    /// As chance wills.
    Random,
    /// Labels that all others contradict.
    Check,
}

impl Order {
    /// All of them, the default first.
    pub const ALL: [Order; 8] = [
        Order::Recommended,
        Order::Uncertain,
        Order::Diverse,
        Order::Disagree,
        Order::Class,
        Order::Similar,
        Order::Random,
        Order::Check,
    ];

    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Order::Recommended => "recommended",
            Order::Uncertain => "uncertain",
            Order::Diverse => "diverse",
            Order::Disagree => "disagree",
            Order::Class => "class",
            Order::Similar => "similar",
            Order::Random => "random",
            Order::Check => "check",
        }
    }

    /// What it does, in one line.
    pub fn about(self) -> &'static str {
        match self {
            Order::Recommended => {
                "Pictures that stand for the whole set at first, then those that stand for many uncertain ones."
            }
            Order::Uncertain => "Pictures first where the two likeliest classes are almost equally likely.",
            Order::Diverse => "Pictures first that stand for many which resemble nothing labelled so far.",
            Order::Disagree => "Pictures first about which three quick heads (ridge, prototype, kNN) differ.",
            Order::Class => "One class at a time: pictures first that are likeliest of it.",
            Order::Similar => "Pictures first that resemble the one chosen, or the one labelled last.",
            Order::Random => "Pictures as chance wills, by the seed: slow, but never misleading.",
            Order::Check => {
                "Labelled pictures first whose label all other labels contradict: likely mistakes."
            }
        }
    }

    /// Whether it offers labelled pictures, to be looked at again, and not those without a label.
    pub fn is_of_labelled(self) -> bool {
        self == Order::Check
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Order {
    type Err = Error;

    fn from_str(text: &str) -> Result<Order> {
        Order::ALL.into_iter().find(|order| order.name() == text).ok_or_else(|| {
            let names = Order::ALL.map(Order::name).join(", ");
            Error::Setting(format!("there is no order {text:?}; choose one of {names}"))
        })
    }
}

/// What an order looks at.
pub struct Situation<'a> {
    /// What is labelled so far.
    pub refit: &'a Refit,
    /// What it suggests.
    pub suggestions: &'a Suggestions,
    /// How pictures lie among each other.
    pub cover: &'a Cover,
    /// The class of [`Order::Class`]; the one with the fewest labels where none is said.
    pub class: Option<usize>,
    /// The picture of [`Order::Similar`]; the one labelled last where none is said.
    pub similar_to: Option<usize>,
    /// Of chance.
    pub seed: u64,
}

/// Labels of each class on average up to which the default order covers the set.
const COVERED: usize = 2;
/// How fast a picture's own uncertainty comes to count beside that of those it stands for. Found on users of
/// other seeds than the bench has by default.
const OWN: f64 = 0.7;

impl Situation<'_> {
    /// `pictures` in `order`, of equals the earlier first. For [`Order::Check`] these are labelled pictures,
    /// else ones without a label.
    ///
    /// # Errors
    /// When a picture of [`Order::Check`] has no label.
    pub fn ranked(&self, order: Order, pictures: &[usize]) -> Result<Vec<usize>> {
        let mut keyed: Vec<(f64, usize)> =
            self.priorities(order, pictures)?.into_iter().zip(pictures.iter().copied()).collect();
        keyed.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        Ok(keyed.into_iter().map(|(_, picture)| picture).collect())
    }

    /// The first of [`Situation::ranked`]; none of no pictures.
    ///
    /// # Errors
    /// As [`Situation::ranked`].
    pub fn first(&self, order: Order, pictures: &[usize]) -> Result<Option<usize>> {
        let keyed = self.priorities(order, pictures)?.into_iter().zip(pictures.iter().copied());
        let better = |a: (f64, usize), b: (f64, usize)| {
            if b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).is_gt() { b } else { a }
        };
        Ok(keyed.reduce(better).map(|(_, picture)| picture))
    }

    /// How much each of `pictures` is wanted.
    fn priorities(&self, order: Order, pictures: &[usize]) -> Result<Vec<f64>> {
        let labelled = self.refit.pictures().len();
        let margin = |picture: usize| f64::from(self.suggestions.best(picture).margin);
        Ok(match order {
            Order::Random => self.by_chance(pictures),
            Order::Check => return self.by_contradiction(pictures),
            // Before anything is known of two classes, nothing else can be said.
            _ if labelled == 0 => self.by_cover(pictures, |_| 1.0),
            Order::Diverse => self.by_cover(pictures, |_| 1.0),
            Order::Recommended if labelled < COVERED * self.refit.classes() => {
                self.by_cover(pictures, |_| 1.0)
            }
            Order::Recommended => {
                let gains = self.by_cover(pictures, |member| 1.0 - margin(member) as f32);
                // With more labels, what a picture's own label tells counts more.
                let power = OWN * libm::log(labelled as f64 / self.refit.classes() as f64);
                let own = |(gain, &picture): (f64, &usize)| match gain > 0.0 {
                    true => gain * libm::pow(1.0 - margin(picture), power),
                    false => gain,
                };
                gains.into_iter().zip(pictures).map(own).collect()
            }
            Order::Uncertain => pictures.iter().map(|&picture| -margin(picture)).collect(),
            Order::Disagree => {
                let differ = disagreement(self.refit, self.suggestions, pictures);
                differ.iter().zip(pictures).map(|(d, &picture)| d - margin(picture)).collect()
            }
            Order::Class => {
                let class = self.class.unwrap_or_else(|| self.rarest());
                let likely = |&picture: &usize| f64::from(self.suggestions.of(picture)[class]);
                pictures.iter().map(likely).collect()
            }
            Order::Similar => {
                let last = self.refit.pictures().last().copied();
                self.by_likeness(self.similar_to.or(last), pictures)
            }
        })
    }

    /// The class with the fewest labels, of equals the first.
    fn rarest(&self) -> usize {
        let mut counts = vec![0; self.refit.classes()];
        self.refit.labels().iter().for_each(|&label| counts[label] += 1);
        (0..counts.len()).min_by_key(|&class| (counts[class], class)).unwrap_or(0)
    }

    fn by_chance(&self, pictures: &[usize]) -> Vec<f64> {
        let mut order: Vec<usize> = (0..self.refit.space().count()).collect();
        Chance::new(self.seed, "order of labelling").shuffle(&mut order);
        let mut rank = vec![0.0; order.len()];
        order.iter().enumerate().for_each(|(place, &picture)| rank[picture] = -(place as f64));
        pictures.iter().map(|&picture| rank[picture]).collect()
    }

    /// Pictures beyond the sample come last, the farthest from what is labelled first.
    fn by_cover(&self, pictures: &[usize], weight: impl Fn(usize) -> f32 + Sync) -> Vec<f64> {
        let gains = self.cover.gains(self.refit, pictures, weight);
        let value = |(gain, &picture): (Option<f32>, &usize)| match gain {
            Some(gain) => f64::from(gain),
            None => -1.0 - f64::from(nearest_labelled(self.refit, picture).unwrap_or(0.0)),
        };
        gains.into_iter().zip(pictures).map(value).collect()
    }

    fn by_likeness(&self, to: Option<usize>, pictures: &[usize]) -> Vec<f64> {
        let Some(to) = to else { return vec![0.0; pictures.len()] };
        let space = self.refit.space();
        let products = space.products(&[to]);
        pictures.iter().map(|&picture| f64::from(space.cosine(to, picture, products[picture]))).collect()
    }

    /// How much better another class scores than the label, by the others' labels alone.
    fn by_contradiction(&self, pictures: &[usize]) -> Result<Vec<f64>> {
        let (left_out, classes) = (self.refit.left_out(), self.refit.classes());
        let of_place = |(place, row): (usize, &[f64])| {
            let label = self.refit.labels()[place];
            let others = row.iter().enumerate().filter(|(class, _)| *class != label);
            others.map(|(_, score)| *score).fold(f64::NEG_INFINITY, f64::max) - row[label]
        };
        let mut by_picture = vec![None; self.refit.space().count()];
        for (place, row) in left_out.chunks_exact(classes).enumerate() {
            by_picture[self.refit.pictures()[place]] = Some(of_place((place, row)));
        }
        let value = |&picture: &usize| match (self.refit.label_of(picture), by_picture[picture]) {
            (Some(_), value) => Ok(value.unwrap_or(0.0)),
            (None, _) => Err(Error::Compute(format!("picture {picture} has no label to check"))),
        };
        pictures.iter().map(value).collect()
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
