//! Decoding picture files: every kind comes out as 8-bit RGB the right way up, and what was done to it
//! is noted.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use image::codecs::{bmp, gif, jpeg, png, pnm, tiff, webp};
use image::metadata::Orientation;
use image::{
    ColorType, DynamicImage, ExtendedColorType, ImageDecoder, ImageError, ImageFormat, ImageResult, Limits,
    RgbImage,
};

use super::container;
use super::picture::{Note, Origin, Picture, on_white};
use crate::error::{Error, Result};

/// Pictures of more pixels are refused before anything is decoded.
pub const MAX_PIXELS: u64 = 200_000_000;
/// Picture files of more bytes are refused before they are read.
pub const MAX_FILE_BYTES: u64 = 1 << 30;
/// What decoded samples may take before they are reduced to 8 bits.
const MAX_DECODED_BYTES: u64 = 8 * MAX_PIXELS;

/// Reads and decodes the picture file at `path`; its name is the file's.
///
/// # Errors
/// When the file is not there or cannot be read, and as [`decode`].
pub fn open(path: impl AsRef<Path>) -> Result<Picture> {
    let path = path.as_ref();
    decode(&read(path)?, &file_name(path), Origin::File(path.to_path_buf()))
}

/// The last part of a path as people call it.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// A path that cannot be used because of what the system said.
pub(crate) fn unreadable(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| match source.kind() {
        std::io::ErrorKind::NotFound => Error::picture(
            path.display().to_string(),
            "not there: it was moved, renamed or deleted; open it from where it is now",
        ),
        _ => Error::Io { action: "read", path, source },
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let name = || path.display().to_string();
    let about = std::fs::metadata(path).map_err(unreadable(path))?;
    if !about.is_file() {
        return Err(Error::picture(name(), "a folder or device, not a picture file"));
    }
    let mut file = File::open(path).map_err(unreadable(path))?;
    let mut bytes = Vec::new();
    file.by_ref().take(container::HEAD as u64).read_to_end(&mut bytes).map_err(unreadable(path))?;
    // Large files of other kinds are refused by their first bytes, without reading them whole.
    container::picture_format(&bytes).map_err(|why| Error::picture(name(), why))?;
    if about.len() > MAX_FILE_BYTES {
        return Err(Error::picture(
            name(),
            format!(
                "the file has {} MB, more than the {} MB read here; save a smaller copy",
                about.len() >> 20,
                MAX_FILE_BYTES >> 20
            ),
        ));
    }
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(unreadable(path))?;
    Ok(bytes)
}

/// Decodes a picture file held in memory. Its format is told by content, not by `name`.
///
/// # Errors
/// When `bytes` are no picture, of a kind not read here, damaged or cut short, or when it has more than
/// [`MAX_PIXELS`] pixels (told before decoding).
pub fn decode(bytes: &[u8], name: &str, origin: Origin) -> Result<Picture> {
    let fail = |why: String| Error::picture(name, why);
    let format = container::picture_format(&bytes[..bytes.len().min(container::HEAD)]).map_err(fail)?;
    let mut decoder = decoder(bytes, format).map_err(|error| fail(explain(format, &error)))?;
    check_size(&*decoder).map_err(fail)?;
    let components = match format {
        ImageFormat::Jpeg => {
            let facts = container::jpeg(bytes);
            if !facts.whole {
                return Err(fail(damaged(format, "its end is missing")));
            }
            facts.components
        }
        _ => 3,
    };
    let (width, height) = decoder.dimensions();
    let colour = decoder.color_type();
    let original = decoder.original_color_type();
    // A picture with an unreadable orientation is shown as it is stored.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut samples = vec![0; decoder.total_bytes() as usize];
    let limits = limits();
    decoder
        .set_limits(limits)
        .and_then(|()| decoder.read_image(&mut samples))
        .map_err(|error| fail(explain(format, &error)))?;

    let (rgb, transparent) = to_rgb(samples, colour);
    let (width, height, rgb) = turn(width, height, rgb, orientation)
        .ok_or_else(|| fail(damaged(format, "it holds fewer pixels than it says")))?;
    let mut picture = Picture::from_rgb(name, origin, width, height, rgb)?;

    let mut note = |when: bool, note: Note| {
        if when {
            picture.notes.push(note);
        }
    };
    if let Some(extension) = misleading_extension(name, format) {
        note(
            true,
            Note::NamedOtherwise { extension, format: container::name_of(format).unwrap_or_default() },
        );
    }
    note(orientation != Orientation::NoTransforms, Note::Turned);
    let cmyk = components == 4 || matches!(original, ExtendedColorType::Cmyk8 | ExtendedColorType::Cmyk16);
    note(cmyk, Note::FromCmyk);
    note(!colour.has_color(), Note::GreyRepeated);
    let bits = 8 * (colour.bytes_per_pixel() / colour.channel_count());
    note(bits > 8, Note::Reduced { bits, float: bits == 32 });
    note(transparent, Note::OnWhite);
    let frames = container::frames(format, bytes);
    note(
        frames > 1,
        if format == ImageFormat::Tiff {
            Note::FirstPage { pages: frames }
        } else {
            Note::FirstFrame { frames }
        },
    );
    Ok(picture)
}

/// Reads a file's header. The PNG reader wants its limits before that.
fn decoder<'a>(bytes: &'a [u8], format: ImageFormat) -> ImageResult<Box<dyn ImageDecoder + 'a>> {
    let data = Cursor::new(bytes);
    Ok(match format {
        ImageFormat::Jpeg => Box::new(jpeg::JpegDecoder::new(data)?),
        ImageFormat::Gif => Box::new(gif::GifDecoder::new(data)?),
        ImageFormat::WebP => Box::new(webp::WebPDecoder::new(data)?),
        ImageFormat::Tiff => Box::new(tiff::TiffDecoder::new(data)?),
        ImageFormat::Bmp => Box::new(bmp::BmpDecoder::new(data)?),
        ImageFormat::Pnm => Box::new(pnm::PnmDecoder::new(data)?),
        _ => Box::new(png::PngDecoder::with_limits(data, limits())?),
    })
}

