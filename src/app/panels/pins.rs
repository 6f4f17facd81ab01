//! Pinned views side by side, with a shared or an own colour scale and linked zoom and cursor.

use std::collections::HashMap;

use eframe::egui::accesskit::Role;
use eframe::egui::{Button, Label, RichText, ScrollArea, Ui, Vec2, WidgetInfo, vec2};

use super::Action;
use super::sheet::SmallMap;
use crate::app::command::Command;
use crate::app::current::{Drawn, backdrop};
use crate::app::gpu::Look;
use crate::app::state::{Pin, Pinned, State};
use crate::app::widgets::heatmap::{Backdrop, HeatmapView};
use crate::app::widgets::mosaic::MosaicView;
use crate::app::widgets::viewport::ViewPort;
use crate::app::{icons, style};
use crate::colormap::Tone;
use crate::features::view::View;
use crate::figure::ticks::format_value;
use crate::jobs::{SheetKind, Shot};

/// Width of the controls beside the views.
const CONTROLS_WIDTH: f32 = 128.0;

/// Draws the panel.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    ui.horizontal_top(|ui| {
        ui.vertical(|ui| {
            ui.set_width(CONTROLS_WIDTH);
            let scroll = ScrollArea::vertical().id_salt("pin controls").auto_shrink(false);
            scroll.show(ui, |ui| controls(ui, state, actions));
        });
        ui.separator();
        ui.vertical(|ui| pins(ui, state, actions));
    });
}

fn controls(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    ui.checkbox(&mut state.shared_scale, "shared scale").on_hover_text(Command::ToggleSharedScale.tooltip());
    ui.checkbox(&mut state.linked, "linked views").on_hover_text(Command::ToggleLinkedCursor.tooltip());
    if ui.button("Clear").on_hover_text(Command::ClearPins.tooltip()).clicked() {
        actions.push(Action::Do(Command::ClearPins));
    }
}

fn pins(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let shared = if state.shared_scale { shared_ranges(&state.pins) } else { HashMap::new() };
    let mut linked_port = state.port;
    let mut cursor = state.cursor;
    let (linked, last_cursor) = (state.linked, state.last_cursor.filter(|_| state.linked));
    let count = state.pins.len().max(1) as f32;
    let width = (ui.available_width() / count - style::SPACE_S).clamp(130.0, 320.0);
    ScrollArea::both().auto_shrink(false).show(ui, |ui| {
        let lines =
            2.0 * ui.text_style_height(&eframe::egui::TextStyle::Small) + 3.0 * ui.spacing().item_spacing.y;
        let size = vec2(width, (ui.available_height() - lines - style::SPACE_M).max(48.0));
        ui.horizontal_top(|ui| {
            for pin in &mut state.pins {
                ui.vertical(|ui| {
                    ui.set_width(width);
                    title(ui, pin, actions);
                    let range = shared.get(&kind(pin.kept.shot().map.view)).copied();
                    let place = match &pin.kept {
                        Pinned::Sheet(..) => sheet(ui, pin, range, last_cursor, size, actions),
                        Pinned::View(shot, drawn) => {
                            let backdrop = backdrop(&shot.shown, &pin.texture);
                            let port = if linked { &mut linked_port } else { &mut pin.port };
                            let name = format!("pin {}", pin.id);
                            let view = OneView { shot, drawn, backdrop, name: &name, range };
                            view.show(ui, port, last_cursor, size)
                        }
                    };
                    cursor = place.or(cursor);
                    let text =
                        format!("{} · {}", pin.kept.shot().shown.picture.name, scale(&pin.kept, range));
                    ui.add(Label::new(style::quiet(text).small()).truncate());
                });
            }
        });
    });
    if linked {
        state.port = linked_port;
    }
    state.cursor = cursor;
}

/// A pinned view.
struct OneView<'a> {
    shot: &'a Shot,
    drawn: &'a Drawn,
    backdrop: Backdrop,
    name: &'a str,
    /// The range shared with other pins.
    range: Option<[f32; 2]>,
}

impl OneView<'_> {
    /// Draws it; returns the place under the pointer.
    fn show(
        &self,
        ui: &mut Ui,
        port: &mut ViewPort,
        cursor: Option<[f32; 2]>,
        size: Vec2,
    ) -> Option<[f32; 2]> {
        let look = &self.shot.look;
        let tone = Tone { range: self.range.unwrap_or(self.drawn.tone.range), ..self.drawn.tone };
        let opacity = if look.overlay { look.opacity } else { 1.0 };
        if self.shot.map.view == View::Mosaic {
            self.mosaic(ui, Look { tone, opacity, smooth: look.smooth && look.overlay }, size);
            return None;
        }
        let gpu_look = Look { tone, opacity, smooth: look.smooth };
        let mut view =
            HeatmapView::new(self.name, &self.drawn.source, gpu_look, port).size(size).cursor(cursor);
        if look.overlay {
            view = view.over(self.backdrop);
        }
        view.show(ui).hovered.map(|place| place.at)
    }

    fn mosaic(&self, ui: &mut Ui, look: Look, size: Vec2) {
        let (drawn, map) = (self.drawn, &self.shot.map);
        let cell = super::map::cell_side(size.x, size.y, map.grid.channels());
        ui.allocate_ui(size, |ui| {
            ui.set_width(size.x);
            let mut view = MosaicView::new(self.name, &drawn.source, look, &drawn.order, &map.channel_stats)
                .cell(cell)
                .height(size.y);
            if let Some(ranges) = &drawn.ranges {
                view = view.ranges(ranges);
            }
            if self.shot.look.overlay {
                view = view.over(self.backdrop);
            }
            view.show(ui);
        });
    }
}

