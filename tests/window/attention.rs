//! Attention: where a head looks, on the picture in hand and while it learns.

use std::time::{Duration, Instant};

use difscope::app::WindowOptions;
use difscope::jobs::ProjectChoice;
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;

use super::flows::{drop_file, press, press_with};
use super::heads::{add, click, click_and_go_on, heads_on, trained};
use super::looks::snapshot_without;
use super::{Test, assert_shows, open_with, options, settle, shows, skipped, wait_for};

fn go_to_attention(harness: &mut Test) {
    press_with(harness, Modifiers::COMMAND, Key::Num2);
    settle(harness);
}

#[test]
fn a_head_is_trained_and_looked_into() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut harness = heads_on(&folder.path().join("discs"), ProjectChoice::Temporary);
    go_to_attention(&mut harness);
    assert_shows(&harness, "Where a head looks is shown here once one is trained");
    click_and_go_on(&mut harness, "Train an attention head");
    // States come while it learns.
    wait_for(&mut harness, "learning");
    trained(&mut harness, 1);
    wait_for(&mut harness, "rollout of layer 1 · t 50 · b 12");
    assert_shows(&harness, "kept (");
    assert_shows(&harness, "CLS itself");
    assert_shows(&harness, "bright ");

    click(&mut harness, "layer 1 head 3");
    assert_shows(&harness, "head 3 of layer 1 · t 50 · b 12");
    press(&mut harness, Key::H);
    assert_shows(&harness, "head 4 of layer 1");
    press(&mut harness, Key::M);
    assert_shows(&harness, "mean of heads of layer 1");
    press(&mut harness, Key::R);
    assert_shows(&harness, "rollout of layer 1");

    // Step by step through the training, and played from the start.
    let answer = |harness: &Test| {
        let text = |label: &str| shows(harness, label);
        (0..=1000).find(|tenths| text(&format!("bright {:.1} %", f64::from(*tenths) / 10.0)))
    };
    let kept = answer(&harness).unwrap();
    click(&mut harness, "0");
    let untrained = answer(&harness).unwrap();
    assert_ne!(kept, untrained, "the head has learned");
    press(&mut harness, Key::Period);
    settle(&mut harness);
    press(&mut harness, Key::P);
    let deadline = Instant::now() + Duration::from_secs(60);
    while answer(&harness) != Some(kept) {
        harness.step();
        std::thread::sleep(Duration::from_millis(5));
        assert!(Instant::now() < deadline, "the states never came to the one that was kept");
    }
}

#[test]
fn every_kind_of_head_shows_what_it_can() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("discs");
    let mut harness = heads_on(&data, ProjectChoice::Temporary);
    for kind in ["difformer", "diffeed", "ridge", "prototype"] {
        add(&mut harness, kind);
    }
    press_with(&mut harness, Modifiers::COMMAND, Key::Enter);
    trained(&mut harness, 4);
    let picture = folder.path().join("a bright disc.png");
    std::fs::copy(data.join("bright").join("3.png"), &picture).unwrap();
    go_to_attention(&mut harness);
    drop_file(&mut harness, picture);
    settle(&mut harness);
    assert_shows(&harness, "a bright disc.png");
    assert_shows(&harness, "rollout of layer 1 · t 50 · b 12");
    // Every block and timestep, and the selection of all work spaces follows.
    click(&mut harness, "t 150 b 15");
    assert_shows(&harness, "rollout of layer 1 · t 150 · b 15");
    press(&mut harness, Key::OpenBracket);
    press(&mut harness, Key::ArrowUp);
    settle(&mut harness);
    assert_shows(&harness, "rollout of layer 1 · t 50 · b 12");

    choose(&mut harness, "diffeed · b 12 · t 50");
    assert_shows(&harness, "b 12 fed");
    click(&mut harness, "Feedback");
    assert_shows(&harness, "b 2 from b 18");
    assert_shows(&harness, "b 2 difference");
    click(&mut harness, "mean");
    assert_shows(&harness, "changed by");
    // What is seen can be kept.
    let written = folder.path().join("fed.png");
    assert!(harness.state_mut().export_to(written.clone(), true));
    let deadline = Instant::now() + Duration::from_secs(30);
    while !written.exists() {
        harness.step();
        std::thread::sleep(Duration::from_millis(5));
        assert!(Instant::now() < deadline, "the figure was never written");
    }
    assert!(image::open(written).unwrap().width() > 4 * 128);

    choose(&mut harness, "ridge · b 12 · t 50");
    assert_shows(&harness, "what speaks for bright and against it");
    choose(&mut harness, "prototype · b 12 · t 50");
    assert_shows(&harness, "there is no place that it looks at");
    assert_shows(&harness, "bright ");
}

fn choose(harness: &mut Test, head: &str) {
    harness.get_by_label("head").click();
    harness.step();
    harness.step();
    harness.get_by_label(head).click();
    harness.step();
    settle(harness);
}

#[test]
fn a_head_whose_file_is_gone_says_so() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("work.difscope");
    let mut harness = heads_on(&folder.path().join("discs"), ProjectChoice::File(project.clone()));
    add(&mut harness, "ridge");
    click_and_go_on(&mut harness, "Train ridge");
    trained(&mut harness, 1);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.extension().is_some_and(|ending| ending == "heads") {
            std::fs::remove_dir_all(path).unwrap();
        }
    }
    go_to_attention(&mut harness);
    assert_shows(&harness, "The head cannot be looked into");
    drop(harness);

    // And the window reopens there.
    let options = WindowOptions { project: ProjectChoice::File(project), ..options(Vec::new()) };
    let mut harness = open_with(options, 1280.0, 800.0);
    settle(&mut harness);
    assert_shows(&harness, "The head cannot be looked into");
}

/// The head as it starts is the same everywhere; one that has learned differs in the last digits.
#[test]
fn the_screen_looks_right() {
    if skipped() {
        return;
    }
    let mut harness = open_with(options(Vec::new()), 1280.0, 800.0);
    go_to_attention(&mut harness);
    snapshot_without(&mut harness, "attention_empty", &[]);
    drop(harness);
    let folder = tempfile::tempdir().unwrap();
    let mut harness = heads_on(&folder.path().join("discs"), ProjectChoice::Temporary);
    add(&mut harness, "diffeed");
    click_and_go_on(&mut harness, "Train diffeed");
    trained(&mut harness, 1);
    go_to_attention(&mut harness);
    click(&mut harness, "0");
    let epochs = eframe::egui::Rect::from_min_max([400.0, 40.0].into(), [990.0, 80.0].into());
    snapshot_without(&mut harness, "attention", &[epochs]);
    press(&mut harness, Key::F);
    snapshot_without(&mut harness, "attention_feedback", &[epochs]);
}
