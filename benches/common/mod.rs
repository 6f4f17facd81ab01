//! What the benches run: the layers that networks of this family spend their time in, and whole
//! networks, with weights from the formula of the tests.
#![allow(dead_code, reason = "every bench uses some of them")]
#![allow(clippy::expect_used, reason = "a bench that cannot run has nothing to say")]

#[path = "../../tests/common/formula.rs"]
mod formula;
pub mod heads;
pub mod layers;

use candle_core::{Device, Tensor};
use difscope::tensor::precision::Precision;
use difscope::unet::config::UnetConfig;
use difscope::unet::embedded::embedded;
use difscope::unet::presets::by_name;
use difscope::unet::{Keep, Pass, Unet};
use formula::{formula_parameter, units};

/// As the program itself.
#[global_allocator]
static MEMORY: difscope::tensor::Memory = difscope::tensor::Memory::new();

/// What the formula's keys begin with.
const SEED: &str = "s0";
/// The diffusion step of every pass.
pub const TIMESTEP: usize = 90;
/// The block that features of the 256×256 network are taken from.
pub const BLOCK_OF_FEATURES: usize = 24;

/// Runs `work` on a thread of the pool that computes, as the program's own worker is: from outside,
/// every kernel would first have to wake the pool.
pub fn in_pool<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().build().expect("threads").install(work)
}

/// The tensor of values in [−1, 1) under `key`.
pub fn input(key: &str, shape: &[usize]) -> Tensor {
    let count = shape.iter().product();
    Tensor::from_vec(units(&format!("{SEED}/input.{key}"), count), shape, &Device::Cpu)
        .expect("as many values as the shape has")
}

/// Parameter `name` under the formula.
pub fn parameter(name: &str, shape: &[usize]) -> Tensor {
    Tensor::from_vec(formula_parameter(SEED, name, shape), shape, &Device::Cpu)
        .expect("as many values as the shape has")
}

/// The embedded network's configuration.
pub fn fashion32() -> UnetConfig {
    embedded().expect("the embedded network opens").config
}

/// The configuration of the published 256×256 network without classes: 553 million parameters.
pub fn adm256() -> UnetConfig {
    by_name("adm256-uncond").expect("a preset").config()
}

/// The network of `config`.
pub fn network(config: &UnetConfig, precision: Precision) -> Unet {
    let mut source = |name: &str, shape: &[usize]| Ok(parameter(name, shape));
    Unet::load(config, &mut source, &Device::Cpu, precision).expect("the configuration is possible")
}

/// `count` inputs of `unet`, `[count, 3, S, S]`.
pub fn pictures(unet: &Unet, count: usize) -> Tensor {
    let side = unet.config().image_size;
    input("x", &[count, 3, side, side])
}

/// A pass over `x` that has begun.
pub fn begin(unet: &Unet, x: &Tensor, keep: Keep) -> Pass {
    let timesteps = vec![TIMESTEP; x.dims()[0]];
    unet.begin(x, &timesteps, None, keep).expect("the input fits")
}

/// The map of block `block`.
pub fn map_of(unet: &Unet, x: &Tensor, block: usize) -> Tensor {
    let mut pass = begin(unet, x, Keep::Needed);
    unet.advance(&mut pass, block, &mut |_, _| Ok(())).expect("the pass runs");
    pass.map(block).expect("the deepest map is held")
}

/// The network's output.
pub fn output_of(unet: &Unet, x: &Tensor) -> Tensor {
    unet.finish(&mut begin(unet, x, Keep::Needed), &mut |_, _| Ok(())).expect("the pass runs")
}

/// The features of every block pooled to 1×1, as an extraction takes them.
pub fn all_pooled(unet: &Unet, x: &Tensor) -> Tensor {
    let mut rows = Vec::with_capacity(unet.block_count());
    let mut pass = begin(unet, x, Keep::Needed);
    unet.advance(&mut pass, unet.block_count(), &mut |_, map| {
        rows.push(difscope::features::tap::pooled(map, Some(1))?.flatten_all()?);
        Ok(())
    })
    .expect("the pass runs");
    Tensor::cat(&rows, 0).expect("all are vectors")
}
