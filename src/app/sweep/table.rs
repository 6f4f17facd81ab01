//! The table: timesteps across, blocks down, in the order of the U.

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Align2, Color32, Painter, Pos2, Rect, Sense, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo, pos2, vec2,
};

use super::state::Table;
use crate::app::panels::Action;
use crate::app::state::State;
use crate::app::style;
use crate::colormap::{ColorMap, Tone, shade};
use crate::study::sweep::SweepRow;
use crate::unet::plan::BlockInfo;

/// Width of a cell, least and largest, in points.
const WIDTH: std::ops::RangeInclusive<f32> = 30.0..=104.0;
/// Height of a cell.
const HEIGHT: std::ops::RangeInclusive<f32> = 13.0..=24.0;
/// Room for the names of blocks.
const NAMES: f32 = 156.0;
/// Height of the line of timesteps.
const STEPS: f32 = 20.0;
/// Around the middle block, where the U turns.
const BEND: f32 = 4.0;

/// Where the cells are.
struct Place {
    corner: Pos2,
    cell: (f32, f32),
    count: usize,
}

impl Place {
    fn rect(&self, table: &Table, row: usize, column: usize) -> Rect {
        let middle = self.count.div_ceil(2);
        let block = table.blocks.get(row).copied().unwrap_or(0);
        let bends = usize::from(block >= middle) + usize::from(block > middle);
        let corner = pos2(
            self.corner.x + NAMES + column as f32 * self.cell.0,
            self.corner.y + STEPS + row as f32 * self.cell.1 + bends as f32 * BEND,
        );
        Rect::from_min_size(corner, vec2(self.cell.0, self.cell.1))
    }
}

/// The tone of the table.
pub fn tone(table: &Table) -> Tone {
    let diverging = ColorMap::ALL.into_iter().find(|map| !table.other.is_empty() && map.is_diverging());
    Tone::new(table.range(), diverging.unwrap_or(ColorMap::Viridis))
}

/// Draws the table; a click chooses block and timestep in all work spaces.
pub fn show(ui: &mut Ui, state: &State, table: &Table, size: eframe::egui::Vec2, actions: &mut Vec<Action>) {
    let own: &[BlockInfo] = state.network.as_ref().map_or(&[], |network| &network.card.blocks);
    let infos = state.sweep.blocks(own);
    let columns = table.timesteps.len().max(1) as f32;
    let rows = table.blocks.len().max(1) as f32;
    let cell = (
        ((size.x - NAMES) / columns).clamp(*WIDTH.start(), *WIDTH.end()),
        ((size.y - STEPS - 2.0 * BEND) / rows).clamp(*HEIGHT.start(), *HEIGHT.end()),
    );
    let wanted = vec2(NAMES + columns * cell.0, STEPS + rows * cell.1 + 2.0 * BEND);
    let (area, response) = ui.allocate_exact_size(wanted, Sense::click());
    let place = Place { corner: area.min, cell, count: infos.len() };
    let tokens = style::tokens(ui);
    let small = TextStyle::Small.resolve(ui.style());
    let painter = ui.painter_at(area.expand(2.0));
    for (column, timestep) in table.timesteps.iter().enumerate() {
        let above = place.rect(table, 0, column).center_top() - vec2(0.0, 4.0);
        painter.text(above, Align2::CENTER_BOTTOM, format!("t {timestep}"), small.clone(), tokens.quiet);
    }
    let tone = tone(table);
    let selected = state.selection().map(|selection| (selection.block, selection.timestep));
    for (row, &block) in table.blocks.iter().enumerate() {
        let first = place.rect(table, row, 0);
        let name = pos2(first.left() - style::SPACE_S, first.center().y);
        painter.text(name, Align2::RIGHT_CENTER, name_of(infos, block), small.clone(), tokens.quiet);
        for (column, &timestep) in table.timesteps.iter().enumerate() {
            let rect = place.rect(table, row, column).shrink(0.5);
            let Some(value) = table.value((block, timestep)) else {
                painter.rect_filled(rect, 1, tokens.sunken);
                continue;
            };
            let Some([r, g, b]) = shade(value, &tone) else { continue };
            painter.rect_filled(rect, 1, Color32::from_rgb(r, g, b));
            let ink = ink_on([r, g, b]);
            // Shares are shorter than other numbers.
            let room = if table.score.needs_labels() { 36.0 } else { 44.0 };
            if cell.0 >= room
                && cell.1 >= 12.5
                && let Some(text) = table.written((block, timestep))
            {
                painter.text(rect.center(), Align2::CENTER_CENTER, text, small.clone(), ink);
            }
            marks(&painter, rect, ink, table, (block, timestep));
        }
    }
    outline(&painter, table, &place, tokens.text, tokens.surface);
    let at = |(block, timestep): (usize, usize)| {
        let row = table.blocks.iter().position(|held| *held == block)?;
        let column = table.timesteps.iter().position(|held| *held == timestep)?;
        Some(place.rect(table, row, column))
    };
    if let Some(rect) = selected.and_then(at) {
        painter.rect_stroke(rect.expand(1.0), 2, Stroke::new(2.0, tokens.accent), StrokeKind::Inside);
    }
    let under = response.hover_pos().or(response.interact_pointer_pos());
    let hovered = under.and_then(|under| {
        let rows = table.blocks.iter().enumerate();
        rows.flat_map(|(row, block)| {
            table.timesteps.iter().enumerate().map(move |(c, t)| (row, c, *block, *t))
        })
        .find(|(row, column, ..)| place.rect(table, *row, *column).contains(under))
    });
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::Image, true, "table of blocks and timesteps");
        info.current_text_value = Some(spoken(table));
        info
    });
    let Some((_, _, block, timestep)) = hovered else { return };
    let text = match table.cells.get(&(block, timestep)) {
        Some(row) => described(row, table),
        None => format!("b {block} at t {timestep}: not scored yet"),
    };
    if response.on_hover_text_at_pointer(text).clicked() {
        actions.push(Action::LookAt(timestep, (block, false)));
    }
}

