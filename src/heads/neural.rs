//! Heads that are trained by steps: linear, mlp, attention, DifFormer, DifFeed.

use candle_core::{Device, Tensor};

use super::backbone::Backbone;
use super::config::HeadConfig;
use super::feedback::{Feedback, SecondPass};
use super::fusion::{Fusion, Seen};
use super::kind::HeadKind;
use super::layers::Run;
use super::maps::{Maps, Read};
use super::parameters::{HeadParameters, start};
use super::rows::{Perceptron, row_tensor};
use super::spec::{Wanted, elements, wanted};
use crate::error::{Error, Result};
use crate::tensor::device::free_bytes;

/// A head with trainable parameters on a device.
pub struct NeuralHead {
    config: HeadConfig,
    classes: usize,
    parameters: HeadParameters,
    layers: Layers,
}

pub(super) enum Layers {
    Perceptron(Perceptron),
    Fusion(Fusion),
    Feedback(Feedback, Fusion),
}

/// Where values come from: (name, shape) to numbers in row-major order.
pub type ValueSource<'a> = dyn FnMut(&str, &[usize]) -> Result<Vec<f32>> + 'a;

impl NeuralHead {
    /// A new head for `classes` classes, started as PyTorch starts its layers, from `seed`. CLS
    /// starts at zero as in diffssl.
    ///
    /// # Errors
    /// When the settings are impossible, the head is an instant one, or it does not fit into memory.
    pub fn new(
        config: &HeadConfig,
        backbone: &Backbone,
        classes: usize,
        seed: u64,
        device: &Device,
    ) -> Result<NeuralHead> {
        NeuralHead::with_values(config, backbone, classes, device, &mut |wanted| Ok(start(wanted, seed)))
    }

    /// As [`NeuralHead::new`], with the parameters and running statistics that `values` gives for
    /// each name and shape.
    ///
    /// # Errors
    /// As [`NeuralHead::new`], or what `values` returns.
    pub fn from_values(
        config: &HeadConfig,
        backbone: &Backbone,
        classes: usize,
        device: &Device,
        values: &mut ValueSource,
    ) -> Result<NeuralHead> {
        let mut values = |wanted: &Wanted| {
            let found = values(&wanted.name, &wanted.shape)?;
            if found.len() != elements(&wanted.shape) {
                return Err(Error::Compute(format!("{} has {} values", wanted.name, found.len())));
            }
            Ok(found)
        };
        NeuralHead::with_values(config, backbone, classes, device, &mut values)
    }

    fn with_values(
        config: &HeadConfig,
        backbone: &Backbone,
        classes: usize,
        device: &Device,
        values: &mut dyn FnMut(&Wanted) -> Result<Vec<f32>>,
    ) -> Result<NeuralHead> {
        config.validate(backbone)?;
        check_classes(classes)?;
        if config.kind.is_instant() {
            return Err(Error::Setting(format!("{} is fitted in closed form, not by steps", config.kind)));
        }
        let wanted = wanted(config, backbone, classes)?;
        let bytes = 4 * wanted.iter().map(|wanted| elements(&wanted.shape) as u64).sum::<u64>();
        if free_bytes().is_some_and(|free| bytes > free) {
            return Err(Error::Setting(format!(
                "{} head: its parameters take {:.1} GB, more than is free; choose a smaller pool or width",
                config.kind,
                bytes as f64 / 1e9
            )));
        }
        let parameters = HeadParameters::new(&wanted, device, values)?;
        let layers = match config.kind {
            HeadKind::Attention | HeadKind::DifFormer => {
                Layers::Fusion(Fusion::new(config, backbone, &parameters)?)
            }
            HeadKind::DifFeed => Layers::Feedback(
                Feedback::new(config, backbone, &parameters)?,
                Fusion::new(config, backbone, &parameters)?,
            ),
            _ => Layers::Perceptron(Perceptron::new(config, &parameters)?),
        };
        Ok(NeuralHead { config: config.clone(), classes, parameters, layers })
    }

    /// The settings.
    pub fn config(&self) -> &HeadConfig {
        &self.config
    }

    /// K, the number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The trainable values.
    pub fn parameters(&self) -> &HeadParameters {
        &self.parameters
    }

    /// The trainable values, to restore them.
    pub fn parameters_mut(&mut self) -> &mut HeadParameters {
        &mut self.parameters
    }

    /// Logits `[N, K]` with running statistics. `second` is for DifFeed.
    ///
    /// # Errors
    /// When maps are missing or do not fit, DifFeed has no second pass, or the device fails.
    pub fn forward(&self, maps: &Maps, second: Option<&SecondPass>) -> Result<Tensor> {
        self.run(maps, second, &mut Run::default())
    }

