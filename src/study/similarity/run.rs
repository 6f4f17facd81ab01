//! Similarities under way: minibatch by minibatch, timestep by timestep, a few forwards at a time.

use std::path::PathBuf;

use super::{Compared, Similarity, SimilarityConfig};
use crate::data::dataset::{DataSet, Item};
use crate::data::split::Chance;
use crate::error::{Error, Result};
use crate::features::Network;
use crate::features::extract::{ExtractConfig, forwards_together, rows};
use crate::features::network::NetworkCard;
use crate::grid::Grid;
use crate::heads::Rows;
use crate::study::compare::Step;
use crate::study::labelled::input_of;
use crate::study::measures::cka::{CkaSums, FEWEST, Gram};
use crate::tensor::device::free_bytes;

/// Similarities under way.
pub struct SimilarityRun {
    config: SimilarityConfig,
    data: PathBuf,
    plan: Option<Plan>,
    /// The minibatch that is next, or under way.
    next: usize,
    batch: Option<Batch>,
    pictures: usize,
    sums: Sums,
    notes: Vec<String>,
}

/// What is compared.
struct Plan {
    name: String,
    items: Vec<Item>,
    batches: Vec<Vec<usize>>,
    sides: Vec<Side>,
}

/// A network with what is read of it.
struct Side {
    compared: Compared,
    extract: ExtractConfig,
    /// Pictures that go through it together.
    together: usize,
}

/// A minibatch under way.
struct Batch {
    /// The pictures as each side takes them.
    inputs: Vec<Vec<Grid>>,
    side: usize,
    timestep: usize,
    /// Of this side at this timestep, by block: the values of pictures so far.
    values: Vec<Vec<f32>>,
    done: usize,
    /// By side, by timestep, by block.
    grams: Vec<Vec<Vec<Gram>>>,
}

/// One for each matrix to come.
#[derive(Default)]
struct Sums {
    over_blocks: Vec<CkaSums>,
    over_timesteps: Vec<CkaSums>,
    over_networks: Vec<CkaSums>,
}

impl Side {
    fn of(network: &Network, extract: ExtractConfig, batch: usize) -> Result<Side> {
        let card = &network.card;
        let blocks = extract.blocks.numbers(card.blocks.len())?;
        let each = extract.bytes_per_picture(card)? / extract.timesteps.len().max(1) as u64;
        let held = each * batch as u64;
        if let Some(free) = free_bytes()
            && held > free / 2
        {
            return Err(Error::Setting(format!(
                "features of {batch} pictures take {:.1} GB and {:.1} GB are free; choose fewer blocks, a smaller pool (--pool 1) or a smaller --batch",
                held as f64 / 1e9,
                free as f64 / 1e9
            )));
        }
        let together = forwards_together(network, blocks.last().copied().unwrap_or(0), each)?;
        let compared = Compared {
            network: card.name.clone(),
            hash: card.hash.clone(),
            count: card.blocks.len(),
            blocks,
        };
        Ok(Side { compared, extract, together })
    }
}

impl SimilarityRun {
    /// Similarities on the pictures of `data`.
    pub fn new(config: SimilarityConfig, data: PathBuf) -> SimilarityRun {
        SimilarityRun {
            config,
            data,
            plan: None,
            next: 0,
            batch: None,
            pictures: 0,
            sums: Sums::default(),
            notes: Vec::new(),
        }
    }

