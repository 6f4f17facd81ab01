//! Features of pictures at one step being gathered, from what was kept and else by the network.

use half::f16;
use serde::{Deserialize, Serialize};

use super::plan::Plan;
use super::slab::{Slab, SlabKey};
use crate::diffusion::Draw;
use crate::error::Result;
use crate::features::Network;
use crate::features::extract::forwards_together;
use crate::features::pooled::{PooledTap, pooled_pixels, pooled_rows};
use crate::features::store::{FeatureStore, Origin, RowKey, Series};
use crate::grid::Grid;
use crate::study::labelled::Labelled;

/// Pictures taken from disk, or pooled without a network, in one step.
const TAKEN: usize = 128;

/// How many forwards were made, and how many were not because their features were kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forwards {
    /// Made.
    pub computed: usize,
    /// Not made.
    pub kept: usize,
}

/// What makes features.
#[derive(Clone, Copy)]
pub(in crate::study) enum Maker<'a> {
    /// A network, and what names its features on disk.
    Network(&'a Network, &'a Option<Origin>),
    /// The pictures themselves.
    Pixels(&'a Network),
}

/// What decides x_t beside the picture and the step.
#[derive(Clone, Copy)]
pub(in crate::study) struct Noise {
    /// The user's seed.
    pub seed: u64,
    /// The first noise.
    pub first: u32,
    /// How many noises are averaged over.
    pub draws: u32,
    /// The class given to the network.
    pub class: Option<usize>,
}

/// Features being gathered.
pub(in crate::study) struct Gather {
    /// What it will be.
    pub key: SlabKey,
    items: Vec<usize>,
    slab: Slab,
    next: usize,
    begun: bool,
}

impl Gather {
    /// Of `items`, what `taps` read.
    pub fn new(key: SlabKey, items: Vec<usize>, taps: Vec<PooledTap>) -> Gather {
        Gather { key, items, slab: Slab::new(taps), next: 0, begun: false }
    }

    /// Pictures done, and all.
    pub fn progress(&self) -> (usize, usize) {
        (self.next, self.items.len())
    }

    /// Everything gathered.
    pub fn finish(self) -> Slab {
        self.slab
    }

    /// The next few pictures; true when all are done. What is in one of `stores` is taken from it, what
    /// is computed put into the first. `watch` is asked between blocks and stops by an error, after which
    /// the same pictures come again.
    ///
    /// # Errors
    /// What `watch` returns, a picture that cannot be read any more, or a failing device.
    pub fn step(
        &mut self,
        (maker, noise): (Maker<'_>, Noise),
        (pictures, plan): (&Labelled, &Plan),
        stores: &mut [&mut FeatureStore],
        tally: &mut Forwards,
        watch: &dyn Fn() -> Result<()>,
    ) -> Result<bool> {
        if self.next == self.items.len() {
            return Ok(true);
        }
        if !self.begun {
            // Files of other steps are closed.
            stores.iter_mut().for_each(|store| store.begin_run());
            self.begun = true;
        }
        let (Maker::Network(network, _) | Maker::Pixels(network)) = maker;
        let config = &network.card.config;
        let read = |items: &[usize]| -> Result<Vec<Grid>> {
            items.iter().map(|&item| pictures.input(item, config)).collect()
        };
        let Maker::Network(network, origin) = maker else {
            let items = &self.items[self.next..(self.next + TAKEN).min(self.items.len())];
            let inputs = read(items)?;
            let mut rows = vec![Vec::new(); self.slab.taps().len()];
            for (tap, rows) in self.slab.taps().iter().zip(&mut rows) {
                for input in &inputs {
                    rows.extend(pooled_pixels(input, tap.pool)?);
                }
            }
            self.next += inputs.len();
            self.slab.add(rows);
            return Ok(self.next == self.items.len());
        };
        let taps = self.slab.taps().to_vec();
        let deepest = taps.iter().map(|tap| tap.block).max().unwrap_or(0);
        let together = forwards_together(network, deepest, plan.bytes_of(&taps))?;
        let items = &self.items[self.next..(self.next + together).min(self.items.len())];
        let inputs = read(items)?;
        let shelf = Shelf::of(origin.as_ref(), &taps, self.key.timestep, plan);
        let mut sums: Vec<Sum> = taps.iter().map(|_| Sum::default()).collect();
        for number in noise.first..noise.first + noise.draws {
            let draw = Draw { seed: noise.seed, number };
            let pass = Pass { network, draw, class: noise.class, timestep: self.key.timestep };
            let rows = pass.rows(&inputs, &taps, &shelf, stores, tally, watch)?;
            sums.iter_mut().zip(rows).for_each(|(sum, rows)| sum.add(rows));
        }
        self.next += inputs.len();
        self.slab.add(sums.into_iter().map(Sum::mean).collect());
        Ok(self.next == self.items.len())
    }
}

/// Where features of taps are kept.
struct Shelf<'a> {
    origin: Option<&'a Origin>,
    series: Vec<Series>,
}

