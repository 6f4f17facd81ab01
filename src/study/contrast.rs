//! Two runs picture by picture: by how much one is better, and where they disagree.

use std::collections::HashMap;

use serde::Serialize;

use super::statistics::{Bootstrap, Estimate, McNemar, Tested, difference, mcnemar};
use super::training::TestedPicture;
use crate::error::{Error, Result};
use crate::train::metrics::predicted;

/// What a run said of its test pictures.
#[derive(Clone, Copy, Debug)]
pub struct Answers<'a> {
    /// The pictures.
    pub tested: &'a [TestedPicture],
    /// `[n, K]` row-major.
    pub probabilities: &'a [f32],
    /// Names of the classes.
    pub classes: &'a [String],
}

/// A picture on which two runs disagree.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Disagreement {
    /// The picture.
    pub picture: TestedPicture,
    /// The classes that they take it for.
    pub said: [String; 2],
    /// How sure they are, 0 to 1.
    pub confidence: [f32; 2],
    /// Whether they are right.
    pub right: [bool; 2],
}

/// What two runs have in common and what not.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contrast {
    /// Pictures that both were tested on, with the same class.
    pub shared: usize,
    /// Pictures that only one of them was tested on.
    pub alone: usize,
    /// Accuracy of each on the shared pictures.
    pub accuracy: [f64; 2],
    /// Accuracy of the first minus that of the second, with its 95 % interval (paired bootstrap).
    pub difference: Estimate,
    /// Whether the pictures that only one recognises are split evenly.
    pub mcnemar: McNemar,
    /// Pictures that they take for different classes, the surest first.
    pub disagreements: Vec<Disagreement>,
}

impl Contrast {
    /// Compares two runs on the pictures that both were tested on.
    ///
    /// # Errors
    /// When they share no test picture.
    pub fn of(first: Answers, second: Answers, bootstrap: Bootstrap) -> Result<Contrast> {
        let guesses = [
            predicted(first.probabilities, first.classes.len())?,
            predicted(second.probabilities, second.classes.len())?,
        ];
        let label = |answers: &Answers, at: usize| answers.classes.get(answers.tested[at].label).cloned();
        let place: HashMap<_, usize> = (second.tested.iter().enumerate())
            .map(|(at, picture)| ((picture.digest, picture.name.as_str()), at))
            .collect();
        let pairs: Vec<(usize, usize)> = (first.tested.iter().enumerate())
            .filter_map(|(at, picture)| Some((at, *place.get(&(picture.digest, picture.name.as_str()))?)))
            .filter(|&(a, b)| label(&first, a) == label(&second, b))
            .collect();
        if pairs.is_empty() {
            let text = "the two were tested on different pictures; train both with the same split and seed";
            return Err(Error::Setting(text.into()));
        }
        let mut right = [Vec::with_capacity(pairs.len()), Vec::with_capacity(pairs.len())];
        let mut disagreements = Vec::new();
        for &(a, b) in &pairs {
            let picture = &first.tested[a];
            let (one, other) = (guesses[0][a], guesses[1][b]);
            let said = [first.classes[one].clone(), second.classes[other].clone()];
            let is_right = [one == picture.label, other == second.tested[b].label];
            right[0].push(is_right[0]);
            right[1].push(is_right[1]);
            if said[0] != said[1] {
                let confidence = [
                    first.probabilities[a * first.classes.len() + one],
                    second.probabilities[b * second.classes.len() + other],
                ];
                disagreements.push(Disagreement {
                    picture: picture.clone(),
                    said,
                    confidence,
                    right: is_right,
                });
            }
        }
        let sure = |d: &Disagreement| d.confidence[0] + d.confidence[1];
        disagreements.sort_by(|a, b| sure(b).total_cmp(&sure(a)));
        let numbers: Vec<usize> = (0..pairs.len()).collect();
        let tested = [Tested::on(numbers.clone(), right[0].clone())?, Tested::on(numbers, right[1].clone())?];
        Ok(Contrast {
            shared: pairs.len(),
            alone: first.tested.len() + second.tested.len() - 2 * pairs.len(),
            accuracy: [tested[0].accuracy().value, tested[1].accuracy().value],
            difference: difference(&tested[..1], &tested[1..], bootstrap)?,
            mcnemar: mcnemar(&right[0], &right[1])?,
            disagreements,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::dataset::Digest;

    fn picture(number: u8, label: usize) -> TestedPicture {
        let name = format!("{number}.png");
        TestedPicture { place: name.clone(), name, digest: Digest([number; 32]), label }
    }

    fn sure(guesses: &[usize], classes: usize) -> Vec<f32> {
        let row = |&guess: &usize| (0..classes).map(move |class| if class == guess { 0.9 } else { 0.1 });
        guesses.iter().flat_map(row).collect()
    }

    #[test]
    fn runs_are_paired_by_picture_and_class_name() {
        let classes = ["cat".to_string(), "dog".to_string()];
        let turned = ["dog".to_string(), "cat".to_string()];
        let first = [picture(1, 0), picture(2, 1), picture(3, 0), picture(9, 0)];
        // The same pictures in another order, with the classes numbered the other way round.
        let second = [picture(3, 1), picture(1, 1), picture(2, 0)];
        let (one, other) = (sure(&[0, 1, 0, 0], 2), sure(&[0, 1, 0], 2));
        let contrast = Contrast::of(
            Answers { tested: &first, probabilities: &one, classes: &classes },
            Answers { tested: &second, probabilities: &other, classes: &turned },
            Bootstrap::default(),
        )
        .unwrap();
        assert_eq!((contrast.shared, contrast.alone), (3, 1));
        assert_eq!(contrast.accuracy, [1.0, 2.0 / 3.0]);
        let [only] = &contrast.disagreements[..] else { panic!("{:?}", contrast.disagreements) };
        assert_eq!((only.picture.name.as_str(), only.right), ("3.png", [true, false]));
        assert_eq!(only.said, ["cat", "dog"]);
        assert_eq!((contrast.mcnemar.only_first, contrast.mcnemar.only_second), (1, 0));
        assert!(contrast.difference.contains(1.0 / 3.0));
    }

    #[test]
    fn runs_without_a_shared_picture_are_refused() {
        let classes = ["cat".to_string(), "dog".to_string()];
        let (first, second) = ([picture(1, 0)], [picture(2, 0)]);
        let said = sure(&[0], 2);
        let answers = |tested| Answers { tested, probabilities: &said, classes: &classes };
        let error = Contrast::of(answers(&first), answers(&second), Bootstrap::default()).unwrap_err();
        assert!(error.to_string().contains("different pictures"));
    }
}
