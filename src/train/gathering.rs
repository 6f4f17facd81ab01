//! A bank being filled, from what was kept on disk and else by the network.

use candle_core::DType;
use half::f16;

use super::bank::{Bank, BankPlan, Example, Stored, shape_of};
use super::config::TrainConfig;
use super::reader::{Reader, Seen};
use super::view::View;
use crate::diffusion::Draw;
use crate::error::Result;
use crate::features::store::{FeatureStore, Origin, RowKey, Series};
use crate::heads::Read;

/// Rows taken from disk in one step, and their bytes: others want their turn.
const TAKEN: usize = 256;
const TAKEN_BYTES: usize = 64 << 20;

/// A bank being filled.
pub struct Gathering {
    bank: Bank,
    next: usize,
    /// Rows that the network computes together.
    together: usize,
    computed: usize,
    begun: bool,
}

/// Where features of a bank are kept.
struct Kept<'a> {
    store: &'a mut FeatureStore,
    origin: Origin,
    /// One for each of the bank's features.
    series: Vec<Series>,
}

impl Kept<'_> {
    /// `store` for features of `reader`; none for those that are not kept.
    fn of<'a>(store: &'a mut FeatureStore, reader: Reader, features: &[Stored]) -> Result<Option<Kept<'a>>> {
        let Some(origin) = reader.origin() else { return Ok(None) };
        let backbone = reader.backbone();
        let series = |stored: &Stored| {
            let Read { timestep, block, .. } = stored.read;
            let info = backbone.block(block)?;
            Ok(origin.series(timestep, block, stored.shape, [info.height, info.width]))
        };
        let series = features.iter().map(series).collect::<Result<_>>()?;
        Ok(Some(Kept { store, origin, series }))
    }

    fn key(&self, seen: &Seen, seed: u64) -> RowKey {
        self.origin.key(&seen.x_0, Draw { seed, number: seen.draw }, None)
    }

    /// The row of `key` in every series, if it is in all of them.
    fn get(&mut self, key: &RowKey) -> Option<Vec<Vec<f16>>> {
        self.series.iter().map(|series| self.store.get(series, key)).collect()
    }
}

impl Gathering {
    /// Prepares the features `reads` of `examples`.
    ///
    /// # Errors
    /// When they do not fit into memory, with the numbers.
    pub fn start(
        reader: Reader,
        reads: &[Read],
        examples: Vec<Example>,
        config: &TrainConfig,
    ) -> Result<Gathering> {
        let backbone = reader.backbone();
        let plan = BankPlan::new(reads, examples.len(), config.views, &backbone)?;
        plan.check()?;
        let rows = examples.len() * config.views;
        let mut features = Vec::with_capacity(reads.len());
        for read in reads {
            let shape = shape_of(read, &backbone)?;
            let values = Vec::with_capacity(rows * shape.iter().product::<usize>());
            features.push(Stored { read: *read, shape, values });
        }
        let deepest = reads.iter().map(|read| read.block).max().unwrap_or(0);
        let together = reader.together(deepest, 0)?;
        let views = |example: &Example| {
            let input = example.input.clone();
            (0..config.views).map(move |number| View::of(config, &input, number)).collect::<Vec<_>>()
        };
        let seen = examples.iter().flat_map(views).collect();
        let bank = Bank { examples, views: config.views, seed: config.seed, seen, features };
        Ok(Gathering { bank, next: 0, together, computed: 0, begun: false })
    }

    /// Rows done, and all.
    pub fn progress(&self) -> (usize, usize) {
        (self.next, self.bank.seen.len())
    }

    /// Rows done that were not in the store, and were computed.
    pub fn computed(&self) -> usize {
        self.computed
    }

    /// Features of the next few rows; true when all are done. Rows whose features are all in `store`
    /// are taken from it; others are computed and put there. `watch` is asked between blocks and stops
    /// by an error, after which the same rows come again.
    ///
    /// # Errors
    /// What `watch` returns, or a failing device.
    pub fn step(
        &mut self,
        reader: Reader,
        store: Option<&mut FeatureStore>,
        watch: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<bool> {
        let total = self.bank.seen.len();
        if self.next == total {
            return Ok(true);
        }
        let mut kept = match store {
            Some(store) => Kept::of(store, reader, &self.bank.features)?,
            None => None,
        };
        if let Some(kept) = &mut kept
            && !self.begun
        {
            kept.store.begin_run();
            self.begun = true;
        }
        // What the store has of each row, and the rows of which it lacks something.
        let (mut held, mut missing, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        while self.next + held.len() < total && missing.len() < self.together && held.len() < self.taken() {
            let Some(seen) = self.bank.seen(&[self.next + held.len()]).pop() else { break };
            let row = kept.as_mut().and_then(|kept| {
                let key = kept.key(&seen, self.bank.seed);
                let row = kept.get(&key);
                keys.extend(row.is_none().then_some(key));
                row
            });
            if row.is_none() {
                missing.push(seen);
            }
            held.push(row);
        }
        let made = if missing.is_empty() { Vec::new() } else { self.make(reader, &missing, watch)? };
        if let Some(kept) = kept {
            for (series, values) in kept.series.iter().zip(&made) {
                kept.store.put(series, &keys, values);
            }
        }
        for (place, stored) in self.bank.features.iter_mut().enumerate() {
            let each = stored.each();
            let mut new = made.get(place).map_or(&[][..], Vec::as_slice).chunks(each);
            for row in &held {
                let row = row.as_ref().map(|row| &row[place][..]).or_else(|| new.next());
                stored.values.extend_from_slice(row.unwrap_or(&[]));
            }
        }
        self.computed += missing.len();
        self.next += held.len();
        Ok(self.next == total)
    }

    /// The full bank.
    pub fn finish(self) -> Bank {
        self.bank
    }

    /// Rows of one step at most.
    fn taken(&self) -> usize {
        let bytes = 2 * self.bank.features.iter().map(Stored::each).sum::<usize>();
        (TAKEN_BYTES / bytes.max(1)).min(TAKEN).max(self.together)
    }

    /// Every feature of `rows`, computed, row after row.
    fn make(
        &self,
        reader: Reader,
        rows: &[Seen],
        watch: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<Vec<Vec<f16>>> {
        let reads: Vec<Read> = self.bank.features.iter().map(|stored| stored.read).collect();
        let mut timesteps: Vec<usize> = reads.iter().map(|read| read.timestep).collect();
        timesteps.dedup();
        let noised = reader.noised(rows, &timesteps, self.bank.seed)?;
        let maps = reader.maps(rows, &noised, &reads, watch)?;
        // What half precision cannot hold stays as large as it can be.
        let most = f16::MAX.to_f32();
        let half = |value: f32| f16::from_f32(value.clamp(-most, most));
        let made = reads.iter().map(|read| {
            let map = maps.get(read.timestep, read.block)?.to_dtype(DType::F32)?;
            Ok(map.flatten_all()?.to_vec1::<f32>()?.into_iter().map(half).collect())
        });
        made.collect()
    }
}
