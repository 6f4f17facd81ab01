//! Zoom and pan that several views can share, and the way from a picture to the screen.

use eframe::egui::{
    Color32, Painter, Pos2, Rangef, Rect, Response, Stroke, StrokeKind, Ui, Vec2, pos2, vec2,
};

/// The largest zoom.
const MAX_ZOOM: f32 = 64.0;
/// Points of scrolling that change the zoom by the factor e.
const SCROLL_PER_E: f32 = 240.0;

/// What part of the input a view shows. Views that are given the same one are linked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ViewPort {
    /// 1 shows everything, 2 half of each side.
    pub zoom: f32,
    /// The place in the middle of the view, in input coordinates: (0, 0) is the upper left and
    /// (1, 1) the lower right corner of the network's input.
    pub centre: [f32; 2],
}

impl Default for ViewPort {
    fn default() -> ViewPort {
        ViewPort { zoom: 1.0, centre: [0.5, 0.5] }
    }
}

/// What a view can show, in units of its own (picture pixels, or cells of a map).
#[derive(Clone, Copy, Debug)]
pub(super) struct Content {
    /// All of it.
    pub bounds: Rect,
    /// The part that is the network's input.
    pub input: Rect,
}

/// Content laid out on the screen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placement {
    /// The rectangle of the view.
    pub view: Rect,
    /// The network's input on the screen, in points; may reach far beyond the view.
    pub input: Rect,
    content: Content,
    scale: f32,
}

impl Content {
    /// Content that is nothing but the input, `width` × `height`.
    pub fn of_size(width: usize, height: usize) -> Content {
        let all = Rect::from_min_size(Pos2::ZERO, vec2(width.max(1) as f32, height.max(1) as f32));
        Content { bounds: all, input: all }
    }

    /// A whole picture of which `input` (in picture pixels, may reach over its edges) is the
    /// network's input.
    pub fn of_picture(size: [usize; 2], input: Rect) -> Content {
        let picture = Content::of_size(size[0], size[1]).bounds;
        let input = if input.is_positive() { input } else { picture };
        Content { bounds: picture.union(input), input }
    }

    /// Lays the content out in `view`: whole at zoom 1, never panned away.
    pub fn place(&self, view: Rect, port: &ViewPort) -> Placement {
        let fit = (view.size() / self.bounds.size()).min_elem();
        let scale = (fit * port.zoom.clamp(1.0, MAX_ZOOM)).max(f32::MIN_POSITIVE);
        let half = view.size() / (2.0 * scale);
        let wanted = self.input.min + self.input.size() * Vec2::from(port.centre);
        let centre = pos2(
            within(wanted.x, self.bounds.x_range(), half.x),
            within(wanted.y, self.bounds.y_range(), half.y),
        );
        let to_screen = |p: Pos2| view.center() + (p - centre) * scale;
        let input = Rect::from_min_max(to_screen(self.input.min), to_screen(self.input.max));
        Placement { view, input, content: *self, scale }
    }
}

/// `wanted`, so that ± `half` around it stays within the bounds; their middle if they are smaller.
fn within(wanted: f32, bounds: Rangef, half: f32) -> f32 {
    // Not `<=`, so that rounding leaves no empty range to clamp to.
    let (low, high) = (bounds.min + half, bounds.max - half);
    if low < high { wanted.clamp(low, high) } else { bounds.center() }
}

impl Placement {
    /// Something that lies at `part` of the content, on the screen.
    pub fn on_screen(&self, part: Rect) -> Rect {
        let to_screen = |p: Pos2| self.input.min + (p - self.content.input.min) * self.scale;
        Rect::from_min_max(to_screen(part.min), to_screen(part.max))
    }

    /// The input coordinates of a point of the screen; outside 0..1 beside the input.
    pub fn input_at(&self, position: Pos2) -> [f32; 2] {
        let place = (position - self.input.min) / self.input.size();
        [place.x, place.y]
    }

    /// The screen position of a place in input coordinates.
    pub fn at(&self, place: [f32; 2]) -> Pos2 {
        self.input.min + self.input.size() * Vec2::from(place)
    }

