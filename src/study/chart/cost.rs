//! Accuracy against what a picture costs.

use image::RgbImage;

use super::ink::line;
use super::{
    Content, Scale, draw_interval, draw_marker, ink_of, number_style, page, px, shots_title, text_style,
    write,
};
use crate::error::Result;
use crate::figure::paint::canvas;
use crate::figure::ticks::{nice_ticks, tick_labels};
use crate::figure::{Caption, Theme};
use crate::study::table::Summary;

/// Panels beside each other.
const ACROSS: usize = 2;
/// Width of a plot, alone and beside another.
const WIDTHS: [f32; 2] = [560.0, 400.0];
/// Height of a plot.
const HEIGHT: f32 = 250.0;
/// Height of a panel's title.
const TITLE: f32 = 24.0;
/// Width of the numbers beside a plot.
const SIDE: f32 = 44.0;
/// Height of the numbers and words under a plot.
const BELOW: f32 = 42.0;
/// Between panels.
const GAP: f32 = 22.0;
/// Least distance of two marks: their numbers do not touch.
const STEP: f32 = 15.0;
/// Least width of the strip for what costs nothing.
const STRIP: f32 = 36.0;

/// Draws each head at its cost (10⁹ multiply-adds per picture, a logarithmic axis; what costs nothing
/// has a strip of its own) and its accuracy, one panel per number of shots, with a numbered key.
///
/// # Errors
/// When there is no head, or the figure would be too large.
pub fn cost_figure(summaries: &[Summary], caption: &Caption, theme: Theme) -> Result<RgbImage> {
    let content = Content::of(summaries)?;
    let across = content.shots.len().min(ACROSS);
    let plot = (px(WIDTHS[across - 1]), px(HEIGHT));
    let panel = px(SIDE) + plot.0;
    let width = across as f32 * (panel + px(GAP)) - px(GAP);
    let block = px(TITLE) + plot.1 + px(BELOW);
    let blocks = content.shots.len().div_ceil(ACROSS) as f32;
    let key = Key::of(&content, width);
    let height = blocks * (block + px(GAP)) - px(GAP) + px(8.0) + key.height();
    let mut image = canvas(width as u32, height as u32, theme.surface())?;

    let scale = content.scale();
    let costs = Costs::of(&content, plot.0);
    for (index, &shots) in content.shots.iter().enumerate() {
        let left = (index % ACROSS) as f32 * (panel + px(GAP)) + px(SIDE);
        let top = (index / ACROSS) as f32 * (block + px(GAP));
        let middle = top + px(TITLE) / 2.0 - px(2.0);
        write(&mut image, text_style(), (left, middle), 0.0, &shots_title(shots), theme.text());
        let top = top + px(TITLE);
        let area = [left, top, left + plot.0, top + plot.1];
        draw_axes(&mut image, &scale, &costs, area, theme);
        draw_points(&mut image, &content, index, &scale, &costs, area, theme);
    }
    key.draw(&mut image, &content, height - key.height(), theme);
    let aside = "Marks of about the same cost stand side by side where they would touch.";
    page(&image, caption, &content, &[aside], theme)
}

/// The axis of costs.
struct Costs {
    /// log₁₀ of GMAC at the ends.
    range: [f32; 2],
    ticks: Vec<f32>,
    /// Width of the strip for what costs nothing; 0 where everything costs something.
    strip: f32,
    /// Whether anything costs something.
    any: bool,
}

