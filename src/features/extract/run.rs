//! A run over many pictures, a forward at a time.

use std::path::{Path, PathBuf};
use std::time::Instant;

use candle_core::Tensor;

use super::config::ExtractConfig;
use super::inputs::{Inputs, TensorInputs};
use crate::data::Note;
use crate::diffusion::{Draw, noise_for, q_sample};
use crate::error::{Error, Result};
use crate::features::Network;
use crate::features::input::prepare;
use crate::features::network::NetworkCard;
use crate::features::output::{Existing, FeatureFile, FeatureLayout, FeatureTensor, OutputFormat};
use crate::features::tap::{Mean, grid_of, pooled, tensor_of};
use crate::grid::Grid;
use crate::unet::{Keep, Pass};

/// A run under way.
pub struct ExtractRun {
    config: ExtractConfig,
    inputs: Inputs,
    blocks: Vec<usize>,
    file: FeatureFile,
    /// The next (row, timestep index, draw).
    next: (usize, usize, u32),
    pass: Option<Pass>,
    /// Of the draws so far, by block.
    means: Vec<Mean>,
    prepared: Option<(usize, Grid)>,
    started: Instant,
    spent: f64,
    /// Seconds of each picture's forwards.
    pub seconds_forward: Vec<f64>,
    /// Pictures too small to show anything, in sentences.
    pub notes: Vec<String>,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// More to do.
    Going,
    /// All rows are written.
    Finished,
}

impl ExtractRun {
    /// Starts a run of `network` over `inputs` into `out`.
    ///
    /// # Errors
    /// When settings do not fit the network or the output, or the disk refuses.
    pub fn start(
        network: &Network,
        config: ExtractConfig,
        inputs: Inputs,
        out: &Path,
        existing: Existing,
    ) -> Result<ExtractRun> {
        let card = &network.card;
        config.validate(card)?;
        if inputs.is_empty() {
            return Err(Error::Setting("no pictures to extract features from".into()));
        }
        let blocks = config.blocks.numbers(card.blocks.len())?;
        if let Inputs::Tensors(tensors) = &inputs {
            check_tensors(tensors, &config, card)?;
        } else if config.noised {
            return Err(Error::Setting("--noised needs a .safetensors input with x_t as `x`".into()));
        }
        let layout = layout_of(&config, &inputs, &blocks, card);
        if OutputFormat::of(out)? == OutputFormat::Npy && layout.tensors.len() != 1 {
            return Err(Error::Setting(format!(
                "{}: .npy holds one array and these settings give {}; choose one timestep and one block, or .safetensors",
                out.display(),
                layout.tensors.len()
            )));
        }
        let file = FeatureFile::open(out, layout, inputs.stamps(), existing)?;
        Ok(ExtractRun {
            config,
            inputs,
            blocks,
            file,
            next: (0, 0, 0),
            pass: None,
            means: Vec::new(),
            prepared: None,
            started: Instant::now(),
            spent: 0.0,
            seconds_forward: Vec::new(),
            notes: Vec::new(),
        })
    }

    /// Pictures that could not be used, with the reason; their rows hold NaN.
    pub fn skipped(&self) -> Vec<String> {
        self.file.spoilt().values().cloned().collect()
    }

    /// Pictures done, in this run or one before, and all.
    pub fn progress(&self) -> (usize, usize) {
        (self.file.rows_done() + self.file.spoilt().len(), self.inputs.len())
    }

    /// Pictures whose features are kept when the run stops.
    pub fn kept(&self) -> usize {
        self.file.rows_done()
    }

