//! What follows from events and from what the user wants.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::Context;

use super::SweepAction;
use super::state::{Running, SweepSettings};
use crate::app::command::Space;
use crate::app::dialogs::Ask;
use crate::app::heads::{Card, training_of};
use crate::app::widgets::notices::NoticeKind;
use crate::app::window::Window;
use crate::error::Error;
use crate::figure::Theme;
use crate::heads::{Backbone, HeadKind};
use crate::jobs::{
    JobId, JobState, NewSweep, OpenedProject, Outcome, SweepJob, SweepRecord, SweepSettings as Settings,
};
use crate::project::RunStatus;
use crate::study::sweep::{Score, SweepConfig, SweepKeep, SweepNews, SweepReport, write_sweep};
use crate::study::table::Features;
use crate::train::Recipe;

/// Under this name the settings are kept in the project.
const KEY: &str = "sweep";

impl Window {
    /// Takes what the project keeps.
    pub(in crate::app) fn sweeps_opened(&mut self, opened: &OpenedProject) {
        let sweep = &mut self.state.sweep;
        if let Some(kept) = opened.state.get(KEY) {
            match serde_json::from_value::<SweepSettings>(kept.clone()) {
                Ok(settings) => sweep.settings = settings,
                Err(error) => log::warn!("the settings of sweeps are of another version: {error}"),
            }
        }
        let done = opened.sweeps.iter().filter_map(|record| Some((record.id, record.report.clone()?)));
        sweep.reports = done.map(|(id, report)| (id, Arc::new(report))).collect();
        let last = opened.sweeps.last().filter(|record| record.report.is_none());
        sweep.interrupted = last.map(|record| Arc::new(record.clone()));
        (sweep.texts, sweep.similarity.texts) = (None, None);
        self.kept_sweep = Some(sweep.settings.clone());
    }

    /// Starts a sweep that is in the project.
    pub(in crate::app) fn sweep_added(&mut self, record: &SweepRecord) {
        let (run, data, config) = (record.id, record.settings.data.clone(), record.settings.sweep.clone());
        self.state.sweep.begun = false;
        // What was done of the same sweep before is there again.
        let folder = self.sweep_folder(&data, &config);
        let keep = folder.map(|folder| SweepKeep { folder, resume: true, force: false });
        match SweepJob::new(config.clone(), data.clone(), keep, None) {
            Ok(job) => {
                let job = self.engine.submit(job);
                self.state.sweep.running = Some(Running::new(run, job, data, config));
            }
            Err(error) => {
                self.engine.end_sweep(run, RunStatus::Failed, None);
                self.state.sweep.error = Some(Arc::new(error));
            }
        }
    }

    /// Cells of a sweep were scored.
    pub(in crate::app) fn take_sweep(&mut self, id: JobId, news: &SweepNews) {
        if let Some(running) = self.state.sweep.running.as_mut().filter(|running| running.job == id) {
            running.take(news);
            if !news.changed.is_empty() {
                self.engine.keep_sweep_rows(running.run, news.changed.clone());
            }
        }
    }

    /// A job of this work space came further; false where it is another one's.
    pub(in crate::app) fn take_sweep_job(&mut self, id: JobId, state: &JobState) -> bool {
        if self.take_similarity_job(id, state) || self.take_cell_job(id, state) {
            return true;
        }
        let sweep = &mut self.state.sweep;
        let Some(mut running) = sweep.running.take_if(|running| running.job == id) else { return false };
        let status = match state {
            JobState::Done(Outcome::Swept(report)) => {
                sweep.reports.push((running.run, Arc::clone(report)));
                (sweep.settings.shown, sweep.settings.against) = (0, None);
                self.engine.end_sweep(running.run, RunStatus::Done, Some(Arc::clone(report)));
                self.clear_sweep_parts(&running);
                return true;
            }
            JobState::Queued | JobState::Running { .. } | JobState::Paused => {
                running.state = state.clone();
                sweep.running = Some(running);
                return true;
            }
            JobState::Failed { error, .. } => {
                sweep.error = Some(Arc::clone(error));
                RunStatus::Failed
            }
            JobState::Done(_) | JobState::Cancelled { .. } => RunStatus::Cancelled,
        };
        self.engine.end_sweep(running.run, status, None);
        true
    }

    /// Between frames: keeps what was changed, and looks into the cell in hand.
    pub(in crate::app) fn follow_sweep(&mut self, hand_rests: bool) {
        let settings = &self.state.sweep.settings;
        if self.state.heads.project.is_some()
            && hand_rests
            && self.kept_sweep.as_ref() != Some(settings)
            && let Ok(value) = serde_json::to_value(settings)
        {
            self.engine.keep_state(KEY, value);
            self.kept_sweep = Some(settings.clone());
        }
        self.follow_cell(hand_rests);
    }

