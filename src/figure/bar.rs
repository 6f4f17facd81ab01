//! The colour bar of a figure: the colours with their numbers, how the values are spread over them,
//! and what lies outside.

use image::{Rgb, RgbImage};

use super::text::Style;
use super::theme::Theme;
use super::ticks::{nice_ticks, tick_labels};
use crate::colormap::{Tone, hatch, shade};
use crate::grid::Grid;

/// The most numbers beside a bar.
pub const MAX_TICKS: usize = 5;
/// Bins of the histogram.
const BINS: usize = 48;

/// What a colour bar explains.
#[derive(Clone, Copy, Debug)]
pub struct Bar<'a> {
    /// How values became colours.
    pub tone: Tone,
    /// The values painted with it: their histogram is drawn, and where some lie above or below the
    /// range the bar ends in an arrow.
    pub values: &'a Grid,
}

/// How many values a range leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clipped {
    /// Values under the range.
    pub below: usize,
    /// Values over it.
    pub above: usize,
    /// Values that are not a number.
    pub nan: usize,
}

impl Clipped {
    /// Counts `values` against `range`.
    pub fn count(values: &[f32], range: [f32; 2]) -> Clipped {
        let (lo, hi) = (range[0].min(range[1]), range[0].max(range[1]));
        let mut clipped = Clipped::default();
        for &value in values {
            clipped.below += usize::from(value < lo);
            clipped.above += usize::from(value > hi);
            clipped.nan += usize::from(value.is_nan());
        }
        clipped
    }
}

/// A bar measured for a figure of scale `unit` (1 at normal size), ready to be drawn.
pub(super) struct BarPlan<'a> {
    bar: Bar<'a>,
    clipped: Clipped,
    ticks: Vec<(f32, String)>,
    style: Style,
    unit: u32,
    labels: u32,
}

