//! The answer of a sweep in words.

use serde::{Deserialize, Serialize};

use super::cell::{Cell, SweepRow};
use super::config::Metric;
use super::report::SweepTested;
use super::table::SweepTable;
use super::work::Work;
use crate::figure::ticks::thousands;
use crate::study::report::percent;
use crate::study::statistics::Estimate;
use crate::study::table::Features;

/// Groups of settings that are still named one by one.
const NAMED: usize = 4;

/// Where the answer for one number of shots stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Pictures of each class learned from; 0 where nothing is learned.
    pub shots: usize,
    /// In words, with its uncertainty.
    pub sentence: String,
    /// The cell chosen: the best by cross-validation, or by a score without labels.
    pub best: Cell,
    /// Cells of the network that cannot be told from it, itself included.
    pub in_best_set: usize,
    /// Cells of the network.
    pub cells: usize,
    /// The default setting.
    pub default: Cell,
    /// Where that comes from, in words.
    pub default_source: String,
    /// The best cell minus the default one, paired, on the test pictures, or without labels on the pictures
    /// measured; empty where they are the same.
    pub gain: Option<Estimate>,
}

/// The answer that `rows` and `tested` give.
pub(super) fn answer(
    work: &Work,
    rows: &[SweepRow],
    tested: &[SweepTested],
    gain: Option<Estimate>,
    (best, default): (Cell, Cell),
) -> Answer {
    let table = SweepTable::of(rows);
    let set: Vec<Cell> =
        table.own().filter(|row| row.in_best_set == Some(true)).map(SweepRow::cell).collect();
    let axes = Axes::of(&table);
    let source = work.plan.default_source();
    let sentences = [
        format!("{}; {}.", axes.found(best, &set), against_default(&axes, (best, default), source, gain)),
        on_test(&axes, best, tested, work.config.metric),
    ];
    Answer {
        shots: best.shots,
        sentence: sentences.join(" ").trim().to_string(),
        best,
        in_best_set: set.len(),
        cells: axes.cells,
        default,
        default_source: source.to_string(),
        gain,
    }
}

/// The axes of a table.
pub(super) struct Axes {
    blocks: Vec<usize>,
    timesteps: Vec<usize>,
    pools: Vec<usize>,
    cells: usize,
}

impl Axes {
    /// Those of `table`.
    pub fn of(table: &SweepTable) -> Axes {
        Axes {
            blocks: table.blocks(),
            timesteps: table.timesteps(),
            pools: table.pools(),
            cells: table.own().count(),
        }
    }

    /// `b 13 at t 90`, with the pool where there are several.
    pub fn name(&self, cell: Cell) -> String {
        format!("b {} at t {}{}", cell.block, cell.timestep, self.with_pool(cell.pool))
    }

    fn with_pool(&self, pool: usize) -> String {
        if self.pools.len() > 1 { format!(" with pool {pool}") } else { String::new() }
    }

    /// What the best set is.
    pub fn found(&self, best: Cell, set: &[Cell]) -> String {
        if self.cells == 1 {
            return format!("{} is the only setting", self.name(best));
        }
        if set.len() <= 1 {
            return format!("{} is better than every other setting", self.name(best));
        }
        let groups: Vec<String> = self.pools.iter().flat_map(|&pool| self.groups(set, pool)).collect();
        if groups.len() <= NAMED {
            return format!("{} are equally good", listed(&groups));
        }
        let span = |of: fn(&Cell) -> usize, sign: &str| {
            let (low, high) = (set.iter().map(of).min().unwrap_or(0), set.iter().map(of).max().unwrap_or(0));
            if low == high { format!("{sign} {low}") } else { format!("{sign} {low} to {high}") }
        };
        format!(
            "{} of {} settings cannot be told from the best, {}; they lie within {} and {}",
            set.len(),
            self.cells,
            self.name(best),
            span(|cell| cell.block, "b"),
            span(|cell| cell.timestep, "t"),
        )
    }

    /// The cells of `set` with `pool`: blocks that are good at the same neighbouring steps together.
    fn groups(&self, set: &[Cell], pool: usize) -> Vec<String> {
        let blocks_at = |timestep: usize| -> Vec<usize> {
            let here = set.iter().filter(|cell| cell.pool == pool && cell.timestep == timestep);
            let mut blocks: Vec<usize> = here.map(|cell| cell.block).collect();
            blocks.sort_unstable();
            blocks
        };
        let mut groups: Vec<(Vec<usize>, Vec<usize>)> = Vec::new();
        for &timestep in &self.timesteps {
            let blocks = blocks_at(timestep);
            match groups.last_mut() {
                Some((same, steps)) if *same == blocks => steps.push(timestep),
                _ => groups.push((blocks, vec![timestep])),
            }
        }
        let named = groups.into_iter().filter(|(blocks, _)| !blocks.is_empty());
        named
            .map(|(blocks, steps)| {
                let (blocks, steps) = (ranges(&blocks, &self.blocks), ranges(&steps, &self.timesteps));
                format!("b {blocks} at t {steps}{}", self.with_pool(pool))
            })
            .collect()
    }
}

/// `some` of the ascending values `all`, neighbours joined: `3, 5–8`.
fn ranges(some: &[usize], all: &[usize]) -> String {
    let place = |value: &usize| all.binary_search(value).unwrap_or(0);
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for value in some {
        match runs.last_mut() {
            Some((_, last)) if place(last) + 1 == place(value) => *last = *value,
            _ => runs.push((*value, *value)),
        }
    }
    let text = |&(first, last): &(usize, usize)| {
        if first == last { first.to_string() } else { format!("{first}–{last}") }
    };
    runs.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// `a, b and c`.
fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn against_default(
    axes: &Axes,
    (best, default): (Cell, Cell),
    source: &str,
    gain: Option<Estimate>,
) -> String {
    let name = axes.name(default);
    let Some(gain) = gain else {
        let what = if best == default { "is the best one here" } else { "was not tested" };
        return format!("the default setting ({name}, {source}) {what}");
    };
    let points = format!("{:.1} ± {:.1} points", 100.0 * gain.value.abs(), 50.0 * (gain.high - gain.low));
    let side = if gain.value < 0.0 { "better" } else { "worse" };
    let what = match gain.contains(0.0) {
        true if gain.value == 0.0 => format!("cannot be told from it here ({points} apart)"),
        true => format!("cannot be told from it here ({points} {side})"),
        false => format!("is {points} {side} here"),
    };
    format!("the default setting ({name}, {source}) {what}")
}

/// What the best cell and the controls come to on the test pictures.
fn on_test(axes: &Axes, best: Cell, tested: &[SweepTested], metric: Metric) -> String {
    let Some(chosen) = tested.iter().find(|row| row.is_best) else { return String::new() };
    let what = match metric {
        Metric::Accuracy => String::new(),
        other => format!(" ({other})"),
    };
    let mut text = format!(
        "On {} test pictures {} comes to {}{what}, between {} and {}",
        thousands(chosen.n as u64),
        axes.name(best),
        percent(chosen.accuracy),
        percent(chosen.ci_low),
        percent(chosen.ci_high),
    );
    let pixels = tested.iter().filter(|row| row.features == Features::RawPixels).map(|row| row.accuracy);
    let random = tested.iter().find(|row| {
        row.features == Features::RandomWeights
            && (row.block, row.timestep, row.pool) == (best.block, best.timestep, best.pool)
    });
    if let (Some(pixels), Some(random)) = (pixels.reduce(f64::max), random) {
        text +=
            &format!("; raw pixels to {}, random weights to {}", percent(pixels), percent(random.accuracy));
    }
    text + "."
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
