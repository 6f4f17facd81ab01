//! One picture, large: what is suggested, why, and what comes next.

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Align2, Rect, RichText, ScrollArea, Sense, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo, pos2, vec2,
};

use super::act::LabelAction;
use super::pictures::{self, colour};
use super::state::Open;
use crate::app::command::Command;
use crate::app::panels::Action;
use crate::app::state::{LibraryState, State};
use crate::app::style;
use crate::app::widgets::states;
use crate::study::label::{Mark, Shown};

/// Height of what comes next.
pub const STRIP: f32 = 104.0;
/// Side of a picture of it.
const NEXT: f32 = 72.0;
/// So many come next at most.
const NEXT_SHOWN: usize = 9;
/// Side of the pictures that a suggestion follows from.
const REASON: f32 = 88.0;
/// So many of them.
const REASONS: usize = 3;
/// Pictures that are decoded ahead.
const AHEAD: usize = 10;
/// Classes shown of a suggestion.
const CLASSES: usize = 4;
/// Height of a class of it.
const LINE: f32 = 20.0;

/// Draws the picture in hand.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let (label, library) = (&mut state.label, &state.library);
    let Some(open) = &mut label.open else { return };
    let asked = open.audit.map(|(picture, _)| picture);
    let Some(picture) = asked.or(open.row.current()) else {
        return nothing(ui, open, actions);
    };
    if asked.is_some() {
        banner(ui, open, actions);
    }
    let why = if asked.is_none() { open.session.why(picture, REASONS) } else { None };
    let examples = why.as_ref().filter(|why| why.picture == picture).map_or(&[][..], |why| &why.examples);
    let mut wanted: Vec<usize> = vec![picture];
    wanted.extend(open.row.ahead().iter().copied().take(AHEAD));
    wanted.extend(open.row.pictures()[..open.row.place()].iter().rev().copied().take(2));
    wanted.extend(examples.iter().map(|example| example.picture));
    let below = if asked.is_some() { 0.0 } else { REASON + 3.0 * LINE };
    let side = (ui.available_height() - below - LINE).max(96.0);
    ui.vertical_centered(|ui| {
        let size = vec2(ui.available_width().min(1.6 * side), side);
        let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
        let drawn = pictures::picture(ui, library, open, (picture, true), rect);
        if asked.is_none() {
            pictures::rim(ui, open, picture, drawn.expand(3.0).intersect(rect));
        }
        let name = &open.session.opened().pictures[picture].name;
        let said = if asked.is_some() { String::new() } else { pictures::words(open, picture) };
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("{name} {said}")));
        let line = if said.is_empty() { name.clone() } else { format!("{name} · {said}") };
        ui.label(style::quiet(line));
    });
    if asked.is_none() {
        ui.horizontal_top(|ui| suggested(ui, open, library, picture, examples, actions));
    }
    actions.push(Action::LabelPictures(wanted, true));
}

/// Over a picture that is asked about by chance.
fn banner(ui: &mut Ui, open: &Open, actions: &mut Vec<Action>) {
    let left = open.audit.map_or(1, |(_, left)| left);
    ui.horizontal_wrapped(|ui| {
        let text = match left {
            1 => "By chance: what is this?".to_string(),
            _ => format!("By chance: what is this? ({left} to go)"),
        };
        ui.label(RichText::new(text).strong());
        ui.label(style::quiet(
            "The answer says how good suggestions are. It is not learned from, and nothing is suggested here.",
        ));
        if ui.button("Not now").on_hover_text("Goes on labelling; nothing is answered.").clicked() {
            actions.push(Action::Label(LabelAction::EndAudit));
        }
    });
}

/// What is suggested, and the labelled pictures that it follows from.
fn suggested(
    ui: &mut Ui,
    open: &Open,
    library: &LibraryState,
    picture: usize,
    examples: &[crate::study::label::Example],
    actions: &mut Vec<Action>,
) {
    let (Some((best, _)), Some(suggestions)) = (open.suggestion(picture), &open.now.suggestions) else {
        ui.label(style::quiet(waits(open, picture)));
        return;
    };
    ui.vertical(|ui| {
        ui.set_width(240.0);
        let live: Vec<usize> = open.session.session().class_list().live().map(|(number, _)| number).collect();
        let all = suggestions.of(picture);
        let share = |class: usize| all.get(class).copied().unwrap_or(0.0);
        let mut order = live;
        order.sort_by(|&a, &b| share(b).total_cmp(&share(a)));
        for &class in order.iter().take(CLASSES) {
            let (name, shade) = open.class(class);
            bar(ui, name, colour(shade), share(class));
        }
        if open.mark_of(picture) == Mark::Blank {
            let text = format!("Accept {}", open.class(best).0);
            if ui.button(text).on_hover_text(Command::AcceptSuggestion.tooltip()).clicked() {
                actions.push(Action::Label(LabelAction::Accept));
            }
        }
        let checked = open.now.check.iter().find(|checked| checked.picture == picture);
        if let Some(checked) = checked.filter(|checked| checked.instead != checked.class) {
            let text = format!("All other labels say {}", open.class(checked.instead).0);
            let about =
                "What the head says of this picture when it has not learned it: maybe its label is wrong.";
            ui.colored_label(style::tokens(ui).warning, text).on_hover_text(about);
        }
    });
    ui.add_space(style::SPACE_M);
    if examples.is_empty() {
        return;
    }
    ui.vertical(|ui| {
        ui.label(style::quiet("because of the labelled pictures that are nearest").small());
        ui.horizontal_top(|ui| {
            for example in examples {
                ui.vertical(|ui| {
                    ui.set_width(REASON);
                    let (rect, response) = ui.allocate_exact_size(vec2(REASON, REASON), Sense::click());
                    pictures::picture(ui, library, open, (example.picture, true), rect);
                    pictures::rim(ui, open, example.picture, rect);
                    let name = &open.session.opened().pictures[example.picture].name;
                    let class = open.class(example.class).0;
                    response
                        .widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("{name} {class}")));
                    response.on_hover_text(format!(
                        "{name}: {class}, {} away",
                        crate::figure::ticks::format_value(example.distance as f32)
                    ));
                    ui.label(RichText::new(class).small());
                });
            }
        });
    });
}

