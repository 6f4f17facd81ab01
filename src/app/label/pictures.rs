//! A picture of the session as it is drawn everywhere: in its well, with a rim in the colour of its class.

use eframe::egui::{Align2, Color32, Painter, Rect, Shape, Stroke, StrokeKind, TextStyle, Ui, pos2, vec2};

use super::follow::picture_id;
use super::state::Open;
use crate::app::state::{LibraryState, Thumb};
use crate::app::{icons, style};
use crate::study::label::Mark;

/// A colour for egui.
pub fn colour([r, g, b]: [u8; 3]) -> Color32 {
    Color32::from_rgb(r, g, b)
}

/// Draws `picture` into `rect`; where it is drawn, which is all of `rect` while it is not decoded.
pub fn picture(
    ui: &Ui,
    library: &LibraryState,
    open: &Open,
    (picture, large): (usize, bool),
    rect: Rect,
) -> Rect {
    let tokens = style::tokens(ui);
    ui.painter().rect_filled(rect, style::RADIUS, tokens.sunken);
    let sizes = [large, !large].map(|large| library.thumbs.get(&picture_id(open, picture, large)?));
    // A small one stands in for the large one until that is there.
    match sizes.into_iter().flatten().next() {
        Some(Thumb::Ready(texture, size)) => {
            let scale = (rect.size() / size.max(vec2(1.0, 1.0))).min_elem();
            let inner = Rect::from_center_size(rect.center(), *size * scale);
            let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
            ui.painter().image(texture.id(), inner, whole, Color32::WHITE);
            return inner;
        }
        Some(Thumb::Failed(_)) => {
            let font = TextStyle::Heading.resolve(ui.style());
            ui.painter().text(rect.center(), Align2::CENTER_CENTER, icons::WARNING, font, tokens.warning);
        }
        None => {}
    }
    rect
}

/// Draws the rim of a picture: solid in the colour of its class, dashed where it is only suggested; a
/// word for what has no class.
pub fn rim(ui: &Ui, open: &Open, picture: usize, rect: Rect) {
    let painter = ui.painter();
    let tokens = style::tokens(ui);
    let inner = rect.shrink(1.5);
    match open.mark_of(picture) {
        Mark::Class { class, .. } => {
            let stroke = Stroke::new(3.0, colour(open.class(class).1));
            painter.rect_stroke(inner, style::RADIUS, stroke, StrokeKind::Middle);
        }
        Mark::Blank => {
            if let Some((class, confidence)) = open.suggestion(picture) {
                let shade =
                    style::blend(tokens.sunken, colour(open.class(class).1), 0.35 + 0.65 * confidence);
                dashed(painter, inner, Stroke::new(2.0, shade));
            }
        }
        Mark::Unsure | Mark::Outside => {
            painter.rect_stroke(inner, style::RADIUS, Stroke::new(2.0, tokens.quiet), StrokeKind::Middle);
            painter.rect_filled(rect, style::RADIUS, tokens.veil);
        }
    }
}

fn dashed(painter: &Painter, rect: Rect, stroke: Stroke) {
    let corners =
        [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom(), rect.left_top()];
    painter.extend(Shape::dashed_line(&corners, stroke, 5.0, 4.0));
}

/// What is known of a picture, in a few words: the class and its source, or the suggestion with its
/// confidence.
pub fn words(open: &Open, picture: usize) -> String {
    match open.mark_of(picture) {
        Mark::Class { class, source } => format!("{}, {}", open.class(class).0, of_source(source)),
        Mark::Unsure => "unsure".into(),
        Mark::Outside => "none of these".into(),
        Mark::Blank => match open.suggestion(picture) {
            Some((class, confidence)) => format!("{}? {:.0} %", open.class(class).0, 100.0 * confidence),
            None => String::new(),
        },
    }
}

fn of_source(source: crate::project::LabelSource) -> &'static str {
    match source {
        crate::project::LabelSource::Hand => "by hand",
        crate::project::LabelSource::Accepted => "accepted",
        crate::project::LabelSource::Bulk => "at once",
    }
}
