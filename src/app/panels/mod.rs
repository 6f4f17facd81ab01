//! The panels of Explore. They read the state, draw, and say what the user wants as [`Action`]s.

pub mod card;
mod input;
mod library;
mod lock;
mod look;
mod map;
mod network;
mod pins;
mod settings;
mod sheet;
pub mod status;

use std::ops::Range;
use std::path::PathBuf;

use eframe::egui::{Button, Ui};

use super::command::Command;
use super::heads::HeadsAction;
use super::label::LabelAction;
use super::layout::Pane;
use super::state::State;
use super::sweep::SweepAction;
use crate::features::view::View;
use crate::jobs::JobId;

/// What the user wants.
#[derive(Clone, Debug)]
pub enum Action {
    /// A command.
    Do(Command),
    /// The picture at this index of the library.
    SelectPicture(usize),
    /// This block.
    SelectBlock(usize),
    /// This timestep.
    SelectTimestep(usize),
    /// This view.
    SetView(View),
    /// Colours anew, after the look changed.
    Redraw,
    /// Thumbnails for what is visible.
    Thumbnails(Range<usize>),
    /// An end to a job.
    CancelJob(JobId),
    /// A network file, as the published network chosen or as it says itself.
    OpenNetwork(PathBuf, Option<String>),
    /// The pictures that come with the program.
    OpenBundled,
    /// A pin taken away.
    Unpin(u64),
    /// The settings changed, applied.
    ApplySettings,
    /// A dialog for the cache folder.
    ChooseCacheFolder,
    /// The same request once more.
    AskAgain,
    /// Something with sweeps.
    Sweep(SweepAction),
    /// Something with heads.
    Heads(HeadsAction),
    /// Something with labels.
    Label(LabelAction),
    /// These pictures of the session of labels, large or small.
    LabelPictures(Vec<usize>, bool),
    /// Thumbnails for these pictures of the labelled data set.
    TestedThumbnails(Vec<usize>),
    /// This timestep and block, and whether it is of the second pass.
    LookAt(usize, (usize, bool)),
    /// A state of the head looked into: after this epoch, or the one that training kept.
    ShowState(Option<usize>),
    /// The keyboard is at this channel of the mosaic.
    PickChannel(usize),
}

/// Draws a panel.
pub fn show(ui: &mut Ui, pane: Pane, state: &mut State, actions: &mut Vec<Action>) {
    match pane {
        Pane::Library => library::show(ui, state, actions),
        Pane::Input => input::show(ui, state, actions),
        Pane::Map => map::show(ui, state, actions),
        Pane::Network => network::show(ui, state, actions),
        Pane::Look => look::show(ui, state, actions),
        Pane::Pins => pins::show(ui, state, actions),
    }
}

/// A button with an icon that does `command`; its name is the command's.
pub fn icon_button(ui: &mut Ui, icon: &str, command: Command, actions: &mut Vec<Action>) {
    let response = ui.add(Button::new(icon).frame_when_inactive(false));
    response.widget_info(|| {
        eframe::egui::WidgetInfo::labeled(eframe::egui::accesskit::Role::Button, true, command.name())
    });
    if response.on_hover_text(command.tooltip()).clicked() {
        actions.push(Action::Do(command));
    }
}

/// A button with the command's name that does it.
pub fn command_button(ui: &mut Ui, text: &str, command: Command, enabled: bool, actions: &mut Vec<Action>) {
    let response = ui.add_enabled(enabled, Button::new(text)).on_hover_text(command.tooltip());
    if response.clicked() {
        actions.push(Action::Do(command));
    }
}

/// A menu of commands.
pub fn command_menu(
    ui: &mut Ui,
    title: &str,
    enabled: bool,
    commands: &[Command],
    actions: &mut Vec<Action>,
) {
    ui.add_enabled_ui(enabled, |ui| {
        ui.menu_button(title, |ui| {
            for &command in commands {
                command_button(ui, command.name(), command, true, actions);
            }
        });
    });
}

/// What to do about a failure, in the middle of a panel.
pub fn failed(ui: &mut Ui, error: &crate::Error) -> bool {
    super::widgets::states::failed(ui, "This cannot be shown", &error.to_string(), Some("Try again"))
}
