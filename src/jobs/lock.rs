//! Colours of principal components that mean the same over pictures, steps and blocks.

use std::sync::Arc;

use super::event::PictureShown;
use super::library::PictureId;
use super::preview::{PcaLock, Selection};
use super::worker::Bench;
use crate::error::{Error, Result};
use crate::features::pca::{BlockSample, JointColours, PcaBasis, sampled};
use crate::grid::Grid;

/// Places that decide locked colours, of all maps together: more change nothing that is seen.
const PLACES: usize = 1 << 14;

/// What a basis, or the sample it is made from, follows from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LockKey {
    pictures: Vec<PictureId>,
    timesteps: Vec<usize>,
    blocks: Vec<usize>,
    /// Of the selection only noise, class and the block asked for matter; the step only where no
    /// steps are locked.
    selection: Selection,
}

/// Bases kept for another look.
#[derive(Default)]
pub(super) struct LockCache {
    bases: Vec<(LockKey, PcaBasis)>,
    /// What the chosen blocks have in common, which every block needs.
    joint: Option<(LockKey, JointColours)>,
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
        blocks: lock.blocks.clone(),
        selection: Selection { timestep: 0, block, ..*selection },
    };
    let key = key_of(block);
    if let Some((_, basis)) = bench.locks.bases.iter().find(|(held, _)| *held == key) {
        return Ok(basis.clone());
    }
    let wanted = Wanted { lock, shown, selection, timesteps: &timesteps };
    let basis = if lock.blocks.is_empty() {
        let sample = wanted.sample(bench, block, watch)?;
        PcaBasis::fit(&sample.iter().collect::<Vec<_>>())?
    } else {
        // The key of a block that does not exist stands for all chosen ones.
        let joint = wanted.joint(bench, key_of(0), watch)?;
        joint.basis(&wanted.block_sample(bench, block, watch)?)?
    };
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
    /// What the chosen blocks have in common, from the cache if it is there under `key`.
    fn joint(
        &self,
        bench: &mut Bench,
        key: LockKey,
        watch: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<JointColours> {
        if let Some((_, joint)) = bench.locks.joint.as_ref().filter(|(held, _)| *held == key) {
            return Ok(joint.clone());
        }
        // The deepest first: the maps of the others then come with its forward.
        let mut blocks = self.lock.blocks.clone();
        blocks.sort_unstable_by(|a, b| b.cmp(a));
        blocks.dedup();
        let samples: Result<Vec<BlockSample>> =
            blocks.into_iter().map(|block| self.block_sample(bench, block, watch)).collect();
        let joint = JointColours::fit(&samples?)?;
        bench.locks.joint = Some((key, joint.clone()));
        Ok(joint)
    }

    fn block_sample(
        &self,
        bench: &mut Bench,
        block: usize,
        watch: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<BlockSample> {
        let sample = self.sample(bench, block, watch)?;
        BlockSample::of(&sample.iter().collect::<Vec<_>>())
    }

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
