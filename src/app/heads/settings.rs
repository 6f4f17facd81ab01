//! Every setting of a head and of its training, with what it means.

use eframe::egui::{ComboBox, Grid, TextEdit, Ui};

use super::act::HeadsAction;
use super::state::Card;
use crate::app::panels::Action;
use crate::app::style;
use crate::app::widgets::number;
use crate::heads::{Backbone, FeedbackArch, HeadKind, NormKind};
use crate::study::table::Features;
use crate::train::{LearningRate, OptimiserKind, Recipe};

/// Draws the settings.
pub fn show(ui: &mut Ui, card: &mut Card, backbone: &Backbone, actions: &mut Vec<Action>) {
    let id = card.id;
    Grid::new(("head settings", id)).num_columns(2).spacing([style::SPACE_M, style::SPACE_XS]).show(
        ui,
        |ui| {
            recipe(ui, card, actions);
            if card.training.features != Features::RawPixels {
                reads(ui, card, backbone);
            }
            head(ui, card);
            if !card.training.head.kind.is_instant() {
                training(ui, card);
            }
            whole(ui, "draws", "Noises that each answer is averaged over.", |ui| {
                number::add(ui, &mut card.training.draws, |field| field.range(1..=64))
            });
        },
    );
}

/// A row: name, field, tooltip on both.
fn whole(ui: &mut Ui, name: &str, about: &str, add: impl FnOnce(&mut Ui) -> eframe::egui::Response) {
    let label = ui.label(style::quiet(name)).on_hover_text(about);
    add(ui).labelled_by(label.id).on_hover_text(about);
    ui.end_row();
}

fn recipe(ui: &mut Ui, card: &mut Card, actions: &mut Vec<Action>) {
    let (id, held) = (card.id, card.training.train.recipe);
    let about = "Where the settings begin: the paper's, or those for a handful of pictures per class.";
    whole(ui, "recipe", about, |ui| {
        let combo = ComboBox::from_id_salt(("recipe", id)).selected_text(held.name());
        let shown = combo.show_ui(ui, |ui| {
            for recipe in [Recipe::FewShot, Recipe::Paper] {
                if ui.selectable_label(held == recipe, recipe.name()).clicked() {
                    actions.push(Action::Heads(HeadsAction::UseRecipe(id, recipe)));
                }
            }
        });
        shown.response
    });
}

/// A field for numbers with commas; what cannot be read stays as it was.
fn list(ui: &mut Ui, key: impl eframe::egui::AsIdSalt, numbers: &mut Vec<usize>) -> eframe::egui::Response {
    let key = ui.scope_id().with(key);
    let shown = || numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let mut text: String = ui.data(|data| data.get_temp(key)).unwrap_or_else(shown);
    let field = ui.add(TextEdit::singleline(&mut text).desired_width(140.0));
    if field.lost_focus() {
        ui.data_mut(|data| data.remove_temp::<String>(key));
        let read: Result<Vec<usize>, _> =
            text.split([',', ' ']).filter(|part| !part.is_empty()).map(str::parse).collect();
        if let Ok(read) = read {
            *numbers = read;
        }
    } else if field.has_focus() {
        ui.data_mut(|data| data.insert_temp(key, text));
    }
    field
}

fn reads(ui: &mut Ui, card: &mut Card, backbone: &Backbone) {
    let (id, head) = (card.id, &mut card.training.head);
    let last = backbone.config.diffusion_steps - 1;
    whole(ui, "t", &format!("Timesteps that features are read at, 0 to {last}."), |ui| {
        list(ui, ("t", id), &mut head.timesteps)
    });
    let blocks = format!("Blocks of {} that are read, 1 to {}.", backbone.name, backbone.block_count());
    whole(ui, "blocks", &blocks, |ui| list(ui, ("blocks", id), &mut head.blocks));
    if head.kind == HeadKind::DifFeed {
        let about = "Blocks that are read in the second pass.";
        whole(ui, "second pass", about, |ui| list(ui, ("second", id), &mut head.second));
        let about = "Decoder blocks whose features are fed back to the encoder, ascending.";
        whole(ui, "feedback", about, |ui| list(ui, ("feedback", id), &mut head.feedback));
        let about = "What stands between a decoder block and the encoder block that it is fed to.";
        whole(ui, "feedback layer", about, |ui| {
            let words = |arch: FeedbackArch| match arch {
                FeedbackArch::ConvNormRelu => "C_B_R",
                FeedbackArch::ConvNormReluConv => "C_B_R_C",
            };
            let combo = ComboBox::from_id_salt(("arch", id)).selected_text(words(head.feedback_arch));
            let shown = combo.show_ui(ui, |ui| {
                for arch in [FeedbackArch::ConvNormRelu, FeedbackArch::ConvNormReluConv] {
                    ui.selectable_value(&mut head.feedback_arch, arch, words(arch));
                }
            });
            shown.response
        });
    }
}

