//! [`ColourBar`]: what the colours of a map mean, in numbers.

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Align2, Color32, FontFamily, FontId, Mesh, Painter, Rangef, Rect, Response, Sense, Shape, Stroke,
    StrokeKind, Tooltip, Ui, WidgetInfo, pos2, vec2,
};

use super::heatmap::exact;
use crate::colormap::{Tone, hatch, shade};
use crate::figure::ticks::{format_value, nice_ticks, tick_labels};
use crate::grid::Grid;

const BINS: usize = 48;
const BAR_WIDTH: f32 = 14.0;
const HISTOGRAM_WIDTH: f32 = 26.0;
const LABEL_WIDTH: f32 = 52.0;
/// Room above and below the bar for the marks of clipped values.
const END: f32 = 10.0;
const TEXT_SIZE: f32 = 11.0;

/// How values lie in a range. Made once per grid and range, not per frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spread {
    /// How many values fall into each of equal parts of the range, from its lower to its upper value.
    pub histogram: Vec<u32>,
    /// How many lie below the range.
    pub below: usize,
    /// How many lie above the range.
    pub above: usize,
    /// How many are NaN.
    pub nan: usize,
}

impl Spread {
    /// Counts the values of `grid`, all channels together; the range may be given either way round.
    pub fn of(grid: &Grid, range: [f32; 2]) -> Spread {
        let (low, high) = (range[0].min(range[1]), range[0].max(range[1]));
        let mut spread = Spread { histogram: vec![0; BINS], ..Spread::default() };
        let scale = BINS as f32 / (high - low).max(f32::MIN_POSITIVE);
        for &value in grid.values() {
            if value.is_nan() {
                spread.nan += 1;
            } else if value < low {
                spread.below += 1;
            } else if value > high {
                spread.above += 1;
            } else {
                spread.histogram[(((value - low) * scale) as usize).min(BINS - 1)] += 1;
            }
        }
        spread
    }
}

/// A vertical bar of colours with numbers, a histogram, and marks for what the range leaves out.
pub struct ColourBar<'a> {
    name: &'a str,
    tone: Tone,
    spread: &'a Spread,
    height: f32,
    value: Option<f32>,
}

