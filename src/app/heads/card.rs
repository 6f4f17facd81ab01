//! The left side: data, and a card for each head to be trained.

use eframe::egui::{Button, Frame, Margin, RichText, ScrollArea, Ui, WidgetInfo};

use super::act::HeadsAction;
use super::data::named;
use super::state::{Card, HeadsState};
use super::{data, settings};
use crate::app::command::Command;
use crate::app::panels::Action;
use crate::app::state::State;
use crate::app::{icons, style};
use crate::error::Result;
use crate::figure::ticks::format_value;
use crate::heads::{Backbone, HeadKind};
use crate::study::TrainingPlan;
use crate::study::table::Features;

/// Draws the side.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let backbone = state.network.as_ref().map(|network| Backbone::from(&*network.card));
    let rate = state.gmac_per_second();
    let sweeping = state.sweep.running.is_some();
    let heads = &mut state.heads;
    ScrollArea::vertical().id_salt("heads side").auto_shrink([false, false]).show(ui, |ui| {
        data::show(ui, heads, actions);
        ui.add_space(style::SPACE_M);
        ui.separator();
        ui.horizontal_wrapped(|ui| {
            ui.menu_button(format!("{} Add head", icons::PLUS), |ui| {
                for kind in HeadKind::ALL {
                    if ui.button(kind.name()).on_hover_text(about(kind)).clicked() {
                        actions.push(Action::Heads(HeadsAction::AddCard(kind)));
                    }
                }
            });
            if ui.button("Load…").on_hover_text(Command::LoadHead.tooltip()).clicked() {
                actions.push(Action::Do(Command::LoadHead));
            }
            let many = heads.config.cards.len() > 1;
            let all = ui.add_enabled(many, Button::new("Train all"));
            if all.on_hover_text(Command::TrainAll.tooltip()).clicked() {
                actions.push(Action::Do(Command::TrainAll));
            }
            ui.checkbox(&mut heads.config.controls, "controls").on_hover_text(
                "Also trains ridge and linear on raw pixels and on the same network with random weights: what a head must beat to mean something.",
            );
        });
        if heads.config.cards.is_empty() {
            ui.add_space(style::SPACE_S);
            ui.label(style::quiet("No head yet: add one, then train it on the pictures above."));
        }
        let Some(backbone) = backbone else {
            ui.label(style::quiet("Heads read a network; it is being opened."));
            return;
        };
        let mut cards = std::mem::take(&mut heads.config.cards);
        for card in &mut cards {
            ui.add_space(style::SPACE_S);
            let plan = heads.plan(card, &backbone);
            one(ui, heads, card, &backbone, plan, rate, actions);
        }
        heads.config.cards = cards;
        cache(ui, heads, sweeping, actions);
    });
}

/// Features kept beside the project.
fn cache(ui: &mut Ui, heads: &HeadsState, sweeping: bool, actions: &mut Vec<Action>) {
    let Some(bytes) = heads.cache_bytes.filter(|bytes| *bytes > 0) else { return };
    ui.add_space(style::SPACE_M);
    ui.horizontal(|ui| {
        let text = format!("features kept: {} MB", format_value((bytes as f64 / 1e6) as f32));
        ui.label(style::quiet(text).small()).on_hover_text(
            "Features of the pictures learned from, kept beside the project so that they are computed once.",
        );
        let idle = heads.progress.is_empty() && !sweeping;
        let button = ui.add_enabled(idle, Button::new(RichText::new("Clear").small()));
        let about = "Throws them away; they are computed again when they are needed.";
        if button.on_hover_text(about).on_disabled_hover_text("They are in use.").clicked() {
            actions.push(Action::Heads(HeadsAction::ClearCache));
        }
    });
}

