//! At the left: what is swept, what that takes, and how far it is.

use eframe::egui::{Button, ComboBox, Grid, ProgressBar, Response, RichText, TextEdit, Ui};

use super::SweepAction;
use super::state::{SweepState, Table};
use crate::app::heads::{data_facts, data_place, duration};
use crate::app::panels::Action;
use crate::app::state::State;
use crate::app::style;
use crate::app::widgets::number;
use crate::features::extract::Blocks;
use crate::figure::ticks::{format_value, thousands};
use crate::jobs::JobState;
use crate::study::sweep::{Metric, Score, Supply, SweepConfig, SweepCost, SweepPhase};

/// The lists of the settings: name, what it means, and an example.
const LISTS: [(&str, &str, &str); 4] = [
    ("blocks", "Blocks of the network: all, or a list such as 9,12,15. All cost one pass together.", "all"),
    (
        "timesteps",
        "Diffusion steps, such as 10,50,90; empty: the published ones. Each costs a pass per picture.",
        "published",
    ),
    ("pools", "Sides that maps are pooled to, such as 1,2.", "1"),
    ("shots", "Pictures of each class to learn from, such as 5,20: one table for each.", "20"),
];

/// Draws the side.
pub fn show(ui: &mut Ui, state: &mut State, table: Option<&Table>, actions: &mut Vec<Action>) {
    data_place(ui, &mut state.heads, actions);
    data_facts(ui, &mut state.heads, actions);
    ui.add_space(style::SPACE_S);
    let busy = state.sweep.running.is_some();
    let wrong = ui.add_enabled_ui(!busy, |ui| settings(ui, &mut state.sweep)).inner;
    ui.add_space(style::SPACE_S);
    if busy {
        progress(ui, &state.sweep, actions);
    } else {
        begin(ui, state, wrong, actions);
    }
    if let Some(table) = table {
        ui.add_space(style::SPACE_M);
        ui.separator();
        shown(ui, &mut state.sweep, table, actions);
    }
}

/// Draws the settings; what is wrong with a list, if anything.
fn settings(ui: &mut Ui, sweep: &mut SweepState) -> Option<String> {
    let texts = sweep.texts.get_or_insert_with(|| texts_of(&sweep.settings.config));
    let config = &mut sweep.settings.config;
    let mut wrong = None;
    Grid::new("sweep settings").num_columns(2).spacing([style::SPACE_S, style::SPACE_XS]).show(ui, |ui| {
        for (index, ((name, about, hint), text)) in LISTS.iter().zip(texts.iter_mut()).enumerate() {
            let label = ui.label(style::quiet(*name));
            let field = TextEdit::singleline(text).hint_text(*hint).desired_width(150.0);
            // The last one says how many pictures are learned from.
            let applies = index + 1 < LISTS.len() || config.score.needs_labels();
            let field = ui.add_enabled(applies, field).labelled_by(label.id).on_hover_text(*about);
            match (read(config, index, text), field.has_focus()) {
                (Ok(()), _) => {}
                (Err(why), _) if applies => wrong = Some(format!("{name}: {why}")),
                (Err(_), _) => {}
            }
            ui.end_row();
        }
        let label = ui.label(style::quiet("score"));
        let combo = ComboBox::from_id_salt("score").selected_text(config.score.name()).height(360.0);
        let response = combo.show_ui(ui, |ui| {
            for score in Score::ALL {
                if score == Score::Silhouette {
                    ui.separator();
                    ui.label(style::quiet("without labels").small());
                }
                ui.selectable_value(&mut config.score, score, score.name()).on_hover_text(score.about());
            }
        });
        response.response.labelled_by(label.id).on_hover_text(config.score.about());
        ui.end_row();
        let label = ui.label(style::quiet("metric"));
        ui.add_enabled_ui(config.score.needs_labels(), |ui| {
            let combo = ComboBox::from_id_salt("metric").selected_text(config.metric.name());
            let response = combo.show_ui(ui, |ui| {
                for metric in Metric::ALL {
                    ui.selectable_value(&mut config.metric, metric, metric.name());
                }
            });
            response.response.labelled_by(label.id).on_hover_text("What is counted.");
        });
        ui.end_row();
        numbers(ui, config);
    });
    ui.checkbox(&mut config.controls, "controls")
        .on_hover_text("Raw pixels, and the same network with random weights, beside what is found.");
    wrong
}

