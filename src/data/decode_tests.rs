use super::*;
use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{Frame, ImageEncoder, RgbaImage};
use proptest::prelude::*;

const SIDE: u32 = 16;

/// A gradient of `channels` channels of one byte each.
fn gradient(channels: u32) -> Vec<u8> {
    (0..SIDE * SIDE * channels).map(|i| (i * 5 % 256) as u8).collect()
}

fn encoded(format: ImageFormat, colour: ExtendedColorType, samples: &[u8]) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image::write_buffer_with_format(&mut file, samples, SIDE, SIDE, colour, format).unwrap();
    file.into_inner()
}

fn rgb_png() -> Vec<u8> {
    encoded(ImageFormat::Png, ExtendedColorType::Rgb8, &gradient(3))
}

fn read(bytes: &[u8]) -> Picture {
    decode(bytes, "test", Origin::Pasted).unwrap()
}

fn why(bytes: &[u8]) -> String {
    decode(bytes, "test.png", Origin::Pasted).unwrap_err().to_string()
}

/// A PNG chunk with its checksum.
fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(name);
    crc.update(data);
    [&(data.len() as u32).to_be_bytes(), &name[..], data, &crc.sum().to_be_bytes()].concat()
}

/// A PNG that says it has other sides than it has.
fn resized_png(width: u32, height: u32) -> Vec<u8> {
    let png = rgb_png();
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &png[24..29]].concat();
    [&png[..8], &chunk(b"IHDR", &header), &png[33..]].concat()
}

#[test]
fn lossless_kinds_keep_every_pixel() {
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::WebP, ImageFormat::Pnm]
    {
        let picture = read(&encoded(format, ExtendedColorType::Rgb8, &gradient(3)));
        assert_eq!(picture.rgb[..], gradient(3), "{format:?}");
        assert_eq!(picture.notes, [], "{format:?}");
    }
}

#[test]
fn content_counts_and_not_the_name() {
    let picture = decode(&rgb_png(), "holiday.JPG", Origin::Pasted).unwrap();
    let expected = Note::NamedOtherwise { extension: "jpg".into(), format: "PNG" };
    assert_eq!(picture.notes, [expected]);
    assert!(picture.notes[0].to_string().contains("named .jpg, but its content is PNG"));
    assert_eq!(decode(&rgb_png(), "a.txt", Origin::Pasted).unwrap().notes, []);
}

#[test]
fn grey_alpha_and_deep_samples_are_reduced_and_said() {
    let grey = read(&encoded(ImageFormat::Png, ExtendedColorType::L8, &gradient(1)));
    assert_eq!(grey.notes, [Note::GreyRepeated]);
    assert_eq!(grey.rgb[3..6], [5, 5, 5]);

    let mut rgba = gradient(4);
    rgba[..8].copy_from_slice(&[100, 0, 200, 0, 100, 0, 200, 51]);
    let alpha = read(&encoded(ImageFormat::Png, ExtendedColorType::Rgba8, &rgba));
    assert_eq!(alpha.notes, [Note::OnWhite]);
    assert_eq!(alpha.rgb[..6], [255, 255, 255, 224, 204, 244]);

    let deep: Vec<u8> = (0..SIDE * SIDE * 3).flat_map(|i| (i as u16 * 80).to_ne_bytes()).collect();
    let reduced = read(&encoded(ImageFormat::Png, ExtendedColorType::Rgb16, &deep));
    assert_eq!(reduced.notes, [Note::Reduced { bits: 16, float: false }]);
    assert_eq!(reduced.rgb[700], ((700 * 80 + 128) / 257) as u8);

    let float: Vec<u8> = [0.0f32, 0.5, 1.0, -3.0, f32::NAN, 7.0]
        .iter()
        .cycle()
        .take((SIDE * SIDE * 3) as usize)
        .flat_map(|v| v.to_ne_bytes())
        .collect();
    let clipped = read(&encoded(ImageFormat::Tiff, ExtendedColorType::Rgb32F, &float));
    assert_eq!(clipped.notes, [Note::Reduced { bits: 32, float: true }]);
    assert_eq!(clipped.rgb[..6], [0, 128, 255, 0, 0, 255]);
}

