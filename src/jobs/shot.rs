//! A view as pixels and as files: the same for the window's exports, the command line and the tour.

use std::path::Path;
use std::sync::Arc;

use image::RgbImage;
use serde_json::json;

use super::event::{MapShown, PictureShown};
use super::explore::LookConfig;
use crate::colormap::Tone;
use crate::error::{Error, Result};
use crate::features::network::NetworkCard;
use crate::features::view::View;
use crate::figure::bar::Bar;
use crate::figure::mosaic::{Scale, mosaic};
use crate::figure::overlay::{self, overlay};
use crate::figure::paint::{Layer, Sampling};
use crate::figure::sheet::{Caption, sheet};
use crate::figure::theme::Theme;
use crate::figure::write::{write_csv, write_npy, write_png};
use crate::grid::Grid;

/// Longer side of a map without picture, about, in pixels.
const MAP_SIDE: usize = 512;

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
}

impl Shot {
    /// The tone of a view that is no RGB.
    pub fn tone(&self) -> Tone {
        self.look.range.tone(&self.map.grid, self.look.gamma, self.look.map)
    }

    fn is_rgb(&self) -> bool {
        self.map.view == View::Pca
    }

    /// The view alone: overlay, map or mosaic, without any text.
    ///
    /// # Errors
    /// When it would be too large.
    pub fn picture(&self) -> Result<RgbImage> {
        let grid = &self.map.grid;
        let sampling = if self.look.smooth { Sampling::Bilinear } else { Sampling::Nearest };
        if self.map.view == View::Mosaic {
            return self.mosaic_picture();
        }
        let layer = if self.is_rgb() { Layer::Rgb(grid) } else { Layer::Map(grid, self.tone()) };
        if self.look.overlay {
            return overlay(&self.backdrop(), &layer, &self.placement(), self.look.opacity, sampling);
        }
        let factor = (MAP_SIDE / grid.width().max(grid.height()).max(1)).max(1);
        layer.enlarge(factor as u32, sampling)
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
        let factor = (2 * MAP_SIDE / (columns * (grid.width() + 1)).max(1)).clamp(1, 16);
        Ok(mosaic(grid, &order, factor as u32, factor.div_ceil(4) as u32, &scale, Theme::Light.surface())?.0)
    }

