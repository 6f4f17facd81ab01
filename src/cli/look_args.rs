//! Flags of how maps look in a figure.

use clap::Args;

use super::lists::range;
use crate::colormap::{ColorMap, RangeChoice};
use crate::jobs::LookConfig;

/// Flags of commands that draw maps.
#[derive(Args, Debug)]
pub struct LookArgs {
    /// Colours: viridis, magma, cividis, grey or diverging [default: viridis]
    #[arg(long, value_name = "NAME")]
    pub map: Option<ColorMap>,
    /// The values at the ends of the colours [default: percentiles 1 and 99]
    #[arg(long, value_name = "A,B", value_parser = range, allow_hyphen_values = true)]
    pub range: Option<[f32; 2]>,
    /// Lay the map, or each one of many, over the picture with this opacity from 0 to 1
    #[arg(long, value_name = "OPACITY")]
    pub overlay: Option<f32>,
    /// Add title, colour bar and settings
    #[arg(long)]
    pub colorbar: bool,
}

impl LookArgs {
    /// Puts what was given into `look`.
    pub fn apply(&self, look: &mut LookConfig) {
        look.map = self.map.unwrap_or(look.map);
        if let Some([low, high]) = self.range {
            look.range = RangeChoice::Manual(low, high);
        }
        if let Some(opacity) = self.overlay {
            (look.overlay, look.opacity) = (true, opacity);
        }
    }
}
