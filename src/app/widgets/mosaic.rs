//! [`MosaicView`]: all channels of a block side by side.

use std::sync::Arc;

use eframe::egui::accesskit::Role;
use eframe::egui::scroll_area::ScrollArea;
use eframe::egui::{
    EventFilter, Key, Pos2, Rect, Response, Sense, Stroke, StrokeKind, Tooltip, Ui, Vec2, WidgetInfo, vec2,
};

use super::heatmap::exact;
use super::viewport::paint_rim;
use crate::app::gpu::{self, Cells, Look, Source};
use crate::figure::ticks::format_value;
use crate::grid::Stats;

/// Points between cells.
const GAP: f32 = 2.0;

/// What the user does on a mosaic.
#[derive(Debug)]
pub struct MosaicOutput {
    /// egui's own answer.
    pub response: Response,
    /// The channel under the pointer.
    pub hovered: Option<usize>,
    /// The channel clicked or reached by key just now: the new selection.
    pub picked: Option<usize>,
    /// True when enter or a double click asked to see the picked or selected channel large.
    pub opened: bool,
}

/// Shows every channel of a grid, scrolled vertically; one draw however many there are.
pub struct MosaicView<'a> {
    name: &'a str,
    source: &'a Source,
    look: Look,
    order: Arc<[usize]>,
    ranges: Option<Arc<[[f32; 2]]>>,
    stats: &'a [Stats],
    selected: Option<usize>,
    cell: f32,
    height: Option<f32>,
}

