//! The work space of heads: labelled pictures and heads to train on the left, what they came to on the
//! right.

mod act;
mod answer;
mod card;
mod chosen;
mod curves;
mod data;
mod detail;
mod follow;
mod load;
mod settings;
mod state;
mod table;

use eframe::egui::{CentralPanel, Frame, Margin, Panel, Ui};

use super::panels::Action;
use super::state::State;
use super::style;

pub use act::HeadsAction;
pub(in crate::app) use answer::probabilities;
pub(in crate::app) use card::duration;
pub(in crate::app) use data::{facts as data_facts, place as data_place};
pub(in crate::app) use state::{Card, training_of};
pub use state::{HeadsConfig, HeadsState, Tab};

/// Width of the left side at first, in points.
const SIDE: f32 = 348.0;
/// Height of the detail at first, in points.
const DETAIL: f32 = 330.0;

/// Draws the work space.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let frame =
        |ui: &Ui| Frame::new().fill(ui.visuals().panel_fill).inner_margin(Margin::same(style::SPACE_M as i8));
    let side = Panel::left("heads to train").default_size(SIDE).size_range(260.0..=560.0).frame(frame(ui));
    side.show(ui, |ui| card::show(ui, state, actions));
    let detail = Panel::bottom("detail of runs").resizable(true).default_size(DETAIL).min_size(140.0);
    detail.frame(frame(ui)).show(ui, |ui| detail::show(ui, state, actions));
    CentralPanel::default().frame(frame(ui)).show(ui, |ui| table::show(ui, state, actions));
}