fn numbers(ui: &mut Ui, config: &mut SweepConfig) {
    let learns = config.score.needs_labels();
    let line = |ui: &mut Ui, name: &str, about: &str, add: &mut dyn FnMut(&mut Ui) -> Response| {
        let label = ui.label(style::quiet(name));
        let applies = learns || !matches!(name, "folds" | "rounds" | "test");
        ui.add_enabled_ui(applies, |ui| add(ui).labelled_by(label.id).on_hover_text(about));
        ui.end_row();
    };
    if !learns {
        without_labels(ui, config, &line);
    }
    let about = "Parts of the pictures, each answered by what learned from the others.";
    line(ui, "folds", about, &mut |ui| number::add(ui, &mut config.folds, |field| field.range(2..=20)));
    let about = "Rounds of cross-validation for cells that may be the best; all others get one.";
    line(ui, "rounds", about, &mut |ui| number::add(ui, &mut config.repeats, |field| field.range(1..=20)));
    let about = "Noises that features are averaged over.";
    line(ui, "draws", about, &mut |ui| number::add(ui, &mut config.draws, |field| field.range(1..=64)));
    let about = "Pictures to test what is found on, evenly over the classes; 0: all that remain.";
    line(ui, "test", about, &mut |ui| {
        let mut test = config.test.unwrap_or(0);
        let response = number::add(ui, &mut test, |field| field.range(0..=1_000_000));
        config.test = (test > 0).then_some(test);
        response
    });
    let about = "Seconds after which no more cells are scored; 0: as long as it takes.";
    line(ui, "budget", about, &mut |ui| {
        let mut budget = config.budget.unwrap_or(0.0);
        let response = number::add(ui, &mut budget, |field| field.range(0.0..=1e6).suffix(" s"));
        config.budget = (budget > 0.0).then_some(budget);
        response
    });
    let about = "Of pictures chosen, folds, noise and resampling.";
    line(ui, "seed", about, &mut |ui| number::add(ui, &mut config.seed, |field| field.range(0..=9999)));
}

/// A line of the settings: its name, what it means, and the field.
type Line<'a> = &'a dyn Fn(&mut Ui, &str, &str, &mut dyn FnMut(&mut Ui) -> Response);

/// What decides a score without labels.
fn without_labels(ui: &mut Ui, config: &mut SweepConfig, line: Line<'_>) {
    let about = "Pictures at most, drawn from all.";
    line(ui, "pictures", about, &mut |ui| {
        number::add(ui, &mut config.pictures, |field| field.range(10..=100_000))
    });
    match config.score {
        Score::Silhouette => {
            let about =
                "Clusters that k-means looks for; 0: as many as there are classes, ten where there are none.";
            line(ui, "clusters", about, &mut |ui| {
                let mut clusters = config.clusters.unwrap_or(0);
                let response = number::add(ui, &mut clusters, |field| field.range(0..=1000));
                // One cluster holds everything.
                config.clusters = (clusters > 0).then_some(clusters.max(2));
                response
            });
        }
        Score::Agreement => {
            let about = "Nearest neighbours of each picture that are compared.";
            line(ui, "neighbours", about, &mut |ui| {
                number::add(ui, &mut config.neighbours, |field| field.range(1..=1000))
            });
        }
        _ => {}
    }
}

/// The lists as text.
fn texts_of(config: &SweepConfig) -> [String; 4] {
    let list = |numbers: &[usize]| numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let blocks = match &config.blocks {
        Blocks::All => "all".to_string(),
        Blocks::List(blocks) => list(blocks),
    };
    let timesteps = config.timesteps.as_deref().map_or_else(String::new, list);
    [blocks, timesteps, list(&config.pools), list(&config.shots)]
}

/// Reads list number `index` into `config`.
fn read(config: &mut SweepConfig, index: usize, text: &str) -> Result<(), String> {
    let text = text.trim();
    if index == 0 && (text.is_empty() || text == "all") {
        config.blocks = Blocks::All;
        return Ok(());
    }
    if index == 1 && text.is_empty() {
        config.timesteps = None;
        return Ok(());
    }
    let list = numbers_in(text)?;
    match index {
        0 => config.blocks = Blocks::List(list),
        1 => config.timesteps = Some(list),
        2 => config.pools = list,
        _ => config.shots = list,
    }
    Ok(())
}

