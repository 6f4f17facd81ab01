//! Above the maps: which head, and after how much training.

use eframe::egui::{Button, ComboBox, Ui};

use crate::app::command::Command;
use crate::app::heads::HeadsAction;
use crate::app::panels::{Action, icon_button};
use crate::app::state::State;
use crate::app::{icons, style};
use crate::jobs::RunRecord;
use crate::project::RunStatus;

/// Draws the bar.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let Some(run) = state.heads.looked_into() else { return };
    ui.horizontal_wrapped(|ui| {
        let label = ui.label(style::quiet("head"));
        let combo = ComboBox::from_id_salt("head looked into").selected_text(name_of(run)).truncate();
        let response = combo.show_ui(ui, |ui| {
            for other in state.heads.with_a_head() {
                if ui.selectable_label(other.id == run.id, name_of(other)).clicked() {
                    actions.push(Action::Heads(HeadsAction::ChooseOnly(other.id)));
                }
            }
        });
        response.response.labelled_by(label.id).on_hover_text("The head that is looked into.");
        ui.add_space(style::SPACE_S);
        states(ui, state, run, actions);
    });
}

/// The states kept while the head learned, one step each.
fn states(ui: &mut Ui, state: &State, run: &RunRecord, actions: &mut Vec<Action>) {
    let attention = &state.attention;
    if attention.states.is_empty() {
        return;
    }
    ui.label(style::quiet("after epoch")).on_hover_text(
        "States of the head that were kept while it learned: step through them and watch what it looks at.",
    );
    icon_button(ui, icons::CARET_LEFT, Command::PreviousState, actions);
    let held = attention.epoch(run);
    let mut button = |ui: &mut Ui, text: String, epoch: Option<usize>, about: &str| {
        let response = ui.add(Button::selectable(held == epoch, text)).on_hover_text(about);
        if response.clicked() {
            actions.push(Action::ShowState(epoch));
        }
    };
    for &epoch in &attention.states {
        let about = match epoch {
            0 => "The head as it starts, before it has seen a picture.".to_string(),
            _ => format!("The head after epoch {epoch}."),
        };
        button(ui, epoch.to_string(), Some(epoch), &about);
    }
    if run.status == RunStatus::Done {
        let epoch = run.results.as_ref().and_then(|results| results.epoch);
        let text = epoch.map_or("kept".to_string(), |epoch| format!("kept ({epoch})"));
        button(ui, text, None, "The state that training kept, and that answers.");
    }
    icon_button(ui, icons::CARET_RIGHT, Command::NextState, actions);
    let icon = if attention.playing.is_some() { icons::PAUSE } else { icons::PLAY };
    icon_button(ui, icon, Command::PlayStates, actions);
    if run.status != RunStatus::Done {
        ui.spinner();
        ui.label(style::quiet("learning"));
    }
}

/// `difformer · b 10, 12, 15 · t 10, 50, 150`.
fn name_of(run: &RunRecord) -> String {
    let list = |numbers: &[usize]| numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let head = &run.settings.training.head;
    let blocks: Vec<usize> = head.blocks.iter().chain(&head.second).copied().collect();
    format!("{} · b {} · t {}", run.name, list(&blocks), list(&head.timesteps))
}
