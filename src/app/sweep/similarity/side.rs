//! At the left: what is compared, what that takes, and how far it is.

use eframe::egui::{Button, ComboBox, Grid, ProgressBar, Response, RichText, TextEdit, Ui};

use super::state::SimilaritySettings;
use super::{SimilarityAction, wanted};
use crate::app::heads::{data_facts, data_place, duration};
use crate::app::panels::Action;
use crate::app::state::State;
use crate::app::style;
use crate::app::sweep::setup::numbers_in;
use crate::app::widgets::number;
use crate::features::extract::Blocks;
use crate::features::network::NetworkCard;
use crate::figure::ticks::thousands;
use crate::jobs::{Against, JobState};
use crate::study::measures::cka::FEWEST;
use crate::study::similarity::SimilarityConfig;
use crate::unet::embedded::EMBEDDED_NAME;

/// The lists of the settings: name, what it means, and an example.
const LISTS: [(&str, &str, &str); 3] = [
    ("blocks", "Blocks of the network: all, or a list such as 3,9,12,15.", "all"),
    ("timesteps", "Diffusion steps, such as 10,50,300: each costs a pass per picture.", "50"),
    ("its blocks", "Blocks of the other network: all, or a list.", "all"),
];

/// Draws the side.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    data_place(ui, &mut state.heads, actions);
    data_facts(ui, &mut state.heads, actions);
    ui.add_space(style::SPACE_S);
    let Some(network) = &state.network else { return };
    let card = std::sync::Arc::clone(&network.card);
    let recent: Vec<String> = state.recent_networks.iter().map(|path| path.display().to_string()).collect();
    let busy = state.sweep.similarity.running.is_some();
    let mut wrong = None;
    ui.add_enabled_ui(!busy, |ui| {
        wrong = settings(ui, state, &card, &recent, actions);
    });
    ui.add_space(style::SPACE_S);
    if busy {
        progress(ui, state, actions);
    } else {
        begin(ui, state, &card, wrong, actions);
    }
    ui.add_space(style::SPACE_S);
    ui.horizontal_wrapped(|ui| {
        let about = "Writes the tables as CSV and JSON and a figure of each comparison into a folder.";
        let ready = state.sweep.similarity.found.is_some();
        if ui.add_enabled(ready, Button::new("Export…")).on_hover_text(about).clicked() {
            actions.push(wanted(SimilarityAction::Export));
        }
        if ui.button("Copy as command").on_hover_text("The command line that compares the same.").clicked() {
            actions.push(wanted(SimilarityAction::CopyCommand));
        }
    });
}

/// Draws the settings; what is wrong with a list, if anything.
fn settings(
    ui: &mut Ui,
    state: &mut State,
    card: &NetworkCard,
    recent: &[String],
    actions: &mut Vec<Action>,
) -> Option<String> {
    let sweep = &mut state.sweep;
    let held = &mut sweep.settings.similarity;
    let before = held.config_on(card);
    let mut config = before.clone();
    // Of another network other lists are usual.
    sweep.similarity.texts.take_if(|(of, _)| *of != card.hash);
    let (_, texts) = sweep.similarity.texts.get_or_insert_with(|| (card.hash.clone(), texts_of(&config)));
    let mut wrong = None;
    Grid::new("similarity settings").num_columns(2).spacing([style::SPACE_S, style::SPACE_XS]).show(
        ui,
        |ui| {
            let mut list = |ui: &mut Ui, config: &mut SimilarityConfig, index: usize| {
                let (name, about, hint) = LISTS[index];
                let label = ui.label(style::quiet(name));
                let field = TextEdit::singleline(&mut texts[index]).hint_text(hint).desired_width(150.0);
                ui.add(field).labelled_by(label.id).on_hover_text(about);
                if let Err(why) = read(config, index, &texts[index]) {
                    wrong = Some(format!("{name}: {why}"));
                }
                ui.end_row();
            };
            list(ui, &mut config, 0);
            list(ui, &mut config, 1);
            let label = ui.label(style::quiet("compare with"));
            against(ui, held, recent, actions).labelled_by(label.id);
            ui.end_row();
            if held.against.is_some() {
                list(ui, &mut config, 2);
            }
            numbers(ui, &mut config);
        },
    );
    if config != before {
        held.config = Some(config);
    }
    wrong
}

fn against(
    ui: &mut Ui,
    held: &mut SimilaritySettings,
    recent: &[String],
    actions: &mut Vec<Action>,
) -> Response {
    let short = |name: &str| {
        let path = std::path::Path::new(name);
        path.file_name().map_or_else(|| name.to_string(), |name| name.to_string_lossy().into_owned())
    };
    let chosen = match held.against.as_deref() {
        None => "none".to_string(),
        Some(Against::RANDOM) => "random weights".into(),
        Some(name) => short(name),
    };
    let combo = ComboBox::from_id_salt("similarity against").selected_text(chosen).width(150.0).truncate();
    let shown = combo.show_ui(ui, |ui| {
        ui.selectable_value(&mut held.against, None, "none");
        let about = "The same network with random weights: a control.";
        ui.selectable_value(&mut held.against, Some(Against::RANDOM.into()), "random weights")
            .on_hover_text(about);
        ui.selectable_value(&mut held.against, Some(EMBEDDED_NAME.into()), EMBEDDED_NAME);
        for name in recent {
            ui.selectable_value(&mut held.against, Some(name.clone()), short(name)).on_hover_text(name);
        }
        if ui.selectable_label(false, "another network…").clicked() {
            actions.push(wanted(SimilarityAction::ChooseNetwork));
        }
    });
    shown.response.on_hover_text("Blocks of another network beside those of this one.")
}

