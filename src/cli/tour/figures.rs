//! Figures of the tour that are no view: the picture and the network's input.

use image::RgbImage;

use crate::error::Result;
use crate::figure::overlay::{self, base};
use crate::figure::sheet::sheet;
use crate::figure::{Caption, Layer, Sampling, Theme};
use crate::grid::Grid;
use crate::jobs::PictureShown;

/// Side of an enlarged input, about, in pixels.
const INPUT_SIDE: usize = 512;

/// The whole picture with its name and what should be known of it.
pub fn picture(shown: &PictureShown) -> Result<RgbImage> {
    let picture = &shown.picture;
    let plain =
        overlay::Picture { width: picture.width as u32, height: picture.height as u32, rgb: &picture.rgb };
    let title = format!("{} · {}×{}", picture.name, picture.width, picture.height);
    sheet(&base(&plain)?, None, &Caption { title, lines: shown.far.iter().cloned().collect() }, Theme::Light)
}

/// An input of the network, `[3, S, S]` in about [−1, 1]; what is outside is clipped.
pub fn input(grid: &Grid, shown: &PictureShown, words: &str) -> Result<RgbImage> {
    let at = |c, y, x| grid.at(c, y, x).unwrap_or(f32::NAN);
    let colours = Grid::from_fn(3, grid.height(), grid.width(), |c, y, x| at(c, y, x) * 0.5 + 0.5);
    let factor = (INPUT_SIDE / grid.width().max(1)).max(1) as u32;
    let image = Layer::Rgb(&colours).enlarge(factor, Sampling::Nearest)?;
    let caption = Caption { title: shown.picture.name.clone(), lines: vec![words.to_string()] };
    sheet(&image, None, &caption, Theme::Light)
}
