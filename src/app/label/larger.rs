//! A larger head behind: tried on the labels, and taken where it is better.

use eframe::egui::{ComboBox, ProgressBar, Ui};

use super::act::LabelAction;
use super::state::{LabelState, Open};
use crate::app::heads::duration;
use crate::app::panels::Action;
use crate::app::style;
use crate::heads::HeadKind;
use crate::jobs::JobState;

/// The heads that can be tried.
const KINDS: [HeadKind; 3] = [HeadKind::Attention, HeadKind::DifFormer, HeadKind::DifFeed];

/// Draws it.
pub fn show(ui: &mut Ui, label: &mut LabelState, actions: &mut Vec<Action>) {
    let Some(open) = &mut label.open else { return };
    style::heading(ui, "Larger head");
    ui.horizontal_wrapped(|ui| {
        let kind = open.larger_kind.get_or_insert(KINDS[0]);
        let combo = ComboBox::from_id_salt("larger head").width(96.0).selected_text(kind.name());
        let combo = combo.show_ui(ui, |ui| {
            for other in KINDS {
                ui.selectable_value(kind, other, other.name());
            }
        });
        combo.response.on_hover_text("The head that is tried beside the instant ridge.");
        let kind = *kind;
        let about = "Cross-validates it and the ridge on the labels of now, behind; it suggests only where it is \
                     better beyond chance.";
        let button = ui.add_enabled(open.larger.is_none(), eframe::egui::Button::new("Try"));
        if button.on_hover_text(about).clicked() {
            actions.push(Action::Label(LabelAction::TryLarger(kind)));
        }
    });
    progress(ui, open, actions);
    let Some(report) = &open.now.larger else { return };
    let points = |estimate: &crate::study::statistics::Estimate| {
        let half = 50.0 * (estimate.high - estimate.low);
        format!("{:.1} ± {half:.1}", 100.0 * estimate.value)
    };
    let line = format!(
        "{} {} %, ridge {} %: {} points",
        report.kind,
        points(&report.larger),
        points(&report.ridge),
        points(&report.difference)
    );
    ui.label(style::quiet(line)).on_hover_text(format!(
        "Cross-validated on {} labels, both on the same folds; the difference is paired. It took {}.",
        report.labels,
        duration(report.seconds)
    ));
    let verdict = match (open.now.by_larger, report.is_better) {
        (true, _) => "It suggests now; the ridge follows every label and chooses what comes next.",
        (false, true) => {
            "It was better; labels or classes have changed much since, so that the ridge suggests."
        }
        (false, false) => "Not better beyond chance: the ridge suggests.",
    };
    ui.label(style::quiet(verdict).small());
}

fn progress(ui: &mut Ui, open: &Open, actions: &mut Vec<Action>) {
    let Some((job, how)) = &open.larger else { return };
    ui.horizontal(|ui| {
        if let JobState::Running { done, total, seconds_left, .. } = how
            && *total > 0
        {
            let fill = style::tokens(ui).solid;
            let bar = ProgressBar::new(*done as f32 / *total as f32).desired_height(4.0).fill(fill);
            ui.add(bar.desired_width(72.0));
            if let Some(left) = seconds_left {
                ui.label(style::quiet(format!("{} left", duration(*left))).small());
            }
        } else {
            ui.spinner();
        }
        if ui.button("Cancel").on_hover_text("Stops trying it; the ridge goes on.").clicked() {
            actions.push(Action::CancelJob(*job));
        }
    });
}
