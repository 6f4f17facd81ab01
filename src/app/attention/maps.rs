//! The middle: the map looked at, large, and every layer and attention head under it.

use eframe::egui::{Rect, Response, ScrollArea, Stroke, StrokeKind, TextStyle, Ui, Vec2, vec2};

use super::drawn::{Drawings, LayerMap};
use super::feedback;
use super::state::ShownInside;
use crate::app::command::Command;
use crate::app::current::Drawn;
use crate::app::panels::Action;
use crate::app::state::State;
use crate::app::style;
use crate::app::widgets::colour_bar::ColourBar;
use crate::app::widgets::heatmap::HeatmapView;
use crate::app::widgets::image_view::ImageView;
use crate::app::widgets::states;
use crate::app::widgets::viewport::ViewPort;
use crate::heads::HeadKind;
use crate::jobs::{SeenInside, block_name};
use crate::train::Sight;

/// Width of the colour bar with its numbers, in points.
const BAR: f32 = 92.0;
/// Sides of small maps, in points.
const SMALL: std::ops::RangeInclusive<f32> = 48.0..=104.0;
/// Space between small maps.
const GAP: f32 = 4.0;

/// Draws the maps, or why there are none.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    if let Some(error) = &state.current.failed {
        if states::failed(ui, "The head cannot be looked into", &error.to_string(), Some("Try again")) {
            actions.push(Action::AskAgain);
        }
        return;
    }
    let Some(shown) = state.attention.shown.take() else {
        waiting(ui, state);
        return;
    };
    match &shown.seen.seen {
        Err(error) => {
            let again =
                states::failed(ui, "The head cannot be looked into", &error.to_string(), Some("Try again"));
            if again {
                actions.push(Action::AskAgain);
            }
        }
        Ok(seen) => maps(ui, state, &shown, seen, actions),
    }
    state.attention.shown = Some(shown);
}

fn waiting(ui: &mut Ui, state: &State) {
    let what = match () {
        () if state.library.entries.is_empty() => {
            ui.centered_and_justified(|ui| {
                ui.label(style::quiet("Open a picture, or drop one, to see where the head looks."))
            });
            return;
        }
        () if state.attention.file(&state.heads).is_none() => "Waiting for the first state of the head",
        () => "Looking into the head",
    };
    states::working(ui, &states::Working { what, ..Default::default() });
}

fn maps(ui: &mut Ui, state: &mut State, shown: &ShownInside, seen: &SeenInside, actions: &mut Vec<Action>) {
    let Some((_, drawings)) = &shown.drawings else { return };
    heading(ui, state, shown, seen, drawings);
    if drawings.large.is_none() {
        ui.centered_and_justified(|ui| ui.label(style::quiet(without_places(seen.config.kind))));
        return;
    }
    if state.attention.config.feedback && !drawings.fed.is_empty() {
        feedback::show(ui, state, shown, drawings);
        return;
    }
    let rows = seen.inside.layers_and_heads().0;
    let columns = drawings.layers.len() / rows.max(1);
    let side = small_side(ui.available_width() - label_width(ui), columns.max(1));
    let line = ui.text_style_height(&TextStyle::Small) + ui.spacing().item_spacing.y;
    let below = if rows == 0 { 0.0 } else { line + rows.min(3) as f32 * (side + GAP) + style::SPACE_XL };
    let height = (ui.available_height() - below).max(160.0);
    large(ui, state, shown, drawings, height, actions);
    if rows > 0 {
        ui.add_space(style::SPACE_S);
        ScrollArea::both().id_salt("layers").auto_shrink([false, false]).show(ui, |ui| {
            layers(ui, state, shown, drawings, (columns, side));
        });
    }
}

/// Why a head shows nothing here.
fn without_places(kind: HeadKind) -> String {
    format!(
        "{kind} weighs the whole pooled feature at once: there is no place that it looks at. Its answer \
         stands at the right; linear, ridge, attention, difformer and diffeed can be looked into."
    )
}

fn heading(ui: &mut Ui, state: &mut State, shown: &ShownInside, seen: &SeenInside, drawings: &Drawings) {
    let chosen = drawings.chosen;
    ui.horizontal_wrapped(|ui| {
        if !drawings.fed.is_empty() {
            let config = &mut state.attention.config;
            ui.selectable_value(&mut config.feedback, false, "Attention")
                .on_hover_text("Where CLS, from which the answer is read, takes what it knows from.");
            ui.selectable_value(&mut config.feedback, true, "Feedback")
                .on_hover_text("What the first pass feeds back to the encoder, and what that changes.");
            ui.add_space(style::SPACE_S);
        }
        let at = format!("t {} · {}", chosen.timestep, block_name(chosen.block));
        let text = match (seen.inside.layers_and_heads().0, drawings.large.is_some()) {
            (0, false) => String::new(),
            (0, true) => {
                let class = seen.classes.get(chosen.class).map_or("", String::as_str);
                format!("what speaks for {class} and against it · {at}")
            }
            _ if state.attention.config.feedback && !drawings.fed.is_empty() => {
                format!("t {}", chosen.timestep)
            }
            _ => format!("{} of layer {} · {at}", sight_name(chosen.sight), chosen.layer),
        };
        ui.label(text).on_hover_text(about(chosen.sight, seen));
        if shown.stale {
            ui.label(style::quiet("updating").small());
        }
    });
}

/// What a sight shows, in one sentence.
fn about(sight: Sight, seen: &SeenInside) -> &'static str {
    if seen.inside.layers_and_heads().0 == 0 {
        return "What every place adds to the logit of the class, above the mean of all classes; summed over all maps it is the logit, to a constant.";
    }
    match sight {
        Sight::Rollout => {
            "How much of every token reaches CLS through all layers up to this one (attention rollout)."
        }
        Sight::Mean => "How much CLS attends to every token in this layer, the mean over its heads.",
        Sight::Head(_) => "How much CLS attends to every token in this head of this layer.",
    }
}

