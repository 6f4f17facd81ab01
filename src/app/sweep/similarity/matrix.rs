//! A matrix of similarities: rows and columns in the order of the U, with gaps at its middle.

use eframe::egui::accesskit::Role;
use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{
    Align2, Color32, Painter, Rect, Sense, Stroke, StrokeKind, TextStyle, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use crate::app::style;
use crate::app::sweep::table::ink_on;
use crate::colormap::{ColorMap, Tone, shade};
use crate::study::measures::cka::CkaMatrix;
use crate::study::similarity::{Compared, Similarity};

/// The values at the ends of the colours.
pub const RANGE: [f32; 2] = [0.0, 1.0];
/// Room for the numbers of rows, and of columns.
const NUMBERS: (f32, f32) = (30.0, 18.0);
/// The least width, so that a title says something.
const LEAST: f32 = 150.0;
/// Height of the title.
const TITLE: f32 = 20.0;
/// Around the middle block, where the U turns.
const BEND: f32 = 4.0;
/// The side of a cell, least and largest, in points.
const CELL: [f32; 2] = [6.0, 56.0];
/// From this side on the number is written into the cell.
const WRITTEN: f32 = 30.0;

/// The tone of all matrices.
pub fn tone() -> Tone {
    Tone::new(RANGE, ColorMap::Viridis)
}

/// Rows or columns.
struct AxisOf {
    /// The numbers beside it.
    values: Vec<usize>,
    /// Whether these are blocks; else timesteps.
    is_blocks: bool,
    /// Names for a tooltip.
    names: Vec<String>,
    /// The place of the middle block.
    middle: Option<usize>,
}

impl AxisOf {
    fn of_blocks(network: &Compared, whose: &str) -> AxisOf {
        let name = |block: &usize| format!("b {block} ({}){whose}", network.place(*block));
        AxisOf {
            names: network.blocks.iter().map(name).collect(),
            middle: network.blocks.iter().position(|&block| network.place(block) == "mid"),
            values: network.blocks.clone(),
            is_blocks: true,
        }
    }

    fn of_timesteps(steps: &[usize]) -> AxisOf {
        let names = steps.iter().map(|step| format!("t {step}")).collect();
        AxisOf { names, middle: None, values: steps.to_vec(), is_blocks: false }
    }

    /// Where place `at` begins, with cells of side `side`.
    fn start(&self, at: usize, side: f32) -> f32 {
        let bends = self.middle.map_or(0, |middle| usize::from(at >= middle) + usize::from(at > middle));
        at as f32 * side + bends as f32 * BEND
    }

    fn length(&self, side: f32) -> f32 {
        self.values.len() as f32 * side + if self.middle.is_some() { 2.0 * BEND } else { 0.0 }
    }
}

/// A matrix ready to be drawn.
pub struct MatrixView<'a> {
    title: String,
    rows: AxisOf,
    columns: AxisOf,
    matrix: &'a CkaMatrix,
    /// The network whose blocks are across the U from each other, where both axes are its blocks.
    mirrored: Option<&'a Compared>,
}

