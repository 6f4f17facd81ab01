//! How fast a network is on this machine, block by block.

use std::time::Instant;

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::Network;
use super::network::NetworkCard;
use super::tap::tensor_of;
use crate::diffusion::{Draw, noise_for};
use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::unet::Keep;
use crate::unet::plan::BlockInfo;

/// Above this many passes the median changes no more.
const MOST_PASSES: usize = 10_000;

/// Everything that decides what is timed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpeedConfig {
    /// Diffusion step. Times hardly depend on it.
    pub timestep: usize,
    /// The block whose features are wanted.
    pub block: usize,
    /// Passes timed, after one that is not.
    pub passes: usize,
    /// Seed of the noise that the network reads.
    pub seed: u64,
    /// The class given to a class-conditional network.
    pub class: Option<usize>,
}

impl SpeedConfig {
    /// Checks what the network itself does not check at the first pass.
    ///
    /// # Errors
    /// The first setting that does not fit, named.
    pub fn validate(&self, card: &NetworkCard) -> Result<()> {
        let count = card.blocks.len();
        if self.block == 0 || self.block > count {
            return Err(Error::Setting(format!(
                "block {} does not exist; this network has 1 to {count}",
                self.block
            )));
        }
        if !(1..=MOST_PASSES).contains(&self.passes) {
            return Err(Error::Setting(format!("--passes must be 1 to {MOST_PASSES}")));
        }
        Ok(())
    }
}

/// The time that a part of a forward takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Stretch {
    /// Multiply-accumulates, in 10⁹.
    pub gmac: f64,
    /// Seconds, the median of all passes.
    pub seconds: f64,
    /// 10⁹ operations in a second, two to a multiply-accumulate.
    pub gflops: f64,
}

impl Stretch {
    fn new(gmac: f64, seconds: f64) -> Stretch {
        // A clock may stand still for a block that does next to nothing.
        let gflops = if seconds > 0.0 { 2.0 * gmac / seconds } else { 0.0 };
        Stretch { gmac, seconds, gflops }
    }
}

/// A row of the block table with its time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BlockSpeed {
    /// The block.
    #[serde(flatten)]
    pub info: BlockInfo,
    /// Milliseconds of the block itself, the median of all passes.
    pub milliseconds: f64,
    /// 10⁹ operations in a second.
    pub gflops: f64,
    /// Its part of the whole forward, 0 to 1.
    pub share: f64,
}

/// How fast a network is.
#[derive(Clone, Debug, PartialEq)]
pub struct Speed {
    /// From x_t to the block whose features are wanted.
    pub to_block: Stretch,
    /// From x_t to the predicted noise.
    pub to_end: Stretch,
    /// Every block.
    pub blocks: Vec<BlockSpeed>,
    /// Milliseconds of what belongs to no block: the embedding of the timestep and the output layer.
    pub rest_milliseconds: f64,
}

/// Passes under way over one picture of pure noise.
pub struct SpeedRun {
    config: SpeedConfig,
    x_t: Tensor,
    warm: bool,
    laps: Vec<Lap>,
}

/// The seconds of one pass: until each block was done, and until the end.
struct Lap {
    start: f64,
    blocks: Vec<f64>,
    end: f64,
}

impl SpeedRun {
    /// Prepares passes over `network`.
    ///
    /// # Errors
    /// When settings do not fit the network.
    pub fn start(network: &Network, config: SpeedConfig) -> Result<SpeedRun> {
        config.validate(&network.card)?;
        let side = network.card.config.image_size;
        let black = Grid::from_fn(3, side, side, |_, _, _| -1.0);
        let x_t = tensor_of(&noise_for(&black, Draw { seed: config.seed, number: 0 }))?;
        Ok(SpeedRun { config, x_t, warm: false, laps: Vec::new() })
    }

    /// Passes timed, and all.
    pub fn progress(&self) -> (usize, usize) {
        (self.laps.len(), self.config.passes)
    }

