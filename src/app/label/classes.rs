//! The classes: what each is called, its key, its colour and how many pictures it has.

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Align2, Button, ComboBox, Grid, Key, Rect, RichText, Sense, TextEdit, TextStyle, Ui, WidgetInfo, vec2,
};

use super::act::LabelAction;
use super::keys::character_of;
use super::pictures::colour;
use super::state::{LabelState, Open};
use crate::app::command::Command;
use crate::app::panels::{Action, icon_button};
use crate::app::state::State;
use crate::app::{icons, style};
use crate::figure::ticks::thousands;
use crate::project::LabelSource;
use crate::study::label::{LabelClass, Mark};

/// Height of a class.
const LINE: f32 = 26.0;

/// Draws the classes.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let label = &mut state.label;
    ui.horizontal(|ui| {
        style::heading(ui, "Classes");
        let word = if label.edits_classes { "Done" } else { "Edit…" };
        let about = "Renames, merges, colours and orders classes, and gives them keys.";
        if ui.button(word).on_hover_text(about).clicked() {
            label.edits_classes = !label.edits_classes;
        }
        icon_button(ui, icons::ARROW_COUNTER_CLOCKWISE, Command::Undo, actions);
        icon_button(ui, icons::ARROW_CLOCKWISE, Command::Redo, actions);
    });
    let Some(open) = &label.open else { return };
    let live: Vec<(usize, LabelClass)> =
        open.session.session().class_list().live().map(|(number, class)| (number, class.clone())).collect();
    if label.edits_classes {
        edit(ui, open, &live, actions);
    } else {
        for (number, class) in &live {
            chip(ui, open, *number, class, actions);
        }
        others(ui, open, actions);
    }
    new_class(ui, label, actions);
}

/// A class as a button: key, name, count.
fn chip(ui: &mut Ui, open: &Open, number: usize, class: &LabelClass, actions: &mut Vec<Action>) {
    let count = open.session.session().counts().classes.get(number).copied().unwrap_or(0);
    let key = class.key.map_or(String::new(), |key| key.to_string());
    let text = line(ui, &key, colour(class.colour), &class.name, count);
    if text.on_hover_text("Labels the picture in hand, or those chosen.").clicked() {
        let mark = Mark::Class { class: number, source: LabelSource::Hand };
        actions.push(Action::Label(LabelAction::Mark(mark)));
    }
}

/// Pictures that get no class, and those without a mark.
fn others(ui: &mut Ui, open: &Open, actions: &mut Vec<Action>) {
    let counts = open.session.session().counts();
    let quiet = style::tokens(ui).quiet;
    let commands = [
        ("u", "unsure", counts.unsure, Command::MarkUnsure),
        ("n", "none of these", counts.outside, Command::MarkNone),
    ];
    for (key, name, count, command) in commands {
        if line(ui, key, quiet, name, count).on_hover_text(command.tooltip()).clicked() {
            actions.push(Action::Do(command));
        }
    }
}

/// A line that can be pressed: key, colour, name, count.
fn line(
    ui: &mut Ui,
    key: &str,
    shade: eframe::egui::Color32,
    name: &str,
    count: usize,
) -> eframe::egui::Response {
    // The bar of what is scrolled lies over the right edge.
    let width = ui.available_width() - style::SPACE_S;
    let (rect, response) = ui.allocate_exact_size(vec2(width, LINE), Sense::click());
    let spoken = format!("{name}, {count}");
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &spoken));
    let tokens = style::tokens(ui);
    if response.hovered() {
        ui.painter().rect_filled(rect, style::RADIUS, style::blend(tokens.surface, tokens.text, 0.07));
    }
    let inner = rect.shrink2(vec2(style::SPACE_XS, 3.0));
    let badge = Rect::from_min_size(inner.min, vec2(20.0, inner.height()));
    ui.painter().rect_filled(badge, style::RADIUS, shade);
    let dark = style::DARK.on_accent;
    let font = TextStyle::Monospace.resolve(ui.style());
    ui.painter().text(badge.center(), Align2::CENTER_CENTER, key, font.clone(), dark);
    let number = thousands(count as u64);
    ui.painter().text(inner.right_center(), Align2::RIGHT_CENTER, &number, font, tokens.quiet);
    let body = TextStyle::Body.resolve(ui.style());
    let room = inner.width() - 20.0 - style::SPACE_S - 56.0;
    let fits =
        |text: &str| ui.painter().layout_no_wrap(text.into(), body.clone(), tokens.text).size().x <= room;
    let shown = crate::app::widgets::selection_line::elide_middle(name, fits);
    let left = badge.right_center() + vec2(style::SPACE_S, 0.0);
    ui.painter().text(left, Align2::LEFT_CENTER, shown, body.clone(), tokens.text);
    response
}

