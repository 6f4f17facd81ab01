//! The blocks of a network, each made ready when it is first asked for.
//!
//! A pass that ends at a block takes no memory for those behind it, and while a block is made ready one
//! parameter at a time is in memory as it is.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use candle_core::{DType, Device, Tensor};

use super::blocks::{Loader, RunLayer, Source};
use super::config::UnetConfig;
use super::plan::{Plan, PlannedBlock};
use super::room::refuse_without_room;
use crate::error::{Error, Result};
use crate::tensor::conv::FrozenConv;
use crate::tensor::device::free_bytes;
use crate::tensor::layout::Layout;
use crate::tensor::make_room;
use crate::tensor::norm::GroupNorm;
use crate::tensor::precision::Precision;

/// Where parameters come from while a network is in use, from any thread: (name, shape) to an f32
/// tensor on the CPU.
pub type SharedSource = dyn Fn(&str, &[usize]) -> Result<Tensor> + Send + Sync;

/// The layer behind the last block.
pub(super) struct Output {
    pub norm: GroupNorm,
    pub conv: FrozenConv,
}

/// How parts are made ready.
#[derive(Clone)]
pub(super) struct Making {
    pub device: Device,
    pub dtype: DType,
    pub layout: Layout,
    pub precision: Precision,
}

/// The blocks and the output layer.
pub(super) struct Parts {
    blocks: Vec<OnceLock<Vec<RunLayer>>>,
    output: OnceLock<Output>,
    /// None where all parts are ready from the start.
    source: Option<Box<SharedSource>>,
    making: Making,
    nanoseconds: AtomicU64,
    /// Bytes that programs can still take.
    free: fn() -> Option<u64>,
}

impl Parts {
    /// All parts, ready.
    pub fn ready(plan: &Plan, config: &UnetConfig, source: &mut Source, making: Making) -> Result<Parts> {
        let started = Instant::now();
        let mut loader = making.loader(source);
        let blocks =
            plan.blocks.iter().map(|block| Ok(OnceLock::from(layers(plan, config, block, &mut loader)?)));
        let blocks = blocks.collect::<Result<_>>()?;
        let output = OnceLock::from(output(plan, config, &mut loader)?);
        let nanoseconds = AtomicU64::new(nanoseconds_since(started));
        Ok(Parts { blocks, output, source: None, making, nanoseconds, free: free_bytes })
    }

    /// Parts that a source gives when they are asked for, once there is one.
    pub fn on_demand(plan: &Plan, making: Making) -> Parts {
        Parts {
            blocks: plan.blocks.iter().map(|_| OnceLock::new()).collect(),
            output: OnceLock::new(),
            source: None,
            making,
            nanoseconds: AtomicU64::new(0),
            free: free_bytes,
        }
    }

    /// From now on parts come from `source`.
    pub fn set_source(&mut self, source: Box<SharedSource>) {
        self.source = Some(source);
    }

    /// The layers of the block with index `index`. One that fails is asked for anew the next time.
    pub fn block(&self, plan: &Plan, config: &UnetConfig, index: usize) -> Result<&[RunLayer]> {
        let planned = &plan.blocks[index];
        let made = self.made(&self.blocks[index], |loader| {
            if loader.device.is_cpu() {
                let needed = plan.ready_bytes_of(planned) + plan.largest_bytes_of(planned);
                make_room(usize::try_from(needed).unwrap_or(usize::MAX));
                refuse_without_room(planned.block, needed, (self.free)())?;
            }
            layers(plan, config, planned, loader)
        })?;
        Ok(made)
    }

    /// The output layer.
    pub fn output(&self, plan: &Plan, config: &UnetConfig) -> Result<&Output> {
        self.made(&self.output, |loader| output(plan, config, loader))
    }

    /// True when the block with index `index` is ready.
    pub fn is_ready(&self, index: usize) -> bool {
        self.blocks.get(index).is_some_and(|block| block.get().is_some())
    }

    /// Time spent on making parts ready so far.
    pub fn time(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }

