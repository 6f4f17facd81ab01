//! What a picture file's own structure tells before anything is decoded: its format, how many frames
//! it holds, whether it is whole.

use image::ImageFormat;

/// How much of a file's start [`picture_format`] wants to see.
pub const HEAD: usize = 32;

/// The format of a picture by its first bytes ([`HEAD`] of them, fewer for shorter files), or in the
/// user's words why this is no picture that can be read.
pub fn picture_format(head: &[u8]) -> Result<ImageFormat, String> {
    const READ: &str = "PNG, JPEG, GIF, WebP, TIFF, BMP and PNM are";
    if head.is_empty() {
        return Err("the file is empty (0 bytes); copy or save it again".into());
    }
    let foreign = |what: &str| Err(format!("{what} pictures are not read here, {READ}; save it as PNG"));
    if head.get(4..8) == Some(b"ftyp") {
        return match head.get(8..12) {
            Some(b"heic" | b"heix" | b"heim" | b"heis" | b"mif1" | b"msf1") => foreign("HEIC"),
            Some(b"avif" | b"avis") => foreign("AVIF"),
            _ => Err(format!("a video or sound file, not a picture ({READ} read)")),
        };
    }
    match image::guess_format(head) {
        Ok(ImageFormat::Pnm) if !head.get(2).is_some_and(u8::is_ascii_whitespace) => {}
        // Two letters are little evidence: a bitmap's unused header bytes are zero.
        Ok(ImageFormat::Bmp) if head.get(6..10) != Some(&[0; 4]) => {}
        Ok(format) if name_of(format).is_some() => return Ok(format),
        Ok(format) => return foreign(format.extensions_str().first().copied().unwrap_or("such")),
        Err(_) => {}
    }
    Err(format!("not a picture ({READ} read)"))
}

/// What a format that can be read is called.
pub fn name_of(format: ImageFormat) -> Option<&'static str> {
    Some(match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Gif => "GIF",
        ImageFormat::WebP => "WebP",
        ImageFormat::Tiff => "TIFF",
        ImageFormat::Bmp => "BMP",
        ImageFormat::Pnm => "PNM",
        _ => return None,
    })
}

/// What a JPEG file's markers tell.
#[derive(Debug, PartialEq, Eq)]
pub struct Jpeg {
    /// Colour components: 1 grey, 3 colour, 4 CMYK.
    pub components: u8,
    /// Whether its end marker was reached: decoders fill what is missing with grey without a word.
    pub whole: bool,
}

/// Walks the markers of a JPEG file.
pub fn jpeg(bytes: &[u8]) -> Jpeg {
    let mut facts = Jpeg { components: 0, whole: false };
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let Some(start) = rest.iter().position(|&b| b == 0xFF) {
        rest = &rest[start + 1..];
        let Some(&marker) = rest.first() else { break };
        match marker {
            0xD9 => {
                facts.whole = true;
                break;
            }
            // Fill bytes, and escaped or restart marks inside a scan.
            0xFF => continue,
            0x00 | 0x01 | 0xD0..=0xD8 => {}
            _ => {
                let Some(&[high, low]) = rest.get(1..3).and_then(|b| b.first_chunk()) else { break };
                let is_frame = matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC);
                if is_frame && let Some(&components) = rest.get(8) {
                    facts.components = components;
                }
                rest = rest.get(usize::from(u16::from_be_bytes([high, low]))..).unwrap_or_default();
            }
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    facts
}

/// How many frames or pages the file holds, as far as its structure can be followed; at least 1.
pub fn frames(format: ImageFormat, bytes: &[u8]) -> usize {
    match format {
        ImageFormat::Png => apng_frames(bytes),
        ImageFormat::Gif => gif_frames(bytes),
        ImageFormat::WebP => webp_frames(bytes),
        ImageFormat::Tiff => tiff_pages(bytes),
        _ => None,
    }
    .unwrap_or(1)
    .max(1)
}

fn u32_at(bytes: &[u8], at: usize, little: bool) -> Option<usize> {
    let four = *bytes.get(at..)?.first_chunk()?;
    let value = if little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) };
    usize::try_from(value).ok()
}

