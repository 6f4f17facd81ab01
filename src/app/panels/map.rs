//! The map: what the block sees.

use eframe::egui::{Label, Ui, Vec2, vec2};

use super::input::similarity_at;
use super::{Action, sheet};
use crate::app::current::ShownMap;
use crate::app::gpu::Look;
use crate::app::state::State;
use crate::app::widgets::colour_bar::{ColourBar, Spread};
use crate::app::widgets::heatmap::{HeatmapOutput, HeatmapView, Marker, MarkerKind};
use crate::app::widgets::mosaic::MosaicView;
use crate::app::widgets::states;
use crate::app::{icons, style};
use crate::colormap::Tone;
use crate::features::view::View;
use crate::jobs::SheetKind;

/// Room for the colour bar with its numbers and histogram.
const BAR_WIDTH: f32 = 104.0;
/// Share of the height that a contact sheet or the matches take.
const SHEET_SHARE: f32 = 0.52;

/// Draws the panel.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    if state.current.map.is_none() {
        waiting(ui, state, actions);
        return;
    }
    if let (Some(error), true) = (state.current.failed.clone(), is_stale(state)) {
        if super::failed(ui, &error) {
            actions.push(Action::AskAgain);
        }
        return;
    }
    heading(ui, state);
    let below = state.config.sheet != SheetKind::None || !state.current.others.is_empty();
    let height = ui.available_height();
    let map_height = if below { height * (1.0 - SHEET_SHARE) } else { height };
    ui.allocate_ui(vec2(ui.available_width(), map_height), |ui| {
        ui.set_min_height(map_height);
        ui.scope(|ui| {
            if is_stale(state) {
                ui.set_opacity(0.5);
            }
            map(ui, state, actions);
        });
    });
    if below {
        ui.separator();
        sheet::show(ui, state, actions);
    }
}

fn is_stale(state: &State) -> bool {
    state.current.map.as_ref().is_some_and(|held| held.stale)
}

fn waiting(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    if state.network.is_none() {
        let text = match &state.network_error {
            Some(_) => "The feature maps appear here once a network is open.",
            None => "Opening the network.",
        };
        ui.centered_and_justified(|ui| ui.label(style::quiet(text)));
        return;
    }
    if let Some(error) = &state.current.failed {
        if super::failed(ui, error) {
            actions.push(Action::AskAgain);
        }
        return;
    }
    if state.library.entries.is_empty() {
        ui.centered_and_justified(|ui| ui.label(style::quiet("The feature maps of a picture appear here.")));
        return;
    }
    let blocks = state.network.as_ref().map_or(0, |network| network.card.blocks.len());
    let wanted = state.selection().map_or(blocks, |selection| selection.block);
    let progress = format!("{} of {wanted} blocks", state.current.computed.min(wanted));
    let done = (wanted > 0).then(|| state.current.computed as f32 / wanted as f32);
    states::working(
        ui,
        &states::Working {
            what: "Computing the feature map",
            done,
            progress: Some(&progress),
            ..Default::default()
        },
    );
}

fn heading(ui: &mut Ui, state: &State) {
    let Some(held) = &state.current.map else { return };
    let map = &held.value.map;
    ui.horizontal(|ui| {
        let block = map.selection.block;
        let count = map.channel_stats.len();
        let text = match map.view {
            View::Mosaic => format!("{count} channels of b {block}"),
            View::Channel(channel) => format!("channel {channel} of {count} of b {block}"),
            View::Pca => match map.explained {
                Some([a, b, c]) => {
                    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
                    let shares = format!("{}, {} and {}", percent(a), percent(b), percent(c));
                    format!("principal components of b {block} · {shares} of the variance")
                }
                None => format!("principal components of b {block}"),
            },
            view => format!("{} of b {block}", view.title()),
        };
        ui.label(text);
        if let Some(lock) = &map.lock {
            ui.add(Label::new(style::quiet(lock).small()).truncate());
        }
        if map.selection.average > 1 {
            ui.label(style::quiet(format!("mean of {} draws", map.selection.average)).small());
        }
        if held.stale && !state.current.complete {
            ui.label(style::quiet("updating").small());
        }
        let lost = map.channel_stats.iter().map(|stats| stats.not_finite).sum::<usize>();
        if lost > 0 {
            let icon = eframe::egui::RichText::new(icons::WARNING).color(style::tokens(ui).warning);
            ui.label(icon);
            ui.label(eframe::egui::RichText::new(format!("{lost} values are not finite")).small());
        }
    });
}

