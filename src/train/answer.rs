//! Answers of heads to pictures: one path for training, comparing, predicting and the window.

use half::f16;

use super::reader::{Reader, Seen};
use super::union::union;
use crate::error::{Error, Result};
use crate::features::kept_rows::Mean;
use crate::features::pooled::half_of;
use crate::grid::Grid;
use crate::heads::{Head, Maps, Read, Rows, reads, softmax_rows};

/// Probabilities of every head, `[n, K]` row-major.
pub type Answers = Vec<Vec<f32>>;

/// What a head has said, or seen, under the noises so far.
enum Sum {
    /// Probabilities.
    Said(Vec<f32>),
    /// Rows of a head that reads them as they are kept.
    Seen(Vec<Mean>),
}

/// Asks `heads`, all of which read `reader`, about `pictures` (`[3, S, S]` each): probabilities
/// averaged over `draws` noises of `seed`; heads that read rows as they are kept see the mean of these
/// instead. `watch` is asked between blocks.
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
    let sum = |head: &&Head| match head.config().kept_rows {
        true => Sum::Seen(vec![Mean::default(); pictures.len()]),
        false => Sum::Said(vec![0f32; pictures.len() * head.classes()]),
    };
    let mut sums: Vec<Sum> = heads.iter().map(sum).collect();
    for draw in 0..draws.max(1) {
        let seen: Vec<Seen> = pictures.iter().map(|x_0| Seen { x_0: x_0.clone(), draw }).collect();
        let noised = reader.noised(&seen, &timesteps, seed)?;
        let maps = reader.maps(&seen, &noised, &all, &mut |_| watch())?;
        let between = |_: usize| watch();
        let second = reader.second(&noised, &between);
        for (head, sum) in heads.iter().zip(&mut sums) {
            watch()?;
            match sum {
                Sum::Said(sums) => {
                    for (sum, value) in sums.iter_mut().zip(head.probabilities(&maps, second.as_ref())?) {
                        *sum += value / draws.max(1) as f32;
                    }
                }
                Sum::Seen(means) => see(head, &maps, means)?,
            }
        }
    }
    heads.iter().zip(sums).map(|(head, sum)| said(head, sum)).collect()
}

/// Adds the rows that `head` reads, as they are kept.
fn see(head: &Head, maps: &Maps, means: &mut [Mean]) -> Result<()> {
    let rows = Rows::of(head.config(), maps)?;
    for (row, mean) in rows.iter().zip(means) {
        mean.add(row.iter().map(|&value| half_of(value)).collect());
    }
    Ok(())
}

/// The probabilities.
fn said(head: &Head, sum: Sum) -> Result<Vec<f32>> {
    match (sum, head) {
        (Sum::Seen(means), Head::Instant(instant)) => {
            let values: Vec<f32> = means.into_iter().flat_map(Mean::finish).map(f16::to_f32).collect();
            let rows = Rows::new(instant.width(), values)?;
            Ok(softmax_rows(&instant.logits(&rows)?, instant.classes()))
        }
        (Sum::Seen(_), Head::Neural(_)) => {
            Err(Error::Compute("a head trained by steps was to read rows as they are kept".into()))
        }
        (Sum::Said(sums), _) => Ok(sums),
    }
}
