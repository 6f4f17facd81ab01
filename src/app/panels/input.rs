//! What goes into the network: the picture, x_t and the x_0 it predicts, with t and the noise.

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Align, Align2, CentralPanel, FontId, Frame, Layout, Panel, Rect, ScrollArea, Sense, StrokeKind, Ui, Vec2,
    WidgetInfo, pos2, vec2,
};

use super::{Action, icon_button};
use crate::app::command::Command;
use crate::app::current::{Held, NetworkImage};
use crate::app::state::{AVERAGED_DRAWS, LAST_DRAW, State};
use crate::app::widgets::heatmap::Backdrop;
use crate::app::widgets::image_view::ImageView;
use crate::app::widgets::number;
use crate::app::widgets::states;
use crate::app::widgets::timestep::TimestepControl;
use crate::app::widgets::viewport::ViewPort;
use crate::app::{icons, style};
use crate::features::view::View;

/// A panel lower than this scrolls instead of leaving no room for the images.
const SCROLLS_BELOW: f32 = 186.0;
/// From this height on there is room for the hint of the first start.
const ROOM_FOR_HINT: f32 = 240.0;
/// Least height of the images in a panel that scrolls.
const LEAST_IMAGES: f32 = 76.0;

/// Draws the panel.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    if state.network.is_none() {
        match state.network_error.clone() {
            Some(error) => {
                if states::failed(ui, "No network is open", &error.to_string(), Some("Use embedded network"))
                {
                    actions.push(Action::Do(Command::UseEmbeddedNetwork));
                }
            }
            None => {
                _ = states::working(
                    ui,
                    &states::Working { what: "Opening the network", ..Default::default() },
                )
            }
        }
        return;
    }
    if state.library.entries.is_empty() {
        if states::empty(ui, "Open a picture to see what the network makes of it.", "Use bundled pictures") {
            actions.push(Action::OpenBundled);
        }
        return;
    }
    let with_hint = state.hints.timestep && ui.available_height() >= ROOM_FOR_HINT;
    if ui.available_height() < SCROLLS_BELOW {
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            // The scroll bar lies over the right edge.
            ui.set_max_width(ui.available_width() - style::SPACE_S);
            let rows = 4.0 * (ui.spacing().interact_size.y + ui.spacing().item_spacing.y);
            let size = vec2(ui.available_width(), (ui.available_height() - rows).max(LEAST_IMAGES));
            ui.allocate_ui(size, |ui| images_ui(ui, state, actions));
            timestep(ui, state, with_hint, actions);
            noise(ui, state, actions);
        });
        return;
    }
    Panel::bottom("input controls").frame(Frame::NONE).show_separator_line(false).show(ui, |ui| {
        timestep(ui, state, with_hint, actions);
        noise(ui, state, actions);
    });
    CentralPanel::default().frame(Frame::NONE).show(ui, |ui| images_ui(ui, state, actions));
}

fn images_ui(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let gap = style::SPACE_S;
    let label = ui.text_style_height(&eframe::egui::TextStyle::Small) + ui.spacing().item_spacing.y;
    let total = ui.available_size();
    let width = ((total.x - 2.0 * gap) / 3.0).max(32.0);
    let size = vec2(width, (total.y - label).max(32.0));
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = gap;
        ui.vertical(|ui| {
            ui.set_width(width);
            picture(ui, state, size, actions);
        });
        ui.vertical(|ui| {
            ui.set_width(width);
            let timestep = state.selection().map_or(0, |selection| selection.timestep);
            caption(
                ui,
                "x_t, as the network gets it",
                &format!("The picture with the noise of step {timestep}."),
            );
            let mut port = if state.linked { state.port } else { state.input_port };
            state.cursor = network_image(ui, "x_t", state.current.noised.as_ref(), size, state, &mut port)
                .or(state.cursor);
            follow(state, port);
        });
        ui.vertical(|ui| {
            ui.set_width(width);
            caption(ui, "x_0, as it predicts", "The picture that the network's output implies.");
            let mut port = if state.linked { state.port } else { state.input_port };
            let predicted = state.current.predicted.as_ref();
            state.cursor =
                network_image(ui, "predicted x_0", predicted, size, state, &mut port).or(state.cursor);
            follow(state, port);
        });
    });
}

fn caption(ui: &mut Ui, text: &str, about: &str) {
    ui.add(eframe::egui::Label::new(style::quiet(text).small()).truncate()).on_hover_text(about);
}

fn picture(ui: &mut Ui, state: &mut State, size: Vec2, actions: &mut Vec<Action>) {
    let held = state.current.picture.as_ref();
    let failed = state.current.failed.as_ref().filter(|_| held.is_none_or(|held| held.stale));
    let (Some(held), None) = (held, failed) else {
        caption(ui, "picture", "The whole picture.");
        if let Some(error) = failed {
            unreadable(ui, &error.to_string(), size);
        }
        return;
    };
    let shown = &held.value.shown;
    let notes: Vec<String> = shown.picture.notes.iter().map(ToString::to_string).collect();
    let title = format!("picture, {}×{}", shown.picture.width, shown.picture.height);
    let title = if notes.is_empty() { title } else { format!("{title} · {}", notes.join("; ")) };
    let about = format!("{}\nThe frame is what the network sees.", shown.picture.name);
    caption(ui, &title, &format!("{about}\n{}", notes.join("\n")));
    let backdrop = held.value.backdrop();
    let side = shown.placement.size;
    let port = if state.linked { &mut state.port } else { &mut state.input_port };
    if held.stale {
        ui.set_opacity(0.5);
    }
    let output = ImageView::new("picture", backdrop, port).size(size).cursor(state.last_cursor).show(ui);
    state.cursor = output.hovered.or(state.cursor);
    if let (Some(at), View::Similarity { .. }) = (output.clicked, state.config.view) {
        actions.push(Action::SetView(similarity_at(at, side)));
    }
}

