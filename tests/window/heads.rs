//! Heads: data, cards, runs, and what is seen of them.

use std::path::Path;
use std::time::{Duration, Instant};

use difscope::jobs::ProjectChoice;
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};

use super::flows::{drop_file, press_with};
use super::looks::snapshot_without;
use super::{Test, assert_shows, open_with, options, settle, shows, skipped, wait_for, write_picture};

/// Two classes that are easy to tell apart: dark and bright discs.
pub fn write_classes(folder: &Path, each: u32) {
    for (class, shade) in [("bright", 220u8), ("dark", 60)] {
        std::fs::create_dir_all(folder.join(class)).unwrap();
        for number in 0..each {
            let image = image::GrayImage::from_fn(28, 28, |x, y| {
                let (dx, dy) = (x as f32 - 14.0, y as f32 - 8.0 - number as f32 % 12.0);
                let inside = (dx * dx + dy * dy).sqrt() < 5.0 + (number % 5) as f32;
                image::Luma([if inside { shade } else { (number * 7 % 20) as u8 }])
            });
            image.save(folder.join(class).join(format!("{number}.png"))).unwrap();
        }
    }
}

pub fn click(harness: &mut Test, label: &str) {
    harness.get_by_label(label).click();
    harness.step();
    settle(harness);
}

/// Clicks without waiting for what it begins to end.
pub fn click_and_go_on(harness: &mut Test, label: &str) {
    harness.get_by_label(label).click();
    for _ in 0..3 {
        harness.step();
    }
}

/// The work space of heads on two small classes of a folder.
pub fn heads_on(folder: &Path, project: ProjectChoice) -> Test {
    write_classes(folder, 12);
    let options = difscope::app::WindowOptions { project, ..options(Vec::new()) };
    let mut harness = open_with(options, 1280.0, 800.0);
    press_with(&mut harness, Modifiers::COMMAND, Key::Num4);
    drop_file(&mut harness, folder.to_path_buf());
    without_controls(&mut harness);
    harness
}

/// Trains only what is asked for.
fn without_controls(harness: &mut Test) {
    settle(harness);
    click(harness, "controls");
}

pub fn add(harness: &mut Test, kind: &str) {
    harness.get_by_label_contains("Add head").click();
    harness.step();
    harness.step();
    harness.get_by_label(kind).click();
    harness.step();
    settle(harness);
}

/// Steps until the table says so of the last run.
pub fn trained(harness: &mut Test, runs: usize) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while harness.state().runs_done() < runs {
        harness.step();
        std::thread::sleep(Duration::from_millis(5));
        assert!(Instant::now() < deadline, "the runs never ended");
    }
    settle(harness);
}

#[test]
fn heads_are_trained_looked_at_and_compared() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("discs");
    let mut harness = heads_on(&data, ProjectChoice::Temporary);
    assert_shows(&harness, "2 classes · 24 pictures");
    assert_shows(&harness, "No runs yet");
    add(&mut harness, "ridge");
    add(&mut harness, "linear");
    assert_shows(&harness, "Train ridge");
    press_with(&mut harness, Modifiers::COMMAND, Key::Enter);
    trained(&mut harness, 2);
    // Both are chosen: begun together.
    click(&mut harness, "Confusion");
    assert_shows(&harness, "ridge");
    click(&mut harness, "Difference");
    wait_for(&mut harness, "McNemar p");
    assert_shows(&harness, "They disagree on");
    click(&mut harness, "Curves");
    assert_shows(&harness, "loss by epoch");
    click(&mut harness, "Classes");
    assert_shows(&harness, "bright");
    click(&mut harness, "Reliability");
    assert_shows(&harness, "confidence and accuracy differ by");

    let picture = folder.path().join("a bright disc.png");
    std::fs::copy(data.join("bright").join("3.png"), &picture).unwrap();
    drop_file(&mut harness, picture);
    assert_shows(&harness, "a bright disc.png");
    wait_for(&mut harness, "bright 9");
}

#[test]
fn controls_stand_beside_unless_they_are_switched_off() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut harness = heads_on(&folder.path().join("discs"), ProjectChoice::Temporary);
    click(&mut harness, "controls");
    add(&mut harness, "ridge");
    click_and_go_on(&mut harness, "Train ridge");
    trained(&mut harness, 5);
    for control in ["ridge, pixels", "linear, pixels", "ridge, random", "linear, random"] {
        assert_shows(&harness, control);
    }
    // Once they are there, another head needs no new ones.
    add(&mut harness, "prototype");
    click_and_go_on(&mut harness, "Train prototype");
    trained(&mut harness, 6);
    assert_eq!(harness.state().runs_done(), 6);
}

