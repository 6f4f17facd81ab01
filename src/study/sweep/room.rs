//! Whether the features of a sweep fit into memory and onto the disk, before any is made.

use std::path::Path;

use super::plan::Plan;
use crate::error::{Error, Result};
use crate::features::store::free_disk;
use crate::tensor::device::free_bytes;

/// Bytes that stand beside the values of a row on disk.
const BESIDE: u64 = 40;

/// What the features of some pictures at all steps take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::study) struct Room {
    /// Pictures.
    pub pictures: usize,
    /// Bytes in memory.
    pub memory: u64,
    /// Bytes on disk, where every noise is kept by itself.
    pub disk: u64,
}

impl Room {
    /// Of so many pictures, under `draws` noises each.
    pub fn of(plan: &Plan, pictures: usize, draws: u32) -> Room {
        let (mut memory, mut disk) = (0, 0);
        for timestep in plan.order() {
            let taps = plan.taps(&plan.blocks_at(timestep));
            memory += plan.bytes_of(&taps);
            disk += plan.bytes_of(&taps) + BESIDE * taps.len() as u64;
        }
        let count = pictures as u64;
        Room { pictures, memory: memory * count, disk: disk * count * u64::from(draws) }
    }

    /// Likewise where features of one step at a time are held, under `noises` of so many draws each.
    pub fn of_one_step(plan: &Plan, pictures: usize, (noises, draws): (usize, u32)) -> Room {
        let steps = plan.order().into_iter().map(|t| plan.bytes_of(&plan.taps(&plan.blocks_at(t))));
        let memory = steps.max().unwrap_or(0) * (pictures * noises) as u64;
        Room { memory, ..Room::of(plan, pictures, noises as u32 * draws) }
    }

    /// Refuses what does not fit into the memory that is free.
    ///
    /// # Errors
    /// With the numbers.
    pub fn check_memory(&self) -> Result<()> {
        // Other things need memory too.
        self.refuse("memory", self.memory, free_bytes().map(|free| free / 4 * 3))
    }

    /// Refuses what does not fit onto the disk of `folder`, of which `held` bytes are there already.
    ///
    /// # Errors
    /// With the numbers.
    pub fn check_disk(&self, folder: &Path, held: u64) -> Result<()> {
        self.refuse("disk", self.disk.saturating_sub(held), free_disk(folder))
    }

    fn refuse(&self, what: &str, needed: u64, free: Option<u64>) -> Result<()> {
        let gigabytes = |bytes: u64| bytes as f64 / 1e9;
        match free {
            Some(free) if needed > free => Err(Error::Setting(format!(
                "features of {} pictures take {:.1} GB of {what} and {:.1} GB are free; choose fewer pictures (--shots, --pictures), --blocks or --t, or a smaller --pool",
                self.pictures,
                gigabytes(needed),
                gigabytes(free)
            ))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::features::network::card_of;
    use crate::study::sweep::SweepConfig;
    use crate::unet::embedded::embedded;

    #[test]
    fn what_does_not_fit_is_refused_with_the_numbers() {
        let card = Arc::new(card_of(&embedded().unwrap()).unwrap());
        let plan = Plan::new(&SweepConfig::default(), &card).unwrap();
        let channels: usize = card.blocks.iter().map(|block| block.channels).sum();
        let room = Room::of(&plan, 10, 3);
        assert_eq!(room.memory, 10 * 7 * 2 * channels as u64);
        assert_eq!(room.disk, 3 * (room.memory + 10 * 7 * 19 * 40));
        assert!(room.refuse("disk", 5, Some(5)).is_ok() && room.refuse("disk", 5, None).is_ok());
        let why = room.refuse("disk", 7_000_000_000, Some(1_000_000_000)).unwrap_err().to_string();
        assert!(
            ["10 pictures", "7.0 GB of disk", "1.0 GB are free"].iter().all(|part| why.contains(part)),
            "{why}"
        );
        let most = Room { pictures: 10, memory: u64::MAX, disk: u64::MAX };
        assert!(most.check_memory().is_err() || free_bytes().is_none());
        let here = std::env::temp_dir().join("not-there-yet");
        assert!(most.check_disk(&here, 0).is_err() || free_disk(&here).is_none());
        assert!(room.check_disk(&here, room.disk).is_ok());
    }
}
