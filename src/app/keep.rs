//! What is kept of the screen: pins, exports, copies.

use std::sync::Arc;

use eframe::egui::{ColorImage, Context, ViewportId};

use super::command::Space;
use super::current::{Drawn, texture_of};
use super::dialogs::{Ask, Asked};
use super::state::{MAX_PINS, Pin, Pinned};
use super::widgets::notices::NoticeKind;
use super::widgets::viewport::ViewPort;
use super::window::Window;
use crate::jobs::{
    AttentionConfig, Exhibit, InsideShot, LookConfig, Named, Outcome, SheetKind, SheetShot, Shot,
};

/// One of the two things on the screen that can be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The view.
    View,
    /// The contact sheet under it.
    Sheet,
}

impl Window {
    /// The view on screen with all that belongs to it, unless it is older than the selection.
    pub(super) fn shot(&self) -> Option<Shot> {
        let held = self.state.current.map.as_ref().filter(|held| !held.stale)?;
        let picture = self.state.current.picture.as_ref()?;
        let network = self.state.network.as_ref()?;
        // Settings changed in this very frame have not been asked for yet.
        let map = &held.value.map;
        let wanted = (Some(map.selection), map.view) == (self.state.selection(), self.state.config.view);
        if !wanted || self.state.library.current().map(|entry| entry.id) != Some(map.picture) {
            return None;
        }
        Some(Shot {
            shown: Arc::clone(&picture.value.shown),
            map: Arc::clone(map),
            card: Arc::clone(&network.card),
            look: self.state.config.look.clone(),
            lock: self.state.config.lock.clone(),
        })
    }

    /// The contact sheet on screen, once it is whole.
    fn sheet_shot(&self) -> Option<SheetShot> {
        let (current, kind) = (&self.state.current, self.state.config.sheet);
        let whole = current.complete && !current.cells_stale && current.cells.len() == current.cell_count;
        if kind == SheetKind::None || !whole || current.cells.is_empty() || !self.is_asked() {
            return None;
        }
        let cells = current.cells.iter().map(|shown| Arc::clone(&shown.cell)).collect();
        Some(SheetShot { shot: self.shot()?, kind, cells })
    }

    /// What is seen inside the head, unless it is older than the selection.
    fn inside_shot(&self) -> Option<InsideShot> {
        let shown = self.state.attention.shown.as_ref().filter(|shown| !shown.stale)?;
        let seen = (shown.seen.head.clone(), Arc::clone(shown.seen.seen.as_ref().ok()?));
        let picture = Arc::clone(&shown.picture.as_ref()?.shown);
        let card = Arc::clone(&self.state.network.as_ref()?.card);
        let config = self.state.attention.config.clone();
        let look = LookConfig { overlay: !config.bare, ..self.state.config.look.clone() };
        // Settings of another head may not fit this one.
        let fed = !seen.1.inside.feedback.is_empty();
        let layers = seen.1.inside.layers_and_heads().0;
        let layer = config.layer.filter(|layer| *layer <= layers);
        let config = AttentionConfig { feedback: config.feedback && fed, layer, ..config };
        InsideShot::new(picture, card, seen, config, look).ok()
    }

    /// What is kept of the screen as `what`, once it is there.
    pub(super) fn exhibit(&self, what: Kept) -> Option<Box<dyn Exhibit>> {
        match what {
            Kept::View if self.state.space == Space::Attention => Some(Box::new(self.inside_shot()?)),
            Kept::View => Some(Box::new(self.shot()?)),
            Kept::Sheet => Some(Box::new(self.sheet_shot()?)),
        }
    }

    fn exhibit_or_say(&mut self, what: Kept) -> Option<Box<dyn Exhibit>> {
        let exhibit = self.exhibit(what);
        if exhibit.is_none() {
            self.not_now(match what {
                Kept::Sheet if self.state.config.sheet == SheetKind::None => {
                    "no contact sheet is shown; choose one under “contact sheet”"
                }
                Kept::Sheet => "the contact sheet is still being computed; try again in a moment",
                Kept::View if self.state.space == Space::Attention => {
                    "there is nothing to keep yet: a head that can be looked into, and a picture"
                }
                Kept::View => "the view is still being computed; try again in a moment",
            });
        }
        exhibit
    }

