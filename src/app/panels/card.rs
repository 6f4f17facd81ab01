//! Small windows over the panels: the network's card, recent networks, skipped files.

use eframe::egui::{Button, ComboBox, Context, Grid, ScrollArea, Ui, Window};

use super::Action;
use super::network::in_millions;
use crate::app::command::Command;
use crate::app::state::State;
use crate::app::style;
use crate::features::network::NetworkCard;
use crate::unet::presets::presets;

/// Draws those that are open.
pub fn windows(ctx: &Context, state: &mut State, actions: &mut Vec<Action>) {
    if let Some(network) = &state.network {
        let mut open = state.card_open;
        let preset = state.preset_argument.as_deref();
        window(ctx, "Network card", &mut open, |ui| {
            card(ui, &network.card);
            read_as(ui, &network.card, preset, actions);
        });
        state.card_open = open;
    }
    if state.settings.is_some() {
        let mut open = true;
        window(ctx, "Settings", &mut open, |ui| super::settings::show(ui, state, actions));
        if !open {
            state.settings = None;
        }
    }
    let mut open = state.recent_open;
    window(ctx, "Recent networks", &mut open, |ui| recent(ui, state, actions));
    state.recent_open = open && state.recent_open;
    let mut open = state.skipped_open;
    let mut clear = false;
    window(ctx, "Without a picture", &mut open, |ui| clear = skipped(ui, state));
    state.skipped_open = open;
    if clear {
        state.library.skipped.clear();
        state.skipped_open = false;
    }
}

fn window(ctx: &Context, title: &str, open: &mut bool, contents: impl FnOnce(&mut Ui)) {
    let width = 520.0f32.min(ctx.content_rect().width() - 2.0 * style::SPACE_XL);
    let height = ctx.content_rect().height() - 6.0 * style::SPACE_XL;
    Window::new(title)
        .open(open)
        .collapsible(false)
        .resizable(false)
        .default_width(width)
        .anchor(eframe::egui::Align2::CENTER_CENTER, [0.0, 0.0])
        .show(ctx, |ui| {
            ui.set_width(width);
            ScrollArea::vertical().max_height(height).auto_shrink([false, true]).show(ui, contents);
        });
}

fn card(ui: &mut Ui, card: &NetworkCard) {
    let config = &card.config;
    let author = config.card.clone().unwrap_or_default();
    let size = format!("{0}×{0}", config.image_size);
    let classes = config.num_classes.map_or("none".to_string(), |count| count.to_string());
    let schedule = format!("{:?}, {} steps", config.noise_schedule, config.diffusion_steps).to_lowercase();
    let file =
        card.path.as_ref().map_or("embedded in the program".to_string(), |path| path.display().to_string());
    let rows = [
        ("name", card.name.clone()),
        ("file", file),
        ("input", format!("{size} pixels, {:?} preprocessing", config.preprocess).to_lowercase()),
        ("size", format!("{}, {} blocks", in_millions(card.parameters), card.blocks.len())),
        ("cost", format!("{} GMAC a pass", crate::figure::ticks::format_value(card.full_gmac as f32))),
        ("schedule", schedule),
        ("classes", classes),
        ("trained on", author.data),
        ("training", author.training),
        ("licence", card.licence().to_string()),
        ("meant for", author.intended_use),
        ("published", author.source),
        ("configuration", card.config_source.clone()),
        ("stored as", card.stored_as.clone()),
        ("network hash", card.hash.clone()),
        ("file hash", card.file_hash.clone()),
    ];
    Grid::new("network card").num_columns(2).spacing([style::SPACE_L, style::SPACE_XS]).show(ui, |ui| {
        for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
            ui.label(style::quiet(*name));
            ui.add(eframe::egui::Label::new(value).wrap());
            ui.end_row();
        }
    });
    list(ui, "Assumed, because the file does not say", &card.assumed);
    list(ui, "Notes", &card.notes);
}

/// A choice of the published network that the file is, where the program may have assumed wrongly.
fn read_as(ui: &mut Ui, card: &NetworkCard, chosen: Option<&str>, actions: &mut Vec<Action>) {
    let Some(path) = &card.path else { return };
    ui.add_space(style::SPACE_S);
    ui.horizontal(|ui| {
        let label = ui.label(style::quiet("read as"));
        let combo = ComboBox::from_id_salt("preset").selected_text(chosen.unwrap_or("what the file says"));
        let response = combo.show_ui(ui, |ui| {
            for preset in presets() {
                let text = ui.selectable_label(chosen == Some(preset.name), preset.name);
                if text.on_hover_text(preset.title).clicked() {
                    actions.push(Action::OpenNetwork(path.clone(), Some(preset.name.to_string())));
                }
            }
        });
        response.response.labelled_by(label.id).on_hover_text(
            "Which published network this file is: head count, attention order and schedule cannot be read from it.",
        );
    });
}

fn list(ui: &mut Ui, title: &str, sentences: &[String]) {
    if sentences.is_empty() {
        return;
    }
    ui.add_space(style::SPACE_S);
    ui.label(style::quiet(title));
    for sentence in sentences {
        ui.label(format!("· {sentence}"));
    }
}

fn recent(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    if ui.button("Embedded network").on_hover_text(Command::UseEmbeddedNetwork.tooltip()).clicked() {
        actions.push(Action::Do(Command::UseEmbeddedNetwork));
        actions.push(Action::Do(Command::RecentNetworks));
    }
    for path in &state.recent_networks {
        let name = path
            .file_name()
            .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
        let there = path.is_file();
        let button = ui.add_enabled(there, Button::new(name));
        let button =
            button.on_hover_text(path.display().to_string()).on_disabled_hover_text("This file is gone.");
        if button.clicked() {
            actions.push(Action::OpenNetwork(path.clone(), None));
        }
    }
    if ui.button("Open network…").on_hover_text(Command::OpenNetwork.tooltip()).clicked() {
        actions.push(Action::Do(Command::OpenNetwork));
        actions.push(Action::Do(Command::RecentNetworks));
    }
}

fn skipped(ui: &mut Ui, state: &State) -> bool {
    let clear = ui.button("Clear list").clicked();
    let height = ui.text_style_height(&eframe::egui::TextStyle::Body);
    ScrollArea::both().auto_shrink([false, true]).show_rows(
        ui,
        height,
        state.library.skipped.len(),
        |ui, rows| {
            for skipped in state.library.skipped.get(rows).unwrap_or(&[]) {
                let text = format!("{}: {}", skipped.path.display(), skipped.why);
                ui.add(eframe::egui::Label::new(text).extend());
            }
        },
    );
    clear
}