impl Costs {
    fn of(content: &Content<'_>, width: f32) -> Costs {
        let positive: Vec<f32> =
            content.cells().map(|cell| cell.gmac_per_image as f32).filter(|&cost| cost > 0.0).collect();
        let logs = || positive.iter().map(|cost| cost.log10());
        let free = (0..content.shots.len()).map(|panel| {
            let free = |row: &&super::Row<'_>| {
                row.cells[panel].is_some_and(|cell| cell.gmac_per_image as f32 <= 0.0)
            };
            content.rows.iter().filter(free).count()
        });
        let most_free = free.max().unwrap_or(0) as f32;
        let strip =
            if most_free > 0.0 { px(STRIP.max((most_free + 1.0) * STEP)).min(width / 3.0) } else { 0.0 };
        if positive.is_empty() {
            return Costs { range: [0.0, 1.0], ticks: Vec::new(), strip: width, any: false };
        }
        let (low, high) = (logs().fold(f32::INFINITY, f32::min), logs().fold(f32::NEG_INFINITY, f32::max));
        let room = (0.1 * (high - low)).max((0.6 - (high - low)) / 2.0);
        let range = [low - room, high + room];
        Costs { range, ticks: log_ticks(range), strip, any: true }
    }

    /// Where `cost` lies between `left` and `right`.
    fn place(&self, cost: f32, left: f32, right: f32) -> f32 {
        if cost <= 0.0 {
            return left + self.strip / 2.0;
        }
        let share = (cost.log10() - self.range[0]) / (self.range[1] - self.range[0]);
        left + self.strip + share * (right - left - self.strip)
    }
}

/// Powers of ten within 10^`range`; with fewer than three, 1, 2 and 5 times such; else round numbers.
fn log_ticks(range: [f32; 2]) -> Vec<f32> {
    let ends = range.map(|log| 10f32.powf(log));
    let of = |multiples: &[f32]| -> Vec<f32> {
        let decades = range[0].floor() as i32..=range[1].ceil() as i32;
        let all = decades
            .flat_map(|decade| multiples.iter().map(move |m| (f64::from(*m) * 10f64.powi(decade)) as f32));
        all.filter(|tick| (ends[0]..=ends[1]).contains(tick)).collect()
    };
    let decades = of(&[1.0]);
    let thinned: Vec<f32> = decades.iter().copied().step_by(decades.len().div_ceil(8).max(1)).collect();
    let choices = [thinned, of(&[1.0, 2.0, 5.0])];
    choices.into_iter().find(|ticks| ticks.len() >= 3).unwrap_or_else(|| nice_ticks(ends, 5))
}

fn draw_axes(
    image: &mut RgbImage,
    scale: &Scale,
    costs: &Costs,
    [left, top, right, bottom]: [f32; 4],
    theme: Theme,
) {
    for (tick, label) in scale.marks() {
        let y = height(scale, tick, top, bottom).round() + 0.5;
        line(image, (left, y), (right, y), px(0.5), theme.line());
        write(image, number_style(), (left - px(8.0), y), 1.0, label, theme.quiet());
    }
    let numbers = bottom + px(12.0);
    let mut mark = |x: f32, label: &str| {
        line(image, (x, bottom), (x, bottom + px(4.0)), px(1.0), theme.quiet());
        write(image, number_style(), (x, numbers), 0.5, label, theme.quiet());
    };
    for &tick in &costs.ticks {
        mark(costs.place(tick, left, right).round(), &tick_labels(&[tick]).concat());
    }
    if costs.strip > 0.0 {
        mark(costs.place(0.0, left, right).round(), "0");
        if costs.any {
            let x = left + costs.strip;
            line(image, (x, top), (x, bottom), px(1.0), theme.line());
        }
    }
    line(image, (left, bottom), (right, bottom), px(1.0), theme.quiet());
    let words = "GMAC per picture";
    write(image, text_style(), (right, bottom + px(31.0)), 1.0, words, theme.quiet());
    // Over the numbers, where a title of the axis takes no room.
    write(image, number_style(), (left - px(8.0), top - px(14.0)), 1.0, "%", theme.quiet());
}

/// The height of a percentage, with room for the numbers over the highest marks.
fn height(scale: &Scale, percent: f32, top: f32, bottom: f32) -> f32 {
    scale.place(percent, bottom - px(10.0), top + px(20.0))
}

