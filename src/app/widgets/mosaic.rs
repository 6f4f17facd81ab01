//! [`MosaicView`]: all channels of a block side by side.

use std::sync::Arc;

use eframe::egui::accesskit::Role;
use eframe::egui::scroll_area::ScrollArea;
use eframe::egui::{
    Color32, EventFilter, Key, Label, Mesh, Painter, PointerButton, Pos2, Rect, Response, Sense, Shape,
    Stroke, StrokeKind, Tooltip, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::heatmap::{self, Backdrop, Place, exact};
use super::viewport::{Content, ViewPort, paint_rim};
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
    /// The cell of that channel's map under the pointer, and its value.
    pub place: Option<Place>,
    /// The channel clicked, reached or opened by key just now: the new selection.
    pub picked: Option<usize>,
    /// True when enter or a double click asked to see the picked channel large.
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
    backdrop: Option<Backdrop>,
}

/// Where the cells are, and where in each the map and the picture.
struct Arrangement {
    /// The cells: what reacts to the pointer.
    cells: Cells,
    /// The maps, one in each cell.
    maps: Cells,
    /// Where the map lies in its cell, from the cell's corner.
    inset: Vec2,
    /// Where the picture lies in its cell, from the cell's corner, if there is one.
    picture: Option<Rect>,
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
            backdrop: None,
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

