//! What happens when somebody clicks, types and scrolls.

use std::cell::Cell;
use std::time::{Duration, Instant};

use difscope::app::command::{self, Command, Space};
use difscope::app::icons;
use difscope::app::widgets::network_diagram::NetworkDiagram;
use difscope::app::widgets::notices::{NoticeKind, Notices};
use difscope::app::widgets::palette::{CommandPalette, KeysOverlay};
use difscope::app::widgets::selection_line::SelectionLine;
use difscope::app::widgets::states::{Working, empty, failed, working};
use difscope::app::widgets::thumbnails::{
    Thumbnail, ThumbnailGrid, ThumbnailPicture, ThumbnailsOutput, file_stem_label,
};
use difscope::app::widgets::timestep::TimestepControl;
use difscope::jobs::MARKS;
use eframe::egui::{ComboBox, DragValue, Key, Modifiers, TextEdit, Theme, Vec2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use crate::{adm_network, on_panel, small_network, window};

fn diagram(size: [f32; 2], start: usize) -> Harness<'static, usize> {
    let (blocks, full) = small_network();
    window(size, Theme::Dark).build_ui_state(
        move |ui, selected| {
            on_panel(ui, |ui| {
                let chosen = NetworkDiagram::new(&blocks, full, *selected, &|block| block <= 12).show(ui);
                *selected = chosen.unwrap_or(*selected);
            });
        },
        start,
    )
}

#[test]
fn clicking_a_block_selects_it() {
    let mut harness = diagram([300.0, 400.0], 12);
    for (label, block) in [("b 3 (enc 2)", 3), ("b 10 (mid)", 10), ("b 19 (dec 8)", 19)] {
        harness.get_by_label_contains(label).click();
        harness.run();
        assert_eq!(*harness.state(), block);
    }
}

#[test]
fn blocks_say_what_they_are_to_screen_readers() {
    let harness = diagram([300.0, 400.0], 12);
    let selected = harness.get_by_label_contains("b 12 (dec 1) · 128×8×8 · ");
    let label = selected.accesskit_node().label().unwrap();
    assert!(label.ends_with("% of a full pass to reach, computed"), "{label}");
    assert!(harness.query_by_label_contains("b 13 (dec 2)").is_some());
    assert!(
        harness.get_by_label_contains("b 19 ").accesskit_node().label().unwrap().contains("not computed")
    );
}

#[test]
fn arrows_walk_the_network_once_it_has_the_focus() {
    let mut harness = diagram([300.0, 400.0], 12);
    harness.key_press(Key::ArrowDown);
    harness.run();
    assert_eq!(*harness.state(), 12, "without the focus arrows belong to others");
    harness.get_by_label_contains("b 12 (").focus();
    harness.run();
    for (key, block) in [
        (Key::ArrowDown, 13),
        (Key::ArrowUp, 12),
        (Key::ArrowUp, 11),
        (Key::ArrowLeft, 9),
        (Key::ArrowRight, 11),
        (Key::Home, 1),
        (Key::ArrowUp, 1),
        (Key::End, 19),
        (Key::ArrowDown, 19),
    ] {
        harness.key_press(key);
        harness.run();
        assert_eq!(*harness.state(), block, "after {key:?}");
    }
}

#[test]
fn a_low_panel_scrolls_to_the_selected_block() {
    let (blocks, full) = adm_network();
    let mut harness = window([240.0, 160.0], Theme::Dark).build_ui_state(
        move |ui, selected: &mut usize| {
            on_panel(ui, |ui| NetworkDiagram::new(&blocks, full, *selected, &|_| false).show(ui));
        },
        1,
    );
    harness.run();
    assert!(harness.get_by_label_contains("b 1 (").rect().top() >= 0.0);
    *harness.state_mut() = 19;
    harness.run_steps(8);
    assert!(harness.get_by_label_contains("b 19 (").rect().bottom() <= 160.0);
}

