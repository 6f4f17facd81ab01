//! The table of a sweep as it is filled.

use std::collections::BTreeMap;

use super::cell::{Cell, SweepRow};
use crate::study::table::Features;

/// The cells that are known so far. What is new replaces what was known of the same cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SweepTable {
    rows: BTreeMap<Cell, SweepRow>,
}

impl SweepTable {
    /// The table of `rows`.
    pub fn of(rows: &[SweepRow]) -> SweepTable {
        let mut table = SweepTable::default();
        table.update(rows);
        table
    }

    /// Takes up what is new.
    pub fn update(&mut self, changed: &[SweepRow]) {
        self.rows.extend(changed.iter().map(|row| (row.cell(), row.clone())));
    }

    /// The row of `cell`, once it was scored.
    pub fn get(&self, cell: Cell) -> Option<&SweepRow> {
        self.rows.get(&cell)
    }

    /// All rows: the network before controls, then by shots, pool, step and block.
    pub fn rows(&self) -> impl Iterator<Item = &SweepRow> {
        self.rows.values()
    }

    /// The rows of the network, without controls.
    pub fn own(&self) -> impl Iterator<Item = &SweepRow> {
        self.rows().filter(|row| row.features == Features::Network)
    }

    /// The blocks that were scored, ascending.
    pub fn blocks(&self) -> Vec<usize> {
        self.axis(|row| row.block)
    }

    /// The steps, ascending.
    pub fn timesteps(&self) -> Vec<usize> {
        self.axis(|row| row.timestep)
    }

    /// The pools, ascending.
    pub fn pools(&self) -> Vec<usize> {
        self.axis(|row| row.pool)
    }

    /// The numbers of pictures of each class learned from, ascending.
    pub fn shots(&self) -> Vec<usize> {
        self.axis(|row| row.shots)
    }

    fn axis(&self, of: fn(&SweepRow) -> usize) -> Vec<usize> {
        let mut values: Vec<usize> = self.own().map(of).collect();
        values.sort_unstable();
        values.dedup();
        values
    }
}
