//! What was seen in a cell.

use serde::Serialize;

use super::answers::CellAnswers;
use super::config::CellConfig;
use super::curve::CellCurve;
use super::near::LabelFree;
use super::noise::NoiseRow;
use crate::study::sweep::Forwards;
use crate::unet::plan::BlockInfo;

/// A picture that is near another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Near {
    /// Its place in [`CellReport::pictures`].
    pub picture: usize,
    /// 1 − the cosine of their angle about the mean.
    pub distance: f64,
}

/// A picture in a cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CellPicture {
    /// Its name in the data set.
    pub name: String,
    /// Where it is, wherever the program is called from.
    pub place: String,
    /// Its number in the data set.
    pub item: usize,
    /// The number of its class.
    pub class: Option<usize>,
    /// The class that it was taken for in the first round of cross-validation.
    pub answer: Option<usize>,
    /// How sure that was, 0 to 1.
    pub confidence: Option<f32>,
    /// The share of all rounds that recognised it.
    pub recognised: Option<f64>,
    /// Where it lies in the plane of most variance.
    pub pca: [f32; 2],
    /// Where it lies on the map that keeps neighbours together.
    pub map: [f32; 2],
    /// Its nearest pictures, the nearest first.
    pub nearest: Vec<Near>,
    /// The share of these that are of its class.
    pub same_class: Option<f64>,
}

impl CellPicture {
    /// Whether the answer is its class; none where it has none.
    pub fn is_right(&self) -> Option<bool> {
        Some(self.class? == self.answer?)
    }
}

/// What was seen in a cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CellReport {
    /// The data set.
    pub data: String,
    /// The network.
    pub network: String,
    /// Its hash.
    pub network_hash: String,
    /// The settings.
    pub settings: CellConfig,
    /// The block.
    pub block: BlockInfo,
    /// Names of the classes; empty where pictures have none.
    pub classes: Vec<String>,
    /// The pictures learned from, or all there are where they have no classes.
    pub pictures: Vec<CellPicture>,
    /// How it does in cross-validation; none without classes.
    pub answers: Option<CellAnswers>,
    /// What features say without labels.
    pub label_free: LabelFree,
    /// The shares of the variance along both axes of the plane.
    pub explained: [f64; 2],
    /// What more pictures would bring; none without classes.
    pub curve: Option<CellCurve>,
    /// What noise does, step by step; empty where that was not asked for.
    pub noise: Vec<NoiseRow>,
    /// Forwards.
    pub forwards: Forwards,
    /// Seconds of work.
    pub seconds: f64,
    /// What should be known, in sentences.
    pub notes: Vec<String>,
}

impl CellReport {
    /// The picture called `name`, by its place.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.pictures.iter().position(|picture| picture.name == name)
    }

    /// The cell in words: `b 12 · t 50 · pool 1`.
    pub fn cell_name(&self) -> String {
        let CellConfig { block, timestep, pool, .. } = self.settings;
        format!("b {block} · t {timestep} · pool {pool}")
    }
}
