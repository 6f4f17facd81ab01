//! Accuracy over labels: a curve for each order of labelling.

use image::{Rgb, RgbImage, imageops};

use super::ink::line;
use super::{PADDING, draw_interval, number_style, px, text_style, write};
use crate::error::{Error, Result};
use crate::figure::Theme;
use crate::figure::paint::canvas;
use crate::figure::text::Style;
use crate::figure::ticks::{nice_ticks, tick_labels};
use crate::study::label::{LabelBench, LabelSummary, Order};

/// The plot's width and height.
const PLOT: (f32, f32) = (460.0, 300.0);
/// Left and under it, for numbers.
const AXES: (f32, f32) = (46.0, 40.0);
/// Between names at the ends of curves at least.
const APART: f32 = 15.0;
/// Between points of curves with the same number of labels.
const BESIDE: f32 = 2.5;

/// Colours of Okabe and Ito, which most colour-blind people tell apart, darkened for thin lines on paper.
const INKS: [[u8; 3]; 7] = [
    [0x00, 0x5f, 0xa3],
    [0xb8, 0x4a, 0x00],
    [0x00, 0x80, 0x5c],
    [0x9c, 0x4f, 0x80],
    [0x9a, 0x6a, 0x00],
    [0x2e, 0x86, 0xb8],
    [0x70, 0x70, 0x70],
];

/// Where numbers of labels and percentages lie.
struct Scale {
    labels: [f32; 2],
    percent: [f32; 2],
    left: f32,
}

impl Scale {
    fn x(&self, labels: usize) -> f32 {
        let [low, high] = self.labels.map(f32::ln);
        let share = if high > low { ((labels as f32).ln() - low) / (high - low) } else { 0.5 };
        self.left + px(12.0) + share * px(PLOT.0 - 24.0)
    }

    fn y(&self, percent: f32) -> f32 {
        let share = (percent - self.percent[0]) / (self.percent[1] - self.percent[0]);
        px(8.0) + (1.0 - share) * px(PLOT.1)
    }
}

fn ink_of(order: Order, theme: Theme) -> Rgb<u8> {
    let place = Order::ALL.iter().position(|other| *other == order).unwrap_or(0);
    let ink = INKS[place.min(INKS.len() - 1)];
    match theme {
        Theme::Light => Rgb(ink),
        Theme::Dark => Rgb(ink.map(|value| value / 2 + 0x70)),
    }
}

/// Draws the curves with their intervals; the default order is the thickest.
///
/// # Errors
/// When there is no row.
pub fn label_figure(found: &LabelBench, theme: Theme) -> Result<RgbImage> {
    let rows = &found.summaries;
    if rows.is_empty() {
        return Err(Error::Setting("there is no order to draw".into()));
    }
    let style = text_style();
    let names = rows.iter().map(|row| style.width(row.order.name())).fold(0.0, f32::max).ceil();
    let width = px(AXES.0) + px(PLOT.0) + px(10.0) + names;
    let height = px(8.0) + px(PLOT.1) + px(AXES.1);
    let mut image = canvas(width as u32, height as u32, theme.surface())?;
    let scale = scale(rows);
    draw_axes(&mut image, rows, &scale, theme);
    let mut orders: Vec<Order> = rows.iter().map(|row| row.order).collect();
    orders.dedup();
    // The default order last, over the others.
    orders.sort_by_key(|order| (*order == Order::default(), *order as usize));
    let mut ends: Vec<(f32, f32, Order)> = Vec::new();
    for (place, &order) in orders.iter().enumerate() {
        let ink = ink_of(order, theme);
        let thick = if order == Order::default() { px(3.0) } else { px(1.5) };
        let shift = px(BESIDE) * (place as f32 - (orders.len() - 1) as f32 / 2.0);
        let points: Vec<(f32, &LabelSummary)> = rows
            .iter()
            .filter(|row| row.order == order)
            .map(|row| (scale.x(row.labels) + shift, row))
            .collect();
        let y = |share: f64| scale.y(100.0 * share as f32);
        for pair in points.windows(2) {
            let [a, b] = [&pair[0], &pair[1]].map(|(x, row)| (*x, y(row.accuracy)));
            line(&mut image, a, b, thick, ink);
        }
        for (x, row) in &points {
            draw_interval(&mut image, (*x, y(row.ci_low)), (*x, y(row.ci_high)), ink);
        }
        if let Some((x, row)) = points.last() {
            ends.push((*x, y(row.accuracy), order));
        }
    }
    draw_names(&mut image, ends, &scale, theme);
    page(&image, found, theme)
}