    /// Changes `port` as the user drags, scrolls, pinches or double-clicks on the view.
    pub fn navigate(&self, ui: &Ui, response: &Response, port: &mut ViewPort) {
        if response.double_clicked() {
            *port = ViewPort::default();
            return;
        }
        let mut centre = self.input_at(self.view.center());
        if response.dragged() {
            let shift = response.drag_delta() / self.input.size();
            centre = [centre[0] - shift.x, centre[1] - shift.y];
            port.centre = centre;
        }
        let Some(pointer) = response.hover_pos() else { return };
        // Taken, so that a scroll area around the view stays where it is.
        let factor = ui.input_mut(|input| {
            let scrolled = std::mem::take(&mut input.smooth_scroll_delta).y;
            input.zoom_delta() * (scrolled / SCROLL_PER_E).exp()
        });
        if factor != 1.0 {
            let zoom = (port.zoom * factor).clamp(1.0, MAX_ZOOM);
            let kept = self.input_at(pointer);
            let share = port.zoom / zoom;
            port.zoom = zoom;
            port.centre = [kept[0] + (centre[0] - kept[0]) * share, kept[1] + (centre[1] - kept[1]) * share];
        }
    }
}

/// True for a place on the input itself.
pub(super) fn is_inside(place: [f32; 2]) -> bool {
    place.iter().all(|p| (0.0..1.0).contains(p))
}

/// Light lines with dark rims, to be seen on every colour.
pub(super) fn strokes() -> [Stroke; 2] {
    [Stroke::new(3.0, Color32::from_black_alpha(150)), Stroke::new(1.0, Color32::WHITE)]
}

/// A cross over the whole view at a place pointed at in another view.
pub(super) fn paint_crosshair(painter: &Painter, placement: &Placement, place: [f32; 2]) {
    if !is_inside(place) {
        return;
    }
    let at = placement.at(place);
    // Quieter than markers: it crosses everything.
    for stroke in
        [Stroke::new(2.0, Color32::from_black_alpha(90)), Stroke::new(1.0, Color32::from_white_alpha(170))]
    {
        painter.hline(placement.input.x_range(), at.y, stroke);
        painter.vline(at.x, placement.input.y_range(), stroke);
    }
}

/// A rim around `rect` that is seen on every colour.
pub(super) fn paint_rim(painter: &Painter, rect: Rect) {
    for stroke in strokes() {
        painter.rect_stroke(rect, 0.0, stroke, StrokeKind::Middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: Rect = Rect { min: pos2(10.0, 20.0), max: pos2(210.0, 120.0) };

    #[test]
    fn everything_is_seen_at_zoom_one() {
        let placement = Content::of_size(8, 8).place(VIEW, &ViewPort::default());
        assert_eq!(placement.input, Rect::from_min_max(pos2(60.0, 20.0), pos2(160.0, 120.0)));
        assert_eq!(placement.input_at(pos2(110.0, 70.0)), [0.5, 0.5]);
        assert_eq!(placement.at([0.25, 1.0]), pos2(85.0, 120.0));
    }

    #[test]
    fn the_input_lies_where_it_was_cut_from() {
        // A 400×200 picture whose middle 200×200 goes to the network.
        let crop = Rect::from_min_max(pos2(100.0, 0.0), pos2(300.0, 200.0));
        let content = Content::of_picture([400, 200], crop);
        let placement = content.place(VIEW, &ViewPort::default());
        assert_eq!(placement.input, Rect::from_min_max(pos2(60.0, 20.0), pos2(160.0, 120.0)));
        assert_eq!(placement.on_screen(content.bounds), VIEW);
        // A padded picture: the input is larger than the picture.
        let padded = Rect::from_min_max(pos2(-2.0, -2.0), pos2(30.0, 30.0));
        let placement = Content::of_picture([28, 28], padded).place(VIEW, &ViewPort::default());
        assert_eq!(placement.input.size(), vec2(100.0, 100.0));
    }

    #[test]
    fn nothing_is_panned_away() {
        let port = ViewPort { zoom: 4.0, centre: [5.0, -3.0] };
        let placement = Content::of_size(20, 10).place(VIEW, &port);
        assert_eq!(placement.input.right_top(), VIEW.right_top());
        assert_eq!(placement.input.size(), VIEW.size() * 4.0);
    }
}
