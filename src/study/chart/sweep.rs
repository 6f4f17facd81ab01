//! The table of a sweep: blocks in the order of the U down, steps across, a panel for each pool and
//! number of shots.

use image::{Rgb, RgbImage, imageops};

use super::ink::{Shape, line, marker};
use super::{PADDING, number_style, px, text_style, write};
use crate::colormap::{ColorMap, Tone, shade};
use crate::error::{Error, Result};
use crate::figure::Theme;
use crate::figure::paint::canvas;
use crate::figure::text::Style;
use crate::figure::ticks::{nice_ticks, tick_labels};
use crate::study::sweep::{Cell, Metric, Scale, SweepReport, SweepRow, SweepTable};
use crate::unet::plan::BlockInfo;

/// A cell's height, and its width for percentages and for longer numbers.
const CELL: f32 = 19.0;
const WIDTHS: [f32; 2] = [46.0, 64.0];
/// Between the arms of the U, and around its middle.
const BEND: f32 = 5.0;
/// Between panels.
const GAP: f32 = 22.0;
/// Height of a panel's title, and of the steps under it.
const TITLE: f32 = 24.0;
/// Width of the colour bar, and of it with its numbers.
const BAR: (f32, f32) = (14.0, 66.0);

/// Cells of one pool and number of shots.
struct Panel<'a> {
    title: String,
    rows: Vec<&'a SweepRow>,
    /// The cell chosen, and the default one.
    marked: [Option<(usize, usize)>; 2],
}

/// Draws the cells of the network. Outlined: not to be told from the best.
///
/// # Errors
/// When there is no cell, or the figure would be too large.
pub fn sweep_figure(report: &SweepReport, theme: Theme) -> Result<RgbImage> {
    let all = SweepTable::of(&report.rows);
    let own: Vec<&SweepRow> = all.own().collect();
    if own.is_empty() {
        return Err(Error::Setting("there is no cell to draw".into()));
    }
    let (blocks, steps) = (all.blocks(), all.timesteps());
    let scale = report.settings.score.scale();
    let panels = panels(report, &all);
    let names: Vec<String> = blocks.iter().map(|&block| name_of(report, block)).collect();
    let label = number_style();
    let widest = names.iter().map(|name| label.width(name)).fold(0.0, f32::max).ceil() + px(8.0);
    let cell = px(WIDTHS[usize::from(scale.unit().is_empty())]);
    let table = Area { blocks: &blocks, steps: &steps, infos: &report.blocks, cell };
    let panel_width = cell * steps.len() as f32;
    let width = widest + panels.len() as f32 * (panel_width + px(GAP)) + px(BAR.1);
    let height = px(TITLE) + table.height() + px(TITLE);
    let mut image = canvas(width as u32, height as u32, theme.surface())?;
    let tone = tone_of(&own, &scale);
    for (block, name) in blocks.iter().zip(&names) {
        let middle = px(TITLE) + table.top(*block) + px(CELL) / 2.0;
        write(&mut image, label, (widest - px(8.0), middle), 1.0, name, theme.text());
    }
    for (index, panel) in panels.iter().enumerate() {
        let left = widest + index as f32 * (panel_width + px(GAP));
        draw_panel(&mut image, panel, &table, (&tone, &scale), left, theme);
    }
    let left = widest + panels.len() as f32 * (panel_width + px(GAP));
    draw_bar(&mut image, (&tone, &scale), (left, px(TITLE)), table.height(), theme);
    page(&image, report, theme)
}

fn panels<'a>(report: &SweepReport, table: &'a SweepTable) -> Vec<Panel<'a>> {
    let (shots, pools) = (table.shots(), table.pools());
    let places = shots.iter().flat_map(|&shot| pools.iter().map(move |&pool| (shot, pool)));
    let panel = |(shot, pool): (usize, usize)| {
        let more = if shots.len() > 1 { format!(", {shot} of each class") } else { String::new() };
        let answer = report.answers.iter().find(|answer| answer.shots == shot);
        let here = |cell: Cell| (cell.pool == pool).then_some((cell.block, cell.timestep));
        Panel {
            title: format!("pool {pool}×{pool}{more}"),
            rows: table.own().filter(|row| (row.shots, row.pool) == (shot, pool)).collect(),
            marked: [answer.and_then(|a| here(a.best)), answer.and_then(|a| here(a.default))],
        }
    };
    places.map(panel).collect()
}