impl<'a> MosaicView<'a> {
    /// A mosaic of `source` (see [`Source::all`]) in the given order of channels, called `name` by
    /// screen readers. `stats` are those of each channel, in the order of the channels, for the
    /// tooltips.
    pub fn new(
        name: &'a str,
        source: &'a Source,
        look: Look,
        order: &Arc<[usize]>,
        stats: &'a [Stats],
    ) -> MosaicView<'a> {
        let order = Arc::clone(order);
        MosaicView {
            name,
            source,
            look,
            order,
            ranges: None,
            stats,
            selected: None,
            cell: 56.0,
            height: None,
        }
    }

    /// A range of its own for each channel, in the order of the channels.
    pub fn ranges(mut self, ranges: &Arc<[[f32; 2]]>) -> Self {
        self.ranges = Some(Arc::clone(ranges));
        self
    }

    /// The channel shown as selected.
    pub fn selected(mut self, channel: Option<usize>) -> Self {
        self.selected = channel;
        self
    }

    /// The least width of a cell in points; cells grow to fill the rows.
    pub fn cell(mut self, side: f32) -> Self {
        self.cell = side;
        self
    }

    /// The height of the view in points; all that is left by default.
    pub fn height(mut self, height: f32) -> Self {
        self.height = Some(height);
        self
    }

    /// Draws it and reports what the user does.
    pub fn show(self, ui: &mut Ui) -> MosaicOutput {
        let scroll = ScrollArea::vertical().id_salt(self.name).auto_shrink([false, true]);
        let scroll = match self.height {
            Some(height) => scroll.max_height(height),
            None => scroll,
        };
        scroll.show_viewport(ui, |ui, _| self.show_cells(ui)).inner
    }

    fn cells(&self, width: f32) -> Cells {
        let grid = self.source.grid();
        let ratio = grid.height().max(1) as f32 / grid.width().max(1) as f32;
        let least = self.cell.max(4.0);
        let columns = ((width + GAP) / (least + GAP)).floor().max(1.0);
        // A few channels do not grow beyond twice the wish.
        let side = ((width + GAP) / columns - GAP).clamp(4.0, least * 2.0).floor();
        let cell = vec2(side, (side * ratio).round().max(1.0));
        Cells::mosaic(Arc::clone(&self.order), self.ranges.clone(), columns as usize, cell, GAP)
    }

    fn show_cells(&self, ui: &mut Ui) -> MosaicOutput {
        let cells = self.cells(ui.available_width());
        let size = cells.size().max(Vec2::splat(1.0));
        let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
        let response = ui.interact(rect, ui.make_persistent_id(self.name), Sense::click());
        let origin = rect.min;
        let channel_at = |p: Pos2| cells.index_at(p, origin).map(|index| cells.plane(index));
        let hovered = response.hover_pos().and_then(channel_at);
        let clicked =
            if response.clicked() { response.interact_pointer_pos().and_then(channel_at) } else { None };
        if clicked.is_some() {
            response.request_focus();
        }
        let (reached, entered) = self.keys(ui, &response, &cells);
        if let Some(index) = reached {
            ui.scroll_to_rect(cells.rect_of(index, origin).expand(GAP), None);
        }
        let picked = clicked.or(reached.map(|index| cells.plane(index)));
        self.tell(&response, hovered);

        let painter = ui.painter().clone();
        gpu::paint(&painter, response.id, rect, self.source, &self.look, &cells);
        let place = |channel: usize| -> Option<Rect> {
            let index = self.order.iter().position(|&c| c == channel)?;
            Some(cells.rect_of(index, origin))
        };
        if let Some(rect) = picked.or(self.selected).and_then(place) {
            let stroke = Stroke::new(2.0, ui.visuals().selection.stroke.color);
            painter.rect_stroke(rect, 0.0, stroke, StrokeKind::Inside);
        }
        if let Some(channel) = hovered {
            if let Some(rect) = place(channel) {
                paint_rim(&painter, rect);
            }
            Tooltip::for_widget(&response).at_pointer().gap(12.0).show(|ui| ui.label(self.describe(channel)));
        }
        let opened = entered || (response.double_clicked() && hovered.is_some());
        MosaicOutput { response, hovered, picked, opened }
    }

    /// Arrow keys, home and end walk the cells; the cell reached, and whether enter was pressed.
    fn keys(&self, ui: &Ui, response: &Response, cells: &Cells) -> (Option<usize>, bool) {
        if !response.has_focus() || cells.count() == 0 {
            return (None, false);
        }
        let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
        let last = cells.count() - 1;
        let now = self.selected.and_then(|channel| self.order.iter().position(|&c| c == channel));
        let columns = cells.columns();
        ui.input_mut(|input| {
            let mut pressed = |key| input.consume_key(eframe::egui::Modifiers::NONE, key);
            let from = now.unwrap_or(0);
            let steps = [
                (Key::ArrowLeft, from.saturating_sub(1)),
                (Key::ArrowRight, from + 1),
                (Key::ArrowUp, if from >= columns { from - columns } else { from }),
                (Key::ArrowDown, if from + columns <= last { from + columns } else { from }),
                (Key::Home, 0),
                (Key::End, last),
            ];
            let reached = steps.into_iter().find_map(|(key, to)| pressed(key).then_some(to.min(last)));
            // The first key selects the first cell rather than moving past it.
            let reached = reached.map(|to| if now.is_none() && to < last { 0 } else { to });
            (reached, pressed(Key::Enter))
        })
    }

    /// "channel 12: mean 0.3, …".
    fn describe(&self, channel: usize) -> String {
        let mut text = format!("channel {channel}");
        if let Some(stats) = self.stats.get(channel) {
            let [mean, std] = [stats.mean, stats.std].map(format_value);
            let [min, max] = [stats.min, stats.max].map(exact);
            text += &format!("\nmean {mean}, deviation {std}\nfrom {min} to {max}");
            if stats.not_finite > 0 {
                text += &format!("\n{} values not finite", stats.not_finite);
            }
        }
        text
    }

    fn tell(&self, response: &Response, hovered: Option<usize>) {
        response.widget_info(|| {
            let mut text = format!("{} channels", self.order.len());
            if let Some(channel) = self.selected {
                text += &format!(", channel {channel} selected");
            }
            if let Some(channel) = hovered {
                text += &format!(", pointer on {}", self.describe(channel).replace('\n', ", "));
            }
            let mut info = WidgetInfo::labeled(Role::Grid, response.enabled(), self.name);
            info.current_text_value = Some(text);
            info
        });
    }
}
