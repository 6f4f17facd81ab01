//! Small pictures of a look, rimmed in the colour of their class.

use std::sync::Arc;

use eframe::egui::{
    Color32, CornerRadius, Painter, Rect, Response, RichText, Sense, Stroke, StrokeKind, Ui, pos2, vec2,
};

use super::state::Links;
use crate::app::heads::HeadsAction;
use crate::app::opening::content_id;
use crate::app::panels::Action;
use crate::app::state::{State, Thumb};
use crate::app::style;
use crate::app::widgets::selection_line::elide_middle;
use crate::study::cell::{CellPicture, CellReport};

/// Side of small pictures.
pub(super) const SMALL: f32 = 64.0;
/// Pictures shown at once.
const SHOWN: usize = 80;
/// Width of a rim.
const RIM: f32 = 2.0;

/// A look with the picture in hand.
pub(super) struct Look {
    /// What was seen.
    pub report: Arc<CellReport>,
    /// Where its pictures are.
    pub links: Arc<Links>,
    /// The picture in hand.
    pub chosen: Option<usize>,
}

impl Look {
    /// A picture.
    pub fn picture(&self, at: usize) -> Option<&CellPicture> {
        self.report.pictures.get(at)
    }

    /// The name of a class.
    pub fn class(&self, class: Option<usize>) -> Option<&str> {
        self.report.classes.get(class?).map(String::as_str)
    }

    /// The colour of a class.
    pub fn colour(&self, state: &State, class: Option<usize>) -> Color32 {
        let name = self.class(class);
        name.map_or(Color32::GRAY, |name| state.heads.class_colour(name, class.unwrap_or(0)))
    }

    /// A picture in words: its name, class, and what it was taken for.
    pub fn said_of(&self, at: usize) -> String {
        let Some(picture) = self.picture(at) else { return String::new() };
        let mut text = picture.name.clone();
        if let Some(class) = self.class(picture.class) {
            text += &format!("\n{class}");
        }
        text + &self.answer_of(picture).map_or(String::new(), |answer| format!("\n{answer}"))
    }

    /// `taken for Coat, 45 %` or `recognised, 93 %`.
    pub fn answer_of(&self, picture: &CellPicture) -> Option<String> {
        let sure = picture.confidence.map_or(String::new(), |share| format!(", {:.0} %", 100.0 * share));
        Some(match picture.is_right()? {
            true => format!("recognised{sure}"),
            false => format!("taken for {}{sure}", self.class(picture.answer)?),
        })
    }
}

/// Makes a picture the one in hand, in all work spaces where the data set in use has it.
pub(super) fn choose(state: &mut State, look: &Look, picture: usize, actions: &mut Vec<Action>) {
    state.sweep.below.picture = look.picture(picture).map(|picture| picture.name.clone());
    if let Some(item) = look.links.item(picture) {
        actions.push(Action::Heads(HeadsAction::ShowPicture(item)));
    }
}

/// Asks for thumbnails that are not there yet.
pub(super) fn ask_for(wanted: Vec<usize>, actions: &mut Vec<Action>) {
    if !wanted.is_empty() {
        actions.push(Action::TestedThumbnails(wanted));
    }
}

/// Draws a picture into `rect` with its rim; what is not there yet is added to `wanted`.
pub(super) fn paint(
    painter: &Painter,
    state: &State,
    look: &Look,
    (at, rect): (usize, Rect),
    ground: Color32,
    wanted: &mut Vec<usize>,
) {
    let Some(picture) = look.picture(at) else { return };
    let rim = look.colour(state, picture.class);
    painter.rect_filled(rect, CornerRadius::same(2), ground);
    let inner = rect.shrink(RIM + 1.0);
    let thumb = |item: usize| {
        let digest = &state.heads.survey.as_ref()?.items.get(item)?.digest;
        state.library.thumbs.get(&content_id(digest, false))
    };
    match look.links.item(at).map(|item| (item, thumb(item))) {
        Some((_, Some(Thumb::Ready(texture, size)))) => {
            let scale = (inner.width() / size.x).min(inner.height() / size.y);
            let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
            let place = Rect::from_center_size(inner.center(), *size * scale);
            painter.image(texture.id(), place, whole, Color32::WHITE);
        }
        Some((item, None)) => wanted.push(item),
        Some((_, Some(Thumb::Failed(_)))) | None => {}
    }
    painter.rect_stroke(rect, CornerRadius::same(2), Stroke::new(RIM, rim), StrokeKind::Inside);
    // What it was taken for instead: a corner in that colour.
    if picture.is_right() == Some(false) {
        let side = (rect.width() * 0.3).clamp(6.0, 14.0);
        let corner = rect.right_bottom();
        let shape = vec![corner, corner - vec2(side, 0.0), corner - vec2(0.0, side)];
        let fill = look.colour(state, picture.answer);
        painter.add(eframe::egui::Shape::convex_polygon(shape, fill, Stroke::new(1.0, ground)));
    }
}

/// One small picture with a line below; the one in hand is outlined.
pub(super) fn small(
    ui: &mut Ui,
    state: &State,
    look: &Look,
    (at, side): (usize, f32),
    line: &str,
    wanted: &mut Vec<usize>,
) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::click());
    let tokens = style::tokens(ui);
    paint(ui.painter(), state, look, (at, rect), tokens.sunken, wanted);
    if look.chosen == Some(at) {
        let stroke = Stroke::new(2.0, tokens.accent);
        ui.painter().rect_stroke(rect.expand(2.0), CornerRadius::same(3), stroke, StrokeKind::Inside);
    }
    let name = look.picture(at).map_or("", |picture| picture.name.as_str());
    let label = format!("Show {name}");
    response.widget_info(|| {
        eframe::egui::WidgetInfo::labeled(eframe::egui::accesskit::Role::Button, true, &label)
    });
    if !line.is_empty() {
        ui.label(RichText::new(elide_middle(line, |text| text.chars().count() <= 11)).small())
            .on_hover_text(line);
    }
    response.on_hover_text(look.said_of(at))
}

/// Small pictures in rows, each with a line below. A click chooses one.
pub(super) fn rows(
    ui: &mut Ui,
    state: &mut State,
    look: &Look,
    shown: &[(usize, String)],
    actions: &mut Vec<Action>,
) {
    let mut wanted = Vec::new();
    let mut clicked = None;
    let columns = ((ui.available_width() / (SMALL + style::SPACE_S)) as usize).max(1);
    for row in shown[..shown.len().min(SHOWN)].chunks(columns) {
        ui.horizontal_top(|ui| {
            for (at, line) in row {
                ui.vertical(|ui| {
                    ui.set_width(SMALL);
                    if small(ui, state, look, (*at, SMALL), line, &mut wanted).clicked() {
                        clicked = Some(*at);
                    }
                });
            }
        });
    }
    match shown.len() {
        0 => _ = ui.label(style::quiet("none")),
        count if count > SHOWN => _ = ui.label(style::quiet(format!("the first {SHOWN} of {count}"))),
        _ => {}
    }
    ask_for(wanted, actions);
    if let Some(at) = clicked {
        choose(state, look, at, actions);
    }
}