/// `24 dec 4 1024×16×16`.
fn name_of(report: &SweepReport, block: usize) -> String {
    match report.blocks.get(block.wrapping_sub(1)) {
        Some(info) => {
            format!("{block} · {} · {}×{}×{}", info.place(), info.channels, info.height, info.width)
        }
        None => block.to_string(),
    }
}

/// Where cells lie within a panel.
struct Area<'a> {
    blocks: &'a [usize],
    steps: &'a [usize],
    infos: &'a [BlockInfo],
    /// Width of a cell.
    cell: f32,
}

impl Area<'_> {
    /// The upper edge of the row of `block`.
    fn top(&self, block: usize) -> f32 {
        let row = self.blocks.iter().position(|&at| at == block).unwrap_or(0);
        let middle = self.infos.len().div_ceil(2);
        let arm = |block: usize| usize::from(block >= middle) + usize::from(block > middle);
        let bends = arm(block) - self.blocks.first().map_or(0, |&first| arm(first));
        row as f32 * px(CELL) + bends as f32 * px(BEND)
    }

    fn left(&self, timestep: usize) -> f32 {
        self.steps.iter().position(|&at| at == timestep).unwrap_or(0) as f32 * self.cell
    }

    fn height(&self) -> f32 {
        self.blocks.last().map_or(0.0, |&last| self.top(last)) + px(CELL)
    }
}

/// From the worst to the best cell.
fn tone_of(rows: &[&SweepRow], scale: &Scale) -> Tone {
    Tone::new(scale.range(rows.iter().map(|row| scale.shown(row.accuracy))), ColorMap::Viridis)
}

fn draw_panel(
    image: &mut RgbImage,
    panel: &Panel<'_>,
    table: &Area<'_>,
    (tone, scale): (&Tone, &Scale),
    left: f32,
    theme: Theme,
) {
    let numbers = number_style();
    write(image, text_style(), (left, px(TITLE) / 2.0 - px(2.0)), 0.0, &panel.title, theme.text());
    for &timestep in table.steps {
        let x = left + table.left(timestep) + table.cell / 2.0;
        let y = px(TITLE) + table.height() + px(TITLE) / 2.0;
        write(image, numbers, (x, y), 0.5, &format!("t {timestep}"), theme.quiet());
    }
    for row in &panel.rows {
        let (x, y) = (left + table.left(row.timestep), px(TITLE) + table.top(row.block));
        let Some(paint) = shade(scale.shown(row.accuracy), tone) else { continue };
        fill(image, (x, y), (table.cell, px(CELL)), Rgb(paint));
        let middle = (x + table.cell / 2.0, y + px(CELL) / 2.0);
        write(image, numbers, middle, 0.5, &scale.number(row.accuracy), ink_on(paint));
        let place = Some((row.block, row.timestep));
        for (which, shape) in [(0, Shape::Circle), (1, Shape::Diamond)] {
            if panel.marked[which] == place {
                let at = (if which == 0 { x + px(6.0) } else { x + table.cell - px(6.0) }, middle.1);
                marker(image, shape, at, px(2.5), ink_on(paint), None);
            }
        }
    }
    outline(image, panel, table, left, theme);
}

/// Lines around the cells that cannot be told from the best, none between two of them.
fn outline(image: &mut RgbImage, panel: &Panel<'_>, table: &Area<'_>, left: f32, theme: Theme) {
    let is_in = |block: Option<&usize>, timestep: Option<&usize>| {
        panel.rows.iter().any(|row| {
            Some(&row.block) == block && Some(&row.timestep) == timestep && row.in_best_set == Some(true)
        })
    };
    for (at, block) in table.blocks.iter().enumerate() {
        for (step, timestep) in table.steps.iter().enumerate() {
            if !is_in(Some(block), Some(timestep)) {
                continue;
            }
            let (x, y) = (left + table.left(*timestep), px(TITLE) + table.top(*block));
            let (right, bottom) = (x + table.cell, y + px(CELL));
            let beside = |block: Option<usize>, step: Option<usize>| {
                is_in(block.and_then(|at| table.blocks.get(at)), step.and_then(|at| table.steps.get(at)))
            };
            let edges = [
                (beside(Some(at), step.checked_sub(1)), (x, y), (x, bottom)),
                (beside(Some(at), Some(step + 1)), (right, y), (right, bottom)),
                (beside(at.checked_sub(1), Some(step)), (x, y), (right, y)),
                (beside(Some(at + 1), Some(step)), (x, bottom), (right, bottom)),
            ];
            for (_, from, to) in edges.into_iter().filter(|(inside, ..)| !inside) {
                line(image, from, to, px(2.5), theme.surface());
                line(image, from, to, px(1.5), theme.text());
            }
        }
    }
}

