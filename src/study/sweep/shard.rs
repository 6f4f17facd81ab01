//! A share of a sweep's features, made by one of several runs, and the joining of such parts.

use std::fmt;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::config::SweepConfig;
use super::gather::{Forwards, Gather, Maker, Noise};
use super::keep::SweepKeep;
use super::news::SweepStep;
use super::note::{Note, note_of};
use super::pictures::Pictures;
use super::plan::Plan;
use super::room::Room;
use super::slab::SlabKey;
use super::work::features_in;
use crate::data::split::Part;
use crate::error::{Error, Result};
use crate::features::Network;
use crate::features::store::{FeatureStore, Origin};
use crate::figure::write::atomic;
use crate::study::labelled::LabelledCache;
use crate::study::table::Features;

/// Which share of the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// From 1.
    pub number: usize,
    /// How many shares there are.
    pub of: usize,
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Share, String> {
        let pair = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match pair {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Share { number, of }),
            _ => Err("use i/n with i from 1 to n, as in 2/3".into()),
        }
    }
}

/// The file that says what a folder of features is part of.
const PART: &str = "sweep-part.json";

/// What a run for one share made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepPart {
    /// What the features follow from.
    pub note: Note,
    /// Whose features.
    pub share: Share,
    /// Pictures in it.
    pub pictures: usize,
    /// Forwards made for it, the last time.
    pub forwards: Forwards,
    /// Seconds that took.
    pub seconds: f64,
}

/// A run for one share under way: the features of its pictures at all steps, also of those that will be
/// tested on.
pub struct ShardRun {
    config: SweepConfig,
    data: PathBuf,
    share: Share,
    keep: SweepKeep,
    work: Option<Box<Work>>,
    worked: Duration,
}

struct Work {
    plan: Plan,
    pictures: Pictures,
    note: Note,
    store: FeatureStore,
    origin: Option<Origin>,
    /// What is still to be gathered, the last first.
    left: Vec<SlabKey>,
    gather: Option<Gather>,
    forwards: Forwards,
    done: usize,
    total: usize,
}

impl ShardRun {
    /// The share of a sweep over the labelled pictures of `data`, into the folder of `keep`.
    ///
    /// # Errors
    /// When a setting is impossible, or the folder holds such a part already.
    pub fn new(config: SweepConfig, data: PathBuf, share: Share, keep: SweepKeep) -> Result<ShardRun> {
        config.validate()?;
        let SweepKeep { folder, resume, force } = &keep;
        let part = folder.join(PART);
        if part.exists() && !force {
            return Err(Error::Exists(part));
        }
        if folder.join("features").exists() && !resume && !force {
            return Err(Error::Setting(format!(
                "{} holds what a stopped run has left; go on with --resume, or begin anew with --force",
                folder.display()
            )));
        }
        Ok(ShardRun { config, data, share, keep, work: None, worked: Duration::ZERO })
    }

    /// What was done, in words, for a run that is stopped.
    pub fn kept(&self) -> Option<String> {
        let work = self.work.as_ref()?;
        Some(format!(
            "{} forwards are kept in {}; go on with --resume",
            work.forwards.computed + work.forwards.kept,
            self.keep.folder.display()
        ))
    }

