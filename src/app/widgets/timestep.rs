//! The slider for the timestep t.

use eframe::egui::accesskit::{Action, ActionData, Role};
use eframe::egui::{
    Align, Align2, CornerRadius, DragValue, EventFilter, Id, Key, Layout, Rangef, Rect, Response, Sense,
    Stroke, TextStyle, Ui, WidgetInfo, pos2, vec2,
};

use super::number;
use crate::app::style;

/// Position on the rail ∝ (t / (T − 1))^EXPONENT, so that small t, where the features differ most,
/// have room.
const EXPONENT: f64 = 0.5;
const HANDLE_RADIUS: f32 = 7.0;
/// From this width on there is room for words.
const ROOMY: f32 = 280.0;
const TICK: f32 = 5.0;
const FIELD_WIDTH: f32 = 56.0;
/// Labels of marks closer than this are left out; their ticks stay.
const LABEL_GAP: f32 = 5.0;

/// A slider over 0 … T − 1 with marks, a number field, and what t means for the picture.
pub struct TimestepControl<'a> {
    timestep: usize,
    steps: usize,
    marks: &'a [usize],
    alpha_bar: f64,
    snr: f64,
}

impl<'a> TimestepControl<'a> {
    /// At `timestep` of `steps` (T), with `marks` (those ≥ T are left out). `alpha_bar` is ᾱ_t, the
    /// share of the picture's variance that is left; `snr` is ᾱ_t / (1 − ᾱ_t).
    pub fn new(timestep: usize, steps: usize, marks: &'a [usize], alpha_bar: f64, snr: f64) -> Self {
        TimestepControl { timestep: timestep.min(last(steps)), steps, marks, alpha_bar, snr }
    }

    /// Draws it over the whole width; returns the new timestep if the user changed it.
    pub fn show(self, ui: &mut Ui) -> Option<usize> {
        let mut chosen = None;
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = style::SPACE_XS;
            ui.horizontal(|ui| {
                let label = if ui.available_width() < ROOMY { "t" } else { "timestep t" };
                ui.label(style::quiet(label));
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| self.readout(ui));
            });
            ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
                let field = self.field(ui);
                let rail = self.rail(ui);
                chosen = field.or(rail);
            });
        });
        chosen.filter(|&timestep| timestep != self.timestep)
    }

    fn readout(&self, ui: &mut Ui) {
        let text = format!("ᾱ {:.3} · SNR {}", self.alpha_bar, decibels(self.snr));
        ui.label(style::quiet(text)).on_hover_text(format!(
            "{:.3} of the variance of the input is picture and {:.3} is noise, a signal-to-noise ratio of {}.",
            self.alpha_bar,
            1.0 - self.alpha_bar,
            significant(self.snr),
        ));
    }

    fn field(&self, ui: &mut Ui) -> Option<usize> {
        let mut value = self.timestep;
        let size = vec2(FIELD_WIDTH, ui.spacing().interact_size.y);
        let response = number::forgetting(ui, &mut value, |ui, value| {
            let field = DragValue::new(value).range(0..=last(self.steps)).speed(0.5);
            ui.add_sized(size, field.update_while_editing(false))
        });
        let response = response
            .on_hover_text(format!("Timestep from 0 (the picture) to {} (all noise).", last(self.steps)))
            .accessible_name("Timestep t");
        response.changed().then_some(value)
    }

    fn rail(&self, ui: &mut Ui) -> Option<usize> {
        let label_height = ui.text_style_height(&TextStyle::Small);
        let rail_height = ui.spacing().interact_size.y;
        let size = vec2(ui.available_width(), rail_height + TICK + label_height);
        let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
        let id = ui.scope_id().with("timestep rail");
        let rail = Rect::from_min_size(rect.min, vec2(size.x, rail_height));
        let xs = rail.x_range().shrink(HANDLE_RADIUS);

        let response = ui.interact(rail, id, Sense::click_and_drag());
        let chosen = self
            .dragged(&response, xs)
            .or_else(|| self.keys(ui, &response))
            .or_else(|| self.requests(ui, id));
        self.describe(ui, &response);
        self.paint_rail(ui, &response, rail, xs);
        let marked =
            self.paint_marks(ui, id, Rect::from_min_max(pos2(rect.left(), rail.bottom()), rect.max), xs);
        chosen.or(marked)
    }

    fn dragged(&self, response: &Response, xs: Rangef) -> Option<usize> {
        let at = response.interact_pointer_pos()?;
        let share = f64::from((at.x - xs.min) / xs.span().max(1.0)).clamp(0.0, 1.0);
        Some(timestep_at(share, self.steps))
    }

    fn keys(&self, ui: &Ui, response: &Response) -> Option<usize> {
        if !response.has_focus() {
            return None;
        }
        let arrows = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
        let last = last(self.steps);
        ui.input(|input| {
            let step = if input.modifiers.shift { 10 } else { 1 };
            if input.key_pressed(Key::ArrowRight) {
                Some((self.timestep + step).min(last))
            } else if input.key_pressed(Key::ArrowLeft) {
                Some(self.timestep.saturating_sub(step))
            } else if input.key_pressed(Key::Home) {
                Some(0)
            } else if input.key_pressed(Key::End) {
                Some(last)
            } else {
                None
            }
        })
    }

    /// What a screen reader asks for.
    fn requests(&self, ui: &Ui, id: Id) -> Option<usize> {
        let last = last(self.steps);
        ui.input(|input| {
            let set = input.accesskit_action_requests(id, Action::SetValue).find_map(|request| match request
                .data
            {
                Some(ActionData::NumericValue(value)) => Some(value.round().clamp(0.0, last as f64) as usize),
                _ => None,
            });
            let up = input.num_accesskit_action_requests(id, Action::Increment);
            let down = input.num_accesskit_action_requests(id, Action::Decrement);
            set.or_else(|| (up + down > 0).then(|| (self.timestep + up).saturating_sub(down).min(last)))
        })
    }

    fn describe(&self, ui: &Ui, response: &Response) {
        let last = last(self.steps);
        response.widget_info(|| WidgetInfo::slider(ui.is_enabled(), self.timestep as f64, "Timestep slider"));
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_min_numeric_value(0.0);
            node.set_max_numeric_value(last as f64);
            node.set_numeric_value_step(1.0);
            node.add_action(Action::SetValue);
            node.add_action(Action::Increment);
            node.add_action(Action::Decrement);
        });
    }

    fn paint_rail(&self, ui: &Ui, response: &Response, rail: Rect, xs: Rangef) {
        let tokens = style::tokens(ui);
        let painter = ui.painter();
        let y = rail.center().y;
        let x = place(self.timestep, self.steps, xs);
        let bar = |from: f32, to: f32| Rect::from_x_y_ranges(from..=to, y - 2.0..=y + 2.0);
        let radius = CornerRadius::same(2);
        painter.rect_filled(bar(rail.left(), rail.right()), radius, tokens.line);
        painter.rect_filled(bar(rail.left(), x), radius, tokens.solid);
        let ring = if response.has_focus() || response.hovered() || response.dragged() {
            tokens.text
        } else {
            tokens.surface
        };
        painter.circle(pos2(x, y), HANDLE_RADIUS, tokens.accent, Stroke::new(1.5, ring));
    }

    fn paint_marks(&self, ui: &Ui, id: Id, area: Rect, xs: Rangef) -> Option<usize> {
        let tokens = style::tokens(ui);
        let font = TextStyle::Small.resolve(ui.style());
        let mut taken = f32::NEG_INFINITY;
        let mut chosen = None;
        for &mark in self.marks.iter().filter(|&&mark| mark < self.steps) {
            let here = mark == self.timestep;
            let x = place(mark, self.steps, xs);
            let galley = ui.painter().layout_no_wrap(mark.to_string(), font.clone(), tokens.quiet);
            let centre = x.clamp(area.left() + galley.size().x / 2.0, area.right() - galley.size().x / 2.0);
            let label = Align2::CENTER_TOP.anchor_size(pos2(centre, area.top() + TICK), galley.size());
            let has_room = label.left() >= taken + LABEL_GAP;
            let reach = if has_room { label.x_range() } else { Rangef::new(x - 2.0, x + 2.0) };
            let hit = Rect::from_x_y_ranges(reach, area.y_range()).expand2(vec2(LABEL_GAP / 2.0, 0.0));
            let response = ui.interact(hit, id.with(mark), Sense::CLICK);
            response.widget_info(|| {
                WidgetInfo::selected(Role::Button, ui.is_enabled(), here, format!("t {mark}"))
            });
            let colour = if here || response.hovered() { tokens.text } else { tokens.quiet };
            ui.painter().vline(
                x,
                area.top() - 2.0..=area.top() + TICK - 1.0,
                Stroke::new(style::HAIRLINE, colour),
            );
            if has_room {
                taken = label.right();
                ui.painter().galley_with_override_text_color(label.min, galley, colour);
            }
            if response.on_hover_text(format!("Go to t {mark}.")).clicked() {
                chosen = Some(mark);
            }
        }
        chosen
    }
}

