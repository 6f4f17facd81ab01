//! Under the table: the answer in words, what test pictures say, and what can be done with the cell in
//! hand.

use eframe::egui::{Grid, Label, RichText, ScrollArea, Ui};

use super::SweepAction;
use super::state::Table;
use crate::app::command::Command;
use crate::app::label::LabelAction;
use crate::app::panels::Action;
use crate::app::state::State;
use crate::app::style;
use crate::figure::ticks::thousands;
use crate::study::sweep::{SweepReport, SweepTested};
use crate::study::table::Features;

/// The answer in one sentence, with its uncertainty.
pub fn answer(ui: &mut Ui, report: &SweepReport, shots: usize) {
    let answer = report.answers.iter().find(|answer| answer.shots == shots);
    let Some(answer) = answer else { return };
    ui.add(Label::new(RichText::new(&answer.sentence).strong()).wrap());
    let notes = report.notes.iter().map(String::as_str);
    let source = format!("default setting: {}", answer.default_source);
    let lines: Vec<&str> = std::iter::once(source.as_str()).chain(notes).collect();
    ui.add(Label::new(style::quiet(lines.join(" · ")).small()).wrap());
}

/// The cell in hand, and what can be done with it.
pub fn cell(ui: &mut Ui, state: &State, table: &Table, actions: &mut Vec<Action>) {
    let Some(selection) = state.selection() else { return };
    let at = (selection.block, selection.timestep);
    let Some(row) = table.cells.get(&at) else {
        ui.label(style::quiet("Click a cell to choose its block and timestep in every work space."));
        return;
    };
    ui.label(format!("b {} · t {}", at.0, at.1));
    let scale = table.scale();
    let about = match table.score.needs_labels() {
        true => "By cross-validation over the pictures learned from, with its 95 % interval.",
        false => table.score.about(),
    };
    ui.label(scale.interval(row.accuracy, row.ci_low, row.ci_high) + scale.unit()).on_hover_text(about);
    if ui.button("Show in Explore").on_hover_text("Shows the maps of this block at this timestep.").clicked()
    {
        actions.push(Action::Do(Command::GoToExplore));
    }
    let about = "Adds heads that read this block at this timestep, to be trained, compared and looked into.";
    if ui.button("Use in Heads").on_hover_text(about).clicked() {
        actions.push(Action::Sweep(SweepAction::UseInHeads(table.at.0)));
    }
    let about = "Lets suggestions for labels come from this block at this timestep.";
    if ui.button("Use in Label").on_hover_text(about).clicked() {
        actions.push(Action::Label(LabelAction::UseCell(at.0, at.1, table.at.0)));
    }
}

/// What test pictures say of the best cells, the default one, and the controls.
pub fn tested(ui: &mut Ui, report: &SweepReport, shots: usize, actions: &mut Vec<Action>) {
    let mut rows: Vec<&SweepTested> = report.tested.iter().filter(|row| row.shots == shots).collect();
    let Some(first) = rows.first() else { return };
    style::heading(ui, format!("On {} test pictures", thousands(first.n as u64)));
    let best = rows.iter().find(|row| row.is_best).map(|row| (row.block, row.timestep, row.pool));
    // What is asked for first stands first: the best, the default, the controls beside; then the others.
    rows.sort_by(|a, b| {
        let place = |row: &SweepTested| match row.features {
            Features::Network if row.is_best => 0,
            Features::Network if row.is_default => 1,
            Features::RawPixels => 2,
            Features::RandomWeights if best == Some((row.block, row.timestep, row.pool)) => 3,
            Features::Network => 4,
            Features::RandomWeights => 5,
        };
        place(a).cmp(&place(b)).then(b.accuracy.total_cmp(&a.accuracy))
    });
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
                        format!("b {} · t {}, random weights", row.block, row.timestep)
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