    /// One part; none when all is done. As [`SweepRun::step`](super::SweepRun::step).
    ///
    /// # Errors
    /// What `watch` returns, pictures or settings that cannot be used, a failing disk or device.
    pub fn step(
        &mut self,
        network: &Network,
        cache: &Mutex<LabelledCache>,
        watch: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<Option<SweepStep>> {
        let started = Instant::now();
        let came = match &mut self.work {
            None => self.begin(network, cache, watch).map(|()| true),
            Some(work) => work.advance(&self.config, self.share, network, &|| watch()),
        };
        self.worked += started.elapsed();
        if !came? {
            return Ok(None);
        }
        let (done, total) = self.work.as_ref().map_or((0, 0), |work| (work.done, work.total));
        let what = if total == 0 { "reading pictures" } else { "features" };
        Ok(Some(SweepStep { what: what.into(), done: done as u64, total: total as u64, news: None }))
    }

    /// Says in the folder what it is part of.
    ///
    /// # Errors
    /// When the run is not done, or the disk refuses.
    pub fn finish(self) -> Result<SweepPart> {
        let done = self.work.filter(|work| work.left.is_empty() && work.gather.is_none());
        let work = done.ok_or_else(|| Error::Compute("the share is not done".into()))?;
        let pictures = share_of(&work.pictures, Part::Train, self.share).len()
            + share_of(&work.pictures, Part::Test, self.share).len();
        let (note, forwards) = (work.note, work.forwards);
        let seconds = self.worked.as_secs_f64();
        let part = SweepPart { note, share: self.share, pictures, forwards, seconds };
        let text = serde_json::to_string_pretty(&part)
            .map_err(|error| Error::Compute(format!("a part cannot be written: {error}")))?;
        let path = self.keep.folder.join(PART);
        let io = Error::io("write", &path);
        atomic(&path, self.keep.force, |file| writeln!(file, "{text}").map_err(io))?;
        Ok(part)
    }

    fn begin(
        &mut self,
        network: &Network,
        cache: &Mutex<LabelledCache>,
        watch: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<()> {
        let plan = Plan::new(&self.config, &network.card)?;
        // What a panic left behind is either an older data set or none.
        let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
        let labelled = cache.read(&self.data, &mut |_, _| watch().is_ok())?;
        drop(cache);
        let pictures = Pictures::draw(labelled, &self.config)?;
        let note = note_of(&self.config, &self.data, &pictures, network)?;
        let folder = &self.keep.folder;
        let count: usize =
            [Part::Train, Part::Test].map(|part| share_of(&pictures, part, self.share).len()).iter().sum();
        let held = if self.keep.force && !self.keep.resume { 0 } else { features_in(folder).size() };
        Room::of(&plan, count, self.config.draws).check_disk(folder, held)?;
        if self.keep.force && !self.keep.resume {
            features_in(folder).clear()?;
        }
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        let key = |part, timestep| SlabKey { features: Features::Network, part, timestep };
        let steps = plan.order();
        let parts = [Part::Train, Part::Test];
        let mut left: Vec<SlabKey> =
            parts.into_iter().flat_map(|part| steps.iter().map(move |&t| key(part, t))).collect();
        left.reverse();
        let total = left.iter().map(|key| share_of(&pictures, key.part, self.share).len()).sum();
        self.work = Some(Box::new(Work {
            plan,
            pictures,
            note,
            store: features_in(folder),
            origin: Origin::of(network),
            left,
            gather: None,
            forwards: Forwards::default(),
            done: 0,
            total,
        }));
        Ok(())
    }
}

impl Work {
    /// The next few pictures; false when all are done.
    fn advance(
        &mut self,
        config: &SweepConfig,
        share: Share,
        network: &Network,
        watch: &dyn Fn() -> Result<()>,
    ) -> Result<bool> {
        let mut gather = match self.gather.take() {
            Some(gather) => gather,
            None => {
                let Some(key) = self.left.pop() else { return Ok(false) };
                let items = share_of(&self.pictures, key.part, share);
                Gather::new(key, items, self.plan.taps(&self.plan.blocks_at(key.timestep)))
            }
        };
        let noise = Noise { seed: config.seed, first: 0, draws: config.draws, class: config.class };
        let before = gather.progress().0;
        let came = gather.step(
            (Maker::Network(network, &self.origin), noise),
            (&self.pictures.labelled, &self.plan),
            &mut [&mut self.store],
            &mut self.forwards,
            watch,
        );
        self.done += gather.progress().0 - before;
        if !matches!(came, Ok(true)) {
            self.gather = Some(gather);
        }
        came.map(|_| true)
    }
}

/// The items of a part that belong to a share: every so many of those learned from, then of those tested
/// on.
fn share_of(pictures: &Pictures, part: Part, share: Share) -> Vec<usize> {
    let before = if part == Part::Test { pictures.items(Part::Train).len() } else { 0 };
    let of_share = |at: &usize| (before + at) % share.of == share.number - 1;
    let items = pictures.items(part);
    (0..items.len()).filter(of_share).map(|at| items[at]).collect()
}

/// The parts of one sweep, all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepParts {
    /// What they follow from.
    pub note: Note,
    /// Their folders.
    pub folders: Vec<PathBuf>,
}

impl SweepParts {
    /// The parts in `folders`.
    ///
    /// # Errors
    /// When one is no such part, they belong to different sweeps (with what is different), one comes
    /// twice, or one is missing.
    pub fn read(folders: &[PathBuf]) -> Result<SweepParts> {
        let parts = folders.iter().map(|folder| Ok((folder, read_part(folder)?)));
        let parts = parts.collect::<Result<Vec<(&PathBuf, SweepPart)>>>()?;
        let Some((first, SweepPart { note, share, .. })) = parts.first() else {
            return Err(Error::Setting("there is no part to merge; give their folders".into()));
        };
        let mut found: Vec<Option<&PathBuf>> = vec![None; share.of];
        for (folder, part) in &parts {
            let refuse = |why: String| Err(Error::data(folder.display().to_string(), why));
            if let Some(what) = part.note.difference(note) {
                return refuse(format!(
                    "is part of another sweep than {}: {what}; make it again with the same settings",
                    first.display()
                ));
            }
            if part.share.of != share.of {
                return refuse(format!(
                    "is part {} and {} is part {share}; make all with the same number of shards",
                    part.share,
                    first.display()
                ));
            }
            match &mut found[part.share.number - 1] {
                Some(other) => {
                    let other = other.display();
                    return refuse(format!("is part {} as {other} is; leave one away", part.share));
                }
                place => *place = Some(folder),
            }
        }
        let missing = found.iter().enumerate().filter(|(_, found)| found.is_none());
        let missing: Vec<String> = missing.map(|(at, _)| format!("{}/{}", at + 1, share.of)).collect();
        if !missing.is_empty() {
            return Err(Error::Setting(format!(
                "of the sweep's parts {} {} missing; make it with --shard and give its folder too",
                missing.join(", "),
                if missing.len() == 1 { "is" } else { "are" }
            )));
        }
        Ok(SweepParts { note: note.clone(), folders: folders.to_vec() })
    }
}

fn read_part(folder: &Path) -> Result<SweepPart> {
    let path = folder.join(PART);
    let refuse = |why: String| Error::data(folder.display().to_string(), why);
    let text = fs::read(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => refuse(format!(
            "holds no {PART}: it is no part of a sweep, or its run has not ended; go on with --resume"
        )),
        _ => Error::io("read", &path)(error),
    })?;
    let part: SweepPart =
        serde_json::from_slice(&text).map_err(|error| refuse(format!("its {PART} is damaged: {error}")))?;
    let Share { number, of } = part.share;
    if !(1..=of).contains(&number) {
        return Err(refuse(format!("its {PART} is damaged: there is no part {number}/{of}")));
    }
    Ok(part)
}

#[cfg(test)]
#[path = "shard_tests.rs"]
mod tests;