/// The numbers in a list such as `10,12,15`.
pub(super) fn numbers_in(text: &str) -> Result<Vec<usize>, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let list: Result<Vec<usize>, String> =
        parts.map(|part| part.parse().map_err(|_| format!("{part:?} is no number"))).collect();
    match list {
        Ok(list) if list.is_empty() => Err("give at least one number".into()),
        list => list,
    }
}

fn begin(ui: &mut Ui, state: &State, wrong: Option<String>, actions: &mut Vec<Action>) {
    let (Some(network), Some(survey)) = (&state.network, &state.heads.survey) else { return };
    let config = &state.sweep.settings.config;
    let supply = Supply {
        pictures: survey.items.len(),
        labelled: survey.items.iter().filter(|item| item.class.is_some()).count(),
        classes: survey.classes.len(),
    };
    let cost = match wrong {
        Some(why) => Err(why),
        None => SweepCost::new(config, &network.card, supply).map_err(|error| error.to_string()),
    };
    let tokens = style::tokens(ui);
    let has_classes = survey.classes.len() > 1;
    let ready = cost.is_ok() && (has_classes || !config.score.needs_labels());
    let text = RichText::new("Begin sweep").color(tokens.on_accent);
    let button = ui.add_enabled(ready, Button::new(text).fill(tokens.accent));
    if button.on_hover_text("Scores every cell; one that was stopped goes on where it was.").clicked() {
        actions.push(Action::Sweep(SweepAction::Begin));
    }
    match cost {
        Ok(_) if !ready => {
            let why = "These pictures have no classes: choose labelled ones, or a score without labels.";
            ui.colored_label(tokens.warning, why);
        }
        Ok(cost) => {
            let time = state.gmac_per_second().map_or(String::new(), |rate| {
                format!("about {} for the table · ", duration(cost.gmac / rate))
            });
            let line = format!(
                "{} cells · {} forwards · {time}{} MB",
                thousands(cost.cells as u64),
                thousands(cost.forwards as u64),
                format_value((cost.feature_bytes as f64 / 1e6) as f32)
            );
            ui.label(style::quiet(line)).on_hover_text(match config.score.needs_labels() {
                true => {
                    "Estimated from the speed of the last forward; features seen before cost nothing. Test \
                         pictures and controls come on top."
                }
                false => {
                    "Estimated from the speed of the last forward; features seen before cost nothing. \
                         Controls come on top."
                }
            });
        }
        Err(why) => _ = ui.colored_label(tokens.error, why),
    }
    if state.sweep.interrupted.is_some() && !state.sweep.reports.is_empty() {
        let about = "A sweep was stopped before its end; it goes on where it was.";
        if ui.button("Go on with the sweep").on_hover_text(about).clicked() {
            actions.push(Action::Sweep(SweepAction::GoOn));
        }
    }
    if let Some(error) = &state.sweep.error {
        ui.colored_label(tokens.error, error.to_string());
    }
}

