//! Heatmaps, mosaics, pictures and colour bars as a user (or a screen reader) meets them.

use std::sync::Arc;

use difscope::Grid;
use difscope::app::gpu::{Look, Source};
use difscope::app::widgets::colour_bar::{ColourBar, Spread};
use difscope::app::widgets::heatmap::{Backdrop, HeatmapView, Marker, MarkerKind, Place};
use difscope::app::widgets::image_view::{ImageView, picture_texture};
use difscope::app::widgets::mosaic::MosaicView;
use difscope::app::widgets::viewport::ViewPort;
use difscope::colormap::{ColorMap, Tone};
use eframe::egui::{self, ColorImage, Event, Key, Modifiers, MouseWheelUnit, Pos2, Rect, Vec2, pos2, vec2};
use egui_kittest::{Harness, kittest::Queryable};

const LOOK: Look = Look {
    tone: Tone { range: [0.0, 100.0], gamma: 1.0, map: ColorMap::Viridis },
    opacity: 1.0,
    smooth: false,
};

/// 8×4 cells whose value is 10·y + x.
fn map() -> Source {
    Source::channel(&Grid::from_fn(1, 4, 8, |_, y, x| (10 * y + x) as f32), 0)
}

#[derive(Default)]
struct Seen {
    port: ViewPort,
    hovered: Option<Place>,
    clicked: Option<Place>,
    picture: Option<[f32; 2]>,
    picked: Option<usize>,
    opened: bool,
    channel: Option<usize>,
    scroll: f32,
}

fn at(rect: Rect, u: f32, v: f32) -> Pos2 {
    rect.min + rect.size() * vec2(u, v)
}

fn click(harness: &mut Harness<'_, Seen>, position: Pos2) {
    for pressed in [true, false] {
        harness.hover_at(position);
        harness.event(Event::PointerButton {
            pos: position,
            button: egui::PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        });
        harness.step();
    }
}

fn wheel(harness: &mut Harness<'_, Seen>, points: f32) {
    harness.event(Event::MouseWheel {
        unit: MouseWheelUnit::Point,
        delta: vec2(0.0, points),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Unknown,
        modifiers: Modifiers::NONE,
    });
    harness.run_steps(12);
}

fn one_map(size: Vec2) -> Harness<'static, Seen> {
    let source = map();
    // Short steps, so that two clicks can be a double click.
    Harness::builder().with_size(vec2(460.0, 360.0)).with_step_dt(0.05).build_ui_state(
        move |ui, seen: &mut Seen| {
            let output = HeatmapView::new("norm", &source, LOOK, &mut seen.port).size(size).show(ui);
            seen.hovered = output.hovered;
            seen.clicked = output.clicked.or(seen.clicked.take());
        },
        Seen::default(),
    )
}

#[test]
fn pointing_and_clicking_give_the_right_cell() {
    // The map is twice as wide as high: it fills the width, with 40 points above and below.
    let mut harness = one_map(vec2(400.0, 280.0));
    harness.run();
    let view = harness.get_by_label("norm").rect();
    assert_eq!(view.size(), vec2(400.0, 280.0));
    let map = view.shrink2(vec2(0.0, 40.0));

    harness.hover_at(at(map, 5.5 / 8.0, 2.5 / 4.0));
    harness.run();
    let hovered = harness.state().hovered.clone().unwrap();
    assert_eq!((hovered.x, hovered.y, hovered.values.as_slice()), (5, 2, [25.0].as_slice()));
    assert!((hovered.at[0] - 5.5 / 8.0).abs() < 1e-3 && (hovered.at[1] - 2.5 / 4.0).abs() < 1e-3);
    harness.get_by_label("25 at (5, 2)");
    let told = harness.get_by_label("norm").value().unwrap();
    assert!(told.contains("8 by 4 cells") && told.contains("25 at (5, 2)"), "{told}");

    harness.hover_at(at(view, 0.5, 0.05));
    harness.run();
    assert_eq!(harness.state().hovered, None, "beside the map");

    click(&mut harness, at(map, 0.01, 0.99));
    let clicked = harness.state().clicked.clone().unwrap();
    assert_eq!((clicked.x, clicked.y, clicked.values.as_slice()), (0, 3, [30.0].as_slice()));
}

