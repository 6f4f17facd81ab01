//! The figures of a comparison, accuracy per head and accuracy against cost; the table of a sweep; a cell
//! of one; what orders of labelling take; and matrices.

mod accuracy;
mod cell;
mod cost;
mod ink;
mod labels;
mod matrix;
mod sweep;

use image::{Rgb, RgbImage, imageops};

pub use accuracy::accuracy_figure;
pub use cell::cell_figure;
pub use cost::cost_figure;
pub use labels::label_figure;
pub use matrix::{Panel, matrix_figure};
pub use sweep::sweep_figure;

use self::ink::{Shape, line, marker};
use super::table::{Features, Summary};
use crate::error::{Error, Result};
use crate::figure::paint::canvas;
use crate::figure::text::Style;
use crate::figure::ticks::{nice_ticks, tick_labels};
use crate::figure::{Caption, Theme};

/// Pixels of one unit, in which all lengths here are given: figures are sharp on slides and in print.
const UNIT: f32 = 2.0;
/// Around everything.
const PADDING: f32 = 20.0;
/// Radius of a marker.
const RADIUS: f32 = 4.5;
/// From the left edge of a legend's entry to its words.
const LEGEND_MARK: f32 = 2.0 * RADIUS + 8.0;

fn px(units: f32) -> f32 {
    (units * UNIT).round()
}

fn text_style() -> Style {
    Style::proportional(px(12.0))
}

fn number_style() -> Style {
    Style::tabular(px(11.0))
}

/// One head on one kind of features, in every panel.
struct Row<'a> {
    name: String,
    features: Features,
    /// By panel.
    cells: Vec<Option<&'a Summary>>,
}

/// What both figures show: the shots, a panel each in ascending order, and the rows, the best first,
/// controls behind.
struct Content<'a> {
    shots: Vec<Option<usize>>,
    rows: Vec<Row<'a>>,
}

impl<'a> Content<'a> {
    fn of(summaries: &'a [Summary]) -> Result<Content<'a>> {
        if summaries.is_empty() {
            return Err(Error::Setting("there is no head to draw".into()));
        }
        let mut shots: Vec<Option<usize>> = summaries.iter().map(|row| row.shots).collect();
        // All pictures are more than any number of them.
        shots.sort_by_key(|shots| shots.unwrap_or(usize::MAX));
        shots.dedup();
        let mut rows: Vec<(&str, Row<'a>)> = Vec::new();
        for summary in summaries {
            let same =
                |(head, row): &(&str, Row<'_>)| *head == summary.head && row.features == summary.features;
            let at = rows.iter().position(same).unwrap_or_else(|| {
                let (name, features) = (name_of(summary), summary.features);
                rows.push((&summary.head, Row { name, features, cells: vec![None; shots.len()] }));
                rows.len() - 1
            });
            if let Some(panel) = shots.iter().position(|shots| *shots == summary.shots) {
                rows[at].1.cells[panel] = Some(summary);
            }
        }
        let mut rows: Vec<Row<'a>> = rows.into_iter().map(|(_, row)| row).collect();
        let mean = |row: &Row<'_>| {
            let known: Vec<f64> = row.cells.iter().flatten().map(|cell| cell.accuracy).collect();
            known.iter().sum::<f64>() / known.len().max(1) as f64
        };
        rows.sort_by(|a, b| {
            let by_kind = a.features.is_control().cmp(&b.features.is_control());
            by_kind.then(mean(b).total_cmp(&mean(a)))
        });
        Ok(Content { shots, rows })
    }

    fn cells(&self) -> impl Iterator<Item = &'a Summary> {
        self.rows.iter().flat_map(|row| row.cells.iter().flatten().copied())
    }

    /// What the marks mean, in words.
    fn notes(&self) -> Vec<String> {
        let span = |of: fn(&Summary) -> usize| {
            let (least, most) = (self.cells().map(of).min(), self.cells().map(of).max());
            match (least.unwrap_or(0), most.unwrap_or(0)) {
                (least, most) if least == most => least.to_string(),
                (least, most) => format!("{least} to {most}"),
            }
        };
        let (seeds, pictures) = (span(|row| row.seeds), span(|row| row.n_test));
        let mut notes = vec![format!(
            "Accuracy with its 95 % interval; seeds: {seeds}, test pictures: {pictures}. Filled: not \
                 distinguishable from the best with the same shots."
        )];
        if self.cells().any(|cell| cell.in_best_set.is_none()) {
            notes.push("Where runs share no seed the best is unknown, and none is filled.".into());
        }
        if self.rows.iter().any(|row| row.features.is_control()) {
            notes.push(
                "Raw pixels and random weights are controls: what the network adds lies above them.".into(),
            );
        }
        notes
    }

    /// The kinds of features that occur, with the words of the legend.
    fn legend(&self) -> Vec<(Features, &'static str)> {
        [
            (Features::Network, "features of the network"),
            (Features::RawPixels, "raw pixels (control)"),
            (Features::RandomWeights, "random weights (control)"),
        ]
        .into_iter()
        .filter(|(features, _)| self.rows.iter().any(|row| row.features == *features))
        .collect()
    }

    /// Percentages that all intervals lie between, with room, and the round ones among them.
    fn scale(&self) -> Scale {
        let low = self.cells().map(|cell| cell.ci_low).fold(1.0, f64::min) as f32 * 100.0;
        let high = self.cells().map(|cell| cell.ci_high).fold(0.0, f64::max) as f32 * 100.0;
        // Differences of less than chance must not fill the figure.
        let room = ((10.0 - (high - low)) / 2.0).max(0.05 * (high - low));
        let range = [(low - room).max(0.0), (high + room).min(100.0)];
        let ticks = nice_ticks(range, 6);
        Scale { range, labels: tick_labels(&ticks), ticks }
    }
}

/// An axis of percentages.
struct Scale {
    range: [f32; 2],
    ticks: Vec<f32>,
    labels: Vec<String>,
}

impl Scale {
    /// Where `percent` lies between the ends `from` and `to`.
    fn place(&self, percent: f32, from: f32, to: f32) -> f32 {
        let share = (percent - self.range[0]) / (self.range[1] - self.range[0]);
        from + share * (to - from)
    }

