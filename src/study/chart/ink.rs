//! Shapes with soft edges.

use image::{Rgb, RgbImage};

/// The outline of a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Circle,
    Diamond,
    Triangle,
}

impl Shape {
    /// Signed distance from the edge at (dx, dy) from the middle, negative inside. The three look
    /// equally large for one `radius`.
    fn distance(self, dx: f32, dy: f32, radius: f32) -> f32 {
        match self {
            Shape::Circle => dx.hypot(dy) - radius,
            Shape::Diamond => (dx.abs() + dy.abs() - 1.3 * radius) * std::f32::consts::FRAC_1_SQRT_2,
            Shape::Triangle => dy.max(0.866 * dx.abs() - 0.5 * dy) - 0.75 * radius,
        }
    }
}

/// A marker around (x, y): filled with `ink`, or with `paper` inside a ring of `ink`.
pub(super) fn marker(
    image: &mut RgbImage,
    shape: Shape,
    (x, y): (f32, f32),
    radius: f32,
    ink: Rgb<u8>,
    inside: Option<Rgb<u8>>,
) {
    let reach = 1.5 * radius + 1.0;
    let bounds = [x - reach, y - reach, x + reach, y + reach];
    cover(image, bounds, ink, |px, py| shape.distance(px - x, py - y, radius));
    if let Some(paper) = inside {
        let ring = 0.3 * radius;
        cover(image, bounds, paper, |px, py| shape.distance(px - x, py - y, radius) + ring);
    }
}

/// A straight line with flat pixels at its sides and round ends.
pub(super) fn line(image: &mut RgbImage, from: (f32, f32), to: (f32, f32), width: f32, ink: Rgb<u8>) {
    let reach = width / 2.0 + 1.0;
    let bounds = [
        from.0.min(to.0) - reach,
        from.1.min(to.1) - reach,
        from.0.max(to.0) + reach,
        from.1.max(to.1) + reach,
    ];
    let along = (to.0 - from.0, to.1 - from.1);
    let length = (along.0 * along.0 + along.1 * along.1).max(f32::MIN_POSITIVE);
    cover(image, bounds, ink, |x, y| {
        let share = (((x - from.0) * along.0 + (y - from.1) * along.1) / length).clamp(0.0, 1.0);
        (x - from.0 - share * along.0).hypot(y - from.1 - share * along.1) - width / 2.0
    });
}

/// Paints where `distance` (from the edge, negative inside) says, softened over one pixel. What falls
/// outside the image is cut off.
fn cover(image: &mut RgbImage, bounds: [f32; 4], ink: Rgb<u8>, distance: impl Fn(f32, f32) -> f32) {
    let inside = |at: f32, end: u32| at.clamp(0.0, end as f32) as u32;
    let (width, height) = image.dimensions();
    for y in inside(bounds[1], height)..inside(bounds[3].ceil(), height) {
        for x in inside(bounds[0], width)..inside(bounds[2].ceil(), width) {
            let share = (0.5 - distance(x as f32 + 0.5, y as f32 + 0.5)).clamp(0.0, 1.0);
            if share > 0.0 {
                let pixel = image.get_pixel_mut(x, y);
                for (under, over) in pixel.0.iter_mut().zip(ink.0) {
                    let (a, b) = (f32::from(*under), f32::from(over));
                    *under = (a + (b - a) * share).round() as u8;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(draw: impl Fn(&mut RgbImage)) -> f32 {
        let mut image = RgbImage::new(60, 60);
        draw(&mut image);
        image.pixels().map(|p| f32::from(p[0]) / 255.0).sum()
    }

    #[test]
    fn shapes_have_their_size() {
        let white = Rgb([255; 3]);
        let disc = area(|image| marker(image, Shape::Circle, (30.3, 29.6), 10.0, white, None));
        assert!((disc / (std::f32::consts::PI * 100.0) - 1.0).abs() < 0.02, "{disc}");
        for shape in [Shape::Diamond, Shape::Triangle] {
            let got = area(|image| marker(image, shape, (30.0, 30.0), 10.0, white, None));
            assert!((got / disc - 1.0).abs() < 0.25, "{shape:?} {got} beside {disc}");
            let ring = area(|image| marker(image, shape, (30.0, 30.0), 10.0, white, Some(Rgb([0; 3]))));
            assert!(ring < 0.75 * got && ring > 0.3 * got, "{shape:?}");
        }
        let long = area(|image| line(image, (10.0, 10.0), (50.0, 40.0), 3.0, white));
        assert!((long - (150.0 + 7.07)).abs() < 4.0, "{long}");
        // Off the image is no panic.
        let cut = area(|image| line(image, (-50.0, 30.0), (200.0, 30.0), 2.0, white));
        assert!((cut - 120.0).abs() < 1.0, "{cut}");
    }
}
