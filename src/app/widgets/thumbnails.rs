//! A grid of thumbnails that stays smooth with ten thousand of them: only visible ones are touched.

use std::ops::Range;
use std::path::Path;

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Align2, CornerRadius, EventFilter, Key, Rect, RichText, ScrollArea, Sense, Stroke, StrokeKind, TextStyle,
    TextureId, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::selection_line::elide_middle;
use crate::app::{icons, style};

/// The picture of one thumbnail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ThumbnailPicture<'a> {
    /// Not decoded yet.
    Loading,
    /// Decoded; the size in pixels gives the shape.
    Ready(TextureId, Vec2),
    /// Cannot be read, and why.
    Failed(&'a str),
}

/// One thumbnail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thumbnail<'a> {
    /// What stands below, shortened in the middle where it is too long.
    pub label: &'a str,
    /// The full name: shown on hover, and what screen readers say.
    pub name: &'a str,
    /// What there is to show.
    pub picture: ThumbnailPicture<'a>,
}

/// The label of a picture that comes from a file: its name without the ending.
pub fn file_stem_label(name: &str) -> String {
    Path::new(name).file_stem().map_or_else(|| name.to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// What happened in the grid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ThumbnailsOutput {
    /// The thumbnail that the user chose by click or key.
    pub chosen: Option<usize>,
    /// The thumbnails that are on screen: the ones worth decoding first.
    pub visible: Range<usize>,
}

/// A scrolling grid of `count` thumbnails.
pub struct ThumbnailGrid {
    count: usize,
    selected: Option<usize>,
    side: f32,
}

impl ThumbnailGrid {
    /// A grid of `count` thumbnails, each at least `side` points wide, of which `selected` has the outline.
    pub fn new(count: usize, selected: Option<usize>, side: f32) -> Self {
        ThumbnailGrid { count, selected, side }
    }

    /// Draws the grid into the space that is left, asking `thumbnail` only for those on screen. With
    /// the keyboard focus the arrows, page up and down, home and end move the selection; a selection
    /// that changed is scrolled into view.
    pub fn show<'a>(&self, ui: &mut Ui, thumbnail: impl Fn(usize) -> Thumbnail<'a>) -> ThumbnailsOutput {
        let gap = style::SPACE_S;
        let width = ui.available_width();
        let columns = (((width + gap) / (self.side + gap)).floor() as usize).max(1);
        // What is left over goes to the thumbnails, so that both edges are straight.
        let side = ((width + gap) / columns as f32 - gap).max(1.0);
        let cell = vec2(side, side + ui.text_style_height(&TextStyle::Small) + 2.0);
        let rows = self.count.div_ceil(columns);
        let pitch = cell + Vec2::splat(gap);
        let rows_on_screen = (ui.available_height() / pitch.y).floor().max(1.0) as usize;
        let id = ui.scope_id().with("thumbnails");

        let scroll = ScrollArea::vertical().id_salt("thumbnails").auto_shrink([false, false]);
        scroll
            .show_viewport(ui, |ui, viewport| {
                ui.set_width(ui.available_width());
                ui.set_height((rows as f32 * pitch.y - gap).max(0.0));
                let origin = ui.max_rect().min;
                let at = |index: usize| {
                    let (row, column) = (index / columns, index % columns);
                    Rect::from_min_size(origin + vec2(column as f32 * pitch.x, row as f32 * pitch.y), cell)
                };
                let first = (viewport.min.y / pitch.y).floor().max(0.0) as usize * columns;
                let end = ((viewport.max.y / pitch.y).ceil().max(0.0) as usize).saturating_mul(columns);
                let visible = first.min(self.count)..end.min(self.count);

                // All are drawn, also those after the one clicked.
                let clicked =
                    visible.clone().filter(|&index| self.one(ui, at(index), index, &thumbnail(index))).last();
                // The grid has the focus as a whole: cells come and go while it scrolls.
                let moved = self.keys(ui, id, at(0).union(at(visible.end)), columns, rows_on_screen);
                let chosen = clicked.or(moved);
                self.keep_in_view(ui, id, at);
                ThumbnailsOutput { chosen: chosen.filter(|&index| Some(index) != self.selected), visible }
            })
            .inner
    }

    fn keep_in_view(&self, ui: &Ui, id: eframe::egui::Id, at: impl Fn(usize) -> Rect) {
        let before = ui.data_mut(|data| data.get_temp::<Option<usize>>(id)).flatten();
        if before != self.selected {
            ui.data_mut(|data| data.insert_temp(id, self.selected));
            if let Some(selected) = self.selected {
                ui.scroll_to_rect(at(selected), None);
            }
        }
    }

    fn one(&self, ui: &mut Ui, rect: Rect, index: usize, thumbnail: &Thumbnail<'_>) -> bool {
        let selected = self.selected == Some(index);
        let response = ui.interact(rect, ui.scope_id().with(index), Sense::CLICK);
        response
            .widget_info(|| WidgetInfo::selected(Role::Button, ui.is_enabled(), selected, thumbnail.name));
        let tokens = style::tokens(ui);
        let well = Rect::from_min_size(rect.min, Vec2::splat(rect.width()));
        let radius = CornerRadius::same(style::RADIUS);
        let painter = ui.painter();
        painter.rect_filled(well, radius, tokens.sunken);
        match thumbnail.picture {
            ThumbnailPicture::Loading => {}
            ThumbnailPicture::Ready(texture, size) => {
                let scale = (well.size() / size.max(Vec2::splat(1.0))).min_elem();
                let picture = Rect::from_center_size(well.center(), size * scale);
                let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
                painter.image(texture, picture, whole, eframe::egui::Color32::WHITE);
            }
            ThumbnailPicture::Failed(_) => {
                let font = TextStyle::Heading.resolve(ui.style());
                painter.text(well.center(), Align2::CENTER_CENTER, icons::WARNING, font, tokens.warning);
            }
        }
        let outline = if selected {
            Stroke::new(2.0, tokens.accent)
        } else if response.hovered() {
            Stroke::new(style::HAIRLINE, tokens.quiet)
        } else {
            tokens.hairline()
        };
        painter.rect_stroke(well, radius, outline, StrokeKind::Inside);
        let font = TextStyle::Small.resolve(ui.style());
        let colour = if selected { tokens.text } else { tokens.quiet };
        let fits =
            |text: &str| painter.layout_no_wrap(text.into(), font.clone(), colour).size().x <= rect.width();
        let label = elide_middle(thumbnail.label, fits);
        painter.text(rect.center_bottom(), Align2::CENTER_BOTTOM, label, font.clone(), colour);
        let response = response.on_hover_ui(|ui| {
            ui.label(thumbnail.name);
            if let ThumbnailPicture::Failed(why) = thumbnail.picture {
                ui.label(RichText::new(why).small());
            }
        });
        response.clicked()
    }

    fn keys(
        &self,
        ui: &mut Ui,
        id: eframe::egui::Id,
        rect: Rect,
        columns: usize,
        page: usize,
    ) -> Option<usize> {
        if self.count == 0 {
            return None;
        }
        let response = ui.interact(rect.intersect(ui.clip_rect()), id, Sense::focusable_noninteractive());
        response.widget_info(|| WidgetInfo::labeled(Role::Group, ui.is_enabled(), "Thumbnails"));
        if !response.has_focus() {
            return None;
        }
        let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(id, arrows));
        let last = self.count - 1;
        let Some(at) = self.selected else {
            let any =
                ui.input(|input| input.key_pressed(Key::ArrowDown) || input.key_pressed(Key::ArrowRight));
            return any.then_some(0);
        };
        let (down, up) = (|by: usize| Some((at + by).min(last)), |by: usize| Some(at.saturating_sub(by)));
        ui.input(|input| {
            let pressed = |key| input.key_pressed(key);
            if pressed(Key::ArrowRight) {
                down(1)
            } else if pressed(Key::ArrowLeft) {
                up(1)
            } else if pressed(Key::ArrowDown) {
                (at + columns <= last).then_some(at + columns)
            } else if pressed(Key::ArrowUp) {
                at.checked_sub(columns)
            } else if pressed(Key::PageDown) {
                down(columns * page)
            } else if pressed(Key::PageUp) {
                up(columns * page)
            } else if pressed(Key::Home) {
                Some(0)
            } else if pressed(Key::End) {
                Some(last)
            } else {
                None
            }
        })
    }
}
