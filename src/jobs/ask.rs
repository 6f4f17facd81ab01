//! What trained heads say of the picture in hand: the path of `predict`, with the turn of a preview.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::event::Part;
use super::preview::{Live, PreviewRequest};
use super::worker::Bench;
use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::heads::{Head, HeadConfig, HeadInfo, load};
use crate::train::{Inside, Reader, answer, look_inside};

/// Heads kept for the next picture: the states of a training among them.
const KEPT: usize = 16;

/// What a head says of the picture in hand.
#[derive(Clone, Debug)]
pub struct HeadAnswer {
    /// Its file.
    pub head: PathBuf,
    /// What it says, or why it cannot be asked.
    pub said: Result<Said, Arc<Error>>,
}

/// Probabilities of classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// One for each class; they sum to one.
    pub probabilities: Vec<f32>,
}

/// What a head looks like from inside for the picture in hand.
#[derive(Clone, Debug)]
pub struct HeadInside {
    /// Its file.
    pub head: PathBuf,
    /// What was seen, or why it cannot be looked into.
    pub seen: Result<Arc<SeenInside>, Arc<Error>>,
}

/// A head as it was looked into.
#[derive(Clone, Debug)]
pub struct SeenInside {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Its settings.
    pub config: HeadConfig,
    /// What was seen.
    pub inside: Inside,
}

/// Heads that were loaded for the network in use, the last one first.
#[derive(Default)]
pub(super) struct HeldHeads(Vec<Held>);

struct Held {
    path: PathBuf,
    stamp: Option<(u64, SystemTime)>,
    loaded: Arc<(HeadInfo, Head)>,
}

fn stamp(path: &Path) -> Option<(u64, SystemTime)> {
    let about = std::fs::metadata(path).ok()?;
    Some((about.len(), about.modified().ok()?))
}

impl HeldHeads {
    /// The head at `path`, as long as its file is the same.
    fn get(&mut self, path: &Path, reader: Reader) -> Result<Arc<(HeadInfo, Head)>> {
        let now = stamp(path);
        self.0.retain(|held| held.path != path || held.stamp == now);
        let held = match self.0.iter().position(|held| held.path == path) {
            Some(at) => self.0.remove(at),
            None => {
                let loaded = Arc::new(load(path, &reader.backbone(), &reader.device())?);
                Held { path: path.to_path_buf(), stamp: now, loaded }
            }
        };
        let loaded = Arc::clone(&held.loaded);
        self.0.insert(0, held);
        self.0.truncate(KEPT);
        Ok(loaded)
    }
}

/// Asks the heads of `request`, and looks into one; each answers by a part of its own. A head that
/// cannot be asked says why, and the others go on.
pub(super) fn run(bench: &mut Bench, request: &PreviewRequest, live: &Live) -> Result<()> {
    let shown = bench.picture(request.id, &request.source)?;
    live.send(Part::Picture(Arc::clone(&shown)));
    for path in &request.heads {
        live.check()?;
        let said = match ask(bench, path, &shown.input, live) {
            Ok(said) => Ok(said),
            Err(error) if error.is_cancelled() => return Err(error),
            Err(error) => Err(Arc::new(error)),
        };
        live.send(Part::Answer(Arc::new(HeadAnswer { head: path.clone(), said })));
    }
    if let Some(path) = &request.inside {
        live.check()?;
        let seen = match look(bench, path, &shown.input, live) {
            Ok(seen) => Ok(Arc::new(seen)),
            Err(error) if error.is_cancelled() => return Err(error),
            Err(error) => Err(Arc::new(error)),
        };
        live.send(Part::Inside(Arc::new(HeadInside { head: path.clone(), seen })));
    }
    live.send(Part::Complete);
    Ok(())
}

fn ask(bench: &mut Bench, path: &Path, input: &Grid, live: &Live) -> Result<Said> {
    with_head(bench, path, |reader, info, head| {
        let inputs = std::slice::from_ref(input);
        let asked = answer(reader, &[head], inputs, info.seed, info.draws, &|| live.check())?;
        let probabilities = asked.into_iter().flatten().collect();
        Ok(Said { classes: info.classes.clone(), probabilities })
    })
}

fn look(bench: &mut Bench, path: &Path, input: &Grid, live: &Live) -> Result<SeenInside> {
    with_head(bench, path, |reader, info, head| {
        let inside = look_inside(reader, head, input, (info.seed, info.draws), &|| live.check())?;
        Ok(SeenInside { classes: info.classes.clone(), config: head.config().clone(), inside })
    })
}

/// Does `work` with the head at `path`, which stays loaded for the next picture.
fn with_head<T>(
    bench: &mut Bench,
    path: &Path,
    work: impl FnOnce(Reader, &HeadInfo, &Head) -> Result<T>,
) -> Result<T> {
    let mut heads = std::mem::take(&mut bench.heads);
    let done = bench.network().and_then(|network| {
        let reader = Reader::Network(network);
        let held = heads.get(path, reader)?;
        work(reader, &held.0, &held.1)
    });
    bench.heads = heads;
    done
}