fn numbers(ui: &mut Ui, config: &mut SimilarityConfig) {
    let line = |ui: &mut Ui, name: &str, about: &str, add: &mut dyn FnMut(&mut Ui) -> Response| {
        let label = ui.label(style::quiet(name));
        add(ui).labelled_by(label.id).on_hover_text(about);
        ui.end_row();
    };
    let about = "Side that maps are pooled to; 0: whole maps.";
    line(ui, "pool", about, &mut |ui| {
        let mut pool = config.pool.unwrap_or(0);
        let response = number::add(ui, &mut pool, |field| field.range(0..=64));
        config.pool = (pool > 0).then_some(pool);
        response
    });
    let about = "Pictures at most, drawn from all.";
    line(ui, "pictures", about, &mut |ui| {
        number::add(ui, &mut config.pictures, |field| field.range(FEWEST..=1_000_000))
    });
    let about = "Pictures of a minibatch; similarities are means over minibatches.";
    line(ui, "minibatch", about, &mut |ui| {
        number::add(ui, &mut config.batch, |field| field.range(2 * FEWEST..=1024))
    });
    let about = "Noises that features are averaged over.";
    line(ui, "draws", about, &mut |ui| number::add(ui, &mut config.draws, |field| field.range(1..=64)));
    let about = "Of pictures chosen, minibatches and noise.";
    line(ui, "seed", about, &mut |ui| number::add(ui, &mut config.seed, |field| field.range(0..=9999)));
}

/// The lists as text.
fn texts_of(config: &SimilarityConfig) -> [String; 3] {
    let list = |numbers: &[usize]| numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let blocks = |blocks: &Blocks| match blocks {
        Blocks::All => "all".to_string(),
        Blocks::List(blocks) => list(blocks),
    };
    [blocks(&config.blocks), list(&config.timesteps), blocks(&config.against_blocks)]
}

/// Reads list number `index` into `config`.
fn read(config: &mut SimilarityConfig, index: usize, text: &str) -> Result<(), String> {
    let blocks = |text: &str| match text.trim() {
        "" | "all" => Ok(Blocks::All),
        text => numbers_in(text).map(Blocks::List),
    };
    match index {
        0 => config.blocks = blocks(text)?,
        1 => config.timesteps = numbers_in(text)?,
        _ => config.against_blocks = blocks(text)?,
    }
    Ok(())
}

fn begin(ui: &mut Ui, state: &State, card: &NetworkCard, wrong: Option<String>, actions: &mut Vec<Action>) {
    let Some(survey) = &state.heads.survey else { return };
    let held = &state.sweep.settings.similarity;
    let config = held.config_on(card);
    let tokens = style::tokens(ui);
    let cost = match wrong {
        Some(why) => Err(why),
        // Of another network only the engine knows more.
        None if held.against.is_some() => Ok(()),
        None => config.validate(card, None).map_err(|error| error.to_string()),
    }
    .and_then(|()| {
        let count = survey.items.len().min(config.pictures);
        config.cost(&card.blocks, &config.blocks, count).map_err(|error| error.to_string())
    });
    let text = RichText::new("Compare").color(tokens.on_accent);
    let button = ui.add_enabled(cost.is_ok(), Button::new(text).fill(tokens.accent));
    if button.on_hover_text("Compares blocks with blocks, timesteps with timesteps.").clicked() {
        actions.push(wanted(SimilarityAction::Begin));
    }
    match cost {
        Ok((forwards, gmac)) => {
            let time = state
                .gmac_per_second()
                .map_or(String::new(), |rate| format!(" · about {}", duration(gmac / rate)));
            let other = if held.against.is_some() { " of this network" } else { "" };
            let line = format!("{} forwards{other}{time}", thousands(forwards as u64));
            ui.label(style::quiet(line)).on_hover_text("Estimated from the speed of the last forward.");
        }
        Err(why) => _ = ui.colored_label(tokens.error, why),
    }
    if let Some(error) = &state.sweep.similarity.error {
        ui.colored_label(tokens.error, error.to_string());
    }
}

fn progress(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let Some((_, job)) = &state.sweep.similarity.running else { return };
    ui.label("comparing blocks");
    if let JobState::Running { done, total, seconds_left, .. } = job {
        if *total > 0 {
            let tokens = style::tokens(ui);
            ui.add(ProgressBar::new(*done as f32 / *total as f32).desired_height(4.0).fill(tokens.solid));
        }
        if let Some(left) = seconds_left {
            ui.label(style::quiet(format!("about {} left", duration(*left))));
        }
    }
    if ui.button("Cancel").on_hover_text("Stops; what was found before stays.").clicked() {
        actions.push(wanted(SimilarityAction::Cancel));
    }
}
