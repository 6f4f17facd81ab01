//! A confusion matrix: true classes down, what they were taken for across.

use eframe::egui::accesskit::Role;
use eframe::egui::epaint::TextShape;
use eframe::egui::{
    Align2, Rect, Response, Sense, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo, pos2, vec2,
};

use super::selection_line::elide_middle;
use crate::app::style;

/// Side of a square where there is room, in points.
pub const SIDE: f32 = 26.0;
/// The smallest side of a square that has room for its number.
const NUMBERED: f32 = 13.5;
/// Room for the names of classes.
pub const NAMES: f32 = 84.0;
/// Characters of a name that fit there.
const CHARACTERS: usize = 13;

/// A confusion matrix.
pub struct Confusion<'a> {
    /// What it is of, for those who do not see it.
    pub name: &'a str,
    /// Names of the classes.
    pub classes: &'a [String],
    /// `[true class][answer]`, in pictures.
    pub counts: &'a [Vec<usize>],
    /// The square in hand.
    pub held: Option<(usize, usize)>,
    /// The square of the picture in hand.
    pub marked: Option<(usize, usize)>,
    /// Side of a square, in points.
    pub side: f32,
    /// Room for the names above, in points.
    pub above: f32,
}

/// The room that names of `classes` need above the squares.
pub fn room_above(ui: &Ui, classes: &[String]) -> f32 {
    let small = TextStyle::Small.resolve(ui.style());
    let width = |class: &String| {
        let text = short_name(class);
        ui.painter().layout_no_wrap(text, small.clone(), style::tokens(ui).quiet).size().x
    };
    (classes.iter().map(width).fold(0.0, f32::max) + style::SPACE_S).min(NAMES)
}

impl Confusion<'_> {
    /// Draws it; the square that was clicked.
    pub fn show(&self, ui: &mut Ui) -> Option<(usize, usize)> {
        let side = self.classes.len() as f32 * self.side;
        let (area, response) = ui.allocate_exact_size(vec2(NAMES + side, self.above + side), Sense::click());
        self.paint(ui, area);
        self.tell(&response);
        let under = response.hover_pos().or(response.interact_pointer_pos())?;
        let place = |at: f32| (at >= 0.0 && at < side).then_some((at / self.side) as usize);
        let (row, column) =
            (place(under.y - area.top() - self.above)?, place(under.x - area.left() - NAMES)?);
        let count = self.counts.get(row)?.get(column)?;
        let text = format!("{} taken for {}: {count}", self.classes.get(row)?, self.classes.get(column)?);
        let response = response.on_hover_text_at_pointer(text);
        response.clicked().then_some((row, column))
    }

    /// Where a square is within `area`.
    fn square(&self, area: Rect, row: usize, column: usize) -> Rect {
        // Names of the columns stand above.
        let top = area.top() + self.above + row as f32 * self.side;
        let corner = pos2(area.left() + NAMES + column as f32 * self.side, top);
        Rect::from_min_size(corner, vec2(self.side, self.side))
    }

    fn paint(&self, ui: &Ui, area: Rect) {
        let tokens = style::tokens(ui);
        let small = TextStyle::Small.resolve(ui.style());
        let painter = ui.painter_at(area);
        // Of many classes not all names fit.
        let every = ((small.size + 1.0) / self.side).ceil().max(1.0) as usize;
        for (row, (class, counts)) in self.classes.iter().zip(self.counts).enumerate() {
            let place = pos2(area.left() + NAMES - style::SPACE_XS, self.square(area, row, 0).center().y);
            if row % every == 0 {
                painter.text(place, Align2::RIGHT_CENTER, short_name(class), small.clone(), tokens.quiet);
            }
            let all: usize = counts.iter().sum();
            for (column, &count) in counts.iter().enumerate() {
                let share = count as f32 / all.max(1) as f32;
                let rect = self.square(area, row, column).shrink(0.5);
                let ink = if row == column { tokens.good } else { tokens.error };
                let fill = style::blend(tokens.sunken, ink, share.sqrt() * 0.8);
                painter.rect_filled(rect, 2, if count > 0 { fill } else { tokens.sunken });
                if count > 0 && self.side >= NUMBERED {
                    let text = count.to_string();
                    painter.text(rect.center(), Align2::CENTER_CENTER, text, small.clone(), tokens.text);
                }
                if self.held == Some((row, column)) {
                    painter.rect_stroke(rect, 2, Stroke::new(2.0, tokens.accent), StrokeKind::Inside);
                }
                if self.marked == Some((row, column)) {
                    painter.circle_filled(rect.right_top() + vec2(-3.5, 3.5), 2.5, tokens.accent);
                }
            }
        }
        for (column, class) in self.classes.iter().enumerate().step_by(every) {
            let text = painter.layout_no_wrap(short_name(class), small.clone(), tokens.quiet);
            let first = self.square(area, 0, column);
            let place = pos2(first.center().x - text.size().y / 2.0, first.top() - style::SPACE_XS);
            let text = TextShape::new(place, text, tokens.quiet);
            painter.add(text.with_angle(-std::f32::consts::FRAC_PI_2));
        }
    }

    fn tell(&self, response: &Response) {
        response.widget_info(|| {
            let mut info = WidgetInfo::labeled(Role::Image, true, self.name);
            let right: usize = (0..self.classes.len()).filter_map(|at| self.counts.get(at)?.get(at)).sum();
            let all: usize = self.counts.iter().flatten().sum();
            info.current_text_value = Some(format!("{right} of {all} recognised"));
            info
        });
    }
}

/// A name shortened in the middle to what fits.
fn short_name(name: &str) -> String {
    elide_middle(name, |text| text.chars().count() <= CHARACTERS)
}
