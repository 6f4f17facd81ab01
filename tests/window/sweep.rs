//! Sweep: the table of blocks and timesteps, what is said of it, and what can be done with a cell.

use std::time::{Duration, Instant};

use difscope::app::WindowOptions;
use difscope::jobs::ProjectChoice;
use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers, Rect};
use egui_kittest::kittest::{NodeT, Queryable};

use super::flows::{drop_file, press, press_with};
use super::heads::{click, click_and_go_on, heads_on};
use super::looks::snapshot_without;
use super::{Test, assert_shows, open_with, options, settle, shows, skipped, wait_for};

/// Two classes of twelve pictures, in Sweep.
fn sweep_on(folder: &std::path::Path, project: ProjectChoice) -> Test {
    let mut harness = heads_on(folder, project);
    press_with(&mut harness, Modifiers::COMMAND, Key::Num3);
    settle(&mut harness);
    harness
}

/// Writes `text` into a field.
fn fill(harness: &mut Test, field: &str, text: &str) {
    harness.get_by_role_and_label(Role::TextInput, field).focus();
    harness.step();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.step();
    harness.get_by_role_and_label(Role::TextInput, field).type_text(text);
    harness.step();
    // The keyboard is free again for commands.
    harness.key_press(Key::Escape);
    settle(harness);
}

pub fn small_grid(harness: &mut Test) {
    fill(harness, "blocks", "10,12,15");
    fill(harness, "timesteps", "10,50");
    fill(harness, "shots", "6");
}

/// Steps until so many sweeps are done.
pub fn swept(harness: &mut Test, sweeps: usize) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while harness.state().sweeps_done() < sweeps {
        harness.step();
        std::thread::sleep(Duration::from_millis(5));
        assert!(Instant::now() < deadline, "the sweep never ended");
    }
    settle(harness);
}

/// What the table says of itself.
fn table(harness: &Test) -> String {
    harness.get_by_label("table of blocks and timesteps").accesskit_node().value().unwrap()
}

#[test]
fn a_sweep_answers_and_its_cells_lead_on() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let project = || ProjectChoice::File(folder.path().join("work.difscope"));
    let mut harness = sweep_on(&folder.path().join("discs"), project());
    assert_shows(&harness, "Which block, which timestep?");
    small_grid(&mut harness);
    assert_shows(&harness, "6 cells · 24 forwards");
    press_with(&mut harness, Modifiers::COMMAND, Key::Enter);
    swept(&mut harness, 1);
    assert!(table(&harness).starts_with("6 of 6 cells, best b "), "{}", table(&harness));
    assert_shows(&harness, "test pictures");
    assert_shows(&harness, "raw pixels");

    // A cell is chosen by keys or with the mouse, in all work spaces.
    press(&mut harness, Key::ArrowDown);
    press(&mut harness, Key::OpenBracket);
    assert_shows(&harness, "b 15 · t 10");
    click(&mut harness, "Show in Explore");
    assert_shows(&harness, "64 channels of b 15");
    press_with(&mut harness, Modifiers::COMMAND, Key::Num3);
    click(&mut harness, "Use in Heads");
    assert_shows(&harness, "b 15 · t 10");
    assert_shows(&harness, "Train ridge");
    assert_shows(&harness, "Train attention");

    // Another sweep, compared with the first.
    press_with(&mut harness, Modifiers::COMMAND, Key::Num3);
    settle(&mut harness);
    fill(&mut harness, "pools", "2");
    click_and_go_on(&mut harness, "Begin sweep");
    swept(&mut harness, 2);
    assert_shows(&harness, "less that of");
    drop(harness);

    let options = WindowOptions { project: project(), ..options(Vec::new()) };
    let mut harness = open_with(options, 1280.0, 1000.0);
    settle(&mut harness);
    assert_eq!(harness.state().sweeps_done(), 2, "the sweeps came back");
    assert!(table(&harness).starts_with("6 of 6 cells, best b "), "{}", table(&harness));
    click(&mut harness, "Forget");
    assert_eq!(harness.state().sweeps_done(), 1);
}

#[test]
fn a_sweep_that_was_stopped_goes_on() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let project = || ProjectChoice::File(folder.path().join("work.difscope"));
    let mut harness = sweep_on(&folder.path().join("discs"), project());
    fill(&mut harness, "shots", "6");
    click_and_go_on(&mut harness, "Begin sweep");
    wait_for(&mut harness, "scoring every cell");
    click_and_go_on(&mut harness, "Pause");
    wait_for(&mut harness, "paused");
    click_and_go_on(&mut harness, "Resume");
    click_and_go_on(&mut harness, "Cancel");
    settle(&mut harness);
    drop(harness);

    let options = WindowOptions { project: project(), ..options(Vec::new()) };
    let mut harness = open_with(options, 1280.0, 800.0);
    wait_for(&mut harness, "it goes on where it was");
    settle(&mut harness);
    harness.get_by_label("Go on with the sweep").click();
    harness.step();
    swept(&mut harness, 1);
    assert!(table(&harness).starts_with("133 of 133 cells"), "{}", table(&harness));
}

#[test]
fn what_cannot_be_swept_says_why() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut harness = sweep_on(&folder.path().join("discs"), ProjectChoice::Temporary);
    fill(&mut harness, "blocks", "10,x");
    assert_shows(&harness, "blocks: \"x\" is no number");
    assert!(
        harness.get_by_label("Sweep all blocks").accesskit_node().is_disabled()
            || shows(&harness, "no number")
    );
    fill(&mut harness, "blocks", "30");
    assert_shows(&harness, "block 30 does not exist");
    fill(&mut harness, "blocks", "all");
    fill(&mut harness, "shots", "3");
    assert_shows(&harness, "--folds 3 or fewer");
    let folder = tempfile::tempdir().unwrap();
    drop_file(&mut harness, folder.path().to_path_buf());
    wait_for(&mut harness, "no folders in it");
}

#[test]
fn the_screen_looks_right() {
    if skipped() {
        return;
    }
    let mut harness = open_with(options(Vec::new()), 1280.0, 800.0);
    press_with(&mut harness, Modifiers::COMMAND, Key::Num3);
    // Times differ from run to run.
    let estimate = Rect::from_min_max([0.0, 550.0].into(), [280.0, 640.0].into());
    snapshot_without(&mut harness, "sweep_empty", &[estimate]);
    drop(harness);
    let folder = tempfile::tempdir().unwrap();
    let mut harness = sweep_on(&folder.path().join("discs"), ProjectChoice::Temporary);
    small_grid(&mut harness);
    click_and_go_on(&mut harness, "Begin sweep");
    swept(&mut harness, 1);
    let data = Rect::from_min_max([0.0, 40.0].into(), [280.0, 80.0].into());
    snapshot_without(&mut harness, "sweep_done", &[estimate, data]);
}