    /// What `part` holds, after `make` where nobody has made it. Threads that ask at the same time may
    /// make it twice, and the first one's stays: to wait for one another would be to wait for oneself
    /// where a thread of the pool takes up a second pass while it waits for the first one's weights.
    fn made<'a, T>(
        &self,
        part: &'a OnceLock<T>,
        make: impl FnOnce(&mut Loader<'_, '_>) -> Result<T>,
    ) -> Result<&'a T> {
        if let Some(made) = part.get() {
            return Ok(made);
        }
        let started = Instant::now();
        let Some(source) = &self.source else {
            return Err(Error::Compute("a part of the network has no source".into()));
        };
        let mut source = |name: &str, shape: &[usize]| source(name, shape);
        let made = make(&mut self.making.loader(&mut source))?;
        self.nanoseconds.fetch_add(nanoseconds_since(started), Ordering::Relaxed);
        Ok(part.get_or_init(|| made))
    }
}

impl Making {
    pub fn new(device: &Device, layout: Layout, precision: Precision) -> Making {
        Making { device: device.clone(), dtype: layout.dtype(precision), layout, precision }
    }

    pub fn loader<'a, 'b>(&'a self, source: &'a mut Source<'b>) -> Loader<'a, 'b> {
        Loader {
            source,
            device: &self.device,
            dtype: self.dtype,
            layout: self.layout,
            precision: self.precision,
        }
    }
}

fn layers(
    plan: &Plan,
    config: &UnetConfig,
    block: &PlannedBlock,
    loader: &mut Loader<'_, '_>,
) -> Result<Vec<RunLayer>> {
    let mut layers = Vec::with_capacity(block.layers.len());
    let mut side = block.side_in;
    for (index, layer) in block.layers.iter().enumerate() {
        let name = format!("{}.{index}", block.prefix);
        layers.push(RunLayer::load(layer, &name, config, (plan.embedding, side), loader)?);
        side = layer.side_after(side);
    }
    Ok(layers)
}

fn output(plan: &Plan, config: &UnetConfig, loader: &mut Loader<'_, '_>) -> Result<Output> {
    Ok(Output {
        norm: loader.norm("out.0", plan.out_in)?,
        conv: loader.conv3("out.2", plan.out_in, config.out_channels(), config.image_size)?,
    })
}

fn nanoseconds_since(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::unet::embedded::embedded;

    fn making() -> Making {
        Making::new(&Device::Cpu, Layout::best(&Device::Cpu), Precision::F32)
    }

    #[test]
    fn a_block_that_cannot_be_made_leaves_the_rest_usable() {
        let checkpoint = embedded().unwrap();
        let (config, parameters) = (checkpoint.config, checkpoint.parameters);
        let plan = Plan::new(&config).unwrap();
        let broken = Arc::new(AtomicBool::new(false));
        let is_broken = Arc::clone(&broken);
        let source = move |name: &str, _: &[usize]| match is_broken.load(Ordering::Relaxed) {
            true => Err(Error::checkpoint("net", "gone")),
            false => parameters.read(name),
        };
        let mut parts = Parts::on_demand(&plan, making());
        parts.set_source(Box::new(source));
        parts.block(&plan, &config, 0).unwrap();
        broken.store(true, Ordering::Relaxed);
        assert!(parts.block(&plan, &config, 1).err().unwrap().to_string().contains("gone"));
        assert!(parts.block(&plan, &config, 0).is_ok(), "what is ready needs no source");
        broken.store(false, Ordering::Relaxed);
        parts.free = || Some(1000);
        let refusal = parts.block(&plan, &config, 1).err().unwrap().to_string();
        assert!(refusal.contains("block 2") && refusal.contains("0.00 GB are free"), "{refusal}");
        assert!(!parts.is_ready(1));
        parts.free = || None;
        parts.block(&plan, &config, 1).unwrap();
        assert!(parts.is_ready(0) && parts.is_ready(1) && !parts.is_ready(2) && !parts.is_ready(99));
        assert!(parts.time() > Duration::ZERO);
    }
}
