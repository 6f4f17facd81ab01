//! Settings of the engine, and what is typed into number fields.

use difscope::app::Window;
use eframe::egui::{Event, Key, Modifiers, ThemePreference};
use egui_kittest::kittest::{NodeT, Queryable};

use super::flows::{drop_file, press, press_with};
use super::{Test, assert_shows, open_with, options, settle, shows, skipped, wait_for, write_picture};

fn open_settings(harness: &mut Test) {
    press_with(harness, Modifiers::COMMAND, Key::Comma);
    harness.step();
    assert_shows(harness, "cache folder");
}

/// Goes into a field and types over what is there.
fn type_into(harness: &mut Test, field: &str, text: &str) {
    harness.get_all_by_label(field).last().unwrap().click();
    harness.step();
    harness.step();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.event(Event::Text(text.into()));
    harness.step();
}

fn apply(harness: &mut Test) {
    harness.get_by_label("Apply").click();
    harness.step();
    settle(harness);
}

#[test]
fn threads_are_changed_without_losing_anything() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.png");
    write_picture(&path, 40, 40);
    let mut options = options(vec![path]);
    options.explore.block = Some(7);
    let mut harness = open_with(options, 1280.0, 800.0);
    press(&mut harness, Key::N);
    press(&mut harness, Key::Space);
    assert_shows(&harness, "CPU, 2 threads, f32");
    harness.get_by_label("CPU, 2 threads, f32").click();
    settle(&mut harness);
    assert_shows(&harness, "as many as fit");
    type_into(&mut harness, "threads", "1");
    press(&mut harness, Key::Enter);
    apply(&mut harness);
    assert_shows(&harness, "CPU, 1 thread, f32");
    assert_shows(&harness, "mine.png");
    assert_shows(&harness, "b 7 t 50 · norm");
    press(&mut harness, Key::CloseBracket);
    assert_shows(&harness, "L2 norm over channels of b 7");
    assert_shows(&harness, "t 90");
    assert!(!shows(&harness, "cache folder"), "applied is closed");
    open_settings(&mut harness);
    press(&mut harness, Key::Escape);
    assert!(!shows(&harness, "cache folder"));
}

#[test]
fn settings_that_cannot_be_are_refused_and_a_network_that_is_gone_is_said() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let network = folder.path().join("mine.safetensors");
    std::fs::copy("weights/fashion32.safetensors", &network).unwrap();
    let mut harness = open_with(options(Vec::new()), 1280.0, 800.0);
    drop_file(&mut harness, network.clone());
    open_settings(&mut harness);
    type_into(&mut harness, "cache folder", &network.display().to_string());
    harness.get_by_label("Apply").click();
    harness.step();
    harness.step();
    assert_shows(&harness, "is a file; choose a folder");
    type_into(&mut harness, "cache folder", &folder.path().join("cache").display().to_string());
    std::fs::remove_file(&network).unwrap();
    harness.get_by_label("Apply").click();
    wait_for(&mut harness, "No network is open");
    harness.get_by_label("Use embedded network").click();
    settle(&mut harness);
    assert_shows(&harness, "128 channels of b 12");
}

#[test]
fn esc_forgets_what_was_typed_into_a_number() {
    if skipped() {
        return;
    }
    let mut harness = open_with(options(Vec::new()), 1280.0, 800.0);
    for (field, before) in [("Timestep t", "t 50"), ("seed", "seed")] {
        harness.get_all_by_label(field).last().unwrap().click();
        settle(&mut harness);
        harness.event(Event::Text("743".into()));
        harness.step();
        press(&mut harness, Key::Escape);
        assert_shows(&harness, before);
        let kept = super::texts(&harness).into_iter().find(|text| text.contains("743"));
        assert_eq!(kept, None, "{field} took what Esc was to forget");
    }
}

/// What eframe keeps in the platform's folder, in memory.
#[derive(Default)]
struct Kept(std::collections::HashMap<String, String>);

impl eframe::Storage for Kept {
    fn get_string(&self, key: &str) -> Option<String> {
        self.0.get(key).cloned()
    }

    fn set_string(&mut self, key: &str, value: String) {
        self.0.insert(key.into(), value);
    }

    fn remove_string(&mut self, key: &str) {
        self.0.remove(key);
    }

    fn flush(&mut self) {}
}

/// A window that starts with what one before it kept.
fn open_again(kept: &Kept, theme: ThemePreference) -> Test {
    // As long as the window, which outlives this function.
    let storage: &'static Kept = Box::leak(Box::new(Kept(kept.0.clone())));
    let mut harness = egui_kittest::Harness::builder()
        .with_size(eframe::egui::vec2(1280.0, 800.0))
        .wgpu()
        .build_eframe(move |cc| {
            cc.storage = Some(storage);
            // What a command line says would win over what was kept.
            let mut options = options(Vec::new());
            options.engine.threads = None;
            let window = Window::new(cc, options).unwrap();
            // Here, because the harness has a theme of its own afterwards.
            assert_eq!(cc.egui_ctx.options(|options| options.theme_preference), theme);
            window
        });
    settle(&mut harness);
    harness
}

#[test]
fn settings_survive_a_restart() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let network = folder.path().join("mine.safetensors");
    std::fs::copy("weights/fashion32.safetensors", &network).unwrap();
    let mut kept = Kept::default();
    let mut harness = open_again(&kept, ThemePreference::Dark);
    drop_file(&mut harness, network);
    press(&mut harness, Key::N);
    for key in [Key::K, Key::O, Key::I, Key::H, Key::L] {
        press(&mut harness, key);
    }
    press_with(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::L);
    press_with(&mut harness, Modifiers::COMMAND, Key::Plus);
    open_settings(&mut harness);
    harness.get_by_label_contains("as many as fit").click();
    settle(&mut harness);
    type_into(&mut harness, "threads", "1");
    press(&mut harness, Key::Enter);
    apply(&mut harness);
    let body = |harness: &Test| harness.ctx.global_style().text_styles[&eframe::egui::TextStyle::Body].size;
    let bigger = body(&harness);
    eframe::App::save(harness.state_mut(), &mut kept);
    drop(harness);

    let mut harness = open_again(&kept, ThemePreference::Light);
    assert_eq!(body(&harness), bigger, "the size of text stays");
    assert_shows(&harness, "CPU, 1 thread, f32");
    assert_shows(&harness, "128 channels of b 12");
    // Tiles of the layout are written in no order.
    let written = |kept: &Kept| {
        let text = kept.0.values().next().expect("something is kept").clone();
        text.split("layout:").next().map(String::from)
    };
    let before = written(&kept).expect("settings stand before the layout");
    assert!(before.contains("magma") && before.contains("mine.safetensors"), "{before}");
    let mut again = Kept::default();
    eframe::App::save(harness.state_mut(), &mut again);
    assert_eq!(written(&again), Some(before), "nothing of it was lost");
    press(&mut harness, Key::N);
    let is_ticked = |label: &str| {
        let node = harness.get_by_label(label);
        node.accesskit_node().toggled() == Some(eframe::egui::accesskit::Toggled::True)
    };
    assert!(is_ticked("overlay") && is_ticked("smooth"));
    press(&mut harness, Key::Space);
    let is_ticked = |label: &str| {
        let node = harness.get_by_label(label);
        node.accesskit_node().toggled() == Some(eframe::egui::accesskit::Toggled::True)
    };
    assert!(is_ticked("shared scale") && !is_ticked("linked views"));
    press_with(&mut harness, Modifiers::COMMAND, Key::R);
    assert_shows(&harness, "mine");
}
