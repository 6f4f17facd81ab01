//! What of the map is shown, and how.

use eframe::egui::{ComboBox, Frame, Panel, ScrollArea, Slider, Ui};

use super::{Action, command_button, command_menu};
use crate::app::command::Command;
use crate::app::state::State;
use crate::app::style;
use crate::app::widgets::number;
use crate::colormap::{ColorMap, RangeChoice};
use crate::features::view::{ChannelOrder, View};
use crate::jobs::{LookConfig, SheetKind};

/// Draws the panel.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    Panel::bottom("keep")
        .frame(Frame::NONE)
        .show_separator_line(false)
        .show(ui, |ui| keep(ui, state, actions));
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        views(ui, state, actions);
        of_the_view(ui, state, actions);
        ui.separator();
        let before = state.config.look.clone();
        colours(ui, state);
        if state.config.look != before {
            actions.push(Action::Redraw);
        }
        ui.separator();
        sheets(ui, state, actions);
    });
}

fn views(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let view = state.config.view;
    let choices = [
        ("mosaic", Command::ViewMosaic, view == View::Mosaic),
        ("channel", Command::ViewChannel, matches!(view, View::Channel(_))),
        ("mean", Command::ViewMean, view == View::Mean),
        ("norm", Command::ViewNorm, view == View::Norm),
        ("PCA", Command::ViewPca, view == View::Pca),
        ("similarity", Command::ViewSimilarity, matches!(view, View::Similarity { .. })),
    ];
    ui.horizontal_wrapped(|ui| {
        for (name, command, chosen) in choices {
            if ui.selectable_label(chosen, name).on_hover_text(command.tooltip()).clicked() {
                actions.push(Action::Do(command));
            }
        }
    });
}

fn of_the_view(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    match state.config.view {
        View::Mosaic => {
            let look = &mut state.config.look;
            let before = look.clone();
            ui.horizontal_wrapped(|ui| {
                let label = ui.label(style::quiet("sort by"));
                ComboBox::from_id_salt("order")
                    .selected_text(look.order.name())
                    .show_ui(ui, |ui| {
                        for order in ChannelOrder::ALL {
                            ui.selectable_value(&mut look.order, order, order.name());
                        }
                    })
                    .response
                    .labelled_by(label.id);
                ui.checkbox(&mut look.shared_channels, "one range").on_hover_text(
                    "One range for all channels: strengths can be compared, weak channels look flat.",
                );
            });
            if *look != before {
                actions.push(Action::Redraw);
            }
        }
        View::Channel(channel) => {
            ui.horizontal(|ui| {
                let label = ui.label(style::quiet("channel"));
                let mut chosen = channel;
                let last = state
                    .current
                    .map
                    .as_ref()
                    .map_or(channel, |held| held.value.map.channel_stats.len().saturating_sub(1));
                if number::add(ui, &mut chosen, |field| field.range(0..=last)).labelled_by(label.id).changed()
                {
                    actions.push(Action::SetView(View::Channel(chosen)));
                }
                ui.label(style::quiet(format!("of {}", last + 1)));
            });
        }
        View::Pca => super::lock::show(ui, state, actions),
        View::Similarity { x, y } => {
            ui.label(style::quiet(format!("to the place ({x}, {y}) of the network's input; click on the map or the picture for another")).small());
        }
        View::Mean | View::Norm => {}
    }
}

fn colours(ui: &mut Ui, state: &mut State) {
    let view = state.config.view;
    let present = state.current.map.as_ref().map_or([-1.0, 1.0], |held| held.value.drawn.tone.range);
    let look = &mut state.config.look;
    if view != View::Pca {
        range(ui, &mut look.range, present);
        ui.horizontal_wrapped(|ui| {
            let label = ui.label(style::quiet("map"));
            ComboBox::from_id_salt("map")
                .selected_text(look.map.name())
                .show_ui(ui, |ui| {
                    for map in ColorMap::ALL {
                        ui.selectable_value(&mut look.map, map, map.name());
                    }
                })
                .response
                .labelled_by(label.id);
            let label = ui.label(style::quiet("gamma"));
            number::add(ui, &mut look.gamma, |field| field.range(0.1..=5.0).speed(0.01).max_decimals(2))
                .labelled_by(label.id)
                .on_hover_text("Below 1 lifts weak values, above 1 leaves only the strongest.");
        });
    }
    ui.horizontal_wrapped(|ui| overlay(ui, look, view == View::Mosaic));
}

