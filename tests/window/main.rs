//! The window through egui_kittest: what a user does, and what the screen then shows.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use difscope::app::{Window, WindowOptions};
use difscope::jobs::EngineOptions;
use difscope::tensor::device::DeviceChoice;
use eframe::egui::vec2;
use egui_kittest::Harness;

pub fn options(paths: Vec<PathBuf>) -> WindowOptions {
    let engine = EngineOptions {
        device: DeviceChoice::Cpu,
        threads: Some(2),
        cache: None,
        ..EngineOptions::default()
    };
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

use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
fn shot(h: &mut Harness<'_, Window>, name: &str) {
    settle(h);
    h.render().unwrap().save(format!("/tmp/shots/{name}.png")).unwrap();
}
fn key(h: &mut Harness<'_, Window>, k: Key) {
    h.key_press(k);
    settle(h);
}

#[test]
fn look() {
    let mut h = open(options(Vec::new()), 1280.0, 800.0);
    shot(&mut h, "first");
    for _ in 0..24 {
        key(&mut h, Key::ArrowRight);
    }
    key(&mut h, Key::N);
    key(&mut h, Key::O);
    shot(&mut h, "norm_overlay");
    key(&mut h, Key::Space);
    key(&mut h, Key::P);
    key(&mut h, Key::CloseBracket);
    shot(&mut h, "pca");
    key(&mut h, Key::Space);
    key(&mut h, Key::S);
    shot(&mut h, "similarity");
    key(&mut h, Key::Space);
    key(&mut h, Key::T);
    shot(&mut h, "sheet_t");
    key(&mut h, Key::A);
    key(&mut h, Key::B);
    shot(&mut h, "sheet_b");
    h.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::L);
    shot(&mut h, "light");
    h.key_press_modifiers(Modifiers::COMMAND, Key::I);
    shot(&mut h, "card");
    h.set_size(vec2(760.0, 520.0));
    key(&mut h, Key::Escape);
    key(&mut h, Key::Escape);
    shot(&mut h, "small");
    let _ = h.query_by_label("x");
}