    /// One part: none when all is done. The same networks have to be given every time. `watch` is asked
    /// between blocks and stops by an error, after which the same part comes again.
    ///
    /// # Errors
    /// What `watch` returns, pictures or settings that cannot be used, or a failing device.
    pub fn step(
        &mut self,
        network: &Network,
        other: Option<&Network>,
        watch: &dyn Fn() -> Result<()>,
    ) -> Result<Option<Step>> {
        let networks: Vec<&Network> = [network].into_iter().chain(other).collect();
        let plan = match &self.plan {
            Some(plan) => plan,
            None => {
                let plan = self.plan(&networks, watch)?;
                self.sums = Sums::of(&plan, self.config.timesteps.len());
                self.plan.insert(plan)
            }
        };
        let Some(numbers) = plan.batches.get(self.next) else { return Ok(None) };
        let mut batch = match self.batch.take() {
            Some(batch) => batch,
            None => Batch::read(plan, numbers, &networks, &mut self.notes),
        };
        let count = batch.inputs[0].len();
        if count < FEWEST {
            self.next += 1;
            return Ok(Some(self.progress(0.0)));
        }
        let side = &plan.sides[batch.side];
        let inputs = &batch.inputs[batch.side][batch.done..count.min(batch.done + side.together)];
        let timestep = self.config.timesteps[batch.timestep];
        let found = rows(networks[batch.side], inputs, timestep, &side.extract, &mut || watch());
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                self.batch = Some(batch);
                return Err(error);
            }
        };
        let taken = inputs.len();
        let finished = batch.add(found, taken, self.config.timesteps.len())?;
        if finished {
            self.sums.add(&batch.grams)?;
            self.pictures += count;
            self.next += 1;
            return Ok(Some(self.progress(0.0)));
        }
        let passes = (plan.sides.len() * self.config.timesteps.len()) as f64;
        let done = (batch.side * self.config.timesteps.len() + batch.timestep) as f64;
        let share = (done + batch.done as f64 / count as f64) / passes;
        self.batch = Some(batch);
        Ok(Some(self.progress(share)))
    }

    fn progress(&self, share: f64) -> Step {
        const PARTS: f64 = 1000.0;
        let total = self.plan.as_ref().map_or(0, |plan| plan.batches.len());
        let done = (PARTS * (self.next as f64 + share)) as u64;
        Step { what: "pictures".into(), done, total: PARTS as u64 * total as u64 }
    }

    fn plan(&mut self, networks: &[&Network], watch: &dyn Fn() -> Result<()>) -> Result<Plan> {
        let cards: Vec<&NetworkCard> = networks.iter().map(|network| &*network.card).collect();
        self.config.validate(cards[0], cards.get(1).copied())?;
        let set = DataSet::pictures(&self.data, &|| watch().is_err())?;
        let unreadable = set.unreadable.iter();
        self.notes.extend(unreadable.map(|skipped| format!("{}: {}", skipped.path.display(), skipped.why)));
        let mut chosen: Vec<usize> = (0..set.items.len()).collect();
        Chance::new(self.config.seed, "pictures of similarities").shuffle(&mut chosen);
        chosen.truncate(self.config.pictures);
        chosen.sort_unstable();
        let items: Vec<Item> = chosen.iter().map(|&at| set.items[at].clone()).collect();
        let batches = self.config.minibatches().batches(items.len())?;
        let wanted = [&self.config.blocks, &self.config.against_blocks];
        let sides = networks.iter().zip(wanted).map(|(network, blocks)| {
            Side::of(network, self.config.extract(blocks), self.config.batch.min(items.len()))
        });
        Ok(Plan { name: set.name, sides: sides.collect::<Result<_>>()?, items, batches })
    }

    /// What was found.
    ///
    /// # Errors
    /// When too few pictures could be read.
    pub fn finish(self) -> Result<Similarity> {
        let SimilarityRun { config, plan, sums, notes, pictures, .. } = self;
        let plan = plan.ok_or_else(|| Error::Compute("similarities were not begun".into()))?;
        if pictures == 0 {
            let first = notes.first().map_or_else(String::new, |note| format!("; the first: {note}"));
            return Err(Error::data(plan.name, format!("has too few pictures that can be read{first}")));
        }
        let mut sides = plan.sides.into_iter().map(|side| side.compared);
        let network = sides.next().ok_or_else(|| Error::Compute("there is no network".into()))?;
        let batches = sums.batches();
        let matrices = |keys: &[usize], sums: &[CkaSums]| {
            keys.iter().copied().zip(sums.iter().map(CkaSums::matrix)).collect::<Vec<_>>()
        };
        Ok(Similarity {
            data: plan.name,
            other: sides.next(),
            pictures,
            batches,
            over_blocks: matrices(&config.timesteps, &sums.over_blocks),
            over_timesteps: matrices(&network.blocks, &sums.over_timesteps),
            over_networks: matrices(&config.timesteps, &sums.over_networks),
            network,
            config,
            notes,
        })
    }
}

impl Batch {
    /// Reads the pictures `numbers`; those that cannot be used are left out and noted.
    fn read(plan: &Plan, numbers: &[usize], networks: &[&Network], notes: &mut Vec<String>) -> Batch {
        let mut inputs = vec![Vec::new(); networks.len()];
        for &number in numbers {
            let item = &plan.items[number];
            let read = networks.iter().map(|network| input_of(item, &network.card.config));
            match read.collect::<Result<Vec<_>>>() {
                Ok(read) => inputs.iter_mut().zip(read).for_each(|(inputs, input)| inputs.push(input)),
                Err(error) => notes.push(format!("{}: {error}", item.name)),
            }
        }
        Batch {
            inputs,
            side: 0,
            timestep: 0,
            values: Vec::new(),
            done: 0,
            grams: vec![Vec::new(); networks.len()],
        }
    }

