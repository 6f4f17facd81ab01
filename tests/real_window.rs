//! The program as people start it: its window on a screen of its own, and without any screen.
//!
//! The window needs Xvfb, xdotool and lavapipe; where they are missing the test says loudly that it
//! was skipped, and fails if `DIFSCOPE_REQUIRE_WINDOW=1`.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

#[path = "real_window/screen.rs"]
mod screen;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use difscope::colormap::ColorMap;
use eframe::wgpu::{Backends, DeviceType};
use image::{GenericImageView as _, RgbImage, Rgba};
use screen::{PROGRAMS, Running, Screen, is_there};

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 800;
/// From start to the first heatmap on a slow machine; people are promised 3 s on theirs.
const FIRST_HEATMAP: Duration = Duration::from_secs(30);
/// For everything else.
const LIMIT: Duration = Duration::from_secs(30);

/// One at a time, so that the time to the first heatmap is the program's own.
static ALONE: Mutex<()> = Mutex::new(());

/// The program in `folder`, which is also its home, with no display and nothing of the caller's desktop.
fn difscope(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_difscope"));
    command.current_dir(folder).stdin(Stdio::null()).env("HOME", folder);
    for (name, place) in [
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_STATE_HOME", "state"),
        ("XDG_RUNTIME_DIR", "run"),
    ] {
        let place = folder.join(place);
        fs::create_dir_all(&place).unwrap();
        command.env(name, place);
    }
    for name in [
        "DISPLAY",
        "WAYLAND_DISPLAY",
        "WAYLAND_SOCKET",
        "XAUTHORITY",
        "XMODIFIERS",
        "DBUS_SESSION_BUS_ADDRESS",
    ] {
        command.env_remove(name);
    }
    command
}

/// What the window test lacks on this machine.
fn missing() -> Vec<&'static str> {
    let mut missing: Vec<&str> = PROGRAMS.into_iter().filter(|program| !is_there(program)).collect();
    let instance = pollster::block_on(egui_kittest::wgpu::default_wgpu_setup().new_instance());
    let adapters = pollster::block_on(instance.enumerate_adapters(Backends::VULKAN));
    if !adapters.iter().any(|adapter| adapter.get_info().device_type == DeviceType::Cpu) {
        missing.push("lavapipe (mesa-vulkan-drivers)");
    }
    missing
}

fn can_run() -> bool {
    let missing = missing().join(", ");
    if !missing.is_empty() {
        let required = std::env::var("DIFSCOPE_REQUIRE_WINDOW").is_ok_and(|value| value == "1");
        assert!(!required, "DIFSCOPE_REQUIRE_WINDOW=1, and this machine lacks {missing}");
        // Not `eprintln!`, which passing tests keep to themselves.
        let text = format!("SKIPPED: the real window; this machine lacks {missing}\n");
        std::io::stderr().write_all(text.as_bytes()).unwrap();
    }
    missing.is_empty()
}

/// Where the feature maps are: the middle, without library, network and bars.
fn middle(picture: &RgbImage) -> impl Iterator<Item = [u8; 3]> + '_ {
    let (width, height) = picture.dimensions();
    let rows = height / 10..height * 9 / 10;
    rows.flat_map(move |y| (width / 5..width * 7 / 10).map(move |x| picture.get_pixel(x, y).0))
}

/// Finds the colours of viridis, give or take two levels.
struct Heatmap(HashMap<[u8; 3], usize>);

impl Heatmap {
    fn new() -> Heatmap {
        let mut level_of = HashMap::new();
        for (level, colour) in ColorMap::Viridis.lut().iter().enumerate() {
            let near = |channel: usize| colour[channel].saturating_sub(2)..=colour[channel].saturating_add(2);
            for (r, g, b) in near(0).flat_map(|r| near(1).flat_map(move |g| near(2).map(move |b| (r, g, b))))
            {
                level_of.entry([r, g, b]).or_insert(level);
            }
        }
        Heatmap(level_of)
    }

    /// Share of the `pixels` that are of the map, and how many of its 256 levels they show.
    fn seen_in(&self, pixels: impl Iterator<Item = [u8; 3]>) -> (f64, usize) {
        let (mut levels, mut seen, mut count) = (HashSet::new(), 0usize, 0usize);
        for pixel in pixels {
            count += 1;
            if let Some(level) = self.0.get(&pixel) {
                seen += 1;
                levels.insert(level);
            }
        }
        (seen as f64 / count.max(1) as f64, levels.len())
    }

