//! True classes down, answers across.

use image::{Rgb, RgbImage};

use super::{PANEL, TITLE, number_style, panel, px, write};
use crate::colormap::{ColorMap, Tone, shade};
use crate::error::Result;
use crate::figure::Theme;
use crate::study::cell::CellAnswers;
use crate::study::chart::sweep::{fill, ink_on};

/// The widest name.
const NAMES: f32 = 110.0;
/// The least side of a square that has room for its number, and the largest side.
const SIDES: (f32, f32) = (15.0, 34.0);
/// Height of the line of numbers under the squares.
const NUMBERS: f32 = 18.0;

/// Draws the matrix; colours are shares of a row.
pub(super) fn draw(answers: &CellAnswers, classes: &[String], theme: Theme) -> Result<RgbImage> {
    let mut image = panel("true classes down, answers across", theme)?;
    let style = number_style();
    let name = |at: usize| style.elide(&format!("{} {}", classes[at], at + 1), px(NAMES));
    let names: Vec<String> = (0..classes.len()).map(name).collect();
    let left = names.iter().map(|name| style.width(name)).fold(0.0, f32::max).ceil() + px(6.0);
    let room = (px(PANEL.0) - left).min(px(PANEL.1 - TITLE - NUMBERS));
    let side = (room / classes.len().max(1) as f32).floor().clamp(1.0, px(SIDES.1));
    let tone = Tone::new([0.0, 1.0], ColorMap::Viridis);
    let every = ((style.line_height() as f32 / side).ceil() as usize).max(1);
    for (row, counts) in answers.confusion.iter().enumerate() {
        let top = px(TITLE) + row as f32 * side;
        let all: usize = counts.iter().sum();
        if row % every == 0 {
            write(&mut image, style, (left - px(6.0), top + side / 2.0), 1.0, &names[row], theme.text());
        }
        for (column, &count) in counts.iter().enumerate() {
            let x = left + column as f32 * side;
            let share = count as f32 / all.max(1) as f32;
            let paint = shade(share, &tone).map_or(theme.line(), Rgb);
            let gap = if side > px(6.0) { 1.0 } else { 0.0 };
            fill(&mut image, (x, top), (side - gap, side - gap), paint);
            if count > 0 && side >= px(SIDES.0) {
                let middle = (x + side / 2.0, top + side / 2.0);
                write(&mut image, style, middle, 0.5, &count.to_string(), ink_on(paint.0));
            }
        }
    }
    let below = px(TITLE) + classes.len() as f32 * side + px(NUMBERS) / 2.0;
    let wide = style.width(&format!(" {} ", classes.len()));
    let every = ((wide / side).ceil() as usize).max(1);
    for column in (0..classes.len()).step_by(every) {
        let x = left + (column as f32 + 0.5) * side;
        write(&mut image, style, (x, below), 0.5, &(column + 1).to_string(), theme.quiet());
    }
    Ok(image)
}
