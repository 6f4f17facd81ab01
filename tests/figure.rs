//! Figures from outside: what is drawn, what is written, and that the bundled fonts can do it.

// Helpers of tests may unwrap like the tests themselves.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use ab_glyph::{Font, FontRef};
use difscope::colormap::{ColorMap, RangeChoice, Tone, hatch, shade};
use difscope::error::Error;
use difscope::figure::bar::Clipped;
use difscope::figure::sheet::{contact_sheet, sheet};
use difscope::figure::text::Style;
use difscope::figure::ticks::{format_value, nice_ticks, tick_labels};
use difscope::figure::write::{atomic, encode_png, write_csv, write_npy, write_png};
use difscope::figure::{Bar, Caption, Cell, Layer, Sampling, Theme, fonts, overlay};
use difscope::grid::Grid;
use image::{Rgb, RgbImage};
use proptest::prelude::*;

/// Every character outside ASCII that the program writes.
const SIGNS: &str = "←→↑↓×±·…°²³½√≤≥−–—▸▾☑☐‹›“”‘’•∞≈≠∑Δαβγεθλμσᾱ\u{304}₀₁₂▲▼◀▶●✓éüßøñçÅŁžЖя⌘⇧";

fn parsed(bytes: &'static [u8]) -> FontRef<'static> {
    FontRef::try_from_slice(bytes).unwrap()
}

#[test]
fn the_text_fonts_hold_every_character_in_use() {
    let all = [fonts::PROPORTIONAL, fonts::TABULAR, fonts::ICONS].map(parsed);
    for character in (' '..='~').chain('\u{a1}'..='\u{ff}') {
        for font in &all[..2] {
            assert_ne!(font.glyph_id(character).0, 0, "{character:?} is missing");
        }
    }
    for character in SIGNS.chars() {
        assert!(all.iter().any(|font| font.glyph_id(character).0 != 0), "{character:?} is missing");
    }
    for character in "−×±·…→".chars() {
        assert_ne!(all[1].glyph_id(character).0, 0, "{character:?} is missing from the tabular font");
    }
}

#[test]
fn the_window_can_use_the_fonts() {
    use eframe::egui;
    let mut definitions = egui::FontDefinitions::empty();
    for (name, bytes) in [("text", fonts::PROPORTIONAL), ("tabular", fonts::TABULAR), ("icons", fonts::ICONS)]
    {
        definitions.font_data.insert(name.into(), egui::FontData::from_static(bytes).into());
        definitions.families.entry(egui::FontFamily::Proportional).or_default().push(name.into());
        definitions.families.entry(egui::FontFamily::Monospace).or_default().push(name.into());
    }
    let context = egui::Context::default();
    context.set_fonts(definitions);
    let mut missing = String::new();
    let mut width = 0.0;
    let _ = context.run_ui(egui::RawInput::default(), |ui| {
        let id = egui::FontId::proportional(14.0);
        ui.ctx().fonts_mut(|fonts| {
            missing = SIGNS.chars().filter(|&c| !fonts.has_glyph(&id, c)).collect();
            width = fonts.layout_no_wrap("difscope".into(), id.clone(), egui::Color32::WHITE).size().x;
        });
    });
    assert_eq!(missing, "");
    assert!(
        (Style::proportional(14.0).width("difscope") - width).abs() < 4.0,
        "figures and window differ in size"
    );
}

proptest! {
    #[test]
    fn ticks_are_inside_ascending_and_few(a in -1e6f32..1e6, span in 1e-6f32..1e6, max in 1usize..12) {
        let range = [a, a + span];
        let ticks = nice_ticks(range, max);
        prop_assert!(ticks.len() <= max);
        prop_assert!(ticks.iter().all(|t| (range[0]..=range[1]).contains(t)));
        prop_assert!(ticks.windows(2).all(|pair| pair[0] < pair[1]));
        let labels = tick_labels(&ticks);
        prop_assert!(labels.windows(2).all(|pair| pair[0] != pair[1]), "{labels:?}");
    }

    #[test]
    fn ticks_answer_any_two_floats(a in any::<f32>(), b in any::<f32>(), max in 0usize..9) {
        let ticks = nice_ticks([a, b], max);
        prop_assert!(ticks.len() <= max);
        prop_assert!(ticks.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!(ticks.iter().all(|t| (a.min(b)..=a.max(b)).contains(t)));
    }

    #[test]
    fn formatted_values_read_back_to_three_digits(value in any::<f32>()) {
        prop_assume!(value.is_normal());
        let read: f64 = format_value(value).replace('−', "-").parse().unwrap();
        prop_assert!((read / f64::from(value) - 1.0).abs() <= 0.005_001, "{value} became {read}");
    }

    #[test]
    fn any_value_has_a_colour_or_is_nan(value in any::<f32>(), lo in -9f32..9.0, span in 0f32..9.0, gamma in 0.2f32..4.0) {
        let tone = Tone { range: [lo, lo + span], gamma, map: ColorMap::Magma };
        prop_assert_eq!(shade(value, &tone).is_none(), value.is_nan());
    }
}

fn ramp() -> Grid {
    Grid::from_fn(1, 16, 16, |_, y, x| (y * 16 + x) as f32)
}

fn caption(title: &str, line: &str) -> Caption {
    Caption { title: title.into(), lines: vec![line.into()] }
}

/// Where `needle` lies in `image`, if it does.
fn find(image: &RgbImage, needle: &RgbImage) -> Option<(u32, u32)> {
    let places = (0..=image.height() - needle.height())
        .flat_map(|y| (0..=image.width() - needle.width()).map(move |x| (x, y)));
    places
        .into_iter()
        .find(|&(x, y)| needle.enumerate_pixels().all(|(dx, dy, p)| image.get_pixel(x + dx, y + dy) == p))
}

fn differing(a: &RgbImage, b: &RgbImage) -> usize {
    assert_eq!(a.dimensions(), b.dimensions());
    a.pixels().zip(b.pixels()).filter(|(p, q)| p != q).count()
}

#[test]
fn a_sheet_keeps_its_image_and_prints_its_words() {
    let grid = ramp();
    let tone = RangeChoice::Full.tone(&grid, 1.0, ColorMap::Viridis);
    let image = Layer::Map(&grid, tone).enlarge(16, Sampling::Nearest).unwrap();
    let bar = Bar { tone, values: &grid };
    let whole =
        sheet(&image, Some(&bar), &caption("Block 12 at t 50", "seed 0, draw 1"), Theme::Light).unwrap();
    assert!(find(&whole, &image).is_some());
    let other =
        sheet(&image, Some(&bar), &caption("Block 12 at t 90", "seed 0, draw 1"), Theme::Light).unwrap();
    assert!(differing(&whole, &other) > 10, "the title is drawn");
    let other =
        sheet(&image, Some(&bar), &caption("Block 12 at t 50", "seed 0, draw 2"), Theme::Light).unwrap();
    assert!(differing(&whole, &other) > 10, "the settings are drawn");
    let dark =
        sheet(&image, Some(&bar), &caption("Block 12 at t 50", "seed 0, draw 1"), Theme::Dark).unwrap();
    assert_eq!(dark.get_pixel(0, 0), &Theme::Dark.surface());
    assert_eq!(whole.get_pixel(0, 0), &Theme::Light.surface());
    let long = caption("Block 12 at t 50", &"a setting that goes on ".repeat(20));
    let taller = sheet(&image, Some(&bar), &long, Theme::Light).unwrap();
    assert!(taller.height() > whole.height() && taller.width() == whole.width(), "long settings wrap");
}

#[test]
fn the_bar_shows_the_ends_and_marks_what_lies_outside() {
    let grid = ramp();
    let image = RgbImage::from_pixel(200, 200, Rgb([9, 9, 9]));
    let colors = |range: [f32; 2], values: &Grid| {
        let tone = Tone::new(range, ColorMap::Viridis);
        sheet(&image, Some(&Bar { tone, values }), &Caption::default(), Theme::Dark).unwrap()
    };
    let count = |figure: &RgbImage, color: [u8; 3]| figure.pixels().filter(|p| p.0 == color).count();
    let (low, high) = (ColorMap::Viridis.lut()[0], ColorMap::Viridis.lut()[255]);
    let whole = colors([0.0, 255.0], &grid);
    let clipped = colors([50.0, 200.0], &grid);
    assert!(count(&whole, low) > 0 && count(&whole, high) > 0);
    assert!(count(&clipped, low) >= count(&whole, low) + 40, "an arrow below");
    assert!(count(&clipped, high) >= count(&whole, high) + 40, "an arrow above");
    assert_eq!(Clipped::count(grid.values(), [50.0, 200.0]), Clipped { below: 50, above: 55, nan: 0 });

    let holes = Grid::new(1, 1, 3, vec![0.0, f32::NAN, 255.0]).unwrap();
    assert_eq!(count(&whole, hatch(0, 0)), 0);
    assert!(count(&colors([0.0, 255.0], &holes), hatch(0, 0)) > 50, "NaN is explained");
}

#[test]
fn odd_ranges_and_sizes_make_a_figure() {
    let grid = Grid::new(1, 1, 2, vec![f32::NAN, f32::INFINITY]).unwrap();
    for range in [[0.0, 0.0], [1.0, -1.0], [f32::MIN, f32::MAX], [f32::NAN, 1.0]] {
        let tone = Tone::new(range, ColorMap::Diverging);
        let image = Layer::Map(&grid, tone).enlarge(1, Sampling::Nearest).unwrap();
        sheet(&image, Some(&Bar { tone, values: &grid }), &Caption::default(), Theme::Light).unwrap();
    }
}

#[test]
fn a_contact_sheet_holds_every_cell() {
    let cells: Vec<Cell> = (0..5)
        .map(|i| Cell {
            image: RgbImage::from_pixel(70 + i, 60, Rgb([40 * i as u8, 255, 0])),
            label: format!("t {i}"),
        })
        .collect();
    let figure = contact_sheet(&cells, 3, None, &caption("Block 12", ""), Theme::Dark).unwrap();
    let places: Vec<_> = cells.iter().map(|cell| find(&figure, &cell.image).unwrap()).collect();
    assert!(places[0].1 == places[2].1 && places[0].0 < places[1].0 && places[1].0 < places[2].0);
    assert!(places[3].1 > places[0].1 + 60 && places[4].1 == places[3].1);
    assert!(contact_sheet(&[], 3, None, &Caption::default(), Theme::Dark).is_err());
}

#[test]
fn an_overlay_hatches_what_is_not_a_number() {
    let rgb = vec![200u8; 256 * 256 * 3];
    let picture = overlay::Picture { width: 256, height: 256, rgb: &rgb };
    let placement = overlay::Placement { x: 64.0, y: 0.0, width: 128.0, height: 256.0 };
    let grid = Grid::new(1, 1, 2, vec![f32::NAN, 1.0]).unwrap();
    let map = Layer::Map(&grid, Tone::new([0.0, 1.0], ColorMap::Grey));
    let image = overlay::overlay(&picture, &map, &placement, 1.0, Sampling::Nearest).unwrap();
    for (x, y, pixel) in image.enumerate_pixels() {
        let expected = match x {
            64..128 => hatch(x, y),
            128..192 => [255; 3],
            _ => [200; 3],
        };
        assert_eq!(pixel.0, expected, "at {x},{y}");
    }
}

#[test]
fn png_reads_back_and_carries_its_settings() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.png");
    let image = RgbImage::from_fn(31, 7, |x, y| Rgb([x as u8, y as u8, 200]));
    let settings = r#"{"view":"ᾱ","t":90}"#;
    write_png(&path, &image, Some(settings), false).unwrap();
    assert_eq!(image::open(&path).unwrap().to_rgb8(), image);
    let bytes = fs::read(&path).unwrap();
    let at = bytes.windows(4).position(|w| w == b"iTXt").unwrap();
    let length = u32::from_be_bytes(bytes[at - 4..at].try_into().unwrap()) as usize;
    let body = &bytes[at + 4..at + 4 + length];
    assert_eq!(body, [b"difscope\0\0\0\0\0".as_slice(), settings.as_bytes()].concat());
    let mut checksum = flate2::Crc::new();
    checksum.update(&bytes[at..at + 4 + length]);
    assert_eq!(bytes[at + 4 + length..at + 8 + length], checksum.sum().to_be_bytes());
    assert!(encode_png(&RgbImage::new(0, 0), None).is_err());
}

#[test]
fn npy_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str, grid: &Grid| {
        let path = folder.path().join(name);
        write_npy(&path, grid, false).unwrap();
        let bytes = fs::read(&path).unwrap();
        let npy = npyz::NpyFile::new(&bytes[..]).unwrap();
        (npy.shape().to_vec(), npy.into_vec::<f32>().unwrap())
    };
    let grid = Grid::from_fn(2, 3, 4, |c, y, x| (c * 100 + y * 10 + x) as f32 / 7.0);
    assert_eq!(read("block.npy", &grid), (vec![2, 3, 4], grid.values().to_vec()));
    let map = grid.channel_grid(1);
    assert_eq!(read("map.npy", &map), (vec![3, 4], map.values().to_vec()));
}

