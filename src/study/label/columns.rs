//! Products of labelled pictures with all pictures, kept: new coefficients give new scores of all by one
//! matrix product.

use crate::tensor::rows::PackedRows;

/// Labelled pictures kept side by side.
const TILE: usize = 64;

/// A column of `rows` values for each labelled picture.
#[derive(Clone)]
pub(super) struct Columns {
    rows: usize,
    count: usize,
    /// `[rows, TILE]` each.
    tiles: Vec<Vec<f32>>,
}

impl Columns {
    pub fn new(rows: usize) -> Columns {
        Columns { rows, count: 0, tiles: Vec::new() }
    }

    /// The value of `row` in `column`.
    pub fn at(&self, row: usize, column: usize) -> f32 {
        self.tiles[column / TILE][row * TILE + column % TILE]
    }

    /// The values of `row`, column after column.
    pub fn row(&self, row: usize) -> impl Iterator<Item = f32> {
        let values = self.tiles.iter().flat_map(move |tile| &tile[row * TILE..][..TILE]);
        values.copied().take(self.count)
    }

    pub fn push(&mut self, column: &[f32]) {
        if self.count == self.tiles.len() * TILE {
            self.tiles.push(vec![0.0; self.rows * TILE]);
        }
        let (tile, place) = (self.count / TILE, self.count % TILE);
        let rows = self.tiles[tile].chunks_exact_mut(TILE);
        rows.zip(column).for_each(|(row, &value)| row[place] = value);
        self.count += 1;
    }

    /// Takes column `index` away; the last takes its place.
    pub fn swap_remove(&mut self, index: usize) {
        let last = self.count - 1;
        for row in 0..self.rows {
            let value = self.at(row, last);
            self.tiles[index / TILE][row * TILE + index % TILE] = value;
            self.tiles[last / TILE][row * TILE + last % TILE] = 0.0;
        }
        self.count = last;
        self.tiles.truncate(last.div_ceil(TILE));
    }

    /// Every row times the coefficients `[count, width]`: `[rows, width]`.
    pub fn times(&self, coefficients: &[f64], width: usize) -> Vec<f32> {
        let mut sums = vec![0f32; self.rows * width];
        for (tile, some) in self.tiles.iter().zip(coefficients.chunks(TILE * width)) {
            let mut turned = vec![0f32; width * TILE];
            for (place, row) in some.chunks_exact(width).enumerate() {
                row.iter()
                    .enumerate()
                    .for_each(|(column, &value)| turned[column * TILE + place] = value as f32);
            }
            let products = PackedRows::new(&turned, TILE).products(tile);
            sums.iter_mut().zip(products).for_each(|(sum, product)| *sum += product);
        }
        sums
    }
}
