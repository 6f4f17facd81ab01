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
    wait_for(&mut harness, "no pictures in this folder");
}

#[test]
fn the_screen_looks_right() {
    if skipped() {
        return;
    }
    let mut harness = open_with(options(Vec::new()), 1280.0, 800.0);
    press_with(&mut harness, Modifiers::COMMAND, Key::Num3);
    // Times differ from run to run.
    let estimate = Rect::from_min_max([0.0, 582.0].into(), [280.0, 674.0].into());
    snapshot_without(&mut harness, "sweep_empty", &[estimate]);
    drop(harness);
    let folder = tempfile::tempdir().unwrap();
    let mut harness = sweep_on(&folder.path().join("discs"), ProjectChoice::Temporary);
    small_grid(&mut harness);
    click_and_go_on(&mut harness, "Begin sweep");
    swept(&mut harness, 1);
    let data = Rect::from_min_max([0.0, 74.0].into(), [280.0, 114.0].into());
    snapshot_without(&mut harness, "sweep_done", &[estimate, data]);
}

/// Twenty pictures in one folder that nobody sorted.
fn unsorted(folder: &std::path::Path) {
    std::fs::create_dir_all(folder).unwrap();
    for number in 0..20u32 {
        let image = image::GrayImage::from_fn(28, 28, |x, y| {
            image::Luma([(if number % 2 == 0 { x * 9 } else { y * 7 } + number * 11) as u8])
        });
        image.save(folder.join(format!("{number:02}.png"))).unwrap();
    }
}

#[test]
fn pictures_that_nobody_sorted_are_swept_without_labels() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let loose = folder.path().join("loose");
    unsorted(&loose);
    let project = || ProjectChoice::File(folder.path().join("work.difscope"));
    let mut harness = sweep_on(&folder.path().join("discs"), project());
    drop_file(&mut harness, loose);
    wait_for(&mut harness, "no classes · 20 pictures");
    settle(&mut harness);
    // Heads need classes, and say so.
    press_with(&mut harness, Modifiers::COMMAND, Key::Num4);
    settle(&mut harness);
    assert_shows(&harness, "no picture in it has a class");
    press_with(&mut harness, Modifiers::COMMAND, Key::Num3);
    settle(&mut harness);
    assert_shows(&harness, "These pictures have no classes");
    click(&mut harness, "Score without labels");
    fill(&mut harness, "blocks", "10,12,15");
    fill(&mut harness, "timesteps", "10,50");
    assert_shows(&harness, "6 cells · 40 forwards");
    for (role, name) in [(Role::TextInput, "shots"), (Role::ComboBox, "metric"), (Role::SpinButton, "folds")]
    {
        let node = harness.get_by_role_and_label(role, name);
        assert!(node.accesskit_node().is_disabled(), "{name}");
    }
    click_and_go_on(&mut harness, "Begin sweep");
    swept(&mut harness, 1);
    let said = table(&harness);
    assert!(said.starts_with("6 of 6 cells, best b ") && said.contains(": silhouette "), "{said}");
    assert!(!said.contains('%'), "{said}");
    assert_shows(&harness, "On 20 pictures, without labels");
    assert_shows(&harness, "nothing about particular classes");
    assert_shows(&harness, "raw pixels, pool 32");
    snapshot_without(
        &mut harness,
        "sweep_without_labels",
        &[
            Rect::from_min_max([0.0, 582.0].into(), [280.0, 734.0].into()),
            Rect::from_min_max([0.0, 74.0].into(), [280.0, 114.0].into()),
        ],
    );
    drop(harness);
    let options = WindowOptions { project: project(), ..options(Vec::new()) };
    let mut harness = open_with(options, 1280.0, 800.0);
    settle(&mut harness);
    assert!(table(&harness).contains(": silhouette "), "the sweep came back");
}

#[test]
fn blocks_are_compared_with_each_other_and_with_those_of_another_network() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let project = || ProjectChoice::File(folder.path().join("work.difscope"));
    let loose = folder.path().join("loose");
    unsorted(&loose);
    let mut harness = sweep_on(&folder.path().join("discs"), project());
    drop_file(&mut harness, loose);
    settle(&mut harness);
    click(&mut harness, "similarity");
    assert_shows(&harness, "Which blocks see the same?");
    fill(&mut harness, "timesteps", "x");
    assert_shows(&harness, "timesteps: \"x\" is no number");
    fill(&mut harness, "timesteps", "10,50,300");
    assert_shows(&harness, "60 forwards");
    press_with(&mut harness, Modifiers::COMMAND, Key::Enter);
    wait_for(&mut harness, "blocks × blocks at t 50");
    settle(&mut harness);
    assert_shows(&harness, "At t 50");
    assert_shows(&harness, "on average");
    assert_shows(&harness, "timesteps × timesteps at b 12");
    let words = |harness: &Test, name: &str| harness.get_by_label(name).accesskit_node().value().unwrap();
    assert_eq!(words(&harness, "blocks × blocks at t 50"), "19 by 19 cells");

    // What is under the pointer is named, and a click chooses its block everywhere.
    let area = harness.get_by_label("blocks × blocks at t 50").rect();
    // The last cell of the first row.
    let upper = eframe::egui::pos2(area.right() - 5.0, area.top() + 43.0);
    harness.hover_at(upper);
    harness.step();
    let under = words(&harness, "blocks × blocks at t 50");
    assert!(under.contains("b 1 (enc 0) and b 19 (dec 8)") && under.contains("across the U"), "{under}");
    harness.drag_at(upper);
    harness.step();
    harness.drop_at(upper);
    settle(&mut harness);
    assert_shows(&harness, "timesteps × timesteps at b 1");
    press(&mut harness, Key::ArrowDown);
    press(&mut harness, Key::CloseBracket);
    settle(&mut harness);
    assert_shows(&harness, "timesteps × timesteps at b 2");
    assert_shows(&harness, "blocks × blocks at t 300");

    // Beside random weights, of a few blocks.
    harness.get_by_role_and_label(Role::ComboBox, "compare with").click();
    for _ in 0..4 {
        harness.step();
    }
    click(&mut harness, "random weights");
    fill(&mut harness, "its blocks", "3,12,17");
    click_and_go_on(&mut harness, "Compare");
    wait_for(&mut harness, "blocks × those of fashion32 with random weights at t 300");
    settle(&mut harness);
    assert_eq!(words(&harness, "blocks × those of fashion32 with random weights at t 300"), "19 by 3 cells");
    assert_shows(&harness, "the same block of fashion32 with random weights");
    let masks = [
        Rect::from_min_max([0.0, 70.0].into(), [280.0, 112.0].into()),
        Rect::from_min_max([0.0, 430.0].into(), [280.0, 560.0].into()),
    ];
    snapshot_without(&mut harness, "similarity", &masks);
    drop(harness);
    // The page and its settings are kept.
    let options = WindowOptions { project: project(), ..options(Vec::new()) };
    let mut harness = open_with(options, 1280.0, 800.0);
    settle(&mut harness);
    assert_shows(&harness, "Which blocks see the same?");
    assert_shows(&harness, "10,50,300");
}
