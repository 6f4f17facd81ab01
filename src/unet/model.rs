//! The U-Net and its forward pass, which stops at any block and goes on from there.

use std::time::Duration;

use candle_core::{DType, Device, Tensor};

use super::blocks::Source;
use super::config::UnetConfig;
use super::parts::{Making, Parts, SharedSource};
use super::plan::{BlockInfo, Plan};
use crate::error::{Error, Result};
use crate::tensor::conv::{ConvInput, FrozenConv};
use crate::tensor::layout::Layout;
use crate::tensor::norm::{Modulation, Then};
use crate::tensor::precision::Precision;

/// An ADM U-Net with frozen weights on a device.
pub struct Unet {
    config: UnetConfig,
    plan: Plan,
    time_embed: [FrozenConv; 2],
    label_embed: Option<Tensor>,
    parts: Parts,
    device: Device,
    dtype: DType,
    layout: Layout,
}

/// A forward pass under way: which maps it holds and how far it came.
///
/// The maps of encoder blocks are the skips of the decoder, so a pass that keeps all its maps can
/// be taken up again at its deepest block.
pub struct Pass {
    embedding: Tensor,
    input: Tensor,
    maps: Vec<Option<Tensor>>,
    done: usize,
    keep: Keep,
    layout: Layout,
}

/// What a pass holds on to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The map of every block, to be looked at later.
    All,
    /// Only what later blocks still need.
    Needed,
    /// Only what blocks up to this one still need, where the pass ends.
    Until(usize),
}

impl Pass {
    /// How many blocks are computed.
    pub fn done(&self) -> usize {
        self.done
    }

    /// The feature map of block `block` (from 1), `[N, C, H, W]` (perhaps not contiguous), if computed
    /// and kept.
    pub fn map(&self, block: usize) -> Option<Tensor> {
        let map = self.maps.get(block.checked_sub(1)?)?.as_ref()?;
        self.layout.feature_map(map).ok()
    }

    /// Adds `addend` `[N, C, H, W]` to the map of the block computed last, which is what goes on and
    /// what the decoder gets as a skip. Gradients reach `addend` through all later blocks.
    ///
    /// # Errors
    /// When nothing is computed yet, or the shapes differ.
    pub fn add(&mut self, addend: &Tensor) -> Result<()> {
        let last = self.done.checked_sub(1).and_then(|index| self.maps[index].as_mut());
        let Some(map) = last else {
            return Err(Error::Compute("feedback before the first block".into()));
        };
        *map = (&*map + self.layout.arrange(addend)?)?;
        Ok(())
    }

    /// Bytes of all maps held.
    pub fn bytes(&self) -> usize {
        let held = self.maps.iter().flatten().chain([&self.input, &self.embedding]);
        held.map(|map| map.elem_count() * map.dtype().size_in_bytes()).sum()
    }
}

impl Unet {
    /// Builds the network of `config`, asking `source` for each parameter by name and shape in the
    /// order of the layers.
    ///
    /// # Errors
    /// When the configuration is impossible, or `source` or the device fails.
    pub fn load(
        config: &UnetConfig,
        source: &mut Source,
        device: &Device,
        precision: Precision,
    ) -> Result<Unet> {
        Unet::load_in(config, source, device, precision, Layout::best(device))
    }

    /// As [`Unet::load`], with maps that lie in `layout` while the network runs.
    ///
    /// # Errors
    /// As [`Unet::load`]; [`Layout::ChannelsLast`] is for the CPU alone.
    pub fn load_in(
        config: &UnetConfig,
        source: &mut Source,
        device: &Device,
        precision: Precision,
        layout: Layout,
    ) -> Result<Unet> {
        let making = Making::new(device, layout, precision);
        Unet::with(config, source, making, |plan, source, making| Parts::ready(plan, config, source, making))
    }

    /// As [`Unet::load`], with blocks that are asked for and made ready when a pass first comes to
    /// them. A block that fails, or for which memory runs out, is an error of [`Unet::advance`] and
    /// leaves the network as it was.
    ///
    /// # Errors
    /// When the configuration is impossible, or `source` or the device fails for what stands before
    /// the blocks.
    pub fn on_demand(
        config: &UnetConfig,
        source: Box<SharedSource>,
        device: &Device,
        precision: Precision,
    ) -> Result<Unet> {
        let making = Making::new(device, Layout::best(device), precision);
        let mut first = |name: &str, shape: &[usize]| source(name, shape);
        let mut unet =
            Unet::with(config, &mut first, making, |plan, _, making| Ok(Parts::on_demand(plan, making)))?;
        unet.parts.set_source(source);
        Ok(unet)
    }

