//! Under the classes: which pictures, which features, and what leaves the window.

use eframe::egui::accesskit::Role;
use eframe::egui::{Grid, Key, ProgressBar, TextEdit, Ui, WidgetInfo};

use super::act::LabelAction;
use super::state::{LabelState, Open};
use crate::app::heads::duration;
use crate::app::panels::Action;
use crate::app::state::State;
use crate::app::widgets::number;
use crate::app::{icons, style};
use crate::figure::ticks::thousands;
use crate::jobs::JobState;
use crate::study::label::LabelFeatures;

/// Draws it.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    pictures(ui, &mut state.label, actions);
    ui.add_space(style::SPACE_S);
    features(ui, state, actions);
    ui.add_space(style::SPACE_S);
    settings(ui, &mut state.label, actions);
    ui.add_space(style::SPACE_S);
    super::larger::show(ui, &mut state.label, actions);
    ui.add_space(style::SPACE_S);
    super::keep::show(ui, &mut state.label, actions);
}

fn pictures(ui: &mut Ui, label: &mut LabelState, actions: &mut Vec<Action>) {
    style::heading(ui, "Pictures");
    ui.horizontal(|ui| {
        let buttons = 2.0 * (ui.spacing().interact_size.x + style::SPACE_XS);
        let field =
            TextEdit::singleline(&mut label.text).desired_width((ui.available_width() - buttons).max(60.0));
        let field = ui.add(field);
        field.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Pictures to label"));
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let text = label.text.trim();
        if entered && !text.is_empty() {
            actions.push(Action::Label(LabelAction::Open(text.into())));
        }
        for (icon, name, action) in [
            (icons::FOLDER_OPEN, "Choose folder to label", LabelAction::ChooseFolder),
            (icons::FILE_CSV, "Choose file to label", LabelAction::ChooseFile),
        ] {
            let button = ui.button(icon).on_hover_text(name);
            button.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
            if button.clicked() {
                actions.push(Action::Label(action));
            }
        }
    });
    let Some(open) = &label.open else { return };
    let given = open.session.opened().pictures.iter().filter(|picture| picture.given.is_some()).count();
    if given > 0 {
        let text = format!("Take {} labels of the data set", thousands(given as u64));
        let about = "Labels pictures without a label as their folder, table or file says.";
        if ui.button(text).on_hover_text(about).clicked() {
            actions.push(Action::Label(LabelAction::TakeGiven));
        }
    }
}

fn features(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    style::heading(ui, "Features");
    let selection = state.selection();
    let best = state.sweep.report().and_then(|report| report.answers.last().map(|answer| answer.best));
    let Some(network) = &state.network else { return };
    let label = &mut state.label;
    let Some(open) = &label.open else { return };
    let held = open.session.settings().features.clone().unwrap_or_else(|| LabelFeatures::of(&network.card));
    let texts = label.texts.get_or_insert_with(|| texts_of(&held));
    let mut changed = false;
    Grid::new("label features").num_columns(2).spacing([style::SPACE_S, style::SPACE_XS]).show(ui, |ui| {
        let names = [
            (
                "blocks",
                "Blocks whose pooled features are used, such as 12 or 9,12; several stand side by side.",
            ),
            ("timesteps", "Diffusion steps, such as 50 or 50,150; several stand side by side."),
            ("pool", "The side that maps are pooled to."),
            ("draws", "Noises that features are averaged over."),
        ];
        for ((name, about), text) in names.into_iter().zip(texts.iter_mut()) {
            let label = ui.label(style::quiet(name));
            let field = ui.add(TextEdit::singleline(text).desired_width(110.0));
            changed |= field.labelled_by(label.id).on_hover_text(about).lost_focus();
            ui.end_row();
        }
    });
    let mut wanted = None;
    ui.horizontal_wrapped(|ui| {
        if let Some(selection) = selection {
            let text = format!("b {} · t {}", selection.block, selection.timestep);
            let about = "Uses the block and timestep chosen in the other work spaces.";
            if ui.button(text).on_hover_text(about).clicked() {
                let (blocks, timesteps) = (vec![selection.block], vec![selection.timestep]);
                wanted = Some(LabelFeatures { blocks, timesteps, ..held.clone() });
            }
        }
        if let Some(best) = best {
            let text = format!("sweep: b {} · t {}", best.block, best.timestep);
            if ui.button(text).on_hover_text("Uses the best cell of the sweep.").clicked() {
                let (blocks, timesteps, pool) = (vec![best.block], vec![best.timestep], best.pool);
                wanted = Some(LabelFeatures { blocks, timesteps, pool, ..held.clone() });
            }
        }
    });
    let read = read(texts, &held).and_then(|features| {
        features.check(&network.card).map_err(|error| error.to_string())?;
        Ok(features)
    });
    match read {
        Err(why) => _ = ui.colored_label(style::tokens(ui).error, why),
        Ok(features) if changed && features != held => wanted = Some(features),
        Ok(_) => {}
    }
    progress(ui, open, actions);
    if let Some(features) = wanted {
        label.texts = Some(texts_of(&features));
        actions.push(Action::Label(LabelAction::UseFeatures(features)));
    }
}

