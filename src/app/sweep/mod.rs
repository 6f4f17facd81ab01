//! The work space of sweeps: which blocks and timesteps tell the classes apart, or how features lie without
//! labels.

mod below;
mod detail;
mod follow;
mod lines;
mod measured;
mod setup;
mod similarity;
mod state;
mod table;

use eframe::egui::{CentralPanel, Frame, Label, Margin, Panel, ScrollArea, Ui, vec2};

use super::panels::Action;
use super::state::State;
use super::style;
use super::widgets::colour_bar::{ColourBar, Spread};
use super::widgets::states;
use crate::grid::Grid;
use similarity::{Page, SimilarityAction};
use state::Table;

pub use state::{SweepSettings, SweepState};

/// Width of the left side at first, in points.
const SIDE: f32 = 280.0;
/// Height of what is under the table at first, in points.
const DETAIL: f32 = 300.0;
/// Width of the colour bar with its numbers.
const BAR: f32 = 104.0;

/// What the user wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SweepAction {
    /// A sweep with the settings on screen.
    Begin,
    /// A sweep that waits.
    Pause,
    /// A sweep that goes on.
    Resume,
    /// A sweep that ends with what it has.
    End,
    /// A sweep given up.
    Cancel,
    /// A dialog for a folder to write to.
    Export,
    /// The sweep that did not come to its end, once more.
    GoOn,
    /// A sweep taken out of the project.
    Forget,
    /// Heads that read the cell in hand, with this pool.
    UseInHeads(usize),
    /// A score that needs no labels.
    WithoutLabels,
    /// On the page of similarities.
    Similarity(SimilarityAction),
    /// A look into the cell in hand, once more.
    LookInto,
    /// The look on its way, stopped.
    StopLooking,
    /// A dialog for a folder to write the look into the cell in hand to.
    ExportCell,
}

/// Draws the work space.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    similarity::pages(ui, &mut state.sweep.settings.page);
    if state.sweep.settings.page == Page::Similarity {
        return similarity::show(ui, state, actions);
    }
    let frame =
        |ui: &Ui| Frame::new().fill(ui.visuals().panel_fill).inner_margin(Margin::same(style::SPACE_M as i8));
    let table = state.sweep.table();
    let side = Panel::left("sweep settings").default_size(SIDE).size_range(220.0..=480.0).frame(frame(ui));
    side.show(ui, |ui| {
        ui.set_min_size(ui.available_size());
        ScrollArea::vertical().id_salt("sweep settings").auto_shrink([false, false]).show(ui, |ui| {
            setup::show(ui, state, table.as_ref(), actions);
        });
    });
    let Some(table) = table else {
        CentralPanel::default().frame(frame(ui)).show(ui, |ui| empty(ui, state, actions));
        return;
    };
    // In a low window the table keeps half of it.
    let most = (ui.available_height() * 0.5).max(120.0);
    let detail = Panel::bottom("sweep detail").resizable(true).default_size(DETAIL.min(most));
    let detail = detail.size_range(120.0..=most);
    detail.frame(frame(ui)).show(ui, |ui| {
        ui.set_min_size(ui.available_size());
        below::show(ui, state, &table, actions);
    });
    CentralPanel::default().frame(frame(ui)).show(ui, |ui| {
        if let Some(report) = state.sweep.report() {
            detail::answer(ui, report, table.at.1);
            ui.add_space(style::SPACE_S);
        }
        ScrollArea::both().id_salt("sweep table").auto_shrink([false, false]).show(ui, |ui| {
            ui.horizontal_top(|ui| {
                let size = vec2(ui.available_width() - BAR, ui.available_height() - style::SPACE_S);
                table::show(ui, state, &table, size, actions);
                bar(ui, &table);
            });
        });
    });
}

/// What the numbers are.
fn unit(table: &Table) -> String {
    let scale = table.scale();
    let unit = if table.other.is_empty() { scale.unit() } else { scale.points() }.trim();
    match (unit, scale.lower_is_better) {
        ("", true) => format!("{}, lower is better", table.score),
        ("", false) => table.score.to_string(),
        (unit, _) => unit.to_string(),
    }
}

/// The colour bar: the better end above.
fn bar(ui: &mut Ui, table: &Table) {
    let values: Vec<f32> = table.cells.keys().filter_map(|at| table.value(*at)).collect();
    let Ok(grid) = Grid::new(1, 1, values.len(), values) else { return };
    let tone = table::tone(table);
    ui.vertical(|ui| {
        ui.label(style::quiet(unit(table)).small());
        let height = (ui.available_height() - 24.0).clamp(80.0, 260.0);
        ColourBar::new("sweep colour bar", tone, &Spread::of(&grid, tone.range)).height(height).show(ui);
    });
}

fn empty(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    if state.sweep.running.is_some() || state.sweep.begun {
        states::working(ui, &states::Working { what: "Computing the first features", ..Default::default() });
        return;
    }
    let needs_labels = state.sweep.settings.config.score.needs_labels();
    let ready = state.network.is_some() && state.heads.survey.is_some();
    if !ready {
        let what = if needs_labels { "labelled pictures" } else { "pictures" };
        ui.centered_and_justified(|ui| {
            ui.add(Label::new(style::quiet(format!("Choose {what} at the left."))).wrap())
        });
        return;
    }
    if needs_labels && state.heads.survey.as_ref().is_some_and(|survey| survey.classes.len() < 2) {
        let sentence = "These pictures have no classes to tell apart: choose labelled ones at the left, or score \
                        blocks by how pictures lie among themselves.";
        if states::empty(ui, sentence, "Score without labels") {
            actions.push(Action::Sweep(SweepAction::WithoutLabels));
        }
        return;
    }
    if let Some(record) = &state.sweep.interrupted {
        let cells = record.rows.len();
        let sentence = format!("A sweep was stopped with {cells} cells scored; it goes on where it was.");
        if states::empty(ui, &sentence, "Go on with the sweep") {
            actions.push(Action::Sweep(SweepAction::GoOn));
        }
        return;
    }
    let sentence = match needs_labels {
        true => "Which block, which timestep? A sweep scores all of them on your labelled pictures.",
        false => "Which block, which timestep? A sweep scores all of them on your pictures, without labels.",
    };
    if states::empty(ui, sentence, "Sweep all blocks") {
        actions.push(Action::Sweep(SweepAction::Begin));
    }
}
