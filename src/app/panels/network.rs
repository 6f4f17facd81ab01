//! The network as a U, each block a button.

use eframe::egui::{Label, RichText, Ui};

use super::{Action, icon_button};
use crate::app::command::Command;
use crate::app::state::State;
use crate::app::widgets::network_diagram::NetworkDiagram;
use crate::app::widgets::states;
use crate::app::{icons, style};

/// Draws the panel.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        icon_button(ui, icons::FOLDER_OPEN, Command::OpenNetwork, actions);
        icon_button(ui, icons::CLOCK_COUNTER_CLOCKWISE, Command::RecentNetworks, actions);
        icon_button(ui, icons::INFO, Command::NetworkCard, actions);
        if let Some(network) = &state.network {
            let text = format!("{} · {}", network.card.name, in_millions(network.card.parameters));
            ui.add(Label::new(text).truncate())
                .on_hover_text("Name and number of parameters; the card has the rest.");
        }
    });
    let (Some(network), Some(selection)) = (&state.network, state.selection()) else {
        match &state.network_error {
            Some(error) => {
                if states::failed(ui, "No network is open", &error.to_string(), Some("Open network…")) {
                    actions.push(Action::Do(Command::OpenNetwork));
                }
            }
            None => {
                _ = states::working(
                    ui,
                    &states::Working { what: "Opening the network", ..Default::default() },
                )
            }
        }
        return;
    };
    if let Some(info) = network.card.block(selection.block) {
        let share = 100.0 * info.cumulative_gmac / network.card.full_gmac;
        let text = format!("b {} · {} · {} · {share:.0} % of a pass", info.block, info.place(), info.shape());
        ui.add(Label::new(RichText::new(text).small()).truncate()).on_hover_text(format!(
            "{}: {} parameters, {} GMAC by itself, {} to reach it.",
            info.name,
            info.parameters,
            crate::figure::ticks::format_value(info.gmac as f32),
            crate::figure::ticks::format_value(info.cumulative_gmac as f32),
        ));
    }
    if state.hints.network {
        ui.label(style::quiet("pick a block, or walk with the up and down keys").small());
    }
    let computed = |block: usize| block <= state.current.computed;
    let diagram =
        NetworkDiagram::new(&network.card.blocks, network.card.full_gmac, selection.block, &computed);
    if let Some(block) = diagram.show(ui) {
        actions.push(Action::SelectBlock(block));
    }
}

/// `4.43 M parameters`.
pub fn in_millions(parameters: usize) -> String {
    format!("{} M parameters", crate::figure::ticks::format_value(parameters as f32 / 1e6))
}