    /// Does what the user wants with sweeps.
    pub(in crate::app) fn act_on_sweep(&mut self, ctx: &Context, frame: &eframe::Frame, action: SweepAction) {
        let job = self.state.sweep.running.as_ref().map(|running| running.job);
        if let Some(action) = self.state.sweep.on_page(action) {
            return self.act_on_similarity(ctx, frame, action);
        }
        match (action, job) {
            (SweepAction::Begin, None) => self.begin_sweep(),
            (SweepAction::Pause, Some(job)) => self.engine.pause(job),
            (SweepAction::Resume, Some(job)) => self.engine.resume(job),
            (SweepAction::End, Some(job)) => self.engine.end(job),
            (SweepAction::Cancel, Some(job)) => self.engine.cancel(job),
            (SweepAction::Export, None) => {
                if let Some(report) = self.state.sweep.report().cloned() {
                    self.ask_for(ctx, frame, Ask::SweepFolder(report));
                }
            }
            (SweepAction::Forget, None) => {
                let sweep = &mut self.state.sweep;
                if let Some(at) = sweep.reports.len().checked_sub(1 + sweep.settings.shown) {
                    let (run, _) = sweep.reports.remove(at);
                    self.engine.remove_run(run, false);
                }
                (sweep.settings.shown, sweep.settings.against) = (0, None);
            }
            (SweepAction::GoOn, None) => self.go_on_sweeping(),
            (SweepAction::UseInHeads(pool), _) => self.use_in_heads(pool),
            (SweepAction::WithoutLabels, None) => self.state.sweep.settings.config.score = Score::Silhouette,
            (SweepAction::LookInto, _) => self.look_again(),
            (SweepAction::StopLooking, _) => self.stop_looking(),
            (SweepAction::ExportCell, _) => {
                if let Some(report) = self.state.look_in_hand() {
                    self.ask_for(ctx, frame, Ask::CellFolder(report));
                }
            }
            _ => {}
        }
    }

    /// Another cell of the table, by steps down and to the right, from the nearest on.
    pub(in crate::app) fn step_cell(&mut self, down: isize, right: isize) {
        let (Some((blocks, timesteps)), Some(selection)) = (self.state.sweep.axes(), self.state.selection())
        else {
            return;
        };
        let stepped = |axis: &[usize], held: usize, by: isize| {
            let near = (0..axis.len()).min_by_key(|at| axis[*at].abs_diff(held))?;
            axis.get(near.saturating_add_signed(by).min(axis.len() - 1)).copied()
        };
        let block = stepped(&blocks, selection.block, down);
        let timestep = stepped(&timesteps, selection.timestep, right);
        if let (Some(block), Some(timestep)) = (block, timestep) {
            self.look_at(timestep, (block, false));
        }
    }

    fn begin_sweep(&mut self) {
        let Some(network) = self.network_ref() else {
            self.not_now("a sweep needs a network; open one first");
            return;
        };
        if std::mem::replace(&mut self.state.sweep.begun, true) {
            return;
        }
        let data = self.state.heads.config.survey.data.clone();
        let sweep = self.state.sweep.settings.config.clone();
        let name = format!("sweep of {}", data.display());
        (self.state.sweep.error, self.state.sweep.interrupted) = (None, None);
        self.engine.begin_sweep(NewSweep { name, settings: Settings { data, network, sweep } });
    }

    /// Takes up the sweep that did not come to its end.
    fn go_on_sweeping(&mut self) {
        let Some(record) = self.state.sweep.interrupted.take() else { return };
        self.state.sweep.settings.config = record.settings.sweep.clone();
        self.state.sweep.texts = None;
        if self.state.heads.config.survey.data != record.settings.data {
            self.set_data(record.settings.data.clone());
        }
        self.engine.remove_run(record.id, false);
        self.begin_sweep();
    }

    /// The folder of a sweep that is not done yet, in the project's cache: one for everything that
    /// decides it.
    fn sweep_folder(&self, data: &std::path::Path, config: &SweepConfig) -> Option<PathBuf> {
        let network = &self.state.network.as_ref()?.card;
        let plain = SweepConfig { budget: None, ..config.clone() };
        let settings = serde_json::to_string(&plain).ok()?;
        let text = format!("{}\n{}\n{}\n{settings}", data.display(), network.hash, network.precision);
        let name = blake3::hash(text.as_bytes()).to_hex();
        Some(self.state.heads.cache.as_ref()?.join(format!("sweep-{}", &name[..16])))
    }

    /// Takes away what was kept of a sweep that is done.
    fn clear_sweep_parts(&mut self, running: &Running) {
        let Some(folder) = self.sweep_folder(&running.data, &running.config) else { return };
        let gone = SweepKeep::clear(&folder)
            .and_then(|()| std::fs::remove_dir(&folder).map_err(Error::io("remove", &folder)));
        if let Err(error) = gone {
            log::warn!("what was kept of a sweep stays: {error}");
        }
    }

    /// Writes tables and figure of a sweep into `folder`.
    pub(in crate::app) fn write_sweep_to(&mut self, report: Arc<SweepReport>, folder: PathBuf) {
        self.engine.aside(format!("writing into {}", folder.display()), move |_| {
            write_sweep(&folder, &report, Theme::Light, false)?;
            Ok(Outcome::Saved(folder))
        });
    }

    /// Adds a linear and a ridge head that read the cell in hand, and goes there.
    fn use_in_heads(&mut self, pool: usize) {
        let (Some(network), Some(selection)) = (&self.state.network, self.state.selection()) else { return };
        let backbone = Backbone::from(&*network.card);
        for kind in [HeadKind::Ridge, HeadKind::Attention] {
            let mut training = match training_of(kind, Recipe::FewShot, Features::Network, &backbone) {
                Ok(training) => training,
                Err(error) => {
                    self.notices.push(NoticeKind::Error, error.to_string());
                    return;
                }
            };
            training.head.timesteps = vec![selection.timestep];
            training.head.blocks = vec![selection.block];
            if !kind.attends() {
                training.head.pool = pool;
            }
            let config = &mut self.state.heads.config;
            let known = config.cards.iter().any(|card| card.training == training);
            if !known {
                let id = config.new_card_id();
                config.cards.push(Card { id, training });
            }
        }
        self.state.space = Space::Heads;
    }
}
