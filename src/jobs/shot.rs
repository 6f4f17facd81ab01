//! A view as pixels and as files: the same for the window's exports, the command line and the tour.

use std::path::Path;
use std::sync::Arc;

use image::RgbImage;
use serde_json::{Value, json};

use super::command_line::{Named, command_line};
use super::event::{MapShown, PictureShown};
use super::exhibit::{Exhibit, Values};
use super::explore::{LockConfig, LookConfig, SheetKind};
use crate::colormap::Tone;
use crate::error::Result;
use crate::features::network::NetworkCard;
use crate::features::view::View;
use crate::figure::bar::Bar;
use crate::figure::mosaic::{Scale, mosaic, mosaic_over};
use crate::figure::overlay::{self, Ground};
use crate::figure::paint::{Layer, Sampling};
use crate::figure::sheet::{Caption, sheet};
use crate::figure::theme::Theme;
use crate::figure::write::{write_csv, write_npy};

/// Longer side of a map without picture, about, in pixels.
const MAP_SIDE: usize = 512;
/// Least and largest longer side of the pictures in a mosaic of overlays, in pixels.
const OVERLAY_CELLS: [usize; 2] = [48, 256];

/// A view with all that its picture, caption and files need.
#[derive(Clone, Debug)]
pub struct Shot {
    /// The picture.
    pub shown: Arc<PictureShown>,
    /// The map.
    pub map: Arc<MapShown>,
    /// The network.
    pub card: Arc<NetworkCard>,
    /// How it looks.
    pub look: LookConfig,
    /// Over what the colours of principal components mean the same.
    pub lock: LockConfig,
}

/// How maps are enlarged.
pub(super) fn sampling_of(look: &LookConfig) -> Sampling {
    if look.smooth { Sampling::Bilinear } else { Sampling::Nearest }
}

/// The picture `shown` as ground for maps, with a longer side of `longer` pixels, or near its own size.
pub(super) fn ground_of(shown: &PictureShown, look: &LookConfig, longer: Option<u32>) -> Result<Ground> {
    let (picture, place) = (&shown.picture, &shown.placement);
    let picture =
        overlay::Picture { width: picture.width as u32, height: picture.height as u32, rgb: &picture.rgb };
    let placement = overlay::Placement { x: place.x, y: place.y, width: place.width, height: place.height };
    Ground::new(&picture, placement, look.opacity, sampling_of(look), longer)
}

impl Shot {
    /// The tone of a view that is no RGB.
    pub fn tone(&self) -> Tone {
        self.look.range.tone(&self.map.grid, self.look.gamma, self.look.map)
    }

    pub(super) fn is_rgb(&self) -> bool {
        self.map.view == View::Pca
    }

    pub(super) fn sampling(&self) -> Sampling {
        sampling_of(&self.look)
    }

    fn mosaic_picture(&self) -> Result<RgbImage> {
        let grid = &self.map.grid;
        let order = self.look.order.sorted(&self.map.channel_stats);
        let scale = if self.look.shared_channels {
            Scale::Shared(self.tone())
        } else {
            Scale::Own { range: self.look.range, gamma: self.look.gamma, map: self.look.map }
        };
        let columns = (grid.channels() as f64).sqrt().ceil() as usize;
        let (paper, side) = (Theme::Light.surface(), 2 * MAP_SIDE / columns.max(1));
        if self.look.overlay {
            let ground = self.ground(Some(side.clamp(OVERLAY_CELLS[0], OVERLAY_CELLS[1]) as u32))?;
            return Ok(mosaic_over(grid, &order, &ground, 4, &scale, paper)?.0);
        }
        let factor = (2 * MAP_SIDE / (columns * (grid.width() + 1)).max(1)).clamp(1, 16);
        Ok(mosaic(grid, &order, factor as u32, factor.div_ceil(4) as u32, &scale, paper)?.0)
    }

    /// The picture as ground for maps, with a longer side of `longer` pixels, or near its own size.
    pub(super) fn ground(&self, longer: Option<u32>) -> Result<Ground> {
        ground_of(&self.shown, &self.look, longer)
    }

    /// `b 12 (dec 1, 128×8×8)`.
    pub(super) fn block_title(&self) -> String {
        let block = self.map.selection.block;
        match self.card.block(block) {
            Some(info) => format!("b {} ({}, {})", info.block, info.place(), info.shape()),
            None => format!("b {block}"),
        }
    }

