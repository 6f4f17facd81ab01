//! A cell at work: its pictures, what was read, and what was found.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::answers::{self, CellAnswers, Spoken};
use super::chosen::{Chosen, some};
use super::config::CellConfig;
use super::curve::{self, CellCurve, Dealt};
use super::near::{self, LabelFree};
use super::noise::{self, NoiseRow};
use super::report::{CellPicture, Near};
use crate::data::split::Part;
use crate::error::{Error, Result};
use crate::features::Network;
use crate::features::pooled::PooledTap;
use crate::features::store::{FeatureStore, Origin};
use crate::heads::{Backbone, Rows};
use crate::study::labelled::{Labelled, LabelledCache};
use crate::study::measures::map2d::{NeighbourMapConfig, neighbour_map, pca_map};
use crate::study::measures::neighbours::Neighbour;
use crate::study::statistics::Bootstrap;
use crate::study::sweep::{Forwards, Gather, Learner, Maker, Noise, Plan, Room, SlabKey};
use crate::study::table::Features;

/// Bytes in memory for each byte of a feature in half precision: itself, as f32, and about the mean.
const COPIES: u64 = 5;

/// What is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Features,
    Answers,
    Neighbours,
    Map,
    Curve,
    /// The pass of this number.
    Noise(usize),
    Done,
}

/// Everything read and found so far.
pub(super) struct Work {
    plan: Plan,
    /// The data set.
    pub labelled: Arc<Labelled>,
    /// What should be known of it, in sentences.
    pub notes: Vec<String>,
    /// Round after round, the fold of each picture.
    folds: Vec<Vec<usize>>,
    learner: Learner,
    origin: Option<Origin>,
    taps: Vec<PooledTap>,
    /// Items of the data set, in the order of the report.
    items: Vec<usize>,
    /// Classes of these; none where pictures have none.
    pub labels: Option<Vec<usize>>,
    /// Names of the classes.
    pub classes: Vec<String>,
    pub stage: Stage,
    gather: Option<Gather>,
    rows: Option<Rows>,
    centred: Option<Rows>,
    spoken: Option<Spoken>,
    pub answers: Option<CellAnswers>,
    lists: Vec<Vec<Neighbour>>,
    pub label_free: LabelFree,
    pub pca: (Vec<[f32; 2]>, [f64; 2]),
    map: Vec<[f32; 2]>,
    pub curve: Option<CellCurve>,
    /// Which of the items noise is looked at with.
    noised: Vec<usize>,
    /// Step and number of each pass.
    passes: Vec<(usize, u32)>,
    /// Draws of the step under way.
    draws: Vec<Rows>,
    pub noise: Vec<NoiseRow>,
    pub forwards: Forwards,
}

/// Chooses the pictures of a cell.
///
/// # Errors
/// When settings or pictures cannot be used.
pub(super) fn begin(
    config: &CellConfig,
    data: &Path,
    network: &Network,
    cache: &Mutex<LabelledCache>,
    watch: &(dyn Fn() -> Result<()> + Sync),
) -> Result<Work> {
    config.validate_on(&network.card)?;
    let plan = Plan::new(&config.sweep, &network.card)?;
    let learner = Learner::of(config.sweep.score, &Backbone::from(&*network.card))?;
    // What a panic left behind is either an older data set or none.
    let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    let labelled = cache.pictures(data, &mut |_, _| watch().is_ok())?;
    drop(cache);
    let Chosen { labelled, items, labels, folds, notes } = Chosen::of(labelled, config)?;
    let taps = plan.taps(&[config.block]);
    let memory = COPIES * plan.bytes_of(&taps) * items.len() as u64;
    Room { pictures: items.len(), memory, disk: 0 }.check_memory()?;
    let noised = some(items.len(), config.noise.pictures, config.sweep.seed, "pictures with noise");
    let noised = noised.into_iter().map(|at| items[at]).collect();
    let steps = config.noise_timesteps(network.card.config.diffusion_steps);
    let passes = steps.into_iter().flat_map(|t| (0..config.noise.draws).map(move |draw| (t, draw)));
    let classes = if labels.is_some() { labelled.set.classes.clone() } else { Vec::new() };
    Ok(Work {
        labelled,
        folds,
        notes,
        plan,
        learner,
        origin: Origin::of(network),
        taps,
        items,
        labels,
        classes,
        stage: Stage::Features,
        gather: None,
        rows: None,
        centred: None,
        spoken: None,
        answers: None,
        lists: Vec::new(),
        label_free: LabelFree::default(),
        pca: (Vec::new(), [0.0; 2]),
        map: Vec::new(),
        curve: None,
        noised,
        passes: passes.collect(),
        draws: Vec::new(),
        noise: Vec::new(),
        forwards: Forwards::default(),
    })
}

