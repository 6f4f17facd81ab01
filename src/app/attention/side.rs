//! At the right: the answer, and how attention is shared over blocks and timesteps.

use eframe::egui::{ComboBox, Grid, Label, ScrollArea, Slider, Ui, Vec2};

use super::drawn::{BlockMap, Drawings};
use super::maps::small;
use super::state::ShownInside;
use crate::app::command::Command;
use crate::app::heads::probabilities;
use crate::app::panels::{Action, command_menu};
use crate::app::state::State;
use crate::app::style;
use crate::colormap::ColorMap;
use crate::figure::ticks::format_value;
use crate::jobs::{SeenInside, block_name};

/// Side of a small map in the table, in points.
const CELL: f32 = 60.0;

/// Draws the side.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let Some(shown) = state.attention.shown.take() else { return };
    ScrollArea::vertical().id_salt("attention side").auto_shrink([false, false]).show(ui, |ui| {
        if let Some(seen) = shown.seen() {
            let width = ui.available_width() - style::SPACE_S;
            style::heading(ui, "Answer");
            if let Some(picture) = &shown.picture {
                let name = picture.shown.picture.name.clone();
                ui.add(Label::new(style::quiet(name).small()).truncate());
                if let Some(far) = &picture.shown.far {
                    ui.colored_label(style::tokens(ui).warning, far);
                }
            }
            probabilities(ui, &state.heads, &seen.classes, &seen.inside.probabilities, width);
            ui.add_space(style::SPACE_M);
            if let Some((_, drawings)) = &shown.drawings {
                evidence_class(ui, state, seen, drawings);
                shares(ui, state, &shown, (seen, drawings), actions);
            }
            look(ui, state, actions);
        }
    });
    state.attention.shown = Some(shown);
}

/// A choice of the class, for linear heads.
fn evidence_class(ui: &mut Ui, state: &mut State, seen: &SeenInside, drawings: &Drawings) {
    let evidence = &seen.inside.evidence;
    if evidence.is_empty() {
        return;
    }
    let name = |class: usize| seen.classes.get(class).cloned().unwrap_or_default();
    ui.horizontal(|ui| {
        let label = ui.label(style::quiet("evidence for"));
        let combo = ComboBox::from_id_salt("evidence class").selected_text(name(drawings.chosen.class));
        let response = combo.show_ui(ui, |ui| {
            let mut listed: Vec<usize> = Vec::new();
            for evidence in evidence {
                if listed.contains(&evidence.class) {
                    continue;
                }
                listed.push(evidence.class);
                let held = evidence.class == drawings.chosen.class;
                if ui.selectable_label(held, name(evidence.class)).clicked() {
                    state.attention.config.class = Some(evidence.class);
                }
            }
        });
        response.response.labelled_by(label.id).on_hover_text("The class that places speak for or against.");
    });
}

/// What every block and timestep gives, as a table of small maps.
fn shares(
    ui: &mut Ui,
    state: &State,
    shown: &ShownInside,
    (seen, drawings): (&SeenInside, &Drawings),
    actions: &mut Vec<Action>,
) {
    if drawings.blocks.is_empty() {
        return;
    }
    let attends = !drawings.layers.is_empty();
    let (title, about) = if attends {
        (
            "Share of attention",
            "How much CLS takes from each block, by timestep; with CLS itself a column is 100 %.",
        )
    } else {
        (
            "Share of the logit",
            "What each block and timestep adds to the logit of the class, above the mean of all classes.",
        )
    };
    style::heading(ui, title).on_hover_text(about);
    let blocks = seen.blocks();
    ScrollArea::horizontal().id_salt("shares").show(ui, |ui| {
        Grid::new("shares").spacing([style::SPACE_S, style::SPACE_XS]).show(ui, |ui| {
            ui.label("");
            for timestep in &seen.config.timesteps {
                ui.label(style::quiet(format!("t {timestep}")).small());
            }
            ui.end_row();
            for block in blocks {
                ui.label(style::quiet(block_name(block)).small());
                for timestep in &seen.config.timesteps {
                    let found = drawings.blocks.iter().find(|m| (m.timestep, m.block) == (*timestep, block));
                    match found {
                        Some(map) => cell(ui, state, shown, (drawings, map, attends), actions),
                        None => _ = ui.label(""),
                    }
                }
                ui.end_row();
            }
            if attends {
                ui.label(style::quiet("CLS itself").small());
                for (_, share) in &drawings.itself {
                    ui.label(style::quiet(percent(*share)).small());
                }
                ui.end_row();
            }
        });
    });
    ui.add_space(style::SPACE_M);
}

fn cell(
    ui: &mut Ui,
    state: &State,
    shown: &ShownInside,
    (drawings, map, attends): (&Drawings, &BlockMap, bool),
    actions: &mut Vec<Action>,
) {
    let chosen = drawings.chosen;
    let held = (map.timestep, map.block) == (chosen.timestep, chosen.block);
    ui.vertical(|ui| {
        let name = format!("t {} {}", map.timestep, block_name(map.block));
        let response = small(ui, state, shown, &name, &map.drawn, Vec2::splat(CELL), held);
        let text = if attends { percent(map.share) } else { format_value(map.share) };
        ui.label(text);
        if response.clicked() {
            actions.push(Action::LookAt(map.timestep, map.block));
        }
    });
}

fn percent(share: f32) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// How maps look.
fn look(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    style::heading(ui, "Maps");
    let mut look = state.config.look.clone();
    ui.horizontal(|ui| {
        let label = ui.label(style::quiet("colours"));
        let combo = ComboBox::from_id_salt("attention map").selected_text(look.map.name());
        let response = combo.show_ui(ui, |ui| {
            for map in ColorMap::ALL {
                ui.selectable_value(&mut look.map, map, map.name());
            }
        });
        response.response.labelled_by(label.id);
    });
    ui.horizontal(|ui| {
        let label = ui.label(style::quiet("opacity"));
        ui.add(Slider::new(&mut look.opacity, 0.0..=1.0).show_value(false)).labelled_by(label.id);
    });
    ui.checkbox(&mut look.smooth, "smooth").on_hover_text("Interpolates between tokens.");
    let config = &mut state.attention.config;
    ui.checkbox(&mut config.own_scale, "own scale for each map")
        .on_hover_text(Command::ToggleOwnScale.tooltip());
    ui.add_space(style::SPACE_S);
    ui.horizontal_wrapped(|ui| {
        let exports = [Command::ExportView, Command::ExportViewWithSettings, Command::ExportRawValues];
        command_menu(ui, "Export…", true, &exports, actions);
        command_menu(ui, "Copy", true, &[Command::CopyView, Command::CopyAsCommandLine], actions);
    });
    if look != state.config.look {
        state.config.look = look;
        actions.push(Action::Redraw);
    }
}