/// The classes to be changed.
fn edit(ui: &mut Ui, open: &Open, live: &[(usize, LabelClass)], actions: &mut Vec<Action>) {
    let mut act = |action| actions.push(Action::Label(action));
    Grid::new("label classes").num_columns(3).spacing([style::SPACE_XS, style::SPACE_XS]).show(ui, |ui| {
        for (place, (number, class)) in live.iter().enumerate() {
            let mut shade = class.colour;
            if ui.color_edit_button_srgb(&mut shade).changed() {
                act(LabelAction::Recolour(*number, shade));
            }
            if let Some(name) = field(ui, ("label class name", *number), &class.name, 92.0) {
                act(LabelAction::Rename(*number, name));
            }
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 2.0;
                key_field(ui, *number, class, &mut act);
                let small = |ui: &mut Ui, icon: &str, name: String, about: &str, enabled: bool| {
                    let button = Button::new(RichText::new(icon).small()).frame_when_inactive(false);
                    let response = ui.add_enabled(enabled, button);
                    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, &name));
                    response.on_hover_text(about).clicked()
                };
                let name = &class.name;
                if small(ui, icons::ARROW_UP, format!("Move {name} up"), "One place up.", place > 0) {
                    act(LabelAction::Move(*number, place - 1));
                }
                let last = place + 1 == live.len();
                if small(ui, icons::ARROW_DOWN, format!("Move {name} down"), "One place down.", !last) {
                    act(LabelAction::Move(*number, place + 1));
                }
                merge(ui, *number, live, &mut act);
                let count = open.session.session().counts().classes.get(*number).copied().unwrap_or(0);
                let about = match count {
                    0 => "Takes this class away.".to_string(),
                    _ => format!("Takes this class away; its {count} pictures are without a label then."),
                };
                if small(ui, icons::TRASH, format!("Remove {name}"), &about, true) {
                    act(LabelAction::Remove(*number));
                }
            });
            ui.end_row();
        }
    });
}

/// Which key a class has.
fn key_field(ui: &mut Ui, number: usize, class: &LabelClass, act: &mut impl FnMut(LabelAction)) {
    let text = class.key.map_or("–".to_string(), |key| key.to_string());
    let combo = ComboBox::from_id_salt(("label class key", number)).width(32.0).selected_text(text);
    let combo = combo.show_ui(ui, |ui| {
        if ui.selectable_label(class.key.is_none(), "none").clicked() {
            act(LabelAction::SetKey(number, None));
        }
        // Two letters have a meaning of their own here.
        let free = Key::ALL.iter().filter_map(|key| character_of(*key)).filter(|key| !"un".contains(*key));
        for key in free {
            if ui.selectable_label(class.key == Some(key), key.to_string()).clicked() {
                act(LabelAction::SetKey(number, Some(key)));
            }
        }
    });
    combo.response.on_hover_text("The key that gives this class; it is taken from the class that had it.");
}

fn merge(ui: &mut Ui, number: usize, live: &[(usize, LabelClass)], act: &mut impl FnMut(LabelAction)) {
    let button = Button::new(RichText::new(icons::INTERSECT).small()).frame_when_inactive(false);
    let menu = ui.add_enabled_ui(live.len() > 1, |ui| {
        eframe::egui::containers::menu::MenuButton::from_button(button).ui(ui, |ui| {
            for (other, class) in live.iter().filter(|(other, _)| *other != number) {
                if ui.button(format!("into {}", class.name)).clicked() {
                    act(LabelAction::Merge(number, *other));
                }
            }
        })
    });
    menu.inner.0.on_hover_text("Merges this class into another one; one undo takes it back.");
}

/// A field that counts once it is left; what was typed, if it is another text.
fn field(
    ui: &mut Ui,
    salt: impl std::hash::Hash + std::fmt::Debug,
    text: &str,
    width: f32,
) -> Option<String> {
    let key = ui.scope_id().with(salt);
    let mut typed: String = ui.data(|data| data.get_temp(key)).unwrap_or_else(|| text.to_string());
    let response = ui.add(TextEdit::singleline(&mut typed).desired_width(width));
    if response.lost_focus() {
        ui.data_mut(|data| data.remove_temp::<String>(key));
        let given_up = ui.input(|input| input.key_pressed(Key::Escape));
        return (!given_up && typed.trim() != text).then_some(typed);
    }
    if response.has_focus() {
        ui.data_mut(|data| data.insert_temp(key, typed));
    }
    None
}

fn new_class(ui: &mut Ui, label: &mut LabelState, actions: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        let field = TextEdit::singleline(&mut label.new_class).hint_text("new class");
        let response = ui.add(field.desired_width(ui.available_width() - 64.0));
        response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "New class"));
        let wants = std::mem::take(&mut label.focus_new_class);
        if wants {
            response.request_focus();
        }
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let pressed = ui
            .button("Add")
            .on_hover_text("Adds a class; it gets the first free digit as its key.")
            .clicked();
        if (entered || pressed) && !label.new_class.trim().is_empty() {
            let name = std::mem::take(&mut label.new_class);
            actions.push(Action::Label(LabelAction::AddClass(name)));
            // One class after the other.
            label.focus_new_class = entered;
        }
    });
}