impl<'a> BarPlan<'a> {
    pub(super) fn new(bar: &Bar<'a>, unit: u32) -> BarPlan<'a> {
        let style = Style::tabular(12.0 * unit as f32);
        let ticks = nice_ticks(bar.tone.range, MAX_TICKS);
        let ticks: Vec<(f32, String)> = ticks.iter().copied().zip(tick_labels(&ticks)).collect();
        let clipped = Clipped::count(bar.values.values(), bar.tone.range);
        let nan = (clipped.nan > 0).then_some("NaN");
        let widest = ticks.iter().map(|(_, label)| label.as_str()).chain(nan).map(|label| style.width(label));
        let labels = widest.fold(0.0, f32::max).ceil() as u32;
        BarPlan { bar: *bar, clipped, ticks, style, unit, labels }
    }

    fn histogram_width(&self) -> u32 {
        48 * self.unit
    }

    fn bar_width(&self) -> u32 {
        16 * self.unit
    }

    fn arrow(&self) -> u32 {
        10 * self.unit
    }

    /// Width of histogram, bar and numbers.
    pub(super) fn width(&self) -> u32 {
        self.histogram_width() + self.bar_width() + self.labels + 12 * self.unit
    }

    /// The least height at which the numbers do not touch.
    pub(super) fn min_height(&self) -> u32 {
        160 * self.unit
    }

    /// Draws into the box at (x, y) of [`BarPlan::width`] and `height` pixels.
    pub(super) fn draw(&self, image: &mut RgbImage, (x, y): (u32, u32), height: u32, theme: Theme) {
        let nan_height = if self.clipped.nan > 0 { 24 * self.unit } else { 0 };
        let left = x + self.histogram_width() + 4 * self.unit;
        let top = y + self.arrow();
        let rows = height.saturating_sub(2 * self.arrow() + nan_height).max(1);
        self.draw_histogram(image, (x, top), rows, theme.quiet());
        let [lo, hi] = self.bar.tone.range;
        for row in 0..rows {
            // From exactly the high end above to exactly the low end below.
            let share = 1.0 - row as f32 / (rows - 1).max(1) as f32;
            let color = self.color(lo + (hi - lo) * share);
            fill(image, (left, top + row), (self.bar_width(), 1), color);
        }
        // A reversed range has its larger values at the lower end of the bar.
        let (over, under) = if lo <= hi {
            (self.clipped.above, self.clipped.below)
        } else {
            (self.clipped.below, self.clipped.above)
        };
        for step in 0..self.arrow().saturating_sub(2 * self.unit) {
            let inset = (step + 1) * self.bar_width() / (2 * self.arrow());
            let size = (self.bar_width().saturating_sub(2 * inset), 1);
            if over > 0 {
                fill(image, (left + inset, top - 1 - self.unit - step), size, self.color(hi));
            }
            if under > 0 {
                fill(image, (left + inset, top + rows + self.unit + step), size, self.color(lo));
            }
        }
        let numbers = left + self.bar_width() + 8 * self.unit;
        for (tick, label) in &self.ticks {
            let share = if hi == lo { 0.5 } else { (tick - lo) / (hi - lo) };
            let at = top as f32 + (1.0 - share) * (rows - 1) as f32;
            let mark = (at.round() as u32).clamp(top, top + rows - 1);
            fill(
                image,
                (left + self.bar_width() + self.unit, mark),
                (4 * self.unit, self.unit),
                theme.quiet(),
            );
            self.write(image, (numbers, at), label, theme.text());
        }
        if self.clipped.nan > 0 {
            let swatch = (left, y + height - 16 * self.unit);
            for (dx, dy) in (0..16 * self.unit).flat_map(|dy| (0..self.bar_width()).map(move |dx| (dx, dy))) {
                fill(image, (swatch.0 + dx, swatch.1 + dy), (1, 1), Rgb(hatch(dx, dy)));
            }
            self.write(image, (numbers, (swatch.1 + 8 * self.unit) as f32), "NaN", theme.text());
        }
    }

    /// One label whose middle is at height `at`.
    fn write(&self, image: &mut RgbImage, (x, at): (u32, f32), label: &str, ink: Rgb<u8>) {
        self.style.draw(image, (x as f32, at - self.style.line_height() as f32 / 2.0), label, ink);
    }

    fn color(&self, value: f32) -> Rgb<u8> {
        Rgb(shade(value, &self.bar.tone).unwrap_or_else(|| hatch(0, 0)))
    }

    /// Bars that grow to the left, from the low end below to the high end above; the longest fills
    /// the width. Values outside the range are not counted: the arrows stand for them.
    fn draw_histogram(&self, image: &mut RgbImage, (x, top): (u32, u32), rows: u32, ink: Rgb<u8>) {
        let bins = BINS.min(rows as usize);
        let mut counts = vec![0u32; bins];
        let linear = Tone { gamma: 1.0, ..self.bar.tone };
        let range = self.bar.tone.range;
        let (lo, hi) = (range[0].min(range[1]), range[0].max(range[1]));
        for &value in self.bar.values.values().iter().filter(|v| (lo..=hi).contains(*v)) {
            counts[((linear.place(value) * bins as f32) as usize).min(bins - 1)] += 1;
        }
        let most = counts.iter().copied().max().unwrap_or(0).max(1);
        for row in 0..rows {
            let bin = bins - 1 - (row as usize * bins / rows as usize);
            let share = counts[bin] as f32 / most as f32;
            let length = (share * self.histogram_width() as f32).ceil() as u32;
            fill(image, (x + self.histogram_width() - length, top + row), (length, 1), ink);
        }
    }
}

/// Paints a rectangle, cut off at the image's edges.
pub(super) fn fill(image: &mut RgbImage, (x, y): (u32, u32), (width, height): (u32, u32), color: Rgb<u8>) {
    for row in y..y.saturating_add(height).min(image.height()) {
        for column in x..x.saturating_add(width).min(image.width()) {
            image.put_pixel(column, row, color);
        }
    }
}
