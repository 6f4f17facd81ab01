//! A cell of a sweep looked into: classes, neighbours, map and growth, with one selection.

use difscope::jobs::ProjectChoice;
use eframe::egui::{Key, Modifiers, Pos2, Rect, pos2};
use egui_kittest::kittest::{NodeT, Queryable};

use super::flows::{click_at, press, press_with};
use super::heads::{click, click_and_go_on, heads_on};
use super::looks::snapshot_without;
use super::sweep::{small_grid, swept};
use super::{Test, assert_shows, settle, shows, skipped, wait_for};

/// A sweep over two classes of twelve pictures, at its end.
fn swept_on(folder: &std::path::Path) -> Test {
    let mut harness = heads_on(folder, ProjectChoice::Temporary);
    press_with(&mut harness, Modifiers::COMMAND, Key::Num3);
    settle(&mut harness);
    small_grid(&mut harness);
    click_and_go_on(&mut harness, "Begin sweep");
    swept(&mut harness, 1);
    harness
}

/// Where something is, and what it says of itself.
fn node(harness: &Test, label: &str) -> (Rect, String) {
    let node = harness.get_by_label(label);
    (node.rect(), node.accesskit_node().value().unwrap_or_default())
}

/// The middle of a square of the confusion matrix of two classes.
fn square(harness: &Test, row: usize, column: usize) -> Pos2 {
    let (rect, _) = node(harness, "confusion matrix");
    // Names stand at the left and above.
    let side = (rect.width() - 84.0) / 2.0;
    let middle = |place: usize| (place as f32 - 1.5) * side;
    pos2(rect.right() + middle(column), rect.bottom() + middle(row))
}

/// The name of the picture in hand on the map.
fn in_hand(harness: &Test) -> String {
    let (_, said) = node(harness, "map of pictures");
    said.split("in hand: ").nth(1).unwrap().to_string()
}

#[test]
fn a_cell_is_looked_into_and_its_pictures_are_one_selection() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut harness = swept_on(&folder.path().join("discs"));
    click(&mut harness, "Classes");
    settle(&mut harness);
    assert_shows(&harness, "one round of cross-validation over 12 pictures");
    let (_, said) = node(&harness, "confusion matrix");
    assert!(said.ends_with("of 12 recognised"), "{said}");
    assert_shows(&harness, "recall %");
    let place = square(&harness, 0, 0);
    click_at(&mut harness, place);
    settle(&mut harness);
    assert_shows(&harness, "bright recognised: ");
    let first = |harness: &Test| {
        let all = super::texts(harness);
        all.into_iter().find_map(|text| text.strip_prefix("Show bright").map(|name| format!("bright{name}")))
    };
    let name = first(&harness).expect("a picture of the class");
    click(&mut harness, &format!("Show {name}"));
    // It is the picture in hand everywhere.
    assert_shows(&harness, name.rsplit('/').next().unwrap());
    click(&mut harness, "Neighbours");
    assert_shows(&harness, "of its class");
    assert_shows(&harness, &name);
    click(&mut harness, "Map");
    assert_eq!(in_hand(&harness), name);

    // Another one is chosen on the map.
    let (rect, _) = node(&harness, "map of pictures");
    let mut at = rect.left_top();
    while in_hand(&harness) == name {
        at.x += 16.0;
        if at.x > rect.right() {
            at = pos2(rect.left(), at.y + 16.0);
        }
        assert!(at.y < rect.bottom(), "no point was found");
        click_at(&mut harness, at);
        harness.step();
        harness.step();
    }
    settle(&mut harness);
    let other = in_hand(&harness);
    click(&mut harness, "most variance");
    click(&mut harness, "pictures");
    assert_eq!(in_hand(&harness), other);
    click(&mut harness, "Neighbours");
    assert_shows(&harness, &format!("Show {other}"));

    click(&mut harness, "Growth");
    assert_shows(&harness, "The pictures at hand (6 of each class)");
    click_and_go_on(&mut harness, "Draw noise 4 times");
    wait_for(&mut harness, "what stays under other noise");
    settle(&mut harness);
    // Another cell is looked into as soon as it is chosen.
    press(&mut harness, Key::OpenBracket);
    press(&mut harness, Key::ArrowDown);
    settle(&mut harness);
    wait_for(&mut harness, "what stays under other noise");
    click(&mut harness, "Lines");
    assert_shows(&harness, "test pictures");
    assert!(!shows(&harness, "what stays under other noise"));
}

#[test]
fn a_look_that_fails_says_why_and_is_tried_again() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (data, away) = (folder.path().join("discs"), folder.path().join("away"));
    let mut harness = swept_on(&data);
    std::fs::rename(&data, &away).unwrap();
    click(&mut harness, "Growth");
    wait_for(&mut harness, "cannot be looked into");
    std::fs::rename(&away, &data).unwrap();
    click(&mut harness, "Try again");
    wait_for(&mut harness, "The pictures at hand (6 of each class)");
}

#[test]
fn the_tabs_look_right() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut harness = swept_on(&folder.path().join("discs"));
    // Times and the place of the data differ from run to run.
    let masked = [[0.0, 550.0, 280.0, 690.0], [0.0, 74.0, 280.0, 114.0]]
        .map(|[left, top, right, bottom]| Rect::from_min_max(pos2(left, top), pos2(right, bottom)));
    click(&mut harness, "Classes");
    let place = square(&harness, 0, 0);
    click_at(&mut harness, place);
    harness.hover_at(pos2(640.0, 300.0));
    settle(&mut harness);
    // Thumbnails come on their own.
    for _ in 0..60 {
        harness.step();
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    snapshot_without(&mut harness, "cell_classes", &masked);
    click(&mut harness, "Growth");
    harness.hover_at(pos2(640.0, 300.0));
    settle(&mut harness);
    // What few pictures come to may differ between processors.
    let curve = [
        Rect::from_min_max(pos2(282.0, 505.0), pos2(1278.0, 552.0)),
        Rect::from_min_max(pos2(282.0, 605.0), pos2(780.0, 762.0)),
    ];
    snapshot_without(&mut harness, "cell_growth", &[&masked[..], &curve].concat());
}