    /// More than a colour bar: a good part of the middle, in many levels.
    fn is_drawn(&self, picture: &RgbImage) -> bool {
        let (share, levels) = self.seen_in(middle(picture));
        share > 0.05 && levels > 64
    }
}

/// Lightness, 0 to 255, of the most frequent colour.
fn ground(picture: &RgbImage) -> u32 {
    let mut counts = HashMap::new();
    for pixel in picture.pixels() {
        *counts.entry(pixel.0).or_insert(0) += 1;
    }
    let (colour, _) = counts.into_iter().max_by_key(|&(_, count)| count).unwrap();
    colour.iter().map(|&c| u32::from(c)).sum::<u32>() / 3
}

/// How many pixels of the middle differ.
fn changed(a: &RgbImage, b: &RgbImage) -> usize {
    middle(a).zip(middle(b)).filter(|(a, b)| a != b).count()
}

/// The program's window on its screen.
struct Session {
    screen: Screen,
    program: Running,
    folder: tempfile::TempDir,
    started: Instant,
}

impl Session {
    fn start() -> Session {
        let folder = tempfile::tempdir().unwrap();
        let screen = Screen::start(WIDTH, HEIGHT);
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut command = difscope(folder.path());
        command.env("DISPLAY", &screen.display).stdout(log.try_clone().unwrap()).stderr(log);
        command.env("WGPU_BACKEND", "vulkan").env("VK_LOADER_DRIVERS_SELECT", "*lvp*");
        let started = Instant::now();
        let program = Running(command.spawn().unwrap());
        Session { screen, program, folder, started }
    }

    /// Fails with what is on screen and what the program said.
    fn fail(&self, why: &str) -> ! {
        let shot = Path::new(env!("CARGO_TARGET_TMPDIR")).join("real_window.png");
        let saved = self.screen.picture().save(&shot);
        let said = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        panic!("{why}\nscreen ({saved:?}): {}\nthe program said:\n{said}", shot.display())
    }

    /// Waits until `found` finds something, and fails when that takes longer than `limit` or the
    /// program ends.
    fn wait<T>(&mut self, what: &str, limit: Duration, mut found: impl FnMut(&Screen) -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = found(&self.screen) {
                return found;
            }
            if let Some(status) = self.program.0.try_wait().unwrap() {
                self.fail(&format!("waiting for {what}: the program ended with {status}"));
            }
            if begun.elapsed() > limit {
                self.fail(&format!("no {what} within {} s", limit.as_secs()));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The picture once nothing moves for half a second.
    fn at_rest(&mut self) -> RgbImage {
        let mut last: Option<(RgbImage, Instant)> = None;
        self.wait("picture at rest", LIMIT, |screen| {
            let now = screen.picture();
            match &last {
                Some((picture, since)) if *picture == now => {
                    (since.elapsed() > Duration::from_millis(500)).then_some(now)
                }
                _ => {
                    last = Some((now, Instant::now()));
                    None
                }
            }
        })
    }

    /// The picture at rest after `key` changed more than `pixels` of the middle of `before`.
    fn after(&mut self, key: &str, before: &RgbImage, pixels: usize) -> RgbImage {
        self.screen.press(key);
        self.wait(&format!("change after {key}"), LIMIT, |screen| {
            (changed(before, &screen.picture()) > pixels).then_some(())
        });
        let after = self.at_rest();
        if changed(before, &after) <= pixels {
            self.fail(&format!("after {key} the picture went back to what it was"));
        }
        after
    }
}

#[test]
fn the_window_opens_on_feature_maps_and_follows_the_keyboard() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    if !can_run() {
        return;
    }
    let heatmap = Heatmap::new();
    let mut session = Session::start();
    session.wait("heatmap", FIRST_HEATMAP, |screen| heatmap.is_drawn(&screen.picture()).then_some(()));
    let seconds = session.started.elapsed().as_secs_f64();
    std::io::stderr().write_all(format!("first heatmap after {seconds:.2} s\n").as_bytes()).unwrap();

    let window = session.wait("window called difscope", LIMIT, |screen| screen.window("difscope"));
    session.screen.fill(&window, WIDTH, HEIGHT);
    let first = session.at_rest();
    let colours: HashSet<[u8; 3]> = middle(&first).collect();
    if !heatmap.is_drawn(&first) || colours.len() < 500 || ground(&first) > 80 {
        let ground = ground(&first);
        session.fail(&format!(
            "{:?} of heatmap, {} colours, on {ground}",
            heatmap.seen_in(middle(&first)),
            colours.len()
        ));
    }

    let next_block = session.after("Down", &first, 10_000);
    let next_step = session.after("bracketright", &next_block, 10_000);
    if !heatmap.is_drawn(&next_step) {
        session.fail("no heatmap after the keys");
    }
    let light = session.after("ctrl+shift+l", &next_step, 10_000);
    if ground(&light) < 200 || !heatmap.is_drawn(&light) {
        session.fail(&format!("light mode has a ground of {}", ground(&light)));
    }

    session.screen.press("ctrl+q");
    let asked = Instant::now();
    let status = loop {
        if let Some(status) = session.program.0.try_wait().unwrap() {
            break status;
        }
        if asked.elapsed() > LIMIT {
            session.fail("ctrl+q does not end the program");
        }
        thread::sleep(Duration::from_millis(20));
    };
    if status.code() != Some(0) {
        session.fail(&format!("after ctrl+q the program ended with {status}"));
    }
}

#[test]
fn without_a_display_the_first_views_become_files() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let home = tempfile::tempdir().unwrap();
    let output = difscope(home.path()).current_dir(folder.path()).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.to_lowercase().contains("display"), "it does not say that there is no display:\n{said}");
    assert!(said.contains("difscope-tour"), "it does not say where the views are:\n{said}");

    let entries: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(entries, ["difscope-tour"], "it writes there and nowhere else");
    let heatmap = Heatmap::new();
    let (mut pictures, mut heatmaps) = (0, 0);
    for entry in fs::read_dir(folder.path().join("difscope-tour")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "png") {
            continue;
        }
        let picture = image::open(&path).unwrap();
        let colours: HashSet<Rgba<u8>> = picture.pixels().map(|(_, _, pixel)| pixel).collect();
        assert!(colours.len() > 50, "{} is nearly blank: {} colours", path.display(), colours.len());
        let (share, levels) = heatmap.seen_in(picture.to_rgb8().pixels().map(|pixel| pixel.0));
        heatmaps += usize::from(share > 0.1 && levels > 64);
        pictures += 1;
    }
    assert!(pictures >= 3, "{pictures} pictures in difscope-tour");
    assert!(heatmaps >= 1, "no heatmap among the {pictures} pictures");
}

