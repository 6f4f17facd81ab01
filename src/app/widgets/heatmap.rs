//! [`HeatmapView`]: one map, alone or laid over the picture it belongs to.

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Align2, Color32, FontId, Label, Painter, Pos2, Rect, Response, Sense, TextureId, Tooltip, Ui, Vec2,
    WidgetInfo, pos2,
};

use super::viewport::{Content, Placement, ViewPort, is_inside, paint_crosshair, paint_rim, strokes};
use crate::app::gpu::{self, Cells, Look, Source};
use crate::figure::ticks::format_value;

/// The whole, uncropped picture under a map.
#[derive(Clone, Copy, Debug)]
pub struct Backdrop {
    /// The picture.
    pub texture: TextureId,
    /// Its size in pixels, `[width, height]`; the texture itself may be smaller.
    pub size: [usize; 2],
    /// The part that the network saw, in picture pixels; reaches over the edges of a padded picture.
    pub placement: Rect,
}

/// Something marked on a map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Marker {
    /// Where, in input coordinates 0..1.
    pub at: [f32; 2],
    /// What.
    pub kind: MarkerKind,
}

/// What a marker means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkerKind {
    /// The place that everything is compared with.
    Query,
    /// The n-th best match, from 1.
    Match(usize),
}

/// A place on a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// In input coordinates 0..1.
    pub at: [f32; 2],
    /// Column of the cell.
    pub x: usize,
    /// Row of the cell.
    pub y: usize,
    /// The value there; three for a colour map.
    pub values: Vec<f32>,
}

/// What the user does on a heatmap.
#[derive(Debug)]
pub struct HeatmapOutput {
    /// egui's own answer.
    pub response: Response,
    /// The place under the pointer.
    pub hovered: Option<Place>,
    /// The place clicked just now.
    pub clicked: Option<Place>,
}

/// Shows a map with zoom (scroll, pinch), pan (drag), reset (double click), values and markers.
pub struct HeatmapView<'a> {
    name: &'a str,
    source: &'a Source,
    look: Look,
    port: &'a mut ViewPort,
    size: Option<Vec2>,
    backdrop: Option<Backdrop>,
    cursor: Option<[f32; 2]>,
    markers: &'a [Marker],
    zoomable: bool,
}

