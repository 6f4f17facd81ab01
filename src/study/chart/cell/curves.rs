//! Accuracy over pictures with its forecast, and what noise does over steps.

use image::{Rgb, RgbImage};

use super::{AXES, PANEL, TITLE, number_style, panel, px, text_style, write};
use crate::error::Result;
use crate::figure::Theme;
use crate::figure::ticks::{nice_ticks, thousands, tick_labels};
use crate::study::cell::{CellCurve, NoiseRow};
use crate::study::chart::ink::{Shape, line, marker};
use crate::study::chart::{draw_interval, ink_of};
use crate::study::table::Features;

/// How much of the ink a band has.
const BAND: f32 = 0.16;
/// Length of a dash and of the gap behind it.
const DASH: f32 = 5.0;

/// Where numbers lie.
struct Plot {
    /// Ends across, as they are drawn (logarithms of pictures).
    x: [f32; 2],
    /// Ends up, in percent.
    y: [f32; 2],
}

impl Plot {
    /// With room above and below `values`, which are percentages.
    fn of(x: [f32; 2], values: impl Iterator<Item = f32>) -> Plot {
        let (low, high) = values.fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(v), high.max(v)));
        let room = ((10.0 - (high - low)) / 2.0).max(0.05 * (high - low));
        Plot { x, y: [(low - room).max(0.0), (high + room).min(100.0)] }
    }

    fn left(&self) -> f32 {
        px(AXES.0)
    }

    fn bottom(&self) -> f32 {
        px(PANEL.1 - AXES.1)
    }

    fn at(&self, x: f32, percent: f32) -> (f32, f32) {
        let share =
            |value: f32, [low, high]: [f32; 2]| if high > low { (value - low) / (high - low) } else { 0.5 };
        let across = px(PANEL.0 - 12.0) - self.left() - px(12.0);
        let up = self.bottom() - px(TITLE) - px(4.0);
        (
            self.left() + px(12.0) + across * share(x, self.x),
            self.bottom() - up * share(percent, self.y).clamp(0.0, 1.0),
        )
    }

    /// Percentages at the left, `numbers` (place and text) under the plot, and what these are.
    fn axes(&self, image: &mut RgbImage, numbers: &[(f32, String)], name: &str, theme: Theme) {
        let style = number_style();
        let ticks = nice_ticks(self.y, 6);
        let right = px(PANEL.0);
        for (&tick, text) in ticks.iter().zip(tick_labels(&ticks)) {
            let y = self.at(self.x[0], tick).1.round() + 0.5;
            line(image, (self.left(), y), (right, y), px(0.5), theme.line());
            write(image, style, (self.left() - px(6.0), y), 1.0, &format!("{text} %"), theme.quiet());
        }
        let mut free = f32::MIN;
        for (place, text) in numbers {
            let x = self.at(*place, self.y[0]).0;
            let half = style.width(text) / 2.0;
            if x - half > free {
                write(image, style, (x, self.bottom() + px(10.0)), 0.5, text, theme.quiet());
                free = x + half + px(5.0);
            }
        }
        let middle = ((self.left() + right) / 2.0, self.bottom() + px(27.0));
        write(image, text_style(), middle, 0.5, name, theme.quiet());
    }
}