fn draw_points(
    image: &mut RgbImage,
    content: &Content<'_>,
    panel: usize,
    scale: &Scale,
    costs: &Costs,
    [left, top, right, bottom]: [f32; 4],
    theme: Theme,
) {
    let y = |share: f64| height(scale, share as f32 * 100.0, top, bottom);
    let mut points: Vec<Point<'_>> = content
        .rows
        .iter()
        .enumerate()
        .filter_map(|(index, row)| {
            let cell = row.cells[panel]?;
            // Over the interval, or over the mark where that reaches higher.
            let number = y(cell.ci_high).min(y(cell.accuracy) - px(3.0)) - px(9.0);
            let below = y(cell.ci_low).max(y(cell.accuracy) + px(6.0));
            let x = costs.place(cell.gmac_per_image as f32, left, right);
            Some(Point { x, number, span: [number - px(8.0), below + px(2.0)], index, cell })
        })
        .collect();
    points.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.index.cmp(&b.index)));
    // What costs nothing stays in its strip.
    let edge = left + costs.strip;
    let charged = points.split_off(points.partition_point(|point| point.x < edge));
    for (points, ends) in [(points, [left, edge]), (charged, [edge, right])] {
        let lanes = lanes(points);
        let places: Vec<f32> = lanes.iter().map(|lane| mean_place(lane)).collect();
        for (x, lane) in spread(&places, px(STEP), ends).into_iter().zip(lanes) {
            for Point { cell, number, index, .. } in lane {
                let ink = ink_of(cell.features, theme);
                draw_interval(image, (x, y(cell.ci_low)), (x, y(cell.ci_high)), ink);
                let filled = cell.in_best_set == Some(true);
                draw_marker(image, (x, y(cell.accuracy)), cell.features, filled, theme);
                write(image, number_style(), (x, number), 0.5, &(index + 1).to_string(), theme.text());
            }
        }
    }
}

/// A head in a panel.
struct Point<'a> {
    /// Where its cost is.
    x: f32,
    /// The height of its number.
    number: f32,
    /// What it covers, from top to bottom.
    span: [f32; 2],
    /// Its row.
    index: usize,
    cell: &'a Summary,
}

/// Points by ascending x, those of about one x over each other where they do not touch: only what would
/// touch must step aside.
fn lanes(points: Vec<Point<'_>>) -> Vec<Vec<Point<'_>>> {
    let mut lanes: Vec<Vec<Point<'_>>> = Vec::new();
    for point in points {
        let free = |lane: &&mut Vec<Point<'_>>| {
            let apart = |other: &Point<'_>| point.span[1] < other.span[0] || other.span[1] < point.span[0];
            lane.iter().all(|other| point.x - other.x <= px(STEP) / 3.0 && apart(other))
        };
        match lanes.iter_mut().find(free) {
            Some(lane) => lane.push(point),
            None => lanes.push(vec![point]),
        }
    }
    lanes.sort_by(|a, b| mean_place(a).total_cmp(&mean_place(b)));
    lanes
}

