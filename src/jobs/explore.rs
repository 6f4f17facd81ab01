//! The settings of Explore: one struct behind sliders, flags and saved state.

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::EngineOptions;
use super::keeper::ProjectChoice;
use super::preview::{Selection, Sheet};
use crate::colormap::{ColorMap, RangeChoice};
use crate::error::{Error, Result};
use crate::features::network::{NetworkCard, NetworkSource};
use crate::features::view::{ChannelOrder, View};

/// What a window opens with.
#[derive(Clone, Debug, Default)]
pub struct WindowOptions {
    /// Pictures: files, folders, IDX files, `bundled:NAME`; none: some of the bundled ones.
    pub paths: Vec<PathBuf>,
    /// The network.
    pub source: NetworkSource,
    /// The published network it is, if the user says so.
    pub preset: Option<String>,
    /// The project that it works on.
    pub project: ProjectChoice,
    /// How the engine works.
    pub engine: EngineOptions,
    /// The first view.
    pub explore: ExploreConfig,
}

/// Which map of a picture, and how it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExploreConfig {
    /// Diffusion step; none: the network's default.
    pub timestep: Option<usize>,
    /// Block; none: the network's default.
    pub block: Option<usize>,
    /// Seed of the noise.
    pub seed: u64,
    /// Number of the noise draw.
    pub draw: u32,
    /// Draws to average over, at least 1.
    pub average: u32,
    /// Class for class-conditional networks.
    pub class: Option<usize>,
    /// What of the map.
    pub view: View,
    /// A contact sheet beside it.
    pub sheet: SheetKind,
    /// Over what the colours of principal components mean the same.
    pub lock: LockConfig,
    /// How it looks.
    pub look: LookConfig,
}

/// The steps that the paper looks at: marks of the slider, and the cells of a contact sheet.
pub const MARKS: [usize; 7] = [10, 30, 50, 90, 150, 300, 500];

/// The marks that a process of `steps` steps has.
pub fn marks(steps: usize) -> Vec<usize> {
    MARKS.into_iter().filter(|&mark| mark < steps).collect()
}

/// Which contact sheet is shown beside a view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SheetKind {
    /// None.
    #[default]
    None,
    /// The block at every marked step.
    Steps,
    /// Every block at the step.
    Blocks,
}

impl SheetKind {
    /// In one word, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            SheetKind::None => "none",
            SheetKind::Steps => "steps",
            SheetKind::Blocks => "blocks",
        }
    }

    /// The sheet for a process of `steps` steps, if any.
    pub fn sheet(self, steps: usize) -> Option<Sheet> {
        match self {
            SheetKind::None => None,
            SheetKind::Steps => Some(Sheet::Steps(marks(steps))),
            SheetKind::Blocks => Some(Sheet::Blocks),
        }
    }
}

impl FromStr for SheetKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let all = [SheetKind::None, SheetKind::Steps, SheetKind::Blocks];
        all.into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| Error::Setting(format!("no contact sheet {text:?}; use steps, blocks or none")))
    }
}

/// Over what the colours of principal components mean the same. Each list that is empty leaves that
/// to what is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LockConfig {
    /// Pictures that decide the colours, as a command line names them.
    pub pictures: Vec<String>,
    /// Steps that decide the colours.
    pub timesteps: Vec<usize>,
    /// Blocks that share one meaning of each colour.
    pub blocks: Vec<usize>,
}

impl LockConfig {
    /// Pictures at most: each costs a forward per step.
    pub const MOST_PICTURES: usize = 16;

    /// True when nothing is held fixed.
    pub fn is_open(&self) -> bool {
        self.pictures.is_empty() && self.timesteps.is_empty() && self.blocks.is_empty()
    }
}

impl Default for ExploreConfig {
    fn default() -> Self {
        ExploreConfig {
            timestep: None,
            block: None,
            seed: 0,
            draw: 0,
            average: 1,
            class: None,
            view: View::default(),
            sheet: SheetKind::default(),
            lock: LockConfig::default(),
            look: LookConfig::default(),
        }
    }
}

/// How maps look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LookConfig {
    /// Order of the channels in the mosaic.
    pub order: ChannelOrder,
    /// One range for all channels of the mosaic, instead of one each.
    pub shared_channels: bool,
    /// One range for all cells of a contact sheet, instead of one each.
    pub shared_cells: bool,
    /// Colour map.
    pub map: ColorMap,
    /// How the range is found.
    pub range: RangeChoice,
    /// Exponent after the range, above 0.
    pub gamma: f32,
    /// Over the whole picture instead of alone.
    pub overlay: bool,
    /// Opacity over the picture, 0 … 1.
    pub opacity: f32,
    /// Bilinear between cells instead of one flat colour per cell.
    pub smooth: bool,
}

impl Default for LookConfig {
    fn default() -> Self {
        LookConfig {
            order: ChannelOrder::default(),
            shared_channels: false,
            shared_cells: false,
            map: ColorMap::Viridis,
            range: RangeChoice::default(),
            gamma: 1.0,
            overlay: false,
            opacity: 0.6,
            smooth: false,
        }
    }
}

impl ExploreConfig {
    /// The step, block and noise meant for the network of `card`.
    pub fn selection(&self, card: &NetworkCard) -> Selection {
        Selection {
            timestep: self.timestep.unwrap_or_else(|| card.default_timestep()),
            block: self.block.unwrap_or_else(|| card.default_block()),
            seed: self.seed,
            draw: self.draw,
            average: self.average,
            class: self.class,
        }
    }
}

impl LookConfig {
    /// Checks what types cannot.
    ///
    /// # Errors
    /// The first impossible setting, named.
    pub fn validate(&self) -> Result<()> {
        if !(self.gamma.is_finite() && self.gamma > 0.0) {
            return Err(Error::Setting(format!("gamma {} must be above 0", self.gamma)));
        }
        if !(0.0..=1.0).contains(&self.opacity) {
            return Err(Error::Setting(format!("the opacity {} must be 0 to 1", self.opacity)));
        }
        match self.range {
            RangeChoice::Percentile(low, high) if !(0.0 <= low && low < high && high <= 100.0) => Err(
                Error::Setting(format!("percentiles {low} and {high} must be ascending between 0 and 100")),
            ),
            RangeChoice::Manual(low, high) if !(low.is_finite() && high.is_finite() && low < high) => {
                Err(Error::Setting(format!("the range {low} to {high} must be ascending")))
            }
            _ => Ok(()),
        }
    }
}