fn scale(rows: &[LabelSummary]) -> Scale {
    let labels =
        |of: fn(usize, usize) -> usize| rows.iter().map(|row| row.labels).reduce(of).unwrap_or(1) as f32;
    let low = rows.iter().map(|row| row.ci_low).fold(1.0, f64::min) as f32 * 100.0;
    let high = rows.iter().map(|row| row.ci_high).fold(0.0, f64::max) as f32 * 100.0;
    let room = ((10.0 - (high - low)) / 2.0).max(0.04 * (high - low));
    Scale {
        labels: [labels(usize::min), labels(usize::max)],
        percent: [(low - room).max(0.0), (high + room).min(100.0)],
        left: px(AXES.0),
    }
}

fn draw_axes(image: &mut RgbImage, rows: &[LabelSummary], scale: &Scale, theme: Theme) {
    let (left, right) = (scale.left, scale.left + px(PLOT.0));
    let ticks = nice_ticks(scale.percent, 6);
    for (&tick, text) in ticks.iter().zip(tick_labels(&ticks)) {
        let y = scale.y(tick).round() + 0.5;
        line(image, (left, y), (right, y), px(0.5), theme.line());
        write(image, number_style(), (left - px(8.0), y), 1.0, &format!("{text} %"), theme.quiet());
    }
    let mut labels: Vec<usize> = rows.iter().map(|row| row.labels).collect();
    labels.sort_unstable();
    labels.dedup();
    let bottom = px(8.0) + px(PLOT.1);
    let mut free = f32::MIN;
    for count in labels {
        let (x, text) = (scale.x(count), count.to_string());
        let half = number_style().width(&text) / 2.0;
        if x - half > free {
            write(image, number_style(), (x, bottom + px(12.0)), 0.5, &text, theme.quiet());
            free = x + half + px(6.0);
        }
    }
    let middle = (scale.left + px(PLOT.0) / 2.0, bottom + px(29.0));
    write(image, text_style(), middle, 0.5, "labels given", theme.quiet());
}

/// Names at the ends of curves, moved apart where they would meet.
fn draw_names(image: &mut RgbImage, mut ends: Vec<(f32, f32, Order)>, scale: &Scale, theme: Theme) {
    ends.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut places: Vec<f32> = ends.iter().map(|end| end.1).collect();
    for at in 1..places.len() {
        places[at] = places[at].max(places[at - 1] + px(APART));
    }
    let over = places.last().map_or(0.0, |last| (last - px(PLOT.1)).max(0.0));
    for at in (0..places.len()).rev() {
        let most = places.get(at + 1).map_or(px(PLOT.1), |below| below - px(APART));
        places[at] = if over > 0.0 { places[at].min(most) } else { places[at] };
    }
    let left = scale.left + px(PLOT.0) + px(8.0);
    for ((x, y, order), place) in ends.into_iter().zip(places) {
        let ink = ink_of(order, theme);
        line(image, (x + px(3.0), y), (left - px(3.0), place), px(0.5), ink);
        write(image, text_style(), (left, place), 0.0, order.name(), ink);
    }
}

/// The chart under its title, with what was found.
fn page(chart: &RgbImage, found: &LabelBench, theme: Theme) -> Result<RgbImage> {
    let padding = px(PADDING);
    let width = chart.width() as f32;
    let (title, notes) = (Style::proportional(px(18.0)), text_style());
    let titles = title.wrap(&format!("Labelling {} in different orders", found.data), width);
    let settings = &found.settings;
    let mut about: Vec<String> = found.saving.iter().map(|saving| saving.sentence()).collect();
    about.push(format!(
        "Accuracy on pictures that are never labelled, means of {} users with 95 % intervals; each labels of {} \
         pictures. {} at block {}, t {}, pool {}; its numbers are its own.",
        settings.seeds, found.pictures, found.network, found.block, found.timestep, settings.pool
    ));
    about.extend(found.coverage_sentence());
    let lines: Vec<String> = about.iter().flat_map(|text| notes.wrap(text, width)).collect();
    let (head, step) = (title.line_height() as f32, notes.line_height() as f32);
    let top = padding + titles.len() as f32 * head + px(8.0);
    let below = top + chart.height() as f32 + px(8.0);
    let height = below + lines.len() as f32 * step + padding;
    let mut figure = canvas((width + 2.0 * padding) as u32, height as u32, theme.surface())?;
    for (row, text) in titles.iter().enumerate() {
        title.draw(&mut figure, (padding, padding + row as f32 * head), text, theme.text());
    }
    imageops::replace(&mut figure, chart, padding as i64, top as i64);
    for (row, text) in lines.iter().enumerate() {
        notes.draw(&mut figure, (padding, below + row as f32 * step), text, theme.quiet());
    }
    Ok(figure)
}
