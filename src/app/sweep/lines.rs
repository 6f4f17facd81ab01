//! Curves along either axis through the cell chosen, with published ones in grey behind.

use eframe::egui::{TextStyle, Ui};
use egui_plot::{Corner, Legend, Line, LineStyle, Plot, PlotPoints, Points, Polygon};

use super::state::Table;
use crate::app::state::State;
use crate::app::style;
use crate::study::measures::published::{Axis, PublishedCurve, published};
use crate::study::sweep::SweepRow;

/// Draws both plots, side by side or one above the other.
pub fn show(ui: &mut Ui, state: &State, table: &Table) {
    let Some(selection) = state.selection() else { return };
    let near = |axis: &[usize], wanted: usize| {
        axis.iter().copied().min_by_key(|value| value.abs_diff(wanted)).unwrap_or(wanted)
    };
    let block = near(&table.blocks, selection.block);
    let timestep = near(&table.timesteps, selection.timestep);
    let (width, height) = (ui.available_width(), ui.available_height());
    let beside = width > 420.0;
    let line = ui.text_style_height(&TextStyle::Small) + ui.spacing().item_spacing.y;
    let size = match beside {
        true => ((width - style::SPACE_M) / 2.0, (height - line - style::SPACE_S).max(72.0)),
        false => (width, (height / 2.0 - line - style::SPACE_S).max(72.0)),
    };
    let count = state.network.as_ref().map_or(1, |network| network.card.blocks.len());
    let steps = state.steps();
    let draw = |ui: &mut Ui| {
        ui.vertical(|ui| {
            let rows = table.blocks.iter().filter_map(|b| table.cells.get(&(*b, timestep)));
            let depth = |row: &SweepRow| row.block as f64;
            let own = rows.map(|row| (depth(row), row)).collect();
            let place = move |relative: f64| 1.0 + relative * (count.saturating_sub(1)) as f64;
            let title = format!("by block, at t {timestep}");
            plot(ui, &title, (own, table), (Axis::Block, timestep, steps), &place, size);
        });
        ui.vertical(|ui| {
            let rows = table.timesteps.iter().filter_map(|t| table.cells.get(&(block, *t)));
            let own = rows.map(|row| (row.timestep as f64, row)).collect();
            let place = move |relative: f64| relative * steps as f64;
            let title = format!("by timestep, at b {block}");
            plot(ui, &title, (own, table), (Axis::Timestep, block, count), &place, size);
        });
    };
    if beside {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = style::SPACE_M;
            draw(ui);
        });
    } else {
        ui.vertical(draw);
    }
}

/// The published curves nearest to a place: of each data set one, by pool and by the other axis.
fn nearest(axis: Axis, at: usize, whole: usize, pool: usize) -> Vec<PublishedCurve> {
    let all: Vec<PublishedCurve> = published().into_iter().filter(|curve| curve.axis == axis).collect();
    let relative = at as f64 / whole.max(1) as f64;
    let far = |curve: &PublishedCurve| {
        let of = match axis {
            Axis::Block => crate::study::measures::published::STEPS,
            Axis::Timestep => crate::study::measures::published::BLOCKS,
        };
        (curve.at as f64 / of as f64 - relative).abs() + 10.0 * curve.pool.abs_diff(pool) as f64
    };
    let mut names: Vec<&str> = all.iter().map(|curve| curve.data).collect();
    names.dedup();
    let best = |name: &str| {
        let own = all.iter().filter(|curve| curve.data == name);
        own.min_by(|a, b| far(a).total_cmp(&far(b))).cloned()
    };
    names.into_iter().filter_map(best).collect()
}

fn plot(
    ui: &mut Ui,
    title: &str,
    (own, table): (Vec<(f64, &SweepRow)>, &Table),
    (axis, at, whole): (Axis, usize, usize),
    place: &dyn Fn(f64) -> f64,
    (width, height): (f32, f32),
) {
    let scale = table.scale();
    // What was published are accuracies.
    let curves = if table.score.needs_labels() { nearest(axis, at, whole, table.at.0) } else { Vec::new() };
    let about: Vec<String> = curves.iter().map(PublishedCurve::title).collect();
    // Of another network on other pictures: their height says nothing here, their shape may.
    let about = match curves.is_empty() {
        true => table.score.about().to_string(),
        false => format!(
            "In grey, at the same relative place, another network on other pictures: compare shapes, not \
             heights.\n{}",
            about.join("\n")
        ),
    };
    ui.label(style::quiet(title).small()).on_hover_text(about);
    let tokens = style::tokens(ui);
    let plot = Plot::new(title.split(',').next().unwrap_or(title).to_string())
        .width(width)
        .height(height)
        .allow_scroll(false)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .legend(
            Legend::default()
                .position(Corner::RightBottom)
                .background_alpha(0.6)
                .text_style(TextStyle::Small),
        );
    plot.show(ui, |plot| {
        for curve in &curves {
            let points: PlotPoints<'static> =
                curve.relative().map(|(relative, value)| [place(relative), 100.0 * value]).collect();
            let dashed = curve.data.starts_with("CUB");
            let style = if dashed { LineStyle::dashed_dense() } else { LineStyle::Solid };
            let name = format!("{}, published", curve.data);
            plot.line(Line::new(name, points).color(tokens.solid).style(style).width(1.5));
        }
        let shown = |value: f64| f64::from(scale.shown(value));
        let fill = tokens.accent.gamma_multiply(0.18);
        for pair in own.windows(2) {
            let [(left, a), (right, b)] = pair else { continue };
            let corners = vec![
                [*left, shown(a.ci_low)],
                [*left, shown(a.ci_high)],
                [*right, shown(b.ci_high)],
                [*right, shown(b.ci_low)],
            ];
            let band = Polygon::new("", PlotPoints::from(corners)).fill_color(fill);
            plot.polygon(band.stroke(eframe::egui::Stroke::NONE).allow_hover(false));
        }
        let points =
            || -> PlotPoints<'static> { own.iter().map(|(x, row)| [*x, shown(row.accuracy)]).collect() };
        plot.line(Line::new("here, 95 %", points()).color(tokens.accent).width(2.0));
        plot.points(Points::new("here, 95 %", points()).color(tokens.accent).radius(3.0));
    });
}
