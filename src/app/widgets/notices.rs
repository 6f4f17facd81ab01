//! Messages that pass by at the bottom of the window: what happened, to what, and what to do.

use eframe::egui::{
    Align, Align2, Area, Button, Color32, Context, Frame, Id, Layout, Margin, Order, RichText, vec2,
};

use crate::app::{icons, style};

/// How serious a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// Something worked: leaves by itself.
    Good,
    /// Something to know: leaves by itself.
    Information,
    /// Something to know before trusting a result: stays until dismissed.
    Warning,
    /// Something failed: stays until dismissed.
    Error,
}

/// Width of the text and its icons, in points.
const WIDTH: f32 = 340.0;
/// Seconds that notices stay which leave by themselves.
const STAY: f64 = 6.0;
/// No more than these are shown; older ones wait behind them.
const SHOWN: usize = 4;

#[derive(Clone, Debug)]
struct Notice {
    key: u64,
    kind: NoticeKind,
    text: String,
    times: usize,
    until: Option<f64>,
}

/// The notices on screen, oldest first.
#[derive(Debug, Default)]
pub struct Notices {
    list: Vec<Notice>,
    next_key: u64,
}

impl Notices {
    /// Adds a notice. The same text again is counted instead of repeated.
    pub fn push(&mut self, kind: NoticeKind, text: impl Into<String>) {
        let text = text.into();
        if let Some(same) = self.list.iter_mut().find(|notice| notice.kind == kind && notice.text == text) {
            same.times += 1;
            same.until = None;
            return;
        }
        self.list.push(Notice { key: self.next_key, kind, text, times: 1, until: None });
        self.next_key += 1;
    }

    /// True when none is on screen.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Shows the newest notices above the bottom right corner and forgets those whose time is over.
    pub fn show(&mut self, ctx: &Context) {
        let now = ctx.input(|input| input.time);
        for notice in &mut self.list {
            if matches!(notice.kind, NoticeKind::Good | NoticeKind::Information) {
                notice.until.get_or_insert(now + STAY);
            }
        }
        self.list.retain(|notice| notice.until.is_none_or(|until| now < until));
        if let Some(next) = self.list.iter().filter_map(|notice| notice.until).reduce(f64::min) {
            ctx.request_repaint_after_secs((next - now).max(0.0) as f32);
        }
        if self.list.is_empty() {
            return;
        }
        let mut dismissed = None;
        Area::new(Id::unique("notices"))
            .order(Order::Foreground)
            .anchor(Align2::RIGHT_BOTTOM, vec2(-style::SPACE_L, -style::SPACE_XL - style::SPACE_L))
            .show(ctx, |ui| {
                for notice in self.list.iter().rev().take(SHOWN).rev() {
                    if show_one(ui, notice) {
                        dismissed = Some(notice.key);
                    }
                }
            });
        if let Some(key) = dismissed {
            self.list.retain(|notice| notice.key != key);
        }
    }
}

fn show_one(ui: &mut eframe::egui::Ui, notice: &Notice) -> bool {
    let tokens = style::tokens(ui);
    let (icon, colour): (&str, Color32) = match notice.kind {
        NoticeKind::Good => (icons::CHECK_CIRCLE, tokens.good),
        NoticeKind::Information => (icons::INFO, tokens.quiet),
        NoticeKind::Warning => (icons::WARNING, tokens.warning),
        NoticeKind::Error => (icons::WARNING_CIRCLE, tokens.error),
    };
    let frame =
        Frame::popup(ui.style()).inner_margin(Margin::symmetric(style::SPACE_M as i8, style::SPACE_S as i8));
    frame
        .show(ui, |ui| {
            ui.set_width(WIDTH);
            ui.horizontal_top(|ui| {
                ui.label(RichText::new(icon).color(colour));
                let text = match notice.times {
                    1 => notice.text.clone(),
                    times => format!("{} ({times} times)", notice.text),
                };
                let width = ui.available_width() - 16.0 - style::SPACE_S;
                ui.allocate_ui_with_layout(vec2(width, 0.0), Layout::top_down(Align::Min), |ui| {
                    ui.set_width(width);
                    ui.label(text);
                });
                let close = Button::new(style::quiet(icons::X)).frame(false);
                ui.add(close).on_hover_text("Dismiss").accessible_name("Dismiss notice").clicked()
            })
            .inner
        })
        .inner
}
