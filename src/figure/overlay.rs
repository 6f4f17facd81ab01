//! A map laid back on the whole, uncropped picture.

use image::{ImageBuffer, Rgb, RgbImage, imageops};

use super::paint::{Layer, Sampling, byte};
use crate::error::{Error, Result};

/// Pictures whose longer side is below this are enlarged by a whole factor to reach it.
pub const MIN_SIDE: u32 = 256;
/// Pictures whose longer side is above this are reduced to it.
pub const MAX_SIDE: u32 = 4096;

/// The picture under a map: sRGB bytes, `[height, width, 3]` row-major.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `3 · width · height` bytes.
    pub rgb: &'a [u8],
}

/// Where the network's input lies in the picture, in pixels of the picture from its upper left
/// corner. It may reach outside: what lies there is cut off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

/// `map` over `picture` at `placement`, with `opacity` from 0 (only the picture) to 1.
///
/// The result has the picture's shape. Its size is the picture's, times a whole number for a small
/// picture and reduced for a large one, so that the longer side is [`MIN_SIDE`] to [`MAX_SIDE`]. A
/// pixel belongs to the map when its centre lies in the placement.
///
/// # Errors
/// When the picture's bytes do not fit its size, the placement is empty or the map cannot be painted.
pub fn overlay(
    picture: &Picture<'_>,
    map: &Layer<'_>,
    placement: &Placement,
    opacity: f32,
    sampling: Sampling,
) -> Result<RgbImage> {
    Ground::new(picture, *placement, opacity, sampling, None)?.lay(map)
}

/// A picture that maps are laid over, one after the other.
#[derive(Clone, Debug)]
pub struct Ground {
    image: RgbImage,
    /// Size of the picture that the placement counts in.
    size: [f32; 2],
    placement: Placement,
    opacity: f32,
    sampling: Sampling,
}

impl Ground {
    /// `picture` as ground for maps at `placement` of it, with `opacity` from 0 (only the picture)
    /// to 1; reduced or enlarged to a longer side of `longer` pixels, or to what [`overlay`] takes.
    ///
    /// # Errors
    /// When the picture's bytes do not fit its size or the placement is empty.
    pub fn new(
        picture: &Picture<'_>,
        placement: Placement,
        opacity: f32,
        sampling: Sampling,
        longer: Option<u32>,
    ) -> Result<Ground> {
        let sides = [placement.x, placement.y, placement.width, placement.height];
        if sides.iter().any(|side| !side.is_finite()) || placement.width <= 0.0 || placement.height <= 0.0 {
            return Err(Error::Setting("the map has no place on the picture; choose another picture".into()));
        }
        let mut image = base(picture)?;
        if let Some(longer) = longer {
            let scale = longer as f32 / picture.width.max(picture.height) as f32;
            let [width, height] =
                [picture.width, picture.height].map(|side| ((side as f32 * scale).round() as u32).max(1));
            image = if scale <= 1.0 {
                imageops::thumbnail(&image, width, height)
            } else {
                imageops::resize(&image, width, height, imageops::FilterType::Nearest)
            };
        }
        let opacity = if opacity.is_nan() { 1.0 } else { opacity.clamp(0.0, 1.0) };
        let size = [picture.width as f32, picture.height as f32];
        Ok(Ground { image, size, placement, opacity, sampling })
    }

    /// Width and height of what [`Ground::lay`] gives.
    pub fn size(&self) -> (u32, u32) {
        self.image.dimensions()
    }

    /// `map` over the picture.
    ///
    /// # Errors
    /// When the map cannot be painted.
    pub fn lay(&self, map: &Layer<'_>) -> Result<RgbImage> {
        map.check()?;
        let mut image = self.image.clone();
        let (map_width, map_height) = map.size();
        let (width, height) = image.dimensions();
        let placement = &self.placement;
        for (x, y, pixel) in image.enumerate_pixels_mut() {
            // The centre of this pixel in pixels of the picture, then relative to the placement.
            let px = (x as f32 + 0.5) * self.size[0] / width as f32 - placement.x;
            let py = (y as f32 + 0.5) * self.size[1] / height as f32 - placement.y;
            if px < 0.0 || py < 0.0 || px >= placement.width || py >= placement.height {
                continue;
            }
            let place = (px / placement.width * map_width as f32, py / placement.height * map_height as f32);
            *pixel = mix(*pixel, map.color(place, self.sampling, (x, y)), self.opacity);
        }
        Ok(image)
    }
}