    /// Logits `[N, K]` in training: BatchNorm uses the batch and moves its running statistics.
    ///
    /// # Errors
    /// As [`NeuralHead::forward`].
    pub fn forward_train(&mut self, maps: &Maps, second: Option<&SecondPass>) -> Result<Tensor> {
        let mut run = Run::training();
        let logits = self.run(maps, second, &mut run)?;
        run.apply()?;
        Ok(logits)
    }

    fn run(&self, maps: &Maps, second: Option<&SecondPass>, run: &mut Run) -> Result<Tensor> {
        match &self.layers {
            Layers::Perceptron(layers) => layers.forward(&row_tensor(&self.config, maps)?),
            Layers::Fusion(fusion) => fusion.forward(maps, &Maps::new(), run, None),
            Layers::Feedback(feedback, fusion) => {
                let fed = feedback.second_maps(&self.config.timesteps, maps, needed(second)?, run, &[])?;
                fusion.forward(maps, &fed, run, None)
            }
        }
    }

    /// Brings the rows that the first layer reads to mean 0 and variance 1 over those of `maps`, until
    /// [`NeuralHead::fold`]. Heads with a transformer have norms of their own and stay as they are.
    ///
    /// # Errors
    /// When maps are missing, or the device fails.
    pub fn standardise(&mut self, maps: &Maps) -> Result<()> {
        match &mut self.layers {
            Layers::Perceptron(layers) => layers.standardise(&row_tensor(&self.config, maps)?),
            _ => Ok(()),
        }
    }

    /// As `other` does, a head of the same settings.
    pub fn standardise_as(&mut self, other: &NeuralHead) {
        if let (Layers::Perceptron(layers), Layers::Perceptron(other)) = (&mut self.layers, &other.layers) {
            layers.standardise_as(other);
        }
    }

    /// Makes what [`NeuralHead::standardise`] did a part of the first layer: answers stay the same.
    ///
    /// # Errors
    /// When the device fails.
    pub fn fold(&mut self) -> Result<()> {
        match &mut self.layers {
            Layers::Perceptron(layers) => layers.fold(),
            _ => Ok(()),
        }
    }

    /// The layers, for those who look inside.
    pub(super) fn layers(&self) -> &Layers {
        &self.layers
    }

    /// Logits of rows that are pooled and flattened already, for heads without a transformer.
    pub(super) fn forward_row(&self, rows: &Tensor) -> Result<Tensor> {
        match &self.layers {
            Layers::Perceptron(layers) => layers.forward(rows),
            _ => Err(Error::Compute("a head with a transformer reads no rows".into())),
        }
    }

    /// Logits with what CLS attended to; none for heads without a transformer. `fed` are the maps of
    /// the second pass.
    pub(super) fn forward_seen(&self, maps: &Maps, fed: &Maps) -> Result<(Tensor, Option<Seen>)> {
        let mut seen = Seen::new();
        let mut run = Run::default();
        match &self.layers {
            Layers::Perceptron(layers) => Ok((layers.forward(&row_tensor(&self.config, maps)?)?, None)),
            Layers::Fusion(fusion) | Layers::Feedback(_, fusion) => {
                Ok((fusion.forward(maps, fed, &mut run, Some(&mut seen))?, Some(seen)))
            }
        }
    }
}

/// The second pass, which DifFeed cannot do without.
pub(super) fn needed<'a, 'b>(second: Option<&'a SecondPass<'b>>) -> Result<&'a SecondPass<'b>> {
    second.ok_or_else(|| Error::Compute("diffeed without its second pass".into()))
}

/// Refuses impossible numbers of classes.
pub(super) fn check_classes(classes: usize) -> Result<()> {
    match classes {
        0 | 1 => Err(Error::Setting(format!("a head needs at least two classes, not {classes}"))),
        2..=1_000_000 => Ok(()),
        _ => Err(Error::Setting(format!("{classes} classes are too many; 1,000,000 are the most"))),
    }
}

/// What a head of `config` needs from the first pass, by timestep and block. Where both the pooled
/// and the whole map are needed, the whole one serves.
///
/// # Errors
/// When the settings are impossible.
pub fn reads(config: &HeadConfig, backbone: &Backbone) -> Result<Vec<Read>> {
    config.validate(backbone)?;
    let mut blocks: Vec<usize> = config.blocks.iter().chain(&config.feedback).copied().collect();
    blocks.sort_unstable();
    blocks.dedup();
    let mut reads = Vec::new();
    for &timestep in &config.timesteps {
        for &block in &blocks {
            let info = backbone.block(block)?;
            let side = if config.kind.attends() { config.pool.min(info.height) } else { config.pool };
            let pool = (!config.feedback.contains(&block) && side != info.height).then_some(side);
            reads.push(Read { timestep, block, pool });
        }
    }
    Ok(reads)
}