impl<'a> ColourBar<'a> {
    /// A bar for `tone`, called `name` by screen readers.
    pub fn new(name: &'a str, tone: Tone, spread: &'a Spread) -> ColourBar<'a> {
        ColourBar { name, tone, spread, height: 160.0, value: None }
    }

    /// The height in points, numbers and marks included.
    pub fn height(mut self, height: f32) -> Self {
        self.height = height;
        self
    }

    /// The value under the pointer of the map, marked on the bar.
    pub fn value(mut self, value: Option<f32>) -> Self {
        self.value = value;
        self
    }

    /// Draws it.
    pub fn show(self, ui: &mut Ui) -> Response {
        let width = HISTOGRAM_WIDTH + BAR_WIDTH + LABEL_WIDTH;
        let (rect, response) = ui.allocate_exact_size(vec2(width, self.height), Sense::hover());
        let foot = if self.spread.nan > 0 { TEXT_SIZE + 6.0 } else { 0.0 };
        let bar = Rect::from_min_max(
            pos2(rect.left() + HISTOGRAM_WIDTH, rect.top() + END),
            pos2(rect.left() + HISTOGRAM_WIDTH + BAR_WIDTH, rect.bottom() - END - foot),
        );
        let pointed = response.hover_pos().filter(|p| bar.y_range().contains(p.y)).map(|p| {
            let [low, high] = self.tone.range;
            low + (high - low) * (bar.bottom() - p.y) / bar.height()
        });
        response.widget_info(|| {
            let mut info = WidgetInfo::labeled(Role::Image, response.enabled(), self.name);
            info.current_text_value = Some(self.in_words());
            info
        });
        if ui.is_rect_visible(rect) && bar.is_positive() {
            let painter = ui.painter_at(rect.expand(2.0));
            self.paint(ui, &painter, bar);
            if self.spread.nan > 0 {
                self.paint_nan(ui, &painter, rect);
            }
        }
        if let Some(value) = pointed {
            Tooltip::for_widget(&response).at_pointer().gap(12.0).show(|ui| {
                ui.label(format_value(value));
                ui.label(self.in_words());
            });
        }
        response
    }

    /// "−1.00 to 2.00; values left out: 12 below, 3 above, 4 not a number; pointer on 0.5".
    fn in_words(&self) -> String {
        let [low, high] = self.tone.range.map(format_value);
        let mut text = format!("{low} to {high}");
        let left_out: Vec<String> =
            [(self.spread.below, "below"), (self.spread.above, "above"), (self.spread.nan, "not a number")]
                .into_iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| format!("{count} {what}"))
                .collect();
        if !left_out.is_empty() {
            text += &format!("; values left out: {}", left_out.join(", "));
        }
        if let Some(value) = self.value {
            text += &format!("; pointer on {}", exact(value));
        }
        text
    }

    fn paint(&self, ui: &Ui, painter: &Painter, bar: Rect) {
        let visuals = ui.visuals();
        let (quiet, text) = (visuals.weak_text_color(), visuals.text_color());
        let [low, high] = self.tone.range;
        let font = FontId::new(TEXT_SIZE, FontFamily::Proportional);

        painter.add(self.colours(bar));
        painter.rect_stroke(bar, 0.0, Stroke::new(1.0, quiet), StrokeKind::Outside);
        painter.add(self.bins(bar, quiet));

        let y_of = |value: f32| bar.bottom() - bar.height() * (value - low) / (high - low);
        if low == high {
            label(painter, bar, bar.center().y, &format_value(low), &font, text);
        } else {
            let ticks = nice_ticks([low, high], 5);
            for (&tick, written) in ticks.iter().zip(tick_labels(&ticks)) {
                label(painter, bar, y_of(tick), &written, &font, text);
            }
        }

        // A reversed range has its larger value at the bottom.
        let (at_bottom, at_top) = match low <= high {
            true => (self.spread.below, self.spread.above),
            false => (self.spread.above, self.spread.below),
        };
        let warning = visuals.warn_fg_color;
        if at_top > 0 {
            painter.add(triangle(bar.center_top().x, bar.top() - 2.0, -7.0, warning));
        }
        if at_bottom > 0 {
            painter.add(triangle(bar.center_bottom().x, bar.bottom() + 2.0, 7.0, warning));
        }

        if let Some(value) = self.value.filter(|v| !v.is_nan() && low != high) {
            let y = y_of(value).clamp(bar.top(), bar.bottom());
            for stroke in super::viewport::strokes() {
                painter.hline(bar.x_range(), y, stroke);
            }
            let tip = pos2(bar.left() - 1.0, y);
            let side = [tip, tip - vec2(7.0, 4.0), tip - vec2(7.0, -4.0)];
            painter.add(Shape::convex_polygon(side.to_vec(), text, Stroke::NONE));
        }
    }

    /// The colours over linear values, so that gamma shows.
    fn colours(&self, bar: Rect) -> Shape {
        let [low, high] = self.tone.range;
        let steps = bar.height().ceil().clamp(2.0, 256.0) as usize;
        let mut mesh = Mesh::default();
        for step in 0..steps {
            let edge = |k: usize| bar.bottom() - bar.height() * k as f32 / steps as f32;
            let part = Rect::from_x_y_ranges(bar.x_range(), edge(step + 1)..=edge(step));
            let share = (step as f32 + 0.5) / steps as f32;
            if let Some([r, g, b]) = shade(low + (high - low) * share, &self.tone) {
                mesh.add_colored_rect(part, Color32::from_rgb(r, g, b));
            }
        }
        Shape::mesh(mesh)
    }

    /// The histogram, growing to the left of the bar by the root of the counts: few values, as those
    /// near the ends of most maps, shall be seen beside many.
    fn bins(&self, bar: Rect, colour: Color32) -> Shape {
        let most = self.spread.histogram.iter().copied().max().unwrap_or(0).max(1) as f32;
        let count = self.spread.histogram.len();
        let reversed = self.tone.range[0] > self.tone.range[1];
        let mut mesh = Mesh::default();
        for (k, &bin) in self.spread.histogram.iter().enumerate() {
            let place = if reversed { count - 1 - k } else { k };
            let edge = |k: usize| bar.bottom() - bar.height() * k as f32 / count as f32;
            let length = (HISTOGRAM_WIDTH - 6.0) * (bin as f32 / most).sqrt();
            let right = bar.left() - 3.0;
            mesh.add_colored_rect(
                Rect::from_x_y_ranges(right - length..=right, edge(place + 1)..=edge(place)),
                colour,
            );
        }
        Shape::mesh(mesh)
    }

    /// A hatched patch and the count at the foot.
    fn paint_nan(&self, ui: &Ui, painter: &Painter, rect: Rect) {
        let side = TEXT_SIZE;
        let corner = pos2(rect.left() + HISTOGRAM_WIDTH, rect.bottom() - side - 1.0);
        let patch = Rect::from_min_size(corner, vec2(BAR_WIDTH, side));
        let mut mesh = Mesh::default();
        for y in 0..patch.height() as u32 {
            for x in 0..patch.width() as u32 {
                let [r, g, b] = hatch(x, y);
                let pixel = Rect::from_min_size(corner + vec2(x as f32, y as f32), vec2(1.0, 1.0));
                mesh.add_colored_rect(pixel, Color32::from_rgb(r, g, b));
            }
        }
        painter.add(Shape::mesh(mesh));
        let text = format!("{} NaN", self.spread.nan);
        let font = FontId::new(TEXT_SIZE, FontFamily::Proportional);
        painter.text(
            patch.right_center() + vec2(5.0, 0.0),
            Align2::LEFT_CENTER,
            text,
            font,
            ui.visuals().text_color(),
        );
    }
}

