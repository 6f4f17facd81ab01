//! Contact sheets and matches in other pictures: many small maps under the large one.

use eframe::egui::{RichText, ScrollArea, Sense, Ui, Vec2, vec2};

use super::Action;
use crate::app::current::{ShownCell, ShownMatch};
use crate::app::gpu::Look;
use crate::app::state::{MATCHES_SHOWN, SheetKind, State};
use crate::app::style;
use crate::app::widgets::heatmap::{Backdrop, HeatmapView, Marker, MarkerKind};
use crate::app::widgets::viewport::ViewPort;
use crate::features::view::View;
use crate::figure::ticks::format_value;

/// Draws the matches, or the contact sheet.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    if state.sheet == SheetKind::None {
        matches(ui, state, actions);
    } else {
        cells(ui, state, actions);
    }
}

/// The largest squares that let `count` cells with `lines` lines of text under them fit, if any do.
fn cell_size(ui: &Ui, count: usize, lines: f32) -> Vec2 {
    let line = ui.text_style_height(&eframe::egui::TextStyle::Small) + ui.spacing().item_spacing.y;
    let below = lines * line + ui.spacing().item_spacing.y;
    let (width, height) = (ui.available_width() - style::SPACE_M, ui.available_height());
    let side = |columns: usize| (width + style::SPACE_S) / columns as f32 - style::SPACE_S;
    let fits = |columns: &usize| {
        let rows = count.div_ceil(*columns) as f32;
        rows * (side(*columns) + below) <= height
    };
    let columns = (1..=count.max(1)).find(fits).unwrap_or(count.max(1));
    let side = (side(columns) - 0.1).clamp(56.0, 160.0);
    vec2(side, side)
}

/// Draws `items` of width `size.x` from left to right, as many in a row as fit.
fn in_rows<T>(ui: &mut Ui, items: &[T], size: Vec2, mut draw: impl FnMut(&mut Ui, &T)) {
    let columns = ((ui.available_width() + style::SPACE_S) / (size.x + style::SPACE_S)).floor().max(1.0);
    for row in items.chunks(columns as usize) {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = style::SPACE_S;
            row.iter().for_each(|item| draw(ui, item));
        });
    }
}

fn cells(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let current = &state.current;
    let (what, count) = match state.sheet {
        SheetKind::Steps => ("this block at the marked timesteps", state.marks().len()),
        _ => ("every block at this timestep", state.network.as_ref().map_or(0, |n| n.card.blocks.len())),
    };
    let done = if current.cells_stale { 0 } else { current.cells.len() };
    let progress =
        if done < count && !current.complete { format!(" · {done} of {count}") } else { String::new() };
    ui.label(style::quiet(format!("{what}{progress} · each in its own range")).small());
    let size = cell_size(ui, count, 1.0);
    ScrollArea::vertical().auto_shrink(false).id_salt("sheet").show(ui, |ui| {
        if current.cells_stale {
            ui.set_opacity(0.5);
        }
        in_rows(ui, &current.cells, size, |ui, cell| one_cell(ui, cell, state, size, actions));
    });
}

fn one_cell(ui: &mut Ui, shown: &ShownCell, state: &State, size: Vec2, actions: &mut Vec<Action>) {
    let (cell, selection) = (&shown.cell, state.selection());
    let is_current = selection.is_some_and(|s| (s.timestep, s.block) == (cell.timestep, cell.block));
    let label = match state.sheet {
        SheetKind::Steps => format!("t {}", cell.timestep),
        _ => format!("b {}", cell.block),
    };
    let name = format!("{} t {} b {}", cell.view.title(), cell.timestep, cell.block);
    let look = Look { tone: shown.drawn.tone, opacity: 1.0, smooth: state.config.look.smooth };
    ui.vertical(|ui| {
        ui.set_width(size.x);
        let mut port = ViewPort::default();
        let output =
            HeatmapView::new(&name, &shown.drawn.source, look, &mut port).size(size).zoomable(false).show(ui);
        let text = if is_current { RichText::new(label).strong() } else { style::quiet(label) };
        ui.label(text.small());
        if output.response.clicked() {
            actions.push(Action::SelectTimestep(cell.timestep));
            actions.push(Action::SelectBlock(cell.block));
        }
    });
}

fn matches(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let all = state.library.entries.len().saturating_sub(1);
    let best =
        if all > MATCHES_SHOWN { format!("the best {MATCHES_SHOWN} first") } else { "best first".into() };
    let searched = if state.current.others_stale { 0 } else { state.current.compared };
    let progress =
        if state.current.complete { String::new() } else { format!(" · {searched} of {all} searched") };
    let text = format!("the same place looked for in all other pictures of the library, {best}{progress}");
    ui.label(style::quiet(text).small());
    let size = cell_size(ui, state.current.others.len(), 1.0);
    ScrollArea::vertical().auto_shrink(false).id_salt("matches").show(ui, |ui| {
        if state.current.others_stale {
            ui.set_opacity(0.5);
        }
        let ranked = ranked(&state.current.others);
        in_rows(ui, &ranked, size, |ui, (rank, other)| one_match(ui, *rank, other, state, size, actions));
    });
}

/// Best first, each with its rank from 1.
fn ranked(others: &[ShownMatch]) -> Vec<(usize, &ShownMatch)> {
    let mut sorted: Vec<&ShownMatch> = others.iter().collect();
    sorted.sort_by(|a, b| b.other.score.total_cmp(&a.other.score));
    sorted.into_iter().enumerate().map(|(index, shown)| (index + 1, shown)).collect()
}

fn one_match(
    ui: &mut Ui,
    rank: usize,
    shown: &ShownMatch,
    state: &State,
    size: Vec2,
    actions: &mut Vec<Action>,
) {
    let other = &shown.other;
    let place = &other.placement;
    let placement = eframe::egui::Rect::from_min_size(
        eframe::egui::pos2(place.x, place.y),
        vec2(place.width, place.height),
    );
    let backdrop = Backdrop { texture: shown.texture.id(), size: other.size, placement };
    // The scale of the map above, so that a warm place is as alike in every picture.
    let above =
        state.current.map.as_ref().filter(|held| matches!(held.value.map.view, View::Similarity { .. }));
    let look = Look {
        tone: above.map_or(shown.drawn.tone, |held| held.value.drawn.tone),
        opacity: state.config.look.opacity,
        smooth: state.config.look.smooth,
    };
    let at = [
        (other.best.1 as f32 + 0.5) / other.grid.width().max(1) as f32,
        (other.best.0 as f32 + 0.5) / other.grid.height().max(1) as f32,
    ];
    let marker = [Marker { at, kind: MarkerKind::Match(rank) }];
    let name = format!("similarity in {} ({})", other.name, other.id.0);
    ui.vertical(|ui| {
        ui.set_width(size.x);
        let mut port = ViewPort::default();
        let output = HeatmapView::new(&name, &shown.drawn.source, look, &mut port)
            .size(size)
            .zoomable(false)
            .over(backdrop)
            .markers(&marker)
            .show(ui);
        let entry = state.library.entries.iter().find(|entry| entry.id == other.id);
        let label = entry.map_or(other.name.as_str(), |entry| entry.label.as_str());
        let text = format!("{} · {label}", format_value(other.score));
        ui.add(eframe::egui::Label::new(style::quiet(text).small()).truncate())
            .on_hover_text(format!("Cosine similarity of the best match in {}.", other.name));
        let open = output.response.interact(Sense::click());
        if open.double_clicked()
            && let Some(index) = state.library.entries.iter().position(|entry| entry.id == other.id)
        {
            actions.push(Action::SelectPicture(index));
        }
    });
}
