//! What a head looks like from inside for one picture: the path of its answer, with all that can be
//! seen on the way.

use super::reader::{Reader, Seen};
use crate::error::Result;
use crate::features::tap::Mean;
use crate::grid::Grid;
use crate::heads::{ClsAttention, Evidence, FedBlock, Head, Look, Rollout, TokenWeights, softmax_rows};

/// Classes whose evidence is taken apart, at most: the most probable ones.
const CLASSES: usize = 10;

/// What was seen inside a head; everything is the mean over its noise draws.
#[derive(Clone, Debug, Default)]
pub struct Inside {
    /// Probabilities, one per class: those of [`answer`](super::answer()).
    pub probabilities: Vec<f32>,
    /// Where CLS attended, by timestep, layer and attention head.
    pub attention: Vec<ClsAttention>,
    /// What reached CLS through the layers up to each, by timestep.
    pub rollout: Vec<Rollout>,
    /// DifFeed: the encoder blocks that received feedback, by timestep.
    pub feedback: Vec<FedFeature>,
    /// Linear heads: what every place says for the most probable classes, the most probable first.
    pub evidence: Vec<Evidence>,
}

/// An encoder block without and with feedback.
#[derive(Clone, Debug)]
pub struct FedFeature {
    /// The timestep.
    pub timestep: usize,
    /// The encoder block, from 1.
    pub block: usize,
    /// The decoder block whose feedback it receives.
    pub from: usize,
    /// The feature of a pass without feedback.
    pub before: Summary,
    /// The feature of the second pass, with the feedback of this and of earlier blocks.
    pub after: Summary,
    /// After − before.
    pub difference: Summary,
    /// What is added at this block.
    pub feedback: Summary,
}

/// A feature map, channels taken together.
#[derive(Clone, Debug)]
pub struct Summary {
    /// L2 norm over the channels, `[1, H, W]`.
    pub norm: Grid,
    /// Mean over the channels, `[1, H, W]`.
    pub mean: Grid,
    /// L2 norm over everything.
    pub total: f32,
}

/// Looks into `head`, which reads `reader`, while it answers to `picture` (`[3, S, S]`) under `draws`
/// noises of `seed`. `watch` is asked between blocks.
///
/// # Errors
/// What `watch` returns, or a failing device.
pub fn look_inside(
    reader: Reader,
    head: &Head,
    picture: &Grid,
    (seed, draws): (u64, u32),
    watch: &dyn Fn() -> Result<()>,
) -> Result<Inside> {
    let reads = head.reads_to_look(&reader.backbone())?;
    let mut sums = Sums::default();
    let mut answer: Vec<f32> = Vec::new();
    for draw in 0..draws.max(1) {
        let seen = [Seen { x_0: picture.clone(), draw }];
        let noised = reader.noised(&seen, &head.config().timesteps, seed)?;
        let maps = reader.maps(&seen, &noised, &reads, &mut |_| watch())?;
        let between = |_: usize| watch();
        let second = reader.second(&noised, &between);
        let look = match head {
            Head::Neural(neural) => {
                neural.look(&maps, second.as_ref(), &neural.fed_blocks())?.into_iter().next()
            }
            Head::Instant(_) => None,
        };
        let (logits, look) = match look {
            Some(look) => (look.logits.clone(), Some(look)),
            None => (head.logits(&maps, second.as_ref())?, None),
        };
        let probabilities = softmax_rows(&logits, head.classes());
        if draw == 0 {
            sums.classes = most_probable(&probabilities);
        }
        let evidence = head.evidence(&maps, 0, &sums.classes)?;
        // As the answer sums them, so that both are the same to the bit.
        answer.resize(probabilities.len(), 0.0);
        for (sum, value) in answer.iter_mut().zip(probabilities) {
            *sum += value / draws.max(1) as f32;
        }
        sums.add(look, evidence)?;
        watch()?;
    }
    Ok(Inside { probabilities: answer, ..sums.finish()? })
}

/// The classes that are most probable, the most probable first.
fn most_probable(probabilities: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
    order.truncate(CLASSES);
    order
}

