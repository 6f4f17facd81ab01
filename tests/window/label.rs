//! Labels: a session by keyboard, choices of many, groups, what is asked by chance, and what is kept.

use std::path::Path;

use difscope::app::WindowOptions;
use difscope::jobs::ProjectChoice;
use difscope::study::label::exchange::ExportFormat;
use eframe::egui::accesskit::Role;
use eframe::egui::{Event, Key, Modifiers};
use egui_kittest::kittest::Queryable;

use super::flows::{drop_file, press, press_with};
use super::heads::{click, write_classes};
use super::looks::snapshot_without;
use super::{Test, assert_shows, open_with, options, settle, shows, skipped, texts, wait_for};

fn type_text(harness: &mut Test, text: &str) {
    harness.event(Event::Text(text.into()));
    harness.step();
    harness.step();
}

/// The work space of labels on a folder of discs, with two classes made by keys.
fn labels_on(folder: &Path, project: ProjectChoice) -> Test {
    labels_in(folder, project, 800.0)
}

/// As [`labels_on`], in a window of this height: what is scrolled away cannot be clicked.
fn labels_in(folder: &Path, project: ProjectChoice, height: f32) -> Test {
    write_classes(folder, 12);
    let options = WindowOptions { project, ..options(Vec::new()) };
    let mut harness = open_with(options, 1280.0, height);
    press_with(&mut harness, Modifiers::COMMAND, Key::Num5);
    assert_shows(&harness, "label them in minutes");
    drop_file(&mut harness, folder.to_path_buf());
    wait_for(&mut harness, "labelled 0 of 24");
    press(&mut harness, Key::Plus);
    for class in ["bright", "dark"] {
        type_text(&mut harness, class);
        press(&mut harness, Key::Enter);
    }
    press(&mut harness, Key::Escape);
    settle(&mut harness);
    assert_shows(&harness, "24 of 24 pictures");
    harness
}

/// The name of the picture in hand, as the screen says it.
fn in_hand(harness: &Test) -> String {
    let named = |text: &String| text.contains(".png") && !text.starts_with("Go to");
    let said = texts(harness).into_iter().find(named);
    said.unwrap_or_else(|| panic!("no picture in hand: {:#?}", texts(harness)))
}

/// Presses the key of the class that the picture in hand is of.
fn label_rightly(harness: &mut Test) {
    let key = if in_hand(harness).starts_with("bright") { Key::Num1 } else { Key::Num2 };
    press(harness, key);
    settle(harness);
}

#[test]
fn a_session_by_keyboard_alone() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("p.difscope");
    let data = folder.path().join("discs");
    let mut harness = labels_on(&data, ProjectChoice::File(project.clone()));
    assert_shows(&harness, "Suggestions come with the first labels.");
    for count in 1..=6 {
        label_rightly(&mut harness);
        assert_shows(&harness, &format!("labelled {count} of 24"));
    }
    // Space accepts what is suggested.
    wait_for(&mut harness, "because of the labelled pictures that are nearest");
    press(&mut harness, Key::Space);
    settle(&mut harness);
    assert_shows(&harness, "labelled 7 of 24");
    // Marks that give no class.
    press(&mut harness, Key::U);
    press(&mut harness, Key::N);
    settle(&mut harness);
    assert_shows(&harness, "unsure, 1");
    assert_shows(&harness, "none of these, 1");
    // Undone across all of it, and done again.
    for _ in 0..3 {
        press_with(&mut harness, Modifiers::COMMAND, Key::Z);
    }
    settle(&mut harness);
    assert_shows(&harness, "labelled 6 of 24");
    assert_shows(&harness, "unsure, 0");
    for _ in 0..2 {
        press_with(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    }
    settle(&mut harness);
    assert_shows(&harness, "labelled 7 of 24");
    assert_shows(&harness, "unsure, 1");
    // A label is taken away where the user is.
    let (before, _) = (in_hand(&harness), press(&mut harness, Key::ArrowLeft));
    settle(&mut harness);
    assert_ne!(in_hand(&harness), before);
    // All that is confident at once.
    press_with(&mut harness, Modifiers::COMMAND, Key::Enter);
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Slider, "accept from").focus();
    harness.step();
    for _ in 0..50 {
        press(&mut harness, Key::ArrowLeft);
    }
    settle(&mut harness);
    assert_shows(&harness, "The least confident first");
    let accept = texts(&harness).into_iter().find(|text| text.starts_with("Accept ") && !text.contains('…'));
    click(&mut harness, &accept.unwrap());
    assert_shows(&harness, "suggestions accepted at once");
    assert!(!shows(&harness, "labelled 7 of 24"));
    press_with(&mut harness, Modifiers::COMMAND, Key::Z);
    settle(&mut harness);
    assert_shows(&harness, "labelled 7 of 24");
    drop(harness);

    // Killed or closed: everything is there again, and can still be undone.
    let options = WindowOptions { project: ProjectChoice::File(project), ..options(Vec::new()) };
    let mut harness = open_with(options, 1280.0, 800.0);
    wait_for(&mut harness, "labelled 7 of 24");
    settle(&mut harness);
    press_with(&mut harness, Modifiers::COMMAND, Key::Z);
    press_with(&mut harness, Modifiers::COMMAND, Key::Z);
    settle(&mut harness);
    assert_shows(&harness, "labelled 6 of 24");
}