fn sight_name(sight: Sight) -> String {
    match sight {
        Sight::Rollout => "rollout".into(),
        Sight::Mean => "mean of heads".into(),
        Sight::Head(head) => format!("head {}", head + 1),
    }
}

/// The picture as it is, and under the map.
fn large(
    ui: &mut Ui,
    state: &mut State,
    shown: &ShownInside,
    drawings: &Drawings,
    height: f32,
    actions: &mut Vec<Action>,
) {
    let (Some(drawn), Some(picture)) = (&drawings.large, &shown.picture) else { return };
    let width = ui.available_width();
    let alone = width < 3.0 * BAR + 2.0 * height.min(220.0);
    let side = if alone { width - BAR - GAP } else { ((width - BAR) / 2.0 - GAP).min(height * 1.6) };
    let size = vec2(side.max(96.0), height);
    let mut port = state.port;
    let mut hovered = None;
    ui.allocate_ui(vec2(width, height), |ui| {
        ui.horizontal_top(|ui| {
            if !alone {
                let output = ImageView::new("picture", picture.backdrop(), &mut port)
                    .size(size)
                    .cursor(state.last_cursor)
                    .show(ui);
                hovered = output.hovered;
            }
            let config = &state.attention.config;
            let mut look = drawn.look(&state.config.look);
            look.opacity = if config.bare { 1.0 } else { state.config.look.opacity };
            let mut view = HeatmapView::new("where the head looks", &drawn.source, look, &mut port)
                .size(size)
                .cursor(state.last_cursor);
            if !config.bare {
                view = view.over(picture.backdrop());
            }
            let output = view.show(ui);
            let value = output.hovered.as_ref().and_then(|place| place.values.first().copied());
            hovered = output.hovered.map(|place| place.at).or(hovered);
            ui.vertical(|ui| {
                ColourBar::new("attention colour bar", drawn.tone, &drawn.spread)
                    .height((height - 56.0).min(240.0))
                    .value(value)
                    .show(ui);
                let over = ui.checkbox(&mut !config.bare, "over");
                if over.on_hover_text(Command::ToggleAttentionOverlay.tooltip()).clicked() {
                    actions.push(Action::Do(Command::ToggleAttentionOverlay));
                }
            });
        });
    });
    state.port = port;
    state.cursor = hovered.or(state.cursor);
}

fn label_width(ui: &Ui) -> f32 {
    ui.text_style_height(&TextStyle::Small) * 3.6
}

/// The side of small maps of which `columns` stand beside each other.
fn small_side(width: f32, columns: usize) -> f32 {
    (width / columns as f32 - GAP).clamp(*SMALL.start(), *SMALL.end())
}

/// A row per layer: rollout, mean, and every head.
fn layers(
    ui: &mut Ui,
    state: &mut State,
    shown: &ShownInside,
    drawings: &Drawings,
    (columns, side): (usize, f32),
) {
    let label = label_width(ui);
    ui.spacing_mut().item_spacing = vec2(GAP, GAP);
    ui.horizontal(|ui| {
        ui.add_space(label + GAP);
        for map in drawings.layers.iter().take(columns) {
            let text = match map.sight {
                Sight::Rollout => "rollout".to_string(),
                Sight::Mean => "mean".to_string(),
                Sight::Head(head) => format!("head {}", head + 1),
            };
            let height = ui.text_style_height(&TextStyle::Small);
            ui.add_sized([side, height], eframe::egui::Label::new(style::quiet(text).small()));
        }
    });
    for row in drawings.layers.chunks(columns.max(1)) {
        ui.horizontal(|ui| {
            let name = format!("layer {}", row.first().map_or(0, |map| map.layer));
            ui.add_sized([label, side], eframe::egui::Label::new(style::quiet(name).small()));
            for map in row {
                layer(ui, state, shown, drawings, map, side);
            }
        });
    }
}

fn layer(
    ui: &mut Ui,
    state: &mut State,
    shown: &ShownInside,
    drawings: &Drawings,
    map: &LayerMap,
    side: f32,
) {
    let held = (map.layer, map.sight) == (drawings.chosen.layer, drawings.chosen.sight);
    let name = format!("layer {} {}", map.layer, sight_name(map.sight));
    let response = small(ui, state, shown, &name, &map.drawn, Vec2::splat(side), held);
    if response.clicked() {
        state.attention.config.layer = Some(map.layer);
        state.attention.config.sight = map.sight;
    }
}

/// A small map that can be chosen.
pub(super) fn small(
    ui: &mut Ui,
    state: &State,
    shown: &ShownInside,
    name: &str,
    drawn: &Drawn,
    size: Vec2,
    held: bool,
) -> Response {
    let bare = state.attention.config.bare;
    let mut look = drawn.look(&state.config.look);
    look.opacity = if bare { 1.0 } else { state.config.look.opacity };
    let mut port = ViewPort::default();
    let mut view = HeatmapView::new(name, &drawn.source, look, &mut port).size(size).zoomable(false);
    if let Some(picture) = shown.picture.as_ref().filter(|_| !bare) {
        view = view.over(picture.backdrop());
    }
    let response = view.show(ui).response;
    if held {
        rim(ui, response.rect);
    }
    response
}

/// Marks what is looked at.
fn rim(ui: &Ui, rect: Rect) {
    let stroke = Stroke::new(2.0, style::tokens(ui).accent);
    ui.painter().rect_stroke(rect, style::RADIUS as f32 / 2.0, stroke, StrokeKind::Inside);
}
