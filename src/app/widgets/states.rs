//! What a panel shows when it has nothing to show yet: empty, working, failed.

use std::time::Duration;

use eframe::egui::{Align, Layout, ProgressBar, RichText, Ui};

use crate::app::{icons, style};

/// The widest that text in the middle of a panel becomes.
const TEXT_WIDTH: f32 = 360.0;

/// An empty panel: one sentence and the button that fills it. True when the button was pressed.
pub fn empty(ui: &mut Ui, sentence: &str, button: &str) -> bool {
    centred(ui, |ui| {
        ui.label(style::quiet(sentence));
        style::primary_button(ui, button).clicked()
    })
}

/// Work that a panel waits for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Working<'a> {
    /// What is being done: "Computing b 12 of boot.png at t 50".
    pub what: &'a str,
    /// How far, from 0 to 1, if known.
    pub done: Option<f32>,
    /// How far in words: "12 of 37 blocks".
    pub progress: Option<&'a str>,
    /// What is left, if it can be estimated.
    pub left: Option<Duration>,
    /// Whether it can be cancelled.
    pub can_cancel: bool,
}

/// A panel that waits: what, how far, time left, cancel. True when cancel was pressed.
pub fn working(ui: &mut Ui, work: &Working<'_>) -> bool {
    centred(ui, |ui| {
        ui.label(work.what);
        if let Some(done) = work.done {
            let tokens = style::tokens(ui);
            ui.visuals_mut().extreme_bg_color = tokens.line;
            let bar = ProgressBar::new(done.clamp(0.0, 1.0)).desired_height(4.0).fill(tokens.solid);
            ui.add(bar.corner_radius(2)).accessible_name(work.what);
        }
        let left = work.left.map(time_left);
        let details: Vec<&str> = [work.progress, left.as_deref()].into_iter().flatten().collect();
        if !details.is_empty() {
            ui.label(style::quiet(details.join(" · ")));
        }
        work.can_cancel
            && ui.button("Cancel").on_hover_text("Stops this and keeps finished parts (Esc)").clicked()
    })
}

/// A panel that could not be filled: what happened, what to do, and a button for it if there is
/// one. True when the button was pressed.
pub fn failed(ui: &mut Ui, what: &str, remedy: &str, button: Option<&str>) -> bool {
    centred(ui, |ui| {
        let error = style::tokens(ui).error;
        ui.label(RichText::new(icons::WARNING_CIRCLE).size(style::TYPE_SIZES[3]).color(error));
        ui.label(what);
        if !remedy.is_empty() {
            ui.label(style::quiet(remedy));
        }
        button.is_some_and(|text| ui.button(text).clicked())
    })
}

/// Puts `contents` in the middle of what is left of the panel, no wider than is good to read.
fn centred<R>(ui: &mut Ui, contents: impl FnOnce(&mut Ui) -> R) -> R {
    let id = ui.scope_id().with("panel state");
    let before: f32 =
        ui.data(|data| data.get_temp(id)).unwrap_or(ui.text_style_height(&eframe::egui::TextStyle::Body));
    let top = ((ui.available_height() - before) / 2.0).max(style::SPACE_S);
    let side = ((ui.available_width() - TEXT_WIDTH) / 2.0).max(style::SPACE_M);
    ui.add_space(if ui.available_height().is_finite() { top } else { style::SPACE_S });
    let shown = ui.horizontal_top(|ui| {
        ui.add_space(side);
        let width = (ui.available_width() - side).max(1.0);
        ui.allocate_ui_with_layout([width, 0.0].into(), Layout::top_down(Align::Center), contents).inner
    });
    let height = shown.response.rect.height();
    if (height - before).abs() > 0.5 {
        ui.data_mut(|data| data.insert_temp(id, height));
        ui.ctx().request_discard("height of a panel state");
    }
    shown.inner
}

/// `about 40 s left`, `about 3 min left`: coarse, because it is an estimate.
pub fn time_left(left: Duration) -> String {
    let seconds = left.as_secs_f64();
    if seconds < 1.0 {
        "less than a second left".into()
    } else if seconds < 10.0 {
        format!("about {seconds:.0} s left")
    } else if seconds < 90.0 {
        format!("about {:.0} s left", (seconds / 5.0).round() * 5.0)
    } else if seconds < 5400.0 {
        format!("about {:.0} min left", seconds / 60.0)
    } else {
        format!("about {:.1} h left", seconds / 3600.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_are_coarse() {
        assert_eq!(time_left(Duration::from_millis(300)), "less than a second left");
        assert_eq!(time_left(Duration::from_millis(4300)), "about 4 s left");
        assert_eq!(time_left(Duration::from_secs(43)), "about 45 s left");
        assert_eq!(time_left(Duration::from_secs(200)), "about 3 min left");
        assert_eq!(time_left(Duration::from_secs(9000)), "about 2.5 h left");
    }
}