#[test]
fn scrolling_zooms_to_the_pointer_dragging_pans_and_double_click_resets() {
    let mut harness = one_map(vec2(400.0, 200.0));
    harness.run();
    let view = harness.get_by_label("norm").rect();
    let target = at(view, 6.5 / 8.0, 1.5 / 4.0);
    harness.hover_at(target);
    harness.run();
    wheel(&mut harness, 300.0);
    let zoomed = harness.state().port;
    assert!(zoomed.zoom > 2.5, "{zoomed:?}");
    let hovered = harness.state().hovered.clone().unwrap();
    assert_eq!((hovered.x, hovered.y), (6, 1), "the place under the pointer stays");
    assert!((hovered.at[0] - 6.5 / 8.0).abs() < 1e-3, "{hovered:?}");

    harness.drag_at(target);
    harness.step();
    harness.hover_at(target + vec2(60.0, 0.0));
    harness.run_steps(2);
    harness.drop_at(target + vec2(60.0, 0.0));
    harness.run();
    harness.hover_at(target + vec2(60.0, 0.0));
    harness.run();
    let hovered = harness.state().hovered.clone().unwrap();
    assert!((hovered.at[0] - 6.5 / 8.0).abs() < 1e-3, "the map follows the pointer: {hovered:?}");
    assert_eq!(harness.state().port.zoom, zoomed.zoom);
    assert!(harness.state().clicked.is_none(), "a drag is no click");

    // Apart from the drag, so that the three do not make a triple click.
    harness.run_steps(20);
    click(&mut harness, view.center());
    click(&mut harness, view.center());
    assert_eq!(harness.state().port, ViewPort::default());
}

#[test]
fn a_map_that_is_not_zoomable_leaves_the_wheel_to_what_is_around() {
    let source = map();
    let mut harness = Harness::builder().with_size(vec2(300.0, 200.0)).build_ui_state(
        move |ui, seen: &mut Seen| {
            let output = egui::ScrollArea::vertical().show(ui, |ui| {
                for name in ["first", "second", "third", "fourth"] {
                    let output = HeatmapView::new(name, &source, LOOK, &mut seen.port)
                        .size(vec2(200.0, 100.0))
                        .zoomable(false)
                        .show(ui);
                    seen.clicked = output.clicked.or(seen.clicked.take());
                }
            });
            seen.scroll = output.state.clamped_offset().y;
        },
        Seen::default(),
    );
    harness.run();
    let middle = harness.get_by_label("first").rect().center();
    click(&mut harness, middle);
    click(&mut harness, middle);
    assert!(harness.state().clicked.is_some());
    wheel(&mut harness, -60.0);
    assert_eq!(harness.state().port, ViewPort::default());
    assert!(harness.state().scroll > 30.0, "{}", harness.state().scroll);
}

#[test]
fn a_map_over_its_picture_counts_in_the_input() {
    let source = map();
    let mut harness = Harness::builder().with_size(vec2(460.0, 260.0)).build_ui_state(
        move |ui, seen: &mut Seen| {
            let texture = picture_texture(ui.ctx(), "p", ColorImage::filled([40, 20], egui::Color32::RED));
            let placement = Rect::from_min_max(pos2(10.0, 0.0), pos2(30.0, 20.0));
            let backdrop = Backdrop { texture: texture.id(), size: [40, 20], placement };
            let markers = [(MarkerKind::Query, 0.2), (MarkerKind::Match(1), 0.7)]
                .map(|(kind, u)| Marker { at: [u, 0.5], kind });
            let output = HeatmapView::new("overlay", &source, LOOK, &mut seen.port)
                .size(vec2(400.0, 200.0))
                .over(backdrop)
                .markers(&markers)
                .show(ui);
            seen.hovered = output.hovered;
        },
        Seen::default(),
    );
    harness.run();
    let view = harness.get_by_label("overlay").rect();
    harness.hover_at(at(view, 0.5 + 0.5 * (0.5 / 8.0), 0.9));
    harness.run();
    let hovered = harness.state().hovered.clone().unwrap();
    assert_eq!((hovered.x, hovered.y), (4, 3));
    harness.hover_at(at(view, 0.1, 0.5));
    harness.run();
    assert_eq!(harness.state().hovered, None, "on the part of the picture that was cut off");
}