/// Everything under one draw, and means of the grids in it, in their order.
#[derive(Default)]
struct Sums {
    classes: Vec<usize>,
    draws: usize,
    first: Inside,
    grids: Vec<Mean>,
    numbers: Vec<f64>,
}

impl Sums {
    fn add(&mut self, look: Option<Look>, evidence: Vec<Evidence>) -> Result<()> {
        let mut inside = Inside { evidence, ..Inside::default() };
        if let Some(look) = look {
            inside.attention = look.attention;
            inside.rollout = look.rollout;
            inside.feedback = look.feedback.into_iter().filter_map(fed_feature).collect();
        }
        let (grids, numbers) = parts(&mut inside);
        self.grids.resize_with(grids.len(), Mean::default);
        self.numbers.resize(numbers.len(), 0.0);
        for (mean, grid) in self.grids.iter_mut().zip(grids) {
            mean.add(grid.clone())?;
        }
        for (sum, number) in self.numbers.iter_mut().zip(numbers) {
            *sum += f64::from(*number);
        }
        if self.draws == 0 {
            self.first = inside;
        }
        self.draws += 1;
        Ok(())
    }

    fn finish(mut self) -> Result<Inside> {
        let (grids, numbers) = parts(&mut self.first);
        for (grid, mean) in grids.into_iter().zip(self.grids) {
            *grid = mean.finish()?;
        }
        for (number, sum) in numbers.into_iter().zip(self.numbers) {
            *number = (sum / self.draws as f64) as f32;
        }
        Ok(self.first)
    }
}

/// All that is averaged over draws, in an order that depends on the head alone.
fn parts(inside: &mut Inside) -> (Vec<&mut Grid>, Vec<&mut f32>) {
    fn of_tokens<'a>(tokens: &'a mut [TokenWeights], grids: &mut Vec<&'a mut Grid>) {
        grids.extend(tokens.iter_mut().map(|tokens| &mut tokens.weights));
    }
    let (mut grids, mut numbers) = (Vec::new(), Vec::new());
    for attention in &mut inside.attention {
        numbers.push(&mut attention.to_itself);
        of_tokens(&mut attention.tokens, &mut grids);
    }
    for rollout in &mut inside.rollout {
        numbers.push(&mut rollout.to_itself);
        of_tokens(&mut rollout.tokens, &mut grids);
    }
    for fed in &mut inside.feedback {
        for summary in [&mut fed.before, &mut fed.after, &mut fed.difference, &mut fed.feedback] {
            grids.extend([&mut summary.norm, &mut summary.mean]);
            numbers.push(&mut summary.total);
        }
    }
    grids.extend(inside.evidence.iter_mut().map(|evidence| &mut evidence.places));
    (grids, numbers)
}

fn fed_feature(fed: FedBlock) -> Option<FedFeature> {
    let (from, feedback) = fed.feedback?;
    let (before, after) = (fed.before, fed.after);
    let values: Vec<f32> = after.values().iter().zip(before.values()).map(|(a, b)| a - b).collect();
    let difference = Grid::new(after.channels(), after.height(), after.width(), values).ok()?;
    Some(FedFeature {
        timestep: fed.timestep,
        block: fed.block,
        from,
        before: summary(&before),
        after: summary(&after),
        difference: summary(&difference),
        feedback: summary(&feedback),
    })
}

/// `map` `[C, H, W]`, channels taken together.
fn summary(map: &Grid) -> Summary {
    let size = map.height() * map.width();
    let (mut squares, mut sums) = (vec![0f64; size], vec![0f64; size]);
    for channel in 0..map.channels() {
        for (at, &value) in map.channel(channel).iter().enumerate() {
            let value = f64::from(value);
            squares[at] += value * value;
            sums[at] += value;
        }
    }
    let total = squares.iter().sum::<f64>().sqrt() as f32;
    let plane = |value: &dyn Fn(usize) -> f64| {
        Grid::from_fn(1, map.height(), map.width(), |_, y, x| value(y * map.width() + x) as f32)
    };
    let norm = plane(&|at| squares[at].sqrt());
    let mean = plane(&|at| sums[at] / map.channels().max(1) as f64);
    Summary { norm, mean, total }
}
