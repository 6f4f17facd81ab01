//! The network drawn to scale as a U, each block a button.

mod layout;

use eframe::egui::accesskit::Role;
use eframe::egui::text::LayoutJob;
use eframe::egui::{
    Align, Align2, Color32, CornerRadius, EventFilter, FontId, Id, Key, Rect, Response, RichText, ScrollArea,
    Sense, Shape, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo, pos2, vec2,
};

use crate::app::style::{self, Tokens};
use crate::unet::plan::BlockInfo;
use layout::{Cell, GUTTER, Layout, Side, lay_out, partner};

/// The network as a U: encoder down the left, middle at the bottom, decoder up the right.
///
/// Width of a bar: channels. Height: map size. Solid: computed. Dotted lines: skip connections.
pub struct NetworkDiagram<'a> {
    blocks: &'a [BlockInfo],
    full_gmac: f64,
    selected: usize,
    computed: &'a dyn Fn(usize) -> bool,
}

/// Points between a bar and what is written beside it.
const BESIDE: f32 = 3.0;
/// Sizes that shape and share are written in, where there is room.
const TEXT_SIZES: [f32; 2] = [11.0, 9.0];

const LEGEND: &str = "width: channels · height: map size · solid: computed";
const LEGEND_ABOUT: &str = "At each block stand channels × height × width, and where there is room the share of a full \
                            pass that it takes to reach it.";

impl<'a> NetworkDiagram<'a> {
    /// The network of the block table `blocks`, whose whole pass takes `full_gmac` · 10⁹
    /// multiply-accumulates, with block `selected` (numbered from 1) chosen; `computed` says whether
    /// the features of a block are at hand.
    pub fn new(
        blocks: &'a [BlockInfo],
        full_gmac: f64,
        selected: usize,
        computed: &'a dyn Fn(usize) -> bool,
    ) -> Self {
        NetworkDiagram { blocks, full_gmac, selected, computed }
    }