#[test]
fn linked_views_share_zoom_and_cursor() {
    let source = map();
    let mut harness = Harness::builder().with_size(vec2(900.0, 240.0)).build_ui_state(
        move |ui, seen: &mut Seen| {
            let texture = picture_texture(ui.ctx(), "p", ColorImage::filled([40, 20], egui::Color32::RED));
            let picture = Backdrop {
                texture: texture.id(),
                size: [40, 20],
                placement: Rect::from_min_size(Pos2::ZERO, vec2(40.0, 20.0)),
            };
            ui.horizontal(|ui| {
                let cursor = seen.hovered.as_ref().map(|place| place.at);
                let image = ImageView::new("picture", picture, &mut seen.port)
                    .size(vec2(400.0, 200.0))
                    .cursor(cursor)
                    .show(ui);
                seen.picture = image.hovered;
                let map = HeatmapView::new("map", &source, LOOK, &mut seen.port)
                    .size(vec2(400.0, 200.0))
                    .cursor(seen.picture)
                    .show(ui);
                seen.hovered = map.hovered;
            });
        },
        Seen::default(),
    );
    harness.run();
    let (picture, map) = (harness.get_by_label("picture").rect(), harness.get_by_label("map").rect());
    harness.hover_at(at(picture, 0.25, 0.5));
    harness.run();
    let place = harness.state().picture.unwrap();
    assert!((place[0] - 0.25).abs() < 1e-3 && (place[1] - 0.5).abs() < 1e-3);
    assert_eq!(harness.state().hovered, None);
    wheel(&mut harness, 200.0);
    assert!(harness.state().port.zoom > 1.5);
    harness.hover_at(at(map, 0.25, 0.5));
    harness.run();
    let hovered = harness.state().hovered.clone().unwrap();
    assert!((hovered.at[0] - 0.25).abs() < 1e-3, "zoomed alike: {hovered:?}");
    assert_eq!(harness.state().picture, None);
}

#[test]
fn eight_maps_at_once_each_tell_their_own_value() {
    let sources: Vec<Source> = (0..8)
        .map(|k| Source::channel(&Grid::from_fn(1, 2, 2, |_, y, x| (k * 100 + y * 10 + x) as f32), 0))
        .collect();
    let names: Vec<String> = (0..8).map(|k| format!("map {k}")).collect();
    let (shown, labels) = (sources.clone(), names.clone());
    let mut harness = Harness::builder().with_size(vec2(460.0, 260.0)).build_ui_state(
        move |ui, seen: &mut Seen| {
            seen.hovered = None;
            ui.horizontal_wrapped(|ui| {
                for (source, name) in shown.iter().zip(&labels) {
                    let mut own = ViewPort::default();
                    let output =
                        HeatmapView::new(name, source, LOOK, &mut own).size(vec2(100.0, 100.0)).show(ui);
                    seen.hovered = output.hovered.or(seen.hovered.take());
                }
            });
        },
        Seen::default(),
    );
    harness.run();
    for (k, name) in names.iter().enumerate() {
        let rect = harness.get_by_label(name).rect();
        harness.hover_at(at(rect, 0.75, 0.25));
        harness.run();
        let hovered = harness.state().hovered.clone().unwrap();
        assert_eq!(hovered.values, [(k * 100 + 1) as f32]);
        assert!(harness.get_by_label(name).value().unwrap().contains(&format!("{} at (1, 0)", k * 100 + 1)));
    }
}

#[test]
fn values_are_told_exactly() {
    let source = Source::rgb(&Grid::new(3, 1, 1, vec![0.1, f32::NAN, -1.5e-7]).unwrap());
    let mut harness = Harness::builder().with_size(vec2(200.0, 200.0)).build_ui_state(
        move |ui, seen: &mut Seen| {
            HeatmapView::new("pca", &source, LOOK, &mut seen.port).size(vec2(100.0, 100.0)).show(ui);
        },
        Seen::default(),
    );
    harness.run();
    harness.hover_at(harness.get_by_label("pca").rect().center());
    harness.run();
    harness.get_by_label("0.1, not a number, −1.5e−7 at (0, 0)");
}

fn channels(count: usize) -> (Grid, Arc<[usize]>) {
    let grid = Grid::from_fn(count, 4, 4, |c, y, x| (c * 100 + y * 4 + x) as f32);
    (grid, (0..count).rev().collect())
}