    /// Pins what was asked for, now or as soon as it has come.
    pub(super) fn pin(&mut self, ctx: &Context, what: Kept) {
        if self.state.pins.len() >= MAX_PINS {
            self.pin_waits = None;
            self.not_now("six views are pinned; take one away first");
            return;
        }
        let Some(kept) = self.pinned(what) else {
            let may_come = what == Kept::View || self.state.config.sheet != SheetKind::None;
            self.pin_waits = self.state.library.current().map(|_| what).filter(|_| may_come);
            return;
        };
        self.pin_waits = None;
        let texture = texture_of(ctx, &kept.shot().shown);
        let id = self.state.new_pin_id();
        self.state.pins.push(Pin { id, kept, texture, port: ViewPort::default() });
    }

    fn pinned(&self, what: Kept) -> Option<Pinned> {
        match what {
            Kept::View => {
                let shot = self.shot()?;
                let drawn = Drawn::new(&shot.map.grid, shot.map.view, &shot.look, &shot.map.channel_stats);
                Some(Pinned::View(shot, drawn))
            }
            Kept::Sheet => {
                let sheet = self.sheet_shot()?;
                let drawn = sheet
                    .cells
                    .iter()
                    .map(|cell| Drawn::new(&cell.grid, cell.view, &sheet.shot.look, &[]))
                    .collect();
                Some(Pinned::Sheet(sheet, drawn))
            }
        }
    }

    /// Asks for a file and writes what is kept to it.
    pub(super) fn export(
        &mut self,
        ctx: &Context,
        frame: &eframe::Frame,
        what: Kept,
        captioned: bool,
        raw: bool,
    ) {
        if let Some(exhibit) = self.exhibit_or_say(what) {
            self.ask_for(ctx, frame, Ask::Export { exhibit, captioned, raw });
        }
    }

    /// Puts it on the clipboard as a picture.
    pub(super) fn copy_picture(&mut self, ctx: &Context, what: Kept) {
        let Some(exhibit) = self.exhibit_or_say(what) else { return };
        let (answer, ctx) = (self.aside.0.clone(), ctx.clone());
        self.engine.aside("copying the picture", move |_| {
            let image = exhibit.picture()?;
            let size = [image.width() as usize, image.height() as usize];
            // The window may be gone by now.
            if answer.send(Asked::Copied(ColorImage::from_rgb(size, image.as_raw()))).is_ok() {
                ctx.request_repaint_of(ViewportId::ROOT);
            }
            Ok(Outcome::Done("the picture is on the clipboard".into()))
        });
    }

    /// Copies the command line that writes the same.
    pub(super) fn copy_command_line(&mut self, ctx: &Context, what: Kept) {
        let Some(exhibit) = self.exhibit_or_say(what) else { return };
        let picture = self.state.library.current().and_then(|entry| entry.source.argument());
        let library = &self.state.library;
        let has_file =
            |key: &String| library.named(key).is_none_or(|entry| entry.source.argument().is_some());
        let locked_have_files =
            self.state.pca_lock().is_open() || self.state.config.lock.pictures.iter().all(has_file);
        if picture.is_none() || !locked_have_files {
            self.not_now("a pasted picture has no file; save it first to use it on a command line");
            return;
        }
        let named = Named {
            picture: picture.as_deref(),
            model: self.state.model_argument.as_deref(),
            preset: self.state.preset_argument.as_deref(),
        };
        ctx.copy_text(exhibit.command_line(&named));
        self.notices.push(NoticeKind::Good, "the command line is on the clipboard");
    }

    /// Copies the settings as text.
    pub(super) fn copy_settings(&mut self, ctx: &Context) {
        let Some(exhibit) = self.exhibit_or_say(Kept::View) else { return };
        let lines: Vec<String> = std::iter::once(exhibit.title()).chain(exhibit.lines()).collect();
        ctx.copy_text(lines.join("\n"));
        self.notices.push(NoticeKind::Good, "the settings are on the clipboard");
    }
}