    /// `boot-t50-b12`.
    pub(super) fn stem(&self) -> String {
        let name = Path::new(&self.shown.picture.name).file_stem().unwrap_or_default().to_string_lossy();
        format!("{name}-t{}-b{:02}", self.map.selection.timestep, self.map.selection.block)
    }

    /// The noise in words: `seed 0, draw 0`, and the class where the network knows classes.
    pub(super) fn noise_line(&self) -> String {
        let selection = &self.map.selection;
        let noise = match selection.average {
            1 => format!("seed {}, draw {}", selection.seed, selection.draw),
            n => format!(
                "seed {}, mean of draws {} to {}",
                selection.seed,
                selection.draw,
                selection.draw + n - 1
            ),
        };
        let class = match (selection.class, self.card.config.num_classes) {
            (Some(class), _) => format!(", class {class}"),
            (None, Some(_)) => ", without class".into(),
            (None, None) => String::new(),
        };
        format!("{noise}{class}")
    }

    /// Colour map and gamma in words, with what `range` says.
    pub(super) fn colour_line(&self, range: &str) -> String {
        let gamma =
            if self.look.gamma == 1.0 { String::new() } else { format!(", gamma {}", self.look.gamma) };
        format!("{}, {range}{gamma}", self.look.map)
    }

    /// What stands under every figure of this picture and network.
    pub(super) fn last_lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.map.lock.iter().cloned().collect();
        lines.push(format!("network {}", self.card.hash.get(..16).unwrap_or(&self.card.hash)));
        lines.extend(self.shown.far.clone());
        lines
    }
}

impl Exhibit for Shot {
    /// `boot.png · fashion32 · t 50 · b 12 (dec 1, 128×8×8)`.
    fn title(&self) -> String {
        let timestep = self.map.selection.timestep;
        format!("{} · {} · t {timestep} · {}", self.shown.picture.name, self.card.name, self.block_title())
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{} · {}", self.map.view.title(), self.noise_line())];
        if !self.is_rgb() {
            let own = self.map.view == View::Mosaic && !self.look.shared_channels;
            lines.push(self.colour_line(if own { "each channel in its own range" } else { "one range" }));
        }
        lines.extend(self.last_lines());
        lines
    }

    /// Overlay, map or mosaic, without any text.
    fn picture(&self) -> Result<RgbImage> {
        let grid = &self.map.grid;
        if self.map.view == View::Mosaic {
            return self.mosaic_picture();
        }
        let layer = if self.is_rgb() { Layer::Rgb(grid) } else { Layer::Map(grid, self.tone()) };
        if self.look.overlay {
            return self.ground(None)?.lay(&layer);
        }
        let factor = (MAP_SIDE / grid.width().max(grid.height()).max(1)).max(1);
        layer.enlarge(factor as u32, self.sampling())
    }

    fn figure(&self, theme: Theme) -> Result<RgbImage> {
        let own_ranges = self.map.view == View::Mosaic && !self.look.shared_channels;
        let bar = Bar { tone: self.tone(), values: &self.map.grid };
        let bar = (!self.is_rgb() && !own_ranges).then_some(&bar);
        sheet(&self.picture()?, bar, &Caption { title: self.title(), lines: self.lines() }, theme)
    }

    fn settings(&self) -> Value {
        json!({
            "program": concat!("difscope ", env!("CARGO_PKG_VERSION")),
            "picture": self.shown.picture.name,
            "network": self.card.name,
            "network_hash": self.card.hash,
            "precision": self.card.precision,
            "selection": self.map.selection,
            "view": self.map.view,
            "look": self.look,
            "lock": self.lock,
            "lock_in_words": self.map.lock,
        })
    }

    fn file_stem(&self) -> String {
        let view = self.map.view.to_string().replace([':', ','], "-");
        format!("{}-{view}", self.stem())
    }

    fn kinds_of_values(&self) -> Vec<Values> {
        vec![Values::Npy, Values::Csv]
    }

    fn write_values(&self, path: &Path, kind: Values, force: bool) -> Result<()> {
        match kind {
            Values::Csv => write_csv(path, &self.map.grid, force),
            Values::Npy | Values::Safetensors => write_npy(path, &self.map.grid, force),
        }
    }

    fn command_line(&self, named: &Named<'_>) -> String {
        command_line(self, SheetKind::None, named)
    }
}
