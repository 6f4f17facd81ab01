//! The colours of a figure's paper and ink: the window's own, so that an exported figure looks like
//! what was on the screen.

use image::Rgb;
use serde::{Deserialize, Serialize};

/// Light or dark paper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Theme {
    /// Dark ink on near-white: for print.
    #[default]
    Light,
    /// Light ink on near-black: for slides.
    Dark,
}

impl Theme {
    /// The paper.
    pub fn surface(self) -> Rgb<u8> {
        match self {
            Theme::Light => Rgb([0xfb, 0xfb, 0xfa]),
            Theme::Dark => Rgb([0x16, 0x18, 0x1c]),
        }
    }

    /// Titles and numbers.
    pub fn text(self) -> Rgb<u8> {
        match self {
            Theme::Light => Rgb([0x1b, 0x1e, 0x23]),
            Theme::Dark => Rgb([0xe6, 0xe8, 0xeb]),
        }
    }

    /// Settings, histogram and tick marks.
    pub fn quiet(self) -> Rgb<u8> {
        match self {
            Theme::Light => Rgb([0x5d, 0x66, 0x70]),
            Theme::Dark => Rgb([0x9a, 0xa3, 0xad]),
        }
    }

    /// Gaps of a mosaic and thin lines.
    pub fn line(self) -> Rgb<u8> {
        match self {
            Theme::Light => Rgb([0xe2, 0xe4, 0xe8]),
            Theme::Dark => Rgb([0x2c, 0x30, 0x38]),
        }
    }
}