/// Why nothing is suggested.
fn waits(open: &Open, picture: usize) -> String {
    let classes = open.session.session().class_list().live().count();
    if let Some((_, why)) = open.now.failed.iter().find(|(failed, _)| *failed == picture) {
        return format!("Nothing is suggested: {why}");
    }
    if classes < 2 {
        return "Make two classes at the right, and press their keys; suggestions come with the first labels.".into();
    }
    if !open.now.has_features.get(picture).copied().unwrap_or(false) {
        return "The features of this picture are still being computed.".into();
    }
    "Suggestions come with the first labels.".into()
}

/// A class and its probability.
fn bar(ui: &mut Ui, name: &str, shade: eframe::egui::Color32, share: f32) {
    let tokens = style::tokens(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), LINE), Sense::hover());
    let filled = Rect::from_min_size(
        pos2(rect.left(), rect.top() + 2.0),
        vec2((rect.width() * share).max(1.0), LINE - 4.0),
    );
    ui.painter().rect_filled(filled, 2, style::blend(tokens.surface, shade, 0.55));
    let font = TextStyle::Body.resolve(ui.style());
    let left = pos2(rect.left() + style::SPACE_XS, rect.center().y);
    ui.painter().text(left, Align2::LEFT_CENTER, name, font.clone(), tokens.text);
    let text = format!("{:.0} %", 100.0 * share);
    ui.painter().text(rect.right_center(), Align2::RIGHT_CENTER, &text, font, tokens.text);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{name} {text}")));
}

/// What comes next.
pub fn strip(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let (label, library) = (&mut state.label, &state.library);
    let Some(open) = &mut label.open else { return };
    let fits = (ui.available_width() / (NEXT + style::SPACE_S)) as usize;
    let first = open.row.place().saturating_sub(2);
    let shown = first..(first + fits.clamp(3, NEXT_SHOWN + 3)).min(open.row.pictures().len());
    ScrollArea::horizontal().id_salt("label strip").auto_shrink([false, false]).show(ui, |ui| {
        ui.horizontal_top(|ui| {
            // Room for the outline of the first.
            ui.add_space(style::SPACE_XS);
            for place in shown {
                let picture = open.row.pictures()[place];
                let (rect, response) = ui.allocate_exact_size(vec2(NEXT, NEXT), Sense::click());
                pictures::picture(ui, library, open, (picture, true), rect);
                pictures::rim(ui, open, picture, rect);
                let in_hand = place == open.row.place() && open.audit.is_none();
                if in_hand {
                    let stroke = Stroke::new(2.0, style::tokens(ui).accent);
                    let outline = rect.expand(3.0);
                    ui.painter().rect_stroke(outline, style::RADIUS, stroke, StrokeKind::Middle);
                }
                let name = &open.session.opened().pictures[picture].name;
                response.widget_info(|| {
                    WidgetInfo::selected(Role::Button, true, in_hand, format!("Go to {name}"))
                });
                if response.on_hover_text(format!("{name} {}", pictures::words(open, picture))).clicked() {
                    actions.push(Action::Label(LabelAction::GoTo(place)));
                }
            }
        });
    });
}

/// No picture to show.
fn nothing(ui: &mut Ui, open: &Open, actions: &mut Vec<Action>) {
    let counts = open.session.session().counts();
    let everything = open.filter.shown == Shown::Blank && counts.blank == 0;
    let (sentence, button) = match everything {
        true => ("Every picture has a label. Look for mistakes next.", "Check my labels"),
        false => ("No picture is let through by what is chosen above.", "Show all"),
    };
    if states::empty(ui, sentence, button) {
        actions.push(match everything {
            true => Action::Label(LabelAction::SetOrder(crate::study::label::Order::Check)),
            false => Action::Label(LabelAction::ShowAll),
        });
    }
}