/// The count in the `acTL` chunk, which stands before the first `IDAT`.
fn apng_frames(bytes: &[u8]) -> Option<usize> {
    let mut at = 8;
    loop {
        let length = u32_at(bytes, at, false)?;
        match bytes.get(at + 4..at + 8)? {
            b"acTL" => return u32_at(bytes, at + 8, false),
            b"IDAT" => return None,
            _ => at = at.checked_add(length)?.checked_add(12)?,
        }
    }
}

/// Image descriptors up to the trailer or the end of the file.
fn gif_frames(bytes: &[u8]) -> Option<usize> {
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3usize << ((flags & 7) + 1) };
    let mut at = 13 + table(*bytes.get(10)?);
    let mut frames = 0;
    while let Some(&block) = bytes.get(at) {
        at += match block {
            0x21 => 2,
            0x2C => {
                let Some(&flags) = bytes.get(at + 9) else { break };
                frames += 1;
                11 + table(flags)
            }
            _ => break,
        };
        while let Some(&length) = bytes.get(at) {
            at += 1 + usize::from(length);
            if length == 0 {
                break;
            }
        }
    }
    Some(frames)
}

/// `ANMF` chunks.
fn webp_frames(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut frames) = (12usize, 0);
    while let (Some(name), Some(length)) = (bytes.get(at..at.checked_add(4)?), u32_at(bytes, at + 4, true)) {
        frames += usize::from(name == b"ANMF");
        at = at.checked_add(8)?.checked_add(length.next_multiple_of(2))?;
    }
    Some(frames)
}

/// Directories of a classic TIFF.
fn tiff_pages(bytes: &[u8]) -> Option<usize> {
    /// A directory that points back would be followed for ever.
    const MOST: usize = 10_000;
    let little = bytes.starts_with(b"II");
    let mut at = u32_at(bytes, 4, little)?;
    let mut pages = 0;
    while at != 0 && pages < MOST {
        let Some(&two) = bytes.get(at..).and_then(|b| b.first_chunk()) else { break };
        let entries = usize::from(if little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) });
        pages += 1;
        at = u32_at(bytes, at + 2 + entries * 12, little).unwrap_or(0);
    }
    Some(pages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn formats_are_told_by_content() {
        assert_eq!(picture_format(b"\x89PNG\r\n\x1a\n"), Ok(ImageFormat::Png));
        assert_eq!(picture_format(b"P6 2 2 255 "), Ok(ImageFormat::Pnm));
        assert_eq!(picture_format(b"BM\x46\0\0\0\0\0\0\0\x36"), Ok(ImageFormat::Bmp));
        for (head, word) in [
            (&b""[..], "empty"),
            (b"P2P networks", "not a picture"),
            (b"BMW is a car", "not a picture"),
            (b"hello", "not a picture"),
            (b"\0\0\0\x18ftypheic", "HEIC"),
            (b"\0\0\0\x18ftypavif", "AVIF"),
            (b"\0\0\0\x18ftypisom", "video"),
            (b"qoif\0\0\0\0", "qoi"),
        ] {
            let why = picture_format(head).unwrap_err();
            assert!(why.contains(word), "{why}");
        }
    }

    proptest! {
        #[test]
        fn walking_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), start in 0usize..5) {
            let starts: [&[u8]; 5] =
                [b"\x89PNG\r\n\x1a\n", b"\xFF\xD8\xFF", b"GIF89a", b"RIFF....WEBP", b"II*\0\x08\0\0\0"];
            let bytes = [starts[start], &bytes].concat();
            let _ = jpeg(&bytes);
            for format in [ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP, ImageFormat::Tiff] {
                prop_assert!(frames(format, &bytes) >= 1);
            }
        }
    }
}