/// The measures above tell a heatmap from what a window shows without one.
#[test]
fn a_heatmap_is_told_from_other_pictures() {
    let heatmap = Heatmap::new();
    let ramp = ColorMap::Viridis.lut();
    let maps = RgbImage::from_fn(WIDTH, HEIGHT, |x, _| image::Rgb(ramp[(x % 256) as usize]));
    assert!(heatmap.is_drawn(&maps));
    let grey = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| image::Rgb([((x + y) % 256) as u8; 3]));
    let bar = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        image::Rgb(if (640..656).contains(&x) {
            ramp[255 - (y * 256 / HEIGHT) as usize]
        } else {
            [22, 24, 28]
        })
    });
    let one_level = RgbImage::from_pixel(WIDTH, HEIGHT, image::Rgb(ramp[100]));
    let photo = image::load_from_memory(include_bytes!("../assets/photos/chelsea.png")).unwrap();
    let photo = photo.resize_exact(WIDTH, HEIGHT, image::imageops::FilterType::Triangle).to_rgb8();
    for (what, picture) in
        [("grey", grey), ("a colour bar", bar), ("one level", one_level), ("a photograph", photo)]
    {
        assert!(!heatmap.is_drawn(&picture), "{what} passes as a heatmap");
    }
    assert_eq!(ground(&RgbImage::from_pixel(4, 4, image::Rgb([250, 251, 249]))), 250);
}

#[test]
fn a_window_dump_is_read() {
    let mut file: Vec<u8> = Vec::new();
    let words = [104, 7, 2, 24, 2, 1, 0, 0, 32, 0, 32, 32, 12, 4, 0, 0, 0, 8, 256, 1, 2, 1, 0, 0, 0];
    words.iter().for_each(|word: &u32| file.extend(word.to_be_bytes()));
    file.extend([0; 4]);
    file.extend([9; 12]);
    file.extend([3, 2, 1, 0, 6, 5, 4, 0, 7, 7, 7, 7]);
    let picture = screen::parse_xwd(&file).unwrap();
    assert_eq!((picture.dimensions(), picture.as_raw().as_slice()), ((2, 1), &[1, 2, 3, 4, 5, 6][..]));
    assert!(screen::parse_xwd(&file[..file.len() - 1]).is_none());
    assert!(screen::parse_xwd(&[]).is_none());
}