fn slider(width: f32, steps: usize, start: usize) -> Harness<'static, usize> {
    window([width, 120.0], Theme::Dark).build_ui_state(
        move |ui, timestep| {
            on_panel(ui, |ui| {
                let chosen = TimestepControl::new(*timestep, steps, &MARKS, 0.9, 9.0).show(ui);
                *timestep = chosen.unwrap_or(*timestep);
            });
        },
        start,
    )
}

#[test]
fn marks_move_t_and_those_beyond_the_end_are_left_out() {
    let mut harness = slider(500.0, 1000, 50);
    for mark in MARKS {
        harness.get_by_label(&format!("t {mark}")).click();
        harness.run();
        assert_eq!(*harness.state(), mark);
    }
    let harness = slider(500.0, 100, 50);
    assert!(harness.query_by_label("t 90").is_some() && harness.query_by_label("t 150").is_none());
}

#[test]
fn dragging_keys_and_screen_readers_move_t() {
    let mut harness = slider(500.0, 1000, 50);
    let rail = harness.get_by_label("Timestep slider").rect();
    harness.drag_at(rail.center());
    harness.drop_at(rail.right_center());
    harness.run();
    assert_eq!(*harness.state(), 999);
    harness.get_by_label("Timestep slider").set_value_accesskit(90.0);
    harness.run();
    assert_eq!(*harness.state(), 90);
    harness.get_by_label("Timestep slider").increment_accesskit();
    harness.run();
    assert_eq!(*harness.state(), 91);
    harness.get_by_label("Timestep slider").focus();
    harness.run();
    harness.key_press(Key::ArrowLeft);
    harness.run();
    assert_eq!(*harness.state(), 90);
    harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowRight);
    harness.run();
    assert_eq!(*harness.state(), 100);
    harness.key_press(Key::Home);
    harness.run();
    assert_eq!(*harness.state(), 0);
}

#[test]
fn the_number_field_takes_numbers_in_range() {
    let mut harness = slider(500.0, 1000, 50);
    harness.get_by_label("Timestep t").set_value_accesskit(123.0);
    for _ in 0..4 {
        harness.step();
        assert!(
            harness.query_by_label("Timestep slider").is_some(),
            "the rail stays while the field changes"
        );
    }
    assert_eq!(*harness.state(), 123);
    harness.get_by_label("Timestep t").set_value_accesskit(5000.0);
    harness.run();
    assert_eq!(*harness.state(), 999);
}

#[test]
fn the_ends_of_the_schedule_can_be_written() {
    for (snr, text) in [(f64::INFINITY, "∞ dB"), (0.0, "−∞ dB")] {
        let mut harness = window::<()>([500.0, 120.0], Theme::Dark).build_ui(move |ui| {
            TimestepControl::new(0, 1000, &MARKS, snr / (1.0 + snr), snr).show(ui);
        });
        harness.run();
        assert!(harness.query_by_label_contains(text).is_some());
    }
}

#[test]
fn a_narrow_slider_and_a_network_with_one_step_work() {
    for (width, steps) in [(90.0, 1000), (300.0, 1), (300.0, 2)] {
        let mut harness = slider(width, steps, 7);
        harness.run();
    }
}

#[derive(Default)]
struct Palette {
    palette: CommandPalette,
    chosen: Vec<Command>,
}

fn palette() -> Harness<'static, Palette> {
    let mut state = Palette::default();
    state.palette.open();
    let mut harness = window([700.0, 600.0], Theme::Dark).build_ui_state(
        |ui, state: &mut Palette| {
            state.chosen.extend(command::pressed(ui.ctx(), Space::Explore));
            let available = |command| command != Command::ClearPins;
            state.chosen.extend(state.palette.show(ui.ctx(), Space::Explore, &available));
        },
        state,
    );
    harness.run();
    harness
}