/// Says in little room that there is no picture; why, and what to do, stands in full under "what
/// the block sees".
fn unreadable(ui: &mut Ui, why: &str, size: Vec2) {
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("picture, not shown: {why}")));
    let tokens = style::tokens(ui);
    ui.painter().rect_stroke(rect, 0.0, tokens.hairline(), StrokeKind::Inside);
    let font = FontId::proportional(style::TYPE_SIZES[3]);
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, icons::WARNING_CIRCLE, font, tokens.error);
    response.on_hover_text(why);
}

/// The similarity view for a place in input coordinates 0..1.
pub fn similarity_at(at: [f32; 2], side: usize) -> View {
    let pixel = |share: f32| ((share * side as f32) as usize).min(side.saturating_sub(1));
    View::Similarity { x: pixel(at[0]), y: pixel(at[1]) }
}

/// Takes over the zoom of one image for the others.
fn follow(state: &mut State, port: ViewPort) {
    *(if state.linked { &mut state.port } else { &mut state.input_port }) = port;
}

/// Draws x_t or x_0; returns the place under the pointer.
fn network_image(
    ui: &mut Ui,
    name: &str,
    held: Option<&Held<NetworkImage>>,
    size: Vec2,
    state: &State,
    port: &mut ViewPort,
) -> Option<[f32; 2]> {
    let Some(held) = held else {
        let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("{name}, being computed")));
        ui.painter().rect_stroke(rect, 0.0, style::tokens(ui).hairline(), StrokeKind::Inside);
        return None;
    };
    let side = held.value.side;
    let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(side as f32, side as f32));
    let backdrop = Backdrop { texture: held.value.texture.id(), size: [side, side], placement: whole };
    if held.stale {
        ui.set_opacity(0.5);
    }
    let cursor = state.last_cursor.filter(|_| state.linked);
    ImageView::new(name, backdrop, port).size(size).cursor(cursor).show(ui).hovered
}

fn timestep(ui: &mut Ui, state: &mut State, with_hint: bool, actions: &mut Vec<Action>) {
    let (Some(network), Some(selection)) = (&state.network, state.selection()) else { return };
    if with_hint {
        ui.label(
            style::quiet("move t to add noise: small t shows detail, large t what the network imagines")
                .small(),
        );
    }
    let schedule = &network.schedule;
    let (alpha_bar, snr) =
        (schedule.alpha_bar(selection.timestep), schedule.signal_to_noise(selection.timestep));
    let marks = state.marks();
    let control = TimestepControl::new(selection.timestep, schedule.steps(), &marks, alpha_bar, snr);
    if let Some(timestep) = control.show(ui) {
        actions.push(Action::SelectTimestep(timestep));
    }
}

fn noise(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        let config = &mut state.config;
        let label = ui.label(style::quiet("seed"));
        number::add(ui, &mut config.seed, |field| field.speed(0.2)).labelled_by(label.id).on_hover_text(
            "Seed of the noise: the same seed gives the same noise for the same picture, everywhere.",
        );
        let label = ui.label(style::quiet("draw"));
        number::add(ui, &mut config.draw, |field| field.range(0..=LAST_DRAW).speed(0.1))
            .labelled_by(label.id)
            .on_hover_text("Number of the draw under this seed.");
        icon_button(ui, icons::DICE_FIVE, Command::NextDraw, actions);
        let mut average = config.average > 1;
        if ui.checkbox(&mut average, "average").on_hover_text(Command::ToggleAverage.tooltip()).changed() {
            config.average = if average { AVERAGED_DRAWS } else { 1 };
        }
        if config.average > 1 {
            let label = ui.label(style::quiet("of"));
            number::add(ui, &mut config.average, |field| field.range(2..=64).speed(0.1))
                .labelled_by(label.id)
                .on_hover_text("How many draws are averaged; each costs a forward.");
            ui.label(style::quiet("draws"));
        }
        class(ui, state);
        let stale = state.current.picture.as_ref().is_some_and(|held| held.stale);
        if stale && !state.current.complete {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.label(style::quiet("updating").small())
            });
        }
    });
}

fn class(ui: &mut Ui, state: &mut State) {
    let Some(count) = state.network.as_ref().and_then(|network| network.card.config.num_classes) else {
        return;
    };
    let mut with_class = state.config.class.is_some();
    let about = "This network was trained with classes. Without one, its label embedding is left out.";
    if ui.checkbox(&mut with_class, "class").on_hover_text(about).changed() {
        state.config.class = with_class.then_some(0);
    }
    if let Some(class) = &mut state.config.class {
        let response = number::add(ui, class, |field| field.range(0..=count - 1));
        response.widget_info(|| WidgetInfo::labeled(Role::SpinButton, true, "class number"));
    }
}