/// Twice the samples: TIFF decodes into a buffer of its own.
fn limits() -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(2 * MAX_DECODED_BYTES);
    limits
}

fn check_size(decoder: &dyn ImageDecoder) -> Result<(), String> {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 {
        return Err(format!("has no pixels ({width}×{height})"));
    }
    if pixels > MAX_PIXELS || decoder.total_bytes() > MAX_DECODED_BYTES {
        return Err(format!(
            "{width}×{height} pixels ({} megapixels, {} MB) are more than the {} megapixels and {} MB \
             opened here; save a smaller copy",
            pixels.div_ceil(1_000_000),
            decoder.total_bytes() / 1_000_000,
            MAX_PIXELS / 1_000_000,
            MAX_DECODED_BYTES / 1_000_000,
        ));
    }
    Ok(())
}

fn explain(format: ImageFormat, error: &ImageError) -> String {
    let kind = container::name_of(format).unwrap_or_default();
    match error {
        ImageError::Unsupported(detail) => {
            format!("a kind of {kind} not read here ({detail}); save it as an ordinary PNG or JPEG")
        }
        ImageError::Limits(_) => format!(
            "needs more memory than a picture of {} megapixels may; save a smaller copy",
            MAX_PIXELS / 1_000_000
        ),
        ImageError::IoError(_) => damaged(format, "it ends too early"),
        other => damaged(format, other.to_string().trim_end_matches('.')),
    }
}

fn damaged(format: ImageFormat, detail: &str) -> String {
    let kind = container::name_of(format).unwrap_or_default();
    format!("the {kind} file is damaged or cut short ({detail}); copy or save it again")
}

/// 8-bit RGB over white from a decoder's samples (native endian), and whether any pixel was transparent.
fn to_rgb(samples: Vec<u8>, colour: ColorType) -> (Vec<u8>, bool) {
    if colour == ColorType::Rgb8 {
        return (samples, false);
    }
    let channels = usize::from(colour.channel_count());
    let wide = usize::from(colour.bytes_per_pixel()) / channels;
    let mut rgb = Vec::with_capacity(samples.len() / (channels * wide) * 3);
    let mut transparent = false;
    for pixel in samples.chunks_exact(channels * wide) {
        let at = |channel: usize| to_u8(&pixel[channel * wide..(channel + 1) * wide]);
        let alpha = if colour.has_alpha() { at(channels - 1) } else { 255 };
        transparent |= alpha < 255;
        let [r, g, b] = if colour.has_color() { [at(0), at(1), at(2)] } else { [at(0); 3] };
        rgb.extend([r, g, b].map(|v| on_white(v, alpha)));
    }
    (rgb, transparent)
}

/// One sample of 8 or 16 bits, or 32 bits of floating point, as 8 bits.
fn to_u8(sample: &[u8]) -> u8 {
    match *sample {
        [v] => v,
        [a, b] => ((u32::from(u16::from_ne_bytes([a, b])) + 128) / 257) as u8,
        // Casting clips, and turns NaN into 0.
        [a, b, c, d] => (f32::from_ne_bytes([a, b, c, d]) * 255.0).round() as u8,
        _ => 0,
    }
}

/// The pixels the right way up with their new size; `None` when they do not fill the size.
fn turn(width: u32, height: u32, rgb: Vec<u8>, how: Orientation) -> Option<(usize, usize, Vec<u8>)> {
    let mut image = DynamicImage::ImageRgb8(RgbImage::from_raw(width, height, rgb)?);
    image.apply_orientation(how);
    Some((image.width() as usize, image.height() as usize, image.into_rgb8().into_raw()))
}

/// The extension of `name` if it stands for another format than `format`.
fn misleading_extension(name: &str, format: ImageFormat) -> Option<String> {
    let extension = Path::new(name).extension()?.to_str()?.to_ascii_lowercase();
    let promised = ImageFormat::from_extension(&extension)?;
    (promised != format).then_some(extension)
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
