//! Features of labelled pictures in several views, made once and kept in half precision.

use candle_core::{Device, Tensor};
use half::f16;

use super::reader::Seen;
use super::view::View;
use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::heads::{Backbone, Maps, Read};
use crate::tensor::device::free_bytes;

/// A labelled picture as the network takes it.
#[derive(Clone, Debug)]
pub struct Example {
    /// `[3, S, S]` in [−1, 1].
    pub input: Grid,
    /// The id of its class.
    pub label: usize,
}

/// What a bank will hold and cost.
#[derive(Clone, Debug, PartialEq)]
pub struct BankPlan {
    /// The features of every row.
    pub reads: Vec<Read>,
    /// Pictures.
    pub examples: usize,
    /// Views of each.
    pub views: usize,
    /// Bytes when full.
    pub bytes: u64,
    /// Multiply-accumulates to fill it, in 10⁹.
    pub gmac: f64,
}

/// Channels, rows and columns of what `read` keeps.
pub(super) fn shape_of(read: &Read, backbone: &Backbone) -> Result<[usize; 3]> {
    let info = backbone.block(read.block)?;
    Ok(match read.pool {
        Some(p) => [info.channels, p, p],
        None => [info.channels, info.height, info.width],
    })
}

impl BankPlan {
    /// Of `reads` over `examples` pictures in `views` views.
    ///
    /// # Errors
    /// When a block does not exist.
    pub fn new(reads: &[Read], examples: usize, views: usize, backbone: &Backbone) -> Result<BankPlan> {
        let mut values = 0u64;
        let mut gmac = 0.0;
        let mut timesteps: Vec<usize> = reads.iter().map(|read| read.timestep).collect();
        timesteps.sort_unstable();
        timesteps.dedup();
        for read in reads {
            values += shape_of(read, backbone)?.iter().product::<usize>() as u64;
        }
        for timestep in timesteps {
            let here = reads.iter().filter(|read| read.timestep == timestep);
            if let Some(deepest) = here.map(|read| read.block).max() {
                gmac += backbone.block(deepest)?.cumulative_gmac;
            }
        }
        let rows = (examples * views) as u64;
        Ok(BankPlan {
            reads: reads.to_vec(),
            examples,
            views,
            bytes: 2 * values * rows,
            gmac: gmac * rows as f64,
        })
    }

    /// Refuses what does not fit into the memory that is free.
    ///
    /// # Errors
    /// With the numbers.
    pub fn check(&self) -> Result<()> {
        let gigabytes = |bytes: u64| bytes as f64 / 1e9;
        match free_bytes() {
            Some(free) if self.bytes > free / 4 * 3 => Err(Error::Setting(format!(
                "features of {} pictures in {} views take {:.1} GB and {:.1} GB are free; choose fewer pictures, views, blocks or timesteps, or a smaller pool",
                self.examples,
                self.views,
                gigabytes(self.bytes),
                gigabytes(free)
            ))),
            _ => Ok(()),
        }
    }
}

/// Features of examples. Row `example · views + view` is that view of that example.
pub struct Bank {
    pub(super) examples: Vec<Example>,
    pub(super) views: usize,
    pub(super) seed: u64,
    pub(super) seen: Vec<View>,
    pub(super) features: Vec<Stored>,
}

/// The features of all rows that serve one read, row after row.
pub(super) struct Stored {
    pub read: Read,
    /// C, h, w.
    pub shape: [usize; 3],
    pub values: Vec<f16>,
}

impl Stored {
    /// Values of one row.
    pub fn each(&self) -> usize {
        self.shape.iter().product()
    }
}

impl Bank {
    /// The pictures.
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// Views of each picture.
    pub fn views(&self) -> usize {
        self.views
    }

    /// Labels of the examples `of`.
    pub fn labels(&self, of: &[usize]) -> Vec<usize> {
        of.iter().map(|&example| self.examples[example].label).collect()
    }

    /// The features of `rows` that serve `reads`, on `device`.
    ///
    /// # Errors
    /// When a feature is not in the bank.
    pub fn maps(&self, rows: &[usize], reads: &[Read], device: &Device) -> Result<Maps> {
        let mut maps = Maps::new();
        for read in reads {
            let same = |held: &&Stored| (held.read.timestep, held.read.block) == (read.timestep, read.block);
            let stored = self.features.iter().find(same).ok_or_else(|| {
                Error::Compute(format!("no features of block {} at t {}", read.block, read.timestep))
            })?;
            let [c, h, w] = stored.shape;
            let each = stored.each();
            let mut values = Vec::with_capacity(rows.len() * each);
            for &row in rows {
                values.extend(stored.values[row * each..][..each].iter().map(|value| value.to_f32()));
            }
            let map = Tensor::from_vec(values, (rows.len(), c, h, w), device)?;
            maps.insert(read.timestep, read.block, &map);
        }
        Ok(maps)
    }

    /// The pictures of `rows` as a reader takes them.
    pub fn seen(&self, rows: &[usize]) -> Vec<Seen> {
        let seen = |&row: &usize| {
            let view = self.seen[row];
            Seen { x_0: view.see(&self.examples[row / self.views].input), draw: view.draw }
        };
        rows.iter().map(seen).collect()
    }

    /// Seed of the noise that the features were made under.
    pub fn seed(&self) -> u64 {
        self.seed
    }
}
