//! Over what the colours of principal components mean the same: pictures, timesteps and blocks.

use eframe::egui::containers::menu::{MenuButton, MenuConfig};
use eframe::egui::{Button, Label, PopupCloseBehavior, RichText, Ui, WidgetInfo, accesskit::Role};

use super::{Action, command_button};
use crate::app::command::Command;
use crate::app::locks::{toggle, toggle_sorted};
use crate::app::state::{LibraryState, State};
use crate::app::{icons, style};
use crate::jobs::LockConfig;

/// Width of the list of pictures.
const LIST_WIDTH: f32 = 260.0;

/// Draws the choices.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    ui.horizontal_wrapped(|ui| {
        ui.label(style::quiet("same colours over")).on_hover_text(
            "What is chosen here decides the colours together, so that a colour means the same in all of it.",
        );
        if !state.config.lock.is_open() {
            command_button(ui, "none", Command::UnlockColours, true, actions);
        }
        if !state.pins.is_empty() {
            command_button(ui, "as pinned", Command::LockPinned, true, actions);
        }
    });
    pictures(ui, state, actions);
    timesteps(ui, state);
    blocks(ui, state, actions);
}

fn pictures(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let lock = &mut state.config.lock;
    let most = LockConfig::MOST_PICTURES;
    ui.horizontal_wrapped(|ui| {
        ui.label(style::quiet("pictures"));
        let here = state.library.current().is_some_and(|entry| lock.pictures.contains(&entry.key));
        let chip = ui.selectable_label(here, "this one");
        if chip.on_hover_text(Command::LockPicture.tooltip()).clicked() {
            actions.push(Action::Do(Command::LockPicture));
        }
        let count = lock.pictures.len();
        let text = if count == 0 { "choose".into() } else { format!("{count} of at most {most}") };
        let config = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
        let (button, _) = MenuButton::new(text).config(config).ui(ui, |ui| {
            ui.set_width(LIST_WIDTH);
            list(ui, lock, &state.library);
        });
        button.on_hover_text(format!(
            "The pictures that decide the colours, at most {most}; with none it is the picture shown."
        ));
    });
}

/// The pictures that decide the colours, each to be taken away, and more to be added.
fn list(ui: &mut Ui, lock: &mut LockConfig, library: &LibraryState) {
    let mut gone = None;
    for (index, key) in lock.pictures.iter().enumerate() {
        ui.horizontal(|ui| {
            let entry = library.named(key);
            let name = entry.map_or(key.as_str(), |entry| entry.name.as_str());
            let close = ui.add(Button::new(RichText::new(icons::X).small()).frame_when_inactive(false));
            close.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Take away {name}")));
            if close.clicked() {
                gone = Some(index);
            }
            let text =
                if entry.is_some() { name.to_string() } else { format!("{name} (not in the library)") };
            ui.add(Label::new(text).truncate()).on_hover_text(key);
        });
    }
    if let Some(index) = gone {
        lock.pictures.remove(index);
    }
    if lock.pictures.is_empty() {
        ui.label(style::quiet("none: the picture shown decides").small());
    }
    let room = LockConfig::MOST_PICTURES - lock.pictures.len().min(LockConfig::MOST_PICTURES);
    let next: Vec<&String> = library
        .entries
        .iter()
        .map(|entry| &entry.key)
        .filter(|key| !lock.pictures.contains(key))
        .take(room)
        .collect();
    ui.separator();
    ui.add_enabled_ui(!next.is_empty(), |ui| {
        let text = format!("Add the next {} of the library", next.len());
        if ui.button(text).clicked() {
            next.into_iter().for_each(|key| toggle(&mut lock.pictures, key.clone()));
        }
    });
    if ui.add_enabled(!lock.pictures.is_empty(), Button::new("Take all away")).clicked() {
        lock.pictures.clear();
    }
}

fn timesteps(ui: &mut Ui, state: &mut State) {
    let mut offered = state.marks();
    offered.extend(state.selection().map(|selection| selection.timestep));
    let chosen = &mut state.config.lock.timesteps;
    offered.extend(chosen.iter());
    offered.sort_unstable();
    offered.dedup();
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = style::SPACE_XS;
        ui.label(style::quiet("t"));
        for timestep in offered {
            let chip = ui.selectable_label(chosen.contains(&timestep), timestep.to_string());
            chip.widget_info(|| {
                let text = format!("Colours at t {timestep}");
                WidgetInfo::selected(Role::CheckBox, true, chosen.contains(&timestep), text)
            });
            let about = "Timesteps that decide the colours; with none it is the one shown.";
            if chip.on_hover_text(about).clicked() {
                toggle_sorted(chosen, timestep);
            }
        }
    });
}

fn blocks(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let here = state.selection().map_or(1, |selection| selection.block);
    let chosen = state.config.lock.blocks.clone();
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = style::SPACE_XS;
        ui.label(style::quiet("b"));
        let chip = ui.selectable_label(chosen.contains(&here), format!("this one, {here}"));
        if chip.on_hover_text(Command::LockBlock.tooltip()).clicked() {
            actions.push(Action::Do(Command::LockBlock));
        }
        for block in chosen.into_iter().filter(|block| *block != here) {
            let chip = ui.selectable_label(true, block.to_string());
            chip.widget_info(|| {
                WidgetInfo::selected(Role::CheckBox, true, true, format!("Colours of b {block}"))
            });
            let about = "What these blocks have in common decides the colours, and every block shows it as \
                         closely as it can. A click takes the block away.";
            if chip.on_hover_text(about).clicked() {
                toggle_sorted(&mut state.config.lock.blocks, block);
            }
        }
    });
}