    /// One forward, or the rest of one that `watch` stopped. `watch` is asked between blocks and
    /// stops by an error; the next call goes on from there.
    ///
    /// # Errors
    /// What `watch` returns, or a failing disk or device. A picture that cannot be read is no
    /// error: it is skipped and listed.
    pub fn step(&mut self, network: &Network, watch: &mut dyn FnMut() -> Result<()>) -> Result<Step> {
        while self.file.is_done(self.next.0) {
            self.next = (self.next.0 + 1, 0, 0);
        }
        let (row, t_index, draw) = self.next;
        if row >= self.inputs.len() {
            return Ok(Step::Finished);
        }
        self.started = Instant::now();
        if self.prepared.as_ref().is_none_or(|(held, _)| *held != row) {
            match self.prepare(network, row) {
                Ok(input) => self.prepared = Some((row, input)),
                Err(error @ (Error::Io { .. } | Error::Picture { .. } | Error::Data { .. })) => {
                    self.file.write_spoilt(row, error.to_string())?;
                    self.next = (row + 1, 0, 0);
                    return Ok(Step::Going);
                }
                Err(error) => return Err(error),
            }
        }
        let timestep = self.config.timesteps[t_index];
        let mut pass = match self.pass.take() {
            Some(pass) => pass,
            None => self.begin(network, row, t_index, draw)?,
        };
        let (blocks, pool) = (&self.blocks, self.config.pool);
        let means = &mut self.means;
        if means.is_empty() {
            means.resize(blocks.len() + usize::from(self.config.with_out), Mean::default());
        }
        let mut tap = |block: usize, map: &Tensor| -> Result<()> {
            if let Ok(index) = blocks.binary_search(&block) {
                means[index].add(grid_of(&pooled(map, pool)?, 0)?)?;
            }
            watch()
        };
        let deepest = blocks.last().copied().unwrap_or(0);
        let result = if self.config.with_out {
            network.unet.finish(&mut pass, &mut tap).and_then(|out| {
                let last = self.means.len() - 1;
                self.means[last].add(grid_of(&out, 0)?)
            })
        } else {
            network.unet.advance(&mut pass, deepest, &mut tap)
        };
        self.spent += self.started.elapsed().as_secs_f64();
        if let Err(error) = result {
            self.pass = Some(pass);
            return Err(error);
        }
        self.finish_forward(row, t_index, draw, timestep)
    }

    fn finish_forward(&mut self, row: usize, t_index: usize, draw: u32, timestep: usize) -> Result<Step> {
        let draws = if self.config.noised { 1 } else { self.config.draws };
        if draw + 1 < draws {
            self.next = (row, t_index, draw + 1);
            return Ok(Step::Going);
        }
        debug_assert_eq!(self.config.timesteps[t_index], timestep);
        let per_step = self.means.len();
        for (index, mean) in std::mem::take(&mut self.means).into_iter().enumerate() {
            self.file.write_row(t_index * per_step + index, row, mean.finish()?.values())?;
        }
        self.next = if t_index + 1 < self.config.timesteps.len() {
            (row, t_index + 1, 0)
        } else {
            self.file.mark_done(row)?;
            self.seconds_forward.push(std::mem::take(&mut self.spent));
            self.prepared = None;
            (row + 1, 0, 0)
        };
        Ok(Step::Going)
    }

    fn prepare(&mut self, network: &Network, row: usize) -> Result<Grid> {
        match &self.inputs {
            Inputs::Pictures(sources) => {
                let picture = sources[row].open()?;
                let tiny = picture.notes.iter().filter(|note| matches!(note, Note::Tiny { .. }));
                self.notes.extend(tiny.map(|note| format!("{}: {note}", picture.name)));
                Ok(prepare(&picture, &network.card.config)?.input)
            }
            Inputs::Tensors(tensors) => grid_of(&tensors.x, row),
        }
    }

    fn begin(&self, network: &Network, row: usize, t_index: usize, draw: u32) -> Result<Pass> {
        let Some((_, input)) = &self.prepared else {
            return Err(Error::Compute("no picture is prepared".into()));
        };
        let timestep = self.config.timesteps[t_index];
        let (given, y) = match &self.inputs {
            Inputs::Tensors(tensors) => (tensors.noise.as_ref(), tensors.y.as_ref().map(|y| y[row])),
            Inputs::Pictures(_) => (None, None),
        };
        let x_t = if self.config.noised {
            input.clone()
        } else {
            let noise = match given {
                Some(noise) if noise.rank() == 5 => grid_of(&noise.get(t_index)?, row)?,
                Some(noise) => grid_of(noise, row)?,
                None => noise_for(input, Draw { seed: self.config.seed, number: draw }),
            };
            q_sample(&network.schedule, timestep, input, &noise)?
        };
        let class = y.or(self.config.class).map(|class| vec![class]);
        network.unet.begin(&tensor_of(&x_t)?, &[timestep], class.as_deref(), Keep::Needed)
    }

