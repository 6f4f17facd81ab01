//! Every picture as a point of a plane.

use eframe::egui::accesskit::Role;
use eframe::egui::{CornerRadius, Pos2, Rect, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, vec2};
use egui_plot::{Plot, PlotPoint, PlotPoints, Points};

use super::pictures::{Look, ask_for, choose, paint};
use super::state::Plane;
use crate::app::panels::Action;
use crate::app::state::State;
use crate::app::style;

/// Radii of points on a high and on a low map.
const RADII: [f32; 2] = [4.0, 3.0];
/// A map is low under this height.
const LOW: f32 = 260.0;
/// On a wide map the plane that keeps neighbours together is stretched so much at most: its directions mean
/// nothing.
const STRETCHED: f32 = 2.0;
/// How much a point of scrolling enlarges.
const ZOOM: f32 = 0.004;
/// A pointer so near to a point, in points of the screen, means it.
const NEAR: f32 = 12.0;
/// Side of pictures in place of points.
const SIDE: f32 = 30.0;
/// With fewer points than this in view, they are pictures.
const FEW: usize = 40;
/// Pictures drawn at once.
const DRAWN: usize = 600;
/// Side of the picture beside the pointer.
const LARGE: f32 = 96.0;

/// Draws the map and what is shown on it.
pub(super) fn show(ui: &mut Ui, state: &mut State, look: &Look, actions: &mut Vec<Action>) {
    controls(ui, state, look);
    let plane = state.sweep.settings.below.plane;
    let place = |at: usize| {
        let [x, y] = look.picture(at).map_or([0.0; 2], |picture| match plane {
            Plane::Neighbours => picture.map,
            Plane::Pca => picture.pca,
        });
        [f64::from(x), f64::from(y)]
    };
    let count = look.report.pictures.len();
    let size = ui.available_size() - vec2(0.0, style::SPACE_XS);
    let radius = RADII[usize::from(size.y < LOW)];
    let stretched = match plane {
        Plane::Neighbours => (size.x / size.y.max(1.0)).clamp(1.0, STRETCHED),
        Plane::Pca => 1.0,
    };
    let scrolled = ui.input(|input| input.smooth_scroll_delta.y);
    let plot = Plot::new(("map of pictures", plane == Plane::Pca))
        .width(size.x.max(80.0))
        .height(size.y.max(80.0))
        .data_aspect(1.0 / stretched)
        .show_axes(false)
        .show_grid(false)
        .show_x(false)
        .show_y(false)
        .allow_boxed_zoom(false)
        .allow_scroll(false);
    let shown = plot.show(ui, |plot| {
        if scrolled != 0.0 && plot.response().hovered() {
            plot.zoom_bounds_around_hovered(Vec2::splat((ZOOM * scrolled).exp()));
        }
        let classes = look.report.classes.len();
        let groups = (0..classes).map(Some).chain([None]);
        for group in groups.flat_map(|class| [true, false].map(|right| (class, right))) {
            let own = (0..count).filter(|&at| {
                let picture = look.picture(at);
                let is_right = picture.and_then(|picture| picture.is_right()).unwrap_or(true);
                (picture.and_then(|picture| picture.class), is_right) == group
            });
            let points: PlotPoints<'static> = own.map(place).collect();
            let points = Points::new("", points).color(look.colour(state, group.0)).filled(group.1);
            plot.points(points.radius(radius).allow_hover(false));
        }
    });
    let (transform, response) = (shown.transform, shown.response);
    let at_screen = |at: usize| {
        let [x, y] = place(at);
        transform.position_from_point(&PlotPoint::new(x, y))
    };
    let painter = ui.painter_at(response.rect);
    let tokens = style::tokens(ui);
    let inside = |at: &usize| response.rect.contains(at_screen(*at));
    let visible: Vec<usize> = (0..count).filter(inside).collect();
    let mut wanted = Vec::new();
    let pictured = state.sweep.settings.below.thumbnails || visible.len() < FEW.min(count);
    if pictured {
        for &at in visible.iter().take(DRAWN) {
            let rect = Rect::from_center_size(at_screen(at), vec2(SIDE, SIDE));
            paint(&painter, state, look, (at, rect), tokens.sunken, &mut wanted);
        }
    }
    if let Some(square) = state.sweep.below.square {
        let of_square = |at: &&usize| {
            look.picture(**at).is_some_and(|p| (p.class, p.answer) == (Some(square.0), Some(square.1)))
        };
        for &at in visible.iter().filter(of_square) {
            painter.circle_stroke(at_screen(at), radius + 3.5, Stroke::new(1.5, tokens.text));
        }
    }
    if let Some(at) = look.chosen {
        let rect = Rect::from_center_size(at_screen(at), vec2(2.0, 2.0) * (radius + 5.0));
        painter.rect_stroke(rect, CornerRadius::same(4), Stroke::new(2.5, tokens.accent), StrokeKind::Inside);
    }
    let nearest = |pointer: Pos2| {
        let far = |at: usize| at_screen(at).distance(pointer);
        let best = visible.iter().copied().min_by(|&a, &b| far(a).total_cmp(&far(b)))?;
        (far(best) <= if pictured { SIDE / 2.0 + 3.0 } else { NEAR }).then_some(best)
    };
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::Image, true, "map of pictures");
        let name = look.chosen.and_then(|at| look.picture(at)).map(|picture| picture.name.as_str());
        info.current_text_value = Some(format!("{count} pictures, in hand: {}", name.unwrap_or("none")));
        info
    });
    let clicked = response.clicked();
    let under = response.hover_pos().or(response.interact_pointer_pos()).and_then(nearest);
    if let Some(at) = under {
        response.on_hover_ui_at_pointer(|ui| {
            let (rect, _) = ui.allocate_exact_size(vec2(LARGE, LARGE), Sense::hover());
            paint(ui.painter(), state, look, (at, rect), tokens.sunken, &mut wanted);
            ui.label(look.said_of(at));
        });
        if clicked {
            choose(state, look, at, actions);
        }
    }
    ask_for(wanted, actions);
}

/// Which plane, pictures or points, and the colours of the classes.
fn controls(ui: &mut Ui, state: &mut State, look: &Look) {
    ui.horizontal_wrapped(|ui| {
        let settings = &mut state.sweep.settings.below;
        let [x, y] = look.report.explained.map(|share| 100.0 * share);
        let planes = [
            (
                Plane::Neighbours,
                "neighbours",
                "Keeps neighbours together; distances between heaps mean little.".into(),
            ),
            (Plane::Pca, "most variance", format!("The plane with {x:.0} % and {y:.0} % of the variance.")),
        ];
        for (plane, name, about) in planes {
            ui.selectable_value(&mut settings.plane, plane, name).on_hover_text(about);
        }
        ui.checkbox(&mut settings.thumbnails, "pictures")
            .on_hover_text("Pictures in place of points; zoomed in they are pictures anyway. The wheel zooms, dragging moves, a double click shows all.");
        ui.separator();
        for (class, name) in look.report.classes.iter().enumerate() {
            let (rect, _) = ui.allocate_exact_size(vec2(8.0, 8.0), Sense::hover());
            ui.painter().circle_filled(rect.center(), 4.0, look.colour(state, Some(class)));
            ui.label(style::quiet(name).small());
        }
        if look.report.answers.is_some() {
            ui.label(style::quiet("rings: not recognised").small());
        }
    });
}
