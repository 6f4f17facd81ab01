//! Maps as pixels, at their own size or enlarged.

use image::{Rgb, RgbImage};
use serde::{Deserialize, Serialize};

use crate::colormap::{Tone, hatch, shade};
use crate::error::{Error, Result};
use crate::grid::Grid;

/// The most pixels that a figure may have: 400 MB as RGB.
pub const MAX_PIXELS: u64 = 1 << 27;

/// What lies between the places of a map when it is enlarged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// The nearest place: every value stays a visible square.
    #[default]
    Nearest,
    /// A linear mix of the four nearest places, with centres at half pixels and edges repeated.
    /// Values are mixed, not colours; next to NaN the mix is NaN.
    Bilinear,
}

/// Something that can be painted at any size.
#[derive(Clone, Copy, Debug)]
pub enum Layer<'a> {
    /// The first channel of a grid through a colour map; NaN hatched.
    Map(&'a Grid, Tone),
    /// The first three channels of a grid as R, G, B from 0 to 1; where any is NaN, hatched.
    Rgb(&'a Grid),
    /// An image.
    Image(&'a RgbImage),
}

impl Layer<'_> {
    /// Width and height in its own places.
    pub fn size(&self) -> (usize, usize) {
        match self {
            Layer::Map(grid, _) | Layer::Rgb(grid) => (grid.width(), grid.height()),
            Layer::Image(image) => (image.width() as usize, image.height() as usize),
        }
    }

    /// Refuses what has no place, or too few channels to be painted.
    pub(super) fn check(&self) -> Result<()> {
        let channels = match self {
            Layer::Map(grid, _) => (grid.channels(), 1),
            Layer::Rgb(grid) => (grid.channels(), 3),
            Layer::Image(_) => (3, 3),
        };
        let (width, height) = self.size();
        if width == 0 || height == 0 || channels.0 < channels.1 {
            return Err(Error::Setting(format!(
                "a map of {}x{height}x{width} cannot be painted; it needs at least {} channel(s) and one place",
                channels.0, channels.1
            )));
        }
        Ok(())
    }

    /// The colour at (u, v), measured in the layer's own places from its left and upper edge, to be
    /// put at pixel `at` of the output (which only the hatching depends on).
    pub(super) fn color(&self, (u, v): (f32, f32), sampling: Sampling, at: (u32, u32)) -> Rgb<u8> {
        let taps = Taps::new(self.size(), (u, v), sampling);
        let color = match self {
            Layer::Map(grid, tone) => shade(taps.mix(|x, y| value(grid, 0, x, y)), tone),
            Layer::Rgb(grid) => {
                let parts = [0, 1, 2].map(|c| taps.mix(|x, y| value(grid, c, x, y)));
                (!parts.iter().any(|part| part.is_nan())).then(|| parts.map(|part| byte(part * 255.0)))
            }
            Layer::Image(image) => Some(
                [0, 1, 2].map(|c| byte(taps.mix(|x, y| f32::from(image.get_pixel(x as u32, y as u32)[c])))),
            ),
        };
        Rgb(color.unwrap_or_else(|| hatch(at.0, at.1)))
    }

    /// The layer stretched to `width` × `height` pixels.
    ///
    /// # Errors
    /// When the layer cannot be painted or the image would be larger than [`MAX_PIXELS`].
    pub fn render(&self, width: u32, height: u32, sampling: Sampling) -> Result<RgbImage> {
        self.check()?;
        let mut image = canvas(width, height, Rgb([0; 3]))?;
        let (w, h) = self.size();
        let (sx, sy) = (w as f32 / width as f32, h as f32 / height as f32);
        for (x, y, pixel) in image.enumerate_pixels_mut() {
            *pixel = self.color(((x as f32 + 0.5) * sx, (y as f32 + 0.5) * sy), sampling, (x, y));
        }
        Ok(image)
    }

    /// The layer with each of its places `factor` pixels wide and high.
    ///
    /// # Errors
    /// As [`Layer::render`].
    pub fn enlarge(&self, factor: u32, sampling: Sampling) -> Result<RgbImage> {
        let (w, h) = self.size();
        self.render(saturating(w, factor), saturating(h, factor), sampling)
    }
}

/// The first channel of `grid` (1×H×W) through `tone`, one pixel per value; NaN hatched.
///
/// # Errors
/// When the grid is empty or larger than [`MAX_PIXELS`].
pub fn shade_map(grid: &Grid, tone: &Tone) -> Result<RgbImage> {
    Layer::Map(grid, *tone).enlarge(1, Sampling::Nearest)
}

/// The first three channels of `grid` (3×H×W, values 0 to 1) as R, G, B, one pixel per place.
///
/// # Errors
/// When the grid is empty, has fewer than three channels or is larger than [`MAX_PIXELS`].
pub fn rgb_map(grid: &Grid) -> Result<RgbImage> {
    Layer::Rgb(grid).enlarge(1, Sampling::Nearest)
}

/// An image of one colour, its size checked before memory is asked for.
///
/// # Errors
/// When it has no pixel, or more than [`MAX_PIXELS`].
pub fn canvas(width: u32, height: u32, color: Rgb<u8>) -> Result<RgbImage> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > MAX_PIXELS {
        return Err(Error::Setting(format!(
            "a figure of {width}x{height} pixels cannot be made; it may have 1 to {MAX_PIXELS} pixels, choose a smaller size"
        )));
    }
    Ok(RgbImage::from_pixel(width, height, color))
}