    /// Writes down what is done so that `--resume` can go on; where that is noted.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn pause(&self) -> Result<PathBuf> {
        self.file.save_state()
    }

    /// Puts the finished file in its place.
    ///
    /// # Errors
    /// When the disk refuses, or every picture failed.
    pub fn finish(self) -> Result<()> {
        let skipped = self.skipped();
        if skipped.len() == self.inputs.len() {
            let (count, first) = (skipped.len(), skipped.first().cloned().unwrap_or_default());
            self.file.discard()?;
            return Err(Error::Setting(match count {
                1 => first,
                n => format!("none of the {n} pictures could be used; the first: {first}"),
            }));
        }
        self.file.finish()
    }
}

fn check_tensors(tensors: &TensorInputs, config: &ExtractConfig, card: &NetworkCard) -> Result<()> {
    let refuse = |why: String| Err(Error::data(tensors.path.display().to_string(), why));
    let side = card.config.image_size;
    if tensors.x.dims()[2..] != [side, side] {
        return refuse(format!("`x` is {:?}; this network takes 3x{side}x{side}", tensors.x.dims()));
    }
    if let Some(noise) = tensors.noise.as_ref().filter(|noise| noise.rank() == 5 && !config.noised)
        && noise.dims()[0] != config.timesteps.len()
    {
        return refuse(format!(
            "`noise` is for {} timesteps and --t gives {}",
            noise.dims()[0],
            config.timesteps.len()
        ));
    }
    if tensors.noise.is_some() && !config.noised && config.draws > 1 {
        return refuse("`noise` is given, so that every draw would be the same; leave --draws at 1".into());
    }
    let count = card.config.num_classes.unwrap_or(0);
    match tensors.y.iter().flatten().find(|&&class| class >= count) {
        Some(_) if count == 0 => refuse("`y` gives classes, but this network was trained without".into()),
        Some(class) => refuse(format!("`y` holds class {class}; this network has 0 to {}", count - 1)),
        None => Ok(()),
    }
}

pub(super) fn tensors_of(config: &ExtractConfig, blocks: &[usize], card: &NetworkCard) -> Vec<FeatureTensor> {
    let mut tensors = Vec::new();
    for t in &config.timesteps {
        for &block in blocks {
            let info = &card.blocks[block - 1];
            let row_shape = match config.pool {
                None => vec![info.channels, info.height, info.width],
                Some(p) => vec![info.channels * p * p],
            };
            tensors.push(FeatureTensor { name: format!("t{t}/block_{block:02}"), row_shape });
        }
        if config.with_out {
            let side = card.config.image_size;
            let row_shape = vec![card.config.out_channels(), side, side];
            tensors.push(FeatureTensor { name: format!("t{t}/out"), row_shape });
        }
    }
    tensors
}

fn layout_of(config: &ExtractConfig, inputs: &Inputs, blocks: &[usize], card: &NetworkCard) -> FeatureLayout {
    let tensors = tensors_of(config, blocks, card);
    let (labels, classes) = inputs.labels();
    let mut settings = serde_json::json!({
        "network": card.name,
        "network_hash": card.hash,
        "network_config": card.config,
        "program": concat!("difscope ", env!("CARGO_PKG_VERSION")),
        "extract": config,
    });
    if let Inputs::Tensors(tensors) = inputs {
        settings["input_hash"] = tensors.hash.clone().into();
    }
    FeatureLayout { tensors, items: inputs.items(), labels, classes, settings }
}
