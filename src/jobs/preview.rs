//! Previews: one picture at one step and block, and what hangs on it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::event::{Event, MapShown, OtherMatch, Part, PictureShown, SheetCell};
use super::library::PictureId;
use super::lock::locked_basis;
use super::worker::Bench;
use super::{Outbox, Shared};
use crate::data::Source;
use crate::data::library::thumbnail;
use crate::diffusion::{Draw, noise_for, predict_x_0, q_sample};
use crate::error::{Error, Result};
use crate::features::cache::{CachedPass, PassKey};
use crate::features::input::{far_from_training, prepare};
use crate::features::pca::PcaBasis;
use crate::features::tap::{Mean, grid_of, tensor_of};
use crate::features::view::{View, best_match, feature_at, similarity_to, view_of};
use crate::grid::Grid;
use crate::unet::Keep;

/// Longer side of pictures as a screen shows them, in pixels.
const DISPLAY_SIDE: u32 = 2048;
/// Longer side of pictures among many, in pixels.
const SMALL_SIDE: u32 = 320;

/// Which step, block and noise of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Diffusion step, 0 … T−1.
    pub timestep: usize,
    /// Block, 1 … N.
    pub block: usize,
    /// The user's seed.
    pub seed: u64,
    /// Number of the (first) noise draw.
    pub draw: u32,
    /// How many draws are averaged, from `draw` on; at least 1.
    pub average: u32,
    /// Class for class-conditional networks.
    pub class: Option<usize>,
}

/// Over what the colours of principal components are held fixed.
#[derive(Clone, Debug, Default)]
pub struct PcaLock {
    /// Pictures that decide the colours; none: the one shown.
    pub pictures: Vec<(PictureId, Source)>,
    /// Steps that decide the colours; none: the one shown.
    pub timesteps: Vec<usize>,
    /// Blocks that share one meaning of each colour; none: each block has its own.
    pub blocks: Vec<usize>,
}

impl PcaLock {
    /// In words, for captions.
    pub fn describe(&self) -> String {
        let numbers = |list: &[usize]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let over = [
            match self.pictures.len() {
                0 => None,
                1 => Some("1 picture".to_string()),
                count => Some(format!("{count} pictures")),
            },
            (!self.timesteps.is_empty()).then(|| format!("t {}", numbers(&self.timesteps))),
            (!self.blocks.is_empty()).then(|| format!("b {}", numbers(&self.blocks))),
        ];
        format!("the same colours over {}", over.into_iter().flatten().collect::<Vec<_>>().join(" · "))
    }

    /// True when nothing is held fixed.
    pub fn is_open(&self) -> bool {
        self.pictures.is_empty() && self.timesteps.is_empty() && self.blocks.is_empty()
    }
}

/// A contact sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sheet {
    /// The block over these steps.
    Steps(Vec<usize>),
    /// The step over all blocks.
    Blocks,
}

/// What to preview.
#[derive(Clone, Debug)]
pub struct PreviewRequest {
    /// Names the picture.
    pub id: PictureId,
    /// The picture.
    pub source: Source,
    /// Step, block and noise.
    pub selection: Selection,
    /// What to show of the map.
    pub view: View,
    /// Fixed colours for principal components.
    pub lock: PcaLock,
    /// A contact sheet beside it.
    pub sheet: Option<Sheet>,
    /// Pictures to compare with the place of a similarity view.
    pub others: Vec<(PictureId, Source)>,
    /// Go on to the end of the network for the predicted x_0.
    pub predict: bool,
    /// Files of heads to ask about the picture, instead of showing a map.
    pub heads: Vec<PathBuf>,
    /// File of a head to look into with the picture, instead of showing a map.
    pub inside: Option<PathBuf>,
}

impl PreviewRequest {
    /// A preview of one map and nothing else.
    pub fn of(source: Source, selection: Selection, view: View) -> PreviewRequest {
        PreviewRequest {
            id: PictureId::default(),
            source,
            selection,
            view,
            lock: PcaLock::default(),
            sheet: None,
            others: Vec::new(),
            predict: false,
            heads: Vec::new(),
            inside: None,
        }
    }
}

