//! What is shown of a feature map: channels, mean, norm, principal components, similarity.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::pca::PcaBasis;
use crate::error::{Error, Result};
use crate::grid::{Grid, Stats};

/// A way to look at a C×H×W feature map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum View {
    /// Every channel, side by side.
    #[default]
    Mosaic,
    /// One channel.
    Channel(usize),
    /// The mean over channels.
    Mean,
    /// The L2 norm over channels.
    Norm,
    /// The first three principal components as red, green and blue.
    Pca,
    /// Cosine similarity to the place that holds pixel (x, y) of the network's input.
    Similarity {
        /// Column, in pixels of the network's input.
        x: usize,
        /// Row.
        y: usize,
    },
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            View::Mosaic => write!(f, "mosaic"),
            View::Channel(channel) => write!(f, "channel:{channel}"),
            View::Mean => write!(f, "mean"),
            View::Norm => write!(f, "norm"),
            View::Pca => write!(f, "pca"),
            View::Similarity { x, y } => write!(f, "similarity:{x},{y}"),
        }
    }
}

impl FromStr for View {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let pair = |text: &str| {
            let (x, y) = text.split_once(',')?;
            Some(View::Similarity { x: x.trim().parse().ok()?, y: y.trim().parse().ok()? })
        };
        let view = match text {
            "mosaic" => Some(View::Mosaic),
            "mean" => Some(View::Mean),
            "norm" => Some(View::Norm),
            "pca" => Some(View::Pca),
            other => match other.split_once(':') {
                Some(("channel", number)) => number.parse().ok().map(View::Channel),
                Some(("similarity", place)) => pair(place),
                _ => None,
            },
        };
        view.ok_or_else(|| {
            Error::Setting(format!(
                "no view {text:?}; use mosaic, mean, norm, pca, channel:12 or similarity:X,Y"
            ))
        })
    }
}

impl TryFrom<String> for View {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<View> for String {
    fn from(view: View) -> String {
        view.to_string()
    }
}

impl View {
    /// In words, for titles.
    pub fn title(&self) -> String {
        match self {
            View::Mosaic => "all channels".into(),
            View::Channel(channel) => format!("channel {channel}"),
            View::Mean => "mean over channels".into(),
            View::Norm => "L2 norm over channels".into(),
            View::Pca => "principal components".into(),
            View::Similarity { x, y } => format!("similarity to ({x}, {y})"),
        }
    }
}

/// The values that `view` shows of `map` (C×H×W) of a network with inputs of side `image_size`:
/// C×H×W for the mosaic, 3×H×W in 0 … 1 for principal components (in `basis`, or a basis of its
/// own), 1×H×W otherwise.
///
/// # Errors
/// When the channel or place does not exist, or the basis is for another channel count.
pub fn view_of(map: &Grid, view: View, image_size: usize, basis: Option<&PcaBasis>) -> Result<Grid> {
    match view {
        View::Mosaic => Ok(map.clone()),
        View::Channel(channel) if channel < map.channels() => Ok(map.channel_grid(channel)),
        View::Channel(channel) => Err(Error::Setting(format!(
            "channel {channel} does not exist; this block has 0 to {}",
            map.channels() - 1
        ))),
        View::Mean => over_channels(map, |sum, value| sum + value, |sum, channels| sum / channels),
        View::Norm => over_channels(map, |sum, value| sum + value * value, |sum, _| sum.sqrt()),
        View::Pca => match basis {
            Some(basis) => basis.colours(map),
            None => PcaBasis::fit(&[map])?.colours(map),
        },
        View::Similarity { x, y } => {
            if x >= image_size || y >= image_size {
                return Err(Error::Setting(format!(
                    "the place ({x}, {y}) is outside of the network's input, {image_size}×{image_size}"
                )));
            }
            similarity_to(map, &feature_at(map, x, y, image_size))
        }
    }
}

fn over_channels(map: &Grid, add: fn(f64, f64) -> f64, finish: fn(f64, f64) -> f64) -> Result<Grid> {
    let mut sums = vec![0f64; map.height() * map.width()];
    for channel in 0..map.channels() {
        for (sum, &value) in sums.iter_mut().zip(map.channel(channel)) {
            *sum = add(*sum, f64::from(value));
        }
    }
    let channels = map.channels() as f64;
    let values: Vec<f32> = sums.into_iter().map(|sum| finish(sum, channels) as f32).collect();
    Grid::new(1, map.height(), map.width(), values)
}

/// The feature vector (length C) of the cell that holds pixel (x, y) of an input of side
/// `image_size`.
pub fn feature_at(map: &Grid, x: usize, y: usize, image_size: usize) -> Vec<f32> {
    let cell = |place: usize, cells: usize| (place * cells / image_size.max(1)).min(cells.saturating_sub(1));
    let (row, column) = (cell(y, map.height()), cell(x, map.width()));
    (0..map.channels()).map(|channel| map.at(channel, row, column).unwrap_or(0.0)).collect()
}

/// Cosine similarity of every place of `map` (C×H×W) to `feature` (length C), 1×H×W in −1 … 1.
///
/// # Errors
/// When the channel counts differ.
pub fn similarity_to(map: &Grid, feature: &[f32]) -> Result<Grid> {
    if map.channels() != feature.len() {
        return Err(Error::Compute(format!(
            "a feature of {} channels cannot be compared with a map of {}",
            feature.len(),
            map.channels()
        )));
    }
    let length = feature.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let area = map.height() * map.width();
    let (mut products, mut squares) = (vec![0f64; area], vec![0f64; area]);
    for (channel, &weight) in feature.iter().enumerate() {
        for ((product, square), &value) in products.iter_mut().zip(&mut squares).zip(map.channel(channel)) {
            *product += f64::from(weight) * f64::from(value);
            *square += f64::from(value).powi(2);
        }
    }
    let cosine = |(product, square): (f64, f64)| (product / (length * square.sqrt()).max(1e-30)) as f32;
    let values: Vec<f32> = products.into_iter().zip(squares).map(cosine).collect();
    Grid::new(1, map.height(), map.width(), values)
}

/// Row and column of the largest value of a 1×H×W map.
pub fn best_match(map: &Grid) -> (usize, usize) {
    let best =
        map.values().iter().enumerate().filter(|(_, v)| v.is_finite()).max_by(|a, b| a.1.total_cmp(b.1));
    let at = best.map_or(0, |(at, _)| at);
    (at / map.width().max(1), at % map.width().max(1))
}

/// How channels are ordered in a mosaic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelOrder {
    /// Most varied first.
    #[default]
    Variance,
    /// Largest mean first.
    Mean,
    /// Largest root mean square first.
    Magnitude,
    /// As the network numbers them.
    Index,
}

