//! A run under way: features of all pictures, then users and orders.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::play::{Desk, Point};
use super::saving::Curves;
use super::{Coverage, LabelBench, LabelBenchConfig, LabelRecord, LabelSummary};
use crate::data::split::Chance;
use crate::error::{Error, Result};
use crate::features::Network;
use crate::features::extract::{ExtractConfig, forwards_together, rows};
use crate::heads::Rows;
use crate::study::compare::Step;
use crate::study::label::{Order, Space};
use crate::study::labelled::{Labelled, LabelledCache, input_of};
use crate::study::statistics::{Tested, accuracy, not_distinguishable_from_best, wilson};

/// How much further chance is followed than the other orders.
const FURTHER: usize = 2;

/// A run under way.
pub struct LabelBenchRun {
    config: LabelBenchConfig,
    data: PathBuf,
    plan: Option<Plan>,
    /// Values of pictures so far, and which they are.
    values: Vec<f32>,
    read: usize,
    kept: Vec<usize>,
    width: usize,
    desks: Vec<Desk>,
    /// By order, by seed.
    played: Vec<(Order, u64, Vec<Point>)>,
    notes: Vec<String>,
}

struct Plan {
    labelled: Arc<Labelled>,
    extract: ExtractConfig,
    timestep: usize,
    block: usize,
    together: usize,
    /// Items with a class, and for each what looks the same.
    items: Vec<usize>,
    groups: Vec<usize>,
    network: (String, String),
}

impl LabelBenchRun {
    /// On the labelled pictures of `data`.
    ///
    /// # Errors
    /// When a setting is impossible.
    pub fn new(config: LabelBenchConfig, data: PathBuf) -> Result<LabelBenchRun> {
        config.check()?;
        Ok(LabelBenchRun {
            config,
            data,
            plan: None,
            values: Vec::new(),
            read: 0,
            kept: Vec::new(),
            width: 0,
            desks: Vec::new(),
            played: Vec::new(),
            notes: Vec::new(),
        })
    }