/// The whole table in words.
fn spoken(table: &Table) -> String {
    let best = table.marked[0].and_then(|at| table.cells.get(&at));
    let count = format!("{} of {} cells", table.cells.len(), table.blocks.len() * table.timesteps.len());
    best.map_or(count.clone(), |row| format!("{count}, best {}", described(row, table)))
}

/// `b 12 at t 50: 84.2 % (81.0 to 87.1), 200 pictures`; without labels `silhouette 0.213 (0.201 to 0.225)`.
fn described(row: &SweepRow, table: &Table) -> String {
    let scale = table.scale();
    let what = if table.score.needs_labels() { String::new() } else { format!("{} ", table.score) };
    let mut text = format!(
        "b {} at t {}: {what}{} ({} to {}), {} pictures",
        row.block,
        row.timestep,
        scale.text(row.accuracy),
        scale.number(row.ci_low),
        scale.number(row.ci_high),
        row.n
    );
    let at = (row.block, row.timestep);
    if let Some(other) = table.other.get(&at) {
        let apart = scale.difference(row.accuracy - other);
        text += &format!("\n{apart}{} to the other sweep", scale.points());
    }
    if row.in_best_set == Some(true) {
        text += "\nnot to be told from the best";
    }
    for (mark, word) in table.marked.iter().zip(["\nthe best", "\nthe default setting"]) {
        text += if *mark == Some(at) { word } else { "" };
    }
    text
}

/// `12 · dec 1 · 128×8×8`.
fn name_of(infos: &[BlockInfo], block: usize) -> String {
    match block.checked_sub(1).and_then(|index| infos.get(index)) {
        Some(info) => format!("{block} · {} · {}", info.place(), info.shape()),
        None => block.to_string(),
    }
}

/// A dot in the best cell, a diamond in the default one.
fn marks(painter: &Painter, rect: Rect, ink: Color32, table: &Table, at: (usize, usize)) {
    if table.marked[0] == Some(at) {
        painter.circle_filled(pos2(rect.left() + 6.0, rect.center().y), 3.0, ink);
    }
    if table.marked[1] == Some(at) {
        let middle = pos2(rect.right() - 6.0, rect.center().y);
        let corners = [(0.0, -3.5), (3.5, 0.0), (0.0, 3.5), (-3.5, 0.0)].map(|(x, y)| middle + vec2(x, y));
        painter.add(eframe::egui::Shape::convex_polygon(corners.to_vec(), ink, Stroke::NONE));
    }
}

/// Lines around the cells that cannot be told from the best, none between two of them.
fn outline(painter: &Painter, table: &Table, place: &Place, ink: Color32, under: Color32) {
    let is_in = |row: Option<usize>, column: Option<usize>| {
        let block = row.and_then(|row| table.blocks.get(row));
        let timestep = column.and_then(|column| table.timesteps.get(column));
        let (Some(&block), Some(&timestep)) = (block, timestep) else { return false };
        table.cells.get(&(block, timestep)).is_some_and(|row| row.in_best_set == Some(true))
    };
    for row in 0..table.blocks.len() {
        for column in 0..table.timesteps.len() {
            if !is_in(Some(row), Some(column)) {
                continue;
            }
            let rect = place.rect(table, row, column);
            let edges = [
                (is_in(Some(row), column.checked_sub(1)), rect.left_top(), rect.left_bottom()),
                (is_in(Some(row), Some(column + 1)), rect.right_top(), rect.right_bottom()),
                (is_in(row.checked_sub(1), Some(column)), rect.left_top(), rect.right_top()),
                (is_in(Some(row + 1), Some(column)), rect.left_bottom(), rect.right_bottom()),
            ];
            for (_, from, to) in edges.into_iter().filter(|(inside, ..)| !inside) {
                painter.line_segment([from, to], Stroke::new(3.0, under));
                painter.line_segment([from, to], Stroke::new(1.5, ink));
            }
        }
    }
}

/// Ink that is read on `paint`.
pub(super) fn ink_on(paint: [u8; 3]) -> Color32 {
    let [r, g, b] = paint.map(f32::from);
    if 0.299 * r + 0.587 * g + 0.114 * b > 140.0 { Color32::from_gray(16) } else { Color32::WHITE }
}