#[test]
fn the_palette_finds_and_runs_a_command() {
    let mut harness = palette();
    harness.get_by_label("Search commands").type_text("contact");
    harness.run();
    harness.key_press(Key::ArrowDown);
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(harness.state().chosen, [Command::ContactSheetBlocks]);
    assert!(!harness.state().palette.is_open());
}

#[test]
fn a_click_in_the_palette_runs_the_command() {
    let mut harness = palette();
    harness.get_by_label("Search commands").type_text("pca");
    harness.run();
    harness.get_by_label("PCA as colours").click();
    harness.run();
    assert_eq!(harness.state().chosen, [Command::ViewPca]);
}

#[test]
fn an_impossible_command_is_explained_and_not_run() {
    let mut harness = palette();
    harness.get_by_label("Search commands").type_text("clear pins");
    harness.run();
    assert!(harness.query_by_label_contains("Not possible now.").is_some());
    harness.key_press(Key::Enter);
    harness.run();
    assert!(harness.state().chosen.is_empty() && harness.state().palette.is_open());
}

#[test]
fn escape_closes_the_palette_and_triggers_nothing() {
    let mut harness = palette();
    harness.get_by_label("Search commands").type_text("zzzz");
    harness.run();
    assert!(harness.query_by_label_contains("No command has these letters").is_some());
    harness.key_press(Key::Escape);
    harness.run();
    assert!(harness.state().chosen.is_empty() && !harness.state().palette.is_open());
}

#[test]
fn the_keys_overlay_lists_every_shortcut_and_closes() {
    let mut keys = KeysOverlay::default();
    keys.open();
    let mut harness = window([1100.0, 700.0], Theme::Dark)
        .build_ui_state(|ui, keys: &mut KeysOverlay| keys.show(ui.ctx(), Space::Explore), keys);
    harness.run();
    for command in Command::all_in(Space::Explore) {
        let keys: Vec<_> = command.info().shortcuts.iter().map(command::shortcut_text).collect();
        let row = format!("{command}: {}", keys.join(" or "));
        assert!(harness.query_by_label(&row).is_some(), "{row}");
    }
    harness.key_press(Key::Escape);
    harness.run();
    assert!(!harness.state().is_open());
}

#[test]
fn typing_into_a_field_triggers_no_command() {
    let mut harness = window([300.0, 100.0], Theme::Dark).build_ui_state(
        |ui, (text, commands): &mut (String, Vec<Command>)| {
            commands.extend(command::pressed(ui.ctx(), Space::Explore));
            ui.add(TextEdit::singleline(text)).accessible_name("Field");
        },
        (String::new(), Vec::new()),
    );
    harness.key_press(Key::CloseBracket);
    harness.run();
    assert_eq!(harness.state().1, [Command::NextMarkedStep]);
    harness.get_by_label("Field").focus();
    harness.run();
    harness.key_press(Key::CloseBracket);
    harness.key_press(Key::Space);
    harness.get_by_label("Field").type_text("]");
    harness.run();
    assert_eq!(*harness.state(), ("]".to_string(), vec![Command::NextMarkedStep]));
    harness.key_press_modifiers(Modifiers::COMMAND, Key::O);
    harness.run();
    assert_eq!(harness.state().1.last(), Some(&Command::OpenPictures));
}

#[derive(Default)]
struct Escape {
    commands: Vec<Command>,
    number: f32,
    chosen: usize,
}

