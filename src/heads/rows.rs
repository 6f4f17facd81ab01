//! Features as rows: pooled, flattened channel-major, one timestep and block behind the other
//! (`head.py`, for one block).

use candle_core::{DType, Tensor};

use super::config::HeadConfig;
use super::kind::HeadKind;
use super::layers::Linear;
use super::maps::Maps;
use super::parameters::HeadParameters;
use crate::error::{Error, Result};
use crate::tensor::resample::adaptive_avg_pool;

/// The rows `[N, ΣC·p·p]` that linear, mlp and instant heads read.
pub(super) fn row_tensor(config: &HeadConfig, maps: &Maps) -> Result<Tensor> {
    let mut parts = Vec::with_capacity(config.timesteps.len() * config.blocks.len());
    for &timestep in &config.timesteps {
        for &block in &config.blocks {
            parts.push(pool_to(maps.get(timestep, block)?, config.pool)?.flatten_from(1)?);
        }
    }
    match &parts[..] {
        [one] => Ok(one.clone()),
        _ => Ok(Tensor::cat(&parts, 1)?),
    }
}

/// The map as `[N, C, p, p]`; as it is when it has that size already.
fn pool_to(map: &Tensor, pool: usize) -> Result<Tensor> {
    let (_, _, h, w) = map.dims4()?;
    Ok(if (h, w) == (pool, pool) { map.contiguous()? } else { adaptive_avg_pool(map, pool)? })
}

/// Pictures as rows of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    width: usize,
    values: Vec<f32>,
}

impl Rows {
    /// Rows of `width` numbers, one behind the other.
    ///
    /// # Errors
    /// When the numbers do not make whole rows, or one is not finite.
    pub fn new(width: usize, values: Vec<f32>) -> Result<Rows> {
        if width == 0 || !values.len().is_multiple_of(width) {
            return Err(Error::Compute(format!("{} numbers in rows of {width}", values.len())));
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::Setting(format!(
                "the features of picture {} are not finite; leave it out",
                at / width + 1
            )));
        }
        Ok(Rows { width, values })
    }

    /// The rows that a head of `config` reads from `maps`.
    ///
    /// # Errors
    /// When a map is missing or not finite.
    pub fn of(config: &HeadConfig, maps: &Maps) -> Result<Rows> {
        let rows = row_tensor(config, maps)?.to_dtype(DType::F32)?;
        Rows::new(rows.dim(1)?, rows.flatten_all()?.to_vec1()?)
    }

    /// Numbers in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many rows.
    pub fn count(&self) -> usize {
        self.values.len() / self.width
    }

    /// All numbers, row after row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The rows one by one.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.width)
    }

    /// Row `index`.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.width..][..self.width]
    }

    /// The rows numbered `chosen`, in that order.
    pub fn pick(&self, chosen: &[usize]) -> Rows {
        let values = chosen.iter().flat_map(|&index| self.row(index)).copied().collect();
        Rows { width: self.width, values }
    }
}

/// Linear layers with ReLU between.
pub(super) struct Perceptron {
    layers: Vec<Linear>,
    /// Means and standard deviations `[1, d]` that rows are freed of first, while they are not folded in.
    standard: Option<[Tensor; 2]>,
}

impl Perceptron {
    pub fn new(config: &HeadConfig, parameters: &HeadParameters) -> Result<Perceptron> {
        let hidden = if config.kind == HeadKind::Mlp { config.hidden.len() } else { 0 };
        let layers = (0..=hidden).map(|index| Linear::new(parameters, &format!("head.fcs.{index}")));
        Ok(Perceptron { layers: layers.collect::<Result<_>>()?, standard: None })
    }

    pub fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        let mut x = match &self.standard {
            Some([mean, deviation]) => rows.broadcast_sub(mean)?.broadcast_div(deviation)?,
            None => rows.clone(),
        };
        for (index, layer) in self.layers.iter().enumerate() {
            if index > 0 {
                x = x.relu()?;
            }
            x = layer.forward(&x)?;
        }
        Ok(x)
    }

    /// Whether it is a weighted sum of the rows.
    pub fn is_linear(&self) -> bool {
        self.layers.len() == 1 && self.standard.is_none()
    }

    /// The weights of the first layer, `[outputs, d]` row-major.
    pub fn weights(&self) -> Result<Vec<f32>> {
        let first = self.layers.first();
        first.ok_or_else(|| Error::Compute("a head without layers".into()))?.weights()
    }

    /// From now on, rows are brought to mean 0 and variance 1 over `rows`.
    pub fn standardise(&mut self, rows: &Tensor) -> Result<()> {
        let mean = rows.mean_keepdim(0)?;
        let variance = rows.broadcast_sub(&mean)?.sqr()?.mean_keepdim(0)?;
        // Of a column that does not vary, rounding is left.
        let floor = ((mean.sqr()? * 1e-10)? + f64::from(f32::MIN_POSITIVE))?;
        let varies = variance.gt(&floor)?;
        let deviation = varies.where_cond(&variance.sqrt()?, &variance.ones_like()?)?;
        self.standard = Some([mean, deviation]);
        Ok(())
    }

    /// As `other` does.
    pub fn standardise_as(&mut self, other: &Perceptron) {
        self.standard.clone_from(&other.standard);
    }

    /// The first layer reads rows as they are again, with the same answers.
    pub fn fold(&mut self) -> Result<()> {
        match (self.standard.take(), self.layers.first()) {
            (Some([mean, deviation]), Some(first)) => first.fold(&mean, &deviation),
            _ => Ok(()),
        }
    }
}
