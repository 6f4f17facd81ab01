//! Beside the curves of a sweep without labels: the best cell, the default one, and the controls.

use eframe::egui::{Grid, ScrollArea, Ui};

use crate::app::panels::Action;
use crate::app::style;
use crate::figure::ticks::thousands;
use crate::study::sweep::{SweepReport, SweepRow};
use crate::study::table::Features;

/// Draws them.
pub fn show(ui: &mut Ui, report: &SweepReport, actions: &mut Vec<Action>) {
    let Some(answer) = report.answers.first() else { return };
    let score = report.settings.score;
    let scale = score.scale();
    let is_asked = |row: &&SweepRow| row.cell() == answer.best || row.cell() == answer.default;
    let mut rows: Vec<&SweepRow> =
        report.rows.iter().filter(|row| row.features != Features::Network || is_asked(row)).collect();
    // What was found first, then what it is to be compared with.
    rows.sort_by_key(|row| (row.cell() != answer.best, row.cell() != answer.default, row.features));
    let count = rows.first().map_or(0, |row| row.n);
    style::heading(ui, format!("On {} pictures, without labels", thousands(count as u64)));
    ScrollArea::both().id_salt("measured cells").auto_shrink([false, false]).show(ui, |ui| {
        Grid::new("measured cells").spacing([style::SPACE_M, style::SPACE_XS]).show(ui, |ui| {
            let value = format!("{score} (95 %)");
            for name in ["", "features", &value] {
                ui.label(style::quiet(name).small());
            }
            ui.end_row();
            for row in rows {
                ui.label(match (row.cell() == answer.best, row.cell() == answer.default) {
                    (true, true) => "best, default",
                    (true, false) => "best",
                    (false, true) => "default",
                    (false, false) => "",
                });
                let place = format!("b {} · t {}", row.block, row.timestep);
                match row.features {
                    Features::Network => {
                        let what = format!("{place} · pool {}", row.pool);
                        if ui.link(what).on_hover_text("Chooses this cell.").clicked() {
                            actions.push(Action::LookAt(row.timestep, (row.block, false)));
                        }
                    }
                    Features::RandomWeights => {
                        let label = ui.label(style::quiet(format!("random, {place}")));
                        label.on_hover_text("The same network with random weights.");
                    }
                    Features::RawPixels => {
                        _ = ui.label(style::quiet(format!("raw pixels, pool {}", row.pool)));
                    }
                }
                ui.add(style::number(scale.interval(row.accuracy, row.ci_low, row.ci_high)));
                ui.end_row();
            }
        });
    });
}