#[test]
fn escape_closes_a_menu_or_leaves_a_field_before_it_cancels() {
    let mut harness = window([300.0, 200.0], Theme::Dark).build_ui_state(
        |ui, state: &mut Escape| {
            state.commands.extend(command::pressed(ui.ctx(), Space::Explore));
            ComboBox::from_label("Menu").selected_text("first").show_ui(ui, |ui| {
                ui.selectable_value(&mut state.chosen, 1, "second");
            });
            ui.add(DragValue::new(&mut state.number).update_while_editing(false)).accessible_name("Number");
        },
        Escape::default(),
    );
    harness.run();
    harness.get_by_label("Menu").click();
    harness.run();
    assert!(harness.query_by_label("second").is_some());
    harness.key_press(Key::Escape);
    harness.run();
    assert!(harness.query_by_label("second").is_none(), "the menu is closed");

    harness.get_by_label("Number").focus();
    harness.run();
    harness.get_by_label("Number").type_text("7");
    harness.run();
    assert_eq!(harness.state().number, 0.0, "not taken over while typing");
    harness.key_press(Key::Escape);
    harness.run();
    assert!(harness.state().commands.is_empty(), "{:?}", harness.state().commands);
    harness.key_press(Key::Escape);
    harness.run();
    assert_eq!(harness.state().commands, [Command::CancelJob], "nobody else listens any more");
}

#[test]
fn only_file_names_lose_their_ending() {
    assert_eq!(file_stem_label("boot.png"), "boot");
    assert_eq!(file_stem_label("2024.05.01 sea.jpeg"), "2024.05.01 sea");
    assert_eq!(file_stem_label("no ending"), "no ending");
}

#[derive(Default)]
struct Library {
    count: usize,
    selected: Option<usize>,
    last: ThumbnailsOutput,
    asked: usize,
}

fn library(count: usize) -> Harness<'static, Library> {
    let names: Vec<String> = (0..count).map(|index| format!("picture {index:05}.png")).collect();
    window([240.0, 400.0], Theme::Dark).build_ui_state(
        move |ui, state: &mut Library| {
            on_panel(ui, |ui| {
                let asked = Cell::new(0);
                let grid = ThumbnailGrid::new(state.count, state.selected, 56.0);
                state.last = grid.show(ui, |index| {
                    asked.set(asked.get() + 1);
                    let picture = match index {
                        1 => ThumbnailPicture::Failed("not a picture"),
                        _ => ThumbnailPicture::Loading,
                    };
                    Thumbnail { name: &names[index], label: &names[index], picture }
                });
                state.asked = asked.get();
                state.selected = state.last.chosen.or(state.selected);
            });
        },
        Library { count, ..Library::default() },
    )
}

#[test]
fn ten_thousand_thumbnails_touch_only_those_on_screen() {
    let mut harness = library(10_000);
    harness.run();
    assert!(
        harness.state().asked <= 24 && harness.state().last.visible.start == 0,
        "{}",
        harness.state().asked
    );
    let start = Instant::now();
    for _ in 0..30 {
        harness.hover_at(vec2(100.0, 200.0).to_pos2());
        harness.event(eframe::egui::Event::MouseWheel {
            unit: eframe::egui::MouseWheelUnit::Point,
            delta: Vec2::new(0.0, -2000.0),
            phase: eframe::egui::TouchPhase::Move,
            source: eframe::egui::MouseWheelSource::Wheel,
            modifiers: Modifiers::NONE,
        });
        harness.step();
        assert!(harness.state().asked <= 27, "{}", harness.state().asked);
    }
    harness.run_steps(30);
    assert!(harness.state().last.visible.start > 300, "{:?}", harness.state().last.visible);
    assert!(start.elapsed() < Duration::from_secs(5), "scrolling took {:?}", start.elapsed());
}

#[test]
fn thumbnails_are_chosen_by_click_and_by_arrows() {
    let mut harness = library(10_000);
    harness.get_by_label("picture 00004.png").click();
    for _ in 0..4 {
        harness.step();
        assert!(harness.query_by_label("picture 00008.png").is_some(), "none vanishes after the one clicked");
    }
    assert_eq!(harness.state().selected, Some(4));
    harness.key_press(Key::ArrowRight);
    harness.run();
    assert_eq!(harness.state().selected, Some(4), "without the focus arrows belong to others");
    harness.get_by_label("Thumbnails").focus();
    harness.run();
    // Three columns fit.
    for (key, index) in
        [(Key::ArrowRight, 5), (Key::ArrowDown, 8), (Key::ArrowUp, 5), (Key::ArrowLeft, 4), (Key::End, 9_999)]
    {
        harness.key_press(key);
        harness.run_steps(6);
        assert_eq!(harness.state().selected, Some(index), "after {key:?}");
    }
    harness.run_steps(12);
    assert!(harness.state().last.visible.contains(&9_999), "the selection is scrolled into view");
}

