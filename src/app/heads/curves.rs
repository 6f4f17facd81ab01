//! Plots: learning curves, reliability, accuracy against cost.

use eframe::egui::{Color32, TextStyle, Ui};
use egui_plot::{Corner, Legend, Line, LineStyle, Plot, PlotPoints, Points};

use super::state::HeadsState;
use crate::app::style;
use crate::jobs::RunRecord;
use crate::study::table::Features;
use crate::train::EpochPoint;

/// The colour of a run: that of its place among all, the same in every plot.
fn colour(heads: &HeadsState, run: &RunRecord) -> Color32 {
    let at = heads.runs.iter().position(|held| held.id == run.id).unwrap_or(0);
    style::class_colour(at)
}

fn plot(id: &str, width: f32, height: f32) -> Plot<'static> {
    Plot::new(id.to_string())
        .width(width)
        .height(height)
        .allow_scroll(false)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .legend(Legend::default().position(Corner::RightBottom).text_style(TextStyle::Small))
}

/// Loss, accuracy and learning rate of the runs chosen, epoch by epoch; what was validated is solid,
/// what was trained on is dotted.
pub fn learning(ui: &mut Ui, heads: &HeadsState) {
    let stepped: Vec<&RunRecord> = heads.chosen().into_iter().filter(|run| !run.curve.is_empty()).collect();
    if stepped.is_empty() {
        let running = heads.chosen().iter().any(|run| heads.progress.contains_key(&run.id));
        ui.label(style::quiet(match running {
            true => "The first epoch is on its way.",
            false => "The runs chosen are fitted in closed form, or had no epoch: there is no curve.",
        }));
        return;
    }
    for run in &stepped {
        if let Some(results) = &run.results {
            let kept = results.epoch.map_or(String::new(), |epoch| format!(" · epoch {epoch} kept"));
            ui.label(style::quiet(format!("{}: {}{kept}", run.name, results.stopped)).small());
        }
    }
    type Value = fn(&EpochPoint) -> Option<f64>;
    let plots: [(&str, Value, Value); 3] = [
        ("loss", |point| Some(point.loss), |point| point.validation_loss),
        (
            "accuracy %",
            |point| Some(100.0 * point.accuracy),
            |point| point.validation_accuracy.map(|share| 100.0 * share),
        ),
        ("learning rate", |_| None, |point| Some(point.learning_rate)),
    ];
    let width = (ui.available_width() - 2.0 * style::SPACE_M) / 3.0;
    let line = ui.text_style_height(&TextStyle::Small) + ui.spacing().item_spacing.y;
    let height = (ui.available_height() - line).max(80.0);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = style::SPACE_M;
        for (title, trained, validated) in plots {
            ui.vertical(|ui| {
                ui.label(style::quiet(format!("{title} by epoch")).small());
                plot(title, width, height).show(ui, |plot| {
                    for run in &stepped {
                        let points = |of: Value| -> PlotPoints<'static> {
                            let pairs = run.curve.iter().filter_map(|p| Some([p.epoch as f64, of(p)?]));
                            pairs.collect()
                        };
                        let ink = colour(heads, run);
                        // One name for both: the legend has an entry per name.
                        let dotted = Line::new(run.name.clone(), points(trained)).color(ink);
                        if run.curve.iter().any(|point| trained(point).is_some()) {
                            plot.line(dotted.style(LineStyle::dotted_dense()).width(1.5));
                        }
                        if run.curve.iter().any(|point| validated(point).is_some()) {
                            plot.line(Line::new(run.name.clone(), points(validated)).color(ink).width(2.0));
                        }
                    }
                });
            });
        }
    });
}

/// How often heads are right when they are so sure.
pub fn reliability(ui: &mut Ui, heads: &HeadsState) {
    let tested: Vec<&RunRecord> = heads.chosen().into_iter().filter(|run| test_of(run).is_some()).collect();
    if tested.is_empty() {
        ui.label(style::quiet("The runs chosen were not tested."));
        return;
    }
    for run in &tested {
        if let Some(test) = test_of(run) {
            let error = 100.0 * test.calibration_error;
            let text = format!("{}: confidence and accuracy differ by {error:.1} % on average", run.name);
            ui.label(style::quiet(text).small());
        }
    }
    let diagonal = ui.visuals().weak_text_color();
    plot("reliability", ui.available_width().min(520.0), ui.available_height().max(80.0))
        .include_x(0.0)
        .include_x(100.0)
        .include_y(0.0)
        .include_y(100.0)
        .x_axis_label("confidence %")
        .y_axis_label("accuracy %")
        .show(ui, |plot| {
            let even = Line::new("as it should be", vec![[0.0, 0.0], [100.0, 100.0]]);
            plot.line(even.color(diagonal).style(LineStyle::dashed_loose()));
            for run in &tested {
                let bins = test_of(run).into_iter().flat_map(|test| &test.reliability);
                let points: Vec<[f64; 2]> =
                    bins.filter_map(|bin| Some([100.0 * bin.confidence?, 100.0 * bin.accuracy?])).collect();
                let ink = colour(heads, run);
                plot.line(Line::new(run.name.clone(), points.clone()).color(ink).width(2.0));
                plot.points(Points::new(run.name.clone(), points).color(ink).radius(3.5));
            }
        });
}

fn test_of(run: &RunRecord) -> Option<&crate::train::metrics::Metrics> {
    run.results.as_ref()?.test.as_ref()
}

/// Accuracy of every run against what a picture costs; controls are hollow.
pub fn cost(ui: &mut Ui, heads: &HeadsState) {
    let tested: Vec<&RunRecord> = heads.runs.iter().filter(|run| test_of(run).is_some()).collect();
    if tested.is_empty() {
        ui.label(style::quiet("No run was tested yet."));
        return;
    }
    plot("cost", ui.available_width(), ui.available_height().max(80.0))
        .x_axis_label("milliseconds per picture")
        .y_axis_label("accuracy %")
        .include_x(0.0)
        .show(ui, |plot| {
            for run in tested {
                let (Some(test), Some(results)) = (test_of(run), &run.results) else { continue };
                let control = run.settings.training.features != Features::Network;
                let point = vec![[1e3 * results.seconds_per_image, 100.0 * test.accuracy]];
                let chosen = heads.is_chosen(run.id);
                plot.points(
                    Points::new(run.name.clone(), point)
                        .color(colour(heads, run))
                        .filled(!control)
                        .radius(if chosen { 7.0 } else { 4.5 }),
                );
            }
        });
}