#[test]
fn a_training_is_paused_stopped_and_kept() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut harness = heads_on(&folder.path().join("discs"), ProjectChoice::Temporary);
    add(&mut harness, "attention");
    click_and_go_on(&mut harness, "Train attention");
    wait_for(&mut harness, "Stop and keep attention");
    click_and_go_on(&mut harness, "Pause attention");
    wait_for(&mut harness, "Resume attention");
    click_and_go_on(&mut harness, "Stop and keep attention");
    trained(&mut harness, 1);
    assert_shows(&harness, "stopped by hand");
}

#[test]
fn a_window_reopens_where_it_was() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let project = || ProjectChoice::File(folder.path().join("work.difscope"));
    let mut harness = heads_on(&folder.path().join("discs"), project());
    add(&mut harness, "prototype");
    click_and_go_on(&mut harness, "Train prototype");
    trained(&mut harness, 1);
    click(&mut harness, "Classes…");
    drop(harness);

    let options = difscope::app::WindowOptions { project: project(), ..options(Vec::new()) };
    let mut harness = open_with(options, 1280.0, 800.0);
    settle(&mut harness);
    assert_shows(&harness, "2 classes · 24 pictures");
    assert_shows(&harness, "Train prototype");
    assert_eq!(harness.state().runs_done(), 1, "the run came back");
    click(&mut harness, "Confusion");
    assert!(shows(&harness, "prototype"));
}

#[test]
fn a_head_file_becomes_a_run() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("discs");
    let mut harness = heads_on(&data, ProjectChoice::File(folder.path().join("work.difscope")));
    add(&mut harness, "ridge");
    click_and_go_on(&mut harness, "Train ridge");
    trained(&mut harness, 1);
    wait_for(&mut harness, "features kept: ");
    click(&mut harness, "Clear");
    let deadline = Instant::now() + Duration::from_secs(20);
    while shows(&harness, "features kept: ") {
        harness.step();
        assert!(Instant::now() < deadline, "the features are still there");
    }
    drop(harness);

    let head = folder.path().join("discs by ridge.safetensors");
    std::fs::copy(folder.path().join("work.heads").join("run-1.safetensors"), &head).unwrap();
    let mut harness = heads_on(&folder.path().join("others"), ProjectChoice::Temporary);
    harness.state_mut().load_head(data.join("bright").join("3.png"));
    wait_for(&mut harness, "is no head saved by difscope");
    harness.state_mut().load_head(head);
    trained(&mut harness, 1);
    assert_shows(&harness, "discs by ridge");
    click(&mut harness, "Answer");
    drop_file(&mut harness, data.join("bright").join("3.png"));
    wait_for(&mut harness, "bright 9");
}

#[test]
fn cards_and_classes_are_undone() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut harness = heads_on(&folder.path().join("discs"), ProjectChoice::Temporary);
    add(&mut harness, "ridge");
    add(&mut harness, "linear");
    assert_shows(&harness, "Train linear");
    press_with(&mut harness, Modifiers::COMMAND, Key::Z);
    assert!(!shows(&harness, "Train linear") && shows(&harness, "Train ridge"));
    press_with(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    assert_shows(&harness, "Train linear");
    click(&mut harness, "Classes…");
    click(&mut harness, "bright takes part");
    wait_for(&mut harness, "there is nothing to tell apart");
    press_with(&mut harness, Modifiers::COMMAND, Key::Z);
    settle(&mut harness);
    assert_shows(&harness, "2 classes · 24 pictures");
}

#[test]
fn data_that_cannot_be_used_says_why() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("alone");
    std::fs::create_dir_all(alone.join("only")).unwrap();
    write_picture(&alone.join("only").join("a.png"), 28, 28);
    let mut harness = open_with(options(Vec::new()), 1100.0, 700.0);
    press_with(&mut harness, Modifiers::COMMAND, Key::Num4);
    drop_file(&mut harness, alone);
    wait_for(&mut harness, "there is nothing to tell apart");
    add(&mut harness, "linear");
    let train = harness.get_by_label("Train linear");
    assert!(train.accesskit_node().is_disabled(), "there is nothing to train on");
}

#[test]
fn the_empty_screen_and_a_compared_one_look_right() {
    if skipped() {
        return;
    }
    let mut harness = open_with(options(Vec::new()), 1280.0, 800.0);
    press_with(&mut harness, Modifiers::COMMAND, Key::Num4);
    snapshot_without(&mut harness, "heads_empty", &[]);
    without_controls(&mut harness);
    add(&mut harness, "ridge");
    click_and_go_on(&mut harness, "Train ridge");
    trained(&mut harness, 1);
    click(&mut harness, "Confusion");
    // Times differ from run to run.
    let times = eframe::egui::Rect::from_min_max([840.0, 60.0].into(), [1280.0, 110.0].into());
    let estimate = eframe::egui::Rect::from_min_max([0.0, 260.0].into(), [360.0, 420.0].into());
    snapshot_without(&mut harness, "heads_confusion", &[times, estimate]);
}
