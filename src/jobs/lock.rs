//! Colours of principal components that mean the same over pictures, steps and blocks.

use std::sync::Arc;

use super::event::PictureShown;
use super::library::PictureId;
use super::preview::{PcaLock, Selection};
use super::worker::Bench;
use crate::error::{Error, Result};
use crate::features::pca::{PcaBasis, sampled};
use crate::grid::Grid;

/// Places that decide locked colours, of all maps together: more change nothing that is seen.
const PLACES: usize = 1 << 14;

/// What a basis, or the sample it is made from, follows from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LockKey {
    pictures: Vec<PictureId>,
    timesteps: Vec<usize>,
    reference_block: Option<usize>,
    /// Of the selection only noise, class and the block asked for matter; the step only where no
    /// steps are locked.
    selection: Selection,
}

/// Bases and samples kept for another look.
#[derive(Default)]
pub(super) struct LockCache {
    bases: Vec<(LockKey, PcaBasis)>,
    /// Of the reference block, which every other block needs.
    reference: Option<(LockKey, Vec<Grid>)>,
}

/// The basis that `lock` gives for block `block` at `selection`; `shown` stands in where the lock
/// names no picture. Pictures that cannot be read are left out.
///
/// # Errors
/// What `watch` returns, a failing device, or no picture that can be read.
pub(super) fn locked_basis(
    bench: &mut Bench,
    lock: &PcaLock,
    shown: &Arc<PictureShown>,
    selection: &Selection,
    block: usize,
    watch: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<PcaBasis> {
    let timesteps = if lock.timesteps.is_empty() { vec![selection.timestep] } else { lock.timesteps.clone() };
    let pictures = if lock.pictures.is_empty() {
        vec![shown.id]
    } else {
        lock.pictures.iter().map(|(id, _)| *id).collect()
    };
    let key_of = |block: usize| LockKey {
        pictures: pictures.clone(),
        timesteps: timesteps.clone(),
        reference_block: lock.reference_block,
        selection: Selection { timestep: 0, block, ..*selection },
    };
    let key = key_of(block);
    if let Some((_, basis)) = bench.locks.bases.iter().find(|(held, _)| *held == key) {
        return Ok(basis.clone());
    }
    let wanted = Wanted { lock, shown, selection, timesteps: &timesteps };
    let reference_block = lock.reference_block.unwrap_or(block);
    let reference_key = key_of(reference_block);
    let held = bench.locks.reference.take().filter(|(held, _)| *held == reference_key);
    let reference = match held {
        Some((_, sample)) => sample,
        None => wanted.sample(bench, reference_block, watch)?,
    };
    let basis = PcaBasis::fit(&reference.iter().collect::<Vec<_>>())?;
    let basis = if reference_block == block {
        basis
    } else {
        let own = wanted.sample(bench, block, watch)?;
        basis.transfer(&reference.iter().collect::<Vec<_>>(), &own.iter().collect::<Vec<_>>())?
    };
    bench.locks.reference = Some((reference_key, reference));
    const KEPT: usize = 128;
    bench.locks.bases.truncate(KEPT - 1);
    bench.locks.bases.insert(0, (key, basis.clone()));
    Ok(basis)
}

struct Wanted<'a> {
    lock: &'a PcaLock,
    shown: &'a Arc<PictureShown>,
    selection: &'a Selection,
    timesteps: &'a [usize],
}

impl Wanted<'_> {
    /// The same places of every picture and step at `block`, one map held at a time.
    fn sample(
        &self,
        bench: &mut Bench,
        block: usize,
        watch: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<Vec<Grid>> {
        let maps = self.lock.pictures.len().max(1) * self.timesteps.len();
        let side = ((PLACES / maps.max(1)) as f64).sqrt() as usize;
        let mut samples = Vec::new();
        let mut unreadable = None;
        for picture in self.pictures() {
            let shown = match picture {
                None => Arc::clone(self.shown),
                Some((id, source)) => match bench.picture(*id, source) {
                    Ok(shown) => shown,
                    Err(error) if error.is_about_a_file() => {
                        unreadable = Some(error);
                        continue;
                    }
                    Err(error) => return Err(error),
                },
            };
            for &timestep in self.timesteps {
                let (map, _) = bench.map(&shown, self.selection, timestep, block, watch)?;
                samples.push(sampled(&map, side.clamp(4, 64)));
            }
        }
        match (samples.is_empty(), unreadable) {
            (true, Some(error)) => Err(error),
            (true, None) => Err(Error::Compute("no picture decides the colours".into())),
            (false, _) => Ok(samples),
        }
    }

    /// The pictures of the lock, or `None` for the one shown.
    fn pictures(&self) -> Vec<Option<&(PictureId, crate::data::Source)>> {
        if self.lock.pictures.is_empty() { vec![None] } else { self.lock.pictures.iter().map(Some).collect() }
    }
}
