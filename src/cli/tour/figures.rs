//! Figures of the tour that are no single view: the picture, the network's input, contact sheets.

use std::sync::Arc;

use image::RgbImage;

use crate::colormap::Tone;
use crate::error::Result;
use crate::features::network::NetworkCard;
use crate::figure::overlay::{self, base};
use crate::figure::sheet::{contact_sheet, sheet};
use crate::figure::{Bar, Caption, Cell, Layer, Sampling, Theme};
use crate::grid::Grid;
use crate::jobs::{LookConfig, PictureShown, SheetCell};

/// Side of an enlarged input, about, in pixels.
const INPUT_SIDE: usize = 512;
/// Least side of a cell, in pixels.
const CELL_SIDE: usize = 128;

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

/// A block over steps, all in one range with its bar.
pub fn steps(cells: &[Arc<SheetCell>], look: &LookConfig, caption: Caption) -> Result<RgbImage> {
    let values: Vec<f32> = cells.iter().flat_map(|cell| cell.grid.values().iter().copied()).collect();
    let values = Grid::new(1, 1, values.len(), values)?;
    let tone = look.range.tone(&values, look.gamma, look.map);
    let side = side_of(cells);
    let painted: Result<Vec<Cell>> = cells
        .iter()
        .map(|cell| Ok(Cell { image: paint(cell, tone, side)?, label: format!("t {}", cell.timestep) }))
        .collect();
    let bar = Bar { tone, values: &values };
    contact_sheet(&painted?, cells.len(), Some(&bar), &caption, Theme::Light)
}

/// All blocks at a step, each in its own range.
pub fn blocks(
    cells: &[Arc<SheetCell>],
    card: &NetworkCard,
    look: &LookConfig,
    caption: Caption,
) -> Result<RgbImage> {
    let side = side_of(cells);
    let painted: Result<Vec<Cell>> = cells
        .iter()
        .map(|cell| {
            let tone = look.range.tone(&cell.grid, look.gamma, look.map);
            let shape = card.block(cell.block).map(|info| format!(" {}", info.shape())).unwrap_or_default();
            Ok(Cell { image: paint(cell, tone, side)?, label: format!("b {}{shape}", cell.block) })
        })
        .collect();
    let columns = (1.6 * cells.len() as f64).sqrt().ceil() as usize;
    contact_sheet(&painted?, columns, None, &caption, Theme::Light)
}

/// The side that all cells are painted at: none is reduced.
fn side_of(cells: &[Arc<SheetCell>]) -> u32 {
    cells.iter().map(|cell| cell.grid.width()).fold(CELL_SIDE, usize::max) as u32
}

fn paint(cell: &SheetCell, tone: Tone, side: u32) -> Result<RgbImage> {
    Layer::Map(&cell.grid, tone).render(side, side, Sampling::Nearest)
}