/// Sends the parts of one generation, and stops when a newer one waits.
pub(super) struct Live<'a> {
    pub generation: u64,
    pub shared: &'a Shared,
    pub outbox: &'a Outbox,
}

impl Live<'_> {
    pub fn send(&self, part: Part) {
        self.outbox.send(Event::Preview { generation: self.generation, part });
    }

    pub fn check(&self) -> Result<()> {
        let inbox = self.shared.lock();
        if inbox.preview_waits() || inbox.is_shut_down() { Err(Error::Cancelled) } else { Ok(()) }
    }
}

/// Runs a preview to its end, or until a newer one waits.
pub(super) fn run(bench: &mut Bench, request: &PreviewRequest, live: &Live) -> Result<()> {
    if !request.heads.is_empty() || request.inside.is_some() {
        return super::ask::run(bench, request, live);
    }
    let started = Instant::now();
    let selection = &request.selection;
    bench.validate(selection)?;
    bench.validate_lock(&request.lock)?;
    let shown = bench.picture(request.id, &request.source)?;
    live.send(Part::Picture(Arc::clone(&shown)));
    let first_key = bench.key(&shown, selection, selection.timestep, selection.draw)?;
    live.send(Part::Noised(bench.x_t(&shown, &first_key)?));

    let mut watch = |done: usize| {
        live.send(Part::Progress { done });
        live.check()
    };
    let (map, forwards) = bench.map(&shown, selection, selection.timestep, selection.block, &mut watch)?;
    live.send(Part::Progress { done: bench.depth(&first_key) });
    let locked = !request.lock.is_open();
    let basis = match request.view {
        View::Pca if locked => {
            Some(locked_basis(bench, &request.lock, &shown, selection, selection.block, &mut |_| {
                live.check()
            })?)
        }
        View::Pca => Some(PcaBasis::fit(&[&map])?),
        _ => None,
    };
    let grid = view_of(&map, request.view, shown.placement.size, basis.as_ref())?;
    live.send(Part::Map(Arc::new(MapShown {
        picture: request.id,
        selection: *selection,
        view: request.view,
        grid,
        channel_stats: map.channel_stats().into(),
        explained: basis.as_ref().filter(|_| !locked).map(|basis| basis.explained),
        lock: basis.as_ref().filter(|_| locked).map(|_| request.lock.describe()),
        forwards,
        seconds: started.elapsed().as_secs_f64(),
        cache_bytes: bench.passes.bytes(),
    })));

    if request.predict {
        live.send(Part::Predicted(bench.predicted(&shown, &first_key, &mut watch)?));
        live.send(Part::Progress { done: bench.depth(&first_key) });
    }
    if let View::Similarity { x, y } = request.view {
        let feature = feature_at(&map, x, y, shown.placement.size);
        for (id, source) in request.others.iter().filter(|(id, _)| *id != request.id) {
            live.check()?;
            match compare(bench, *id, source, selection, &feature, &mut |_| live.check()) {
                Ok(other) => live.send(Part::Other(Arc::new(other))),
                // Its thumbnail says so already; the others go on.
                Err(error) if error.is_about_a_file() => log::info!("not compared: {error}"),
                Err(error) => return Err(error),
            }
        }
    }
    if let Some(sheet) = &request.sheet {
        contact_sheet(bench, request, sheet, &shown, live)?;
    }
    // In front again, so that the next block of this step is still at hand.
    bench.depth(&first_key);
    live.send(Part::Complete);
    Ok(())
}