fn head(ui: &mut Ui, card: &mut Card) {
    let (id, head) = (card.id, &mut card.training.head);
    whole(ui, "pool", "Maps are averaged to p×p places before they are read.", |ui| {
        number::add(ui, &mut head.pool, |field| field.range(1..=256))
    });
    if head.kind == HeadKind::Mlp {
        let about = "Widths of the hidden layers.";
        whole(ui, "hidden", about, |ui| list(ui, ("hidden", id), &mut head.hidden));
    }
    if !head.kind.attends() {
        return;
    }
    let about = "The norm over each map before the transformer: of the whole map, or of each channel over the pictures.";
    whole(ui, "norm", about, |ui| {
        let words = |norm: NormKind| match norm {
            NormKind::Layer => "LayerNorm",
            NormKind::Batch => "BatchNorm",
        };
        let shown = ComboBox::from_id_salt(("norm", id)).selected_text(words(head.norm)).show_ui(ui, |ui| {
            for norm in [NormKind::Layer, NormKind::Batch] {
                ui.selectable_value(&mut head.norm, norm, words(norm));
            }
        });
        shown.response
    });
    whole(ui, "width", "Numbers that each token of the transformer has.", |ui| {
        number::add(ui, &mut head.width, |field| field.range(1..=16384))
    });
    whole(ui, "attention heads", "Into how many parts the width is divided; it must divide evenly.", |ui| {
        number::add(ui, &mut head.heads, |field| field.range(1..=256))
    });
    whole(ui, "layers", "Blocks of the transformer.", |ui| {
        number::add(ui, &mut head.layers, |field| field.range(1..=64))
    });
    whole(ui, "MLP ratio", "Hidden width of the transformer's MLPs over its width.", |ui| {
        number::add(ui, &mut head.mlp_ratio, |field| field.range(1..=64))
    });
}

fn training(ui: &mut Ui, card: &mut Card) {
    let (id, train) = (card.id, &mut card.training.train);
    whole(ui, "optimiser", "What moves the parameters.", |ui| {
        let words = |kind: OptimiserKind| match kind {
            OptimiserKind::Sgd => "SGD",
            OptimiserKind::AdamW => "AdamW",
        };
        let combo = ComboBox::from_id_salt(("optimiser", id)).selected_text(words(train.optimiser));
        let shown = combo.show_ui(ui, |ui| {
            for kind in [OptimiserKind::AdamW, OptimiserKind::Sgd] {
                ui.selectable_value(&mut train.optimiser, kind, words(kind));
            }
        });
        shown.response
    });
    whole(ui, "learning rate", "How far each step goes at first.", |ui| {
        number::add(ui, &mut train.learning_rate, |field| {
            field.range(1e-7..=10.0).speed(1e-4).max_decimals(7)
        })
    });
    schedule(ui, id, &mut train.schedule);
    if train.optimiser == OptimiserKind::AdamW {
        whole(ui, "weight decay", "How strongly parameters are drawn to zero.", |ui| {
            number::add(ui, &mut train.weight_decay, |field| field.range(0.0..=10.0).speed(0.01))
        });
    }
    whole(ui, "epochs", "Passes over the training pictures at most.", |ui| {
        number::add(ui, &mut train.epochs, |field| field.range(1..=100_000))
    });
    whole(ui, "batch", "Pictures in a step.", |ui| {
        number::add(ui, &mut train.batch, |field| field.range(1..=65_536))
    });
    let about = "Epochs without progress after which training stops; 0 trains to the last one.";
    whole(ui, "patience", about, |ui| number::add(ui, &mut train.patience, |field| field.range(0..=10_000)));
    whole(
        ui,
        "views",
        "Versions of every picture: the first as it is, the others flipped, cropped, noised anew.",
        |ui| number::add(ui, &mut train.views, |field| field.range(1..=256)),
    );
    whole(
        ui,
        "smallest crop",
        "Side of the smallest crop over that of the picture; 1 crops nothing.",
        |ui| number::add(ui, &mut train.crop, |field| field.range(0.1..=1.0).speed(0.01)),
    );
    whole(ui, "flip", "Versions may be mirrored.", |ui| ui.checkbox(&mut train.flip, ""));
    whole(ui, "balanced", "Every class weighs the same, however many pictures it has.", |ui| {
        ui.checkbox(&mut train.balanced, "")
    });
    whole(ui, "label smoothing", "Share of each target that is spread evenly over all classes.", |ui| {
        number::add(ui, &mut train.label_smoothing, |field| field.range(0.0..=0.9).speed(0.01))
    });
    if !card.training.head.kind.attends() {
        let about = "Every number of a row is brought to mean 0 and variance 1 while the head learns.";
        whole(ui, "standardise", about, |ui| ui.checkbox(&mut train.standardise, ""));
    }
    let states = &mut card.training.states;
    whole(ui, "states kept", "States of the head kept on the way, to look at how it learned.", |ui| {
        number::add(ui, states, |field| field.range(0..=64))
    });
}

fn schedule(ui: &mut Ui, id: u64, schedule: &mut LearningRate) {
    whole(ui, "schedule", "How the learning rate changes with the epochs.", |ui| {
        let words = match schedule {
            LearningRate::Constant => "constant",
            LearningRate::Step { .. } => "in steps",
            LearningRate::Cosine => "cosine",
        };
        let shown = ComboBox::from_id_salt(("schedule", id)).selected_text(words).show_ui(ui, |ui| {
            let steps = LearningRate::Step { every: 7, factor: 0.1 };
            for (text, to) in
                [("constant", LearningRate::Constant), ("in steps", steps), ("cosine", LearningRate::Cosine)]
            {
                if ui.selectable_label(words == text, text).clicked() {
                    *schedule = to;
                }
            }
        });
        shown.response
    });
    if let LearningRate::Step { every, factor } = schedule {
        whole(ui, "every", "Epochs after which the rate falls.", |ui| {
            number::add(ui, every, |field| field.range(1..=10_000))
        });
        whole(ui, "factor", "What the rate is multiplied by then.", |ui| {
            number::add(ui, factor, |field| field.range(0.001..=1.0).speed(0.01))
        });
    }
}
