//! Under the table: the cell in hand, by tabs.

mod classes;
mod follow;
mod growth;
mod map;
mod neighbours;
mod overview;
mod pictures;
mod state;

use std::sync::Arc;
use std::time::Duration;

use eframe::egui::accesskit::Role;
use eframe::egui::{Label, Ui, WidgetInfo};

use super::SweepAction;
use super::detail;
use super::state::Table;
use crate::app::panels::Action;
use crate::app::state::State;
use crate::app::widgets::states;
use crate::app::{icons, style};
use crate::jobs::JobState;
use crate::study::cell::CellReport;
use pictures::Look;
use state::{Key, Tab, Wanted};

pub use state::{BelowSettings, BelowState};

/// Draws tabs, the cell in hand and what the tab chosen shows of it.
pub fn show(ui: &mut Ui, state: &mut State, table: &Table, actions: &mut Vec<Action>) {
    ui.horizontal_wrapped(|ui| {
        for tab in Tab::ALL {
            let held = state.sweep.settings.below.tab == tab;
            if ui.selectable_label(held, tab.title()).on_hover_text(tab.about()).clicked() {
                state.sweep.settings.below.tab = tab;
            }
        }
        ui.separator();
        detail::cell(ui, state, table, actions);
        if state.sweep.settings.below.tab.needs_look() && state.look_in_hand().is_some() {
            let about = "Writes tables and figure of this cell into a folder.";
            let button = ui.button(icons::EXPORT);
            button.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Export cell…"));
            if button.on_hover_text(about).clicked() {
                actions.push(Action::Sweep(SweepAction::ExportCell));
            }
        }
    });
    ui.add_space(style::SPACE_XS);
    let tab = state.sweep.settings.below.tab;
    if tab == Tab::Lines {
        overview::show(ui, state, table, actions);
        return;
    }
    let Some((key, report)) = seen(ui, state, actions) else { return };
    let links = state.sweep.below.link(&report, state.heads.survey.clone().as_ref());
    let look = Look { chosen: state.picture_of(&report, &links), report, links };
    match tab {
        Tab::Lines => {}
        Tab::Classes => classes::show(ui, state, &look, actions),
        Tab::Neighbours => neighbours::show(ui, state, &look, actions),
        Tab::Map => map::show(ui, state, &look, actions),
        Tab::Growth => growth::show(ui, state, &look, &key, actions),
    }
}

/// What was seen of the cell in hand; until then, says what is waited for.
fn seen(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) -> Option<(Key, Arc<CellReport>)> {
    let key = match state.wanted_look() {
        Wanted::Look(key) => *key,
        Wanted::NoCell => {
            said(ui, "Click a cell of the table to look into it.");
            return None;
        }
        Wanted::OtherNetwork(name) => {
            said(ui, &format!("The sweep was made with {name}; open that network to look into its cells."));
            return None;
        }
    };
    if let Some(report) = state.sweep.below.seen(&key) {
        return Some((key, Arc::clone(report)));
    }
    waiting(ui, state, &key, actions);
    None
}

fn said(ui: &mut Ui, text: &str) {
    ui.centered_and_justified(|ui| ui.add(Label::new(style::quiet(text)).wrap()));
}

/// Says how far the look of `key` is, why it failed, or that it was stopped.
fn waiting(ui: &mut Ui, state: &State, key: &Key, actions: &mut Vec<Action>) {
    let below = &state.sweep.below;
    let name = format!("b {} · t {}", key.config.block, key.config.timestep);
    if let Some((_, error)) = below.error.as_ref().filter(|(held, _)| held == key) {
        let what = format!("{name} cannot be looked into");
        if states::failed(ui, &what, &error.to_string(), Some("Try again")) {
            actions.push(Action::Sweep(SweepAction::LookInto));
        }
        return;
    }
    if below.stopped.as_ref() == Some(key) {
        let sentence =
            "What the cell says of every picture, which it holds alike, and what more would bring.";
        if states::empty(ui, sentence, &format!("Look into {name}")) {
            actions.push(Action::Sweep(SweepAction::LookInto));
        }
        return;
    }
    let looking = format!("Looking into {name}");
    let mut working = states::Working { what: &looking, can_cancel: true, ..Default::default() };
    match below.asked.as_ref().filter(|asked| asked.key == *key).map(|asked| &asked.state) {
        Some(JobState::Running { what, done, total, seconds_left }) => {
            working.done = (*total > 0).then(|| *done as f32 / *total as f32);
            working.progress = Some(what);
            working.left = seconds_left.map(Duration::from_secs_f64);
        }
        Some(JobState::Queued) if state.sweep.running.is_some() => {
            working.progress = Some("after the sweep");
        }
        _ => {}
    }
    if states::working(ui, &working) {
        actions.push(Action::Sweep(SweepAction::StopLooking));
    }
}
