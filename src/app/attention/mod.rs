//! The work space of attention: where a trained head looks, and what feedback changes.

mod drawn;
mod feedback;
mod follow;
mod maps;
mod side;
mod state;
mod top;

use eframe::egui::{CentralPanel, Frame, Margin, Panel, Ui};

use super::heads::HeadsAction;
use super::panels::{self, Action};
use super::state::State;
use super::style;
use super::widgets::states;
use crate::heads::HeadKind;

pub(in crate::app) use follow::KEY;
pub use state::AttentionState;

/// Width of the library at first, in points.
const LIBRARY: f32 = 184.0;
/// Width of the right side at first, in points.
const SIDE: f32 = 288.0;

/// Draws the work space.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let frame =
        |ui: &Ui| Frame::new().fill(ui.visuals().panel_fill).inner_margin(Margin::same(style::SPACE_S as i8));
    let library = Panel::left("attention library").default_size(LIBRARY).size_range(96.0..=420.0);
    library.frame(frame(ui)).show(ui, |ui| {
        ui.set_min_height(ui.available_height());
        panels::show(ui, super::layout::Pane::Library, state, actions);
    });
    if state.heads.looked_into().is_none() {
        CentralPanel::default().frame(frame(ui)).show(ui, |ui| empty(ui, state, actions));
        return;
    }
    let side = Panel::right("attention side").default_size(SIDE).size_range(200.0..=480.0);
    side.frame(frame(ui)).show(ui, |ui| {
        ui.set_min_size(ui.available_size());
        side::show(ui, state, actions);
    });
    Panel::top("attention head").frame(frame(ui)).show(ui, |ui| top::show(ui, state, actions));
    CentralPanel::default().frame(frame(ui)).show(ui, |ui| maps::show(ui, state, actions));
}

fn empty(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    if state.heads.project.is_none() || state.network.is_none() {
        states::working(ui, &states::Working { what: "Opening the project", ..Default::default() });
        return;
    }
    let data = state.heads.config.survey.data.display();
    let sentence = format!(
        "Where a head looks is shown here once one is trained. Any head can be trained in Heads; an \
         attention head on {data} is a good start."
    );
    if states::empty(ui, &sentence, "Train an attention head") {
        actions.push(Action::Heads(HeadsAction::TrainNew(HeadKind::Attention)));
    }
}
