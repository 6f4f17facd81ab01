//! What a map shows, and how its planes are laid out in one texture.

use std::ops::Range;
use std::sync::Arc;

use crate::colormap::Tone;
use crate::grid::Grid;

/// Stands for NaN in the texture: how shaders treat NaN itself is left open.
pub(super) const NAN_MARK: f32 = 3.0e38;
/// Other values are held within ± this, so that differences stay finite.
const LARGEST: f32 = 1.0e38;

/// Which planes of a grid are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Planes {
    /// One channel as a map.
    Channel(usize),
    /// The first three channels as red, green and blue in 0..1.
    Rgb,
    /// Every channel, for a mosaic.
    All,
}

/// Planes of a grid. Cheap to clone. Drawn sources are uploaded again only when they show another
/// grid (by identity of the shared values) or another channel.
#[derive(Clone, Debug)]
pub struct Source {
    grid: Grid,
    planes: Planes,
}

impl Source {
    /// Channel `channel` of `grid`, the last one where there are fewer.
    pub fn channel(grid: &Grid, channel: usize) -> Source {
        let channel = channel.min(grid.channels().saturating_sub(1));
        Source { grid: grid.clone(), planes: Planes::Channel(channel) }
    }

    /// The first three channels of `grid` as colours in 0..1; with fewer than three, its first
    /// channel as a map.
    pub fn rgb(grid: &Grid) -> Source {
        let planes = if grid.channels() >= 3 { Planes::Rgb } else { Planes::Channel(0) };
        Source { grid: grid.clone(), planes }
    }

    /// All channels of `grid`, for a mosaic.
    pub fn all(grid: &Grid) -> Source {
        Source { grid: grid.clone(), planes: Planes::All }
    }

    /// The grid behind.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// True where the values are colours, which no tone applies to.
    pub fn is_rgb(&self) -> bool {
        self.planes == Planes::Rgb
    }

    /// The values shown at a cell, one per plane; empty outside.
    pub fn values_at(&self, x: usize, y: usize) -> Vec<f32> {
        self.planes().filter_map(|c| self.grid.at(c, y, x)).collect()
    }

    pub(super) fn planes(&self) -> Range<usize> {
        match self.planes {
            Planes::Channel(c) => c..c + 1,
            Planes::Rgb => 0..3,
            Planes::All => 0..self.grid.channels(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.grid.values().is_empty()
    }

    /// True when both show the same planes of the same shared values.
    pub(super) fn same_as(&self, other: &Source) -> bool {
        let size = |s: &Source| (s.grid.channels(), s.grid.height(), s.grid.width());
        self.planes == other.planes
            && size(self) == size(other)
            && Arc::ptr_eq(&self.grid.shared_values(), &other.grid.shared_values())
    }

    /// How the planes fit into a texture of at most `max_side` × `max_side`.
    pub(super) fn packing(&self, max_side: usize) -> Packing {
        Packing::new(self.planes().len(), self.grid.height(), self.grid.width(), max_side)
    }

    /// The values of one plane as the texture holds them: thinned, NaN marked.
    pub(super) fn plane(&self, plane: usize, packing: &Packing) -> impl Iterator<Item = f32> + '_ {
        let (width, step) = (self.grid.width(), packing.step);
        self.grid
            .channel(plane)
            .chunks(width.max(1))
            .step_by(step)
            .flat_map(move |row| row.iter().step_by(step).map(|&v| held(v)))
    }
}

/// A value as the texture holds it.
pub(super) fn held(value: f32) -> f32 {
    if value.is_nan() { NAN_MARK } else { value.clamp(-LARGEST, LARGEST) }
}

/// The layout of planes in one texture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packing {
    /// Only every `step`-th row and column is kept (1 unless the planes are too large).
    pub step: usize,
    /// Columns of a plane.
    pub width: usize,
    /// Rows of a plane.
    pub height: usize,
    /// Planes side by side.
    pub per_row: usize,
    /// Rows of planes.
    pub rows: usize,
}