#[test]
fn the_cameras_orientation_is_applied() {
    // Little-endian EXIF with the one entry "orientation 6": turn by 90 degrees clockwise.
    let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    let samples: Vec<u8> = (0..20 * 10).flat_map(|i| [(i % 20) as u8 * 10, (i / 20) as u8 * 20, 0]).collect();
    let mut png = Vec::new();
    let mut encoder = PngEncoder::new(&mut png);
    encoder.set_exif_metadata(exif.clone()).unwrap();
    encoder.write_image(&samples, 20, 10, ExtendedColorType::Rgb8).unwrap();
    let mut jpeg = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 100);
    encoder.set_exif_metadata(exif).unwrap();
    encoder.write_image(&samples, 20, 10, ExtendedColorType::Rgb8).unwrap();
    for file in [png, jpeg] {
        let picture = read(&file);
        assert_eq!((picture.width, picture.height), (10, 20));
        assert_eq!(picture.notes, [Note::Turned]);
        // The bottom left corner came to the top left.
        assert!(picture.rgb[0] < 10 && picture.rgb[1] > 170);
    }
}

#[test]
fn the_first_frame_of_an_animation_is_shown_and_counted() {
    let frame = |v: u8| Frame::new(RgbaImage::from_pixel(SIDE, SIDE, image::Rgba([v, 0, 0, 255])));
    let mut gif = Vec::new();
    GifEncoder::new(&mut gif).encode_frames([frame(250), frame(10), frame(20)]).unwrap();
    let picture = read(&gif);
    assert_eq!(picture.notes, [Note::FirstFrame { frames: 3 }]);
    assert!(picture.rgb[0] > 240);

    let still = rgb_png();
    let control = [4u32.to_be_bytes(), 0u32.to_be_bytes()].concat();
    let apng = [&still[..33], &chunk(b"acTL", &control), &still[33..]].concat();
    assert_eq!(read(&apng).notes, [Note::FirstFrame { frames: 4 }]);

    let mut still = Vec::new();
    WebPEncoder::new_lossless(&mut still)
        .write_image(&gradient(3), SIDE, SIDE, ExtendedColorType::Rgb8)
        .unwrap();
    let riff = |name: &[u8], data: &[u8]| [name, &(data.len() as u32).to_le_bytes(), data].concat();
    let side = [(SIDE - 1) as u8, 0, 0, (SIDE - 1) as u8, 0, 0];
    let frame = riff(b"ANMF", &[&[0; 6][..], &side, &[50, 0, 0, 2], &still[12..]].concat());
    let head = riff(b"VP8X", &[&[2, 0, 0, 0][..], &side].concat());
    let body = [&b"WEBP"[..], &head, &riff(b"ANIM", &[0; 6]), &frame, &frame].concat();
    let picture = read(&riff(b"RIFF", &body));
    assert_eq!(picture.notes, [Note::FirstFrame { frames: 2 }]);
    assert_eq!(picture.rgb[..], gradient(3));
}