#[test]
fn csv_is_rows_of_exact_values() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.csv");
    let map = Grid::new(1, 2, 2, vec![0.1, -2.0, f32::NAN, 1e-30]).unwrap();
    write_csv(&path, &map, false).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "0.1,-2.0\nNaN,1e-30\n");
    let block = Grid::from_fn(2, 1, 2, |c, _, x| (c * 10 + x) as f32);
    write_csv(&path, &block, true).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "0,0.0,1.0\n1,10.0,11.0\n");
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_exists_is_kept_unless_forced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.png");
    fs::write(&path, "mine").unwrap();
    let image = RgbImage::new(2, 2);
    let failed = write_png(&path, &image, None, false).unwrap_err();
    assert!(matches!(&failed, Error::Exists(at) if *at == path), "{failed}");
    assert!(failed.to_string().contains("--force"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    write_png(&path, &image, None, true).unwrap();
    assert_eq!(image::open(&path).unwrap().to_rgb8(), image);
    assert_eq!(names(folder.path()), ["map.png"]);
}

#[test]
fn a_failure_leaves_what_was_there() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    fs::write(&path, "mine").unwrap();
    let failed = atomic(&path, true, |file| {
        file.write_all(b"half").map_err(Error::io("write", &path))?;
        Err(Error::Cancelled)
    });
    assert!(failed.unwrap_err().is_cancelled());
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    assert_eq!(names(folder.path()), ["table.csv"]);
    let nowhere = folder.path().join("missing").join("map.npy");
    let text = write_npy(&nowhere, &ramp(), false).unwrap_err().to_string();
    assert!(text.contains("cannot write") && text.contains("missing"), "{text}");
}

#[cfg(unix)]
#[test]
fn a_link_is_followed_and_rights_are_ordinary() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (real, link, plain) =
        (folder.path().join("real.npy"), folder.path().join("link.npy"), folder.path().join("plain"));
    fs::write(&real, "old").unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    write_npy(&link, &ramp(), true).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().file_type().is_symlink());
    fs::write(&plain, "").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&real), mode(&plain));
    assert!(fs::read(&real).unwrap().starts_with(b"\x93NUMPY"));
}
