//! The window through egui_kittest: what a user does, and what the screen then shows.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use difscope::app::{Window, WindowOptions};
use difscope::jobs::EngineOptions;
use difscope::tensor::device::DeviceChoice;
use eframe::egui::vec2;
use egui_kittest::Harness;

pub fn options(paths: Vec<PathBuf>) -> WindowOptions {
    let engine = EngineOptions { device: DeviceChoice::Cpu, threads: Some(2), cache: None, ..EngineOptions::default() };
    WindowOptions { paths, engine, ..WindowOptions::default() }
}

pub fn open(options: WindowOptions, width: f32, height: f32) -> Harness<'static, Window> {
    let mut harness = Harness::builder()
        .with_size(vec2(width, height))
        .with_step_dt(1.0 / 60.0)
        .wgpu()
        .build_eframe(|cc| Window::new(cc, options).unwrap());
    settle(&mut harness);
    harness
}

/// Steps until everything asked for is on screen.
pub fn settle(harness: &mut Harness<'_, Window>) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut calm = 0;
    while calm < 4 {
        harness.step();
        calm = if harness.state().is_settled() { calm + 1 } else { 0 };
        std::thread::sleep(Duration::from_millis(5));
        assert!(Instant::now() < deadline, "the window never settled");
    }
}

#[test]
fn look() {
    let mut harness = open(options(Vec::new()), 1280.0, 800.0);
    harness.render().unwrap().save("/tmp/shots/first.png").unwrap();
}
