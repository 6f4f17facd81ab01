//! Over the pictures: how far it is, how good it is, and which pictures are shown.

use eframe::egui::{ComboBox, TextEdit, Ui};

use super::act::LabelAction;
use super::state::{Arrange, Mode, Open};
use crate::app::command::Command;
use crate::app::panels::Action;
use crate::app::state::State;
use crate::app::widgets::number;
use crate::app::{icons, style};
use crate::figure::ticks::thousands;
use crate::study::label::{Order, Shown};
use crate::study::statistics::Estimate;

/// Above this half of an interval, in points, its ends are told.
const LOPSIDED: f64 = 15.0;

/// Draws the lines.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let Some(open) = &mut state.label.open else { return };
    progress(ui, open, actions);
    ui.horizontal_wrapped(|ui| {
        for (mode, text, about) in [
            (Mode::Single, "One", "One picture, large."),
            (Mode::Grid, "Grid", "Many pictures; click, shift-click or draw around them to choose."),
            (Mode::Groups, "Groups", "Pictures that look the same, or whose features are alike."),
            (Mode::Accept, "Accept…", "Suggestions to be accepted at once, above a confidence."),
        ] {
            let tab = ui.selectable_label(open.view.mode == mode, text).on_hover_text(about);
            if tab.clicked() {
                actions.push(Action::Label(LabelAction::SetMode(mode)));
            }
        }
        ui.separator();
        if matches!(open.view.mode, Mode::Single | Mode::Grid) {
            filters(ui, open, actions);
        }
    });
    if let Some((name, pictures)) = &open.only {
        let text = format!("{name}: {} pictures", pictures.len());
        ui.horizontal(|ui| {
            ui.label(text);
            if ui.button("Back to groups").clicked() {
                actions.push(Action::Label(LabelAction::Only(None)));
            }
        });
    }
}

/// `labelled 63 of 1,240 · by chance 81 ± 6 % · about 40 more for 90 %`.
fn progress(ui: &mut Ui, open: &Open, actions: &mut Vec<Action>) {
    let counts = open.session.session().counts();
    let pictures = open.session.opened().pictures.len();
    let audit = &open.now.audit;
    ui.horizontal_wrapped(|ui| {
        let text = format!(
            "labelled {} of {}",
            thousands(counts.labelled() as u64),
            thousands(pictures as u64)
        );
        let [hand, accepted, bulk] = counts.sources;
        ui.label(text).on_hover_text(format!(
            "{hand} by hand, {accepted} accepted, {bulk} at once; {} unsure, {} of none of the classes",
            counts.unsure, counts.outside
        ));
        let skipped = open.session.opened().skipped.len();
        if skipped > 0 {
            let list: Vec<String> = open.session.opened().skipped.iter().take(12).map(|one| {
                format!("{}: {}", one.path.display(), one.why)
            }).collect();
            let text = format!("{} {skipped} unreadable", icons::WARNING);
            ui.colored_label(style::tokens(ui).warning, text).on_hover_text(list.join("\n"));
        }
        ui.label(style::quiet("·"));
        match &audit.audited {
            Some(audited) => {
                let about = format!(
                    "Of {} pictures by chance {} were suggested rightly. If all suggestions were accepted now, \
                     {} % of all labels would be right.",
                    audited.asked,
                    audited.right,
                    share(audited.set)
                );
                ui.label(format!("suggestions {} % right", share(audited.suggestions))).on_hover_text(about);
            }
            None => _ = ui.label(style::quiet("accuracy not asked about yet")).on_hover_text(
                "Pictures by chance say how good suggestions are; those that were chosen to be labelled do not.",
            ),
        }
        if let Some(bias) = &audit.bias {
            ui.colored_label(style::tokens(ui).warning, icons::WARNING).on_hover_text(bias);
        }
        let about = "Asks about a few pictures by chance, without a suggestion; the answers are not learned from.";
        if ui.button("Ask by chance").on_hover_text(about).clicked() {
            actions.push(Action::Do(Command::AskByChance));
        }
        ui.label(style::quiet("·"));
        forecast(ui, open);
    });
}

/// `81 ± 6`; where few were asked, only the ends of the interval, which is lopsided then.
fn share(estimate: Estimate) -> String {
    let [low, value, high] = [estimate.low, estimate.value, estimate.high].map(|share| 100.0 * share);
    let half = (high - low) / 2.0;
    if half > LOPSIDED { format!("{low:.0} to {high:.0}") } else { format!("{value:.0} ± {half:.0}") }
}

fn forecast(ui: &mut Ui, open: &Open) {
    let target = 100.0 * open.session.settings().target;
    let labelled = open.session.session().counts().labelled() as f64;
    match (&open.now.audit.forecast, &open.now.audit.forecast_waits) {
        (Some(needed), _) => {
            let (text, about) = match needed.labels {
                Some(labels) if labels <= labelled => {
                    (format!("{target:.0} % reached"), "By the learning curve through the answers.".to_string())
                }
                Some(labels) => (
                    format!("about {} more for {target:.0} %", thousands((labels - labelled).ceil() as u64)),
                    format!(
                        "By the learning curve through the answers about pictures by chance; {}.",
                        match needed.interval {
                            Some([Some(low), Some(high)]) => format!(
                                "{} to {} labels in all",
                                thousands(low.max(0.0) as u64),
                                thousands(high.max(0.0) as u64)
                            ),
                            Some([Some(low), None]) => {
                                format!("at least {} labels in all", thousands(low.max(0.0) as u64))
                            }
                            _ => "how many exactly is open".into(),
                        }
                    ),
                ),
                None => (
                    format!("{target:.0} % is out of reach"),
                    "The learning curve flattens below it: other features or clearer classes would help more \
                     than labels."
                        .into(),
                ),
            };
            ui.label(text).on_hover_text(about);
        }
        (None, Some(waits)) => _ = ui.label(style::quiet("no forecast yet")).on_hover_text(waits),
        (None, None) => {}
    }
}