fn one(
    ui: &mut Ui,
    heads: &mut HeadsState,
    card: &mut Card,
    backbone: &Backbone,
    plan: Option<Result<TrainingPlan>>,
    rate: Option<f64>,
    actions: &mut Vec<Action>,
) {
    let tokens = style::tokens(ui);
    let frame = Frame::new()
        .fill(tokens.raised)
        .stroke(tokens.hairline())
        .corner_radius(style::RADIUS)
        .inner_margin(Margin::same(style::SPACE_S as i8));
    let kind = card.training.head.kind;
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            ui.label(RichText::new(kind.name()).strong()).on_hover_text(about(kind));
            ui.with_layout(eframe::egui::Layout::right_to_left(eframe::egui::Align::Center), |ui| {
                let mut small = |ui: &mut Ui, icon: &str, name: &str, action: HeadsAction| {
                    let button = ui.add(Button::new(icon).frame_when_inactive(false)).on_hover_text(name);
                    button.widget_info(|| named(&format!("{name}: {kind}")));
                    if button.clicked() {
                        actions.push(Action::Heads(action));
                    }
                };
                small(ui, icons::X, "Remove head", HeadsAction::RemoveCard(card.id));
                small(ui, icons::COPY, "Duplicate head", HeadsAction::CopyCard(card.id));
                let open = heads.open_card == Some(card.id);
                let word = if open { "Less" } else { "Settings" };
                let button = ui.button(word).on_hover_text("Every setting of this head and its training.");
                button.widget_info(|| named(&format!("{word}: {kind}")));
                if button.clicked() {
                    heads.open_card = (!open).then_some(card.id);
                }
            });
        });
        ui.label(style::quiet(reads(card)).small());
        if heads.open_card == Some(card.id) {
            settings::show(ui, card, backbone, actions);
        }
        let refused = match &plan {
            Some(Err(error)) => Some(error.to_string()),
            Some(Ok(plan)) => plan.features.check().err().map(|error| error.to_string()),
            None => None,
        };
        ui.horizontal(|ui| {
            let ready = refused.is_none() && heads.survey.as_ref().is_some_and(|survey| survey.split.is_ok());
            let text = RichText::new("Train").color(tokens.on_accent);
            let train = ui.add_enabled(ready, Button::new(text).fill(tokens.accent));
            let role = eframe::egui::accesskit::Role::Button;
            train.widget_info(|| WidgetInfo::labeled(role, ready, format!("Train {kind}")));
            if train.on_hover_text("Trains this head on the pictures above, then tests it.").clicked() {
                actions.push(Action::Heads(HeadsAction::Train(card.id)));
            }
            if let Some(Ok(plan)) = &plan {
                let memory = format!("{} MB", format_value(plan.memory_bytes as f32 / 1e6));
                let text = match rate {
                    Some(rate) => format!("about {} · {memory}", duration(plan.seconds(rate))),
                    None => memory,
                };
                ui.label(style::quiet(text)).on_hover_text(
                    "Estimated from the speed of the last forward; features seen before cost nothing.",
                );
            }
        });
        if let Some(why) = refused {
            ui.colored_label(tokens.error, why);
        }
    });
}

/// What a head reads: `b 10, 12 · t 50`.
pub(super) fn reads(card: &Card) -> String {
    reads_of(&card.training)
}

/// What a training's head reads.
pub(super) fn reads_of(training: &crate::study::TrainingConfig) -> String {
    let head = &training.head;
    let list = |numbers: &[usize]| numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    if training.features == Features::RawPixels {
        return "raw pixels".into();
    }
    let mut parts = Vec::new();
    if !head.blocks.is_empty() {
        parts.push(format!("b {}", list(&head.blocks)));
    }
    if !head.second.is_empty() {
        parts.push(format!("b {} fed by {}", list(&head.second), list(&head.feedback)));
    }
    parts.push(format!("t {}", list(&head.timesteps)));
    if training.features == Features::RandomWeights {
        parts.push("random weights".into());
    }
    parts.join(" · ")
}

/// `40 s`, `3 min`, `1.2 h`: coarse, as it is an estimate.
pub(in crate::app) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => "1 s".into(),
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// What a head is, in one sentence.
pub(super) fn about(kind: HeadKind) -> &'static str {
    match kind {
        HeadKind::Linear => "One linear layer over pooled features.",
        HeadKind::Mlp => "Linear layers with ReLU between, over pooled features.",
        HeadKind::Attention => {
            "Attention pooling: a small transformer whose CLS token looks at the places of one block."
        }
        HeadKind::DifFormer => {
            "One transformer over the places of several blocks, shared by several timesteps."
        }
        HeadKind::DifFeed => {
            "Decoder features are fed back to the encoder in a second pass, read by attention pooling."
        }
        HeadKind::Ridge => "Ridge regression in closed form: trained at once.",
        HeadKind::Prototype => "The class whose mean is the most similar: trained at once.",
        HeadKind::Knn => "A vote among the nearest pictures: trained at once.",
    }
}
