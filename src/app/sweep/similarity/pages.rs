//! The pages of the work space.

use eframe::egui::{Frame, Margin, Panel, Ui};
use serde::{Deserialize, Serialize};

use crate::app::style;

/// A page of the work space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Page {
    /// The table of blocks and timesteps.
    #[default]
    Table,
    /// How alike blocks, timesteps and networks are.
    Similarity,
}

/// Draws the line of pages.
pub fn pages(ui: &mut Ui, page: &mut Page) {
    let margin = Margin::symmetric(style::SPACE_M as i8, style::SPACE_XS as i8);
    let frame = Frame::new().fill(ui.visuals().panel_fill).inner_margin(margin);
    Panel::top("sweep pages").frame(frame).show(ui, |ui| {
        ui.horizontal(|ui| {
            let all = [
                (Page::Table, "table", "Every block and timestep with its score."),
                (Page::Similarity, "similarity", "How alike blocks, timesteps and networks are."),
            ];
            for (value, name, about) in all {
                ui.selectable_value(page, value, name).on_hover_text(about);
            }
        });
    });
}