    /// One part: none when all is done. `watch` is asked in between and stops by an error, after which the
    /// same part comes again.
    ///
    /// # Errors
    /// What `watch` returns, pictures or settings that cannot be used, or a failing device.
    pub fn step(
        &mut self,
        network: &Network,
        cache: &Mutex<LabelledCache>,
        watch: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<Option<Step>> {
        if self.plan.is_none() {
            self.plan = Some(self.plan(network, cache, watch)?);
        }
        let Some(plan) = &self.plan else { return Ok(None) };
        let total = plan.items.len();
        if self.read < total {
            let next = &plan.items[self.read..total.min(self.read + plan.together)];
            let (mut inputs, mut kept, mut notes) = (Vec::new(), Vec::new(), Vec::new());
            for (place, &item) in next.iter().enumerate() {
                let item = &plan.labelled.set.items[item];
                match input_of(item, &network.card.config) {
                    Ok(input) => {
                        inputs.push(input);
                        kept.push(self.read + place);
                    }
                    Err(error) => notes.push(format!("{}: {error}", item.name)),
                }
            }
            if !inputs.is_empty() {
                let found = rows(network, &inputs, plan.timestep, &plan.extract, &mut || watch())?;
                let values = found.into_iter().next().unwrap_or_default();
                self.width = values.len() / inputs.len();
                self.values.extend(values);
            }
            self.read += next.len();
            self.kept.extend(kept);
            self.notes.extend(notes);
            return Ok(Some(self.progress()));
        }
        if self.desks.is_empty() {
            self.desks = self.desks(watch)?;
        }
        let todo: Vec<(Order, &Desk)> = self
            .config
            .orders
            .iter()
            .flat_map(|&order| self.desks.iter().map(move |desk| (order, desk)))
            .skip(self.played.len())
            .take(rayon::current_num_threads().max(1))
            .collect();
        if todo.is_empty() {
            return Ok(None);
        }
        let states = (self.config.orders.len() * self.desks.len() * self.config.labels.len()).max(1);
        let audits = self.config.audits.div_ceil(states);
        let play = |&(order, desk): &(Order, &Desk)| -> Result<(Order, u64, Vec<Point>)> {
            let points = self.points(order, desk);
            Ok((order, desk.seed, desk.play(order, &points, audits, &self.config, watch)?))
        };
        let played: Vec<_> = todo.par_iter().map(play).collect::<Result<_>>()?;
        self.played.extend(played);
        Ok(Some(self.progress()))
    }

    /// The numbers of labels that a user stops at.
    fn points(&self, order: Order, desk: &Desk) -> Vec<usize> {
        let mut points = self.config.labels.clone();
        if !points.contains(&self.config.compared_at) && self.config.compared_at < self.config.most() {
            points.push(self.config.compared_at);
        }
        if order == Order::Random {
            let most = self.config.most();
            points.extend(
                [most * 3 / 2, most * FURTHER].into_iter().filter(|&labels| labels <= desk.pictures()),
            );
        }
        points.sort_unstable();
        points.dedup();
        points
    }

    fn progress(&self) -> Step {
        const PARTS: u64 = 1000;
        let total = self.plan.as_ref().map_or(1, |plan| plan.items.len()).max(1) as u64;
        let runs = (self.config.orders.len() * self.config.seeds).max(1) as u64;
        if (self.read as u64) < total {
            let done = PARTS * self.read as u64 / total;
            return Step { what: "features".into(), done, total: 2 * PARTS };
        }
        let done = PARTS + PARTS * self.played.len() as u64 / runs;
        Step { what: "labelling".into(), done, total: 2 * PARTS }
    }

    fn plan(
        &mut self,
        network: &Network,
        cache: &Mutex<LabelledCache>,
        watch: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<Plan> {
        let extract = self.config.extract(&network.card);
        extract.validate(&network.card)?;
        let (timestep, block) = self.config.place(&network.card);
        // What a panic left behind is either an older data set or none.
        let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
        let labelled = cache.read(&self.data, &mut |_, _| watch().is_ok())?;
        drop(cache);
        let set = &labelled.set;
        self.notes.extend(set.unreadable.iter().map(|s| format!("{}: {}", s.path.display(), s.why)));
        let items: Vec<usize> =
            (0..set.items.len()).filter(|&item| set.items[item].class.is_some()).collect();
        let groups = labelled.candidates.iter().map(|candidate| candidate.group).collect();
        let each = extract.bytes_per_picture(&network.card)?;
        Ok(Plan {
            together: forwards_together(network, block, each)?,
            extract,
            timestep,
            block,
            items,
            groups,
            network: (network.card.name.clone(), network.card.hash.clone()),
            labelled,
        })
    }

    /// The users, each with pictures of their own.
    fn desks(&self, watch: &(dyn Fn() -> Result<()> + Sync)) -> Result<Vec<Desk>> {
        let plan = self.plan.as_ref().ok_or_else(|| Error::Compute("the run was not begun".into()))?;
        let classes = plan.labelled.set.classes.len();
        let count = self.kept.len();
        let name = || plan.labelled.set.name.clone();
        let pool = self.config.pictures.min(count * 4 / 5);
        if classes < 2 || pool < self.config.most() {
            return Err(Error::data(
                name(),
                format!(
                    "has {count} labelled pictures of {classes} classes, and {} labels are to be given of at \
                     most {pool} pictures; give fewer (--labels), or more pictures",
                    self.config.most()
                ),
            ));
        }
        let rows = Rows::new(self.width.max(1), self.values.clone())?;
        let items = |place: &usize| &plan.labelled.set.items[plan.items[*place]];
        let labels: Vec<usize> = self.kept.iter().map(|place| items(place).class.unwrap_or(0)).collect();
        let labels = Arc::new(labels);
        let seeds = (0..self.config.seeds as u64).map(|number| self.config.seed.wrapping_add(number));
        seeds
            .map(|seed| {
                watch()?;
                let (mut chosen, test) = self.deal(plan, pool, seed);
                chosen.sort_unstable();
                let space = Space::new(&rows, &chosen)?;
                Ok(Desk::new(seed, space, (chosen, test), Arc::clone(&labels), classes))
            })
            .collect()
    }

    /// Pictures to label and pictures to test on; what looks the same stands on one side.
    fn deal(&self, plan: &Plan, pool: usize, seed: u64) -> (Vec<usize>, Vec<usize>) {
        let mut units: std::collections::BTreeMap<usize, Vec<usize>> = std::collections::BTreeMap::new();
        for (row, &place) in self.kept.iter().enumerate() {
            units.entry(plan.groups[place]).or_default().push(row);
        }
        let mut units: Vec<Vec<usize>> = units.into_values().collect();
        Chance::new(seed, "pictures of a labelling user").shuffle(&mut units);
        let (mut chosen, mut test) = (Vec::new(), Vec::new());
        for unit in units {
            let side = if chosen.len() < pool { &mut chosen } else { &mut test };
            side.extend(unit);
        }
        (chosen, test)
    }

    /// What was found.
    ///
    /// # Errors
    /// When the run has not come to its end.
    pub fn finish(self) -> Result<LabelBench> {
        let LabelBenchRun { config, plan, desks, played, notes, .. } = self;
        let plan = plan.ok_or_else(|| Error::Compute("the run was not begun".into()))?;
        let mut rows = Vec::new();
        for (order, seed, points) in &played {
            for Point { labels, tested, .. } in points {
                let estimate = tested.accuracy();
                rows.push(LabelRecord {
                    order: *order,
                    seed: *seed,
                    labels: *labels,
                    accuracy: estimate.value,
                    ci_low: estimate.low,
                    ci_high: estimate.high,
                    n_test: tested.correct().len(),
                });
            }
        }
        Ok(LabelBench {
            summaries: summaries(&config, &played)?,
            saving: curves(&config, &played).map(|curves| curves.saving(config.bootstrap())),
            coverage: coverage(&config, &played)?,
            data: plan.labelled.set.name.clone(),
            network: plan.network.0,
            hash: plan.network.1,
            timestep: plan.timestep,
            block: plan.block,
            pictures: desks.first().map_or(0, Desk::pictures),
            classes: plan.labelled.set.classes.len(),
            rows,
            settings: config,
            notes,
        })
    }
}

/// All users of `order` at `labels`, seed by seed; none where one is missing.
fn tested<'a>(
    config: &LabelBenchConfig,
    played: &'a [(Order, u64, Vec<Point>)],
    order: Order,
    labels: usize,
) -> Option<Vec<&'a Tested>> {
    let of_order = played.iter().filter(|(other, ..)| *other == order);
    let points = of_order.filter_map(|(.., points)| points.iter().find(|point| point.labels == labels));
    let found: Vec<&Tested> = points.map(|point| &point.tested).collect();
    (found.len() == config.seeds).then_some(found)
}