fn mosaic(count: usize) -> Harness<'static, Seen> {
    let (grid, order) = channels(count);
    let (source, stats) = (Source::all(&grid), grid.channel_stats());
    Harness::builder().with_size(vec2(330.0, 260.0)).build_ui_state(
        move |ui, seen: &mut Seen| {
            let output = MosaicView::new("channels", &source, LOOK, &order, &stats)
                .cell(40.0)
                .height(200.0)
                .selected(seen.picked)
                .show(ui);
            seen.channel = output.hovered;
            seen.picked = output.picked.or(seen.picked);
            seen.opened |= output.opened;
            seen.scroll = output.response.rect.top();
        },
        Seen::default(),
    )
}

#[test]
fn a_mosaic_names_and_picks_channels_in_its_order() {
    let mut harness = mosaic(20);
    harness.run();
    let first = harness.get_by_label("channels").rect().min + vec2(20.0, 20.0);
    harness.hover_at(first);
    harness.run();
    assert_eq!(harness.state().channel, Some(19));
    harness.get_by_label_contains("channel 19: 1905 at (1, 1)\nmean 1910, deviation 4.61\nfrom 1900 to 1915");
    click(&mut harness, first);
    assert_eq!(harness.state().picked, Some(19));
    harness.run();
    assert!(harness.get_by_label("channels").value().unwrap().contains("channel 19 selected"));
}

#[test]
fn keys_walk_the_mosaic_and_scroll_it() {
    let mut harness = mosaic(200);
    harness.run();
    let first = harness.get_by_label("channels").rect().min + vec2(20.0, 20.0);
    click(&mut harness, first);
    let top = harness.state().scroll;
    let press = |harness: &mut Harness<'_, Seen>, key, expected| {
        harness.key_press(key);
        harness.run_steps(3);
        assert_eq!(harness.state().picked, Some(expected), "after {key:?}");
    };
    press(&mut harness, Key::ArrowRight, 198);
    press(&mut harness, Key::ArrowLeft, 199);
    press(&mut harness, Key::ArrowLeft, 199);
    harness.key_press(Key::ArrowDown);
    harness.run_steps(3);
    let below = harness.state().picked.unwrap();
    assert!((192..=194).contains(&below), "one row down: {below}");
    press(&mut harness, Key::ArrowUp, 199);
    press(&mut harness, Key::End, 0);
    harness.run_steps(20);
    assert!(harness.state().scroll < top - 500.0, "the last row was scrolled into view");
    assert!(!harness.state().opened);
    harness.key_press(Key::Enter);
    harness.run_steps(2);
    assert!(harness.state().opened);
}

#[test]
fn keys_begin_at_the_first_cell_and_enter_opens_what_is_selected() {
    let mut harness = mosaic(2);
    harness.run();
    harness.key_press(Key::ArrowRight);
    harness.run_steps(3);
    assert_eq!(harness.state().picked, None, "without the focus arrows belong to others");
    harness.get_by_label("channels").focus();
    harness.run_steps(3);
    harness.key_press(Key::Enter);
    harness.run_steps(3);
    assert!(!harness.state().opened && harness.state().picked.is_none(), "nothing is selected yet");
    for (key, channel) in [(Key::ArrowRight, 1), (Key::ArrowRight, 0), (Key::ArrowDown, 0)] {
        harness.key_press(key);
        harness.run_steps(3);
        assert_eq!(harness.state().picked, Some(channel), "after {key:?}");
    }
    // The pointer lies on the first cell, which is channel 1.
    let first = harness.get_by_label("channels").rect().min + vec2(20.0, 20.0);
    harness.hover_at(first);
    harness.run_steps(3);
    harness.key_press(Key::Enter);
    harness.run_steps(3);
    assert!(harness.state().opened);
    assert_eq!(harness.state().picked, Some(0), "the selected one, not the one under the pointer");
}

#[test]
fn a_colour_bar_says_what_it_leaves_out() {
    let grid = Grid::new(1, 1, 6, vec![-1.0, 0.0, 50.0, 120.0, 130.0, f32::NAN]).unwrap();
    let spread = Spread::of(&grid, LOOK.tone.range);
    let mut harness = Harness::builder().with_size(vec2(200.0, 240.0)).build_ui(move |ui| {
        ColourBar::new("scale", LOOK.tone, &spread).height(200.0).value(Some(12.5)).show(ui);
    });
    harness.run();
    let told = harness.get_by_label("scale").value().unwrap();
    assert_eq!(told, "0 to 100; values left out: 1 below, 2 above, 1 not a number; pointer on 12.5");
    harness.hover_at(harness.get_by_label("scale").rect().center());
    harness.run();
    assert!(harness.query_by_label(&told).is_some(), "the tooltip says it too");
}
