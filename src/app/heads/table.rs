//! The table of runs.

use eframe::egui::{Align, Button, Label, Layout, RichText, TextEdit, Ui};
use egui_extras::{Column as Width, TableBuilder, TableRow};

use super::act::HeadsAction;
use super::card::{duration, reads_of};
use super::data::named;
use super::state::{Column, HeadsState, Progress};
use crate::app::panels::Action;
use crate::app::state::State;
use crate::app::widgets::states;
use crate::app::{icons, style};
use crate::figure::ticks::{format_value, thousands};
use crate::jobs::{JobState, RunRecord};
use crate::project::{RunId, RunStatus};
use crate::study::statistics::wilson;

/// Height of a row, in points.
const ROW: f32 = 26.0;

/// The columns with heading, width and what they tell.
const COLUMNS: [(Column, &str, f32, &str); 11] = [
    (Column::Name, "run", 116.0, "Its name; the menu at the right changes it and its notes."),
    (Column::Features, "reads", 112.0, "Blocks and timesteps that the head reads."),
    (Column::Learned, "learn", 48.0, "Pictures learned from."),
    (
        Column::Accuracy,
        "acc %",
        88.0,
        "Share of the test pictures that were recognised, with its 95 % interval.",
    ),
    (Column::F1, "F1 %", 44.0, "Mean F1 over the classes."),
    (Column::Parameters, "param.", 58.0, "Values trained."),
    (Column::Gmac, "GMAC", 52.0, "Multiply-accumulates for one picture, network and head, in 10⁹."),
    (Column::Seconds, "ms/img", 52.0, "Milliseconds from a picture to its answer."),
    (Column::Training, "train", 52.0, "Time of training, without making features."),
    (Column::Memory, "MB", 48.0, "Memory for features, and for the head while it is trained."),
    (Column::Begun, "begun", 118.0, "Newest first or last."),
];

/// Draws the table.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let heads = &mut state.heads;
    rename_window(ui, heads, actions);
    if heads.runs.is_empty() {
        if heads.project.is_none() {
            let work = states::Working { what: "Opening the project", ..states::Working::default() };
            states::working(ui, &work);
        } else {
            let add = heads.config.cards.is_empty();
            let (sentence, button) = match add {
                true => ("No runs yet: add a head on the left and train it.", "Add a linear head"),
                false => ("No runs yet: train the heads on the left.", "Train all"),
            };
            if states::empty(ui, sentence, button) {
                actions.push(match add {
                    true => Action::Heads(HeadsAction::AddCard(crate::heads::HeadKind::Linear)),
                    false => Action::Do(crate::app::command::Command::TrainAll),
                });
            }
        }
        return;
    }
    let order = sorted(heads);
    eframe::egui::ScrollArea::horizontal().id_salt("runs across").auto_shrink([false, false]).show(
        ui,
        |ui| {
            let mut table = TableBuilder::new(ui)
                .id_salt("runs")
                .striped(true)
                .sense(eframe::egui::Sense::click())
                .cell_layout(Layout::left_to_right(Align::Center))
                .column(Width::exact(22.0));
            for (column, _, width, _) in COLUMNS {
                table = table.column(match column {
                    Column::Begun => Width::remainder().at_least(width),
                    _ => Width::initial(width).at_least(36.0).clip(true),
                });
            }
            let table = table.header(ROW, |mut row| header(&mut row, heads));
            table.body(|body| {
                body.rows(ROW, order.len(), |mut row| {
                    let run = &heads.runs[order[row.index()]];
                    row.set_selected(heads.is_chosen(run.id));
                    line(&mut row, heads, run, actions);
                    if row.response().clicked() {
                        actions.push(Action::Heads(HeadsAction::ChooseOnly(run.id)));
                    }
                });
            });
        },
    );
}

fn header(row: &mut TableRow<'_, '_>, heads: &mut HeadsState) {
    row.col(|_| {});
    for (column, title, _, about) in COLUMNS {
        row.col(|ui| {
            let (held, down) = heads.config.sort;
            let arrow = match (held == column, down) {
                (true, true) => icons::CARET_DOWN,
                (true, false) => icons::CARET_UP,
                (false, _) => "",
            };
            let text = style::quiet(format!("{title} {arrow}")).small();
            let words = matches!(column, Column::Name | Column::Features | Column::Begun);
            // Above its numbers, which stand at the right.
            let layout = match words {
                true => Layout::left_to_right(Align::Center),
                false => Layout::right_to_left(Align::Center),
            };
            ui.with_layout(layout, |ui| {
                ui.spacing_mut().button_padding.x = 0.0;
                let button = ui.add(Button::new(text).frame_when_inactive(false).truncate());
                button.widget_info(|| named(&format!("Sort by {title}")));
                if button.on_hover_text(about).clicked() {
                    let down = if held == column { !down } else { column != Column::Name };
                    heads.config.sort = (column, down);
                }
            });
        });
    }
}