/// A baseline JPEG of 8×8 pixels whose four components are even: CMYK as Adobe writes it (inverted).
fn cmyk_jpeg(cmyk: [u8; 4]) -> Vec<u8> {
    let segment = |marker: u8, data: &[u8]| {
        [&[0xFF, marker][..], &(data.len() as u16 + 2).to_be_bytes(), data].concat()
    };
    let frame: Vec<u8> = (1..=4).flat_map(|id| [id, 0x11, 0]).collect();
    let scan: Vec<u8> = (1..=4).flat_map(|id| [id, 0]).collect();
    // Categories 0 to 8 have codes of 4 bits; the only AC symbol, "end of block", is the bit 0.
    let dc = [&[0x00, 0, 0, 0, 9][..], &[0; 12], &[0, 1, 2, 3, 4, 5, 6, 7, 8]].concat();
    let ac = [&[0x10, 1][..], &[0; 15], &[0]].concat();
    let mut bits = String::new();
    for v in cmyk {
        // A table of eights makes the mean the level itself.
        let level = i32::from(v) - 128;
        let category = 32 - level.unsigned_abs().leading_zeros();
        let value = if level < 0 { level + (1 << category) - 1 } else { level };
        bits += &format!("{category:04b}");
        if category > 0 {
            bits += &format!("{value:0width$b}", width = category as usize);
        }
        bits += "0";
    }
    bits += &"1".repeat((8 - bits.len() % 8) % 8);
    let data: Vec<u8> = bits
        .as_bytes()
        .chunks(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .flat_map(|byte| if byte == 0xFF { vec![0xFF, 0] } else { vec![byte] })
        .collect();
    [
        &[0xFF, 0xD8][..],
        &segment(0xEE, b"Adobe\0\x64\0\0\0\0\0"),
        &segment(0xDB, &[&[0][..], &[8; 64]].concat()),
        &segment(0xC0, &[&[8, 0, 8, 0, 8, 4][..], &frame].concat()),
        &segment(0xC4, &dc),
        &segment(0xC4, &ac),
        &segment(0xDA, &[&[4][..], &scan, &[0, 63, 0]].concat()),
        &data,
        &[0xFF, 0xD9],
    ]
    .concat()
}

#[test]
fn printing_colours_are_converted() {
    for (inverted, rgb) in [
        ([255, 255, 255, 255], [255, 255, 255]),
        ([0, 255, 255, 255], [0, 255, 255]),
        ([255, 128, 255, 128], [128, 64, 128]),
    ] {
        let picture = read(&cmyk_jpeg(inverted));
        assert_eq!(picture.notes, [Note::FromCmyk]);
        for (got, expected) in picture.rgb[..3].iter().zip(rgb) {
            assert!(got.abs_diff(expected) <= 1, "{inverted:?} became {:?}", &picture.rgb[..3]);
        }
    }
}

#[test]
fn files_cut_short_are_errors() {
    let jpeg = encoded(ImageFormat::Jpeg, ExtendedColorType::Rgb8, &gradient(3));
    assert_eq!(read(&jpeg).notes, []);
    let mut gif = Vec::new();
    GifEncoder::new(&mut gif).encode(&gradient(3), SIDE, SIDE, ExtendedColorType::Rgb8).unwrap();
    let mut files = vec![rgb_png(), jpeg, gif];
    for format in [ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::WebP, ImageFormat::Pnm] {
        files.push(encoded(format, ExtendedColorType::Rgb8, &gradient(3)));
    }
    for file in files {
        for part in [3, 6, 9] {
            let cut = &file[..file.len() * part / 10];
            let why = why(cut);
            assert!(why.contains("damaged or cut short"), "{why}");
        }
    }
}

#[test]
fn what_is_no_picture_is_said() {
    assert!(why(b"").contains("empty (0 bytes)"));
    assert!(why(b"some words").contains("not a picture"));
    assert!(why(b"\x89PNG\r\n\x1a\n").contains("damaged or cut short"));
}

#[test]
fn a_giant_is_refused_by_its_numbers_before_decoding() {
    let why = why(&resized_png(20_000, 20_000));
    assert!(why.contains("20000×20000") && why.contains("400 megapixels"), "{why}");
    assert!(why.contains("save a smaller copy"), "{why}");
    let mut bmp = encoded(ImageFormat::Bmp, ExtendedColorType::Rgb8, &gradient(3));
    bmp[18..22].copy_from_slice(&60_000u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&60_000u32.to_le_bytes());
    assert!(self::why(&bmp).contains("3600 megapixels"));
}

#[test]
fn one_pixel_opens_with_a_note() {
    let mut png = Vec::new();
    PngEncoder::new(&mut png).write_image(&[9, 90, 200], 1, 1, ExtendedColorType::Rgb8).unwrap();
    assert_eq!(read(&png).notes, [Note::Tiny { width: 1, height: 1 }]);
}

#[test]
fn opening_names_what_is_wrong_with_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.png");
    std::fs::write(&file, rgb_png()).unwrap();
    let picture = open(&file).unwrap();
    assert_eq!(picture.name, "a.png");
    assert_eq!(picture.origin, Origin::File(file.clone()));
    assert!(open(folder.path()).unwrap_err().to_string().contains("a folder"));
    std::fs::remove_file(&file).unwrap();
    let gone = open(&file).unwrap_err().to_string();
    assert!(gone.contains("a.png") && gone.contains("moved, renamed or deleted"), "{gone}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn damage_anywhere_never_panics(which in 0usize..7, at in 0.0f64..1.0, value: u8, keep in 0.2f64..1.0) {
        let formats = [
            ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::Bmp,
            ImageFormat::Tiff, ImageFormat::WebP, ImageFormat::Pnm,
        ];
        let mut file = encoded(formats[which], ExtendedColorType::Rgb8, &gradient(3));
        let place = (file.len() as f64 * at) as usize;
        file[place] = value;
        let _ = decode(&file, "x", Origin::Pasted);
        let _ = decode(&file[..(file.len() as f64 * keep) as usize], "x", Origin::Pasted);
    }
}
