//! Matrices as squares of colour, one panel for each, on one scale.

use image::{RgbImage, imageops};

use crate::colormap::{ColorMap, Tone};
use crate::error::{Error, Result};
use crate::figure::bar::Bar;
use crate::figure::paint::{Layer, Sampling, canvas};
use crate::figure::sheet::{Cell, contact_sheet};
use crate::figure::text::Style;
use crate::figure::{Caption, Theme};
use crate::grid::Grid;

/// About the side of a panel's squares together, in pixels: of few panels, and of many.
const SIDES: [usize; 2] = [520, 300];
/// The most panels beside each other that count as few.
const FEW: usize = 3;
/// The most panels beside each other.
const ACROSS: usize = 6;
/// Least and largest side of one square.
const CELL: [usize; 2] = [6, 64];
/// Sizes of the numbers beside them and of a panel's title, in a figure that is not enlarged.
const NUMBERS: f32 = 9.5;
const TITLE: f32 = 12.0;
/// A figure's text grows once for each so many pixels of its longer side.
const PIXELS: usize = 900;

/// A matrix with the names of its rows and columns.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Over it.
    pub title: String,
    /// Rows from above.
    pub rows: Vec<String>,
    /// Columns from the left.
    pub columns: Vec<String>,
    /// What rows and columns are.
    pub axes: [String; 2],
    /// `[rows, columns]`; NaN is hatched.
    pub values: Vec<f32>,
}

/// Draws `panels` with values coloured over `range`, and a colour bar.
///
/// # Errors
/// When there is no panel, one has no value, or the figure would be too large.
pub fn matrix_figure(panels: &[Panel], range: [f32; 2], caption: &Caption, theme: Theme) -> Result<RgbImage> {
    let tone = Tone::new(range, ColorMap::Viridis);
    // A little wider than high.
    let across = ((1.3 * panels.len() as f64).sqrt().ceil() as usize).clamp(1, panels.len().clamp(1, ACROSS));
    let side = SIDES[usize::from(across > FEW)];
    let longer = across.max(panels.len().div_ceil(across)) * side;
    let scale = (longer / PIXELS + 1) as f32;
    let cells = panels.iter().map(|panel| {
        let image = draw(panel, tone, (side, scale), theme)?;
        Ok(Cell { image, label: String::new() })
    });
    let cells = cells.collect::<Result<Vec<_>>>()?;
    let all: Vec<f32> = panels.iter().flat_map(|panel| panel.values.iter().copied()).collect();
    if all.is_empty() {
        return Err(Error::Setting("there is no matrix to draw".into()));
    }
    let values = Grid::new(1, 1, all.len(), all)?;
    contact_sheet(&cells, across, Some(&Bar { tone, values: &values }), caption, theme)
}