    /// One pass, the first of which only warms up. `watch` is asked between blocks and stops by an
    /// error; the pass is then lost, because what came between would count.
    ///
    /// # Errors
    /// What `watch` returns, or a failing device.
    pub fn step(&mut self, network: &Network, watch: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let unet = &network.unet;
        let class = self.config.class.map(|class| [class]);
        let classes = class.as_ref().map(|class| &class[..]);
        let begun = Instant::now();
        let mut pass = unet.begin(&self.x_t, &[self.config.timestep], classes, Keep::Needed)?;
        let start = begun.elapsed().as_secs_f64();
        let mut blocks = Vec::with_capacity(unet.block_count());
        let out = unet.finish(&mut pass, &mut |_, map| {
            // A GPU only takes orders until somebody waits for it.
            map.device().synchronize()?;
            blocks.push(begun.elapsed().as_secs_f64());
            watch()
        })?;
        out.device().synchronize()?;
        let end = begun.elapsed().as_secs_f64();
        if self.warm {
            self.laps.push(Lap { start, blocks, end });
        }
        self.warm = true;
        Ok(())
    }

    /// What the passes so far say of the network of `card`.
    pub fn speed(&self, card: &NetworkCard) -> Speed {
        let over = |seconds: &dyn Fn(&Lap) -> f64| median(self.laps.iter().map(seconds).collect());
        let whole = over(&|lap| lap.end);
        let blocks: Vec<BlockSpeed> = card
            .blocks
            .iter()
            .enumerate()
            .map(|(index, info)| {
                let before = |lap: &Lap| index.checked_sub(1).map_or(lap.start, |before| lap.blocks[before]);
                let own = Stretch::new(info.gmac, over(&|lap| lap.blocks[index] - before(lap)));
                let share = if whole > 0.0 { own.seconds / whole } else { 0.0 };
                let milliseconds = own.seconds * 1e3;
                BlockSpeed { info: info.clone(), milliseconds, gflops: own.gflops, share }
            })
            .collect();
        let wanted = self.config.block - 1;
        let last = card.blocks.len() - 1;
        Speed {
            to_block: Stretch::new(card.blocks[wanted].cumulative_gmac, over(&|lap| lap.blocks[wanted])),
            to_end: Stretch::new(card.full_gmac, whole),
            blocks,
            rest_milliseconds: over(&|lap| lap.start + lap.end - lap.blocks[last]) * 1e3,
        }
    }
}

/// The middle value, or the mean of the two in the middle; 0 of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => values[half],
        _ => (values[half - 1] + values[half]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::network::NetworkSource;
    use crate::tensor::precision::Precision;
    use crate::unet::weights::OpenOptions;
    use candle_core::Device;
    use std::ops::ControlFlow;

    fn embedded() -> Network {
        let options = OpenOptions { preset: None, cache: None };
        let on = &mut |_| ControlFlow::Continue(());
        Network::open(&NetworkSource::Embedded, &options, &Device::Cpu, Precision::F32, on).unwrap()
    }

    fn config(block: usize, passes: usize) -> SpeedConfig {
        SpeedConfig { timestep: 50, block, passes, seed: 0, class: None }
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 8.0]), 3.0);
        assert_eq!(median(Vec::new()), 0.0);
    }

    #[test]
    fn blocks_and_the_rest_make_the_whole() {
        let network = embedded();
        let mut run = SpeedRun::start(&network, config(12, 1)).unwrap();
        for expected in [0, 1] {
            run.step(&network, &mut || Ok(())).unwrap();
            assert_eq!(run.progress(), (expected, 1), "the first pass does not count");
        }
        let speed = run.speed(&network.card);
        let sum: f64 = speed.blocks.iter().map(|block| block.milliseconds).sum();
        let whole = speed.to_end.seconds * 1e3;
        assert!((sum + speed.rest_milliseconds - whole).abs() < 1e-6 * whole, "{sum} of {whole}");
        let to_12: f64 = speed.blocks[..12].iter().map(|block| block.milliseconds).sum();
        assert!(to_12 <= speed.to_block.seconds * 1e3 && speed.to_block.seconds < speed.to_end.seconds);
        assert_eq!(speed.to_block.gmac, network.card.blocks[11].cumulative_gmac);
        let shares: f64 = speed.blocks.iter().map(|block| block.share).sum();
        assert!(shares > 0.5 && shares < 1.0, "{shares}");
    }

    #[test]
    fn a_stopped_pass_does_not_count() {
        let network = embedded();
        let mut run = SpeedRun::start(&network, config(12, 2)).unwrap();
        run.step(&network, &mut || Ok(())).unwrap();
        assert!(run.step(&network, &mut || Err(Error::Cancelled)).unwrap_err().is_cancelled());
        assert_eq!(run.progress(), (0, 2));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let network = embedded();
        let why = |config| SpeedRun::start(&network, config).err().unwrap().to_string();
        assert!(why(config(20, 1)).contains("1 to 19"));
        assert!(why(config(12, 0)).contains("--passes"));
    }
}
