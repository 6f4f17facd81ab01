//! Looking into a cell, part by part.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::config::CellConfig;
use super::report::CellReport;
use super::work::{Stage, Work, begin};
use crate::error::{Error, Result};
use crate::features::Network;
use crate::features::store::FeatureStore;
use crate::study::Step;
use crate::study::labelled::LabelledCache;

/// A cell being looked into.
pub struct CellRun {
    config: CellConfig,
    data: PathBuf,
    work: Option<Box<Work>>,
    worked: Duration,
}

impl CellRun {
    /// A look into the cell of `config` on the pictures of `data`.
    ///
    /// # Errors
    /// When a setting is impossible.
    pub fn new(config: CellConfig, data: PathBuf) -> Result<CellRun> {
        config.validate()?;
        Ok(CellRun { config, data, work: None, worked: Duration::ZERO })
    }

    /// One part; none when all is done. `watch` is asked between blocks and folds and stops by an error,
    /// after which the same part comes again. Features of the network are taken from `store` and put
    /// there; `cache` keeps the data set for the next run.
    ///
    /// # Errors
    /// What `watch` returns, pictures or settings that cannot be used, a failing disk or device.
    pub fn step(
        &mut self,
        network: &Network,
        store: Option<&mut FeatureStore>,
        cache: &Mutex<LabelledCache>,
        watch: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<Option<Step>> {
        let started = Instant::now();
        let came = match &mut self.work {
            None => {
                let begun = begin(&self.config, &self.data, network, cache, watch)?;
                self.work = Some(Box::new(begun));
                Ok(Some("reading pictures"))
            }
            Some(work) => work.part(&self.config, network, store, watch),
        };
        self.worked += started.elapsed();
        let Some(what) = came? else { return Ok(None) };
        let (done, total) = self.work.as_ref().map_or((0, 0), |work| work.progress());
        Ok(Some(Step { what: what.to_string(), done, total }))
    }

    /// What was seen.
    ///
    /// # Errors
    /// When not all is done.
    pub fn finish(self, network: &Network) -> Result<CellReport> {
        let not_done = || Error::Compute("the cell is not done".into());
        let mut work = self.work.filter(|work| work.stage == Stage::Done).ok_or_else(not_done)?;
        let block = network.card.block(self.config.block).cloned().ok_or_else(not_done)?;
        let mut notes = work.notes.clone();
        if work.labels.is_none() {
            notes.push(
                "The pictures have no classes, so that nothing can be said of answers and learning.".into(),
            );
        }
        if let Some(own) = work.noise.iter().find(|row| row.timestep == self.config.timestep) {
            (work.label_free.alignment, work.label_free.agreement) =
                (Some(own.alignment), Some(own.agreement));
        }
        Ok(CellReport {
            data: work.labelled.set.name.clone(),
            network: network.card.name.clone(),
            network_hash: network.card.hash.clone(),
            pictures: work.pictures(),
            block,
            classes: work.classes,
            answers: work.answers,
            label_free: work.label_free,
            explained: work.pca.1,
            curve: work.curve,
            noise: work.noise,
            forwards: work.forwards,
            seconds: self.worked.as_secs_f64(),
            settings: self.config,
            notes,
        })
    }
}