    /// The network without its blocks, which `parts` gives.
    fn with(
        config: &UnetConfig,
        source: &mut Source,
        making: Making,
        parts: impl FnOnce(&Plan, &mut Source, Making) -> Result<Parts>,
    ) -> Result<Unet> {
        let plan = Plan::new(config)?;
        let Making { device, dtype, layout, .. } = making.clone();
        let mut loader = making.loader(source);
        let (width, embedding) = (config.num_channels, plan.embedding);
        let time_embed = [
            loader.linear("time_embed.0", width, embedding)?,
            loader.linear("time_embed.2", embedding, embedding)?,
        ];
        let label_embed = match config.num_classes {
            Some(classes) => Some(loader.get("label_emb.weight", &[classes, embedding])?),
            None => None,
        };
        let parts = parts(&plan, source, making)?;
        Ok(Unet { config: config.clone(), plan, time_embed, label_embed, parts, device, dtype, layout })
    }

    /// Where it computes.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The configuration it was built from.
    pub fn config(&self) -> &UnetConfig {
        &self.config
    }

    /// The block table.
    pub fn table(&self) -> Vec<BlockInfo> {
        self.plan.table()
    }

    /// N, the number of blocks.
    pub fn block_count(&self) -> usize {
        self.plan.len()
    }

    /// Bytes of memory that the weights of blocks 1 to `block` will still take: those of blocks that no
    /// pass has come to. On other devices than the CPU none of them are taken from its memory.
    pub fn bytes_to_come(&self, block: usize) -> u64 {
        let blocks = self.plan.blocks.iter().take(block).enumerate();
        let to_come = blocks.filter(|(index, _)| self.device.is_cpu() && !self.parts.is_ready(*index));
        to_come.map(|(_, planned)| self.plan.ready_bytes_of(planned)).sum()
    }

    /// Time spent on making blocks ready so far.
    pub fn time_to_load(&self) -> Duration {
        self.parts.time()
    }

    /// Starts a pass over `x_t` `[N, 3, S, S]` at one timestep per image (0 … T−1) and, for
    /// class-conditional networks, one class per image or none (the label embedding is left out).
    ///
    /// # Errors
    /// When shapes, timesteps or classes do not fit the network.
    pub fn begin(
        &self,
        x_t: &Tensor,
        timesteps: &[usize],
        classes: Option<&[usize]>,
        keep: Keep,
    ) -> Result<Pass> {
        let (n, c, h, w) = x_t.dims4()?;
        let side = self.config.image_size;
        if (c, h, w) != (3, side, side) || timesteps.len() != n {
            return Err(Error::Setting(format!(
                "the network takes 3x{side}x{side} with one timestep per image, not {n} images of {c}x{h}x{w} with {} timesteps",
                timesteps.len()
            )));
        }
        let input = self.layout.arrange(&x_t.to_device(&self.device)?.to_dtype(self.dtype)?)?;
        let embedding = self.embed(timesteps, classes)?.silu()?;
        Ok(Pass { embedding, input, maps: vec![None; self.plan.len()], done: 0, keep, layout: self.layout })
    }

    /// Runs the pass on until block `block` is computed. `watch` sees every new map with its block
    /// number as it is made, and stops the pass by an error (as [`Error::Cancelled`]); a stopped
    /// pass can be taken up again.
    ///
    /// # Errors
    /// What `watch` returns, or a failing device.
    pub fn advance(
        &self,
        pass: &mut Pass,
        block: usize,
        watch: &mut dyn FnMut(usize, &Tensor) -> Result<()>,
    ) -> Result<()> {
        let last = block.min(self.plan.len());
        if let Keep::Until(end) = pass.keep
            && end < last
        {
            return Err(Error::Compute(format!("a pass that ends at block {end} was sent on to {last}")));
        }
        while pass.done < last {
            let index = pass.done;
            let layers = self.parts.block(&self.plan, &self.config, index)?;
            let before = match index.checked_sub(1) {
                None => pass.input.clone(),
                Some(previous) => held(pass, previous)?,
            };
            let skip = self.skip_of(index);
            let skipped = skip.map(|skip| held(pass, skip)).transpose()?;
            let maps: Vec<&Tensor> = [&before].into_iter().chain(&skipped).collect();
            let mut layers = layers.iter();
            let mut h = match layers.next() {
                Some(first) => first.forward(&maps, &pass.embedding)?,
                None => before.clone(),
            };
            for layer in layers {
                h = layer.forward(&[&h], &pass.embedding)?;
            }
            pass.maps[index] = Some(h.clone());
            pass.done = index + 1;
            if pass.keep != Keep::All {
                let release = index.checked_sub(1).filter(|&previous| !self.is_skip(previous, pass.keep));
                for gone in release.into_iter().chain(skip) {
                    pass.maps[gone] = None;
                }
            }
            watch(index + 1, &self.layout.feature_map(&h)?)?;
        }
        Ok(())
    }

