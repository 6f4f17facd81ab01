//! What is taken for what, the pictures of one square, and scores of the classes.

use eframe::egui::{Grid, RichText, ScrollArea, Sense, Ui, vec2};

use super::pictures::{Look, rows};
use crate::app::panels::Action;
use crate::app::state::State;
use crate::app::style;
use crate::app::widgets::confusion::{self, Confusion};
use crate::study::cell::CellAnswers;
use crate::study::statistics::Estimate;

/// The least side of a square, in points.
const LEAST: f32 = 9.0;
/// Width of the table of scores.
const SCORES: f32 = 300.0;
/// Height of one of its rows at least.
const ROW: f32 = 16.0;

/// Draws all three beside each other.
pub(super) fn show(ui: &mut Ui, state: &mut State, look: &Look, actions: &mut Vec<Action>) {
    let Some(answers) = &look.report.answers else {
        ui.label(style::quiet("The pictures have no classes."));
        return;
    };
    let count = look.report.classes.len().max(1) as f32;
    let above = confusion::room_above(ui, &look.report.classes);
    let side = ((ui.available_height() - above - style::SPACE_S) / count).clamp(LEAST, confusion::SIDE);
    let marked = look.chosen.and_then(|at| look.picture(at)).and_then(|p| Some((p.class?, p.answer?)));
    ui.horizontal_top(|ui| {
        let matrix = Confusion {
            name: "confusion matrix",
            classes: &look.report.classes,
            counts: &answers.confusion,
            held: state.sweep.below.square,
            marked,
            side,
            above,
        };
        let room = confusion::NAMES + count * side;
        ui.allocate_ui(vec2(room.min(ui.available_width() * 0.5), ui.available_height()), |ui| {
            ScrollArea::both().id_salt("confusion of a cell").show(ui, |ui| {
                if let Some(square) = matrix.show(ui) {
                    // A second click lets go.
                    let held = &mut state.sweep.below.square;
                    *held = if *held == Some(square) { None } else { Some(square) };
                }
            });
        });
        ui.add_space(style::SPACE_S);
        let scores = SCORES.min(ui.available_width() * 0.55);
        let between = ui.available_width() - scores - style::SPACE_M;
        ui.allocate_ui(vec2(between, ui.available_height()), |ui| {
            ui.vertical(|ui| {
                ui.set_width(between);
                square(ui, state, look, answers, actions);
            });
        });
        ui.vertical(|ui| table(ui, state, look, answers));
    });
}

/// The pictures of the square in hand; without one, what the cell comes to.
fn square(ui: &mut Ui, state: &mut State, look: &Look, answers: &CellAnswers, actions: &mut Vec<Action>) {
    let Some((label, answer)) = state.sweep.below.square else {
        let Estimate { value, low, high } = answers.first;
        style::heading(ui, format!("{}: {:.1} %", answers.metric, 100.0 * value));
        ui.label(style::quiet(format!(
            "{:.1} to {:.1} % (95 %), one round of cross-validation over {} pictures. Click a square to see its \
             pictures.",
            100.0 * low,
            100.0 * high,
            look.report.pictures.len()
        )));
        return;
    };
    let (Some(of), Some(taken)) = (look.class(Some(label)), look.class(Some(answer))) else { return };
    let pictures = look.report.pictures.iter().enumerate();
    let here = pictures.filter(|(_, p)| (p.class, p.answer) == (Some(label), Some(answer)));
    let sure = |share: Option<f32>| share.map_or(String::new(), |share| format!("{:.0} %", 100.0 * share));
    let mut shown: Vec<(usize, f32, String)> =
        here.map(|(at, p)| (at, p.confidence.unwrap_or(0.0), sure(p.confidence))).collect();
    shown.sort_by(|a, b| b.1.total_cmp(&a.1));
    let shown: Vec<(usize, String)> = shown.into_iter().map(|(at, _, line)| (at, line)).collect();
    let heading = match label == answer {
        true => format!("{of} recognised: {}", shown.len()),
        false => format!("{of} taken for {taken}: {}", shown.len()),
    };
    style::heading(ui, heading);
    ScrollArea::vertical().id_salt("pictures of a square").auto_shrink([false, false]).show(ui, |ui| {
        rows(ui, state, look, &shown, actions);
    });
}

/// Recall, precision and F1 with their intervals.
fn table(ui: &mut Ui, state: &State, look: &Look, answers: &CellAnswers) {
    ScrollArea::both().id_salt("scores of classes").auto_shrink([false, false]).show(ui, |ui| {
        ui.spacing_mut().interact_size.y = ROW;
        Grid::new("scores of classes").striped(true).spacing([style::SPACE_M, 1.0]).show(ui, |ui| {
            let about = [
                ("class", "In the order of the matrix."),
                ("recall %", "The share of its pictures that are recognised, with its 95 % interval."),
                ("precision %", "The share of the pictures taken for it that are of it."),
                ("F1 %", "Their harmonic mean; its interval is from pictures drawn anew."),
            ];
            for (name, about) in about {
                ui.label(style::quiet(name).small()).on_hover_text(about);
            }
            ui.end_row();
            for (class, row) in answers.classes.iter().enumerate() {
                ui.horizontal(|ui| {
                    let (rect, _) = ui.allocate_exact_size(vec2(8.0, 8.0), Sense::hover());
                    ui.painter().rect_filled(rect, 2, look.colour(state, Some(class)));
                    ui.label(RichText::new(&row.class).small());
                });
                for estimate in [row.recall, row.precision, row.f1] {
                    let Some(Estimate { value, low, high }) = estimate else {
                        ui.add(style::number("–"));
                        continue;
                    };
                    let reach = (high - value).max(value - low);
                    let text = format!("{:.0} ± {:.0}", 100.0 * value, 100.0 * reach);
                    ui.add(style::number(text)).on_hover_text(format!(
                        "{:.1} to {:.1} % (95 %)",
                        100.0 * low,
                        100.0 * high
                    ));
                }
                ui.end_row();
            }
        });
    });
}