fn label(painter: &Painter, bar: Rect, y: f32, text: &str, font: &FontId, colour: Color32) {
    let tick = Rangef::new(bar.right() + 1.0, bar.right() + 4.0);
    painter.hline(tick, y, Stroke::new(1.0, colour));
    painter.text(pos2(bar.right() + 7.0, y), Align2::LEFT_CENTER, text, font.clone(), colour);
}

/// A triangle on a base at `y` that reaches `height` downwards (upwards where negative).
fn triangle(x: f32, y: f32, height: f32, colour: Color32) -> Shape {
    let corners = vec![pos2(x - 5.0, y), pos2(x + 5.0, y), pos2(x, y + height)];
    Shape::convex_polygon(corners, colour, Stroke::NONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_counted_once() {
        let values = vec![-2.0, 0.0, 0.5, 1.0, 3.0, f32::INFINITY, f32::NAN, f32::NEG_INFINITY];
        let grid = Grid::new(1, 2, 4, values).unwrap();
        for range in [[0.0, 1.0], [1.0, 0.0]] {
            let spread = Spread::of(&grid, range);
            assert_eq!((spread.below, spread.above, spread.nan), (2, 2, 1));
            assert_eq!(spread.histogram.iter().sum::<u32>(), 3);
            assert_eq!(
                (spread.histogram[0], spread.histogram[BINS / 2], spread.histogram[BINS - 1]),
                (1, 1, 1)
            );
        }
        let all_equal = Spread::of(&Grid::from_fn(1, 2, 2, |_, _, _| 3.0), [3.0, 3.0]);
        assert_eq!(all_equal.histogram.iter().sum::<u32>(), 4);
    }
}
