//! Where the planes of a drawing lie: one cell for a map, rows of cells for a mosaic.

use std::sync::Arc;

use eframe::egui::{Pos2, Rect, Vec2, pos2, vec2};

/// The arrangement of a drawing. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cells {
    order: Arc<[usize]>,
    ranges: Option<Arc<[[f32; 2]]>>,
    columns: usize,
    /// Size of a cell in points; the whole drawing where there is none.
    cell: Option<Vec2>,
    /// Points between cells, across and down.
    gap: Vec2,
}

/// A drawing in framebuffer pixels.
pub(super) struct Placed {
    pub rect: Rect,
    pub cell: Vec2,
    pub pitch: Vec2,
}

impl Cells {
    /// One cell that fills the drawing.
    pub fn single() -> Cells {
        Cells { order: [0].into(), ranges: None, columns: 1, cell: None, gap: Vec2::ZERO }
    }

    /// Cells of `cell` points with `gap` points between, row by row, `columns` to a row; the i-th
    /// shows channel `order[i]`. `ranges` holds a value range per channel, in the order of the
    /// channels; without it the tone's range holds for all.
    pub fn mosaic(
        order: Arc<[usize]>,
        ranges: Option<Arc<[[f32; 2]]>>,
        columns: usize,
        cell: Vec2,
        gap: Vec2,
    ) -> Cells {
        Cells { order, ranges, columns: columns.max(1), cell: Some(cell), gap }
    }

    /// Number of cells.
    pub fn count(&self) -> usize {
        self.order.len()
    }

    /// Cells in a row.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The plane that the `index`-th cell shows (0 past the last).
    pub fn plane(&self, index: usize) -> usize {
        self.order.get(index).copied().unwrap_or(0)
    }

    /// Size of a mosaic in points; zero for a single cell, which fills what it is given.
    pub fn size(&self) -> Vec2 {
        let Some(cell) = self.cell else { return Vec2::ZERO };
        let rows = self.count().div_ceil(self.columns);
        let side = |n: usize, side: f32, gap: f32| (n as f32 * (side + gap) - gap).max(0.0);
        vec2(side(self.columns.min(self.count()), cell.x, self.gap.x), side(rows, cell.y, self.gap.y))
    }

    /// The rectangle of the `index`-th cell of a mosaic whose corner is at `origin`.
    pub fn rect_of(&self, index: usize, origin: Pos2) -> Rect {
        let cell = self.cell.unwrap_or_default();
        let (column, row) = (index % self.columns, index / self.columns);
        let place = vec2(column as f32, row as f32) * (cell + self.gap);
        Rect::from_min_size(origin + place, cell)
    }

    /// The cell of a mosaic under `position`, counted from `origin`; none in the gaps and outside.
    pub fn index_at(&self, position: Pos2, origin: Pos2) -> Option<usize> {
        let pitch = self.cell? + self.gap;
        let local = position - origin;
        let (column, row) = ((local.x / pitch.x).floor(), (local.y / pitch.y).floor());
        if column < 0.0 || row < 0.0 || column >= self.columns as f32 {
            return None;
        }
        let index = row as usize * self.columns + column as usize;
        (index < self.count() && self.rect_of(index, origin).contains(position)).then_some(index)
    }

    pub(super) fn has_ranges(&self) -> bool {
        self.ranges.is_some()
    }

    /// The own range of the `index`-th cell.
    pub(super) fn range(&self, index: usize) -> Option<[f32; 2]> {
        self.range_of_plane(self.plane(index))
    }

    /// The own range of a plane.
    pub(super) fn range_of_plane(&self, plane: usize) -> Option<[f32; 2]> {
        self.ranges.as_ref()?.get(plane).copied()
    }

    /// True when both show the same planes in the same order with the same ranges.
    pub(super) fn same_table(&self, other: &Cells) -> bool {
        self.order == other.order && self.same_ranges(other)
    }

    pub(super) fn same_ranges(&self, other: &Cells) -> bool {
        self.ranges == other.ranges
    }

    /// In pixels, the corners rounded as egui rounds viewports.
    pub(super) fn in_pixels(&self, rect: Rect, pixels_per_point: f32) -> Placed {
        let round = |p: Pos2| pos2((p.x * pixels_per_point).round(), (p.y * pixels_per_point).round());
        let rect = Rect::from_min_max(round(rect.min), round(rect.max));
        let cell = self.cell.map_or(rect.size(), |cell| cell * pixels_per_point);
        Placed { rect, cell, pitch: cell + self.gap * pixels_per_point }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_cells_agree() {
        let cells = Cells::mosaic((0..10).rev().collect(), None, 4, vec2(16.0, 8.0), vec2(2.0, 2.0));
        let origin = pos2(100.0, 50.0);
        assert_eq!(cells.size(), vec2(4.0 * 18.0 - 2.0, 3.0 * 10.0 - 2.0));
        for index in 0..10 {
            let rect = cells.rect_of(index, origin);
            assert_eq!(cells.index_at(rect.center(), origin), Some(index));
            assert_eq!(cells.plane(index), 9 - index);
        }
        assert_eq!(cells.index_at(origin + vec2(17.0, 4.0), origin), None, "in a gap");
        assert_eq!(cells.index_at(origin + vec2(60.0, 24.0), origin), None, "past the last");
        assert_eq!(cells.index_at(origin + vec2(75.0, 4.0), origin), None, "past the columns");
        assert_eq!(cells.index_at(origin - vec2(1.0, 1.0), origin), None);
    }

    #[test]
    fn fewer_cells_than_columns_make_a_short_row() {
        let cells = Cells::mosaic([0, 1].into(), None, 8, vec2(10.0, 10.0), vec2(2.0, 3.0));
        assert_eq!(cells.size(), vec2(22.0, 10.0));
    }
}
