//! Contact sheets and matches in other pictures: many small maps under the large one.

use eframe::egui::{RichText, ScrollArea, Sense, TextStyle, Ui, Vec2, vec2};

use super::Action;
use crate::app::command::Command;
use crate::app::current::{ShownMatch, ShownPicture};
use crate::app::gpu::{Look, Source};
use crate::app::state::{MATCHES_SHOWN, State};
use crate::app::style;
use crate::app::widgets::heatmap::{Backdrop, HeatmapView, Marker, MarkerKind};
use crate::app::widgets::viewport::ViewPort;
use crate::colormap::Tone;
use crate::features::view::View;
use crate::figure::ticks::format_value;
use crate::jobs::{LookConfig, SheetCell, SheetKind};

/// From this width on a sheet's name and what can be done with it stand in one row.
const ROOMY: f32 = 540.0;

/// Draws the matches, or the contact sheet.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    if state.config.sheet == SheetKind::None {
        matches(ui, state, actions);
    } else {
        cells(ui, state, actions);
    }
}

/// The largest cells of `aspect` (width to height) that let `count` of them with `lines` lines of
/// text under each fit, if any do.
pub fn cell_size(ui: &Ui, count: usize, lines: f32, aspect: f32) -> Vec2 {
    let line = ui.text_style_height(&eframe::egui::TextStyle::Small) + ui.spacing().item_spacing.y;
    let below = lines * line + ui.spacing().item_spacing.y;
    let (width, height) = (ui.available_width() - style::SPACE_M, ui.available_height());
    let side = |columns: usize| (width + style::SPACE_S) / columns as f32 - style::SPACE_S;
    let fits = |columns: &usize| {
        let rows = count.div_ceil(*columns) as f32;
        rows * (side(*columns) / aspect + below) <= height
    };
    let columns = (1..=count.max(1)).find(fits).unwrap_or(count.max(1));
    let side = (side(columns) - 0.1).clamp(56.0, 160.0);
    vec2(side, (side / aspect).round())
}

/// Width to height of cells: those of the picture where maps lie over it, within what still shows
/// both its sides; maps are square.
pub fn cell_aspect(look: &LookConfig, picture: Option<&Backdrop>) -> f32 {
    let over = picture.filter(|_| look.overlay);
    over.map_or(1.0, |picture| {
        let [width, height] = picture.size.map(|side| side.max(1) as f32);
        (width / height).clamp(0.5, 2.5)
    })
}

/// Draws `items` of width `size.x` from left to right, as many in a row as fit.
pub fn in_rows<T>(ui: &mut Ui, items: &[T], size: Vec2, mut draw: impl FnMut(&mut Ui, &T)) {
    let columns = ((ui.available_width() + style::SPACE_S) / (size.x + style::SPACE_S)).floor().max(1.0);
    for row in items.chunks(columns as usize) {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = style::SPACE_S;
            row.iter().for_each(|item| draw(ui, item));
        });
    }
}

fn cells(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    heading(ui, state, actions);
    let current = &state.current;
    let tones: Vec<Tone> = current.cells.iter().map(|shown| shown.drawn.tone).collect();
    let shared = if state.config.look.shared_cells { joined(&tones) } else { None };
    let picture = current.cells.iter().find_map(|shown| shown.picture.as_ref()).map(ShownPicture::backdrop);
    let size = cell_size(ui, cell_count(state), 1.0, cell_aspect(&state.config.look, picture.as_ref()));
    let (mut cursor, linked) = (None, state.last_cursor.filter(|_| state.linked));
    let selection = state.selection();
    ScrollArea::vertical().auto_shrink(false).id_salt("sheet").show(ui, |ui| {
        if current.cells_stale {
            ui.set_opacity(0.5);
        }
        in_rows(ui, &current.cells, size, |ui, shown| {
            let drawn = SmallMap {
                name: "",
                cell: &shown.cell,
                source: &shown.drawn.source,
                tone: shared.map_or(shown.drawn.tone, |range| Tone { range, ..shown.drawn.tone }),
                look: &state.config.look,
                backdrop: shown.picture.as_ref().map(ShownPicture::backdrop),
                is_current: selection
                    .is_some_and(|s| (s.timestep, s.block) == (shown.cell.timestep, shown.cell.block)),
                by_step: state.config.sheet == SheetKind::Steps,
                cursor: linked,
            };
            cursor = drawn.show(ui, size, actions).or(cursor);
        });
    });
    state.cursor = cursor.or(state.cursor);
}

