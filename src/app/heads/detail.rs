//! Below the table: one look at the runs chosen, at a time.

use eframe::egui::{ScrollArea, Ui};

use super::state::Tab;
use super::{answer, chosen, curves};
use crate::app::panels::Action;
use crate::app::state::State;
use crate::app::style;

/// Draws tabs and what the one in hand shows.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    // A panel shrinks to what is in it.
    ui.set_min_height(ui.available_height());
    ui.horizontal_wrapped(|ui| {
        for tab in Tab::ALL {
            let held = state.heads.config.tab == tab;
            if ui.selectable_label(held, tab.title()).on_hover_text(tab.about()).clicked() {
                state.heads.config.tab = tab;
            }
        }
    });
    ui.add_space(style::SPACE_XS);
    if state.heads.runs.is_empty() {
        ui.label(style::quiet("Curves, confusion and errors of a run stand here once there is one."));
        return;
    }
    let tab = state.heads.config.tab;
    if tab != Tab::Cost && state.heads.chosen().is_empty() {
        ui.label(style::quiet("Choose a run above: click its row, or tick several."));
        return;
    }
    match tab {
        Tab::Curves => curves::learning(ui, &state.heads),
        Tab::Cost => curves::cost(ui, &state.heads),
        Tab::Reliability => curves::reliability(ui, &state.heads),
        Tab::Difference => chosen::difference(ui, state, actions),
        Tab::Answer => answer::show(ui, state),
        Tab::Confusion | Tab::Classes | Tab::Errors => {
            ScrollArea::both().id_salt("detail").auto_shrink([false, false]).show(ui, |ui| match tab {
                Tab::Confusion => chosen::confusion(ui, state, actions),
                Tab::Classes => chosen::classes(ui, &state.heads),
                _ => chosen::errors(ui, state, actions),
            });
        }
    }
}

/// What is said where a run was not tested.
pub(super) fn untested(ui: &mut Ui, name: &str) {
    style::heading(ui, name);
    ui.label(style::quiet("not tested yet"));
}
