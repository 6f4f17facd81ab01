//! An instant head as named values, to be saved and restored.

use super::{InstantHead, Model, knn, prototype, ridge};
use crate::error::Result;
use crate::heads::config::HeadConfig;
use crate::heads::kind::HeadKind;

/// A named value: its shape and numbers.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::heads) struct Values {
    pub name: &'static str,
    pub shape: Vec<usize>,
    pub numbers: Vec<f32>,
}

/// Everything that makes a fitted head, beside its settings.
pub(in crate::heads) struct State;

impl State {
    /// Names and shapes of a head's values for rows of `width`; kNN keeps `rows` of them.
    pub fn shapes(
        kind: HeadKind,
        width: usize,
        classes: usize,
        rows: usize,
    ) -> Vec<(&'static str, Vec<usize>)> {
        let mut shapes = match kind {
            HeadKind::Ridge => vec![
                ("ridge.weight", vec![classes, width]),
                ("ridge.bias", vec![classes]),
                ("ridge.penalty", vec![1]),
            ],
            HeadKind::Prototype => {
                vec![("prototype.centre", vec![width]), ("prototype.vectors", vec![classes, width])]
            }
            HeadKind::Knn => vec![
                ("knn.centre", vec![width]),
                ("knn.rows", vec![rows, width]),
                ("knn.labels", vec![rows]),
                ("knn.k", vec![1]),
            ],
            _ => Vec::new(),
        };
        shapes.push(("sharpness", vec![1]));
        shapes
    }

    /// The values of `head`, in the order of [`State::shapes`].
    pub fn of(head: &InstantHead) -> Vec<Values> {
        let whole = |number: usize| number as f32;
        let (rows, numbers) = match &head.model {
            Model::Ridge(ridge) => (0, vec![ridge.weight.clone(), ridge.bias.clone(), vec![ridge.penalty]]),
            Model::Prototype(prototypes) => (0, vec![prototypes.centre.clone(), prototypes.vectors.clone()]),
            Model::Knn(knn) => {
                let labels = knn.labels.iter().map(|&label| whole(label)).collect();
                (knn.labels.len(), vec![knn.centre.clone(), knn.rows.clone(), labels, vec![whole(knn.k)]])
            }
        };
        let shapes = State::shapes(head.config.kind, head.width, head.classes, rows);
        let numbers = numbers.into_iter().chain([vec![head.sharpness]]);
        shapes
            .into_iter()
            .zip(numbers)
            .map(|((name, shape), numbers)| Values { name, shape, numbers })
            .collect()
    }

    /// The head of values in the shapes of [`State::shapes`].
    ///
    /// # Errors
    /// In words, when they contradict each other.
    pub fn restore(
        config: &HeadConfig,
        width: usize,
        classes: usize,
        values: Vec<Vec<f32>>,
    ) -> Result<InstantHead, String> {
        let mut values = values.into_iter();
        let mut next = || values.next().unwrap_or_default();
        let one = |numbers: Vec<f32>| numbers.first().copied().unwrap_or(0.0);
        let model = match config.kind {
            HeadKind::Ridge => {
                Model::Ridge(ridge::Ridge { weight: next(), bias: next(), penalty: one(next()) })
            }
            HeadKind::Prototype => {
                Model::Prototype(prototype::Prototypes { centre: next(), vectors: next() })
            }
            HeadKind::Knn => {
                let (centre, rows, labels, k) = (next(), next(), next(), one(next()));
                let whole = |value: &f32, limit: usize| {
                    (value.fract() == 0.0 && *value >= 0.0 && (*value as usize) < limit)
                        .then_some(*value as usize)
                };
                let labels: Option<Vec<usize>> = labels.iter().map(|label| whole(label, classes)).collect();
                let labels = labels.ok_or("a label is no class of it")?;
                let k = whole(&k, labels.len() + 1).filter(|&k| k > 0).ok_or("its k is impossible")?;
                Model::Knn(knn::Neighbours { centre, rows, labels, k })
            }
            other => return Err(format!("{other} is no instant head")),
        };
        Ok(InstantHead { config: config.clone(), classes, width, sharpness: one(next()), model })
    }
}
