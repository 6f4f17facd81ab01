//! Pinned views side by side, with a shared or an own colour scale and linked zoom and cursor.

use std::collections::HashMap;

use eframe::egui::accesskit::Role;
use eframe::egui::{Button, Label, RichText, ScrollArea, Ui, Vec2, WidgetInfo, vec2};

use super::Action;
use crate::app::command::Command;
use crate::app::current::backdrop;
use crate::app::gpu::Look;
use crate::app::state::{Pin, State};
use crate::app::widgets::heatmap::HeatmapView;
use crate::app::widgets::mosaic::MosaicView;
use crate::app::{icons, style};
use crate::colormap::Tone;
use crate::features::view::View;
use crate::figure::ticks::format_value;

/// Width of the controls beside the views.
const CONTROLS_WIDTH: f32 = 128.0;

/// Draws the panel.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    ui.horizontal_top(|ui| {
        ui.vertical(|ui| {
            ui.set_width(CONTROLS_WIDTH);
            controls(ui, state, actions);
        });
        ui.separator();
        ui.vertical(|ui| pins(ui, state, actions));
    });
}

fn controls(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    ui.checkbox(&mut state.shared_scale, "shared scale").on_hover_text(Command::ToggleSharedScale.tooltip());
    ui.checkbox(&mut state.linked, "linked views").on_hover_text(Command::ToggleLinkedCursor.tooltip());
    if ui.button("Clear").on_hover_text(Command::ClearPins.tooltip()).clicked() {
        actions.push(Action::Do(Command::ClearPins));
    }
}

fn pins(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let shared = if state.shared_scale { shared_ranges(&state.pins) } else { HashMap::new() };
    let mut linked_port = state.port;
    let mut cursor = state.cursor;
    let (linked, last_cursor) = (state.linked, state.last_cursor.filter(|_| state.linked));
    let count = state.pins.len().max(1) as f32;
    let width = (ui.available_width() / count - style::SPACE_S).clamp(130.0, 320.0);
    ScrollArea::horizontal().auto_shrink(false).show(ui, |ui| {
        let lines =
            2.0 * ui.text_style_height(&eframe::egui::TextStyle::Small) + 3.0 * ui.spacing().item_spacing.y;
        let height = (ui.available_height() - lines - style::SPACE_M).max(48.0);
        ui.horizontal_top(|ui| {
            for pin in &mut state.pins {
                ui.vertical(|ui| {
                    ui.set_width(width);
                    title(ui, pin, actions);
                    let range = shared.get(&kind(pin.shot.map.view)).copied();
                    let tone = Tone { range: range.unwrap_or(pin.drawn.tone.range), ..pin.drawn.tone };
                    let port = if linked { &mut linked_port } else { &mut pin.port };
                    let name = format!("pin {}", pin.id);
                    let look = &pin.shot.look;
                    let opacity = if look.overlay { look.opacity } else { 1.0 };
                    let gpu_look = Look { tone, opacity, smooth: look.smooth };
                    if pin.shot.map.view == View::Mosaic {
                        let opaque = Look { opacity: 1.0, ..gpu_look };
                        mosaic(ui, &name, pin, opaque, vec2(width, height));
                    } else {
                        let mut view = HeatmapView::new(&name, &pin.drawn.source, gpu_look, port)
                            .size(vec2(width, height))
                            .cursor(last_cursor);
                        if look.overlay {
                            view = view.over(backdrop(&pin.shot.shown, &pin.texture));
                        }
                        let output = view.show(ui);
                        cursor = output.hovered.map(|place| place.at).or(cursor);
                    }
                    let range = format!("{} to {}", format_value(tone.range[0]), format_value(tone.range[1]));
                    let scale = match pin.shot.map.view {
                        View::Pca => "colours".to_string(),
                        View::Mosaic if pin.drawn.ranges.is_some() => "each channel in its own range".into(),
                        _ => range,
                    };
                    let text = format!("{} · {scale}", pin.shot.shown.picture.name);
                    ui.add(Label::new(style::quiet(text).small()).truncate());
                });
            }
        });
    });
    if linked {
        state.port = linked_port;
    }
    state.cursor = cursor;
}

fn title(ui: &mut Ui, pin: &Pin, actions: &mut Vec<Action>) {
    let selection = &pin.shot.map.selection;
    ui.horizontal(|ui| {
        let close = ui.add(Button::new(RichText::new(icons::X).small()).frame_when_inactive(false));
        close.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Unpin {}", pin.id)));
        if close.on_hover_text("Takes this view away.").clicked() {
            actions.push(Action::Unpin(pin.id));
        }
        let text = format!("b {} t {} · {}", selection.block, selection.timestep, pin.shot.map.view);
        ui.add(Label::new(RichText::new(text).small()).truncate()).on_hover_text(format!(
            "{}\n{}",
            pin.shot.title(),
            pin.shot.lines().join("\n")
        ));
    });
}

fn mosaic(ui: &mut Ui, name: &str, pin: &Pin, look: Look, size: Vec2) {
    let (drawn, map) = (&pin.drawn, &pin.shot.map);
    let cell = super::map::cell_side(size.x, size.y, map.grid.channels());
    ui.allocate_ui(size, |ui| {
        ui.set_width(size.x);
        let mut view = MosaicView::new(name, &drawn.source, look, &drawn.order, &map.channel_stats)
            .cell(cell)
            .height(size.y);
        if let Some(ranges) = &drawn.ranges {
            view = view.ranges(ranges);
        }
        view.show(ui);
    });
}

/// Views whose values can be compared share a scale.
fn kind(view: View) -> u8 {
    match view {
        View::Norm => 0,
        View::Similarity { .. } => 1,
        View::Mean | View::Channel(_) => 2,
        View::Pca => 3,
        View::Mosaic => 4,
    }
}

fn shared_ranges(pins: &[Pin]) -> HashMap<u8, [f32; 2]> {
    let mut ranges: HashMap<u8, [f32; 2]> = HashMap::new();
    // A mosaic whose channels have ranges of their own has none to share.
    for pin in pins.iter().filter(|pin| pin.drawn.ranges.is_none()) {
        let [low, high] = pin.drawn.tone.range;
        let range = ranges.entry(kind(pin.shot.map.view)).or_insert([low, high]);
        *range = [range[0].min(low), range[1].max(high)];
    }
    ranges
}
