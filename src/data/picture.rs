//! [`Picture`]: a decoded picture, always 8-bit RGB, with what was done to it on the way.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, Result};

/// A side shorter than this has nothing in it that a network could see.
const TINY: usize = 8;
/// Mean difference between the largest and smallest channel, in levels, below which a picture counts
/// as grey: above what JPEG compression adds to a grey picture.
const GREY: f32 = 2.0;
/// Colourfulness is estimated over about this many pixels.
const SAMPLED: usize = 1 << 18;

/// Where a picture came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A picture file.
    File(PathBuf),
    /// A photograph compiled into the program, by its file name.
    Bundled(&'static str),
    /// One picture of a file of many: IDX, or a CIFAR batch.
    Idx {
        /// The file.
        set: IdxPlace,
        /// Its place in the file, from 0.
        index: usize,
        /// The number of its class, where the file has labels or a labels file stands beside.
        label: Option<u8>,
    },
    /// The clipboard, or bytes dropped without a path.
    Pasted,
}

/// Where a file of many pictures is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdxPlace {
    /// On disk.
    File(PathBuf),
    /// Compiled into the program, by the name of the set ("fashion/test").
    Bundled(&'static str),
}

/// Something about a picture, or done to it while reading, that its user should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The camera's orientation was applied.
    Turned,
    /// Transparent parts were put on white.
    OnWhite,
    /// One grey channel was repeated to three.
    GreyRepeated,
    /// Samples of more than 8 bits were reduced to 8.
    Reduced {
        /// Bits of each sample in the file.
        bits: u8,
        /// Whether they were floating point (0 to 1 kept, the rest clipped).
        float: bool,
    },
    /// Printing colours were converted.
    FromCmyk,
    /// The first frame of an animation.
    FirstFrame {
        /// How many frames the file holds.
        frames: usize,
    },
    /// The first page of a file of several.
    FirstPage {
        /// How many pages the file holds.
        pages: usize,
    },
    /// The file's name promises another format than its content has.
    NamedOtherwise {
        /// The name's extension.
        extension: String,
        /// The format that the content has.
        format: &'static str,
    },
    /// Too small to see anything in.
    Tiny {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Turned => write!(f, "turned as its camera noted (EXIF orientation)"),
            Note::OnWhite => write!(f, "transparent parts put on white"),
            Note::GreyRepeated => write!(f, "grey, repeated to three channels"),
            Note::Reduced { bits, float: false } => write!(f, "{bits} bits per channel reduced to 8"),
            Note::Reduced { bits, float: true } => {
                write!(f, "{bits}-bit floating point reduced to 8 bits (0 to 1 kept, the rest clipped)")
            }
            Note::FromCmyk => write!(f, "CMYK printing colours converted to RGB without a colour profile"),
            Note::FirstFrame { frames } => write!(f, "first frame of an animation of {frames}"),
            Note::FirstPage { pages } => write!(f, "first page of {pages}"),
            Note::NamedOtherwise { extension, format } => {
                write!(f, "named .{extension}, but its content is {format}; read as {format}")
            }
            Note::Tiny { width, height } => {
                write!(f, "only {width}×{height} pixels: nothing to see in a picture this small")
            }
        }
    }
}

/// A decoded picture. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Picture {
    /// How it is called on screen and in tables.
    pub name: String,
    /// Where it came from.
    pub origin: Origin,
    /// Columns, at least 1.
    pub width: usize,
    /// Rows, at least 1.
    pub height: usize,
    /// `[H, W, 3]` row-major, 8 bits each.
    pub rgb: Arc<[u8]>,
    /// What its user should know.
    pub notes: Vec<Note>,
    /// BLAKE3 of width and height (u64 little-endian each) and `rgb`: equal for equal content,
    /// whatever the name.
    pub digest: [u8; 32],
    colourfulness: f32,
}

impl Picture {
    /// A picture of `width` × `height` pixels over `rgb`, `[H, W, 3]` row-major. Very small ones get
    /// [`Note::Tiny`].
    ///
    /// # Errors
    /// When a side is 0 or `rgb` has not 3 bytes for each pixel.
    pub fn from_rgb(
        name: impl Into<String>,
        origin: Origin,
        width: usize,
        height: usize,
        rgb: impl Into<Arc<[u8]>>,
    ) -> Result<Picture> {
        let (name, rgb) = (name.into(), rgb.into());
        if width == 0 || height == 0 {
            return Err(Error::picture(name, format!("has no pixels ({width}×{height})")));
        }
        if width.checked_mul(height).and_then(|n| n.checked_mul(3)) != Some(rgb.len()) {
            return Err(Error::picture(
                name,
                format!("{} bytes are not {width}×{height} pixels of 3 channels", rgb.len()),
            ));
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(width as u64).to_le_bytes());
        hasher.update(&(height as u64).to_le_bytes());
        hasher.update(&rgb);
        let mut notes = Vec::new();
        if width < TINY || height < TINY {
            notes.push(Note::Tiny { width, height });
        }
        let colourfulness = mean_spread(&rgb);
        Ok(Picture {
            name,
            origin,
            width,
            height,
            rgb,
            notes,
            digest: hasher.finalize().into(),
            colourfulness,
        })
    }