fn overlay(ui: &mut Ui, look: &mut LookConfig, is_mosaic: bool) {
    ui.checkbox(&mut look.overlay, "overlay").on_hover_text(Command::ToggleOverlay.tooltip());
    ui.spacing_mut().slider_width = 80.0;
    let enabled = look.overlay;
    let response = number::forgetting(ui, &mut look.opacity, |ui, opacity| {
        let percent = |text: &str| text.trim().trim_end_matches('%').trim().parse::<f64>().ok();
        let slider = Slider::new(opacity, 0.0..=1.0)
            .update_while_editing(false)
            .custom_formatter(|value, _| format!("{:.0} %", value * 100.0))
            .custom_parser(move |text| percent(text).map(|value| value / 100.0));
        ui.add_enabled(enabled, slider)
    });
    let opacity = f64::from(look.opacity);
    response.widget_info(|| eframe::egui::WidgetInfo::slider(enabled, opacity, "opacity"));
    if !is_mosaic || look.overlay {
        ui.checkbox(&mut look.smooth, "smooth").on_hover_text(
            "Interpolate between cells. The network has no values there; flat cells show what it computed.",
        );
    }
}

/// The ways to find a range, by name; a range by hand begins at the present one.
fn range(ui: &mut Ui, range: &mut RangeChoice, present: [f32; 2]) {
    ui.horizontal_wrapped(|ui| {
        let label = ui.label(style::quiet("range"));
        let name = match range {
            RangeChoice::Percentile(..) => "percentiles",
            RangeChoice::Manual(..) => "by hand",
            RangeChoice::Full => "full",
        };
        ComboBox::from_id_salt("range")
            .selected_text(name)
            .show_ui(ui, |ui| {
                if ui.selectable_label(name == "percentiles", "percentiles").clicked() {
                    *range = RangeChoice::default();
                }
                if ui.selectable_label(name == "full", "full").clicked() {
                    *range = RangeChoice::Full;
                }
                if ui.selectable_label(name == "by hand", "by hand").clicked() {
                    *range = RangeChoice::Manual(present[0], present[1].max(present[0] + f32::EPSILON));
                }
            })
            .response
            .labelled_by(label.id);
        match range {
            RangeChoice::Percentile(low, high) => {
                edge(ui, low, "lower percentile", 0.0..=*high - 0.1, 0.1, " %");
                edge(ui, high, "upper percentile", *low + 0.1..=100.0, 0.1, " %");
            }
            RangeChoice::Manual(low, high) => {
                let step = f64::from((*high - *low).abs().max(1e-3)) / 100.0;
                edge(ui, low, "lower end", f32::MIN..=*high - f32::EPSILON, step, "");
                edge(ui, high, "upper end", *low + f32::EPSILON..=f32::MAX, step, "");
            }
            RangeChoice::Full => {}
        }
    });
}

fn edge(
    ui: &mut Ui,
    value: &mut f32,
    name: &str,
    range: std::ops::RangeInclusive<f32>,
    speed: f64,
    unit: &str,
) {
    let response =
        number::add(ui, value, |field| field.range(range).speed(speed).suffix(unit).max_decimals(3));
    let shown = f64::from(*value);
    response.widget_info(|| eframe::egui::WidgetInfo::slider(true, shown, name));
}

fn sheets(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    ui.horizontal_wrapped(|ui| {
        ui.label(style::quiet("contact sheet"));
        for (name, command, kind) in [
            ("over t", Command::ContactSheetSteps, SheetKind::Steps),
            ("over b", Command::ContactSheetBlocks, SheetKind::Blocks),
        ] {
            if ui
                .selectable_label(state.config.sheet == kind, name)
                .on_hover_text(command.tooltip())
                .clicked()
            {
                actions.push(Action::Do(command));
            }
        }
    });
}

fn keep(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let ready = state.current.map.as_ref().is_some_and(|held| !held.stale);
    ui.add_space(style::SPACE_XS);
    ui.horizontal(|ui| {
        command_button(ui, "Pin", Command::PinView, ready, actions);
        let export = [Command::ExportView, Command::ExportViewWithSettings, Command::ExportRawValues];
        command_menu(ui, "Export…", ready, &export, actions);
        let copy = [Command::CopyView, Command::CopyAsCommandLine, Command::CopySettings];
        command_menu(ui, "Copy", ready, &copy, actions);
    });
}
