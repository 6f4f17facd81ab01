//! All channels of a block beside each other.

use image::{Rgb, RgbImage, imageops};

use super::overlay::Ground;
use super::paint::{Layer, Sampling, canvas, saturating};
use crate::colormap::{ColorMap, RangeChoice, Tone};
use crate::error::{Error, Result};
use crate::grid::Grid;

/// Whether the channels of a mosaic can be compared with each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// One tone for all channels.
    Shared(Tone),
    /// Each channel in its own range: shows what is weak, and compares nothing.
    Own {
        /// How each channel's range is found.
        range: RangeChoice,
        /// As in [`Tone`].
        gamma: f32,
        /// As in [`Tone`].
        map: ColorMap,
    },
}

impl Scale {
    /// The tone of `channel` of `grid`.
    pub fn tone(&self, grid: &Grid, channel: usize) -> Tone {
        match *self {
            Scale::Shared(tone) => tone,
            Scale::Own { range, gamma, map } => range.tone(&grid.channel_grid(channel), gamma, map),
        }
    }
}

/// Where the cells of a mosaic are: `columns` across, each `cell` pixels, `gap` pixels between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// How many cells there are.
    pub count: usize,
    /// Cells in a row; the last row may have fewer.
    pub columns: usize,
    /// Width and height of a cell.
    pub cell: (u32, u32),
    /// Pixels between cells; there is none around the whole.
    pub gap: u32,
}

impl Layout {
    /// `count` cells in about as many rows as columns, measured in pixels.
    pub fn square(count: usize, cell: (u32, u32), gap: u32) -> Layout {
        let (w, h) = (f64::from(cell.0 + gap), f64::from(cell.1 + gap));
        let columns = (count as f64 * h / w.max(1.0)).sqrt().ceil() as usize;
        Layout { count, columns: columns.clamp(1, count.max(1)), cell, gap }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.count.div_ceil(self.columns.max(1))
    }

    /// Width and height of the whole; saturates where that is no size for an image.
    pub fn size(&self) -> (u32, u32) {
        let side = |cells: usize, cell: u32| {
            saturating(cells, cell.saturating_add(self.gap)).saturating_sub(self.gap)
        };
        (side(self.columns.min(self.count), self.cell.0), side(self.rows(), self.cell.1))
    }

    /// The upper left pixel of cell `index`.
    pub fn origin(&self, index: usize) -> (u32, u32) {
        let columns = self.columns.max(1);
        (
            saturating(index % columns, self.cell.0.saturating_add(self.gap)),
            saturating(index / columns, self.cell.1.saturating_add(self.gap)),
        )
    }

    /// The cell that covers pixel (x, y), if any.
    pub fn cell_at(&self, x: u32, y: u32) -> Option<usize> {
        let pitch = (self.cell.0.checked_add(self.gap)?, self.cell.1.checked_add(self.gap)?);
        let (column, row) = (x.checked_div(pitch.0)? as usize, y.checked_div(pitch.1)? as usize);
        let inside = x % pitch.0 < self.cell.0 && y % pitch.1 < self.cell.1 && column < self.columns;
        let index = row * self.columns + column;
        (inside && index < self.count).then_some(index)
    }
}

/// The channels of `grid` in the given `order` (which may leave some out), each value `factor` pixels
/// wide and high, and the layout that tells where each is: cell i shows channel `order[i]`.
///
/// # Errors
/// When the order is empty or names a channel that there is not, or the image would be too large.
pub fn mosaic(
    grid: &Grid,
    order: &[usize],
    factor: u32,
    gap: u32,
    scale: &Scale,
    background: Rgb<u8>,
) -> Result<(RgbImage, Layout)> {
    let cell = (saturating(grid.width(), factor), saturating(grid.height(), factor));
    arranged(grid, order, cell, gap, scale, background, |layer| layer.enlarge(factor, Sampling::Nearest))
}

/// As [`mosaic`], each channel laid over the whole picture of `ground`.
///
/// # Errors
/// As [`mosaic`].
pub fn mosaic_over(
    grid: &Grid,
    order: &[usize],
    ground: &Ground,
    gap: u32,
    scale: &Scale,
    background: Rgb<u8>,
) -> Result<(RgbImage, Layout)> {
    arranged(grid, order, ground.size(), gap, scale, background, |layer| ground.lay(layer))
}

