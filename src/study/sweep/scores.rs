//! The scores: what their values mean, and how they are written and coloured.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What a cell of the table is scored by: a head that learns from labelled pictures, or a measure of how
/// features lie that needs no labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Score {
    /// The head `ridge`: in closed form, its penalty chosen by rows left out.
    #[default]
    Ridge,
    /// A linear layer by logistic regression, to its optimum.
    Linear,
    /// The head `knn`.
    Knn,
    /// The head `prototype`.
    Prototype,
    /// The mean silhouette (Rousseeuw 1987) of clusters that k-means finds, by Euclidean distance: −1 to 1.
    Silhouette,
    /// The mean squared distance of a picture under two noises, features about their mean and at length one
    /// (Wang and Isola, arXiv 2005.10242): 0 to 4, lower is better.
    Alignment,
    /// The logarithm of the mean of exp(−2·δ²) over pairs of pictures, δ the distance of features about
    /// their mean and at length one (likewise): 0 where all lie in one place, lower is better.
    Uniformity,
    /// The share of a picture's nearest neighbours, by the cosine about the mean, that are so under another
    /// noise: 0 to 1.
    Agreement,
}

impl Score {
    /// All of them, those that learn first.
    pub const ALL: [Score; 8] = [
        Score::Ridge,
        Score::Linear,
        Score::Knn,
        Score::Prototype,
        Score::Silhouette,
        Score::Alignment,
        Score::Uniformity,
        Score::Agreement,
    ];

    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Score::Ridge => "ridge",
            Score::Linear => "linear",
            Score::Knn => "knn",
            Score::Prototype => "prototype",
            Score::Silhouette => "silhouette",
            Score::Alignment => "alignment",
            Score::Uniformity => "uniformity",
            Score::Agreement => "agreement",
        }
    }

    /// Whether pictures need labels.
    pub fn needs_labels(self) -> bool {
        matches!(self, Score::Ridge | Score::Linear | Score::Knn | Score::Prototype)
    }

    /// Refuses a score that needs no labels where only one that learns will do.
    pub(super) fn check_learns(self) -> Result<()> {
        match self.needs_labels() {
            true => Ok(()),
            false => Err(Error::Setting(format!(
                "sweeps by {self} are not made in shares; leave --shard out, they take few pictures (--pictures)"
            ))),
        }
    }

    /// How many noises of its own each picture is seen under.
    pub fn noises(self) -> usize {
        if matches!(self, Score::Alignment | Score::Agreement) { 2 } else { 1 }
    }

    /// What it is, in a sentence.
    pub fn about(self) -> &'static str {
        match self {
            Score::Ridge => "Ridge regression in closed form.",
            Score::Linear => "Logistic regression.",
            Score::Knn => "The nearest labelled pictures vote.",
            Score::Prototype => "The nearest mean of a class.",
            Score::Silhouette => {
                "Without labels: how far pictures lie inside clusters that nobody named, −1 to 1."
            }
            Score::Alignment => {
                "Without labels: how far apart two noises put the same picture, 0 to 4; lower is better. Features \
                 that ignore the picture are aligned best."
            }
            Score::Uniformity => {
                "Without labels: how evenly pictures fill the sphere, 0 and below; lower is better. Noise alone \
                 is the most uniform."
            }
            Score::Agreement => {
                "Without labels: the share of a picture's nearest neighbours that another noise leaves, 0 to 1."
            }
        }
    }

    /// How its values are written and coloured.
    pub fn scale(self) -> Scale {
        let plain = |decimals, bounds, least_span| Scale {
            factor: 1.0,
            decimals,
            unit: "",
            bounds,
            least_span,
            lower_is_better: matches!(self, Score::Alignment | Score::Uniformity),
        };
        match self {
            Score::Silhouette => plain(3, [-1.0, 1.0], 0.05),
            Score::Alignment => plain(4, [0.0, 4.0], 0.05),
            Score::Uniformity => plain(3, [-8.0, 0.0], 0.1),
            Score::Agreement => plain(3, [0.0, 1.0], 0.05),
            Score::Ridge | Score::Linear | Score::Knn | Score::Prototype => Scale {
                factor: 100.0,
                decimals: 1,
                unit: " %",
                bounds: [0.0, 100.0],
                least_span: 10.0,
                lower_is_better: false,
            },
        }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Score {
    type Err = Error;

    fn from_str(text: &str) -> Result<Score> {
        Score::ALL.into_iter().find(|score| score.name() == text).ok_or_else(|| {
            let names = Score::ALL.map(Score::name).join(", ");
            Error::Setting(format!("there is no score {text:?}; choose one of {names}"))
        })
    }
}

/// How values of a score are written and coloured: shares in percent, all else as plain numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    factor: f64,
    decimals: usize,
    unit: &'static str,
    /// Between which a value as shown lies.
    bounds: [f32; 2],
    /// Smaller differences do not fill the colours.
    least_span: f32,
    /// Whether a smaller value is a better one.
    pub lower_is_better: bool,
}