    /// Lays every channel over a picture, with the look's opacity.
    pub fn over(mut self, backdrop: Backdrop) -> Self {
        self.backdrop = Some(backdrop);
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

    fn arrange(&self, width: f32) -> Arrangement {
        let grid = self.source.grid();
        let content = match &self.backdrop {
            Some(backdrop) => Content::of_picture(backdrop.size, backdrop.placement),
            None => Content::of_size(grid.width(), grid.height()),
        };
        let least = self.cell.max(4.0);
        let columns = ((width + GAP) / (least + GAP)).floor().max(1.0);
        // A few channels do not grow beyond twice the wish.
        let side = ((width + GAP) / columns - GAP).clamp(4.0, least * 2.0).floor();
        let ratio = content.bounds.height() / content.bounds.width();
        // A picture much higher than wide stays within its square; a map alone has the shape it has.
        let cell = match self.backdrop {
            Some(_) if ratio > 1.0 => vec2((side / ratio).round().max(1.0), side),
            _ => vec2(side, (side * ratio).round().max(1.0)),
        };
        let placed = content.place(Rect::from_min_size(Pos2::ZERO, cell), &ViewPort::default());
        let pitch = cell + Vec2::splat(GAP);
        let mosaic = |size: Vec2| {
            Cells::mosaic(Arc::clone(&self.order), self.ranges.clone(), columns as usize, size, pitch - size)
        };
        let picture = self.backdrop.map(|backdrop| {
            let [width, height] = backdrop.size.map(|side| side as f32);
            placed.on_screen(Rect::from_min_max(Pos2::ZERO, pos2(width, height)))
        });
        match picture {
            Some(_) => Arrangement {
                cells: mosaic(cell),
                maps: mosaic(placed.input.size()),
                inset: placed.input.min.to_vec2(),
                picture,
            },
            None => Arrangement { cells: mosaic(cell), maps: mosaic(cell), inset: Vec2::ZERO, picture },
        }
    }

    fn show_cells(&self, ui: &mut Ui) -> MosaicOutput {
        let arrangement = self.arrange(ui.available_width());
        let cells = &arrangement.cells;
        let size = cells.size().max(Vec2::splat(1.0));
        let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
        let response = ui.interact(rect, ui.make_persistent_id(self.name), Sense::click());
        let origin = rect.min;
        let channel_at = |p: Pos2| cells.index_at(p, origin).map(|index| cells.plane(index));
        let hovered = response.hover_pos().and_then(channel_at);
        let place = response.hover_pos().and_then(|p| self.place(p, &arrangement, origin));
        // Only the pointer: enter and space on the focused view count as clicks, too.
        let clicked = if response.clicked_by(PointerButton::Primary) {
            response.interact_pointer_pos().and_then(channel_at)
        } else {
            None
        };
        if clicked.is_some() {
            response.request_focus();
        }
        let (reached, entered) = self.keys(ui, &response, cells);
        if let Some(index) = reached {
            ui.scroll_to_rect(cells.rect_of(index, origin).expand(GAP), None);
        }
        let picked = clicked.or(reached.map(|index| cells.plane(index)));
        let picked = if entered { picked.or(self.selected) } else { picked };
        let told = hovered.map(|channel| self.describe(channel, place.as_ref()));
        self.tell(&response, told.as_deref());

        let painter = ui.painter().clone();
        self.paint_pictures(&painter, &arrangement, origin);
        let maps = Rect::from_min_size(origin + arrangement.inset, arrangement.maps.size());
        gpu::paint(&painter, response.id, maps, self.source, &self.look, &arrangement.maps);
        let cell_of = |channel: usize| -> Option<Rect> {
            let index = self.order.iter().position(|&c| c == channel)?;
            Some(cells.rect_of(index, origin))
        };
        if let Some(rect) = picked.or(self.selected).and_then(cell_of) {
            let stroke = Stroke::new(2.0, ui.visuals().selection.stroke.color);
            painter.rect_stroke(rect, 0.0, stroke, StrokeKind::Inside);
        }
        if let Some(rect) = hovered.and_then(cell_of) {
            paint_rim(&painter, rect);
        }
        if let Some(told) = told {
            Tooltip::for_widget(&response)
                .at_pointer()
                .gap(12.0)
                .show(|ui| ui.add(Label::new(told).extend()));
        }
        let opened = (entered && picked.is_some()) || (response.double_clicked() && hovered.is_some());
        MosaicOutput { response, hovered, place, picked, opened }
    }

    /// The picture under every channel that is seen.
    fn paint_pictures(&self, painter: &Painter, arrangement: &Arrangement, origin: Pos2) {
        let (Some(backdrop), Some(picture)) = (&self.backdrop, arrangement.picture) else { return };
        let mut mesh = Mesh::with_texture(backdrop.texture);
        let whole = Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0));
        for index in 0..arrangement.cells.count() {
            let cell = arrangement.cells.rect_of(index, origin);
            if painter.clip_rect().intersects(cell) {
                mesh.add_rect_with_uv(picture.translate(cell.min.to_vec2()), whole, Color32::WHITE);
            }
        }
        painter.add(Shape::mesh(mesh));
    }

    /// The cell of a channel's map at `position`.
    fn place(&self, position: Pos2, arrangement: &Arrangement, origin: Pos2) -> Option<Place> {
        let maps = &arrangement.maps;
        let index = maps.index_at(position, origin + arrangement.inset)?;
        let (grid, rect) = (self.source.grid(), maps.rect_of(index, origin + arrangement.inset));
        let at = [(position.x - rect.left()) / rect.width(), (position.y - rect.top()) / rect.height()];
        let [x, y] = [(at[0], grid.width()), (at[1], grid.height())]
            .map(|(share, cells)| ((share * cells as f32) as usize).min(cells.saturating_sub(1)));
        let value = grid.at(maps.plane(index), y, x)?;
        Some(Place { at, x, y, values: vec![value] })
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
            // With nothing selected the first arrow selects the first cell rather than moving past it.
            let from = |step: fn(usize, usize) -> usize| now.map_or(0, |now| step(now, columns));
            let steps = [
                (Key::ArrowLeft, from(|now, _| now.saturating_sub(1))),
                (Key::ArrowRight, from(|now, _| now + 1)),
                (Key::ArrowUp, from(|now, columns| now.checked_sub(columns).unwrap_or(now))),
                (Key::ArrowDown, from(|now, columns| now + columns)),
                (Key::Home, 0),
                (Key::End, last),
            ];
            let stay = |to: usize| if to <= last { to } else { now.unwrap_or(last) };
            let reached = steps.into_iter().find_map(|(key, to)| pressed(key).then(|| stay(to)));
            (reached, pressed(Key::Enter))
        })
    }

    /// "channel 12: 0.25 at (3, 4)", and its statistics.
    fn describe(&self, channel: usize, place: Option<&Place>) -> String {
        let mut text = format!("channel {channel}");
        if let Some(place) = place {
            text += &format!(": {}", heatmap::describe(place));
        }
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

    fn tell(&self, response: &Response, told: Option<&str>) {
        response.widget_info(|| {
            let mut text = format!("{} channels", self.order.len());
            if let Some(channel) = self.selected {
                text += &format!(", channel {channel} selected");
            }
            if let Some(told) = told {
                text += &format!(", pointer on {}", told.replace('\n', ", "));
            }
            let mut info = WidgetInfo::labeled(Role::Grid, response.enabled(), self.name);
            info.current_text_value = Some(text);
            info
        });
    }
}