fn compare(
    bench: &mut Bench,
    id: PictureId,
    source: &Source,
    selection: &Selection,
    feature: &[f32],
    watch: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<OtherMatch> {
    let shown = bench.picture(id, source)?;
    let (map, _) = bench.map(&shown, selection, selection.timestep, selection.block, watch)?;
    let grid = similarity_to(&map, feature)?;
    let best = best_match(&grid);
    let score = grid.at(0, best.0, best.1).unwrap_or(0.0);
    Ok(OtherMatch {
        id,
        name: shown.picture.name.clone(),
        size: [shown.picture.width, shown.picture.height],
        small: Arc::clone(&shown.small),
        placement: shown.placement,
        grid,
        best,
        score,
    })
}

fn contact_sheet(
    bench: &mut Bench,
    request: &PreviewRequest,
    sheet: &Sheet,
    shown: &Arc<PictureShown>,
    live: &Live,
) -> Result<()> {
    let selection = &request.selection;
    let cells: Vec<(usize, usize)> = match sheet {
        Sheet::Steps(steps) => steps.iter().map(|&t| (t, selection.block)).collect(),
        Sheet::Blocks => (1..=bench.network()?.unet.block_count()).map(|b| (selection.timestep, b)).collect(),
    };
    for (index, &(timestep, block)) in cells.iter().enumerate() {
        let (map, _) = bench.map(shown, selection, timestep, block, &mut |_| live.check())?;
        let view = match request.view {
            // A mosaic of every cell would be a mosaic of mosaics; a channel may not exist elsewhere.
            View::Mosaic => View::Norm,
            View::Channel(channel) if channel >= map.channels() => View::Norm,
            view => view,
        };
        let basis = if view == View::Pca && !request.lock.is_open() {
            let at = Selection { timestep, ..*selection };
            Some(locked_basis(bench, &request.lock, shown, &at, block, &mut |_| live.check())?)
        } else {
            None
        };
        let grid = view_of(&map, view, shown.placement.size, basis.as_ref())?;
        live.send(Part::Cell(Arc::new(SheetCell { index, count: cells.len(), timestep, block, view, grid })));
    }
    Ok(())
}

impl Bench {
    /// Checks a selection against the network.
    fn validate(&self, selection: &Selection) -> Result<()> {
        let card = &self.network()?.card;
        let (blocks, steps) = (card.blocks.len(), card.config.diffusion_steps);
        if selection.block == 0 || selection.block > blocks {
            return Err(Error::Setting(format!(
                "block {} does not exist; this network has 1 to {blocks}",
                selection.block
            )));
        }
        if selection.timestep >= steps {
            return Err(Error::Setting(format!(
                "timestep {} is past the last of this network, {}",
                selection.timestep,
                steps - 1
            )));
        }
        if selection.average == 0 || selection.average > 1024 {
            return Err(Error::Setting("draws to average over must be 1 to 1024".into()));
        }
        if selection.draw.checked_add(selection.average - 1).is_none() {
            return Err(Error::Setting(format!(
                "draw {} is too large; choose a smaller one",
                selection.draw
            )));
        }
        Ok(())
    }

    /// Checks the steps and blocks of a lock against the network.
    fn validate_lock(&self, lock: &PcaLock) -> Result<()> {
        let card = &self.network()?.card;
        let (blocks, steps) = (card.blocks.len(), card.config.diffusion_steps);
        if let Some(block) = lock.blocks.iter().find(|block| !(1..=blocks).contains(*block)) {
            return Err(Error::Setting(format!(
                "block {block} cannot decide colours: this network has 1 to {blocks}"
            )));
        }
        match lock.timesteps.iter().find(|timestep| **timestep >= steps) {
            Some(timestep) => Err(Error::Setting(format!(
                "timestep {timestep} cannot decide colours: the last of this network is {}",
                steps - 1
            ))),
            None => Ok(()),
        }
    }

    /// The picture, read and prepared for the network at hand.
    pub(super) fn picture(&mut self, id: PictureId, source: &Source) -> Result<Arc<PictureShown>> {
        let config = self.network()?.card.config.clone();
        if let Some(shown) = self.recall(id, source) {
            return Ok(shown);
        }
        let picture = source.open()?;
        let prepared = prepare(&picture, &config)?;
        let far = far_from_training(&picture, &config);
        let display = Arc::new(thumbnail(&picture, DISPLAY_SIDE));
        let small = Arc::new(thumbnail(&picture, SMALL_SIDE));
        let (input, placement) = (prepared.input, prepared.placement);
        let shown = Arc::new(PictureShown { id, picture, display, small, input, placement, far });
        self.remember(id, source, &shown);
        Ok(shown)
    }

    fn key(
        &self,
        shown: &PictureShown,
        selection: &Selection,
        timestep: usize,
        draw: u32,
    ) -> Result<PassKey> {
        Ok(PassKey {
            network: self.network()?.card.hash.clone(),
            picture: shown.picture.digest,
            draw: Draw { seed: selection.seed, number: draw },
            class: selection.class,
            timestep,
        })
    }

    fn begin(&mut self, shown: &PictureShown, key: &PassKey) -> Result<CachedPass> {
        if let Some(cached) = self.passes.take(key) {
            return Ok(cached);
        }
        let network = self.network()?;
        let noise = noise_for(&shown.input, key.draw);
        let x_t = q_sample(&network.schedule, key.timestep, &shown.input, &noise)?;
        let class = key.class.map(|class| [class]);
        let classes = class.as_ref().map(|class| class.as_slice());
        let pass = network.unet.begin(&tensor_of(&x_t)?, &[key.timestep], classes, Keep::All)?;
        Ok(CachedPass { pass, x_t, prediction: None })
    }

    fn x_t(&mut self, shown: &PictureShown, key: &PassKey) -> Result<Grid> {
        let cached = self.begin(shown, key)?;
        let x_t = cached.x_t.clone();
        self.passes.put(key.clone(), cached);
        Ok(x_t)
    }

    fn depth(&mut self, key: &PassKey) -> usize {
        let Some(cached) = self.passes.take(key) else { return 0 };
        let depth = cached.pass.done();
        self.passes.put(key.clone(), cached);
        depth
    }

    /// The feature map at a step and block, the mean over the draws selected, and how many forwards
    /// had to run for it.
    pub(super) fn map(
        &mut self,
        shown: &PictureShown,
        selection: &Selection,
        timestep: usize,
        block: usize,
        watch: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<(Grid, usize)> {
        let mut mean = Mean::default();
        let mut forwards = 0;
        for number in (selection.draw..).take(selection.average as usize) {
            let key = self.key(shown, selection, timestep, number)?;
            let mut cached = self.begin(shown, &key)?;
            let mut result = Ok(());
            if cached.pass.done() < block {
                forwards += 1;
                let unet = &self.network()?.unet;
                result = unet.advance(&mut cached.pass, block, &mut |done, _| watch(done));
            }
            // Also when stopped: the next request may go on from here.
            let grid = result.and_then(|()| {
                let map = cached.pass.map(block);
                grid_of(&map.ok_or_else(|| Error::Compute(format!("block {block} has no map")))?, 0)
            });
            self.passes.put(key, cached);
            mean.add(grid?)?;
        }
        Ok((mean.finish()?, forwards))
    }

    fn predicted(
        &mut self,
        shown: &PictureShown,
        key: &PassKey,
        watch: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<Grid> {
        let mut cached = self.begin(shown, key)?;
        let mut result = Ok(());
        if cached.prediction.is_none() {
            let unet = &self.network()?.unet;
            result = unet
                .finish(&mut cached.pass, &mut |done, _| watch(done))
                .and_then(|out| grid_of(&out, 0))
                .map(|grid| cached.prediction = Some(grid));
        }
        let x_0 = result.and_then(|()| {
            let prediction = cached.prediction.as_ref();
            let prediction = prediction.ok_or_else(|| Error::Compute("no prediction".into()))?;
            predict_x_0(&self.network()?.schedule, key.timestep, &cached.x_t, prediction)
        });
        self.passes.put(key.clone(), cached);
        x_0
    }
}