/// The learning curve; what was not measured is dashed, with its band.
pub(super) fn growth(curve: &CellCurve, theme: Theme) -> Result<RgbImage> {
    let mut image = panel("accuracy over pictures learned from", theme)?;
    let percent = |share: f64| 100.0 * share as f32;
    let log = |pictures: f64| (pictures.max(1.0) as f32).ln();
    let last = curve.band.last().map_or(curve.at_hand, |point| point.pictures);
    let first = curve.points.first().map_or(1.0, |point| point.pictures);
    let measured = curve.points.iter().flat_map(|point| [percent(point.ci_low), percent(point.ci_high)]);
    let foretold = curve.band.iter().flat_map(|point| [percent(point.low), percent(point.high)]);
    let plot = Plot::of([log(first), log(last)], measured.chain(foretold));
    let known = curve.points.iter().map(|point| point.pictures);
    let numbers = known.chain(curve.forecasts.iter().map(|point| point.pictures));
    let mut numbers: Vec<(f32, String)> =
        numbers.map(|count| (log(count), thousands(count.round() as u64))).collect();
    numbers.sort_by(|a, b| a.0.total_cmp(&b.0));
    plot.axes(&mut image, &numbers, "pictures of each class", theme);
    let ink = ink_of(Features::Network, theme);
    for pair in curve.band.windows(2) {
        let ends = [&pair[0], &pair[1]].map(|point| {
            let (x, low) = plot.at(log(point.pictures), percent(point.low));
            (x, low, plot.at(log(point.pictures), percent(point.high)).1)
        });
        band(&mut image, ends, ink);
    }
    let end = curve.points.last().map_or(0.0, |point| point.pictures);
    for pair in curve.band.windows(2) {
        let [a, b] = [&pair[0], &pair[1]].map(|point| plot.at(log(point.pictures), percent(point.accuracy)));
        if pair[0].pictures < end {
            line(&mut image, a, b, px(1.5), ink);
        } else {
            dashes(&mut image, a, b, ink);
        }
    }
    for point in &curve.points {
        let (x, y) = plot.at(log(point.pictures), percent(point.accuracy));
        let ends = [point.ci_low, point.ci_high].map(|share| plot.at(0.0, percent(share)).1);
        draw_interval(&mut image, (x, ends[0]), (x, ends[1]), ink);
        marker(&mut image, Shape::Circle, (x, y), px(3.5), ink, None);
    }
    Ok(image)
}

/// The share of the variance between pictures, and of neighbours that draws have in common.
pub(super) fn noise(rows: &[NoiseRow], theme: Theme) -> Result<RgbImage> {
    let mut image = panel("alike under other noise: variance (dots), neighbours (diamonds)", theme)?;
    let percent = |share: f64| 100.0 * share as f32;
    let ends = [rows.first(), rows.last()].map(|row| row.map_or(0.0, |row| row.timestep as f32));
    let values = rows.iter().flat_map(|row| [row.ci_low, row.ci_high, Some(row.agreement)]);
    let plot = Plot::of(ends, values.flatten().map(percent));
    let numbers: Vec<(f32, String)> =
        rows.iter().map(|row| (row.timestep as f32, row.timestep.to_string())).collect();
    plot.axes(&mut image, &numbers, "timestep", theme);
    let ink = ink_of(Features::Network, theme);
    let at = |row: &NoiseRow, share: f64| plot.at(row.timestep as f32, percent(share));
    for pair in rows.windows(2) {
        let [a, b] = [&pair[0], &pair[1]];
        line(&mut image, at(a, a.agreement), at(b, b.agreement), px(1.0), theme.quiet());
        if let (Some(from), Some(to)) = (a.correlation, b.correlation) {
            line(&mut image, at(a, from), at(b, to), px(1.5), ink);
        }
    }
    for row in rows {
        let place = at(row, row.agreement);
        marker(&mut image, Shape::Diamond, place, px(3.0), theme.quiet(), None);
        if let (Some(value), Some(low), Some(high)) = (row.correlation, row.ci_low, row.ci_high) {
            draw_interval(&mut image, at(row, low), at(row, high), ink);
            marker(&mut image, Shape::Circle, at(row, value), px(3.5), ink, None);
        }
    }
    Ok(image)
}

/// Tints what lies between two ends, each (x, low, high).
fn band(image: &mut RgbImage, [a, b]: [(f32, f32, f32); 2], ink: Rgb<u8>) {
    for x in a.0.max(0.0) as u32..(b.0 as u32).min(image.width()) {
        let share = ((x as f32 - a.0) / (b.0 - a.0).max(1e-3)).clamp(0.0, 1.0);
        let (low, high) = (a.1 + share * (b.1 - a.1), a.2 + share * (b.2 - a.2));
        for y in high.max(0.0) as u32..(low as u32).min(image.height()) {
            let pixel = image.get_pixel_mut(x, y);
            for (under, over) in pixel.0.iter_mut().zip(ink.0) {
                let (from, to) = (f32::from(*under), f32::from(over));
                *under = (from + (to - from) * BAND).round() as u8;
            }
        }
    }
}

fn dashes(image: &mut RgbImage, from: (f32, f32), to: (f32, f32), ink: Rgb<u8>) {
    let length = (to.0 - from.0).hypot(to.1 - from.1);
    let step = px(DASH).min(length.max(1.0));
    let at = |along: f32| {
        let share = (along / length.max(1e-3)).min(1.0);
        (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1))
    };
    let mut along = 0.0;
    while along < length {
        line(image, at(along), at((along + step / 2.0).min(length)), px(1.5), ink);
        along += step;
    }
}