/// The channels of `grid` in `order`, each as `paint` paints it: an image of the size of `cell`.
fn arranged(
    grid: &Grid,
    order: &[usize],
    cell: (u32, u32),
    gap: u32,
    scale: &Scale,
    background: Rgb<u8>,
    paint: impl Fn(&Layer<'_>) -> Result<RgbImage>,
) -> Result<(RgbImage, Layout)> {
    if let Some(missing) = order.iter().find(|&&channel| channel >= grid.channels()) {
        return Err(Error::Setting(format!(
            "there is no channel {missing}; this block has the channels 0 to {}",
            grid.channels().saturating_sub(1)
        )));
    }
    let layout = Layout::square(order.len(), cell, gap);
    let (width, height) = layout.size();
    let mut image = canvas(width, height, background)?;
    for (index, &channel) in order.iter().enumerate() {
        let tone = scale.tone(grid, channel);
        let painted = paint(&Layer::Map(&grid.channel_grid(channel), tone))?;
        let (x, y) = layout.origin(index);
        imageops::replace(&mut image, &painted, i64::from(x), i64::from(y));
    }
    Ok((image, layout))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACK: Rgb<u8> = Rgb([1, 2, 3]);

    fn ramp() -> Grid {
        // Channel c holds 10·c + column.
        Grid::from_fn(5, 2, 3, |c, _, x| (10 * c + x) as f32)
    }

    #[test]
    fn every_pixel_is_its_channels_value_or_gap() {
        let scale = Scale::Shared(Tone::new([0.0, 255.0], ColorMap::Grey));
        let order = [4, 0, 2];
        let (image, layout) = mosaic(&ramp(), &order, 2, 1, &scale, BACK).unwrap();
        assert_eq!(image.dimensions(), layout.size());
        for (x, y, pixel) in image.enumerate_pixels() {
            let expected = match layout.cell_at(x, y) {
                Some(index) => {
                    let (left, _) = layout.origin(index);
                    [(10 * order[index] as u32 + (x - left) / 2) as u8; 3]
                }
                None => BACK.0,
            };
            assert_eq!(pixel.0, expected, "at {x},{y}");
        }
    }

    #[test]
    fn own_ranges_stretch_each_channel() {
        let scale = Scale::Own { range: RangeChoice::Full, gamma: 1.0, map: ColorMap::Grey };
        let (image, layout) = mosaic(&ramp(), &[0, 3], 1, 0, &scale, BACK).unwrap();
        for index in 0..2 {
            let (x, y) = layout.origin(index);
            assert_eq!([0, 1, 2].map(|dx| image.get_pixel(x + dx, y)[0]), [0, 128, 255]);
        }
    }

    #[test]
    fn each_channel_is_laid_over_the_whole_picture() {
        use crate::figure::overlay::{Picture, Placement};
        // A 40×20 picture of which the network sees the middle 20×20.
        let rgb = [0, 200, 0].repeat(40 * 20);
        let picture = Picture { width: 40, height: 20, rgb: &rgb };
        let placement = Placement { x: 10.0, y: 0.0, width: 20.0, height: 20.0 };
        let ground = Ground::new(&picture, placement, 0.5, Sampling::Nearest, Some(80)).unwrap();
        let scale = Scale::Shared(Tone::new([0.0, 255.0], ColorMap::Grey));
        let grid = Grid::from_fn(2, 1, 1, |c, _, _| [0.0, 100.0][c]);
        let (image, layout) = mosaic_over(&grid, &[1, 0], &ground, 2, &scale, BACK).unwrap();
        assert_eq!(layout.cell, (80, 40), "the shape of the picture");
        for (index, value) in [100, 0].into_iter().enumerate() {
            let (x, y) = layout.origin(index);
            assert_eq!(image.get_pixel(x + 5, y + 5).0, [0, 200, 0], "beside the map the picture");
            let mixed = [value / 2, 100 + value / 2, value / 2];
            assert_eq!(image.get_pixel(x + 40, y + 20).0, mixed);
        }
    }

    #[test]
    fn layouts_are_about_square() {
        let layout = Layout::square(128, (8, 8), 1);
        assert_eq!((layout.columns, layout.rows()), (12, 11));
        assert_eq!(layout.size(), (12 * 9 - 1, 11 * 9 - 1));
        assert_eq!(layout.cell_at(8, 0), None);
        assert_eq!(layout.cell_at(9, 0), Some(1));
        assert_eq!(layout.cell_at(0, 10 * 9), Some(120));
        assert_eq!(layout.cell_at(8 * 9, 10 * 9), None);
        assert_eq!(Layout::square(1, (8, 8), 4).size(), (8, 8));
    }

    #[test]
    fn impossible_mosaics_are_refused() {
        let scale = Scale::Shared(Tone::new([0.0, 1.0], ColorMap::Grey));
        let text = mosaic(&ramp(), &[5], 1, 1, &scale, BACK).unwrap_err().to_string();
        assert!(text.contains("no channel 5") && text.contains("0 to 4"), "{text}");
        assert!(mosaic(&ramp(), &[], 1, 1, &scale, BACK).is_err());
        assert!(mosaic(&ramp(), &[0], u32::MAX, 1, &scale, BACK).is_err());
    }
}