impl ChannelOrder {
    /// All orders, as offered.
    pub const ALL: [ChannelOrder; 4] =
        [ChannelOrder::Variance, ChannelOrder::Mean, ChannelOrder::Magnitude, ChannelOrder::Index];

    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            ChannelOrder::Variance => "variance",
            ChannelOrder::Mean => "mean",
            ChannelOrder::Magnitude => "magnitude",
            ChannelOrder::Index => "index",
        }
    }

    /// The channels with these statistics in this order; ties by number.
    pub fn sorted(self, stats: &[Stats]) -> Vec<usize> {
        let key = |stats: &Stats| match self {
            ChannelOrder::Variance => stats.std,
            ChannelOrder::Mean => stats.mean,
            // The root mean square.
            ChannelOrder::Magnitude => stats.mean.hypot(stats.std),
            ChannelOrder::Index => 0.0,
        };
        let keys: Vec<f32> = stats.iter().map(key).collect();
        let mut order: Vec<usize> = (0..stats.len()).collect();
        order.sort_by(|&a, &b| keys[b].total_cmp(&keys[a]).then(a.cmp(&b)));
        order
    }
}

impl FromStr for ChannelOrder {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        ChannelOrder::ALL.into_iter().find(|order| order.name() == text).ok_or_else(|| {
            Error::Setting(format!("no order {text:?}; use variance, mean, magnitude or index"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> Grid {
        Grid::from_fn(2, 2, 2, |c, y, x| [[3.0, 0.0, -1.0, 2.0], [4.0, 1.0, 0.0, 2.0]][c][y * 2 + x])
    }

    #[test]
    fn reductions_are_what_they_say() {
        let values = |view| view_of(&map(), view, 4, None).unwrap().values().to_vec();
        assert_eq!(values(View::Mean), [3.5, 0.5, -0.5, 2.0]);
        assert_eq!(values(View::Norm), [5.0, 1.0, 1.0, 8f32.sqrt()]);
        assert_eq!(values(View::Channel(1)), [4.0, 1.0, 0.0, 2.0]);
        assert!(view_of(&map(), View::Channel(2), 4, None).unwrap_err().to_string().contains("0 to 1"));
    }

    #[test]
    fn similarity_is_one_at_its_own_place() {
        let similarity = view_of(&map(), View::Similarity { x: 3, y: 1 }, 4, None).unwrap();
        assert!(
            (similarity.at(0, 0, 1).unwrap() - 1.0).abs() < 1e-6,
            "pixel (3, 1) of 4 lies in cell (1, 0) of 2"
        );
        assert!((similarity.at(0, 0, 0).unwrap() - 0.8).abs() < 1e-6);
        assert_eq!(best_match(&similarity), (0, 1));
        assert!(view_of(&map(), View::Similarity { x: 4, y: 0 }, 4, None).is_err());
    }

    #[test]
    fn names_read_back() {
        for view in [View::Mosaic, View::Channel(7), View::Mean, View::Pca, View::Similarity { x: 1, y: 2 }] {
            assert_eq!(view.to_string().parse::<View>().unwrap(), view);
        }
        assert!("chanel:1".parse::<View>().is_err());
    }

    #[test]
    fn orders_sort_channels() {
        let map =
            Grid::from_fn(3, 1, 2, |c, _, x| [[0.0, 0.1], [-5.0, -6.0], [1.0, 4.0]][c][x]).channel_stats();
        assert_eq!(ChannelOrder::Variance.sorted(&map), [2, 1, 0]);
        assert_eq!(ChannelOrder::Mean.sorted(&map), [2, 0, 1]);
        assert_eq!(ChannelOrder::Magnitude.sorted(&map), [1, 2, 0]);
        assert_eq!(ChannelOrder::Index.sorted(&map), [0, 1, 2]);
    }
}
