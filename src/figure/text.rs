//! Text in figures: measured, wrapped and drawn with the bundled fonts.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont as _, point};
use image::{Rgb, RgbImage};

use super::fonts;

/// Which bundled font is asked first; the others stand in for characters that it lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// Running text.
    Proportional,
    /// Numbers, paths, commands: every character of equal width.
    Tabular,
}

/// A face at a size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// The font.
    pub face: Face,
    /// Height of the em in pixels.
    pub size: f32,
}

static PROPORTIONAL_FIRST: LazyLock<Vec<FontRef<'static>>> =
    LazyLock::new(|| parsed([fonts::PROPORTIONAL, fonts::TABULAR, fonts::ICONS]));
static TABULAR_FIRST: LazyLock<Vec<FontRef<'static>>> =
    LazyLock::new(|| parsed([fonts::TABULAR, fonts::PROPORTIONAL, fonts::ICONS]));

/// The bundled fonts are known to parse (`tests/figure.rs`); one that did not would be passed over.
fn parsed(bytes: [&'static [u8]; 3]) -> Vec<FontRef<'static>> {
    bytes.into_iter().filter_map(|font| FontRef::try_from_slice(font).ok()).collect()
}

impl Style {
    /// Running text of `size` pixels.
    pub fn proportional(size: f32) -> Style {
        Style { face: Face::Proportional, size }
    }

    /// Tabular text of `size` pixels.
    pub fn tabular(size: f32) -> Style {
        Style { face: Face::Tabular, size }
    }

    /// From one baseline to the next, in whole pixels.
    pub fn line_height(&self) -> u32 {
        (self.size * 1.4).round() as u32
    }

    fn fonts(&self) -> &'static [FontRef<'static>] {
        match self.face {
            Face::Proportional => &PROPORTIONAL_FIRST,
            Face::Tabular => &TABULAR_FIRST,
        }
    }

    /// The font for `character`: the first that has it, else the first (which draws a box).
    fn font_for(&self, character: char) -> Option<&'static FontRef<'static>> {
        let fonts = self.fonts();
        fonts.iter().find(|font| font.glyph_id(character).0 != 0).or(fonts.first())
    }

    /// `size` is that of the em, as in the window; ab_glyph counts from ascent to descent.
    fn scale(&self, font: &FontRef<'_>) -> PxScale {
        let em = font.units_per_em().unwrap_or(1000.0);
        PxScale::from(self.size * font.height_unscaled() / em)
    }

    /// Glyphs with their fonts on a baseline at 0, and the width of the line.
    fn layout(&self, text: &str) -> (Vec<(&'static FontRef<'static>, Glyph)>, f32) {
        let mut glyphs = Vec::new();
        let mut x = 0.0;
        for character in text.chars().filter(|c| !c.is_control()) {
            let Some(font) = self.font_for(character) else { continue };
            let scale = self.scale(font);
            let glyph = font.glyph_id(character).with_scale_and_position(scale, point(x, 0.0));
            x += font.as_scaled(scale).h_advance(glyph.id);
            glyphs.push((font, glyph));
        }
        (glyphs, x)
    }

    /// The width of one line of `text` in pixels.
    pub fn width(&self, text: &str) -> f32 {
        self.layout(text).1
    }

    /// Draws one line whose box starts at (x, y) and is [`Style::line_height`] tall; what falls
    /// outside the image is cut off.
    pub fn draw(&self, image: &mut RgbImage, (x, y): (f32, f32), text: &str, ink: Rgb<u8>) {
        // The baseline at a fixed share of the line, the same for every fallback font.
        let baseline = (y + self.line_height() as f32 * 0.5 + self.size * 0.36).round();
        for (font, mut glyph) in self.layout(text).0 {
            glyph.position = point(x + glyph.position.x, baseline);
            let Some(outline) = font.outline_glyph(glyph) else { continue };
            let bounds = outline.px_bounds();
            outline.draw(|gx, gy, cover| {
                let (px, py) = (bounds.min.x + gx as f32, bounds.min.y + gy as f32);
                if px < 0.0 || py < 0.0 {
                    return;
                }
                if let Some(pixel) = image.get_pixel_mut_checked(px as u32, py as u32) {
                    *pixel = super::overlay::mix(*pixel, ink, cover.min(1.0));
                }
            });
        }
    }

    /// `text` in lines of at most `max_width` pixels, broken at spaces and, where a word alone is
    /// too long, inside it. An empty text is one empty line.
    pub fn wrap(&self, text: &str, max_width: f32) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split_whitespace() {
            let joined = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if self.width(&joined) <= max_width {
                line = joined;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for character in word.chars() {
                line.push(character);
                if line.chars().nth(1).is_some() && self.width(&line) > max_width {
                    line.pop();
                    lines.push(std::mem::replace(&mut line, character.to_string()));
                }
            }
        }
        lines.push(line);
        lines
    }

    /// `text` in one line of at most `max_width` pixels, ended with "…" where something was cut.
    pub fn elide(&self, text: &str, max_width: f32) -> String {
        if self.width(text) <= max_width {
            return text.to_owned();
        }
        let mut kept: Vec<char> = text.chars().collect();
        while kept.pop().is_some() {
            let shorter: String = kept.iter().chain(&['…']).collect();
            if self.width(&shorter) <= max_width {
                return shorter;
            }
        }
        "…".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: Style = Style { face: Face::Proportional, size: 14.0 };

    #[test]
    fn wrapped_lines_fit_and_lose_nothing() {
        let text = "difscope heatmap chelsea.png --t 90 --block 24 averyveryverylongwordwithoutanyspaceinit";
        let lines = TEXT.wrap(text, 120.0);
        assert!(lines.len() > 3);
        assert!(lines.iter().all(|line| TEXT.width(line) <= 120.0), "{lines:?}");
        let glued = |s: &str| s.replace(' ', "");
        assert_eq!(glued(&lines.concat()), glued(text));
        assert_eq!(TEXT.wrap("", 10.0), [""]);
        assert_eq!(TEXT.wrap("ab", 1.0), ["a", "b"]);
    }

    #[test]
    fn elided_text_fits() {
        let cut = TEXT.elide("a long name of a picture.png", 80.0);
        assert!(cut.ends_with('…') && TEXT.width(&cut) <= 80.0);
        assert_eq!(TEXT.elide("short", 80.0), "short");
    }

    #[test]
    fn digits_are_of_equal_width() {
        for style in [TEXT, Style::tabular(12.0)] {
            let one = style.width("1");
            for digit in "023456789".chars() {
                assert!((style.width(&digit.to_string()) - one).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn ink_stays_inside_its_line() {
        let mut image = RgbImage::new(200, 40);
        TEXT.draw(&mut image, (10.0, 10.0), "Ågj|×ᾱ", Rgb([255; 3]));
        let inked: Vec<u32> =
            image.enumerate_pixels().filter(|(.., p)| p[0] > 40).map(|(_, y, _)| y).collect();
        let (top, bottom) = (inked.iter().min().unwrap(), inked.iter().max().unwrap());
        assert!(*top >= 8 && *bottom < 10 + TEXT.line_height() + 2, "{top}..{bottom}");
    }
}