    fn marks(&self) -> impl Iterator<Item = (f32, &str)> {
        self.ticks.iter().copied().zip(self.labels.iter().map(String::as_str))
    }
}

fn name_of(summary: &Summary) -> String {
    match summary.features {
        Features::Network => summary.head.clone(),
        Features::RawPixels => format!("{} on raw pixels", summary.head),
        Features::RandomWeights => format!("{} on random weights", summary.head),
    }
}

fn shots_title(shots: Option<usize>) -> String {
    match shots {
        Some(1) => "1 picture of each class".into(),
        Some(count) => format!("{count} pictures of each class"),
        None => "all training pictures".into(),
    }
}

/// Results in the colour of the window's links, controls in grey: shapes tell them apart as well.
fn ink_of(features: Features, theme: Theme) -> Rgb<u8> {
    match (features, theme) {
        (Features::Network, Theme::Light) => Rgb([0x1f, 0x66, 0xc4]),
        (Features::Network, Theme::Dark) => Rgb([0x4c, 0x9a, 0xff]),
        (Features::RawPixels | Features::RandomWeights, theme) => theme.quiet(),
    }
}

fn draw_marker(image: &mut RgbImage, at: (f32, f32), features: Features, filled: bool, theme: Theme) {
    let shape = match features {
        Features::Network => Shape::Circle,
        Features::RawPixels => Shape::Diamond,
        Features::RandomWeights => Shape::Triangle,
    };
    let inside = (!filled).then(|| theme.surface());
    marker(image, shape, at, RADIUS * UNIT, ink_of(features, theme), inside);
}

/// An interval with marks across its ends.
fn draw_interval(image: &mut RgbImage, from: (f32, f32), to: (f32, f32), ink: Rgb<u8>) {
    line(image, from, to, px(1.5), ink);
    let cap = if from.1 == to.1 { (0.0, px(3.0)) } else { (px(3.0), 0.0) };
    for end in [from, to] {
        line(image, (end.0 - cap.0, end.1 - cap.1), (end.0 + cap.0, end.1 + cap.1), px(1.5), ink);
    }
}

/// Writes one line of `text`, `align` of its width to the left of x, its middle at height y.
fn write(image: &mut RgbImage, style: Style, (x, y): (f32, f32), align: f32, text: &str, ink: Rgb<u8>) {
    let left = x - align * style.width(text);
    style.draw(image, (left, y - style.line_height() as f32 / 2.0), text, ink);
}

/// The entries of the legend, each with its left edge and its row.
fn place_legend(
    content: &Content<'_>,
    style: Style,
    width: f32,
) -> Vec<((Features, &'static str), f32, f32)> {
    let (mut x, mut row) = (0.0, 0.0);
    let entries = content.legend().into_iter().map(|entry| {
        let wide = px(LEGEND_MARK) + style.width(entry.1);
        if x > 0.0 && x + wide > width {
            (x, row) = (0.0, row + 1.0);
        }
        let at = x;
        x += wide + px(18.0);
        (entry, at, row)
    });
    entries.collect()
}

/// Puts title, notes (`more` after those of the content) and the caption's lines around a chart.
fn page(
    chart: &RgbImage,
    caption: &Caption,
    content: &Content<'_>,
    more: &[&str],
    theme: Theme,
) -> Result<RgbImage> {
    let padding = px(PADDING);
    let width = chart.width() as f32;
    let title = Style::proportional(px(18.0));
    let titles = if caption.title.is_empty() { Vec::new() } else { title.wrap(&caption.title, width) };
    let notes = text_style();
    let mut paragraphs = content.notes();
    paragraphs.extend(more.iter().map(|&note| note.to_owned()));
    let lines: Vec<String> = paragraphs
        .iter()
        .chain(caption.lines.iter().filter(|line| !line.is_empty()))
        .flat_map(|paragraph| notes.wrap(paragraph, width))
        .collect();
    let step = notes.line_height() as f32;
    let top = padding
        + (titles.len() as u32 * title.line_height()) as f32
        + if titles.is_empty() { 0.0 } else { px(10.0) };
    let legend = place_legend(content, notes, width);
    let legend_top = top + chart.height() as f32 + px(8.0);
    let legend_rows = legend.last().map_or(0.0, |entry| entry.2 + 1.0);
    let notes_top = legend_top + legend_rows * step + px(6.0);
    let height = notes_top + lines.len() as f32 * step + padding;
    let mut figure = canvas((width + 2.0 * padding) as u32, height as u32, theme.surface())?;
    for (row, text) in titles.iter().enumerate() {
        let y = padding + (row as u32 * title.line_height()) as f32;
        title.draw(&mut figure, (padding, y), text, theme.text());
    }
    imageops::replace(&mut figure, chart, padding as i64, top as i64);
    for ((features, words), x, row) in legend {
        let (x, middle) = (padding + x, legend_top + (row + 0.5) * step);
        draw_marker(&mut figure, (x + px(RADIUS + 1.0), middle), features, true, theme);
        write(&mut figure, notes, (x + px(LEGEND_MARK), middle), 0.0, words, theme.text());
    }
    for (row, text) in lines.iter().enumerate() {
        notes.draw(&mut figure, (padding, notes_top + row as f32 * step), text, theme.quiet());
    }
    Ok(figure)
}
