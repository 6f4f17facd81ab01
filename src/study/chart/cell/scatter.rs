//! Pictures as points of a plane, coloured by class.

use image::RgbImage;

use super::{PANEL, TITLE, colour_of, panel, px};
use crate::data::dataset::ClassTable;
use crate::error::Result;
use crate::figure::Theme;
use crate::study::cell::{CellPicture, CellReport};
use crate::study::chart::ink::{Shape, line, marker};

/// Radii of points, of few and of many pictures.
const RADII: (f32, f32) = (3.5, 2.0);
/// From so many pictures on they are many.
const MANY: usize = 600;

/// Draws the pictures where `place` says; both axes have one scale.
pub(super) fn draw(
    title: &str,
    report: &CellReport,
    place: &dyn Fn(&CellPicture) -> [f32; 2],
    classes: &ClassTable,
    theme: Theme,
) -> Result<RgbImage> {
    let mut image = panel(title, theme)?;
    let places: Vec<[f32; 2]> = report.pictures.iter().map(place).collect();
    let range = [0, 1].map(|axis| {
        let all = places.iter().map(|place| place[axis]);
        let (low, high) = all.fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(v), high.max(v)));
        if low <= high { (low, high) } else { (0.0, 0.0) }
    });
    let radius = px(if places.len() < MANY { RADII.0 } else { RADII.1 });
    let (left, top) = (0.5, px(TITLE));
    let (right, bottom) = (px(PANEL.0) - 1.5, px(PANEL.1) - 1.5);
    let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
    for at in 0..4 {
        line(&mut image, corners[at], corners[(at + 1) % 4], px(0.5), theme.line());
    }
    let room = (right - left - 6.0 * radius, bottom - top - 6.0 * radius);
    let spans = range.map(|(low, high)| (high - low).max(f32::MIN_POSITIVE));
    let scale = (room.0 / spans[0]).min(room.1 / spans[1]).min(1e6);
    let middle = ((left + right) / 2.0, (top + bottom) / 2.0);
    let off = |axis: usize, value: f32| (value - (range[axis].0 + range[axis].1) / 2.0) * scale;
    for (picture, place) in report.pictures.iter().zip(&places) {
        let at = (middle.0 + off(0, place[0]), middle.1 - off(1, place[1]));
        let inside = (picture.is_right() == Some(false)).then(|| theme.surface());
        marker(&mut image, Shape::Circle, at, radius, colour_of(classes, picture.class, theme), inside);
    }
    Ok(image)
}