/// Draws a pinned contact sheet; returns the place under the pointer.
fn sheet(
    ui: &mut Ui,
    pin: &Pin,
    range: Option<[f32; 2]>,
    cursor: Option<[f32; 2]>,
    size: Vec2,
    actions: &mut Vec<Action>,
) -> Option<[f32; 2]> {
    let Pinned::Sheet(sheet, drawn) = &pin.kept else { return None };
    let look = &sheet.shot.look;
    let range = range.or_else(|| own_range(&pin.kept));
    let name = format!("pin {} ", pin.id);
    let mut place = None;
    ui.allocate_ui(size, |ui| {
        ui.set_width(size.x);
        let ground = backdrop(&sheet.shot.shown, &pin.texture);
        let aspect = super::sheet::cell_aspect(look, Some(&ground));
        let cell_size = super::sheet::cell_size(ui, sheet.cells.len(), 1.0, aspect);
        let scroll = ScrollArea::vertical().id_salt(&name).auto_shrink(false).max_height(size.y);
        let cells: Vec<_> = sheet.cells.iter().zip(drawn).collect();
        scroll.show(ui, |ui| {
            super::sheet::in_rows(ui, &cells, cell_size, |ui, (cell, drawn)| {
                let small = SmallMap {
                    name: &name,
                    cell,
                    source: &drawn.source,
                    tone: Tone { range: range.unwrap_or(drawn.tone.range), ..drawn.tone },
                    look,
                    backdrop: Some(ground),
                    is_current: false,
                    by_step: sheet.kind == SheetKind::Steps,
                    cursor,
                };
                place = small.show(ui, cell_size, actions).or(place);
            });
        });
    });
    place
}

/// The one range that a pin has by itself, if it has one.
fn own_range(kept: &Pinned) -> Option<[f32; 2]> {
    match kept {
        // A mosaic whose channels have ranges of their own has none.
        Pinned::View(_, drawn) => drawn.ranges.is_none().then_some(drawn.tone.range),
        Pinned::Sheet(sheet, drawn) if sheet.shot.look.shared_cells => whole_range(drawn),
        Pinned::Sheet(..) => None,
    }
}

fn whole_range(drawn: &[Drawn]) -> Option<[f32; 2]> {
    super::sheet::joined(&drawn.iter().map(|drawn| drawn.tone).collect::<Vec<_>>())
}

/// The scale in words; `shared` is the range that several pins have.
fn scale(kept: &Pinned, shared: Option<[f32; 2]>) -> String {
    if kept.shot().map.view == View::Pca {
        return "colours".into();
    }
    let own = match kept {
        Pinned::View(_, drawn) if drawn.ranges.is_some() => return "each channel in its own range".into(),
        _ => own_range(kept),
    };
    match shared.or(own) {
        Some([low, high]) => format!("{} to {}", format_value(low), format_value(high)),
        None => "each cell in its own range".into(),
    }
}

fn title(ui: &mut Ui, pin: &Pin, actions: &mut Vec<Action>) {
    let shot = pin.kept.shot();
    let selection = &shot.map.selection;
    ui.horizontal(|ui| {
        let close = ui.add(Button::new(RichText::new(icons::X).small()).frame_when_inactive(false));
        close.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Unpin {}", pin.id)));
        if close.on_hover_text("Takes this view away.").clicked() {
            actions.push(Action::Unpin(pin.id));
        }
        let (block, timestep, view) = (selection.block, selection.timestep, shot.map.view);
        let text = match &pin.kept {
            Pinned::View(..) => format!("b {block} t {timestep} · {view}"),
            Pinned::Sheet(sheet, _) if sheet.kind == SheetKind::Steps => format!("b {block} over t · {view}"),
            Pinned::Sheet(..) => format!("t {timestep} over b · {view}"),
        };
        ui.add(Label::new(RichText::new(text).small()).truncate()).on_hover_text(format!(
            "{}\n{}",
            pin.kept.exhibit().title(),
            pin.kept.exhibit().lines().join("\n")
        ));
    });
}

/// Views whose values can be compared share a scale.
fn kind(view: View) -> u8 {
    match view {
        View::Norm => 0,
        View::Similarity { .. } => 1,
        View::Mean | View::Channel(_) => 2,
        View::Pca => 3,
        View::Mosaic => 4,
    }
}

fn shared_ranges(pins: &[Pin]) -> HashMap<u8, [f32; 2]> {
    let mut ranges: HashMap<u8, [f32; 2]> = HashMap::new();
    for pin in pins {
        let range = match &pin.kept {
            Pinned::Sheet(_, drawn) => whole_range(drawn),
            view => own_range(view),
        };
        let Some([low, high]) = range else { continue };
        let range = ranges.entry(kind(pin.kept.shot().map.view)).or_insert([low, high]);
        *range = [range[0].min(low), range[1].max(high)];
    }
    ranges
}