fn progress(ui: &mut Ui, sweep: &SweepState, actions: &mut Vec<Action>) {
    let Some(running) = &sweep.running else { return };
    let phase = match running.phase {
        SweepPhase::Read => "reading the pictures".to_string(),
        SweepPhase::First => "scoring every cell".into(),
        SweepPhase::Later(round) => format!("scoring those that may be best again, round {round}"),
        SweepPhase::Last if running.config.score.needs_labels() => {
            "testing what was found, and controls".into()
        }
        SweepPhase::Last => "controls".into(),
    };
    let paused = matches!(running.state, JobState::Paused);
    ui.label(if paused { "paused".to_string() } else { phase });
    if let JobState::Running { done, total, seconds_left, .. } = &running.state {
        if *total > 0 {
            let tokens = style::tokens(ui);
            ui.add(ProgressBar::new(*done as f32 / *total as f32).desired_height(4.0).fill(tokens.solid));
        }
        if let Some(left) = seconds_left {
            ui.label(style::quiet(format!("about {} left", duration(*left))));
        }
    }
    let counts = format!(
        "{} cells in the table · {} forwards made, {} kept",
        thousands(running.table.rows().count() as u64),
        thousands(running.forwards.computed as u64),
        thousands(running.forwards.kept as u64)
    );
    ui.label(style::quiet(counts).small());
    ui.horizontal_wrapped(|ui| {
        let mut button = |ui: &mut Ui, text: &str, about: &str, action: SweepAction| {
            if ui.button(text).on_hover_text(about).clicked() {
                actions.push(Action::Sweep(action));
            }
        };
        match paused {
            true => button(ui, "Resume", "Goes on.", SweepAction::Resume),
            false => button(ui, "Pause", "Waits until it is resumed.", SweepAction::Pause),
        }
        let about = "Scores no more cells, and tests what is best so far.";
        button(ui, "Finish now", about, SweepAction::End);
        button(
            ui,
            "Cancel",
            "Stops; the next sweep of the same settings goes on from here.",
            SweepAction::Cancel,
        );
    });
}

/// Which table is shown.
fn shown(ui: &mut Ui, sweep: &mut SweepState, table: &Table, actions: &mut Vec<Action>) {
    ui.horizontal_wrapped(|ui| {
        for (axis, name) in table.axes.iter().zip(["pool", "shots"]) {
            if axis.len() < 2 {
                continue;
            }
            ui.label(style::quiet(name));
            for &value in axis {
                let held = if name == "pool" { table.at.0 == value } else { table.at.1 == value };
                if ui.selectable_label(held, value.to_string()).clicked() {
                    match name {
                        "pool" => sweep.settings.pool = Some(value),
                        _ => sweep.settings.shots = Some(value),
                    }
                }
            }
        }
    });
    if sweep.running.is_some() {
        return;
    }
    if sweep.reports.len() > 1 {
        let names: Vec<String> = (0..sweep.reports.len()).filter_map(|back| name_of(sweep, back)).collect();
        let label = ui.label(style::quiet("sweep shown"));
        let at = sweep.settings.shown.min(names.len() - 1);
        let combo = ComboBox::from_id_salt("sweep shown").selected_text(&names[at]).truncate();
        let response = combo.show_ui(ui, |ui| {
            for (back, name) in names.iter().enumerate() {
                ui.selectable_value(&mut sweep.settings.shown, back, name);
            }
        });
        response.response.labelled_by(label.id);
        let label = ui.label(style::quiet("less that of"));
        let held = sweep.settings.against.and_then(|back| names.get(back));
        let combo = ComboBox::from_id_salt("sweep against").truncate();
        let response = combo.selected_text(held.map_or("none", String::as_str)).show_ui(ui, |ui| {
            ui.selectable_value(&mut sweep.settings.against, None, "none");
            for (back, name) in names.iter().enumerate().filter(|(back, _)| *back != at) {
                ui.selectable_value(&mut sweep.settings.against, Some(back), name);
            }
        });
        response.response.labelled_by(label.id).on_hover_text("Shows how many points each cell differs by.");
    }
    ui.horizontal_wrapped(|ui| {
        let about = "Writes the tables as CSV, everything as JSON, and the figure as PNG into a folder.";
        if ui.button("Export…").on_hover_text(about).clicked() {
            actions.push(Action::Sweep(SweepAction::Export));
        }
        if ui.button("Forget").on_hover_text("Takes this sweep out of the project.").clicked() {
            actions.push(Action::Sweep(SweepAction::Forget));
        }
    });
}

/// `fashion · ridge · 20 shots`, numbered where names are equal.
fn name_of(sweep: &SweepState, back: usize) -> Option<String> {
    let report = sweep.done(back)?;
    let shots: Vec<String> = report.settings.shots.iter().map(ToString::to_string).collect();
    let number = sweep.reports.len() - back;
    let pictures = match report.settings.score.needs_labels() {
        true => format!("{} shots", shots.join(", ")),
        false => format!("{} pictures", report.rows.first().map_or(0, |row| row.n)),
    };
    Some(format!("{number} · {} · {} · {} · {pictures}", report.data, report.network, report.settings.score))
}
