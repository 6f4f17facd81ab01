//! The library: pictures to choose from.

use eframe::egui::{RichText, Ui};

use super::{Action, icon_button};
use crate::app::command::Command;
use crate::app::state::{State, Thumb};
use crate::app::widgets::states;
use crate::app::widgets::thumbnails::{Thumbnail, ThumbnailGrid, ThumbnailPicture};
use crate::app::{icons, style};
use crate::figure::ticks::thousands;

/// Least side of a thumbnail, in points.
const SIDE: f32 = 72.0;

/// Draws the panel.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let library = &state.library;
    ui.horizontal_wrapped(|ui| {
        icon_button(ui, icons::IMAGES, Command::OpenPictures, actions);
        icon_button(ui, icons::FOLDER_OPEN, Command::OpenFolder, actions);
        icon_button(ui, icons::CLIPBOARD, Command::PastePicture, actions);
        ui.label(style::quiet(thousands(library.entries.len() as u64)).small())
            .on_hover_text("Pictures in the library.");
        if library.listing > 0 {
            ui.spinner();
        }
        if !library.skipped.is_empty() {
            let icon = RichText::new(icons::WARNING).color(style::tokens(ui).warning).small();
            ui.label(icon);
            let button = ui.button(RichText::new(format!("{} skipped", library.skipped.len())).small());
            let button = button.on_hover_text("Files and folders without a picture, and why.");
            if button.clicked() {
                state.skipped_open = !state.skipped_open;
            }
        }
    });
    if library.entries.is_empty() {
        if library.listing > 0 {
            let work = states::Working { what: "Looking for pictures", ..states::Working::default() };
            states::working(ui, &work);
        } else if states::empty(ui, "No pictures yet: open some, or drop them here.", "Open pictures…") {
            actions.push(Action::Do(Command::OpenPictures));
        }
        return;
    }
    if state.hints.library {
        ui.label(style::quiet("open your own with the buttons above, or drop them here").small());
    }
    let output = ThumbnailGrid::new(library.entries.len(), library.selected, SIDE).show(ui, |index| {
        let entry = &library.entries[index];
        let picture = match library.thumbs.get(&entry.id) {
            Some(Thumb::Ready(texture, size)) => ThumbnailPicture::Ready(texture.id(), *size),
            Some(Thumb::Failed(error)) => ThumbnailPicture::Failed(failure(error)),
            None => ThumbnailPicture::Loading,
        };
        Thumbnail { name: &entry.name, label: &entry.label, picture }
    });
    if let Some(index) = output.chosen {
        actions.push(Action::SelectPicture(index));
    }
    if needs_thumbnails(state, &output.visible) {
        actions.push(Action::Thumbnails(output.visible));
    }
}

fn needs_thumbnails(state: &State, visible: &std::ops::Range<usize>) -> bool {
    let entries = state.library.entries.get(visible.clone()).unwrap_or(&[]);
    entries.iter().any(|entry| !state.library.thumbs.contains_key(&entry.id))
}

/// The reason without the name, which stands below the thumbnail already.
fn failure(error: &crate::Error) -> &str {
    match error {
        crate::Error::Picture { why, .. } | crate::Error::Data { why, .. } => why,
        crate::Error::Io { .. } => "cannot be read: is the file still there?",
        _ => "cannot be shown",
    }
}