#[test]
fn many_are_chosen_and_labelled_at_once() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut harness = labels_on(&folder.path().join("discs"), ProjectChoice::Temporary);
    press(&mut harness, Key::Enter);
    settle(&mut harness);
    press_with(&mut harness, Modifiers::COMMAND, Key::A);
    settle(&mut harness);
    assert_shows(&harness, "24 chosen");
    press(&mut harness, Key::Num1);
    settle(&mut harness);
    assert_shows(&harness, "labelled 24 of 24");
    press_with(&mut harness, Modifiers::COMMAND, Key::Z);
    settle(&mut harness);
    assert_shows(&harness, "labelled 0 of 24");
    // The data set says what its pictures are.
    click(&mut harness, "Take 24 labels of the data set");
    assert_shows(&harness, "labelled 24 of 24");
    press_with(&mut harness, Modifiers::COMMAND, Key::Z);
    settle(&mut harness);

    // Groups.
    click(&mut harness, "Groups");
    click(&mut harness, "Find clusters");
    wait_for(&mut harness, "pictures, ");
    assert_shows(&harness, "Look into");
}

#[test]
fn classes_are_renamed_merged_and_taken_away() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut harness = labels_on(&folder.path().join("discs"), ProjectChoice::Temporary);
    label_rightly(&mut harness);
    label_rightly(&mut harness);
    click(&mut harness, "Edit…");
    click(&mut harness, "Remove dark");
    click(&mut harness, "Done");
    assert!(!shows(&harness, "dark, "));
    press_with(&mut harness, Modifiers::COMMAND, Key::Z);
    settle(&mut harness);
    assert_shows(&harness, "labelled 2 of 24");
    assert_shows(&harness, "dark, ");
}

#[test]
fn the_screens_look_right() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut harness = labels_on(&folder.path().join("discs"), ProjectChoice::Temporary);
    // What to label next may differ between processors.
    harness.get_by_role_and_label(Role::ComboBox, "first").click();
    for _ in 0..4 {
        harness.step();
    }
    click(&mut harness, "name");
    // Three bright ones, then on to three dark ones.
    for step in 0..15 {
        match step {
            0..3 | 12.. => label_rightly(&mut harness),
            _ => press(&mut harness, Key::ArrowRight),
        }
    }
    wait_for(&mut harness, "because of the labelled pictures that are nearest");
    settle(&mut harness);
    let place = harness.get_by_label("Pictures to label").rect();
    snapshot_without(&mut harness, "label_single", &[place]);
    press(&mut harness, Key::Enter);
    settle(&mut harness);
    snapshot_without(&mut harness, "label_grid", &[place]);
}

#[test]
fn labels_go_out_and_come_in_again() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("discs");
    let [first, second] = ["first.csv", "second.csv"].map(|name| folder.path().join(name));
    let mut harness = labels_in(&data, ProjectChoice::Temporary, 1200.0);
    for _ in 0..4 {
        label_rightly(&mut harness);
    }
    press(&mut harness, Key::U);
    press(&mut harness, Key::N);
    press(&mut harness, Key::Space);
    settle(&mut harness);
    assert_shows(&harness, "labelled 5 of 24");
    harness.state_mut().export_labels(first.clone());
    wait_for(&mut harness, "5 of 24 labels written");
    // Folders are shown before anything is done.
    harness.state_mut().choose_label_format(ExportFormat::Folders);
    settle(&mut harness);
    click(&mut harness, "number equal names");
    let target = folder.path().join("sorted");
    harness.state_mut().export_labels(target.clone());
    wait_for(&mut harness, "5 pictures would be copied");
    assert!(!target.exists());
    click(&mut harness, "Do it");
    wait_for(&mut harness, "5 of 5 pictures copied");
    let count = |class: &str| std::fs::read_dir(target.join(class)).unwrap().count();
    assert_eq!(count("bright") + count("dark"), 5);
    // The features of the session go along where vectors are asked for.
    harness.state_mut().choose_label_format(ExportFormat::Projector);
    let target = folder.path().join("projector");
    harness.state_mut().export_labels(target.clone());
    settle(&mut harness);
    let vectors = std::fs::read_to_string(target.join("vectors.tsv")).unwrap();
    assert_eq!(vectors.lines().count(), 24);
    assert_eq!(vectors.lines().next().unwrap().split('\t').count(), 4 * 128, "b 12 pooled to 2×2");
    drop(harness);

    let mut harness = labels_in(&data, ProjectChoice::Temporary, 1200.0);
    let ctx = harness.ctx.clone();
    harness.state_mut().import_labels(&ctx, first.clone());
    wait_for(&mut harness, "labelled 5 of 24");
    assert_shows(&harness, "unsure, 1");
    settle(&mut harness);
    harness.state_mut().export_labels(second.clone());
    wait_for(&mut harness, "5 of 24 labels written");
    let text = |path: &Path| std::fs::read_to_string(path).unwrap();
    assert_eq!(text(&first), text(&second));
    assert!(text(&first).contains("accepted"));
    press_with(&mut harness, Modifiers::COMMAND, Key::Z);
    settle(&mut harness);
    assert_shows(&harness, "labelled 0 of 24");
}