fn numbers(played: &[(Order, u64, Vec<Point>)], order: Option<Order>) -> Vec<usize> {
    let of_order = played.iter().filter(|(other, ..)| order.is_none_or(|order| order == *other));
    let mut labels: Vec<usize> =
        of_order.flat_map(|(.., points)| points.iter().map(|point| point.labels)).collect();
    labels.sort_unstable();
    labels.dedup();
    labels
}

fn summaries(config: &LabelBenchConfig, played: &[(Order, u64, Vec<Point>)]) -> Result<Vec<LabelSummary>> {
    let mut summaries = Vec::new();
    for labels in numbers(played, None) {
        let with =
            config.orders.iter().filter_map(|&order| Some((order, tested(config, played, order, labels)?)));
        let with: Vec<(Order, Vec<Tested>)> =
            with.map(|(order, tested)| (order, tested.into_iter().cloned().collect())).collect();
        let runs: Vec<Vec<Tested>> = with.iter().map(|(_, tested)| tested.clone()).collect();
        let best = not_distinguishable_from_best(&runs, config.bootstrap())?;
        for ((order, tested), in_best_set) in with.into_iter().zip(best) {
            let estimate = accuracy(&tested, config.bootstrap())?;
            let mut images: Vec<usize> = tested.iter().flat_map(|t| t.images().to_vec()).collect();
            images.sort_unstable();
            images.dedup();
            summaries.push(LabelSummary {
                order,
                labels,
                seeds: config.seeds,
                accuracy: estimate.value,
                ci_low: estimate.low,
                ci_high: estimate.high,
                n_test: images.len(),
                in_best_set,
            });
        }
    }
    let place = |order: Order| config.orders.iter().position(|other| *other == order);
    summaries.sort_by_key(|row| (place(row.order), row.labels));
    Ok(summaries)
}

fn curves<'a>(config: &LabelBenchConfig, played: &'a [(Order, u64, Vec<Point>)]) -> Option<Curves<'a>> {
    let at = config.compared_at;
    let other = tested(config, played, Order::default(), at)?;
    let labels = numbers(played, Some(Order::Random));
    let mut chance = vec![Vec::new(); config.seeds];
    for &count in &labels {
        let of_count = tested(config, played, Order::Random, count)?;
        chance.iter_mut().zip(of_count).for_each(|(curve, tested)| curve.push(tested));
    }
    (!labels.is_empty()).then_some(Curves { labels, chance, other, at })
}

fn coverage(config: &LabelBenchConfig, played: &[(Order, u64, Vec<Point>)]) -> Result<Option<Coverage>> {
    let points = || played.iter().flat_map(|(.., points)| points);
    let tested = || points().filter(|point| config.labels.contains(&point.labels));
    let most = tested().map(|point| point.audits.len()).max().unwrap_or(0);
    // One of each state after another, so that what is cut off is spread over them.
    let numbered = (0..most).flat_map(|number| tested().filter_map(move |point| point.audits.get(number)));
    let audits: Vec<bool> = numbered.copied().take(config.audits).collect();
    let chosen: Vec<bool> = points().filter_map(|point| point.chosen).collect();
    let share = |held: &[bool]| wilson(held.iter().filter(|&&held| held).count(), held.len());
    if audits.is_empty() {
        return Ok(None);
    }
    Ok(Some(Coverage {
        audits: audits.len(),
        answers: config.audited,
        held: share(&audits)?,
        chosen_held: if chosen.is_empty() { None } else { Some(share(&chosen)?) },
    }))
}
