//! The picture in hand and those that the cell holds the most alike.

use eframe::egui::{DragValue, ScrollArea, Ui, vec2};

use super::pictures::{Look, ask_for, rows, small};
use crate::app::panels::Action;
use crate::app::state::State;
use crate::app::style;
use crate::study::cell::LabelFree;

/// Side of the picture in hand.
const LARGE: f32 = 116.0;
/// Room for it and its words.
const LEFT: f32 = 190.0;

/// Draws the picture in hand at the left, its nearest at the right.
pub(super) fn show(ui: &mut Ui, state: &mut State, look: &Look, actions: &mut Vec<Action>) {
    let at = look.chosen.unwrap_or(0);
    let Some(picture) = look.picture(at) else { return };
    ui.horizontal_top(|ui| {
        ui.allocate_ui(vec2(LEFT, ui.available_height()), |ui| {
            ui.vertical(|ui| {
                ui.set_width(LEFT);
                let mut wanted = Vec::new();
                let _ = small(ui, state, look, (at, LARGE), "", &mut wanted);
                ask_for(wanted, actions);
                ui.label(&picture.name);
                let class = look.class(picture.class).unwrap_or("no class");
                let answer = look.answer_of(picture);
                let words = answer.map_or(class.to_string(), |answer| format!("{class} · {answer}"));
                ui.label(style::quiet(words));
                if look.chosen.is_none() {
                    let about =
                        "The picture in hand is none of those learned from; this is the first of them.";
                    ui.label(style::quiet(about).small());
                }
            });
        });
        ui.vertical(|ui| {
            ui.horizontal_wrapped(|ui| {
                let neighbours = &mut state.sweep.settings.below.neighbours;
                ui.label("nearest");
                let field = DragValue::new(neighbours).range(1..=100).update_while_editing(false);
                ui.add(field)
                    .on_hover_text("How many pictures (--neighbours), by the angle of their features.");
                if let Some(share) = picture.same_class {
                    let same = (share * picture.nearest.len() as f64).round();
                    ui.label(format!("{same} of {} of its class", picture.nearest.len()));
                }
                ui.label(style::quiet(order(&look.report.label_free)).small());
            });
            let line = |picture: usize| {
                let class = look.picture(picture).and_then(|picture| look.class(picture.class));
                class.map_or_else(String::new, str::to_string)
            };
            let nearest = picture.nearest.iter();
            let shown: Vec<(usize, String)> = nearest
                .map(|near| {
                    let far = format!("{:.3}", near.distance);
                    let class = line(near.picture);
                    (near.picture, if class.is_empty() { far } else { class })
                })
                .collect();
            ScrollArea::vertical().id_salt("nearest pictures").auto_shrink([false, false]).show(ui, |ui| {
                rows(ui, state, look, &shown, actions);
            });
        });
    });
}

/// What features say of their own order, in one line.
fn order(of: &LabelFree) -> String {
    let mut parts = Vec::new();
    if let (Some(share), Some(chance)) = (of.same_class, of.same_class_by_chance) {
        let (share, chance) = (100.0 * share, 100.0 * chance);
        parts.push(format!("over all pictures {share:.0} % are of the same class, {chance:.0} % by chance"));
    }
    if let Some(silhouette) = of.silhouette {
        parts.push(format!("silhouette of {} clusters {silhouette:.2}", of.clusters));
    }
    if let Some(uniformity) = of.uniformity {
        parts.push(format!("uniformity {uniformity:.2}"));
    }
    parts.join(" · ")
}