impl Scale {
    /// The value as it is shown, in percent where it is a share of pictures.
    pub fn shown(&self, value: f64) -> f32 {
        (self.factor * value) as f32
    }

    /// A value without its unit: `84.2`, `−0.031`.
    pub fn number(&self, value: f64) -> String {
        format!("{:.*}", self.decimals, self.factor * value).replace('-', "−")
    }

    /// A difference without its unit: `+1.2`.
    pub fn difference(&self, value: f64) -> String {
        format!("{:+.*}", self.decimals, self.factor * value).replace('-', "−")
    }

    /// A value with its unit: `84.2 %`, `0.213`.
    pub fn text(&self, value: f64) -> String {
        self.number(value) + self.unit
    }

    /// A value with half its interval, without the unit: `84.2 ± 1.6`.
    pub fn interval(&self, value: f64, low: f64, high: f64) -> String {
        format!("{} ± {}", self.number(value), self.number((high - low) / 2.0))
    }

    /// The unit after a number: ` %`, or nothing.
    pub fn unit(&self) -> &'static str {
        self.unit
    }

    /// What a difference is counted in, after a number: ` points`, or nothing.
    pub fn points(&self) -> &'static str {
        if self.unit.is_empty() { "" } else { " points" }
    }

    /// The values as shown at the ends of the colours, the worse first; differences of less than chance do
    /// not fill them.
    pub fn range(&self, shown: impl Iterator<Item = f32>) -> [f32; 2] {
        let (low, high) = shown.fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(v), high.max(v)));
        let [least, most] = self.bounds;
        let room = ((self.least_span - (high - low)) / 2.0).max(0.0);
        let range = if low > high { self.bounds } else { [(low - room).max(least), (high + room).min(most)] };
        self.better_last(range)
    }

    /// The ends of the colours for differences of values as shown, even about 0, the worse first.
    pub fn range_of_differences(&self, shown: impl Iterator<Item = f32>) -> [f32; 2] {
        let most = shown.fold(self.least_span / 10.0, |most, value| most.max(value.abs()));
        self.better_last([-most, most])
    }

    fn better_last(&self, [low, high]: [f32; 2]) -> [f32; 2] {
        if self.lower_is_better { [high, low] } else { [low, high] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_everywhere() {
        for score in Score::ALL {
            assert_eq!(score.name().parse::<Score>().unwrap(), score);
            assert_eq!(serde_json::to_value(score).unwrap(), score.name());
        }
        assert!("forest".parse::<Score>().unwrap_err().to_string().contains("uniformity"));
    }

    #[test]
    fn numbers_have_their_unit_and_colours_end_with_the_better() {
        let share = Score::Ridge.scale();
        assert_eq!(
            (share.text(0.8421), share.interval(0.8421, 0.82, 0.86)),
            ("84.2 %".into(), "84.2 ± 2.0".into())
        );
        assert_eq!(share.range([80.0, 82.0].into_iter()), [76.0, 86.0]);
        assert_eq!(share.range([99.0, 100.0].into_iter()), [94.5, 100.0]);
        assert_eq!(share.range_of_differences([-0.5, 0.2].into_iter()), [-1.0, 1.0]);
        let even = Score::Uniformity.scale();
        assert_eq!((even.text(-3.2416), even.difference(0.25)), ("−3.242".into(), "+0.250".into()));
        assert_eq!(even.range([-3.0, -1.0].into_iter()), [-1.0, -3.0]);
        assert_eq!(even.range(std::iter::empty()), [0.0, -8.0]);
        assert_eq!(even.range_of_differences([-0.5, 0.2].into_iter()), [0.5, -0.5]);
    }
}