fn draw_bar(
    image: &mut RgbImage,
    (tone, scale): (&Tone, &Scale),
    (left, top): (f32, f32),
    height: f32,
    theme: Theme,
) {
    let [low, high] = tone.range;
    let rows = height as u32;
    for row in 0..rows {
        let share = 1.0 - row as f32 / (rows - 1).max(1) as f32;
        if let Some(paint) = shade(low + (high - low) * share, tone) {
            fill(image, (left, top + row as f32), (px(BAR.0), 1.0), Rgb(paint));
        }
    }
    let ticks = nice_ticks(tone.range, 6);
    for (tick, text) in ticks.iter().zip(tick_labels(&ticks)) {
        let share = if high == low { 0.5 } else { (tick - low) / (high - low) };
        let y = top + (1.0 - share) * (height - 1.0);
        let at = (left + px(BAR.0) + px(5.0), y.clamp(top + px(5.0), top + height - px(5.0)));
        write(image, number_style(), at, 0.0, &format!("{text}{}", scale.unit()), theme.text());
    }
}

/// Ink that is read on `paint`.
pub(super) fn ink_on(paint: [u8; 3]) -> Rgb<u8> {
    let [r, g, b] = paint.map(f32::from);
    if 0.299 * r + 0.587 * g + 0.114 * b > 140.0 { Rgb([0x10, 0x12, 0x16]) } else { Rgb([0xff; 3]) }
}

pub(super) fn fill(image: &mut RgbImage, (x, y): (f32, f32), (width, height): (f32, f32), paint: Rgb<u8>) {
    for row in y as u32..((y + height) as u32).min(image.height()) {
        for column in x as u32..((x + width) as u32).min(image.width()) {
            image.put_pixel(column, row, paint);
        }
    }
}

/// The table under its title, with the answer and what the marks mean.
fn page(table: &RgbImage, report: &SweepReport, theme: Theme) -> Result<RgbImage> {
    let padding = px(PADDING);
    let width = (table.width() as f32).max(px(420.0));
    let (title, notes) = (Style::proportional(px(18.0)), text_style());
    let settings = &report.settings;
    let n = report.rows.last().map_or(0, |row| row.n);
    let titles = title.wrap(&format!("Blocks and steps of {} on {}", report.network, report.data), width);
    let metric = match settings.metric {
        _ if !settings.score.needs_labels() => "",
        Metric::Accuracy => "Accuracy",
        Metric::BalancedAccuracy => "Balanced accuracy",
        Metric::MacroF1 => "Macro F1",
    };
    let what = match settings.score.needs_labels() {
        true => format!(
            "{metric} in % of {} by {}-fold cross-validation over {n} pictures.",
            settings.score, settings.folds
        ),
        false if settings.score.scale().lower_is_better => {
            format!("The {} of {n} pictures, without labels; lower is better.", settings.score)
        }
        false => format!("The {} of {n} pictures, without labels.", settings.score),
    };
    let about = [
        report.sentence.clone(),
        format!(
            "{what} Outlined: not to be told from the best (95 %, all cells at once). Dot: the best; diamond: \
             the default setting."
        ),
        "Numbers of this network are its own.".into(),
    ];
    let lines: Vec<String> = about.iter().flat_map(|text| notes.wrap(text, width)).collect();
    let (head, step) = (title.line_height() as f32, notes.line_height() as f32);
    let top = padding + titles.len() as f32 * head + px(8.0);
    let below = top + table.height() as f32 + px(8.0);
    let height = below + lines.len() as f32 * step + padding;
    let mut figure = canvas((width + 2.0 * padding) as u32, height as u32, theme.surface())?;
    for (row, text) in titles.iter().enumerate() {
        title.draw(&mut figure, (padding, padding + row as f32 * head), text, theme.text());
    }
    imageops::replace(&mut figure, table, padding as i64, top as i64);
    for (row, text) in lines.iter().enumerate() {
        notes.draw(&mut figure, (padding, below + row as f32 * step), text, theme.quiet());
    }
    Ok(figure)
}