/// `value` (0 to 255) as a byte: clamped, halves up, NaN as 0.
pub(super) fn byte(value: f32) -> u8 {
    (value.clamp(0.0, 255.0) + 0.5).floor() as u8
}

/// `count` things of `each` pixels; too many saturate and are then refused by [`canvas`].
pub(super) fn saturating(count: usize, each: u32) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX).saturating_mul(each)
}

fn value(grid: &Grid, channel: usize, x: usize, y: usize) -> f32 {
    grid.at(channel, y, x).unwrap_or(f32::NAN)
}

/// The places that one output pixel reads, and their weights.
struct Taps {
    x: [usize; 2],
    y: [usize; 2],
    share: (f32, f32),
}

impl Taps {
    fn new((width, height): (usize, usize), (u, v): (f32, f32), sampling: Sampling) -> Taps {
        let axis = |place: f32, size: usize| match sampling {
            Sampling::Nearest => {
                let nearest = (place.max(0.0) as usize).min(size - 1);
                ([nearest, nearest], 0.0)
            }
            Sampling::Bilinear => {
                let inside = (place - 0.5).clamp(0.0, (size - 1) as f32);
                let low = inside as usize;
                ([low, (low + 1).min(size - 1)], inside - low as f32)
            }
        };
        let ((x, fx), (y, fy)) = (axis(u, width), axis(v, height));
        Taps { x, y, share: (fx, fy) }
    }

    /// The weighted mean; a place of weight 0 is not read, so that NaN does not spread from there.
    fn mix(&self, read: impl Fn(usize, usize) -> f32) -> f32 {
        let lerp = |share: f32, low: f32, high: &dyn Fn() -> f32| {
            if share == 0.0 { low } else { low + (high() - low) * share }
        };
        let row = |y: usize| lerp(self.share.0, read(self.x[0], y), &|| read(self.x[1], y));
        lerp(self.share.1, row(self.y[0]), &|| row(self.y[1]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colormap::{ColorMap, HATCH_DARK};

    fn grey() -> Tone {
        Tone::new([0.0, 255.0], ColorMap::Grey)
    }

    #[test]
    fn each_value_becomes_its_colour() {
        let grid = Grid::new(1, 1, 3, vec![0.0, 100.0, f32::NAN]).unwrap();
        let image = shade_map(&grid, &grey()).unwrap();
        let pixels: Vec<_> = image.pixels().map(|p| p.0).collect();
        assert_eq!(pixels, [[0; 3], [100; 3], HATCH_DARK]);
    }

    #[test]
    fn three_channels_become_red_green_blue() {
        let grid = Grid::new(3, 1, 2, vec![0.0, 1.0, 0.5, 2.0, -1.0, f32::NAN]).unwrap();
        let image = rgb_map(&grid).unwrap();
        assert_eq!(image.get_pixel(0, 0).0, [0, 128, 0]);
        assert_eq!(image.get_pixel(1, 0).0, hatch(1, 0));
        assert!(rgb_map(&grid.channel_grid(0)).is_err());
    }

    #[test]
    fn nearest_enlarging_repeats_and_hatches_by_output_pixel() {
        let grid = Grid::new(1, 1, 2, vec![7.0, f32::NAN]).unwrap();
        let image = Layer::Map(&grid, grey()).enlarge(8, Sampling::Nearest).unwrap();
        assert_eq!(image.dimensions(), (16, 8));
        for (x, y, pixel) in image.enumerate_pixels() {
            assert_eq!(pixel.0, if x < 8 { [7; 3] } else { hatch(x, y) });
        }
    }

    #[test]
    fn bilinear_enlarging_mixes_values_between_centres() {
        let grid = Grid::new(1, 1, 2, vec![0.0, 100.0]).unwrap();
        let image = Layer::Map(&grid, grey()).render(4, 1, Sampling::Bilinear).unwrap();
        let row: Vec<u8> = image.pixels().map(|p| p[0]).collect();
        assert_eq!(row, [0, 25, 75, 100]);
    }

    #[test]
    fn an_image_is_its_own_layer() {
        let image = RgbImage::from_fn(3, 2, |x, y| Rgb([x as u8, y as u8, 9]));
        assert_eq!(Layer::Image(&image).enlarge(1, Sampling::Nearest).unwrap(), image);
        assert_eq!(Layer::Image(&image).enlarge(1, Sampling::Bilinear).unwrap(), image);
    }

    #[test]
    fn impossible_sizes_are_refused() {
        let grid = Grid::new(1, 1, 1, vec![0.0]).unwrap();
        let layer = Layer::Map(&grid, grey());
        assert!(layer.render(0, 5, Sampling::Nearest).is_err());
        assert!(layer.enlarge(u32::MAX, Sampling::Nearest).unwrap_err().to_string().contains("smaller"));
        assert!(shade_map(&Grid::new(1, 0, 0, vec![]).unwrap(), &grey()).is_err());
    }
}