impl Packing {
    fn new(planes: usize, height: usize, width: usize, max_side: usize) -> Packing {
        let (planes, max_side) = (planes.max(1), max_side.max(1));
        let mut step = 1;
        loop {
            let (w, h) = (width.div_ceil(step).max(1), height.div_ceil(step).max(1));
            let most = max_side / w;
            if most > 0 {
                let square = ((planes * h) as f64 / w as f64).sqrt().ceil() as usize;
                for per_row in [square.clamp(1, most), most.min(planes)] {
                    let rows = planes.div_ceil(per_row);
                    if rows * h <= max_side {
                        return Packing { step, width: w, height: h, per_row, rows };
                    }
                }
            }
            // At one texel per plane more steps cannot help; such a count never occurs.
            if w == 1 && h == 1 {
                return Packing { step, width: 1, height: 1, per_row: max_side, rows: max_side };
            }
            step += 1;
        }
    }

    /// Size of the texture, `[width, height]`.
    pub fn size(&self) -> [usize; 2] {
        [self.per_row * self.width, self.rows * self.height]
    }

    /// Where the `index`-th plane begins, `[x, y]`.
    pub fn origin(&self, index: usize) -> [usize; 2] {
        [index % self.per_row * self.width, index / self.per_row * self.height]
    }

    /// How many planes there is room for.
    pub fn room(&self) -> usize {
        self.per_row * self.rows
    }
}

/// How values are coloured. All of it is uniforms: changing it uploads nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Range, gamma and colour map; not used for RGB.
    pub tone: Tone,
    /// 0 for invisible, 1 for opaque.
    pub opacity: f32,
    /// Bilinear between cell centres instead of one flat colour per cell.
    pub smooth: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_always_fit() {
        for (planes, h, w, side) in [
            (1, 1, 1, 8192),
            (256, 256, 256, 8192),
            (1024, 8, 8, 2048),
            (3, 5000, 9000, 8192),
            (512, 64, 3, 256),
        ] {
            let packing = Packing::new(planes, h, w, side);
            assert!(packing.size().iter().all(|&s| s <= side), "{planes}x{h}x{w}: {packing:?}");
            assert!(packing.room() >= planes, "{planes}x{h}x{w}: {packing:?}");
            assert_eq!(packing.width, w.div_ceil(packing.step));
        }
        assert_eq!(Packing::new(256, 256, 256, 8192).step, 1);
    }

    #[test]
    fn thinning_keeps_every_step_th_value() {
        let grid = Grid::from_fn(1, 4, 6, |_, y, x| (y * 10 + x) as f32);
        let source = Source::channel(&grid, 0);
        let packing = source.packing(3);
        assert_eq!((packing.step, packing.width, packing.height), (2, 3, 2));
        assert_eq!(source.plane(0, &packing).collect::<Vec<_>>(), [0.0, 2.0, 4.0, 20.0, 22.0, 24.0]);
    }

    #[test]
    fn identity_is_that_of_the_shared_values() {
        let grid = Grid::from_fn(3, 2, 2, |c, y, x| (c + y + x) as f32);
        let equal = Grid::from_fn(3, 2, 2, |c, y, x| (c + y + x) as f32);
        assert!(Source::rgb(&grid).same_as(&Source::rgb(&grid.clone())));
        assert!(!Source::rgb(&grid).same_as(&Source::rgb(&equal)));
        assert!(!Source::channel(&grid, 0).same_as(&Source::channel(&grid, 1)));
        assert_eq!(Source::rgb(&grid).values_at(1, 1), [2.0, 3.0, 4.0]);
    }

    #[test]
    fn nan_is_marked_and_infinity_is_large() {
        assert_eq!(held(f32::NAN), NAN_MARK);
        assert_eq!(held(f32::NEG_INFINITY), -LARGEST);
        assert_eq!(held(f32::MAX), LARGEST);
        assert_eq!(held(-0.5), -0.5);
    }
}