/// The picture alone, at the size that [`overlay`] gives it.
///
/// # Errors
/// When its bytes do not fit its size.
pub fn base(picture: &Picture<'_>) -> Result<RgbImage> {
    let (width, height) = (picture.width, picture.height);
    let longer = width.max(height);
    let whole = ImageBuffer::<Rgb<u8>, &[u8]>::from_raw(width, height, picture.rgb)
        .filter(|_| {
            width > 0 && height > 0 && picture.rgb.len() as u64 == 3 * u64::from(width) * u64::from(height)
        })
        .ok_or_else(|| {
            Error::Compute(format!("a picture of {width}x{height} cannot have {} bytes", picture.rgb.len()))
        })?;
    if longer > MAX_SIDE {
        let reduced = |side: u32| ((u64::from(side) * u64::from(MAX_SIDE)) / u64::from(longer)).max(1) as u32;
        return Ok(imageops::thumbnail(&whole, reduced(width), reduced(height)));
    }
    let factor = MIN_SIDE.div_ceil(longer);
    Ok(RgbImage::from_fn(width * factor, height * factor, |x, y| *whole.get_pixel(x / factor, y / factor)))
}

/// `over` on `under` with the given share (0 to 1) of the result, per channel, halves up.
pub(super) fn mix(under: Rgb<u8>, over: Rgb<u8>, share: f32) -> Rgb<u8> {
    Rgb(std::array::from_fn(|k| {
        let (a, b) = (f32::from(under[k]), f32::from(over[k]));
        byte(a + (b - a) * share)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn green(width: u32, height: u32) -> Vec<u8> {
        [0, 200, 0].repeat((width * height) as usize)
    }

    #[test]
    fn the_map_lands_on_its_pixels_and_nowhere_else() {
        let rgb = green(300, 260);
        let map = RgbImage::from_fn(2, 2, |x, y| Rgb([100 * x as u8, 0, 100 * y as u8]));
        let placement = Placement { x: 40.0, y: 10.0, width: 200.0, height: 240.0 };
        let picture = Picture { width: 300, height: 260, rgb: &rgb };
        let image = overlay(&picture, &Layer::Image(&map), &placement, 1.0, Sampling::Nearest).unwrap();
        assert_eq!(image.dimensions(), (300, 260));
        for (x, y, pixel) in image.enumerate_pixels() {
            let inside = (40..240).contains(&x) && (10..250).contains(&y);
            let expected = if inside {
                [if x < 140 { 0 } else { 100 }, 0, if y < 130 { 0 } else { 100 }]
            } else {
                [0, 200, 0]
            };
            assert_eq!(pixel.0, expected, "at {x},{y}");
        }
    }

    #[test]
    fn opacity_mixes() {
        let rgb = green(256, 256);
        let map = RgbImage::from_pixel(1, 1, Rgb([100, 0, 255]));
        let placement = Placement { x: 0.0, y: 0.0, width: 256.0, height: 256.0 };
        let picture = Picture { width: 256, height: 256, rgb: &rgb };
        let at = |opacity| {
            let image =
                overlay(&picture, &Layer::Image(&map), &placement, opacity, Sampling::Nearest).unwrap();
            image.get_pixel(17, 200).0
        };
        assert_eq!(at(0.0), [0, 200, 0]);
        assert_eq!(at(0.5), [50, 100, 128]);
        assert_eq!(at(9.0), [100, 0, 255]);
    }

    #[test]
    fn a_small_picture_grows_and_a_placement_may_reach_outside() {
        // 28×28 on a black border of 2, as a 32×32 network sees it.
        let rgb = green(28, 28);
        let map = RgbImage::from_fn(32, 32, |x, y| Rgb([x as u8, y as u8, 77]));
        let placement = Placement { x: -2.0, y: -2.0, width: 32.0, height: 32.0 };
        let picture = Picture { width: 28, height: 28, rgb: &rgb };
        let image = overlay(&picture, &Layer::Image(&map), &placement, 1.0, Sampling::Nearest).unwrap();
        assert_eq!(image.dimensions(), (280, 280));
        for (x, y, pixel) in image.enumerate_pixels() {
            assert_eq!(pixel.0, [(x / 10 + 2) as u8, (y / 10 + 2) as u8, 77], "at {x},{y}");
        }
    }

    #[test]
    fn a_large_picture_is_reduced_in_shape() {
        let rgb = green(8192, 16);
        let image = base(&Picture { width: 8192, height: 16, rgb: &rgb }).unwrap();
        assert_eq!(image.dimensions(), (4096, 8));
        assert_eq!(image.get_pixel(4000, 3).0, [0, 200, 0]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let map = RgbImage::new(1, 1);
        let layer = Layer::Image(&map);
        let placement = Placement { x: 0.0, y: 0.0, width: 1.0, height: 1.0 };
        let short = Picture { width: 2, height: 2, rgb: &[0; 5] };
        assert!(overlay(&short, &layer, &placement, 1.0, Sampling::Nearest).is_err());
        let good = Picture { width: 1, height: 1, rgb: &[0; 3] };
        let nowhere = Placement { width: 0.0, ..placement };
        assert!(overlay(&good, &layer, &nowhere, 1.0, Sampling::Nearest).is_err());
        let unknown = Placement { x: f32::NAN, ..placement };
        assert!(overlay(&good, &layer, &unknown, 1.0, Sampling::Nearest).is_err());
    }
}
