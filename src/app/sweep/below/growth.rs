//! What more pictures would bring, and how much of the features is noise.

use eframe::egui::{Color32, DragValue, Label, RichText, Stroke, TextStyle, Ui, vec2};
use egui_plot::{Corner, GridMark, Legend, Line, LineStyle, Plot, PlotPoints, Points, Polygon};

use super::pictures::Look;
use super::state::Key;
use super::waiting;
use crate::app::panels::Action;
use crate::app::state::State;
use crate::app::style;
use crate::app::widgets::states;
use crate::figure::ticks::thousands;
use crate::study::cell::{CellCurve, NoiseRow};

/// Noise draws where these are first asked for.
const DRAWS: u32 = 4;
/// Noise draws at most.
const MOST_DRAWS: u32 = 32;

/// Draws the sentence, and both plots beside each other.
pub(super) fn show(ui: &mut Ui, state: &mut State, look: &Look, key: &Key, actions: &mut Vec<Action>) {
    if let Some(curve) = &look.report.curve {
        ui.add(Label::new(RichText::new(&curve.sentence).strong()).wrap());
    }
    ui.horizontal_wrapped(|ui| controls(ui, state, look));
    let size = ui.available_size() - vec2(style::SPACE_M, style::SPACE_S);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = style::SPACE_M;
        let half = vec2(size.x / 2.0, size.y);
        if let Some(curve) = &look.report.curve {
            ui.vertical(|ui| {
                ui.set_width(half.x);
                growth(ui, curve, half.y);
            });
        }
        ui.vertical(|ui| {
            ui.set_width(half.x);
            let is_exact = look.report.settings.noise == key.config.noise
                && look.report.settings.curve.target == key.config.curve.target;
            if !is_exact {
                waiting(ui, state, key, actions);
            } else if look.report.noise.is_empty() {
                no_noise(ui, state);
            } else {
                noise(ui, &look.report.noise, half.y);
            }
        });
    });
}

/// The target, and how noise is looked at.
fn controls(ui: &mut Ui, state: &mut State, look: &Look) {
    let settings = &mut state.sweep.settings.below;
    if let Some(target) = look.report.curve.as_ref().and_then(|curve| curve.target) {
        ui.label("target");
        let mut percent = 100.0 * settings.target.unwrap_or(target.accuracy);
        let field = DragValue::new(&mut percent).range(1.0..=99.9).suffix(" %").update_while_editing(false);
        let about = "The accuracy that pictures are counted for (--target).";
        if ui.add(field.max_decimals(1)).on_hover_text(about).changed() {
            settings.target = Some(percent / 100.0);
        }
        ui.separator();
    }
    ui.label("noise draws");
    let draws = &mut settings.noise.draws;
    let before = *draws;
    ui.add(DragValue::new(draws).range(0..=MOST_DRAWS).update_while_editing(false))
        .on_hover_text("Of each picture at every timestep of the sweep (--noise-draws); 0 for none.");
    // One draw cannot be compared.
    if *draws == 1 {
        *draws = if before == 0 { 2 } else { 0 };
    }
    ui.label("over");
    let pictures = &mut settings.noise.pictures;
    ui.add(DragValue::new(pictures).range(2..=5000).suffix(" pictures").update_while_editing(false))
        .on_hover_text("At most (noise.pictures): each takes a forward for every timestep and draw.");
}

/// Offers to look at noise.
fn no_noise(ui: &mut Ui, state: &mut State) {
    let sentence = "How much of these features is the picture, and how much the noise, at each timestep?";
    if states::empty(ui, sentence, &format!("Draw noise {DRAWS} times")) {
        state.sweep.settings.below.noise.draws = DRAWS;
    }
}

fn plot(name: &'static str, height: f32, legend: Corner) -> Plot<'static> {
    Plot::new(name)
        .height(height.max(72.0))
        .allow_scroll(false)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .legend(Legend::default().position(legend).background_alpha(0.6).text_style(TextStyle::Small))
}

/// What lies between two curves, piece by piece.
fn band(x: [f64; 2], low: [f64; 2], high: [f64; 2], fill: Color32) -> Polygon<'static> {
    let corners = vec![[x[0], low[0]], [x[0], high[0]], [x[1], high[1]], [x[1], low[1]]];
    let band = Polygon::new("", PlotPoints::from(corners)).fill_color(fill);
    band.stroke(Stroke::NONE).allow_hover(false)
}