impl<'a> MatrixView<'a> {
    /// Blocks beside blocks at a timestep.
    pub fn of_blocks(timestep: usize, found: &'a Similarity, matrix: &'a CkaMatrix) -> MatrixView<'a> {
        let axis = || AxisOf::of_blocks(&found.network, "");
        let title = format!("blocks × blocks at t {timestep}");
        MatrixView { title, rows: axis(), columns: axis(), matrix, mirrored: Some(&found.network) }
    }

    /// Timesteps beside timesteps at a block.
    pub fn of_timesteps(block: usize, found: &'a Similarity, matrix: &'a CkaMatrix) -> MatrixView<'a> {
        let axis = || AxisOf::of_timesteps(&found.config.timesteps);
        let title = format!("timesteps × timesteps at b {block}");
        MatrixView { title, rows: axis(), columns: axis(), matrix, mirrored: None }
    }

    /// Blocks of the network, down, beside those of another one, across.
    pub fn of_networks(
        timestep: usize,
        found: &'a Similarity,
        other: &Compared,
        matrix: &'a CkaMatrix,
    ) -> MatrixView<'a> {
        let whose = format!(" of {}", other.network);
        MatrixView {
            title: format!("blocks × those of {} at t {timestep}", other.network),
            rows: AxisOf::of_blocks(&found.network, ""),
            columns: AxisOf::of_blocks(other, &whose),
            matrix,
            mirrored: None,
        }
    }

    /// All values that are known.
    pub fn values(&self) -> impl Iterator<Item = f32> {
        self.matrix.values.iter().flatten().map(|&value| value as f32)
    }

    /// The side of its cells, in points, where there is so much room for all.
    fn cell(&self, room: Vec2) -> f32 {
        let across = (room.x - NUMBERS.0 - 2.0 * BEND) / self.columns.values.len().max(1) as f32;
        let down = (room.y - TITLE - NUMBERS.1 - 2.0 * BEND) / self.rows.values.len().max(1) as f32;
        across.min(down).clamp(CELL[0], CELL[1]).floor()
    }

    /// How wide it would like to be where it is as high as `height`.
    pub fn width(&self, height: f32) -> f32 {
        let side = self.cell(vec2(f32::INFINITY, height));
        (NUMBERS.0 + self.columns.length(side)).max(LEAST)
    }

    /// Draws it into `room`. The block and timestep in hand are framed; a click
    /// chooses others: the timestep or the block of the row, where that is what differs.
    pub fn show(
        &self,
        ui: &mut Ui,
        room: Vec2,
        held: (usize, usize),
    ) -> Option<(Option<usize>, Option<usize>)> {
        let side = self.cell(room);
        let wide = (NUMBERS.0 + self.columns.length(side)).max(LEAST);
        let small = TextStyle::Small.resolve(ui.style());
        let tokens = style::tokens(ui);
        let mut title = LayoutJob::simple_singleline(self.title.clone(), small.clone(), tokens.quiet);
        title.wrap = TextWrapping::truncate_at_width(wide);
        let title = ui.painter().layout_job(title);
        let wanted = vec2(wide, TITLE + NUMBERS.1 + self.rows.length(side));
        let (area, response) = ui.allocate_exact_size(wanted, Sense::click());
        let painter = ui.painter_at(area.expand(2.0));
        painter.galley(area.min, title, tokens.quiet);
        let corner = area.min + vec2(NUMBERS.0, TITLE + NUMBERS.1);
        let cell = |row: usize, column: usize| {
            let at = corner + vec2(self.columns.start(column, side), self.rows.start(row, side));
            Rect::from_min_size(at, vec2(side, side))
        };
        let line = small.size + 3.0;
        for row in shown(&self.rows, line / side) {
            let at = pos2(corner.x - 5.0, cell(row, 0).center().y);
            painter.text(at, Align2::RIGHT_CENTER, self.rows.values[row], small.clone(), tokens.quiet);
        }
        for column in shown(&self.columns, 2.0 * line / side) {
            let at = pos2(cell(0, column).center().x, corner.y - 3.0);
            painter.text(at, Align2::CENTER_BOTTOM, self.columns.values[column], small.clone(), tokens.quiet);
        }
        let tone = tone();
        for row in 0..self.matrix.rows {
            for column in 0..self.matrix.columns {
                let rect = if side > 12.0 { cell(row, column).shrink(0.5) } else { cell(row, column) };
                let Some(value) = self.matrix.at(row, column) else {
                    painter.rect_filled(rect, 0, tokens.sunken);
                    continue;
                };
                let Some(paint) = shade(value as f32, &tone) else { continue };
                painter.rect_filled(rect, 0, Color32::from_rgb(paint[0], paint[1], paint[2]));
                if side >= WRITTEN {
                    let text = format!("{value:.2}").replace('-', "−");
                    let ink = ink_on(paint);
                    painter.text(rect.center(), Align2::CENTER_CENTER, text, small.clone(), ink);
                }
            }
        }
        self.frame_held(&painter, held, cell, tokens.accent);
        let under = response.hover_pos().or(response.interact_pointer_pos());
        let hovered = under.and_then(|under| {
            let row = (0..self.matrix.rows).find(|&row| cell(row, 0).y_range().contains(under.y))?;
            let column =
                (0..self.matrix.columns).find(|&column| cell(0, column).x_range().contains(under.x))?;
            Some((row, column))
        });
        response.widget_info(|| {
            let mut info = WidgetInfo::labeled(Role::Image, true, &self.title);
            let size = format!("{} by {} cells", self.matrix.rows, self.matrix.columns);
            let pointed = hovered.map(|at| format!(", pointer on {}", self.described(at)));
            info.current_text_value = Some(size + &pointed.unwrap_or_default());
            info
        });
        let (row, column) = hovered?;
        let cell_rect = cell(row, column);
        painter.rect_stroke(cell_rect, 0, Stroke::new(1.0, tokens.text), StrokeKind::Outside);
        let clicked = response.on_hover_text_at_pointer(self.described((row, column))).clicked();
        let value = self.rows.values[row];
        clicked.then_some(match self.rows.is_blocks {
            true => (None, Some(value)),
            false => (Some(value), None),
        })
    }

    /// A frame around the block or timestep in hand beside itself.
    fn frame_held(
        &self,
        painter: &Painter,
        (block, timestep): (usize, usize),
        cell: impl Fn(usize, usize) -> Rect,
        accent: Color32,
    ) {
        let place = |axis: &AxisOf| {
            let wanted = if axis.is_blocks { block } else { timestep };
            axis.values.iter().position(|value| *value == wanted)
        };
        if let (Some(row), Some(column)) = (place(&self.rows), place(&self.columns)) {
            painter.rect_stroke(cell(row, column), 1, Stroke::new(2.0, accent), StrokeKind::Middle);
        }
    }

    /// `0.873: b 3 (enc 2) and b 17 (dec 6)`, and whether these are across the U from each other.
    fn described(&self, (row, column): (usize, usize)) -> String {
        let value = match self.matrix.at(row, column) {
            Some(value) => format!("{value:.3}").replace('-', "−"),
            None => "one is the same for all pictures".into(),
        };
        let mut text = format!("{value}: {} and {}", self.rows.names[row], self.columns.names[column]);
        let pair = (self.rows.values[row], self.columns.values[column]);
        if self.mirrored.is_some_and(|network| network.mirror_of(pair.0) == Some(pair.1)) {
            text += "\nacross the U from each other: the one is handed maps of the other";
        }
        text
    }
}

/// The places whose numbers are written, where one needs `each` cells: the middle block's always.
fn shown(axis: &AxisOf, each: f32) -> Vec<usize> {
    let each = (each.ceil() as usize).max(1);
    let anchor = axis.middle.unwrap_or(0);
    (0..axis.values.len()).filter(|at| at.abs_diff(anchor).is_multiple_of(each)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_stands_apart_and_keeps_its_number() {
        let steps = AxisOf::of_timesteps(&[10, 50, 90]);
        assert_eq!((steps.start(2, 10.0), steps.length(10.0)), (20.0, 30.0));
        let blocks: Vec<usize> = (1..=7).collect();
        let network = Compared { network: "n".into(), hash: "h".into(), count: 7, blocks };
        let axis = AxisOf::of_blocks(&network, "");
        let starts: Vec<f32> = (0..7).map(|at| axis.start(at, 10.0)).collect();
        assert_eq!(starts, [0.0, 10.0, 20.0, 34.0, 48.0, 58.0, 68.0]);
        assert_eq!(axis.length(10.0), 78.0);
        assert_eq!(shown(&axis, 1.6), [1, 3, 5]);
        assert_eq!(shown(&steps, 0.3), [0, 1, 2]);
    }
}
