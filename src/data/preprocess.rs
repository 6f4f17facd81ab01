//! Preparing a picture as a network's configuration demands: `adm` or `pad`.

use std::borrow::Cow;

use super::picture::Picture;
use super::resample::{Filter, Pixels, resize};
use crate::error::{Error, Result};
use crate::grid::Grid;

/// A picture as the network receives it.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// 3×S×S in [−1, 1].
    pub input: Grid,
    /// Where the network's square lies on the picture.
    pub placement: Placement,
}

/// The region of the whole, uncropped picture that the network's square input covers, in pixels of the
/// picture (edges, not centres: a picture of width W spans 0 to W). It reaches outside where the
/// picture was padded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width of the region.
    pub width: f32,
    /// Height of the region.
    pub height: f32,
    /// Side of the network's input, in its own pixels.
    pub size: usize,
}

impl Placement {
    /// Where the point (x, y) of the input, 0 to `size`, lies on the picture.
    pub fn input_to_picture(&self, x: f32, y: f32) -> (f32, f32) {
        let size = self.size as f32;
        (self.x + x * self.width / size, self.y + y * self.height / size)
    }

    /// Where the point (x, y) of the picture lies on the input; outside 0 to `size` when the input does
    /// not show it.
    pub fn picture_to_input(&self, x: f32, y: f32) -> (f32, f32) {
        let size = self.size as f32;
        ((x - self.x) * size / self.width, (y - self.y) * size / self.height)
    }

    /// The region covered by columns `at` … `at + size` and so on of a picture of `whole` pixels after
    /// it was resized to `resized`. Every resize maps edges to edges, so that one division is exact.
    fn of(whole: (usize, usize), resized: (usize, usize), at: (f64, f64), size: usize) -> Placement {
        let across = whole.0 as f64 / resized.0 as f64;
        let down = whole.1 as f64 / resized.1 as f64;
        Placement {
            x: (at.0 * across) as f32,
            y: (at.1 * down) as f32,
            width: (size as f64 * across) as f32,
            height: (size as f64 * down) as f32,
            size,
        }
    }
}

/// The preprocessing of the published networks: halve with a box filter while the shorter side is at
/// least twice `size`, then bicubic so that the shorter side is `size`, then the centre square. 8-bit
/// rounding after every resize.
///
/// # Errors
/// When `size` is 0.
pub fn adm(picture: &Picture, size: usize) -> Result<Prepared> {
    check(size)?;
    let source = halve(picture, |width, height| width.min(height) >= 2 * size);
    let scale = size as f64 / source.width.min(source.height) as f64;
    let to = (scaled(source.width, scale), scaled(source.height, scale));
    let (left, top) = ((to.0 - size) / 2, (to.1 - size) / 2);
    let square = resize(source.pixels(), to, left..left + size, top..top + size, Filter::Bicubic);
    let whole = (picture.width, picture.height);
    Ok(Prepared {
        input: to_grid(size, |y, x| Some((y * size + x) * 3), &square),
        placement: Placement::of(whole, to, (left as f64, top as f64), size),
    })
}

/// The picture centred on black, reduced (box halvings, then bicubic) only when a side is longer than
/// `size`, so that the longer one fits. An odd remainder leaves the wider border right and below.
///
/// # Errors
/// When `size` is 0.
pub fn pad(picture: &Picture, size: usize) -> Result<Prepared> {
    check(size)?;
    let source = halve(picture, |width, height| width.max(height) >= 2 * size);
    let scale = (size as f64 / source.width.max(source.height) as f64).min(1.0);
    let to = (scaled(source.width, scale), scaled(source.height, scale));
    let reduced = resize(source.pixels(), to, 0..to.0, 0..to.1, Filter::Bicubic);
    let (left, top) = ((size - to.0) / 2, (size - to.1) / 2);
    let place = |y: usize, x: usize| {
        let (y, x) = (y.checked_sub(top)?, x.checked_sub(left)?);
        (y < to.1 && x < to.0).then_some((y * to.0 + x) * 3)
    };
    let whole = (picture.width, picture.height);
    Ok(Prepared {
        input: to_grid(size, place, &reduced),
        placement: Placement::of(whole, to, (-(left as f64), -(top as f64)), size),
    })
}

fn check(size: usize) -> Result<()> {
    if size == 0 {
        return Err(Error::Setting("a network's input has at least one pixel, not 0".into()));
    }
    Ok(())
}

/// A picture on its way through the halvings.
struct Halved<'a> {
    width: usize,
    height: usize,
    rgb: Cow<'a, [u8]>,
}

impl Halved<'_> {
    fn pixels(&self) -> Pixels<'_> {
        Pixels { width: self.width, height: self.height, rgb: &self.rgb }
    }
}

fn halve(picture: &Picture, larger: impl Fn(usize, usize) -> bool) -> Halved<'_> {
    let mut now = Halved { width: picture.width, height: picture.height, rgb: Cow::Borrowed(&picture.rgb) };
    while larger(now.width, now.height) {
        let (width, height) = ((now.width / 2).max(1), (now.height / 2).max(1));
        let rgb = resize(now.pixels(), (width, height), 0..width, 0..height, Filter::Box);
        now = Halved { width, height, rgb: Cow::Owned(rgb) };
    }
    now
}

/// A side after scaling: half to even as Python rounds, and never nothing.
fn scaled(side: usize, scale: f64) -> usize {
    ((side as f64 * scale).round_ties_even() as usize).max(1)
}