fn filters(ui: &mut Ui, open: &mut Open, actions: &mut Vec<Action>) {
    let arranged = Arrange::ALL.iter().find(|(arrange, _)| *arrange == open.view.arrange);
    let label = ui.label(style::quiet("first"));
    let combo =
        ComboBox::from_id_salt("arrange").width(120.0).selected_text(arranged.map_or("", |(_, name)| name));
    let combo = combo.show_ui(ui, |ui| {
        for (arrange, name) in Arrange::ALL {
            ui.selectable_value(&mut open.view.arrange, arrange, name);
        }
    });
    combo.response.labelled_by(label.id);
    if open.view.arrange == Arrange::Next {
        let order = open.session.settings().order;
        let combo = ComboBox::from_id_salt("order").width(110.0).selected_text(order.name());
        let shown = combo.show_ui(ui, |ui| {
            for other in Order::ALL {
                let item = ui.selectable_label(order == other, other.name()).on_hover_text(other.about());
                if item.clicked() {
                    actions.push(Action::Label(LabelAction::SetOrder(other)));
                }
            }
        });
        shown.response.on_hover_text(order.about());
        if order == Order::Class {
            class_next(ui, open, actions);
        }
    }
    let label = ui.label(style::quiet("show"));
    let classes: Vec<(usize, String)> = open
        .session
        .session()
        .class_list()
        .live()
        .map(|(number, class)| (number, class.name.clone()))
        .collect();
    let name_of =
        |class: usize| classes.iter().find(|(number, _)| *number == class).map_or("", |(_, name)| name);
    let text = match open.filter.shown {
        Shown::All => "all",
        Shown::Blank => "unlabelled",
        Shown::Labelled => "labelled",
        Shown::Class(class) => name_of(class),
        Shown::Unsure => "unsure",
        Shown::Outside => "none of these",
    };
    let combo = ComboBox::from_id_salt("shown").width(96.0).selected_text(text);
    let combo = combo.show_ui(ui, |ui| {
        let shown = &mut open.filter.shown;
        for (value, name) in
            [(Shown::All, "all"), (Shown::Blank, "unlabelled"), (Shown::Labelled, "labelled")]
        {
            ui.selectable_value(shown, value, name);
        }
        for (class, name) in &classes {
            ui.selectable_value(shown, Shown::Class(*class), name);
        }
        ui.selectable_value(shown, Shown::Unsure, "unsure");
        ui.selectable_value(shown, Shown::Outside, "none of these");
    });
    combo.response.labelled_by(label.id);
    let text = open.filter.suggested.map_or("any suggestion", name_of);
    let combo = ComboBox::from_id_salt("suggested").width(110.0).selected_text(text);
    let combo = combo.show_ui(ui, |ui| {
        ui.selectable_value(&mut open.filter.suggested, None, "any suggestion");
        for (class, name) in &classes {
            ui.selectable_value(&mut open.filter.suggested, Some(*class), name);
        }
    });
    combo.response.on_hover_text("Only pictures of which this class is suggested.");
    confidence(ui, open);
    let field = TextEdit::singleline(&mut open.filter.name).hint_text("name").desired_width(90.0);
    ui.add(field).on_hover_text("Only pictures whose name has this in it.");
    let about = "Sorts the pictures by what is known now, those seen before too.";
    let button = ui.button(icons::ARROWS_CLOCKWISE).on_hover_text(about);
    button.widget_info(|| {
        eframe::egui::WidgetInfo::labeled(eframe::egui::accesskit::Role::Button, true, "Sort anew")
    });
    if button.clicked() {
        actions.push(Action::Label(LabelAction::SortAnew));
    }
    ui.label(style::quiet(thousands(open.row.pictures().len() as u64)).small())
        .on_hover_text("Pictures shown.");
}

/// The class that is asked for first.
fn class_next(ui: &mut Ui, open: &Open, actions: &mut Vec<Action>) {
    let held = open.session.settings().class;
    let text = held.map_or("choose a class", |class| open.class(class).0);
    ComboBox::from_id_salt("class next").width(96.0).selected_text(text).show_ui(ui, |ui| {
        for (number, class) in open.session.session().class_list().live() {
            if ui.selectable_label(held == Some(number), &class.name).clicked() {
                actions.push(Action::Label(LabelAction::ClassNext(number)));
            }
        }
    });
}

fn confidence(ui: &mut Ui, open: &mut Open) {
    let [mut low, mut high] =
        open.filter.confidence.unwrap_or([0.0, 1.0]).map(|end| (100.0 * end).round() as u32);
    let before = [low, high];
    let about = "Only pictures whose suggestion has a confidence between these.";
    number::add(ui, &mut low, |field| field.range(0..=before[1]).suffix(" %")).on_hover_text(about);
    ui.label(style::quiet("to"));
    number::add(ui, &mut high, |field| field.range(before[0]..=100).suffix(" %")).on_hover_text(about);
    if [low, high] != before {
        let ends = [low, high].map(|end| end as f32 / 100.0);
        open.filter.confidence = (ends != [0.0, 1.0]).then_some(ends);
    }
}
