//! The window through egui_kittest: what a user does, and what the screen then shows.
//!
//! Needs Vulkan (lavapipe will do). Without it the tests say loudly that they were skipped, and fail
//! when `DIFSCOPE_REQUIRE_GPU` is set.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test")]

mod attention;
mod bad_input;
mod cell;
mod flows;
mod heads;
mod keeping;
mod label;
mod locks;
mod looks;
mod reopening;
mod settings;
mod sweep;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use difscope::app::{Window, WindowOptions};
use difscope::jobs::{EngineOptions, ProjectChoice};
use difscope::tensor::device::DeviceChoice;
use eframe::egui::vec2;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

type Test = Harness<'static, Window>;

/// True, said loudly, where no test of the window can run.
fn skipped() -> bool {
    let there = pollster::block_on(async {
        let instance =
            eframe::wgpu::Instance::new(eframe::wgpu::InstanceDescriptor::new_without_display_handle());
        !instance.enumerate_adapters(eframe::wgpu::Backends::all()).await.is_empty()
    });
    if there {
        return false;
    }
    assert!(
        std::env::var_os("DIFSCOPE_REQUIRE_GPU").is_none(),
        "DIFSCOPE_REQUIRE_GPU is set and there is no graphics adapter"
    );
    eprintln!("SKIPPED: no graphics adapter; install mesa-vulkan-drivers to test the window");
    true
}

fn options(paths: Vec<PathBuf>) -> WindowOptions {
    let engine = EngineOptions {
        device: DeviceChoice::Cpu,
        threads: Some(2),
        cache: None,
        ..EngineOptions::default()
    };
    WindowOptions { paths, engine, project: ProjectChoice::Temporary, ..WindowOptions::default() }
}

fn open_with(options: WindowOptions, width: f32, height: f32) -> Test {
    let mut harness = Harness::builder()
        .with_size(vec2(width, height))
        .with_step_dt(1.0 / 60.0)
        .wgpu()
        .build_eframe(|cc| Window::new(cc, options).unwrap());
    settle(&mut harness);
    harness
}

fn open(paths: &[&Path]) -> Test {
    open_with(options(paths.iter().map(|path| path.to_path_buf()).collect()), 1280.0, 800.0)
}

/// Steps until everything asked for is on screen.
fn settle(harness: &mut Test) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut calm = 0;
    while calm < 4 {
        harness.step();
        calm = if harness.state().is_settled() { calm + 1 } else { 0 };
        std::thread::sleep(Duration::from_millis(5));
        assert!(Instant::now() < deadline, "the window never settled");
    }
}

/// Steps until a text is on screen.
fn wait_for(harness: &mut Test, text: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !shows(harness, text) {
        harness.step();
        std::thread::sleep(Duration::from_millis(5));
        assert!(Instant::now() < deadline, "{text:?} never came; on screen: {:#?}", texts(harness));
    }
}

fn texts(harness: &Test) -> Vec<String> {
    harness
        .query_all_by(|_| true)
        .filter_map(|node| {
            let node = node.accesskit_node();
            node.label().or_else(|| node.value())
        })
        .collect()
}

fn shows(harness: &Test, text: &str) -> bool {
    texts(harness).iter().any(|shown| shown.contains(text))
}

fn assert_shows(harness: &Test, text: &str) {
    assert!(shows(harness, text), "{text:?} is not on screen: {:#?}", texts(harness));
}

/// Writes a colour picture with some structure.
fn write_picture(path: &Path, width: u32, height: u32) {
    let image = image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([
            (x * 255 / width.max(1)) as u8,
            (y * 255 / height.max(1)) as u8,
            ((x / 8 + y / 8) % 2 * 200) as u8,
        ])
    });
    image.save(path).unwrap();
}
