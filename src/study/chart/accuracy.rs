//! Accuracy per head, a panel for each number of shots.

use image::RgbImage;

use super::ink::line;
use super::{
    Content, Row, Scale, draw_interval, draw_marker, ink_of, number_style, page, px, shots_title, text_style,
    write,
};
use crate::error::Result;
use crate::figure::paint::canvas;
use crate::figure::{Caption, Theme};
use crate::study::report::percent;
use crate::study::table::Summary;

/// Panels beside each other.
const ACROSS: usize = 3;
/// The widest name; longer ones take two lines and are cut there.
const NAMES: f32 = 210.0;
/// Least height of a row.
const ROW: f32 = 24.0;
/// Height of a panel's title.
const TITLE: f32 = 24.0;
/// Height of the numbers under a panel.
const AXIS: f32 = 22.0;
/// Between panels.
const GAP: f32 = 22.0;

/// Draws a dot with its interval for each head, one panel per number of shots on a common scale, the
/// best head first and the controls apart.
///
/// # Errors
/// When there is no head, or the figure would be too large.
pub fn accuracy_figure(summaries: &[Summary], caption: &Caption, theme: Theme) -> Result<RgbImage> {
    let content = Content::of(summaries)?;
    let style = text_style();
    let names: Vec<Vec<String>> = content.rows.iter().map(|row| two_lines(&row.name)).collect();
    let widest = names.iter().flatten().map(|line| style.width(line)).fold(px(80.0), f32::max).ceil();
    let tallest = names.iter().map(Vec::len).max().unwrap_or(1) as f32;
    let row = px(ROW).max(tallest * style.line_height() as f32 + px(8.0));
    let controls = content.rows.iter().position(|row| row.features.is_control()).filter(|&first| first > 0);

    let across = content.shots.len().min(ACROSS);
    let plot = px([460.0, 300.0, 220.0][across - 1]);
    let values = number_style().width("100.0 %").ceil() + px(8.0);
    let panel = plot + values;
    let between = if controls.is_some() { px(10.0) } else { 0.0 };
    let rows = content.rows.len() as f32 * row + between;
    let block = px(TITLE) + rows + px(AXIS);
    let blocks = content.shots.len().div_ceil(ACROSS) as f32;
    let width = widest + across as f32 * (px(GAP) + panel);
    let height = blocks * (block + px(GAP)) - px(GAP);
    let mut image = canvas(width as u32, height as u32, theme.surface())?;

    let scale = content.scale();
    let middle_of = |index: usize| {
        let after = controls.is_some_and(|first| index >= first);
        px(TITLE) + (index as f32 + 0.5) * row + if after { between } else { 0.0 }
    };
    for (panel_index, &shots) in content.shots.iter().enumerate() {
        let (column, line_of_panels) = (panel_index % ACROSS, panel_index / ACROSS);
        let top = line_of_panels as f32 * (block + px(GAP));
        let left = widest + px(GAP) + column as f32 * (panel + px(GAP));
        let area = Area { left, right: left + plot, top: top + px(TITLE), bottom: top + px(TITLE) + rows };
        write(
            &mut image,
            style,
            (left, top + px(TITLE) / 2.0 - px(2.0)),
            0.0,
            &shots_title(shots),
            theme.text(),
        );
        draw_grid(&mut image, &scale, &area, theme);
        if let Some(first) = controls {
            let y = top + px(TITLE) + first as f32 * row + between / 2.0;
            let from = if column == 0 { 0.0 } else { left };
            line(&mut image, (from, y), (left + panel, y), px(1.0), theme.line());
        }
        for (index, row) in content.rows.iter().enumerate() {
            let middle = top + middle_of(index);
            if column == 0 {
                draw_name(&mut image, &names[index], (widest, middle), row, theme);
            }
            draw_row(&mut image, row, panel_index, &scale, &area, (middle, left + panel), theme);
        }
        if column == 0 {
            let at = (widest, area.bottom + px(AXIS) / 2.0);
            write(&mut image, style, at, 1.0, "accuracy in %", theme.quiet());
        }
    }
    page(&image, caption, &content, &[], theme)
}

/// Where the dots of a panel are.
struct Area {
    left: f32,
    right: f32,
    top: f32,
    bottom: f32,
}

impl Area {
    /// The height or place of a percentage; marks at the ends stay inside.
    fn x(&self, scale: &Scale, percent: f32) -> f32 {
        scale.place(percent, self.left + px(8.0), self.right - px(8.0))
    }
}

fn draw_grid(image: &mut RgbImage, scale: &Scale, area: &Area, theme: Theme) {
    for (tick, label) in scale.marks() {
        let x = area.x(scale, tick).round() + 0.5;
        line(image, (x, area.top), (x, area.bottom), px(0.5), theme.line());
        write(image, number_style(), (x, area.bottom + px(11.0)), 0.5, label, theme.quiet());
    }
}

fn draw_name(
    image: &mut RgbImage,
    lines: &[String],
    (right, middle): (f32, f32),
    row: &Row<'_>,
    theme: Theme,
) {
    let style = text_style();
    let step = style.line_height() as f32;
    let ink = if row.features.is_control() { theme.quiet() } else { theme.text() };
    for (index, text) in lines.iter().enumerate() {
        let y = middle + (index as f32 - (lines.len() - 1) as f32 / 2.0) * step;
        write(image, style, (right, y), 1.0, text, ink);
    }
}

fn draw_row(
    image: &mut RgbImage,
    row: &Row<'_>,
    panel: usize,
    scale: &Scale,
    area: &Area,
    (middle, right): (f32, f32),
    theme: Theme,
) {
    let Some(cell) = row.cells[panel] else {
        write(image, number_style(), (right, middle), 1.0, "–", theme.quiet());
        return;
    };
    let x = |share: f64| area.x(scale, share as f32 * 100.0);
    let ink = ink_of(row.features, theme);
    draw_interval(image, (x(cell.ci_low), middle), (x(cell.ci_high), middle), ink);
    let filled = cell.in_best_set == Some(true);
    draw_marker(image, (x(cell.accuracy), middle), row.features, filled, theme);
    let ink = if row.features.is_control() { theme.quiet() } else { theme.text() };
    write(image, number_style(), (right, middle), 1.0, &percent(cell.accuracy), ink);
}

/// A name in at most two lines.
fn two_lines(name: &str) -> Vec<String> {
    let style = text_style();
    let mut lines = style.wrap(name, px(NAMES));
    if lines.len() > 2 {
        // Cut from what was written, so that words broken at a line's end stay whole.
        let rest = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let rest = rest.strip_prefix(lines[0].as_str()).unwrap_or(&rest).trim_start().to_owned();
        lines.truncate(1);
        lines.push(style.elide(&rest, px(NAMES)));
    }
    lines
}
