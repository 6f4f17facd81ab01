//! Versions of a picture: as it is, and flipped, cropped, noised anew.

use super::config::TrainConfig;
use crate::grid::Grid;
use crate::tensor::rng::uniform;

/// A version of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Mirrored left to right.
    pub flip: bool,
    /// Side of the crop over that of the picture, its left and its top over what is left of the side.
    pub crop: [f32; 3],
    /// Number of the noise draw.
    pub draw: u32,
}

impl View {
    /// The picture as it is, under its first noise.
    pub const PLAIN: View = View { flip: false, crop: [1.0, 0.0, 0.0], draw: 0 };

    /// Version `number` of `picture`: the first is the plain one, the others follow from the picture,
    /// the number and the seed.
    pub fn of(config: &TrainConfig, picture: &Grid, number: usize) -> View {
        if number == 0 {
            return View::PLAIN;
        }
        let mut key = blake3::Hasher::new();
        key.update(b"difscope view");
        picture.values().iter().for_each(|value| {
            key.update(&value.to_le_bytes());
        });
        key.update(&(number as u64).to_le_bytes());
        key.update(&config.seed.to_le_bytes());
        let lots: Vec<f32> =
            uniform(key.finalize().as_bytes(), 4).iter().map(|lot| (lot + 1.0) / 2.0).collect();
        let side = config.crop as f32 + (1.0 - config.crop as f32) * lots[1];
        View {
            flip: config.flip && lots[0] < 0.5,
            crop: [side, lots[2], lots[3]],
            draw: u32::try_from(number).unwrap_or(u32::MAX),
        }
    }

    /// `picture` `[C, S, S]` seen so: the crop is brought back to S×S, bilinear between pixel centres.
    pub fn see(&self, picture: &Grid) -> Grid {
        let (height, width) = (picture.height(), picture.width());
        let [side, left, top] = self.crop;
        if side >= 1.0 && !self.flip {
            return picture.clone();
        }
        let place = |index: usize, size: usize, shift: f32| {
            let size = size as f32;
            let first = (1.0 - side.min(1.0)) * shift * size;
            (first + (index as f32 + 0.5) * side.min(1.0) - 0.5).clamp(0.0, size - 1.0)
        };
        Grid::from_fn(picture.channels(), height, width, |c, y, x| {
            let x = if self.flip { width - 1 - x } else { x };
            let (y, x) = (place(y, height, top), place(x, width, left));
            let plane = picture.channel(c);
            let at = |y: usize, x: usize| plane[y.min(height - 1) * width + x.min(width - 1)];
            let (row, col) = (y as usize, x as usize);
            let (down, right) = (y - row as f32, x - col as f32);
            let upper = at(row, col) * (1.0 - right) + at(row, col + 1) * right;
            let lower = at(row + 1, col) * (1.0 - right) + at(row + 1, col + 1) * right;
            upper * (1.0 - down) + lower * down
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::HeadKind;
    use crate::train::Recipe;

    fn ramp() -> Grid {
        Grid::from_fn(3, 8, 8, |c, y, x| c as f32 * 0.1 + y as f32 * 0.01 + x as f32)
    }

    #[test]
    fn views_follow_from_picture_number_and_seed() {
        let config = TrainConfig::of(Recipe::FewShot, HeadKind::Linear, 3);
        let picture = ramp();
        assert_eq!(View::of(&config, &picture, 0), View::PLAIN);
        let views: Vec<View> = (1..40).map(|number| View::of(&config, &picture, number)).collect();
        assert_eq!(views, (1..40).map(|number| View::of(&config, &picture, number)).collect::<Vec<_>>());
        assert!(views.iter().any(|view| view.flip) && views.iter().any(|view| !view.flip));
        assert!(views.iter().all(|view| (0.8..=1.0).contains(&view.crop[0])));
        let other = TrainConfig { seed: 4, ..config };
        assert_ne!(View::of(&other, &picture, 1), views[0]);
    }

    #[test]
    fn flips_mirror_and_crops_stay_inside() {
        let picture = ramp();
        assert_eq!(View::PLAIN.see(&picture), picture);
        let flipped = View { flip: true, ..View::PLAIN }.see(&picture);
        assert_eq!(flipped.at(1, 2, 0), picture.at(1, 2, 7));
        let half = View { crop: [0.5, 1.0, 0.0], ..View::PLAIN }.see(&picture);
        // The right half, twice as wide: columns 4 to 7 at steps of a half.
        assert!((half.at(0, 0, 0).unwrap() - 3.75).abs() < 1e-5, "{:?}", half.at(0, 0, 0));
        assert!((half.at(0, 0, 7).unwrap() - 7.0).abs() < 1e-5);
    }
}
