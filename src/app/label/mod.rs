//! The work space of labels: what a picture is, and how sure that is.

mod accept;
mod act;
mod classes;
mod follow;
mod grid;
mod groups;
mod keep;
mod keys;
mod larger;
mod pictures;
mod row;
mod side;
mod single;
mod state;
mod top;

use eframe::egui::{CentralPanel, Frame, Margin, Panel, ScrollArea, Ui};

use super::panels::Action;
use super::state::State;
use super::style;
use super::widgets::states;
use crate::jobs::JobState;
use state::Mode;

pub use act::LabelAction;
pub(in crate::app) use keys::class_keys;
pub use state::LabelState;

/// Width of the right side at first, in points.
const SIDE: f32 = 268.0;

/// Draws the work space.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let frame =
        |ui: &Ui| Frame::new().fill(ui.visuals().panel_fill).inner_margin(Margin::same(style::SPACE_S as i8));
    if state.label.open.is_none() {
        CentralPanel::default().frame(frame(ui)).show(ui, |ui| closed(ui, state, actions));
        return;
    }
    let side = Panel::right("label side").default_size(SIDE).size_range(208.0..=440.0);
    side.frame(frame(ui)).show(ui, |ui| {
        ui.set_min_size(ui.available_size());
        ScrollArea::vertical().id_salt("label side").auto_shrink([false, false]).show(ui, |ui| {
            classes::show(ui, state, actions);
            ui.add_space(style::SPACE_M);
            side::show(ui, state, actions);
        });
    });
    Panel::top("label top").frame(frame(ui)).show(ui, |ui| top::show(ui, state, actions));
    let mode = state.label.open.as_ref().map(|open| open.view.mode).unwrap_or_default();
    if mode == Mode::Single {
        let strip = Panel::bottom("label strip").frame(frame(ui)).exact_size(single::STRIP);
        strip.show(ui, |ui| single::strip(ui, state, actions));
    }
    keep::plan_window(ui.ctx(), &mut state.label, actions);
    CentralPanel::default().frame(frame(ui)).show(ui, |ui| match mode {
        Mode::Single => single::show(ui, state, actions),
        Mode::Grid => grid::show(ui, state, actions),
        Mode::Groups => groups::show(ui, state, actions),
        Mode::Accept => accept::show(ui, state, actions),
    });
}

/// Without a session: opening, failed, or nothing yet.
fn closed(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let label = &state.label;
    if let Some((job, how)) = &label.opening {
        let (done, progress) = match how {
            JobState::Running { done, total, .. } if *total > 0 => {
                (Some(*done as f32 / *total as f32), Some(format!("{done} of {total} pictures")))
            }
            _ => (None, None),
        };
        let work = states::Working {
            what: "Reading the pictures",
            done,
            progress: progress.as_deref(),
            left: None,
            can_cancel: true,
        };
        if states::working(ui, &work) {
            actions.push(Action::CancelJob(*job));
        }
        return;
    }
    if let Some(error) = &label.error {
        let again =
            states::failed(ui, "These pictures cannot be labelled", &error.to_string(), Some("Open folder…"));
        if again {
            actions.push(Action::Label(LabelAction::ChooseFolder));
        }
        return;
    }
    if state.heads.project.is_none() {
        states::working(ui, &states::Working { what: "Opening the project", ..Default::default() });
        return;
    }
    let sentence = "Open a folder of pictures and label them in minutes: by key, with suggestions that learn from \
                    every label. Or drop the folder here.";
    if states::empty(ui, sentence, "Open folder…") {
        actions.push(Action::Label(LabelAction::ChooseFolder));
    }
    ui.vertical_centered(|ui| {
        let about = "Opens pictures of clothes that come with the program.";
        if ui.link("Try it on bundled pictures").on_hover_text(about).clicked() {
            actions.push(Action::Label(LabelAction::Open("bundled:fashion/test".into())));
        }
    });
}
