//! The status bar: device, what the last forward cost, cache, and jobs with progress and cancel.

use std::time::Duration;

use eframe::egui::accesskit::Role;
use eframe::egui::{Align, Button, Layout, ProgressBar, RichText, Ui, WidgetInfo};

use super::Action;
use crate::app::command::Command;
use crate::app::state::{JobLine, State};
use crate::app::widgets::states::time_left;
use crate::app::{icons, style};
use crate::figure::ticks::format_value;
use crate::jobs::JobState;

/// Draws the bar.
pub fn show(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            jobs(ui, state, actions);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| facts(ui, state, actions));
        });
    });
}

fn facts(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    if let Some(device) = &state.device {
        let threads =
            if device.threads == 1 { "1 thread".into() } else { format!("{} threads", device.threads) };
        let text = style::quiet(format!("{}, {threads}, {}", device.name, device.precision)).small();
        let button = ui.add(Button::new(text).frame_when_inactive(false));
        if button.on_hover_text(Command::Settings.tooltip()).clicked() {
            actions.push(Action::Do(Command::Settings));
        }
    }
    let mut facts = Vec::new();
    if let Some(held) = &state.current.map {
        let map = &held.value.map;
        facts.push(match map.forwards {
            0 => "no forward needed".to_string(),
            1 => format!("forward {} to b {}", duration(map.seconds), map.selection.block),
            n => format!("{n} forwards {} to b {}", duration(map.seconds), map.selection.block),
        });
        facts.push(format!("cache {} MB", format_value(map.cache_bytes as f32 / 1e6)));
    }
    let text = RichText::new(facts.join(" · ")).small().color(style::tokens(ui).quiet);
    ui.add(eframe::egui::Label::new(text).truncate());
}

/// `11 ms`, `3.2 s`.
fn duration(seconds: f64) -> String {
    if seconds < 1.0 {
        format!("{} ms", format_value((seconds * 1e3) as f32))
    } else {
        format!("{} s", format_value(seconds as f32))
    }
}

fn jobs(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let Some(line) = state.jobs.first() else {
        ui.label(style::quiet("no jobs").small());
        return;
    };
    if state.jobs.len() > 1 {
        let waiting: Vec<&str> = state.jobs[1..].iter().map(|line| line.title.as_str()).collect();
        ui.label(style::quiet(format!("{} waiting", waiting.len())).small())
            .on_hover_text(waiting.join("\n"));
    }
    let cancel = ui.add(Button::new(RichText::new(icons::X).small()).frame_when_inactive(false));
    cancel.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Cancel {}", line.title)));
    if cancel.on_hover_text("Stops this and keeps finished parts.").clicked() {
        actions.push(Action::CancelJob(line.id));
    }
    progress(ui, line);
    ui.label(RichText::new(&line.title).small());
}

fn progress(ui: &mut Ui, line: &JobLine) {
    let JobState::Running { what, done, total, seconds_left } = &line.state else {
        ui.label(style::quiet("waiting").small());
        return;
    };
    let share = if *total > 0 { *done as f32 / *total as f32 } else { 0.0 };
    let left = seconds_left
        .filter(|s| s.is_finite() && *s >= 1.0)
        .map(|seconds| time_left(Duration::from_secs_f64(seconds)));
    if let Some(left) = left {
        ui.label(style::quiet(left).small());
    }
    ui.add(ProgressBar::new(share).desired_width(120.0).text(RichText::new(what).small()));
}
