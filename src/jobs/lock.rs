//! Colours of principal components that mean the same over pictures, steps and blocks.

use std::sync::Arc;

use super::event::PictureShown;
use super::library::PictureId;
use super::preview::{PcaLock, Selection};
use super::worker::Bench;
use crate::error::Result;
use crate::features::pca::PcaBasis;
use crate::grid::Grid;

/// What a basis follows from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LockKey {
    network: String,
    pictures: Vec<PictureId>,
    timesteps: Vec<usize>,
    reference_block: Option<usize>,
    selection: Selection,
}

/// The basis that `lock` gives for block `block` at `selection`; `shown` stands in where the lock
/// names no picture. Bases are kept.
///
/// # Errors
/// What `watch` returns, or a failing picture or device.
pub(super) fn locked_basis(
    bench: &mut Bench,
    lock: &PcaLock,
    shown: &Arc<PictureShown>,
    selection: &Selection,
    block: usize,
    watch: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<PcaBasis> {
    let timesteps = if lock.timesteps.is_empty() { vec![selection.timestep] } else { lock.timesteps.clone() };
    let pictures: Vec<PictureId> = if lock.pictures.is_empty() {
        vec![shown.id]
    } else {
        lock.pictures.iter().map(|(id, _)| *id).collect()
    };
    // Of the selection only noise, class and the block asked for matter.
    let key = LockKey {
        network: bench.network()?.card.hash.clone(),
        pictures,
        timesteps: timesteps.clone(),
        reference_block: lock.reference_block,
        selection: Selection { timestep: 0, block, ..*selection },
    };
    if let Some((_, basis)) = bench.bases.iter().find(|(held, _)| *held == key) {
        return Ok(basis.clone());
    }
    let reference = lock.reference_block.unwrap_or(block);
    let maps = maps_at(bench, lock, shown, selection, &timesteps, reference, watch)?;
    let basis = PcaBasis::fit(&maps.iter().collect::<Vec<_>>())?;
    let basis = if reference == block {
        basis
    } else {
        let own = maps_at(bench, lock, shown, selection, &timesteps, block, watch)?;
        basis.transfer(&maps.iter().collect::<Vec<_>>(), &own.iter().collect::<Vec<_>>())?
    };
    const KEPT: usize = 128;
    bench.bases.truncate(KEPT - 1);
    bench.bases.insert(0, (key, basis.clone()));
    Ok(basis)
}

fn maps_at(
    bench: &mut Bench,
    lock: &PcaLock,
    shown: &Arc<PictureShown>,
    selection: &Selection,
    timesteps: &[usize],
    block: usize,
    watch: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<Vec<Grid>> {
    let mut pictures = Vec::new();
    for (id, source) in &lock.pictures {
        pictures.push(bench.picture(*id, source)?);
    }
    if pictures.is_empty() {
        pictures.push(Arc::clone(shown));
    }
    let mut maps = Vec::new();
    for picture in &pictures {
        for &timestep in timesteps {
            maps.push(bench.map(picture, selection, timestep, block, watch)?.0);
        }
    }
    Ok(maps)
}