    /// Draws it into the space that is left; returns the block that the user chose, if any.
    ///
    /// With the keyboard focus, up and down walk the path through the network, left and right cross
    /// the skip connection, home and end go to the first and the last block.
    pub fn show(self, ui: &mut Ui) -> Option<usize> {
        if self.blocks.is_empty() {
            return None;
        }
        let (font, quiet) = (TextStyle::Small.resolve(ui.style()), style::tokens(ui).quiet);
        let mut legend = LayoutJob::simple(LEGEND.into(), font, quiet, ui.available_width());
        legend.halign = Align::Center;
        // A low panel needs its height for the blocks.
        legend.wrap.max_rows = 1;
        let legend = ui.painter().layout_job(legend);
        let height = (ui.available_height() - legend.size().y - style::SPACE_S).max(0.0);
        let chosen = ScrollArea::vertical()
            .id_salt("network diagram")
            .max_height(height)
            .auto_shrink([false, true])
            .show(ui, |ui| self.drawing(ui, height))
            .inner;
        let (place, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), legend.size().y), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, LEGEND));
        response.on_hover_text(LEGEND_ABOUT);
        ui.painter().galley(place.center_top(), legend, quiet);
        chosen
    }

    fn drawing(&self, ui: &mut Ui, height: f32) -> Option<usize> {
        let drawing = lay_out(self.blocks, ui.available_width(), height);
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), drawing.height), Sense::hover());
        let base = ui.scope_id().with("network diagram");
        let responses: Vec<Response> = drawing
            .cells
            .iter()
            .zip(self.blocks)
            .map(|(cell, block)| self.button(ui, base, cell.hit.translate(rect.min.to_vec2()), block))
            .collect();
        self.keep_in_view(ui, base, &responses);

        let hovered = responses.iter().position(|response| response.hovered());
        self.paint_lines(ui, &drawing, rect, hovered);
        for ((cell, block), response) in drawing.cells.iter().zip(self.blocks).zip(&responses) {
            self.paint_block(ui, cell, rect, block, response);
        }
        let clicked = responses.iter().position(Response::clicked).map(|index| self.blocks[index].block);
        let chosen = clicked.or_else(|| self.walk(ui, base, &responses));
        for (response, block) in responses.into_iter().zip(self.blocks) {
            response.on_hover_ui(|ui| self.explain(ui, block));
        }
        chosen
    }

    fn button(&self, ui: &Ui, base: Id, rect: Rect, block: &BlockInfo) -> Response {
        let selected = block.block == self.selected;
        // The tab key reaches the drawing once, at the selected block; arrows do the rest.
        let sense = if selected { Sense::click() } else { Sense::CLICK };
        let response = ui.interact(rect, base.with(block.block), sense);
        response.widget_info(|| {
            let state = if (self.computed)(block.block) { "computed" } else { "not computed" };
            WidgetInfo::selected(
                Role::Button,
                ui.is_enabled(),
                selected,
                format!("{}, {state}", self.summary(block)),
            )
        });
        response
    }

    /// `b 12 (dec 1) · 128×8×8 · 42 % of a full pass to reach`.
    fn summary(&self, block: &BlockInfo) -> String {
        let share = self.share(block).replace('<', "less than ");
        format!(
            "b {} ({}) · {} · {share} % of a full pass to reach",
            block.block,
            block.place(),
            block.shape()
        )
    }

    /// The share of a full pass to reach a block, in percent: `42`, `<1`.
    fn share(&self, block: &BlockInfo) -> String {
        let share = 100.0 * block.cumulative_gmac / self.full_gmac.max(f64::MIN_POSITIVE);
        if share < 1.0 { "<1".to_string() } else { format!("{:.0}", share.min(100.0)) }
    }

    fn explain(&self, ui: &mut Ui, block: &BlockInfo) {
        ui.label(RichText::new(self.summary(block)));
        let state = if (self.computed)(block.block) { "computed" } else { "not computed yet" };
        let millions = block.parameters as f64 / 1e6;
        ui.label(style::quiet(format!("{} · {millions:.2} M parameters · {state}", block.name)).small());
    }

    fn keep_in_view(&self, ui: &Ui, base: Id, responses: &[Response]) {
        let before = ui.data_mut(|data| data.get_temp::<usize>(base));
        if before == Some(self.selected) {
            return;
        }
        ui.data_mut(|data| data.insert_temp(base, self.selected));
        if let Some(index) = self.blocks.iter().position(|block| block.block == self.selected) {
            responses[index].scroll_to_me(None);
        }
    }

    fn walk(&self, ui: &Ui, base: Id, responses: &[Response]) -> Option<usize> {
        let at = responses.iter().position(|response| response.has_focus())?;
        ui.memory_mut(|memory| {
            let arrows =
                EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
            memory.set_focus_lock_filter(responses[at].id, arrows);
        });
        let to = ui.input(|input| {
            if input.key_pressed(Key::ArrowDown) {
                Some(at + 1)
            } else if input.key_pressed(Key::ArrowUp) {
                at.checked_sub(1)
            } else if input.key_pressed(Key::ArrowLeft) || input.key_pressed(Key::ArrowRight) {
                partner(self.blocks, at)
            } else if input.key_pressed(Key::Home) {
                Some(0)
            } else if input.key_pressed(Key::End) {
                Some(self.blocks.len() - 1)
            } else {
                None
            }
        })?;
        let block = self.blocks.get(to)?.block;
        ui.memory_mut(|memory| memory.request_focus(base.with(block)));
        Some(block)
    }

    fn paint_lines(&self, ui: &Ui, drawing: &Layout, rect: Rect, hovered: Option<usize>) {
        let tokens = style::tokens(ui);
        let painter = ui.painter();
        let offset = rect.min.to_vec2();
        let faint = style::blend(tokens.line, tokens.quiet, 0.3);
        for path in &drawing.turn {
            let path = path.iter().map(|point| *point + offset).collect();
            painter.add(Shape::line(path, Stroke::new(style::HAIRLINE, faint)));
        }
        let selected = self.blocks.iter().position(|block| block.block == self.selected);
        for (encoder, decoder, line) in &drawing.skips {
            let followed =
                [hovered, selected].into_iter().flatten().any(|at| at == *encoder || at == *decoder);
            let colour = if followed { tokens.text } else { faint };
            painter.extend(Shape::dotted_line(&line.map(|point| point + offset), colour, 4.0, 0.75));
        }
    }

    fn paint_block(&self, ui: &Ui, cell: &Cell, rect: Rect, block: &BlockInfo, response: &Response) {
        let tokens = style::tokens(ui);
        let painter = ui.painter();
        let bar = cell.bar.translate(rect.min.to_vec2());
        let selected = block.block == self.selected;
        let (fill, line) = bar_colours(tokens, selected, (self.computed)(block.block), response.hovered());
        let radius = CornerRadius::same(2);
        painter.rect(bar, radius, fill, Stroke::new(style::HAIRLINE, line), StrokeKind::Inside);
        if response.has_focus() {
            painter.rect_stroke(
                bar.expand(2.0),
                CornerRadius::same(3),
                Stroke::new(1.5, tokens.text),
                StrokeKind::Outside,
            );
        }
        let small = TextStyle::Small.resolve(ui.style()).size;
        let room = if cell.side == Side::Bottom { bar.height() } else { cell.hit.height() - 1.0 };
        let font = FontId::proportional(small.min(room).min(GUTTER / 2.0));
        let (anchor, at) = match cell.side {
            Side::Left => (Align2::RIGHT_CENTER, rect.left_top() + vec2(GUTTER - 6.0, cell.bar.center().y)),
            Side::Bottom => (Align2::CENTER_CENTER, bar.center()),
            Side::Right => (Align2::LEFT_CENTER, rect.right_top() + vec2(6.0 - GUTTER, cell.bar.center().y)),
        };
        let inside = cell.side == Side::Bottom;
        let colour = if inside && fill == tokens.accent {
            tokens.on_accent
        } else if inside || selected || response.hovered() {
            tokens.text
        } else {
            tokens.quiet
        };
        painter.text(at, anchor, block.block, font.clone(), colour);
        if inside {
            return self.paint_beside(ui, bar, rect, block, &font);
        }
        let on = if fill == tokens.accent { tokens.on_accent } else { tokens.text };
        let within = bar.shrink2(vec2(3.0, 0.0)).expand2(vec2(0.0, 1.5));
        for (text, size) in self.texts(block) {
            let font = FontId::proportional(size.min(font.size).min(bar.height()));
            let shape = painter.layout_no_wrap(text, font, on);
            let place = Align2::CENTER_CENTER.anchor_size(bar.center(), shape.size());
            if within.contains_rect(place) {
                painter.galley(place.min, shape, on);
                return;
            }
            // Beside the bar, up to the middle.
            let centre = rect.center().x;
            let (anchor, at, free) = match cell.side {
                Side::Left => (Align2::LEFT_CENTER, bar.right() + BESIDE, centre - bar.right()),
                _ => (Align2::RIGHT_CENTER, bar.left() - BESIDE, bar.left() - centre),
            };
            if shape.size().x + BESIDE <= free {
                let colour = if selected || response.hovered() { tokens.text } else { tokens.quiet };
                let place = anchor.anchor_size(pos2(at, bar.center().y), shape.size());
                // The skip line begins behind it.
                let ground = place.expand2(vec2(2.0, 0.0));
                painter.rect_filled(ground, CornerRadius::ZERO, ui.visuals().panel_fill);
                painter.galley_with_override_text_color(place.min, shape, colour);
                return;
            }
        }
    }

    /// What is written at a block and how large, the best first: shape and share of a pass, or the
    /// shape.
    fn texts(&self, block: &BlockInfo) -> [(String, f32); 3] {
        let [large, small] = TEXT_SIZES;
        let both = format!("{} · {} %", block.shape(), self.share(block));
        [(both, large), (block.shape(), large), (block.shape(), small)]
    }

    /// What the middle block is, beside its bar: there is room on both sides of it.
    fn paint_beside(&self, ui: &Ui, bar: Rect, rect: Rect, block: &BlockInfo, font: &FontId) {
        let quiet = style::tokens(ui).quiet;
        for (text, size) in self.texts(block) {
            let font = FontId::proportional(size.min(font.size));
            let shape = ui.painter().layout_no_wrap(text, font, quiet);
            let place = Align2::LEFT_CENTER
                .anchor_size(pos2(bar.right() + 2.0 * BESIDE, bar.center().y), shape.size());
            if place.right() <= rect.right() - GUTTER {
                let ground = place.expand2(vec2(2.0, 0.0));
                ui.painter().rect_filled(ground, CornerRadius::ZERO, ui.visuals().panel_fill);
                ui.painter().galley(place.min, shape, quiet);
                return;
            }
        }
    }
}

/// Fill and outline of a bar.
fn bar_colours(tokens: &Tokens, selected: bool, computed: bool, hovered: bool) -> (Color32, Color32) {
    let (fill, line) = match (selected, computed) {
        (true, true) => (tokens.accent, tokens.accent),
        (true, false) => (tokens.accent_wash, tokens.accent),
        (false, true) => (tokens.solid, tokens.solid),
        (false, false) => (Color32::TRANSPARENT, style::blend(tokens.line, tokens.quiet, 0.4)),
    };
    (fill, if hovered { tokens.text } else { line })
}
