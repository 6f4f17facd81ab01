//! DifFeed: encoder blocks before and after feedback, their difference, and the feedback itself.

use eframe::egui::{Grid, Label, ScrollArea, Ui, vec2};

use super::drawn::Drawings;
use super::maps::small;
use super::state::ShownInside;
use crate::app::current::Drawn;
use crate::app::state::State;
use crate::app::style;
use crate::figure::ticks::format_value;

/// What the columns are, and what they tell.
const COLUMNS: [(&str, &str); 4] = [
    ("before", "The feature of a pass without feedback."),
    ("after", "The feature of the second pass, with the feedback of this block and of those before."),
    ("difference", "After less before."),
    (
        "feedback",
        "What is added at this block: the decoder's feature of the first pass, through the feedback layer.",
    ),
];

/// Draws the table.
pub fn show(ui: &mut Ui, state: &mut State, shown: &ShownInside, drawings: &Drawings) {
    ui.horizontal_wrapped(|ui| {
        let config = &mut state.attention.config;
        ui.label(style::quiet("channels taken together as"));
        ui.selectable_value(&mut config.mean, false, "norm").on_hover_text("L2 norm over the channels.");
        ui.selectable_value(&mut config.mean, true, "mean")
            .on_hover_text("Mean over the channels, with its sign.");
        ui.label(style::quiet("before and after share a scale, difference and feedback another").small());
    });
    ui.add_space(style::SPACE_XS);
    let label = 132.0;
    let side = ((ui.available_width() - label) / 4.0 - style::SPACE_S).clamp(56.0, 150.0);
    ScrollArea::both().id_salt("feedback").auto_shrink([false, false]).show(ui, |ui| {
        Grid::new("feedback").spacing([style::SPACE_S, style::SPACE_S]).show(ui, |ui| {
            ui.label("");
            for (name, about) in COLUMNS {
                ui.label(style::quiet(name).small()).on_hover_text(about);
            }
            ui.end_row();
            for fed in &drawings.fed {
                ui.vertical(|ui| {
                    ui.set_width(label);
                    ui.label(format!("b {} from b {}", fed.block, fed.from));
                    let percent = |share: f32| format!("{} %", format_value((1000.0 * share).round() / 10.0));
                    let line = format!("feedback {}", percent(fed.feedback));
                    ui.add(Label::new(style::quiet(line).small()).extend()).on_hover_text(
                        "The L2 norm of the feedback, as a share of that of the feature before it.",
                    );
                    let line = format!("changed by {}", percent(fed.difference));
                    ui.add(Label::new(style::quiet(line).small()).extend()).on_hover_text(
                        "The L2 norm of the difference, as a share of that of the feature before it.",
                    );
                    scale(ui, "features", fed.drawn.first(), "The scale of before and after.");
                    scale(ui, "changes", fed.drawn.last(), "The scale of difference and feedback.");
                });
                for ((name, _), drawn) in COLUMNS.iter().zip(&fed.drawn) {
                    let name = format!("b {} {name}", fed.block);
                    small(ui, state, shown, &name, drawn, vec2(side, side), false);
                }
                ui.end_row();
            }
        });
    });
}

/// Between which values the colours of `drawn` lie.
fn scale(ui: &mut Ui, name: &str, drawn: Option<&Drawn>, about: &str) {
    let Some([low, high]) = drawn.map(|drawn| drawn.tone.range.map(format_value)) else { return };
    let line = Label::new(style::quiet(format!("{name} {low} to {high}")).small()).extend();
    ui.add(line).on_hover_text(about);
}