/// The input over `rgb`, whose pixel for (y, x) starts at `place`; black where there is none.
fn to_grid(size: usize, place: impl Fn(usize, usize) -> Option<usize>, rgb: &[u8]) -> Grid {
    Grid::from_fn(3, size, size, |channel, y, x| match place(y, x) {
        Some(at) => f32::from(rgb[at + channel]) / 127.5 - 1.0,
        None => -1.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Origin;
    use crate::data::bundled;
    use proptest::prelude::*;
    use safetensors::SafeTensors;

    fn picture(width: usize, height: usize) -> Picture {
        let rgb: Vec<u8> = (0..width * height * 3).map(|i| (i * 7919 % 256) as u8).collect();
        Picture::from_rgb("test", Origin::Pasted, width, height, rgb).unwrap()
    }

    #[test]
    fn adm_equals_the_reference() {
        let golden = include_bytes!("../../tests/golden/preprocess.safetensors");
        let golden = SafeTensors::deserialize(golden).unwrap();
        let photos = bundled::photos();
        let mut seen = 0;
        for (key, expected) in golden.iter() {
            let (photo, size) = key.rsplit_once('.').unwrap();
            let source = photos.iter().find(|p| p.name().starts_with(photo)).unwrap();
            let prepared = adm(&source.open().unwrap(), size.parse().unwrap()).unwrap();
            let values = prepared.input.values();
            assert_eq!(values.len(), expected.data().len());
            let apart: Vec<f32> = values
                .iter()
                .zip(expected.data())
                .map(|(&v, &e)| ((v + 1.0) * 127.5 - f32::from(e)).abs())
                .collect();
            let mean = apart.iter().sum::<f32>() / apart.len() as f32;
            let most = apart.iter().fold(0.0, |a: f32, &b| a.max(b));
            // The photographs are lossless and the arithmetic is Pillow's own: no level differs.
            assert!(mean < 0.001 && most < 0.01, "{key}: mean {mean}, most {most}");
            seen += 1;
        }
        assert_eq!(seen, 9);
    }

    #[test]
    fn adm_covers_the_centre_square() {
        let prepared = adm(&picture(300, 100), 50).unwrap();
        let expected = Placement { x: 100.0, y: 0.0, width: 100.0, height: 100.0, size: 50 };
        assert_eq!(prepared.placement, expected);
        assert_eq!(prepared.placement.input_to_picture(25.0, 50.0), (150.0, 100.0));
        assert_eq!(prepared.placement.picture_to_input(150.0, 100.0), (25.0, 50.0));
    }

    #[test]
    fn pad_gives_28_pixels_a_border_of_2() {
        let source = picture(28, 28);
        let prepared = pad(&source, 32).unwrap();
        let expected = Placement { x: -2.0, y: -2.0, width: 32.0, height: 32.0, size: 32 };
        assert_eq!(prepared.placement, expected);
        for (y, x) in [(0, 0), (1, 16), (30, 16), (16, 1), (16, 30), (31, 31)] {
            assert_eq!(prepared.input.at(1, y, x), Some(-1.0), "border at {y}, {x}");
        }
        let inside = f32::from(source.rgb[(5 * 28 + 9) * 3 + 2]) / 127.5 - 1.0;
        assert_eq!(prepared.input.at(2, 7, 11), Some(inside));
    }

    #[test]
    fn pad_reduces_only_what_is_larger() {
        let prepared = pad(&picture(200, 100), 32).unwrap();
        // 200×100 is halved to 50×25 and then fitted: 32×16.
        let expected = Placement { x: 0.0, y: -50.0, width: 200.0, height: 200.0, size: 32 };
        assert_eq!(prepared.placement, expected);
        assert_eq!(prepared.input.at(0, 7, 16), Some(-1.0));
        assert_ne!(prepared.input.at(0, 8, 16), Some(-1.0));
    }

    #[test]
    fn extreme_shapes_stay_small() {
        for (width, height) in [(60_000, 3), (3, 60_000), (1, 1), (100_000, 1)] {
            for prepare in [adm, pad] {
                let prepared = prepare(&picture(width, height), 64).unwrap();
                assert_eq!(prepared.input.values().len(), 3 * 64 * 64);
            }
        }
    }

    #[test]
    fn a_network_without_pixels_is_refused() {
        assert!(adm(&picture(4, 4), 0).is_err());
        assert!(pad(&picture(4, 4), 0).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn every_size_is_prepared(width in 1usize..300, height in 1usize..300, which in 0usize..3) {
            let size = [8, 32, 64][which];
            for prepare in [adm, pad] {
                let Prepared { input, placement } = prepare(&picture(width, height), size).unwrap();
                prop_assert_eq!((input.channels(), input.height(), input.width()), (3, size, size));
                prop_assert!(input.values().iter().all(|v| (-1.0..=1.0).contains(v)));
                let (x, y) = placement.input_to_picture(3.0, 5.0);
                let (px, py) = placement.picture_to_input(x, y);
                prop_assert!((px - 3.0).abs() < 1e-2 && (py - 5.0).abs() < 1e-2);
            }
            let Placement { x, y, width: w, height: h, .. } = adm(&picture(width, height), size).unwrap().placement;
            prop_assert!(x >= 0.0 && y >= 0.0);
            prop_assert!(x + w <= width as f32 + 1e-2 && y + h <= height as f32 + 1e-2);
        }
    }
}