fn lost() -> Error {
    Error::Compute("features of the cell are missing".into())
}

impl Work {
    /// Does the next part; none when all is done.
    pub fn part(
        &mut self,
        config: &CellConfig,
        network: &Network,
        store: Option<&mut FeatureStore>,
        watch: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<Option<&'static str>> {
        match self.stage {
            Stage::Features => {
                let noise = Noise {
                    seed: config.sweep.seed,
                    first: 0,
                    draws: config.sweep.draws,
                    class: config.sweep.class,
                };
                let items = self.items.clone();
                if let Some(rows) =
                    self.read(config, (config.timestep, noise, &items), network, store, watch)?
                {
                    self.centred = Some(near::centred(&rows)?);
                    self.rows = Some(rows);
                    self.stage = Stage::Answers;
                }
                Ok(Some("features"))
            }
            Stage::Answers => {
                self.answer(config, watch)?;
                self.stage = Stage::Neighbours;
                Ok(Some("answers"))
            }
            Stage::Neighbours => {
                let rows = self.centred.as_ref().ok_or_else(lost)?;
                let mut going = |_: usize, _: usize| watch();
                let lists = near::nearest(rows, config.neighbours, &mut going)?;
                let labels = self.labels.as_ref().map(|labels| (&labels[..], self.classes.len()));
                self.label_free = near::label_free(rows, &lists, labels, config.sweep.seed, &mut going)?;
                self.lists = lists;
                self.stage = Stage::Map;
                Ok(Some("neighbours"))
            }
            Stage::Map => {
                let rows = self.centred.as_ref().ok_or_else(lost)?;
                let settings =
                    NeighbourMapConfig { seed: config.sweep.seed, ..NeighbourMapConfig::default() };
                self.map = neighbour_map(rows, settings, &mut |_, _| watch())?;
                let plane = pca_map(rows)?;
                self.pca = (plane.points, plane.explained);
                self.stage = Stage::Curve;
                Ok(Some("map"))
            }
            Stage::Curve => {
                self.grow(config, watch)?;
                self.stage = if self.passes.is_empty() { Stage::Done } else { Stage::Noise(0) };
                Ok(Some("learning curve"))
            }
            Stage::Noise(pass) => {
                self.draw(pass, config, network, store, watch)?;
                Ok(Some("noise draws"))
            }
            Stage::Done => Ok(None),
        }
    }