/// A panel whose squares are about `side` pixels together, with text enlarged by `scale`.
fn draw(panel: &Panel, tone: Tone, (side, scale): (usize, f32), theme: Theme) -> Result<RgbImage> {
    let grid = Grid::new(1, panel.rows.len(), panel.columns.len(), panel.values.clone())?;
    let cell = (side / panel.rows.len().max(panel.columns.len()).max(1)).clamp(CELL[0], CELL[1]);
    let squares = Layer::Map(&grid, tone).enlarge(cell as u32, Sampling::Nearest)?;
    let (style, title) = (Style::tabular(NUMBERS * scale), Style::proportional(TITLE * scale));
    let (line, gap) = (style.line_height() as f32, 3.0 * scale);
    let widest = |names: &[String]| names.iter().map(|name| style.width(name)).fold(0.0, f32::max).ceil();
    let left = (widest(&panel.rows) + gap).max(style.width(&panel.axes[0]) + gap).ceil();
    let title_top = title.line_height() as f32;
    let top = (title_top + line + gap).ceil();
    let (width, height) = (squares.width() as f32, squares.height() as f32);
    let across = style.width(&panel.axes[1]);
    let wide = (left + width.max(across)).max(title.width(&panel.title)) + gap;
    let high = top + height + gap + 2.0 * line;
    let mut image = canvas(wide.ceil() as u32, high.ceil() as u32, theme.surface())?;
    title.draw(&mut image, (left, 0.0), &panel.title, theme.text());
    imageops::replace(&mut image, &squares, left as i64, top as i64);
    // What the rows are stands over their names, what the columns are under theirs.
    let beside = left - gap - style.width(&panel.axes[0]);
    style.draw(&mut image, (beside, title_top), &panel.axes[0], theme.quiet());
    let every = |room: f32| ((room / cell as f32).ceil() as usize).max(1);
    for (row, name) in panel.rows.iter().enumerate().step_by(every(line)) {
        let y = top + (row as f32 + 0.5) * cell as f32 - line / 2.0;
        style.draw(&mut image, (left - gap - style.width(name), y), name, theme.text());
    }
    for (column, name) in panel.columns.iter().enumerate().step_by(every(widest(&panel.columns) + gap)) {
        let x = left + (column as f32 + 0.5) * cell as f32 - style.width(name) / 2.0;
        style.draw(&mut image, (x, top + height + gap / 2.0), name, theme.text());
    }
    let under = top + height + gap / 2.0 + line;
    style.draw(&mut image, (left + (width - across).max(0.0), under), &panel.axes[1], theme.quiet());
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colormap::{hatch, shade};

    fn panel(rows: usize, columns: usize) -> Panel {
        let names = |count: usize| (1..=count).map(|number| number.to_string()).collect::<Vec<_>>();
        let values = (0..rows * columns).map(|at| at as f32 / (rows * columns) as f32).collect();
        Panel {
            title: "t 50".into(),
            rows: names(rows),
            columns: names(columns),
            axes: ["block".into(), "block of the other network".into()],
            values,
        }
    }

    #[test]
    fn every_value_is_a_square_of_its_colour() {
        let tone = Tone::new([0.0, 1.0], ColorMap::Viridis);
        let mut panel = panel(5, 3);
        panel.values[4] = f32::NAN;
        let image = draw(&panel, tone, (520, 1.0), Theme::Light).unwrap();
        let side = 64;
        let corner =
            image.enumerate_pixels().find(|(_, _, pixel)| pixel.0 == shade(0.0, &tone).unwrap()).unwrap();
        for (at, value) in panel.values.iter().enumerate() {
            let (x, y) =
                (corner.0 + side * (at as u32 % 3) + side / 2, corner.1 + side * (at as u32 / 3) + side / 2);
            let hatched = [hatch(0, 0), hatch(4, 0)].contains(&image.get_pixel(x, y).0);
            match shade(*value, &tone) {
                Some(colour) => assert_eq!(image.get_pixel(x, y).0, colour),
                None => assert!(hatched),
            }
        }
    }

    #[test]
    fn many_rows_and_many_panels_fit() {
        for (rows, columns) in [(1, 1), (37, 37), (7, 37), (200, 2)] {
            let panels = vec![panel(rows, columns); 4 + rows % 3 * 9];
            for theme in [Theme::Light, Theme::Dark] {
                let caption = Caption { title: "Similarity".into(), lines: vec!["of it".into()] };
                let figure = matrix_figure(&panels, [0.0, 1.0], &caption, theme).unwrap();
                let (width, height) = figure.dimensions();
                let ink = figure.enumerate_pixels().find(|(x, y, pixel)| {
                    (*x < 8 || *y < 8 || *x >= width - 8 || *y >= height - 8) && **pixel != theme.surface()
                });
                assert!(ink.is_none(), "{rows}x{columns}: {ink:?} of {width}x{height}");
            }
        }
        assert!(matrix_figure(&[], [0.0, 1.0], &Caption::default(), Theme::Light).is_err());
    }
}
