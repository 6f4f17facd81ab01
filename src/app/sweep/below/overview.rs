//! The score along both axes, and what test pictures say.

use eframe::egui::{Ui, vec2};

use super::super::state::Table;
use super::super::{detail, lines, measured};
use crate::app::panels::Action;
use crate::app::state::State;
use crate::app::style;

/// Draws both side by side.
pub(super) fn show(ui: &mut Ui, state: &State, table: &Table, actions: &mut Vec<Action>) {
    let size = ui.available_size() - vec2(0.0, style::SPACE_S);
    let report = state.sweep.report();
    ui.horizontal_top(|ui| {
        let room = if report.is_some() { (size.x * 0.36).min(380.0) } else { 0.0 };
        ui.allocate_ui(vec2(size.x - room - style::SPACE_M, size.y), |ui| {
            ui.set_max_height(size.y);
            lines::show(ui, state, table);
        });
        if let Some(report) = report {
            ui.vertical(|ui| match report.settings.score.needs_labels() {
                true => detail::tested(ui, report, table.at.1, actions),
                false => measured::show(ui, report, actions),
            });
        }
    });
}