    /// Reads on; the rows when all pictures were read.
    fn read(
        &mut self,
        config: &CellConfig,
        (timestep, noise, items): (usize, Noise, &[usize]),
        network: &Network,
        store: Option<&mut FeatureStore>,
        watch: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<Option<Rows>> {
        let key = SlabKey { features: Features::Network, part: Part::Train, timestep };
        let gather = self.gather.get_or_insert_with(|| Gather::new(key, items.to_vec(), self.taps.clone()));
        let mut stores: Vec<&mut FeatureStore> = store.into_iter().collect();
        let maker = Maker::Network(network, &self.origin);
        let subjects = (&*self.labelled, &self.plan);
        if !gather.step((maker, noise), subjects, &mut stores, &mut self.forwards, &|| watch())? {
            return Ok(None);
        }
        let slab = self.gather.take().ok_or_else(lost)?.finish();
        let all: Vec<usize> = (0..items.len()).collect();
        slab.rows(&self.plan, config.block, config.pool, &all).map(Some)
    }

    fn answer(&mut self, config: &CellConfig, watch: &(dyn Fn() -> Result<()> + Sync)) -> Result<()> {
        let Some(labels) = &self.labels else { return Ok(()) };
        let rows = self.rows.as_ref().ok_or_else(lost)?;
        let spoken = answers::speak(&self.learner, rows, (labels, self.classes.len()), &self.folds, watch)?;
        self.answers = Some(answers::answers(&spoken, (labels, &self.classes), config)?);
        self.spoken = Some(spoken);
        Ok(())
    }

    fn grow(&mut self, config: &CellConfig, watch: &(dyn Fn() -> Result<()> + Sync)) -> Result<()> {
        let Some(labels) = &self.labels else { return Ok(()) };
        let rows = self.rows.as_ref().ok_or_else(lost)?;
        let dealt = Dealt { labels: (labels, self.classes.len()), folds: &self.folds, shots: config.shots };
        let bootstrap = Bootstrap { resamples: config.sweep.resamples, seed: config.sweep.seed };
        self.curve = Some(curve::curve(&self.learner, rows, &dealt, &config.curve, bootstrap, watch)?);
        Ok(())
    }

    /// Goes on with a noise draw; with the last of a step, measures it.
    fn draw(
        &mut self,
        pass: usize,
        config: &CellConfig,
        network: &Network,
        store: Option<&mut FeatureStore>,
        watch: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<()> {
        let (timestep, first) = *self.passes.get(pass).ok_or_else(lost)?;
        if self.draws.len() <= first as usize {
            let noise = Noise { seed: config.sweep.seed, first, draws: 1, class: config.sweep.class };
            let items = self.noised.clone();
            match self.read(config, (timestep, noise, &items), network, store, watch)? {
                Some(rows) => self.draws.push(rows),
                None => return Ok(()),
            }
        }
        let next = self.passes.get(pass + 1);
        if next.is_none_or(|next| next.0 != timestep) {
            let bootstrap = Bootstrap { resamples: config.sweep.resamples, seed: config.sweep.seed };
            let mut going = |_: usize, _: usize| watch();
            let row = noise::row(timestep, &self.draws, config.neighbours, bootstrap, &mut going)?;
            self.noise.push(row);
            self.draws.clear();
        }
        self.stage = if next.is_some() { Stage::Noise(pass + 1) } else { Stage::Done };
        Ok(())
    }

    /// Parts done and all, in about the time of a forward.
    pub fn progress(&self) -> (u64, u64) {
        let (pictures, noised) = (self.items.len() as u64, self.noised.len() as u64);
        let read = self.gather.as_ref().map_or(0, |gather| gather.progress().0 as u64);
        let small = pictures / 4 + 1;
        let passes = self.passes.len() as u64;
        let done = match self.stage {
            Stage::Features => read,
            Stage::Answers => pictures,
            Stage::Neighbours => pictures + small,
            Stage::Map => pictures + 2 * small,
            Stage::Curve => pictures + 3 * small,
            Stage::Noise(pass) => pictures + 4 * small + pass as u64 * noised + read,
            Stage::Done => pictures + 4 * small + passes * noised,
        };
        (done, pictures + 4 * small + passes * noised)
    }

    /// The pictures with all that was found.
    pub fn pictures(&self) -> Vec<CellPicture> {
        let set = &self.labelled.set;
        let rounds = self.spoken.as_ref().map_or(&[][..], |spoken| &spoken.rounds);
        let picture = |(at, &item): (usize, &usize)| {
            let class = self.labels.as_ref().and_then(|labels| labels.get(at).copied());
            let spoken = self.spoken.as_ref();
            let near = self.lists.get(at).map_or(&[][..], |list| list);
            let is_same = |near: &&Neighbour| self.labels.as_ref().map(|labels| labels[near.row]) == class;
            let right =
                rounds.iter().filter(|said| said.get(at).map(|&said| usize::from(said)) == class).count();
            CellPicture {
                name: set.items[item].name.clone(),
                place: set.items[item].place(),
                item,
                class,
                answer: rounds.first().and_then(|said| said.get(at)).map(|&said| usize::from(said)),
                confidence: spoken.and_then(|spoken| spoken.confidence.get(at).copied()),
                recognised: (!rounds.is_empty()).then(|| right as f64 / rounds.len() as f64),
                pca: self.pca.0.get(at).copied().unwrap_or_default(),
                map: self.map.get(at).copied().unwrap_or_default(),
                nearest: near.iter().map(|n| Near { picture: n.row, distance: n.distance }).collect(),
                same_class: (class.is_some() && !near.is_empty())
                    .then(|| near.iter().filter(is_same).count() as f64 / near.len() as f64),
            }
        };
        self.items.iter().enumerate().map(picture).collect()
    }
}
