//! A run over many pictures, a batch of forwards at a time.

use std::path::{Path, PathBuf};
use std::time::Instant;

use candle_core::Tensor;

use super::batch::{batch_size, bytes_of_pass};
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
use crate::tensor::device::free_bytes;
use crate::unet::{Keep, Pass};

/// A run under way.
pub struct ExtractRun {
    config: ExtractConfig,
    inputs: Inputs,
    blocks: Vec<usize>,
    /// The block that passes end at.
    deepest: usize,
    file: FeatureFile,
    /// Forwards that go through the network together, at most.
    batch_size: usize,
    /// The first forward that is in no batch yet.
    next: Forward,
    batch: Option<Batch>,
    /// Of the draws so far of one picture at one step, by block.
    means: Vec<Mean>,
    prepared: Option<(usize, Grid)>,
    /// Seconds of the forwards of the picture that comes next.
    spent: f64,
    /// Seconds of each picture's forwards.
    pub seconds_forward: Vec<f64>,
    /// Seconds of loading the weights that this run was the first to need.
    pub seconds_load: f64,
    /// Pictures too small to show anything, in sentences.
    pub notes: Vec<String>,
}

/// One forward of a run. They follow one another picture by picture, step by step, draw by draw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Forward {
    row: usize,
    t_index: usize,
    draw: u32,
}

