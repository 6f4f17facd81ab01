//! Under the table: the answer in words, what test pictures say, and what can be done with the cell in
//! hand.

use eframe::egui::{Grid, Label, RichText, ScrollArea, Ui};

use super::SweepAction;
use super::state::Table;
use crate::app::command::Command;
use crate::app::panels::Action;
use crate::app::state::State;
use crate::app::style;
use crate::study::sweep::{SweepReport, SweepTested};
use crate::study::table::Features;

/// The answer in one sentence, with its uncertainty.
pub fn answer(ui: &mut Ui, report: &SweepReport, shots: usize) {
    let answer = report.answers.iter().find(|answer| answer.shots == shots);
    let Some(answer) = answer else { return };
    ui.add(Label::new(RichText::new(&answer.sentence).strong()).wrap());
    ui.label(style::quiet(format!("default setting: {}", answer.default_source)).small());
    for note in &report.notes {
        ui.add(Label::new(style::quiet(note).small()).wrap());
    }
}

/// The cell in hand, and what can be done with it.
pub fn cell(ui: &mut Ui, state: &State, table: &Table, actions: &mut Vec<Action>) {
    let Some(selection) = state.selection() else { return };
    let at = (selection.block, selection.timestep);
    ui.horizontal_wrapped(|ui| {
        let Some(row) = table.cells.get(&at) else {
            ui.label(style::quiet("Click a cell to choose its block and timestep in every work space."));
            return;
        };
        ui.label(format!("b {} · t {}", at.0, at.1));
        let half = 50.0 * (row.ci_high - row.ci_low);
        ui.label(format!("{:.1} ± {half:.1} %", 100.0 * row.accuracy))
            .on_hover_text("By cross-validation over the pictures learned from, with its 95 % interval.");
        if ui
            .button("Show in Explore")
            .on_hover_text("Shows the maps of this block at this timestep.")
            .clicked()
        {
            actions.push(Action::Do(Command::GoToExplore));
        }
        let about =
            "Adds heads that read this block at this timestep, to be trained, compared and looked into.";
        if ui.button("Use in Heads").on_hover_text(about).clicked() {
            actions.push(Action::Sweep(SweepAction::UseInHeads(table.at.0)));
        }
    });
}

/// What test pictures say of the best cells, the default one, and the controls.
pub fn tested(ui: &mut Ui, report: &SweepReport, shots: usize, actions: &mut Vec<Action>) {
    let rows: Vec<&SweepTested> = report.tested.iter().filter(|row| row.shots == shots).collect();
    let Some(first) = rows.first() else { return };
    style::heading(ui, format!("On {} test pictures", first.n));
    ScrollArea::both().id_salt("tested cells").auto_shrink([false, false]).show(ui, |ui| {
        Grid::new("tested cells").spacing([style::SPACE_M, style::SPACE_XS]).show(ui, |ui| {
            for name in ["", "features", "accuracy (95 %)"] {
                ui.label(style::quiet(name).small());
            }
            ui.end_row();
            for row in rows {
                let what = match row.features {
                    Features::RawPixels => format!("raw pixels, pool {}", row.pool),
                    Features::RandomWeights => {
                        format!("b {} · t {} · pool {}, random weights", row.block, row.timestep, row.pool)
                    }
                    Features::Network => format!("b {} · t {} · pool {}", row.block, row.timestep, row.pool),
                };
                let word = match (row.is_best, row.is_default) {
                    (true, true) => "best, default",
                    (true, false) => "best",
                    (false, true) => "default",
                    (false, false) => "",
                };
                ui.label(word);
                if row.features == Features::Network {
                    if ui.link(what).on_hover_text("Chooses this cell.").clicked() {
                        actions.push(Action::LookAt(row.timestep, (row.block, false)));
                    }
                } else {
                    ui.label(style::quiet(what));
                }
                let half = 50.0 * (row.ci_high - row.ci_low);
                ui.add(style::number(format!("{:.1} ± {half:.1}", 100.0 * row.accuracy)));
                ui.end_row();
            }
        });
    });
}
