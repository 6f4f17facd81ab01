//! A contact sheet as pixels and as files.

use std::path::Path;
use std::sync::Arc;

use image::RgbImage;
use serde_json::{Value, json};

use super::command_line::{Named, command_line};
use super::event::SheetCell;
use super::exhibit::{Exhibit, Values};
use super::explore::SheetKind;
use super::shot::Shot;
use crate::colormap::Tone;
use crate::error::Result;
use crate::features::view::View;
use crate::figure::sheet::{Cell, contact_grid, contact_sheet};
use crate::figure::write::{write_csv_stack, write_npy_stack, write_safetensors};
use crate::figure::{Bar, Caption, Layer, Theme};
use crate::grid::Grid;

/// Least side of a cell, in pixels.
const CELL_SIDE: usize = 128;
/// Longer side of a cell that is laid over its picture, in pixels.
const OVERLAY_SIDE: u32 = 192;

/// A contact sheet with all that its picture, caption and files need.
#[derive(Clone, Debug)]
pub struct SheetShot {
    /// The view beside it: picture, network, selection and look are the same.
    pub shot: Shot,
    /// Over steps or over blocks.
    pub kind: SheetKind,
    /// The cells, in their order.
    pub cells: Vec<Arc<SheetCell>>,
}

impl SheetShot {
    /// The range of all cells together.
    ///
    /// # Errors
    /// Never for cells that hold values.
    fn all_values(&self) -> Result<Grid> {
        let values: Vec<f32> =
            self.cells.iter().flat_map(|cell| cell.grid.values().iter().copied()).collect();
        Grid::new(1, 1, values.len(), values)
    }

    fn tone(&self, values: &Grid) -> Tone {
        let look = &self.shot.look;
        look.range.tone(values, look.gamma, look.map)
    }

    fn painted(&self, shared: Option<Tone>) -> Result<Vec<Cell>> {
        let ground = match self.shot.look.overlay {
            true => Some(self.shot.ground(Some(OVERLAY_SIDE))?),
            false => None,
        };
        // The side that all cells are painted at: none is reduced.
        let side = self.cells.iter().map(|cell| cell.grid.width()).fold(CELL_SIDE, usize::max) as u32;
        let cells = self.cells.iter().map(|cell| {
            let layer = match cell.view {
                View::Pca => Layer::Rgb(&cell.grid),
                _ => Layer::Map(&cell.grid, shared.unwrap_or_else(|| self.tone(&cell.grid))),
            };
            let image = match &ground {
                Some(ground) => ground.lay(&layer)?,
                None => layer.render(side, side, self.shot.sampling())?,
            };
            Ok(Cell { image, label: self.label(cell) })
        });
        cells.collect()
    }

    /// `t 90`, or `b 12 128×8×8`.
    fn label(&self, cell: &SheetCell) -> String {
        if self.kind == SheetKind::Steps {
            return format!("t {}", cell.timestep);
        }
        let shape = self.shot.card.block(cell.block).map(|info| format!(" {}", info.shape()));
        format!("b {}{}", cell.block, shape.unwrap_or_default())
    }

    fn columns(&self) -> usize {
        match self.kind {
            SheetKind::Steps => self.cells.len().max(1),
            SheetKind::Blocks | SheetKind::None => (1.6 * self.cells.len() as f64).sqrt().ceil() as usize,
        }
    }

    /// Whether all cells have one range.
    fn is_shared(&self) -> bool {
        self.shot.look.shared_cells && !self.shot.is_rgb()
    }

    /// The view of the cells in words: a mosaic has none in so little room, and a channel may not
    /// exist everywhere.
    fn view_line(&self) -> String {
        let norms = self.cells.iter().filter(|cell| cell.view == View::Norm).count();
        match self.shot.map.view {
            View::Channel(channel) if norms > 0 => {
                format!("channel {channel}, the L2 norm where a block has fewer")
            }
            View::Mosaic => View::Norm.title(),
            view => view.title(),
        }
    }
}

impl Exhibit for SheetShot {
    /// `boot.png · fashion32 · b 12 (dec 1, 128×8×8) over t`.
    fn title(&self) -> String {
        let what = match self.kind {
            SheetKind::Steps => format!("{} over t", self.shot.block_title()),
            SheetKind::Blocks | SheetKind::None => {
                format!("t {}, every block", self.shot.map.selection.timestep)
            }
        };
        format!("{} · {} · {what}", self.shot.shown.picture.name, self.shot.card.name)
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{} · {}", self.view_line(), self.shot.noise_line())];
        if !self.shot.is_rgb() {
            let range = if self.is_shared() { "one range" } else { "each cell in its own range" };
            lines.push(self.shot.colour_line(range));
        }
        lines.extend(self.shot.last_lines());
        lines
    }

    /// The cells with their labels, without title and settings.
    fn picture(&self) -> Result<RgbImage> {
        let tone = if self.is_shared() { Some(self.tone(&self.all_values()?)) } else { None };
        contact_grid(&self.painted(tone)?, self.columns(), Theme::Light)
    }

    fn figure(&self, theme: Theme) -> Result<RgbImage> {
        let caption = Caption { title: self.title(), lines: self.lines() };
        if !self.is_shared() {
            return contact_sheet(&self.painted(None)?, self.columns(), None, &caption, theme);
        }
        let values = self.all_values()?;
        let tone = self.tone(&values);
        let bar = Bar { tone, values: &values };
        contact_sheet(&self.painted(Some(tone))?, self.columns(), Some(&bar), &caption, theme)
    }

    fn settings(&self) -> Value {
        let mut settings = self.shot.settings();
        settings["sheet"] = json!(self.kind);
        settings["cells"] = self
            .cells
            .iter()
            .map(|cell| json!({ "timestep": cell.timestep, "block": cell.block, "view": cell.view }))
            .collect();
        settings
    }

    fn file_stem(&self) -> String {
        format!("{}-{}", self.shot.file_stem(), self.kind.name())
    }

    /// Blocks differ in size, which no one array holds.
    fn kinds_of_values(&self) -> Vec<Values> {
        match self.kind {
            SheetKind::Steps => vec![Values::Safetensors, Values::Csv, Values::Npy],
            SheetKind::Blocks | SheetKind::None => vec![Values::Safetensors, Values::Csv],
        }
    }

    fn write_values(&self, path: &Path, kind: Values, force: bool) -> Result<()> {
        let cells = self.cells.iter();
        match kind {
            Values::Npy => write_npy_stack(path, &cells.map(|cell| &cell.grid).collect::<Vec<_>>(), force),
            Values::Csv => {
                let labelled: Vec<(String, &Grid)> =
                    cells.map(|cell| (format!("{},{},", cell.timestep, cell.block), &cell.grid)).collect();
                write_csv_stack(path, &labelled, force)
            }
            Values::Safetensors => {
                let named: Vec<(String, &Grid)> = cells
                    .map(|cell| (format!("t{}/block_{:02}", cell.timestep, cell.block), &cell.grid))
                    .collect();
                write_safetensors(path, &named, &self.settings().to_string(), force)
            }
        }
    }

    fn command_line(&self, named: &Named<'_>) -> String {
        command_line(&self.shot, self.kind, named)
    }
}
