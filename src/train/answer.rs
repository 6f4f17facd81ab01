//! Answers of heads to pictures: one path for training, comparing, predicting and the window.

use super::reader::{Reader, Seen};
use super::union::union;
use crate::error::Result;
use crate::grid::Grid;
use crate::heads::{Head, Read, reads};

/// Probabilities of every head, `[n, K]` row-major.
pub type Answers = Vec<Vec<f32>>;

/// Asks `heads`, all of which read `reader`, about `pictures` (`[3, S, S]` each): probabilities
/// averaged over `draws` noises of `seed`. `watch` is asked between blocks.
///
/// # Errors
/// What `watch` returns, or a failing device.
pub fn answer(
    reader: Reader,
    heads: &[&Head],
    pictures: &[Grid],
    seed: u64,
    draws: u32,
    watch: &dyn Fn() -> Result<()>,
) -> Result<Answers> {
    let backbone = reader.backbone();
    let lists = heads.iter().map(|head| reads(head.config(), &backbone)).collect::<Result<Vec<_>>>()?;
    let all: Vec<Read> = union(lists.iter().map(Vec::as_slice));
    let mut timesteps: Vec<usize> = all.iter().map(|read| read.timestep).collect();
    timesteps.dedup();
    let mut answers: Answers = heads.iter().map(|head| vec![0f32; pictures.len() * head.classes()]).collect();
    for draw in 0..draws.max(1) {
        let seen: Vec<Seen> = pictures.iter().map(|x_0| Seen { x_0: x_0.clone(), draw }).collect();
        let noised = reader.noised(&seen, &timesteps, seed)?;
        let maps = reader.maps(&seen, &noised, &all, &mut |_| watch())?;
        let between = |_: usize| watch();
        let second = reader.second(&noised, &between);
        for (head, sums) in heads.iter().zip(&mut answers) {
            watch()?;
            for (sum, value) in sums.iter_mut().zip(head.probabilities(&maps, second.as_ref())?) {
                *sum += value / draws.max(1) as f32;
            }
        }
    }
    Ok(answers)
}