/// Forwards under way together, and their features so far.
struct Batch {
    forwards: Vec<Forward>,
    pass: Pass,
    /// By block (and output), then by forward.
    features: Vec<Vec<Grid>>,
    spent: f64,
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
        let deepest = if config.with_out { card.blocks.len() } else { blocks.last().copied().unwrap_or(0) };
        let per_forward = config.bytes_per_picture(card)? / config.timesteps.len().max(1) as u64;
        let bytes_each = bytes_of_pass(card, deepest) + per_forward;
        let to_come = network.unet.bytes_to_come(deepest);
        let batch_size = batch_size(card.config.image_size, bytes_each, to_come, free_bytes())?;
        let file = FeatureFile::open(out, layout, inputs.stamps(), existing)?;
        Ok(ExtractRun {
            config,
            inputs,
            blocks,
            deepest,
            file,
            batch_size,
            next: Forward::default(),
            batch: None,
            means: Vec::new(),
            prepared: None,
            spent: 0.0,
            seconds_forward: Vec::new(),
            seconds_load: 0.0,
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

    /// One batch of forwards, or the rest of one that `watch` stopped. `watch` is asked between blocks
    /// and stops by an error; the next call goes on from there.
    ///
    /// # Errors
    /// What `watch` returns, or a failing disk or device. A picture that cannot be read is no
    /// error: it is skipped and listed.
    pub fn step(&mut self, network: &Network, watch: &mut dyn FnMut() -> Result<()>) -> Result<Step> {
        let taken = match self.batch.take() {
            Some(batch) => Some(batch),
            None => self.gather(network)?,
        };
        let Some(mut batch) = taken else { return Ok(Step::Finished) };
        let (started, loaded) = (Instant::now(), network.unet.time_to_load());
        let result = self.run(network, &mut batch, watch);
        // Weights that this batch was the first to need are no part of its forwards.
        let loading = network.unet.time_to_load().saturating_sub(loaded);
        self.seconds_load += loading.as_secs_f64();
        batch.spent += started.elapsed().saturating_sub(loading).as_secs_f64();
        if let Err(error) = result {
            self.batch = Some(batch);
            return Err(error);
        }
        self.finish_batch(batch)?;
        Ok(Step::Going)
    }

    /// Runs a batch on to its deepest block.
    fn run(&self, network: &Network, batch: &mut Batch, watch: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let Batch { forwards, pass, features, .. } = batch;
        let rows = |map: &Tensor| (0..forwards.len()).map(|row| grid_of(map, row)).collect::<Result<_>>();
        let mut tap = |block: usize, map: &Tensor| -> Result<()> {
            if let Ok(index) = self.blocks.binary_search(&block) {
                features[index] = rows(&pooled(map, self.config.pool)?)?;
            }
            watch()
        };
        if self.config.with_out {
            let out = network.unet.finish(pass, &mut tap)?;
            features[self.blocks.len()] = rows(&out)?;
            return Ok(());
        }
        network.unet.advance(pass, self.deepest, &mut tap)
    }

    /// The next forwards, begun; none when all are done.
    fn gather(&mut self, network: &Network) -> Result<Option<Batch>> {
        let (mut forwards, mut inputs) = (Vec::new(), Vec::new());
        while forwards.len() < self.batch_size && self.next.row < self.inputs.len() {
            let forward = self.next;
            let row = forward.row;
            if self.file.is_done(row) {
                self.next = Forward { row: row + 1, ..Forward::default() };
                continue;
            }
            if self.prepared.as_ref().is_none_or(|(held, _)| *held != row) {
                match self.prepare(network, row) {
                    Ok(input) => self.prepared = Some((row, input)),
                    Err(error @ (Error::Io { .. } | Error::Picture { .. } | Error::Data { .. })) => {
                        self.file.write_spoilt(row, error.to_string())?;
                        self.next = Forward { row: row + 1, ..Forward::default() };
                        continue;
                    }
                    Err(error) => return Err(error),
                }
            }
            inputs.push(tensor_of(&self.noised(network, forward)?)?);
            forwards.push(forward);
            self.next = self.after(forward);
        }
        if forwards.is_empty() {
            return Ok(None);
        }
        let timesteps: Vec<usize> = forwards.iter().map(|f| self.config.timesteps[f.t_index]).collect();
        let classes: Option<Vec<usize>> = forwards.iter().map(|f| self.class_of(f.row)).collect();
        let x_t = Tensor::cat(&inputs, 0)?;
        let keep = Keep::Until(self.deepest);
        let pass = network.unet.begin(&x_t, &timesteps, classes.as_deref(), keep)?;
        let taps = self.blocks.len() + usize::from(self.config.with_out);
        Ok(Some(Batch { forwards, pass, features: vec![Vec::new(); taps], spent: 0.0 }))
    }

    /// Draws of a picture at one step.
    fn draws(&self) -> u32 {
        if self.config.noised { 1 } else { self.config.draws }
    }

    /// The forward after `forward`.
    fn after(&self, forward: Forward) -> Forward {
        let Forward { row, t_index, draw } = forward;
        if draw + 1 < self.draws() {
            Forward { draw: draw + 1, ..forward }
        } else if t_index + 1 < self.config.timesteps.len() {
            Forward { t_index: t_index + 1, draw: 0, row }
        } else {
            Forward { row: row + 1, ..Forward::default() }
        }
    }

    /// Adds the features of a whole batch to the file, forward by forward.
    fn finish_batch(&mut self, batch: Batch) -> Result<()> {
        let taps = batch.features.len();
        let mut features: Vec<_> = batch.features.into_iter().map(Vec::into_iter).collect();
        let each = batch.spent / batch.forwards.len().max(1) as f64;
        for forward in batch.forwards {
            let Forward { row, t_index, draw } = forward;
            self.means.resize(taps, Mean::default());
            for (mean, grids) in self.means.iter_mut().zip(&mut features) {
                let missing = || Error::Compute("a feature map is missing".into());
                mean.add(grids.next().ok_or_else(missing)?)?;
            }
            self.spent += each;
            if draw + 1 < self.draws() {
                continue;
            }
            for (index, mean) in std::mem::take(&mut self.means).into_iter().enumerate() {
                self.file.write_row(t_index * taps + index, row, mean.finish()?.values())?;
            }
            if self.after(forward).row > row {
                self.file.mark_done(row)?;
                self.seconds_forward.push(std::mem::take(&mut self.spent));
            }
        }
        Ok(())
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

    /// x_t of a forward, whose picture is prepared.
    fn noised(&self, network: &Network, forward: Forward) -> Result<Grid> {
        let Forward { row, t_index, draw } = forward;
        let Some((_, input)) = &self.prepared else {
            return Err(Error::Compute("no picture is prepared".into()));
        };
        if self.config.noised {
            return Ok(input.clone());
        }
        let given = match &self.inputs {
            Inputs::Tensors(tensors) => tensors.noise.as_ref(),
            Inputs::Pictures(_) => None,
        };
        let noise = match given {
            Some(noise) if noise.rank() == 5 => grid_of(&noise.get(t_index)?, row)?,
            Some(noise) => grid_of(noise, row)?,
            None => noise_for(input, Draw { seed: self.config.seed, number: draw }),
        };
        q_sample(&network.schedule, self.config.timesteps[t_index], input, &noise)
    }

    /// The class given for a picture.
    fn class_of(&self, row: usize) -> Option<usize> {
        let own = match &self.inputs {
            Inputs::Tensors(tensors) => tensors.y.as_ref().map(|y| y[row]),
            Inputs::Pictures(_) => None,
        };
        own.or(self.config.class)
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
        "precision": card.precision,
        "program": concat!("difscope ", env!("CARGO_PKG_VERSION")),
        "extract": config,
    });
    if let Inputs::Tensors(tensors) = inputs {
        settings["input_hash"] = tensors.hash.clone().into();
    }
    FeatureLayout { tensors, items: inputs.items(), labels, classes, settings }
}