    /// A picture over `rgba`, `[H, W, 4]` row-major with straight alpha, put on white: how clipboards
    /// hand pictures over.
    ///
    /// # Errors
    /// As [`Picture::from_rgb`], with 4 bytes for each pixel.
    pub fn from_rgba(
        name: impl Into<String>,
        origin: Origin,
        width: usize,
        height: usize,
        rgba: &[u8],
    ) -> Result<Picture> {
        let name = name.into();
        if width.checked_mul(height).and_then(|n| n.checked_mul(4)) != Some(rgba.len()) {
            return Err(Error::picture(
                name,
                format!("{} bytes are not {width}×{height} pixels of 4 channels", rgba.len()),
            ));
        }
        let mut rgb = Vec::with_capacity(width * height * 3);
        let mut transparent = false;
        for &[r, g, b, a] in rgba.as_chunks::<4>().0 {
            transparent |= a < 255;
            rgb.extend([r, g, b].map(|v| on_white(v, a)));
        }
        let mut picture = Picture::from_rgb(name, origin, width, height, rgb)?;
        if transparent {
            picture.notes.push(Note::OnWhite);
        }
        Ok(picture)
    }

    /// How much colour there is: the mean difference between the largest and smallest channel, in
    /// levels (0 to 255). 0 is a grey picture.
    pub fn colourfulness(&self) -> f32 {
        self.colourfulness
    }

    /// Whether the picture is grey but for traces of compression.
    pub fn is_grey(&self) -> bool {
        self.colourfulness < GREY
    }
}

/// A sample `v` of opacity `a` over white.
pub(crate) fn on_white(v: u8, a: u8) -> u8 {
    let (v, a) = (u32::from(v), u32::from(a));
    ((v * a + 255 * (255 - a) + 127) / 255) as u8
}

fn mean_spread(rgb: &[u8]) -> f32 {
    let stride = (rgb.len() / 3).div_ceil(SAMPLED).max(1);
    let (mut sum, mut count) = (0u64, 0u64);
    for &[r, g, b] in rgb.as_chunks::<3>().0.iter().step_by(stride) {
        sum += u64::from(r.max(g).max(b) - r.min(g).min(b));
        count += 1;
    }
    sum as f32 / count.max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_depends_on_content_and_shape_only() {
        let digest = |name: &str, width, height, rgb: Vec<u8>| {
            Picture::from_rgb(name, Origin::Pasted, width, height, rgb).unwrap().digest
        };
        let a = digest("a", 2, 1, vec![1, 2, 3, 4, 5, 6]);
        assert_eq!(a, digest("b", 2, 1, vec![1, 2, 3, 4, 5, 6]));
        assert_ne!(a, digest("a", 1, 2, vec![1, 2, 3, 4, 5, 6]));
        assert_ne!(a, digest("a", 2, 1, vec![1, 2, 3, 4, 5, 7]));
    }

    #[test]
    fn wrong_sizes_are_refused() {
        assert!(Picture::from_rgb("a", Origin::Pasted, 0, 4, Vec::new()).is_err());
        assert!(Picture::from_rgb("a", Origin::Pasted, 2, 2, vec![0; 11]).is_err());
        assert!(Picture::from_rgb("a", Origin::Pasted, usize::MAX, 2, vec![0; 6]).is_err());
        assert!(Picture::from_rgba("a", Origin::Pasted, 2, 2, &[0; 12]).is_err());
    }

    #[test]
    fn transparency_goes_on_white_and_is_said() {
        let picture = Picture::from_rgba("p", Origin::Pasted, 8, 8, &[10, 20, 30, 0].repeat(64)).unwrap();
        assert!(picture.rgb.iter().all(|&v| v == 255));
        assert_eq!(picture.notes, [Note::OnWhite]);
        let opaque = Picture::from_rgba("p", Origin::Pasted, 8, 8, &[10, 20, 30, 255].repeat(64)).unwrap();
        assert_eq!(&opaque.rgb[..3], [10, 20, 30]);
        assert!(opaque.notes.is_empty());
    }

    #[test]
    fn grey_is_told_from_colour() {
        let grey = Picture::from_rgb("g", Origin::Pasted, 8, 8, [90, 91, 90].repeat(64)).unwrap();
        assert!(grey.is_grey());
        let red = Picture::from_rgb("r", Origin::Pasted, 8, 8, [200, 40, 40].repeat(64)).unwrap();
        assert!(!red.is_grey());
        assert_eq!(red.colourfulness(), 160.0);
    }

    #[test]
    fn a_tiny_picture_is_said_to_be_tiny() {
        let picture = Picture::from_rgb("t", Origin::Pasted, 1, 1, vec![0; 3]).unwrap();
        assert_eq!(picture.notes, [Note::Tiny { width: 1, height: 1 }]);
        assert!(picture.notes[0].to_string().contains("1×1"));
    }
}
