//! The window is closed and opened again: where the user was, and pictures that lie elsewhere by then.

use std::fs;

use difscope::app::WindowOptions;
use difscope::jobs::ProjectChoice;
use eframe::egui::{Key, Modifiers};

use super::flows::{drop_file, press, press_with};
use super::heads::{add, click, heads_on, trained};
use super::{Test, assert_shows, open_with, options, settle, shows, skipped, wait_for, write_picture};

/// The window on the project at `file` once more, with nothing said on the command line.
fn again(file: &std::path::Path) -> Test {
    let project = ProjectChoice::File(file.to_path_buf());
    open_with(WindowOptions { project, ..options(Vec::new()) }, 1280.0, 800.0)
}

/// The line of the selection, which is drawn in pieces.
fn assert_at(harness: &Test, picture: &str) {
    let line = super::texts(harness).join(" ");
    for piece in [format!("{picture} · fashion32 · t 90 "), " b 13 ".into()] {
        assert!(line.contains(&piece), "{piece:?} is not in {line}");
    }
}

#[test]
fn picture_block_and_timestep_are_found_again() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (file, pictures) = (folder.path().join("p.difscope"), folder.path().join("pictures"));
    fs::create_dir(&pictures).unwrap();
    for name in ["a.png", "b.png", "c.png"] {
        write_picture(&pictures.join(name), 40, 30);
    }
    let mut harness = again(&file);
    drop_file(&mut harness, pictures.clone());
    press(&mut harness, Key::ArrowRight);
    press(&mut harness, Key::CloseBracket);
    press(&mut harness, Key::ArrowDown);
    settle(&mut harness);
    assert_at(&harness, "b.png");
    drop(harness);

    let mut harness = again(&file);
    wait_for(&mut harness, "b.png");
    settle(&mut harness);
    assert_at(&harness, "b.png");
    drop(harness);
    // What the command line says comes first.
    let project = ProjectChoice::File(file.clone());
    let own = WindowOptions { project, ..options(vec![pictures.join("c.png")]) };
    let harness = open_with(own, 1280.0, 800.0);
    assert_at(&harness, "c.png");
    drop(harness);
    // What is gone is said, and the rest is there.
    fs::remove_dir_all(&pictures).unwrap();
    let mut harness = again(&file);
    wait_for(&mut harness, "is not there any more");
    assert_shows(&harness, "t 90");
}

#[test]
fn labelled_pictures_that_were_moved_are_found_again() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    fs::create_dir(&old).unwrap();
    let mut harness = heads_on(&old.join("discs"), ProjectChoice::File(old.join("p.difscope")));
    add(&mut harness, "ridge");
    press_with(&mut harness, Modifiers::COMMAND, Key::Enter);
    trained(&mut harness, 1);
    drop(harness);

    // The project with its pictures goes elsewhere, and pictures get other names there.
    fs::rename(&old, &new).unwrap();
    for class in ["bright", "dark"] {
        for number in 0..12 {
            let at = new.join("discs").join(class);
            fs::rename(at.join(format!("{number}.png")), at.join(format!("disc {number}.png"))).unwrap();
        }
    }
    let mut harness = again(&new.join("p.difscope"));
    wait_for(&mut harness, "beside the project is used");
    wait_for(&mut harness, "2 classes · 24 pictures");
    wait_for(&mut harness, "pictures were found again by their content");
    click(&mut harness, "Errors");
    settle(&mut harness);
    assert!(!shows(&harness, "is not in the data set in use"));
    drop(harness);

    // Once found they are where they are.
    let harness = again(&new.join("p.difscope"));
    assert!(!shows(&harness, "found again"));
    drop(harness);

    // A folder that is nowhere can be pointed to.
    fs::rename(new.join("discs"), folder.path().join("circles")).unwrap();
    let mut harness = again(&new.join("p.difscope"));
    wait_for(&mut harness, "Find it again…");
    harness.state_mut().data_moved(folder.path().join("circles"));
    settle(&mut harness);
    wait_for(&mut harness, "pictures were found again by their content");
    assert_shows(&harness, "2 classes · 24 pictures");
}