    /// Runs the pass to its end and returns the output `[N, 3 or 6, S, S]`: the predicted noise and,
    /// with learned variance, its interpolation.
    ///
    /// # Errors
    /// As [`Unet::advance`].
    pub fn finish(
        &self,
        pass: &mut Pass,
        watch: &mut dyn FnMut(usize, &Tensor) -> Result<()>,
    ) -> Result<Tensor> {
        self.advance(pass, self.plan.len(), watch)?;
        let output = self.parts.output(&self.plan, &self.config)?;
        let h = held(pass, self.plan.len() - 1)?;
        let h = output.norm.forward(&[&h], &Modulation::None, Then { silu: true, halve: false })?;
        Ok(self.layout.feature_map(&output.conv.forward(ConvInput::of(&[&h]))?)?.contiguous()?)
    }

    /// Index of the encoder map that decoder block `index` concatenates.
    fn skip_of(&self, index: usize) -> Option<usize> {
        let encoder = self.plan.encoder_blocks;
        (index > encoder).then(|| 2 * encoder - index)
    }

    /// True when a decoder block of a pass that keeps `keep` concatenates the map of block `index`.
    fn is_skip(&self, index: usize, keep: Keep) -> bool {
        let encoder = self.plan.encoder_blocks;
        let end = if let Keep::Until(end) = keep { end } else { self.plan.len() };
        index < encoder && 2 * encoder - index < end
    }

    fn embed(&self, timesteps: &[usize], classes: Option<&[usize]>) -> Result<Tensor> {
        let width = self.config.num_channels;
        let mut values = Vec::with_capacity(timesteps.len() * width);
        for &timestep in timesteps {
            if timestep >= self.config.diffusion_steps {
                return Err(Error::Setting(format!(
                    "timestep {timestep} is past the last of this network, {}",
                    self.config.diffusion_steps - 1
                )));
            }
            values.extend(timestep_embedding(self.config.network_timestep(timestep), width));
        }
        let sines = Tensor::from_vec(values, (timesteps.len(), width), &self.device)?.to_dtype(self.dtype)?;
        let embedding = self.time_embed[1].forward_rows(&self.time_embed[0].forward_rows(&sines)?.silu()?)?;
        match (&self.label_embed, classes) {
            (_, None) => Ok(embedding),
            (None, Some(_)) => {
                Err(Error::Setting("this network was trained without classes; leave --class away".into()))
            }
            (Some(table), Some(classes)) => {
                let count = table.dims2()?.0;
                if classes.len() != timesteps.len() {
                    return Err(Error::Setting(format!(
                        "{} classes for {} images",
                        classes.len(),
                        timesteps.len()
                    )));
                }
                if let Some(class) = classes.iter().find(|&&class| class >= count) {
                    return Err(Error::Setting(format!(
                        "class {class} does not exist; this network has 0 to {}",
                        count - 1
                    )));
                }
                let ids: Vec<u32> = classes.iter().map(|&class| class as u32).collect();
                let ids = Tensor::from_vec(ids, classes.len(), &self.device)?;
                Ok((embedding + table.index_select(&ids, 0)?)?)
            }
        }
    }
}

fn held(pass: &Pass, index: usize) -> Result<Tensor> {
    pass.maps[index].clone().ok_or_else(|| Error::Compute(format!("the map of block {} is gone", index + 1)))
}

/// Cosines then sines of `timestep · exp(−ln 10000 · i / half)` (`nn.py`, `timestep_embedding`), in
/// f32 as the reference computes them.
fn timestep_embedding(timestep: f64, width: usize) -> Vec<f32> {
    let half = width / 2;
    let angle = |i: usize| {
        let frequency = (-(10_000f64.ln()) as f32 * i as f32 / half as f32).exp();
        timestep as f32 * frequency
    };
    (0..half).map(|i| angle(i).cos()).chain((0..half).map(|i| angle(i).sin())).collect()
}