/// How far the features are.
fn progress(ui: &mut Ui, open: &Open, actions: &mut Vec<Action>) {
    let pictures = open.session.opened().pictures.len();
    let line = format!("{} of {} pictures", thousands(open.now.ready as u64), thousands(pictures as u64));
    ui.label(style::quiet(line)).on_hover_text(format!(
        "Pictures with features: suggestions are made for these. The last label took {:.0} ms.",
        open.now.refit_ms
    ));
    if let Some((_, how)) = &open.features {
        ui.horizontal(|ui| {
            let mut act = |action| actions.push(Action::Label(action));
            match how {
                JobState::Paused => {
                    if ui.button("Resume").on_hover_text("Goes on with the features.").clicked() {
                        act(LabelAction::ResumeFeatures);
                    }
                }
                _ => {
                    if ui.button("Pause").on_hover_text("Waits with the features.").clicked() {
                        act(LabelAction::PauseFeatures);
                    }
                }
            }
            if let JobState::Running { done, total, seconds_left, .. } = how
                && *total > 0
            {
                let fill = style::tokens(ui).solid;
                let bar = ProgressBar::new(*done as f32 / *total as f32).desired_height(4.0).fill(fill);
                ui.add(bar.desired_width(72.0));
                if let Some(left) = seconds_left {
                    ui.label(style::quiet(format!("{} left", duration(*left))).small());
                }
            }
        });
    }
    if !open.now.failed.is_empty() {
        let list: Vec<String> = open
            .now
            .failed
            .iter()
            .take(12)
            .map(|(picture, why)| {
                let name =
                    open.session.opened().pictures.get(*picture).map_or("", |picture| picture.name.as_str());
                format!("{name}: {why}")
            })
            .collect();
        let text = format!("{} {} without features", icons::WARNING, open.now.failed.len());
        ui.colored_label(style::tokens(ui).warning, text).on_hover_text(list.join("\n"));
    }
    if let Some(error) = &open.now.error {
        ui.colored_label(style::tokens(ui).error, error);
    }
}

/// What the user may set of a session.
fn settings(ui: &mut Ui, label: &mut LabelState, actions: &mut Vec<Action>) {
    let Some(open) = &mut label.open else { return };
    let mut settings = open.session.settings().clone();
    let before = settings.clone();
    Grid::new("label settings").num_columns(2).spacing([style::SPACE_S, style::SPACE_XS]).show(ui, |ui| {
        let label = ui.label(style::quiet("target"));
        let mut percent = (100.0 * settings.target).round() as u32;
        let field = number::add(ui, &mut percent, |field| field.range(50..=100).suffix(" %"));
        field.labelled_by(label.id).on_hover_text("The share of right suggestions that the forecast is for.");
        if percent != (100.0 * settings.target).round() as u32 {
            settings.target = f64::from(percent) / 100.0;
        }
        ui.end_row();
        let label = ui.label(style::quiet("ask after"));
        let field =
            number::add(ui, &mut open.view.ask_every, |field| field.range(0..=1000).suffix(" labels"));
        field.labelled_by(label.id).on_hover_text(
            "After so many labels a picture by chance is asked about; 0: only when you say so.",
        );
        ui.end_row();
        let label = ui.label(style::quiet("size"));
        let field = number::add(ui, &mut open.view.side, |field| field.range(48.0..=320.0).suffix(" pt"));
        field.labelled_by(label.id).on_hover_text("The side of small pictures.");
        ui.end_row();
        let label = ui.label(style::quiet("seed"));
        let field = number::add(ui, &mut settings.seed, |field| field.range(0..=9999));
        field.labelled_by(label.id).on_hover_text("Of orders, of pictures by chance and of clusters.");
        ui.end_row();
    });
    if settings != before {
        actions.push(Action::Label(LabelAction::Set(settings)));
    }
}

/// The features as text.
fn texts_of(features: &LabelFeatures) -> [String; 4] {
    let list = |numbers: &[usize]| numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    [list(&features.blocks), list(&features.timesteps), features.pool.to_string(), features.draws.to_string()]
}

/// The features that were typed.
fn read(texts: &[String; 4], held: &LabelFeatures) -> Result<LabelFeatures, String> {
    let number =
        |text: &str| text.trim().parse::<usize>().map_err(|_| format!("{:?} is no number", text.trim()));
    let list = |text: &str| -> Result<Vec<usize>, String> {
        text.split(',').filter(|part| !part.trim().is_empty()).map(number).collect()
    };
    let [blocks, timesteps, pool, draws] = texts;
    let draws = u32::try_from(number(draws)?).map_err(|_| "so many draws are not possible".to_string())?;
    Ok(LabelFeatures {
        blocks: list(blocks)?,
        timesteps: list(timesteps)?,
        pool: number(pool)?,
        draws,
        ..held.clone()
    })
}