    fn backdrop(&self) -> overlay::Picture<'_> {
        let picture = &self.shown.picture;
        overlay::Picture { width: picture.width as u32, height: picture.height as u32, rgb: &picture.rgb }
    }

    fn placement(&self) -> overlay::Placement {
        let place = &self.shown.placement;
        overlay::Placement { x: place.x, y: place.y, width: place.width, height: place.height }
    }

    /// `boot.png · fashion32 · t 50 · b 12 (dec 1, 128×8×8)`.
    pub fn title(&self) -> String {
        let selection = &self.map.selection;
        let block = match self.card.block(selection.block) {
            Some(info) => format!("b {} ({}, {})", info.block, info.place(), info.shape()),
            None => format!("b {}", selection.block),
        };
        format!("{} · {} · t {} · {block}", self.shown.picture.name, self.card.name, selection.timestep)
    }

    /// The settings in words, a line each.
    pub fn lines(&self) -> Vec<String> {
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
        let mut lines = vec![format!("{} · {noise}{class}", self.map.view.title())];
        if !self.is_rgb() {
            let own = self.map.view == View::Mosaic && !self.look.shared_channels;
            let range = if own { "each channel in its own range" } else { "one range" };
            let gamma =
                if self.look.gamma == 1.0 { String::new() } else { format!(", gamma {}", self.look.gamma) };
            lines.push(format!("{}, {range}{gamma}", self.look.map));
        }
        lines.extend(self.map.lock.clone());
        lines.push(format!("network {}", self.card.hash.get(..16).unwrap_or(&self.card.hash)));
        lines.extend(self.shown.far.clone());
        lines
    }

    /// The view with its title, colour bar and settings.
    ///
    /// # Errors
    /// When it would be too large.
    pub fn figure(&self, theme: Theme) -> Result<RgbImage> {
        let own_ranges = self.map.view == View::Mosaic && !self.look.shared_channels;
        let bar = Bar { tone: self.tone(), values: &self.map.grid };
        let bar = (!self.is_rgb() && !own_ranges).then_some(&bar);
        sheet(&self.picture()?, bar, &Caption { title: self.title(), lines: self.lines() }, theme)
    }

    /// The settings for the file's metadata.
    fn settings(&self) -> String {
        json!({
            "program": concat!("difscope ", env!("CARGO_PKG_VERSION")),
            "picture": self.shown.picture.name,
            "network": self.card.name,
            "network_hash": self.card.hash,
            "selection": self.map.selection,
            "view": self.map.view,
            "look": self.look,
            "lock": self.map.lock,
        })
        .to_string()
    }

    /// The command line that writes the same view; `model` and `preset` as the network was opened.
    pub fn command_line(&self, argument: Option<&str>, model: Option<&str>, preset: Option<&str>) -> String {
        let selection = &self.map.selection;
        let mut words = vec!["difscope".to_string(), "heatmap".into()];
        words.push(quote(argument.unwrap_or(&self.shown.picture.name)));
        if let Some(model) = model {
            words.push(format!("--model {}", quote(model)));
        }
        if let Some(preset) = preset {
            words.push(format!("--preset {}", quote(preset)));
        }
        words
            .push(format!("--t {} --block {} --view {}", selection.timestep, selection.block, self.map.view));
        if selection.seed != 0 {
            words.push(format!("--seed {}", selection.seed));
        }
        if selection.average != 1 {
            words.push(format!("--draws {}", selection.average));
        }
        if let Some(class) = selection.class {
            words.push(format!("--class {class}"));
        }
        words.push(format!("--map {}", self.look.map));
        if self.look.overlay && self.map.view != View::Mosaic {
            words.push(format!("--overlay {}", self.look.opacity));
        }
        words.extend(self.differing_settings(selection.draw));
        words.push("--out view.png".into());
        words.join(" ")
    }

    /// Settings that have no flag of their own, as `--set`.
    fn differing_settings(&self, draw: u32) -> Vec<String> {
        let plain = LookConfig::default();
        let mut sets = Vec::new();
        let mut set = |differs: bool, text: String| {
            if differs {
                sets.push(format!("--set {}", quote(&text)));
            }
        };
        set(draw != 0, format!("draw={draw}"));
        set(self.look.gamma != plain.gamma, format!("look.gamma={}", self.look.gamma));
        set(self.look.smooth, "look.smooth=true".into());
        set(self.look.shared_channels, "look.shared_channels=true".into());
        set(self.look.order != plain.order, format!("look.order={}", self.look.order.name()));
        set(self.look.range != plain.range, format!("look.range={}", json!(self.look.range)));
        sets
    }

    /// Writes the view to `path`: `.png` (with title, colour bar and settings if `captioned`),
    /// `.npy` or `.csv` with the raw values.
    ///
    /// # Errors
    /// When the ending is another, the file exists and `force` is false, or the disk refuses.
    pub fn write(&self, path: &Path, captioned: bool, force: bool) -> Result<()> {
        let grid: &Grid = &self.map.grid;
        match path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("png") => {
                let image = if captioned { self.figure(Theme::Light)? } else { self.picture()? };
                write_png(path, &image, Some(&self.settings()), force)
            }
            Some("npy") => write_npy(path, grid, force),
            Some("csv") => write_csv(path, grid, force),
            _ => Err(Error::Setting(format!(
                "{}: a view is written as .png, its raw values as .npy or .csv; choose one of these endings",
                path.display()
            ))),
        }
    }
}

/// A word for a POSIX shell.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:,=#+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_string()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quote("a/b-1.png"), "a/b-1.png");
        assert_eq!(quote("my cat's.png"), r"'my cat'\''s.png'");
        assert_eq!(quote(""), "''");
    }
}