fn last(steps: usize) -> usize {
    steps.saturating_sub(1)
}

/// Where `timestep` of `steps` lies on the rail, from 0 to 1.
fn share_of(timestep: usize, steps: usize) -> f64 {
    (timestep as f64 / last(steps).max(1) as f64).min(1.0).powf(EXPONENT)
}

/// The timestep at `share` of the rail.
fn timestep_at(share: f64, steps: usize) -> usize {
    (share.powf(1.0 / EXPONENT) * last(steps) as f64).round() as usize
}

fn place(timestep: usize, steps: usize, xs: Rangef) -> f32 {
    xs.min + xs.span() * share_of(timestep, steps) as f32
}

/// `12.3 dB`, `−∞ dB` for no signal at all, `∞ dB` for no noise.
fn decibels(snr: f64) -> String {
    match 10.0 * snr.log10() {
        value if value == f64::INFINITY => "∞ dB".into(),
        value if value == f64::NEG_INFINITY => "−∞ dB".into(),
        value if value.is_nan() => "unknown".into(),
        value => format!("{value:.1} dB").replace('-', "−"),
    }
}

/// Three significant digits, without an exponent where people would not write one.
fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".into() } else { "∞".into() };
    }
    match value.abs().log10().floor() as i32 {
        digits @ -3..=5 => format!("{value:.*}", (2 - digits).max(0) as usize),
        _ => format!("{value:.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_timestep_is_reached_and_found_again() {
        for steps in [1, 2, 50, 1000, 4000] {
            for timestep in 0..steps {
                assert_eq!(timestep_at(share_of(timestep, steps), steps), timestep);
            }
        }
    }

    #[test]
    fn small_timesteps_have_room() {
        assert!(share_of(10, 1000) > 0.09 && share_of(150, 1000) > 0.38);
        assert_eq!((share_of(0, 1000), share_of(999, 1000)), (0.0, 1.0));
    }

    #[test]
    fn ratios_read_well() {
        assert_eq!(decibels(10.0), "10.0 dB");
        assert_eq!(decibels(0.1), "−10.0 dB");
        assert_eq!(decibels(0.0), "−∞ dB");
        assert_eq!(significant(9999.0), "9999");
        assert_eq!(significant(12.345), "12.3");
        assert_eq!(significant(0.012_345), "0.0123");
        assert_eq!(significant(f64::INFINITY), "∞");
    }
}