fn map(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let Some(held) = &state.current.map else { return };
    let shown = &held.value;
    if shown.map.view == View::Mosaic {
        mosaic(ui, shown, state, actions);
        return;
    }
    let with_bar = shown.map.view != View::Pca;
    let size = ui.available_size();
    let map_size = vec2((size.x - if with_bar { BAR_WIDTH } else { 0.0 }).max(64.0), size.y);
    let mut port = if state.linked { state.port } else { state.map_port };
    let query = query_marker(shown.map.view, state);
    let mut hovered_value = None;
    let mut output = None;
    ui.horizontal_top(|ui| {
        let shown_output = heatmap(ui, shown, state, &mut port, map_size, query.as_slice());
        hovered_value = shown_output.hovered.as_ref().and_then(|place| place.values.first().copied());
        output = Some(shown_output);
        if with_bar {
            ColourBar::new("colour bar", shown.drawn.tone, &shown.drawn.spread)
                .height(size.y.min(260.0))
                .value(hovered_value)
                .show(ui);
        }
    });
    let similarity = matches!(shown.map.view, View::Similarity { .. });
    let side = state.network.as_ref().map_or(1, |network| network.card.config.image_size);
    *(if state.linked { &mut state.port } else { &mut state.map_port }) = port;
    if let Some(output) = output {
        state.cursor = output.hovered.as_ref().map(|place| place.at).or(state.cursor);
        if let (Some(place), true) = (output.clicked, similarity) {
            actions.push(Action::SetView(similarity_at(place.at, side)));
        }
    }
}

fn heatmap(
    ui: &mut Ui,
    shown: &ShownMap,
    state: &State,
    port: &mut crate::app::widgets::viewport::ViewPort,
    size: Vec2,
    markers: &[Marker],
) -> HeatmapOutput {
    let look = shown.drawn.look(&state.config.look);
    let mut view = HeatmapView::new("feature map", &shown.drawn.source, look, port)
        .size(size)
        .cursor(state.last_cursor)
        .markers(markers);
    if state.config.look.overlay
        && let Some(picture) = &shown.picture
    {
        view = view.over(picture.backdrop());
    }
    view.show(ui)
}

fn query_marker(view: View, state: &State) -> Option<Marker> {
    let View::Similarity { x, y } = view else { return None };
    let side = state.network.as_ref().map_or(1, |network| network.card.config.image_size) as f32;
    let at = [(x as f32 + 0.5) / side, (y as f32 + 0.5) / side];
    Some(Marker { at, kind: MarkerKind::Query })
}

fn mosaic(ui: &mut Ui, shown: &ShownMap, state: &State, actions: &mut Vec<Action>) {
    let size = ui.available_size();
    let width = (size.x - BAR_WIDTH).max(64.0);
    let mut hovered = None;
    ui.horizontal_top(|ui| {
        ui.allocate_ui(vec2(width, size.y), |ui| {
            ui.set_width(width);
            let cell = cell_side(width, size.y, shown.map.grid.channels());
            let plain = shown.drawn.look(&state.config.look);
            // As in an exported mosaic: values stay flat unless a picture shows through.
            let look = Look { smooth: plain.smooth && state.config.look.overlay, ..plain };
            let stats = &shown.map.channel_stats;
            let mut view = MosaicView::new("channels", &shown.drawn.source, look, &shown.drawn.order, stats)
                .cell(cell)
                .selected(state.channel)
                .height(size.y);
            if let Some(ranges) = &shown.drawn.ranges {
                view = view.ranges(ranges);
            }
            if state.config.look.overlay
                && let Some(picture) = &shown.picture
            {
                view = view.over(picture.backdrop());
            }
            let output = view.show(ui);
            hovered = output.hovered;
            if let Some(channel) = output.picked {
                let open = output.opened || output.response.clicked();
                actions.push(if open {
                    Action::SetView(View::Channel(channel))
                } else {
                    Action::PickChannel(channel)
                });
            }
        });
        ui.vertical(|ui| mosaic_bar(ui, shown, hovered, size.y));
    });
}

/// The bar of all channels, or of the channel under the pointer (else the first) where each has a
/// range of its own.
fn mosaic_bar(ui: &mut Ui, shown: &ShownMap, hovered: Option<usize>, height: f32) {
    let drawn = &shown.drawn;
    let line = ui.text_style_height(&eframe::egui::TextStyle::Small) + ui.spacing().item_spacing.y;
    let height = (height - line).min(260.0);
    let Some(ranges) = &drawn.ranges else {
        ui.label(style::quiet("all channels").small());
        ColourBar::new("colour bar", drawn.tone, &drawn.spread).height(height).show(ui);
        return;
    };
    let Some(channel) = hovered.or(drawn.order.first().copied()) else { return };
    let range = ranges.get(channel).copied().unwrap_or(drawn.tone.range);
    let spread = Spread::of(&shown.map.grid.channel_grid(channel), range);
    ui.label(style::quiet(format!("channel {channel}")).small());
    ColourBar::new("colour bar", Tone { range, ..drawn.tone }, &spread).height(height).show(ui);
}

/// The largest cells that let all channels fit, between what can be seen and what is pleasant.
pub fn cell_side(width: f32, height: f32, channels: usize) -> f32 {
    const GAP: f32 = 2.0;
    let fits = |columns: &usize| {
        let cell = (width + GAP) / *columns as f32 - GAP;
        channels.div_ceil(*columns) as f32 * (cell + GAP) <= height + GAP
    };
    let columns = (1..=channels.max(1)).find(fits).unwrap_or(1);
    // A little less, so that rounding never takes a column away.
    ((width + GAP) / columns as f32 - GAP - 0.1).clamp(28.0, 120.0)
}
