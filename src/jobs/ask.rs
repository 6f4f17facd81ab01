//! What trained heads say of the picture in hand: the path of `predict`, with the turn of a preview.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::event::Part;
use super::preview::{Live, PreviewRequest};
use super::worker::Bench;
use crate::error::{Error, Result};
use crate::heads::{Head, HeadInfo, load};
use crate::train::{Reader, answer};

/// Heads kept for the next picture.
const KEPT: usize = 8;

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

/// Asks the heads of `request`; each answers by a part of its own. A head that cannot be asked says
/// why, and the others go on.
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
    live.send(Part::Complete);
    Ok(())
}

fn ask(bench: &mut Bench, path: &Path, input: &crate::grid::Grid, live: &Live) -> Result<Said> {
    let mut heads = std::mem::take(&mut bench.heads);
    let reader = Reader::Network(bench.network()?);
    let held = heads.get(path, reader);
    let said = held.and_then(|held| {
        let (info, head) = &*held;
        let inputs = std::slice::from_ref(input);
        let asked = answer(reader, &[head], inputs, info.seed, info.draws, &|| live.check())?;
        let probabilities = asked.into_iter().flatten().collect();
        Ok(Said { classes: info.classes.clone(), probabilities })
    });
    bench.heads = heads;
    said
}