fn cell_count(state: &State) -> usize {
    match state.config.sheet {
        SheetKind::Steps => state.marks().len(),
        _ => state.network.as_ref().map_or(0, |network| network.card.blocks.len()),
    }
}

/// What the sheet is of, how far it is, and what can be done with it.
fn heading(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let current = &state.current;
    let count = cell_count(state);
    let what = match state.config.sheet {
        SheetKind::Steps => "this block at the marked timesteps",
        _ => "every block at this timestep",
    };
    let done = if current.cells_stale { 0 } else { current.cells.len() };
    let whole = current.complete && done == count;
    let progress =
        if done < count && !current.complete { format!(" · {done} of {count}") } else { String::new() };
    let look = &mut state.config.look;
    let before = look.shared_cells;
    let text = style::quiet(format!("{what}{progress}")).small();
    let narrow = ui.available_width() < ROOMY;
    if narrow {
        ui.label(text.clone());
    }
    ui.horizontal(|ui| {
        ui.style_mut().override_text_style = Some(TextStyle::Small);
        if !narrow {
            ui.label(text);
        }
        if state.config.view != View::Pca {
            ui.checkbox(&mut look.shared_cells, RichText::new("one range").small())
                .on_hover_text(Command::ToggleOneCellRange.tooltip());
        }
        super::command_button(ui, "Pin sheet", Command::PinSheet, whole, actions);
        super::command_menu(
            ui,
            "Export sheet…",
            whole,
            &[Command::ExportSheet, Command::ExportSheetWithSettings, Command::ExportSheetValues],
            actions,
        );
        let copy = [Command::CopySheet, Command::CopySheetAsCommandLine];
        super::command_menu(ui, "Copy sheet", whole, &copy, actions);
    });
    if look.shared_cells != before {
        actions.push(Action::Redraw);
    }
}

/// The range that holds those of all cells.
pub fn joined(tones: &[Tone]) -> Option<[f32; 2]> {
    let ranges = tones.iter().map(|tone| tone.range);
    ranges.reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])])
}

/// A cell of a contact sheet, on the screen or in a pin.
pub struct SmallMap<'a> {
    /// Tells cells of several sheets apart.
    pub name: &'a str,
    /// What it is of.
    pub cell: &'a SheetCell,
    /// Its values.
    pub source: &'a Source,
    /// Its colours.
    pub tone: Tone,
    /// Whether and how it lies over the picture.
    pub look: &'a LookConfig,
    /// The picture.
    pub backdrop: Option<Backdrop>,
    /// It is what is selected.
    pub is_current: bool,
    /// It differs from its neighbours by the timestep, else by the block.
    pub by_step: bool,
    /// A place pointed at elsewhere.
    pub cursor: Option<[f32; 2]>,
}

impl SmallMap<'_> {
    /// Draws it; returns the place under the pointer. A click goes to its timestep and block.
    pub fn show(&self, ui: &mut Ui, size: Vec2, actions: &mut Vec<Action>) -> Option<[f32; 2]> {
        let (timestep, block) = (self.cell.timestep, self.cell.block);
        let label = if self.by_step { format!("t {timestep}") } else { format!("b {block}") };
        let name = format!("{}{} t {timestep} b {block}", self.name, self.cell.view.title());
        let opacity = if self.look.overlay { self.look.opacity } else { 1.0 };
        let look = Look { tone: self.tone, opacity, smooth: self.look.smooth };
        let mut place = None;
        ui.vertical(|ui| {
            ui.set_width(size.x);
            let mut port = ViewPort::default();
            let mut view = HeatmapView::new(&name, self.source, look, &mut port)
                .size(size)
                .zoomable(false)
                .cursor(self.cursor);
            if let Some(backdrop) = self.backdrop.filter(|_| self.look.overlay) {
                view = view.over(backdrop);
            }
            let output = view.show(ui);
            let text = if self.is_current { RichText::new(label).strong() } else { style::quiet(label) };
            ui.label(text.small());
            if output.response.clicked() {
                actions.push(Action::SelectTimestep(timestep));
                actions.push(Action::SelectBlock(block));
            }
            place = output.hovered.map(|place| place.at);
        });
        place
    }
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
    let size = cell_size(ui, state.current.others.len(), 1.0, 1.0);
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