impl<'a> HeatmapView<'a> {
    /// A view of `source`, called `name` by screen readers; `name` must differ from that of other
    /// views in the same [`Ui`].
    pub fn new(name: &'a str, source: &'a Source, look: Look, port: &'a mut ViewPort) -> HeatmapView<'a> {
        HeatmapView {
            name,
            source,
            look,
            port,
            size: None,
            backdrop: None,
            cursor: None,
            markers: &[],
            zoomable: true,
        }
    }

    /// The size in points; all that is left by default.
    pub fn size(mut self, size: Vec2) -> Self {
        self.size = Some(size);
        self
    }

    /// Lays the map over a picture, with the look's opacity.
    pub fn over(mut self, backdrop: Backdrop) -> Self {
        self.backdrop = Some(backdrop);
        self
    }

    /// A place pointed at elsewhere, in input coordinates: a cross is drawn there.
    pub fn cursor(mut self, place: Option<[f32; 2]>) -> Self {
        self.cursor = place;
        self
    }

    /// Places to mark.
    pub fn markers(mut self, markers: &'a [Marker]) -> Self {
        self.markers = markers;
        self
    }

    /// Whether scrolling, pinching, dragging and double clicks change the zoom (they do by default).
    /// Otherwise they reach what is around, as a scroll area around many small maps.
    pub fn zoomable(mut self, zoomable: bool) -> Self {
        self.zoomable = zoomable;
        self
    }

    /// Draws it and reports what the user does.
    pub fn show(self, ui: &mut Ui) -> HeatmapOutput {
        let wanted = self.size.unwrap_or_else(|| ui.available_size());
        let (view, _) = ui.allocate_exact_size(wanted, Sense::hover());
        let sense = if self.zoomable { Sense::click_and_drag() } else { Sense::click() };
        let response = ui.interact(view, ui.make_persistent_id(self.name), sense);
        let grid = self.source.grid();
        let content = match &self.backdrop {
            Some(backdrop) => Content::of_picture(backdrop.size, backdrop.placement),
            None => Content::of_size(grid.width(), grid.height()),
        };
        if self.zoomable {
            content.place(view, self.port).navigate(ui, &response, self.port);
        }
        let placement = content.place(view, self.port);
        if ui.is_rect_visible(view) {
            self.paint(&ui.painter_at(view), &response, &placement);
        }

        let place = |position: Option<Pos2>| self.place(placement.input_at(position?));
        let hovered = place(response.hover_pos());
        let clicked = if response.clicked() { place(response.interact_pointer_pos()) } else { None };
        self.tell(&response, hovered.as_ref());
        let painter = ui.painter_at(view);
        match (&hovered, self.cursor) {
            (Some(place), _) => {
                paint_rim(&painter, cell_rect(&placement, place, [grid.width(), grid.height()]));
                if !response.dragged() {
                    Tooltip::for_widget(&response)
                        .at_pointer()
                        .gap(12.0)
                        .show(|ui| ui.add(Label::new(describe(place)).extend()));
                }
            }
            (None, Some(cursor)) => paint_crosshair(&painter, &placement, cursor),
            (None, None) => {}
        }
        HeatmapOutput { response, hovered, clicked }
    }

    fn paint(&self, painter: &Painter, response: &Response, placement: &Placement) {
        if let Some(backdrop) = &self.backdrop {
            let [width, height] = backdrop.size.map(|side| side as f32);
            let whole = placement.on_screen(Rect::from_min_max(Pos2::ZERO, pos2(width, height)));
            let uv = Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0));
            painter.image(backdrop.texture, whole, uv, Color32::WHITE);
        }
        gpu::paint(painter, response.id, placement.input, self.source, &self.look, &Cells::single());
        for marker in self.markers {
            paint_marker(painter, placement.at(marker.at), marker.kind);
        }
    }

    fn place(&self, at: [f32; 2]) -> Option<Place> {
        let grid = self.source.grid();
        let inside = is_inside(at) && grid.width() > 0 && grid.height() > 0;
        inside.then(|| {
            let x = ((at[0] * grid.width() as f32) as usize).min(grid.width() - 1);
            let y = ((at[1] * grid.height() as f32) as usize).min(grid.height() - 1);
            Place { at, x, y, values: self.source.values_at(x, y) }
        })
    }

    /// Tells screen readers (and tests) what is shown and what is under the pointer.
    fn tell(&self, response: &Response, hovered: Option<&Place>) {
        response.widget_info(|| {
            let grid = self.source.grid();
            let mut text = format!("{} by {} cells", grid.width(), grid.height());
            if !self.source.is_rgb() {
                let [low, high] = self.look.tone.range.map(format_value);
                text += &format!(", colours from {low} to {high}");
            }
            if let Some(place) = hovered {
                text += &format!(", pointer on {}", describe(place));
            }
            let mut info = WidgetInfo::labeled(Role::Image, response.enabled(), self.name);
            info.current_text_value = Some(text);
            info
        });
    }
}

/// "0.25 at (3, 4)": value, column, row.
pub(super) fn describe(place: &Place) -> String {
    let values: Vec<String> = place.values.iter().map(|&v| exact(v)).collect();
    format!("{} at ({}, {})", values.join(", "), place.x, place.y)
}

/// The shortest text that is this very f32, with an exponent where it would be long.
pub(super) fn exact(value: f32) -> String {
    let size = value.abs();
    if value.is_nan() {
        return "not a number".to_owned();
    }
    let text = match value {
        _ if value.is_infinite() => return format_value(value),
        _ if size == 0.0 || (1e-4..1e6).contains(&size) => format!("{value}"),
        _ => format!("{value:e}"),
    };
    text.replace('-', "−")
}

fn cell_rect(placement: &Placement, place: &Place, size: [usize; 2]) -> Rect {
    let corner = |x: usize, y: usize| placement.at([x as f32 / size[0] as f32, y as f32 / size[1] as f32]);
    Rect::from_min_max(corner(place.x, place.y), corner(place.x + 1, place.y + 1))
}

fn paint_marker(painter: &Painter, at: Pos2, kind: MarkerKind) {
    match kind {
        MarkerKind::Query => {
            for stroke in strokes() {
                painter.circle_stroke(at, 7.0, stroke);
                painter.hline(at.x - 11.0..=at.x - 3.0, at.y, stroke);
                painter.hline(at.x + 3.0..=at.x + 11.0, at.y, stroke);
                painter.vline(at.x, at.y - 11.0..=at.y - 3.0, stroke);
                painter.vline(at.x, at.y + 3.0..=at.y + 11.0, stroke);
            }
        }
        MarkerKind::Match(rank) => {
            painter.circle_filled(at, 8.0, Color32::from_black_alpha(190));
            painter.circle_stroke(at, 8.0, strokes()[1]);
            painter.text(at, Align2::CENTER_CENTER, rank, FontId::proportional(11.0), Color32::WHITE);
        }
    }
}