impl<'a> Shelf<'a> {
    fn of(origin: Option<&'a Origin>, taps: &[PooledTap], timestep: usize, plan: &Plan) -> Shelf<'a> {
        let series = |origin: &Origin| {
            let one = |tap: &PooledTap| {
                let [channels, height, width] = plan.map_of(tap.block);
                origin.series(timestep, tap.block, [channels, tap.pool, tap.pool], [height, width])
            };
            taps.iter().map(one).collect()
        };
        Shelf { origin, series: origin.map(series).unwrap_or_default() }
    }
}

/// One noise of some pictures.
struct Pass<'a> {
    network: &'a Network,
    draw: Draw,
    class: Option<usize>,
    timestep: usize,
}

impl Pass<'_> {
    /// What `taps` read of `inputs`.
    fn rows(
        &self,
        inputs: &[Grid],
        taps: &[PooledTap],
        shelf: &Shelf<'_>,
        stores: &mut [&mut FeatureStore],
        tally: &mut Forwards,
        watch: &dyn Fn() -> Result<()>,
    ) -> Result<Vec<Vec<f16>>> {
        let keys: Vec<Option<RowKey>> =
            inputs.iter().map(|input| Some(shelf.origin?.key(input, self.draw, self.class))).collect();
        let mut held: Vec<Vec<Option<Vec<f16>>>> = keys
            .iter()
            .map(|key| match key {
                Some(key) => {
                    let find = |series| stores.iter_mut().find_map(|store| store.get(series, key));
                    shelf.series.iter().map(find).collect()
                }
                None => vec![None; taps.len()],
            })
            .collect();
        let missing: Vec<usize> =
            (0..inputs.len()).filter(|&at| held[at].iter().any(Option::is_none)).collect();
        tally.computed += missing.len();
        tally.kept += inputs.len() - missing.len();
        if !missing.is_empty() {
            let wanted: Vec<usize> =
                (0..taps.len()).filter(|&tap| missing.iter().any(|&at| held[at][tap].is_none())).collect();
            let pictures: Vec<Grid> = missing.iter().map(|&at| inputs[at].clone()).collect();
            let read: Vec<PooledTap> = wanted.iter().map(|&tap| taps[tap]).collect();
            let made =
                pooled_rows(self.network, &pictures, self.draw, self.timestep, self.class, &read, watch)
                    .inspect_err(|_| tally.computed -= missing.len())?;
            for (&tap, made) in wanted.iter().zip(made) {
                let each = made.len() / missing.len();
                let keys: Option<Vec<RowKey>> = missing.iter().map(|&at| keys[at]).collect();
                if let (Some(store), Some(keys)) = (stores.first_mut(), keys) {
                    store.put(&shelf.series[tap], &keys, &made);
                }
                for (&at, row) in missing.iter().zip(made.chunks_exact(each)) {
                    // What was kept stays: it may be averages of a larger pool.
                    held[at][tap].get_or_insert_with(|| row.to_vec());
                }
            }
        }
        let of_tap =
            |tap: usize| held.iter_mut().flat_map(|row| row[tap].take().unwrap_or_default()).collect();
        Ok((0..taps.len()).map(of_tap).collect())
    }
}

/// The mean over noises; of one noise its very bits.
#[derive(Default)]
struct Sum {
    first: Vec<f16>,
    sums: Vec<f64>,
    count: usize,
}

impl Sum {
    fn add(&mut self, rows: Vec<f16>) {
        self.count += 1;
        if self.count == 1 {
            self.first = rows;
            return;
        }
        if self.sums.is_empty() {
            self.sums = self.first.iter().map(|value| value.to_f64()).collect();
        }
        self.sums.iter_mut().zip(rows).for_each(|(sum, value)| *sum += value.to_f64());
    }

    fn mean(self) -> Vec<f16> {
        if self.sums.is_empty() {
            return self.first;
        }
        let count = self.count as f64;
        self.sums.into_iter().map(|sum| f16::from_f64(sum / count)).collect()
    }
}
