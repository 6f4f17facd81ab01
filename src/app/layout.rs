//! Where the panels are: dockable, and put back by one command.

use eframe::egui::{Color32, Id, Stroke, Style, Ui, Visuals, WidgetText};
use egui_tiles::{
    Behavior, Container, Linear, LinearDir, ResizeState, SimplificationOptions, TabState, Tile, TileId,
    Tiles, Tree, UiResponse,
};
use serde::{Deserialize, Serialize};

use super::style;

/// A panel of Explore.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Pane {
    /// Pictures to choose from.
    Library,
    /// The picture, x_t and x_0, and the timestep.
    Input,
    /// The map.
    Map,
    /// The network as a U.
    Network,
    /// How maps look.
    Look,
    /// Pinned views.
    Pins,
}

impl Pane {
    /// Every panel.
    pub const ALL: [Pane; 6] = [Pane::Library, Pane::Input, Pane::Map, Pane::Network, Pane::Look, Pane::Pins];

    /// On its tab.
    pub fn title(self) -> &'static str {
        match self {
            Pane::Library => "Library",
            Pane::Input => "Input",
            Pane::Map => "What the block sees",
            Pane::Network => "Network",
            Pane::Look => "View",
            Pane::Pins => "Pins",
        }
    }
}

/// The panels as they are at first.
pub fn default_layout() -> Tree<Pane> {
    let mut tiles = Tiles::default();
    let pane = |tiles: &mut Tiles<Pane>, pane| tiles.insert_pane(pane);
    let (library, input, map) =
        (pane(&mut tiles, Pane::Library), pane(&mut tiles, Pane::Input), pane(&mut tiles, Pane::Map));
    let (network, look, pins) =
        (pane(&mut tiles, Pane::Network), pane(&mut tiles, Pane::Look), pane(&mut tiles, Pane::Pins));
    let middle = split(&mut tiles, LinearDir::Vertical, &[(input, 0.43), (map, 0.57)]);
    let right = split(&mut tiles, LinearDir::Vertical, &[(network, 0.56), (look, 0.44)]);
    let top = split(&mut tiles, LinearDir::Horizontal, &[(library, 0.15), (middle, 0.60), (right, 0.25)]);
    let root = split(&mut tiles, LinearDir::Vertical, &[(top, 0.75), (pins, 0.25)]);
    Tree::new(Id::unique("explore layout"), root, tiles)
}

fn split(tiles: &mut Tiles<Pane>, dir: LinearDir, children: &[(TileId, f32)]) -> TileId {
    let mut linear = Linear::new(dir, children.iter().map(|(id, _)| *id).collect());
    for (id, share) in children {
        linear.shares.set_share(*id, *share);
    }
    tiles.insert_new(Tile::Container(Container::Linear(linear)))
}

/// A saved layout, if every panel is in it exactly once and reachable.
pub fn checked(layout: Option<Tree<Pane>>) -> Tree<Pane> {
    let whole = layout.filter(|tree| {
        let reachable = tree.active_tiles();
        tree.root.is_some()
            && !reachable.is_empty()
            && Pane::ALL.iter().all(|pane| {
                tree.tiles.iter().filter(|(_, tile)| matches!(tile, Tile::Pane(held) if held == pane)).count()
                    == 1
            })
    });
    whole.unwrap_or_else(default_layout)
}

/// Shows a panel only while it has something to show.
pub fn set_visible(tree: &mut Tree<Pane>, pane: Pane, visible: bool) {
    if let Some(id) = tree.tiles.find_pane(&pane) {
        tree.set_visible(id, visible);
    }
}

/// Draws the panels through `draw`.
pub struct Panels<'a> {
    /// Called for each visible panel.
    pub draw: &'a mut dyn FnMut(&mut Ui, Pane),
}

impl Behavior<Pane> for Panels<'_> {
    fn pane_ui(&mut self, ui: &mut Ui, _: TileId, pane: &mut Pane) -> UiResponse {
        let frame =
            eframe::egui::Frame::new().inner_margin(style::SPACE_S as i8).fill(ui.visuals().panel_fill);
        frame.show(ui, |ui| {
            ui.set_min_size(ui.available_size());
            (self.draw)(ui, *pane);
        });
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> WidgetText {
        pane.title().into()
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions { all_panes_must_have_tabs: true, ..SimplificationOptions::default() }
    }

    fn min_size(&self) -> f32 {
        96.0
    }

    fn tab_bar_height(&self, style: &Style) -> f32 {
        style.spacing.interact_size.y
    }

    fn tab_bar_color(&self, visuals: &Visuals) -> Color32 {
        visuals.panel_fill
    }

    fn tab_bg_color(&self, visuals: &Visuals, _: &Tiles<Pane>, _: TileId, _: &TabState) -> Color32 {
        visuals.panel_fill
    }

    fn tab_outline_stroke(&self, _: &Visuals, _: &Tiles<Pane>, _: TileId, _: &TabState) -> Stroke {
        Stroke::NONE
    }

    fn tab_bar_hline_stroke(&self, _: &Visuals) -> Stroke {
        Stroke::NONE
    }

    fn tab_text_color(&self, visuals: &Visuals, _: &Tiles<Pane>, _: TileId, _: &TabState) -> Color32 {
        visuals.weak_text_color()
    }

    fn gap_width(&self, _: &Style) -> f32 {
        style::HAIRLINE
    }

    fn resize_stroke(&self, style: &Style, state: ResizeState) -> Stroke {
        match state {
            ResizeState::Idle => style.visuals.widgets.noninteractive.bg_stroke,
            ResizeState::Hovering | ResizeState::Dragging => style.visuals.selection.stroke,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_that_lost_a_panel_is_replaced() {
        let mut broken = default_layout();
        let pins = broken.tiles.find_pane(&Pane::Pins).unwrap();
        broken.tiles.remove(pins);
        assert!(checked(Some(broken)).tiles.find_pane(&Pane::Pins).is_some());
        let whole = default_layout();
        assert!(checked(Some(whole.clone())) == whole);
    }
}
