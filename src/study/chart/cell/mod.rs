//! A cell of a sweep: confusion, maps of the pictures, the learning curve and what noise does.

mod confusion;
mod curves;
mod scatter;

use image::{Rgb, RgbImage, imageops};

use super::ink::{Shape, marker};
use super::{PADDING, number_style, px, text_style, write};
use crate::data::dataset::ClassTable;
use crate::error::Result;
use crate::figure::Theme;
use crate::figure::paint::canvas;
use crate::figure::text::Style;
use crate::figure::ticks::thousands;
use crate::study::cell::CellReport;

/// Width and height of a panel, with its title.
const PANEL: (f32, f32) = (400.0, 340.0);
/// Height of a panel's title.
const TITLE: f32 = 24.0;
/// Between panels.
const GAP: f32 = 22.0;
/// Left of a plot and under it, for numbers.
const AXES: (f32, f32) = (46.0, 38.0);
/// Panels beside each other, of few and of many.
const ACROSS: [usize; 2] = [2, 3];

/// The colour of a class on paper and screens.
fn colour_of(classes: &ClassTable, class: Option<usize>, theme: Theme) -> Rgb<u8> {
    class.and_then(|class| classes.entries().get(class)).map_or(theme.quiet(), |entry| Rgb(entry.colour))
}

/// An empty panel with its title.
fn panel(title: &str, theme: Theme) -> Result<RgbImage> {
    let mut image = canvas(px(PANEL.0) as u32, px(PANEL.1) as u32, theme.surface())?;
    write(&mut image, text_style(), (0.0, px(TITLE) / 2.0 - px(2.0)), 0.0, title, theme.text());
    Ok(image)
}

/// Draws everything that was seen in a cell.
///
/// # Errors
/// When the figure would be too large.
pub fn cell_figure(report: &CellReport, theme: Theme) -> Result<RgbImage> {
    let classes = ClassTable::of(&report.classes);
    let mut panels = Vec::new();
    if let Some(answers) = &report.answers {
        panels.push(confusion::draw(answers, &report.classes, theme)?);
    }
    let by_neighbours = |picture: &crate::study::cell::CellPicture| picture.map;
    panels.push(scatter::draw("neighbours kept together", report, &by_neighbours, &classes, theme)?);
    if let Some(curve) = &report.curve {
        panels.push(curves::growth(curve, theme)?);
    }
    if !report.noise.is_empty() {
        panels.push(curves::noise(&report.noise, theme)?);
    }
    let [x, y] = report.explained.map(|share| 100.0 * share);
    let title = format!("plane of most variance ({x:.0} % across, {y:.0} % up)");
    panels.push(scatter::draw(&title, report, &|picture| picture.pca, &classes, theme)?);
    let across = ACROSS[usize::from(panels.len() > 4)];
    let rows = panels.len().div_ceil(across);
    let step = (px(PANEL.0) + px(GAP), px(PANEL.1) + px(GAP));
    let width = across as f32 * step.0 - px(GAP);
    let legend = legend(&report.classes, width);
    let line = text_style().line_height() as f32;
    let under = rows as f32 * step.1;
    let legend_rows = legend.last().map_or(0.0, |(_, _, row)| row + 1.0);
    let mut image = canvas(width as u32, (under + legend_rows * line) as u32, theme.surface())?;
    for (at, panel) in panels.iter().enumerate() {
        let (x, y) = ((at % across) as f32 * step.0, (at / across) as f32 * step.1);
        imageops::replace(&mut image, panel, x as i64, y as i64);
    }
    for (class, x, row) in legend {
        let middle = under + (row + 0.5) * line;
        let ink = colour_of(&classes, Some(class), theme);
        marker(&mut image, Shape::Circle, (x + px(5.0), middle), px(3.5), ink, None);
        write(&mut image, text_style(), (x + px(14.0), middle), 0.0, &report.classes[class], theme.text());
    }
    page(&image, report, theme)
}

/// Classes, each with its left edge and its row.
fn legend(classes: &[String], width: f32) -> Vec<(usize, f32, f32)> {
    let (mut x, mut row) = (0.0, 0.0);
    let entry = |(class, name): (usize, &String)| {
        let wide = px(14.0) + text_style().width(name);
        if x > 0.0 && x + wide > width {
            (x, row) = (0.0, row + 1.0);
        }
        let at = x;
        x += wide + px(16.0);
        (class, at, row)
    };
    classes.iter().enumerate().map(entry).collect()
}

/// The panels under a title, with what they mean.
fn page(chart: &RgbImage, report: &CellReport, theme: Theme) -> Result<RgbImage> {
    let padding = px(PADDING);
    let width = chart.width() as f32;
    let (title, notes) = (Style::proportional(px(18.0)), text_style());
    let name = format!("{} of {} on {}", report.cell_name(), report.network, report.data);
    let titles = title.wrap(&name, width);
    let mut about = Vec::new();
    let count = thousands(report.pictures.len() as u64);
    match &report.answers {
        Some(answers) => about.push(format!(
            "{}: {:.1} % ({:.1} % to {:.1} %), by {}-fold cross-validation of {} over {count} pictures. Filled: \
             recognised; rings: not.",
            answers.metric,
            100.0 * answers.first.value,
            100.0 * answers.first.low,
            100.0 * answers.first.high,
            report.settings.sweep.folds,
            report.settings.sweep.score,
        )),
        None => about.push(format!("{count} pictures without classes.")),
    }
    about.extend(report.curve.as_ref().map(|curve| curve.sentence.clone()));
    about.push("Numbers of this network are its own.".into());
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