#[test]
fn an_empty_library_is_drawn() {
    let mut harness = library(0);
    harness.run();
    assert_eq!(harness.state().last, ThumbnailsOutput::default());
}

#[test]
fn panel_states_say_what_to_do_and_answer() {
    let mut harness = window([400.0, 200.0], Theme::Dark).build_ui_state(
        |ui, (which, pressed): &mut (usize, usize)| {
            on_panel(ui, |ui| {
                let work = Working {
                    what: "Computing b 12 of boot.png",
                    done: Some(0.4),
                    progress: Some("5 of 12 blocks"),
                    left: Some(Duration::from_secs(40)),
                    can_cancel: true,
                };
                *pressed += usize::from(match which {
                    0 => empty(ui, "No pictures yet.", "Open pictures…"),
                    1 => working(ui, &work),
                    _ => failed(ui, "boot.png cannot be read.", "Choose another picture.", Some("Open…")),
                });
            });
        },
        (0, 0),
    );
    for (which, button) in ["Open pictures…", "Cancel", "Open…"].into_iter().enumerate() {
        harness.state_mut().0 = which;
        harness.run();
        harness.get_by_label(button).click();
        harness.run();
        assert_eq!(harness.state().1, which + 1);
    }
    harness.state_mut().0 = 1;
    harness.run();
    assert!(harness.query_by_label("5 of 12 blocks · about 40 s left").is_some());
}

#[test]
fn notices_leave_by_themselves_and_errors_stay() {
    let mut harness = window([600.0, 300.0], Theme::Dark)
        .build_ui_state(|ui, notices: &mut Notices| notices.show(ui.ctx()), Notices::default());
    harness.state_mut().push(NoticeKind::Good, "Wrote boot.png");
    harness.state_mut().push(NoticeKind::Error, "broken.png cannot be read");
    harness.state_mut().push(NoticeKind::Error, "broken.png cannot be read");
    harness.run_steps(2);
    assert!(harness.query_by_label("Wrote boot.png").is_some());
    assert!(harness.query_by_label("broken.png cannot be read (2 times)").is_some());
    harness.run_steps(40);
    assert!(harness.query_by_label("Wrote boot.png").is_none(), "good news leaves after a while");
    harness.get_by_label("Dismiss notice").click();
    harness.run_steps(2);
    assert!(harness.state().is_empty());
}

#[test]
fn the_selection_line_shows_everything_and_shortens_names() {
    let (blocks, _) = small_network();
    let warnings = ["far from what this network knows".to_string()];
    let long = "a picture with a very long name that no line can hold, number 0317.jpeg";
    let mut harness = window([900.0, 60.0], Theme::Dark).build_ui_state(
        move |ui, picture: &mut &str| {
            let line = SelectionLine {
                picture: Some(picture),
                network: "fashion32",
                timestep: 50,
                block: Some(&blocks[11]),
                warnings: &warnings,
            };
            on_panel(ui, |ui| line.show(ui));
        },
        "boot.png",
    );
    harness.run();
    for text in [
        "boot.png",
        "fashion32",
        "t 50",
        "b 12 (dec 1, 128×8×8)",
        icons::WARNING,
        "far from what this network knows",
    ] {
        assert!(harness.query_by_label(text).is_some(), "{text}");
    }
    *harness.state_mut() = long;
    harness.run();
    assert!(harness.query_by_label(long).is_some(), "screen readers get the full name");
    assert!(harness.get_by_label(long).rect().width() < 280.0, "eyes get a short one");
}