fn mean_place(lane: &[Point<'_>]) -> f32 {
    lane.iter().map(|point| point.x).sum::<f32>() / lane.len() as f32
}

/// Moves ascending `places` as little as possible (in squares) so that neighbours are `step` apart, or
/// less where `ends` leave no room.
fn spread(places: &[f32], step: f32, ends: [f32; 2]) -> Vec<f32> {
    let step = step.min((ends[1] - ends[0]) / (places.len() as f32 + 1.0));
    // Less their own shift, places must only not descend: pool neighbours that do (isotonic regression).
    let mut pools: Vec<(f32, usize)> = Vec::new();
    for (index, place) in places.iter().enumerate() {
        pools.push((place - index as f32 * step, 1));
        while let [.., (a, n), (b, m)] = pools[..]
            && a > b
        {
            pools.truncate(pools.len() - 2);
            pools.push(((a * n as f32 + b * m as f32) / (n + m) as f32, n + m));
        }
    }
    let room = [ends[0] + step, ends[1] - places.len() as f32 * step];
    let shifts = pools.into_iter().flat_map(|(shift, count)| std::iter::repeat_n(shift, count));
    shifts
        .enumerate()
        .map(|(index, shift)| shift.clamp(room[0], room[1].max(room[0])) + index as f32 * step)
        .collect()
}

/// Which number is which head.
struct Key {
    columns: usize,
    column: f32,
    names: Vec<String>,
}

impl Key {
    const NUMBER: f32 = 20.0;
    const MARK: f32 = 18.0;
    const ROW: f32 = 20.0;

    fn of(content: &Content<'_>, width: f32) -> Key {
        let style = text_style();
        let before = px(Key::NUMBER + Key::MARK);
        let names: Vec<String> =
            content.rows.iter().map(|row| style.elide(&row.name, width - before - px(8.0))).collect();
        let widest = names.iter().map(|name| style.width(name)).fold(0.0, f32::max);
        let column = before + widest + px(22.0);
        let columns = ((width + px(22.0)) / column).floor().max(1.0) as usize;
        // Columns of nearly equal length.
        let rows = names.len().div_ceil(columns).max(1);
        Key { columns: names.len().div_ceil(rows), column, names }
    }

    fn rows(&self) -> usize {
        self.names.len().div_ceil(self.columns.max(1))
    }

    fn height(&self) -> f32 {
        self.rows() as f32 * px(Key::ROW)
    }

    fn draw(&self, image: &mut RgbImage, content: &Content<'_>, top: f32, theme: Theme) {
        let rows = self.rows();
        for (index, (name, row)) in self.names.iter().zip(&content.rows).enumerate() {
            let x = (index / rows) as f32 * self.column;
            let y = top + ((index % rows) as f32 + 0.5) * px(Key::ROW);
            write(
                image,
                number_style(),
                (x + px(Key::NUMBER - 4.0), y),
                1.0,
                &(index + 1).to_string(),
                theme.text(),
            );
            draw_marker(image, (x + px(Key::NUMBER + Key::MARK / 2.0 - 2.0), y), row.features, true, theme);
            let ink = if row.features.is_control() { theme.quiet() } else { theme.text() };
            write(image, text_style(), (x + px(Key::NUMBER + Key::MARK), y), 0.0, name, ink);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticks_of_costs_are_round() {
        let of = |low: f32, high: f32| log_ticks([low.log10(), high.log10()]);
        assert_eq!(of(0.05, 20.0), [0.1, 1.0, 10.0]);
        assert_eq!(of(0.3, 3.0), [0.5, 1.0, 2.0]);
        assert_eq!(of(0.27, 1.1), [0.4, 0.6, 0.8, 1.0], "round numbers where powers are far");
        assert!(of(1e-8, 1e6).len() <= 8);
    }

    #[test]
    fn places_apart_stay() {
        assert_eq!(spread(&[10.0, 50.0, 90.0], 10.0, [0.0, 100.0]), [10.0, 50.0, 90.0]);
        assert_eq!(spread(&[50.0, 50.0], 10.0, [0.0, 100.0]), [45.0, 55.0]);
        assert!(spread(&[], 10.0, [0.0, 0.0]).is_empty());
    }

    proptest! {
        #[test]
        fn places_are_spread(mut places in proptest::collection::vec(0f32..400.0, 1..40)) {
            places.sort_by(f32::total_cmp);
            let got = spread(&places, 15.0, [0.0, 400.0]);
            prop_assert!(got.iter().all(|place| (0.0..=400.0).contains(place)));
            let step = 15f32.min(400.0 / (places.len() as f32 + 1.0));
            prop_assert!(got.windows(2).all(|pair| pair[1] - pair[0] > step - 1e-2));
        }
    }
}