    /// Adds the features of the next `taken` pictures; true when the minibatch is done.
    fn add(&mut self, found: Vec<Vec<f32>>, taken: usize, timesteps: usize) -> Result<bool> {
        self.values.resize(found.len(), Vec::new());
        self.values.iter_mut().zip(found).for_each(|(values, found)| values.extend(found));
        self.done += taken;
        let count = self.inputs[self.side].len();
        if self.done < count {
            return Ok(false);
        }
        let grams = std::mem::take(&mut self.values).into_iter().map(|values| {
            let width = values.len() / count;
            Gram::of(&Rows::new(width, values)?)
        });
        self.grams[self.side].push(grams.collect::<Result<_>>()?);
        self.done = 0;
        self.timestep += 1;
        if self.timestep == timesteps {
            (self.timestep, self.side) = (0, self.side + 1);
        }
        Ok(self.side == self.inputs.len())
    }
}

impl Sums {
    fn of(plan: &Plan, timesteps: usize) -> Sums {
        let blocks = plan.sides[0].compared.blocks.len();
        let several = |count: usize, sums: CkaSums, each: usize| vec![sums; if each > 1 { count } else { 0 }];
        let over_networks = plan.sides.get(1).map_or_else(Vec::new, |other| {
            vec![CkaSums::new(blocks, other.compared.blocks.len()); timesteps]
        });
        Sums {
            over_blocks: several(timesteps, CkaSums::new(blocks, blocks), blocks),
            over_timesteps: several(blocks, CkaSums::new(timesteps, timesteps), timesteps),
            over_networks,
        }
    }

    /// Adds a minibatch; `grams` by side, by timestep, by block.
    fn add(&mut self, grams: &[Vec<Vec<Gram>>]) -> Result<()> {
        let at = |side: usize, timestep: usize| grams[side][timestep].iter().collect::<Vec<&Gram>>();
        for (timestep, sums) in self.over_blocks.iter_mut().enumerate() {
            sums.add(&at(0, timestep), &at(0, timestep))?;
        }
        for (block, sums) in self.over_timesteps.iter_mut().enumerate() {
            let over: Vec<&Gram> = grams[0].iter().map(|blocks| &blocks[block]).collect();
            sums.add(&over, &over)?;
        }
        for (timestep, sums) in self.over_networks.iter_mut().enumerate() {
            sums.add(&at(0, timestep), &at(1, timestep))?;
        }
        Ok(())
    }

    fn batches(&self) -> usize {
        let all = self.over_blocks.iter().chain(&self.over_timesteps).chain(&self.over_networks);
        all.map(CkaSums::batches).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::features::control::random_weights;
    use crate::features::extract::Blocks;
    use crate::tensor::device::{DeviceChoice, open};
    use crate::tensor::precision::Precision;
    use crate::unet::embedded::embedded;

    fn config() -> SimilarityConfig {
        SimilarityConfig {
            timesteps: vec![50, 400],
            blocks: Blocks::List(vec![2, 9, 11]),
            pool: Some(1),
            pictures: 21,
            batch: 8,
            against_blocks: Blocks::List(vec![11]),
            seed: 0,
            draws: 1,
            class: None,
        }
    }

    /// Runs to the end, stopped every so often.
    fn run(network: &Network, other: Option<&Network>, every: usize) -> Similarity {
        let mut run = SimilarityRun::new(config(), PathBuf::from("bundled:fashion"));
        let (asked, last) = (Cell::new(0), Cell::new(0));
        loop {
            let watch = || {
                asked.set(asked.get() + 1);
                if asked.get() % every == 0 { Err(Error::Cancelled) } else { Ok(()) }
            };
            match run.step(network, other, &watch) {
                Ok(Some(step)) => {
                    assert!(step.done >= last.get() && step.done <= step.total, "{step:?}");
                    last.set(step.done);
                }
                Ok(None) => return run.finish().unwrap(),
                Err(error) => assert!(error.is_cancelled(), "{error}"),
            }
        }
    }

    #[test]
    fn stopping_in_between_changes_nothing() {
        let device = open(DeviceChoice::Cpu).device;
        let network = Network::build(embedded().unwrap(), &device, Precision::F32).unwrap();
        let random = random_weights(&network, 0).unwrap();
        let whole = run(&network, Some(&random), usize::MAX);
        assert_eq!((whole.pictures, whole.batches), (21, 3));
        assert_eq!(whole.over_blocks.len(), 2);
        assert_eq!((whole.over_networks[0].1.rows, whole.over_networks[0].1.columns), (3, 1));
        assert_eq!(whole, run(&network, Some(&random), 17));
        let alone = run(&network, None, usize::MAX);
        assert_eq!((&alone.over_blocks, &alone.over_timesteps), (&whole.over_blocks, &whole.over_timesteps));
        assert!(alone.over_networks.is_empty() && alone.other.is_none());
    }
}
