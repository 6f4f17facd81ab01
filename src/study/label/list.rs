//! Which pictures of a labelling session are shown, and in what order.

use super::refit::{Suggestion, Suggestions};
use super::session::{Mark, Session};
use crate::data::natural::natural_cmp;

/// Pictures by their mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// All.
    #[default]
    All,
    /// Those without a mark.
    Blank,
    /// Those of any class.
    Labelled,
    /// Those of one class.
    Class(usize),
    /// Those the user cannot tell.
    Unsure,
    /// Those of none of the classes.
    Outside,
}

impl Shown {
    fn holds(self, mark: Mark) -> bool {
        match self {
            Shown::All => true,
            Shown::Blank => mark == Mark::Blank,
            Shown::Labelled => mark.class().is_some(),
            Shown::Class(class) => mark.class() == Some(class),
            Shown::Unsure => mark == Mark::Unsure,
            Shown::Outside => mark == Mark::Outside,
        }
    }
}

/// Which pictures are shown: those for which all of it holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// By mark.
    pub shown: Shown,
    /// By the class suggested.
    pub suggested: Option<usize>,
    /// By the confidence of the suggestion, both ends included.
    pub confidence: Option<[f32; 2]>,
    /// By a part of the name, whatever the case.
    pub name: String,
}

/// In what order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// By name, numbers by their value.
    #[default]
    Name,
    /// The least confident suggestion first.
    LeastConfident,
    /// The most confident suggestion first.
    MostConfident,
}

/// Names of the pictures of a session, ready to be searched and sorted.
#[derive(Clone, Debug)]
pub struct Names {
    lower: Vec<String>,
    /// Pictures by name.
    sorted: Vec<usize>,
}

impl Names {
    /// The names of all pictures in the order of their numbers.
    pub fn new(names: &[String]) -> Names {
        let mut sorted: Vec<usize> = (0..names.len()).collect();
        sorted.sort_by(|&a, &b| natural_cmp(&names[a], &names[b]).then(a.cmp(&b)));
        Names { lower: names.iter().map(|name| name.to_lowercase()).collect(), sorted }
    }

    /// The pictures of `session` that `filter` lets through, in the order of `sort`, of equals by name.
    /// Without suggestions nothing is suggested, with no confidence.
    pub fn list(
        &self,
        session: &Session,
        suggestions: Option<&Suggestions>,
        filter: &Filter,
        sort: Sort,
    ) -> Vec<usize> {
        let wanted = filter.name.trim().to_lowercase();
        let best = |picture: usize| suggestions.map(|all| all.best(picture));
        let suits = |best: Option<Suggestion>| {
            let confidence = best.map_or(0.0, |best| best.confidence);
            filter.suggested.is_none_or(|class| best.is_some_and(|best| best.class == class))
                && filter.confidence.is_none_or(|[low, high]| (low..=high).contains(&confidence))
        };
        let asks = filter.suggested.is_some() || filter.confidence.is_some();
        let lets_through = |picture: &usize| {
            session.marks().get(*picture).is_some_and(|mark| filter.shown.holds(*mark))
                && (wanted.is_empty() || self.lower[*picture].contains(&wanted))
                && (!asks || suits(best(*picture)))
        };
        let mut list: Vec<usize> = self.sorted.iter().copied().filter(lets_through).collect();
        let confidence = |picture: usize| best(picture).map_or(0.0, |best| best.confidence);
        let mut by_confidence = |sign: f32| {
            let mut keyed: Vec<(f32, usize)> =
                list.iter().map(|&picture| (sign * confidence(picture), picture)).collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            list = keyed.into_iter().map(|(_, picture)| picture).collect();
        };
        match sort {
            Sort::Name => {}
            Sort::LeastConfident => by_confidence(1.0),
            Sort::MostConfident => by_confidence(-1.0),
        }
        list
    }
}
