//! A whole figure: title, image, colour bar and the settings printed under it.

use image::{RgbImage, imageops};

use super::bar::{Bar, BarPlan};
use super::paint::canvas;
use super::text::Style;
use super::theme::Theme;
use crate::error::{Error, Result};

/// The words of a figure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caption {
    /// Above the image; empty for none.
    pub title: String,
    /// Under the image, one paragraph each, wrapped to the figure's width.
    pub lines: Vec<String>,
}

/// One labelled picture of a contact sheet.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The picture; cells may differ in size.
    pub image: RgbImage,
    /// Written under it.
    pub label: String,
}

/// The least width of a figure's contents at scale 1, so that a caption can be read.
const MIN_WIDTH: u32 = 320;

/// Composes a figure around `image`, which stays pixel for pixel as it is. Text grows with large
/// images.
///
/// # Errors
/// When the whole would be larger than [`MAX_PIXELS`](super::paint::MAX_PIXELS).
pub fn sheet(image: &RgbImage, bar: Option<&Bar<'_>>, caption: &Caption, theme: Theme) -> Result<RgbImage> {
    let unit = unit_for(image.width().max(image.height()));
    let bar = bar.map(|bar| BarPlan::new(bar, unit));
    let (padding, gap) = (16 * unit, 12 * unit);
    let bar_width = bar.as_ref().map_or(0, |plan| gap + plan.width());
    let content = image.width().saturating_add(bar_width).max(MIN_WIDTH * unit);
    let middle = image.height().max(bar.as_ref().map_or(0, BarPlan::min_height));

    let title = Block::new(Style::proportional(18.0 * unit as f32), [caption.title.as_str()], content);
    let notes = Block::new(
        Style::proportional(12.0 * unit as f32),
        caption.lines.iter().map(String::as_str),
        content,
    );
    let title_gap = if title.lines.is_empty() { 0 } else { 8 * unit };
    let notes_gap = if notes.lines.is_empty() { 0 } else { gap };
    let height = [padding, title.height(), title_gap, middle, notes_gap, notes.height(), padding]
        .into_iter()
        .fold(0, u32::saturating_add);
    let mut figure = canvas(content.saturating_add(2 * padding), height, theme.surface())?;

    title.draw(&mut figure, (padding, padding), theme.text());
    let top = padding + title.height() + title_gap;
    imageops::replace(&mut figure, image, i64::from(padding), i64::from(top));
    if let Some(plan) = bar {
        plan.draw(&mut figure, (padding + image.width() + gap, top), middle, theme);
    }
    notes.draw(&mut figure, (padding, top + middle + notes_gap), theme.quiet());
    Ok(figure)
}

/// A figure of many labelled pictures, `columns` across, in the order given.
///
/// # Errors
/// When there is no cell, or the whole would be too large.
pub fn contact_sheet(
    cells: &[Cell],
    columns: usize,
    bar: Option<&Bar<'_>>,
    caption: &Caption,
    theme: Theme,
) -> Result<RgbImage> {
    sheet(&contact_grid(cells, columns, theme)?, bar, caption, theme)
}

/// The cells of a contact sheet alone. Each picture is centred in a box of the largest one's size.
///
/// # Errors
/// As [`contact_sheet`].
pub fn contact_grid(cells: &[Cell], columns: usize, theme: Theme) -> Result<RgbImage> {
    let columns = columns.clamp(1, cells.len().max(1)) as u32;
    let rows = (cells.len() as u32).div_ceil(columns);
    let width = cells.iter().map(|cell| cell.image.width()).max().unwrap_or(0);
    let height = cells.iter().map(|cell| cell.image.height()).max().unwrap_or(0);
    if width == 0 || height == 0 {
        return Err(Error::Setting("a contact sheet needs at least one picture".into()));
    }
    let unit = unit_for(width.max(height));
    let width = width.max(64 * unit);
    let style = Style::proportional(12.0 * unit as f32);
    let labels: Vec<Block> =
        cells.iter().map(|cell| Block::new(style, [cell.label.as_str()], width)).collect();
    let label_height = labels.iter().map(Block::height).max().unwrap_or(0);
    let (gap, label_gap) = (12 * unit, 4 * unit);
    let pitch = (width.saturating_add(gap), height.saturating_add(label_gap + label_height + gap));
    let mut grid = canvas(
        pitch.0.saturating_mul(columns).saturating_sub(gap),
        pitch.1.saturating_mul(rows).saturating_sub(gap),
        theme.surface(),
    )?;
    for (index, (cell, label)) in (0u32..).zip(cells.iter().zip(&labels)) {
        let (left, top) = (index % columns * pitch.0, index / columns * pitch.1);
        let inset = ((width - cell.image.width()) / 2, (height - cell.image.height()) / 2);
        imageops::replace(&mut grid, &cell.image, i64::from(left + inset.0), i64::from(top + inset.1));
        label.draw(&mut grid, (left, top + height + label_gap), theme.text());
    }
    Ok(grid)
}

/// How much larger than normal the text of a figure is, by the longer side of its image.
fn unit_for(longer: u32) -> u32 {
    (longer / 900 + 1).min(6)
}

/// Wrapped paragraphs in one style.
struct Block {
    style: Style,
    lines: Vec<String>,
}

impl Block {
    fn new<'t>(style: Style, paragraphs: impl IntoIterator<Item = &'t str>, width: u32) -> Block {
        let wrapped = paragraphs.into_iter().filter(|text| !text.is_empty());
        Block { style, lines: wrapped.flat_map(|text| style.wrap(text, width as f32)).collect() }
    }

    fn height(&self) -> u32 {
        self.style.line_height().saturating_mul(self.lines.len() as u32)
    }

    fn draw(&self, image: &mut RgbImage, (x, y): (u32, u32), ink: image::Rgb<u8>) {
        for (row, line) in (0u32..).zip(&self.lines) {
            self.style.draw(image, (x as f32, (y + row * self.style.line_height()) as f32), line, ink);
        }
    }
}
