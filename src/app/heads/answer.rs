//! What the chosen heads say of the picture in hand.

use eframe::egui::{Align2, Rect, ScrollArea, Sense, TextStyle, Ui, pos2, vec2};

use super::state::HeadsState;
use crate::app::state::State;
use crate::app::style;
use crate::app::widgets::states;
use crate::jobs::HeadAnswer;

/// Width of a list of probabilities, in points.
const WIDTH: f32 = 260.0;
/// Height of a line of it.
const LINE: f32 = 20.0;
/// Classes shown of each head.
const MOST: usize = 10;

/// Draws picture and answers.
pub fn show(ui: &mut Ui, state: &State) {
    let heads = state.heads.heads_to_ask();
    if heads.is_empty() {
        ui.label(style::quiet(
            "The runs chosen have no head that can be asked: choose one that is trained on the network.",
        ));
        return;
    }
    let Some(picture) = &state.current.picture else {
        ui.label(style::quiet("Drop a picture on the window, or open one, to ask about it."));
        return;
    };
    ui.horizontal_top(|ui| {
        ui.vertical(|ui| {
            let name = state.library.current().map_or("", |entry| entry.name.as_str());
            style::heading(ui, name);
            let side = (ui.available_height() - LINE - style::SPACE_S).clamp(64.0, 220.0);
            let size = picture.value.texture.size_vec2();
            let scale = (side / size.x).min(side / size.y);
            ui.image((picture.value.texture.id(), size * scale));
            ui.label(style::quiet("left and right: other pictures; drop one to ask about it").small());
            if let Some(far) = &picture.value.shown.far {
                ui.colored_label(style::tokens(ui).warning, far);
            }
        });
        ui.add_space(style::SPACE_L);
        if let Some(error) = &state.current.failed {
            states::failed(ui, "The heads cannot be asked", &error.to_string(), None);
            return;
        }
        ScrollArea::both().id_salt("answers").auto_shrink([false, false]).show(ui, |ui| {
            ui.horizontal_top(|ui| {
                for head in heads {
                    let run = state.heads.runs.iter().find(|run| run.head.as_ref() == Some(&head));
                    ui.vertical(|ui| {
                        ui.set_width(WIDTH);
                        style::heading(ui, run.map_or("", |run| run.name.as_str()));
                        match state.heads.answers.iter().find(|answer| answer.head == head) {
                            Some(answer) => said(ui, state, answer),
                            None => _ = ui.spinner(),
                        }
                    });
                    ui.add_space(style::SPACE_L);
                }
            });
        });
    });
}

fn said(ui: &mut Ui, state: &State, answer: &HeadAnswer) {
    match &answer.said {
        Ok(said) => probabilities(ui, &state.heads, &said.classes, &said.probabilities, WIDTH),
        Err(error) => _ = ui.colored_label(style::tokens(ui).error, error.to_string()),
    }
}

/// The most probable classes as bars.
pub(in crate::app) fn probabilities(
    ui: &mut Ui,
    heads: &HeadsState,
    classes: &[String],
    probabilities: &[f32],
    width: f32,
) {
    let mut order: Vec<usize> = (0..classes.len().min(probabilities.len())).collect();
    order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
    let tokens = style::tokens(ui);
    let font = TextStyle::Body.resolve(ui.style());
    for &class in order.iter().take(MOST) {
        let (share, name) = (probabilities[class], &classes[class]);
        let (rect, response) = ui.allocate_exact_size(vec2(width, LINE), Sense::hover());
        let bar = Rect::from_min_size(
            pos2(rect.left(), rect.top() + 2.0),
            vec2((width * share).max(1.0), LINE - 4.0),
        );
        let fill = style::blend(tokens.surface, heads.class_colour(name, class), 0.55);
        ui.painter().rect_filled(bar, 2, fill);
        let left = pos2(rect.left() + style::SPACE_XS, rect.center().y);
        ui.painter().text(left, Align2::LEFT_CENTER, name, font.clone(), tokens.text);
        let text = format!("{:.1} %", 100.0 * share);
        ui.painter().text(rect.right_center(), Align2::RIGHT_CENTER, &text, font.clone(), tokens.text);
        let spoken = format!("{name} {text}");
        response.widget_info(|| {
            eframe::egui::WidgetInfo::labeled(eframe::egui::accesskit::Role::Label, true, &spoken)
        });
    }
}
