//! The settings of the engine: device, precision, threads, cache folder, maps kept.

use eframe::egui::{Button, ComboBox, Grid, TextEdit, Ui, vec2};

use super::Action;
use crate::app::settings::Draft;
use crate::app::state::State;
use crate::app::style;
use crate::app::widgets::number;
use crate::jobs::EngineOptions;
use crate::tensor::device::{DeviceChoice, compiled_in};
use crate::tensor::precision::{Precision, PrecisionChoice};

/// Megabytes of maps that can be kept.
const MAP_CACHE: std::ops::RangeInclusive<usize> = 16..=1 << 20;

/// Draws the settings.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let in_use = state.device.as_ref().map(|device| (device.name.clone(), device.precision));
    let Some(draft) = &mut state.settings else { return };
    Grid::new("settings").num_columns(2).spacing([style::SPACE_L, style::SPACE_S]).show(ui, |ui| {
        device(ui, draft, in_use.as_ref().map(|(name, _)| name.as_str()));
        ui.end_row();
        precision(ui, draft, in_use.map(|(_, precision)| precision));
        ui.end_row();
        threads(ui, draft);
        ui.end_row();
        cache(ui, draft, actions);
        ui.end_row();
        let label = ui.label(style::quiet("maps kept"));
        ui.horizontal(|ui| {
            let field = number::add(ui, &mut draft.map_cache, |field| {
                field.range(MAP_CACHE).speed(8.0).suffix(" MB")
            });
            field.labelled_by(label.id).on_hover_text(
                "Memory for feature maps, so that another block, view or step seen before costs no forward.",
            );
        });
        ui.end_row();
    });
    if let Some(why) = &draft.refused {
        ui.colored_label(style::tokens(ui).error, why);
    }
    ui.add_space(style::SPACE_S);
    ui.label(
        style::quiet("Applying reads the network again; pictures, pins and what is selected stay. The same as --device, --precision, --threads, --cache and --map-cache.")
            .small(),
    );
    ui.horizontal(|ui| {
        let tokens = style::tokens(ui);
        let text = eframe::egui::RichText::new("Apply").color(tokens.on_accent);
        if ui.add(Button::new(text).fill(tokens.accent)).clicked() {
            actions.push(Action::ApplySettings);
        }
        if ui.button("Cancel").clicked() {
            state.settings = None;
        }
        if ui.button("Defaults").clicked()
            && let Some(draft) = &mut state.settings
        {
            *draft = Draft::of(&EngineOptions::default());
        }
    });
}

fn device(ui: &mut Ui, draft: &mut Draft, in_use: Option<&str>) {
    let label = ui.label(style::quiet("device"));
    ui.horizontal(|ui| {
        let mut choices = vec![DeviceChoice::Auto, DeviceChoice::Cpu];
        choices.extend(compiled_in().iter().filter_map(|kind| kind.parse::<DeviceChoice>().ok()));
        let combo = ComboBox::from_id_salt("device").selected_text(words(draft.device));
        let response = combo.show_ui(ui, |ui| {
            for choice in choices {
                ui.selectable_value(&mut draft.device, choice, words(choice));
            }
        });
        response.response.labelled_by(label.id).on_hover_text("Where the network computes.");
        if let DeviceChoice::Cuda(index) = &mut draft.device {
            number::add(ui, index, |field| field.range(0..=63).prefix("number "));
        }
        if let Some(name) = in_use {
            ui.label(style::quiet(format!("now {name}")));
        }
    });
}

fn words(device: DeviceChoice) -> String {
    match device {
        DeviceChoice::Auto => "the best that works".into(),
        DeviceChoice::Cpu => "CPU".into(),
        DeviceChoice::Cuda(index) => format!("CUDA GPU {index}"),
        DeviceChoice::Metal => "Apple GPU".into(),
    }
}

fn precision(ui: &mut Ui, draft: &mut Draft, in_use: Option<Precision>) {
    let label = ui.label(style::quiet("precision"));
    ui.horizontal(|ui| {
        let words = |choice: PrecisionChoice| match choice {
            PrecisionChoice::Auto => "bf16 where it is faster".to_string(),
            PrecisionChoice::Of(precision) => precision.to_string(),
        };
        let combo = ComboBox::from_id_salt("precision").selected_text(words(draft.precision));
        let response = combo.show_ui(ui, |ui| {
            for choice in PrecisionChoice::ALL {
                ui.selectable_value(&mut draft.precision, choice, words(choice));
            }
        });
        response.response.labelled_by(label.id).on_hover_text(
            "What the network multiplies; sums are f32. bf16 takes half the memory for most weights and is faster where the processor has it; features differ by about 1 %.",
        );
        if let Some(precision) = in_use {
            ui.label(style::quiet(format!("now {precision}")));
        }
    });
}

fn threads(ui: &mut Ui, draft: &mut Draft) {
    let label = ui.label(style::quiet("threads"));
    ui.horizontal(|ui| {
        let all = EngineOptions { leave_a_core: true, ..EngineOptions::default() }.thread_count();
        let mut automatic = draft.threads.is_none();
        let about = "One core is left free on machines with more than two.";
        if ui.checkbox(&mut automatic, format!("as many as fit ({all})")).on_hover_text(about).changed() {
            draft.threads = (!automatic).then_some(all);
        }
        if let Some(threads) = &mut draft.threads {
            number::add(ui, threads, |field| field.range(1..=1024)).labelled_by(label.id);
        }
    });
}

fn cache(ui: &mut Ui, draft: &mut Draft, actions: &mut Vec<Action>) {
    let label = ui.label(style::quiet("cache folder"));
    ui.horizontal(|ui| {
        let button = 84.0;
        let width = (ui.available_width() - button).max(120.0);
        let field = TextEdit::singleline(&mut draft.cache).hint_text("the platform's cache folder");
        ui.add_sized(vec2(width, ui.spacing().interact_size.y), field)
            .labelled_by(label.id)
            .on_hover_text("Where converted checkpoints are kept, and networks are looked for by name.");
        if ui.button("Choose…").clicked() {
            actions.push(Action::ChooseCacheFolder);
        }
    });
}