fn sorted(heads: &HeadsState) -> Vec<usize> {
    let (column, down) = heads.config.sort;
    let mut order: Vec<usize> = (0..heads.runs.len()).collect();
    if column == Column::Name || column == Column::Features {
        let key = |run: &RunRecord| match column {
            Column::Name => run.name.to_lowercase(),
            _ => reads_of(&run.settings.training),
        };
        order.sort_by_key(|&at| key(&heads.runs[at]));
    } else {
        order.sort_by(|&a, &b| value(&heads.runs[a], column).total_cmp(&value(&heads.runs[b], column)));
    }
    if down {
        order.reverse();
    }
    order
}

fn value(run: &RunRecord, column: Column) -> f64 {
    let Some(results) = &run.results else {
        return if column == Column::Begun { run.id.0 as f64 } else { f64::NEG_INFINITY };
    };
    let tested =
        |of: fn(&crate::train::metrics::Metrics) -> f64| results.test.as_ref().map_or(f64::NEG_INFINITY, of);
    match column {
        Column::Begun | Column::Name | Column::Features => run.id.0 as f64,
        Column::Learned => results.counts[0] as f64,
        Column::Accuracy => tested(|test| test.accuracy),
        Column::F1 => tested(|test| test.macro_f1),
        Column::Parameters => results.cost.parameters as f64,
        Column::Gmac => results.cost.head_gmac + results.cost.network_gmac,
        Column::Seconds => results.seconds_per_image,
        Column::Training => results.seconds_train,
        Column::Memory => results.memory_bytes as f64,
    }
}

fn line(row: &mut TableRow<'_, '_>, heads: &HeadsState, run: &RunRecord, actions: &mut Vec<Action>) {
    row.col(|ui| {
        let mut chosen = heads.is_chosen(run.id);
        let tick = ui.checkbox(&mut chosen, "").on_hover_text("Look at this run beside the others chosen.");
        tick.widget_info(|| named(&format!("Choose {}", run.name)));
        if tick.changed() {
            actions.push(Action::Heads(HeadsAction::Choose(run.id, chosen)));
        }
    });
    row.col(|ui| {
        let tip = if run.notes.is_empty() { run.name.clone() } else { run.notes.clone() };
        ui.add(Label::new(&run.name).truncate()).on_hover_text(tip);
    });
    row.col(|ui| {
        let text = reads_of(&run.settings.training);
        ui.add(Label::new(style::quiet(&text)).truncate()).on_hover_text(text);
    });
    let number = |row: &mut TableRow<'_, '_>, text: Option<String>| {
        row.col(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add(style::number(text.unwrap_or_default()));
            });
        });
    };
    let results = run.results.as_ref();
    let test = results.and_then(|results| results.test.as_ref());
    number(row, results.map(|results| thousands(results.counts[0] as u64)));
    number(row, test.map(|test| with_interval(test.accuracy, test.count)));
    number(row, test.map(|test| format!("{:.1}", 100.0 * test.macro_f1)));
    number(row, results.map(|results| short(results.cost.parameters as f64)));
    let gmac = results.map(|results| results.cost.head_gmac + results.cost.network_gmac);
    number(row, gmac.map(|gmac| at_least(gmac, 0.001)));
    let tested = results.filter(|_| test.is_some());
    number(row, tested.map(|results| at_least(1e3 * results.seconds_per_image, 0.01)));
    number(row, results.map(|results| took(results.seconds_train)));
    number(row, results.map(|results| format_value(results.memory_bytes as f32 / 1e6)));
    row.col(|ui| state_of(ui, heads, run, actions));
}

/// `84.2 ± 1.6`: the larger side of the interval, in percent.
pub(super) fn with_interval(accuracy: f64, count: usize) -> String {
    let hits = (accuracy * count as f64).round() as usize;
    match wilson(hits, count) {
        Ok(interval) => {
            let reach = (interval.high - accuracy).max(accuracy - interval.low);
            format!("{:.1} ± {:.1}", 100.0 * accuracy, 100.0 * reach)
        }
        Err(_) => format!("{:.1}", 100.0 * accuracy),
    }
}

/// A number, or below which it lies where it is too small to be told.
fn at_least(value: f64, least: f64) -> String {
    if value < least { format!("<{least}") } else { format_value(value as f32) }
}

/// `12 ms`, `40 s`, `3 min`.
fn took(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", (1e3 * seconds).max(1.0)) } else { duration(seconds) }
}

/// `1.2 M`, `45 k`.
fn short(count: f64) -> String {
    match count {
        n if n >= 1e6 => format!("{:.1} M", n / 1e6),
        n if n >= 1e4 => format!("{:.0} k", n / 1e3),
        n => thousands(n as u64),
    }
}