/// The learning curve over a logarithmic axis; what was not measured is dashed.
fn growth(ui: &mut Ui, curve: &CellCurve, height: f32) {
    let tokens = style::tokens(ui);
    let line = ui.text_style_height(&TextStyle::Small) + ui.spacing().item_spacing.y;
    ui.label(style::quiet("accuracy % by pictures of each class").small()).on_hover_text(
        "Every repeat learns from a few pictures of each class and is asked about others. The band tells of chance \
         in the repeats, not of a curve that bends otherwise later on.",
    );
    let log = |pictures: f64| pictures.max(1.0).log10();
    let last = curve.band.last().map_or(curve.at_hand, |point| point.pictures);
    let marks = move |_: egui_plot::GridInput| -> Vec<GridMark> {
        let decades = (0..7).map(|power| 10f64.powi(power));
        let values = decades.flat_map(|unit| [1.0, 2.0, 5.0].map(|times| unit * times));
        let within = values.take_while(|value| *value <= last * 1.01);
        within.map(|value| GridMark { value: value.log10(), step_size: 1.0 }).collect()
    };
    let plot = plot("growth", height - line, Corner::RightBottom)
        .x_grid_spacer(marks)
        .x_axis_formatter(|mark, _| thousands(10f64.powf(mark.value).round() as u64));
    plot.show(ui, |plot| {
        let fill = tokens.accent.gamma_multiply(0.18);
        for pair in curve.band.windows(2) {
            let [a, b] = pair else { continue };
            let ends = |of: fn(&crate::study::cell::ForecastPoint) -> f64| [100.0 * of(a), 100.0 * of(b)];
            plot.polygon(band([log(a.pictures), log(b.pictures)], ends(|p| p.low), ends(|p| p.high), fill));
        }
        let end = curve.points.last().map_or(0.0, |point| point.pictures);
        let along = |foretold: bool| -> PlotPoints<'static> {
            let here = curve.band.iter().filter(|point| (point.pictures >= end) == foretold);
            here.map(|point| [log(point.pictures), 100.0 * point.accuracy]).collect()
        };
        plot.line(Line::new("", along(false)).color(tokens.accent).width(1.5));
        let dashed = Line::new("forecast, 95 %", along(true)).style(LineStyle::dashed_dense());
        plot.line(dashed.color(tokens.accent).width(1.5));
        for point in &curve.points {
            let ends = [point.ci_low, point.ci_high].map(|share| [log(point.pictures), 100.0 * share]);
            plot.line(Line::new("", ends.to_vec()).color(tokens.accent).width(1.5).allow_hover(false));
        }
        let measured = curve.points.iter().map(|point| [log(point.pictures), 100.0 * point.accuracy]);
        let measured: PlotPoints<'static> = measured.collect();
        plot.points(Points::new("measured, 95 %", measured).color(tokens.accent).radius(3.5));
        if let Some(target) = curve.target {
            let level = egui_plot::HLine::new("", 100.0 * target.accuracy);
            plot.hline(level.color(tokens.quiet).style(LineStyle::dotted_dense()).width(1.0));
        }
    });
}

/// What stays the same under other noise, step by step.
fn noise(ui: &mut Ui, rows: &[NoiseRow], height: f32) {
    let tokens = style::tokens(ui);
    let line = ui.text_style_height(&TextStyle::Small) + ui.spacing().item_spacing.y;
    let first = rows.first();
    let title = format!(
        "what stays under other noise, % by timestep ({} pictures, {} draws)",
        first.map_or(0, |row| row.pictures),
        first.map_or(0, |row| row.draws)
    );
    ui.label(style::quiet(title).small()).on_hover_text(
        "The share of the variance of features that lies between pictures and not between noise draws of one; \
         and the share of nearest pictures that two draws have in common.",
    );
    plot("noise", height - line, Corner::LeftBottom).show(ui, |plot| {
        let fill = tokens.accent.gamma_multiply(0.18);
        for pair in rows.windows(2) {
            let [a, b] = pair else { continue };
            let (Some(low), Some(high)) = (a.ci_low.zip(b.ci_low), a.ci_high.zip(b.ci_high)) else {
                continue;
            };
            let percent = |(a, b): (f64, f64)| [100.0 * a, 100.0 * b];
            let x = [a.timestep as f64, b.timestep as f64];
            plot.polygon(band(x, percent(low), percent(high), fill));
        }
        let of = |value: fn(&NoiseRow) -> Option<f64>| -> PlotPoints<'static> {
            rows.iter().filter_map(|row| Some([row.timestep as f64, 100.0 * value(row)?])).collect()
        };
        let share = |row: &NoiseRow| row.correlation;
        let common = |row: &NoiseRow| Some(row.agreement);
        plot.line(Line::new("variance", of(share)).color(tokens.accent).width(2.0));
        plot.points(Points::new("variance", of(share)).color(tokens.accent).radius(3.0));
        plot.line(Line::new("neighbours", of(common)).color(tokens.quiet).width(1.5));
        plot.points(Points::new("neighbours", of(common)).color(tokens.quiet).radius(3.0));
    });
}