fn state_of(ui: &mut Ui, heads: &HeadsState, run: &RunRecord, actions: &mut Vec<Action>) {
    ui.spacing_mut().item_spacing.x = style::SPACE_XS;
    let mut act = |ui: &mut Ui, icon: &str, name: &str, action: HeadsAction| {
        let button = ui.add(Button::new(RichText::new(icon).small()).frame_when_inactive(false));
        button.widget_info(|| named(&format!("{name} {}", run.name)));
        if button.on_hover_text(name).clicked() {
            actions.push(Action::Heads(action));
        }
    };
    if let Some(Progress { state, .. }) = heads.progress.get(&run.id) {
        let paused = matches!(state, JobState::Paused);
        match paused {
            true => act(ui, icons::PLAY, "Resume", HeadsAction::Resume(run.id)),
            false => act(ui, icons::PAUSE, "Pause", HeadsAction::Pause(run.id)),
        }
        if !run.curve.is_empty() {
            act(ui, icons::STOP, "Stop and keep", HeadsAction::End(run.id));
        }
        act(ui, icons::X, "Cancel", HeadsAction::Cancel(run.id));
        let text = match state {
            JobState::Running { done, total, .. } if *total > 0 => format!("{} %", 100 * done / total),
            JobState::Paused => "paused".into(),
            JobState::Queued => "queued".into(),
            _ => String::new(),
        };
        ui.label(style::quiet(text).small());
        return;
    }
    let menu = ui.menu_button(RichText::new(icons::DOTS_THREE).small(), |ui| menu(ui, run, actions));
    menu.response.widget_info(|| named(&format!("More for {}", run.name)));
    let tokens = style::tokens(ui);
    match run.status {
        RunStatus::Done => {}
        RunStatus::Failed => {
            let why =
                heads.failures.get(&run.id).cloned().unwrap_or_else(|| "It failed; train it again.".into());
            ui.colored_label(tokens.error, format!("{} failed", icons::WARNING_CIRCLE)).on_hover_text(why);
        }
        RunStatus::Interrupted => {
            let about = "The program ended before this run did; duplicate it to train it again.";
            ui.colored_label(tokens.warning, "broken off").on_hover_text(about);
        }
        RunStatus::Cancelled => _ = ui.label(style::quiet("cancelled").small()),
        RunStatus::Running => _ = ui.label(style::quiet("starting").small()),
    }
}

fn menu(ui: &mut Ui, run: &RunRecord, actions: &mut Vec<Action>) {
    let mut item = |ui: &mut Ui, text: &str, enabled: bool, about: &str, action: HeadsAction| {
        if ui.add_enabled(enabled, Button::new(text)).on_hover_text(about).clicked() {
            actions.push(Action::Heads(action));
            ui.close();
        }
    };
    let saved = run.status == RunStatus::Done && run.head.is_some();
    let id = run.id;
    item(ui, "Rename and notes…", true, "Changes name and notes.", HeadsAction::EditName(id));
    let about = "Puts its settings on a card at the left, to be changed and trained again.";
    item(ui, "Duplicate", true, about, HeadsAction::CopyRun(id));
    item(
        ui,
        "Save head…",
        saved,
        "Writes the head to a file for `difscope predict`.",
        HeadsAction::SaveHead(id),
    );
    let about = "Trains it once more on every labelled picture: for use, as none is left to test it on.";
    item(ui, "Train on everything", saved && run.results.is_some(), about, HeadsAction::TrainOnAll(id));
    item(ui, "Delete", true, "Forgets the run and removes its head.", HeadsAction::Remove(id));
}

/// The window in which name and notes of a run are changed.
fn rename_window(ui: &Ui, heads: &mut HeadsState, actions: &mut Vec<Action>) {
    let Some((id, name, notes)) = &mut heads.renaming else { return };
    let id: RunId = *id;
    let mut close = false;
    let window = eframe::egui::Window::new("Name and notes").collapsible(false).resizable(false);
    window.show(ui.ctx(), |ui| {
        let label = ui.label(style::quiet("name"));
        ui.add(TextEdit::singleline(name).desired_width(320.0)).labelled_by(label.id);
        let label = ui.label(style::quiet("notes"));
        ui.add(TextEdit::multiline(notes).desired_width(320.0).desired_rows(3)).labelled_by(label.id);
        ui.horizontal(|ui| {
            if style::primary_button(ui, "Keep").clicked() {
                actions.push(Action::Heads(HeadsAction::Rename(id, name.clone(), notes.clone())));
                close = true;
            }
            close |= ui.button("Cancel").clicked();
        });
    });
    if close {
        heads.renaming = None;
    }
}
