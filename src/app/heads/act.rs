//! What the user does with heads and runs.

use std::path::PathBuf;

use eframe::egui::Context;

use super::state::{Card, training_of};
use crate::app::dialogs::Ask;
use crate::app::widgets::notices::NoticeKind;
use crate::app::window::Window;
use crate::data::split::How;
use crate::heads::{Backbone, HeadKind, NetworkRef};
use crate::jobs::{NewRecord, Outcome, RunSettings};
use crate::project::RunId;
use crate::study::table::Features;
use crate::study::{SurveyConfig, TrainingConfig};
use crate::train::Recipe;

/// What the user wants.
#[derive(Clone, Debug)]
pub enum HeadsAction {
    /// Another data set.
    SetData(PathBuf),
    /// A dialog for one.
    ChooseFolder,
    /// A dialog for a file of one.
    ChooseFile,
    /// A dialog for the folder where the data set is now.
    FindData,
    /// A dialog for a table with a split.
    ChooseSplit,
    /// A dialog for the file of the split in use.
    ExportSplit,
    /// A head to be trained.
    AddCard(HeadKind),
    /// A head to be trained, and its training at once.
    TrainNew(HeadKind),
    /// The same head once more.
    CopyCard(u64),
    /// A head less.
    RemoveCard(u64),
    /// The settings of a recipe for a head.
    UseRecipe(u64, Recipe),
    /// A head trained.
    Train(u64),
    /// A training that waits.
    Pause(RunId),
    /// A training that goes on.
    Resume(RunId),
    /// A training that ends with what it has reached.
    End(RunId),
    /// A training given up.
    Cancel(RunId),
    /// A run looked at, or no more.
    Choose(RunId, bool),
    /// Only this run looked at.
    ChooseOnly(RunId),
    /// A window for the name and notes of a run.
    EditName(RunId),
    /// Another name and notes for a run.
    Rename(RunId, String, String),
    /// A run as a head to be trained, with its settings.
    CopyRun(RunId),
    /// The head of a run trained once more, on every labelled picture.
    TrainOnAll(RunId),
    /// A run forgotten, with its head.
    Remove(RunId),
    /// A dialog for a head file, to be looked at as a run.
    ChooseHead,
    /// Features kept beside the project thrown away.
    ClearCache,
    /// A dialog for a copy of a head.
    SaveHead(RunId),
    /// A test picture put into the library and selected.
    ShowPicture(usize),
}

impl Window {
    /// Does what the user wants with heads.
    pub(in crate::app) fn act_on_heads(&mut self, ctx: &Context, frame: &eframe::Frame, action: HeadsAction) {
        let heads = &mut self.state.heads;
        match action {
            HeadsAction::SetData(data) => self.set_data(data),
            HeadsAction::ChooseFolder => self.ask_for(ctx, frame, Ask::LabelledFolder),
            HeadsAction::ChooseFile => self.ask_for(ctx, frame, Ask::LabelledFile),
            HeadsAction::FindData => self.ask_for(ctx, frame, Ask::MovedFolder),
            HeadsAction::ChooseSplit => self.ask_for(ctx, frame, Ask::Split),
            HeadsAction::ExportSplit => self.ask_for(ctx, frame, Ask::SplitFile),
            HeadsAction::AddCard(kind) => self.add_card(kind),
            HeadsAction::TrainNew(kind) => {
                let id = heads.config.new_card_id();
                self.add_card(kind);
                self.train_card(id);
            }
            HeadsAction::CopyCard(id) => {
                if let Some(card) = heads.config.cards.iter().find(|card| card.id == id).cloned() {
                    let id = heads.config.new_card_id();
                    heads.config.cards.push(Card { id, ..card });
                }
            }
            HeadsAction::RemoveCard(id) => heads.config.cards.retain(|card| card.id != id),
            HeadsAction::UseRecipe(id, recipe) => self.use_recipe(id, recipe),
            HeadsAction::Train(id) => self.train_card(id),
            HeadsAction::Pause(run) => self.with_job(run, |window, job| window.engine.pause(job)),
            HeadsAction::Resume(run) => self.with_job(run, |window, job| window.engine.resume(job)),
            HeadsAction::End(run) => self.with_job(run, |window, job| window.engine.end(job)),
            HeadsAction::Cancel(run) => self.with_job(run, |window, job| window.engine.cancel(job)),
            HeadsAction::Choose(run, chosen) => {
                heads.config.chosen.retain(|id| *id != run.0);
                if chosen {
                    heads.config.chosen.push(run.0);
                }
            }
            HeadsAction::ChooseOnly(run) => heads.config.chosen = vec![run.0],
            HeadsAction::EditName(run) => {
                let held = heads.run(run).map(|record| (run, record.name.clone(), record.notes.clone()));
                heads.renaming = held;
            }
            HeadsAction::Rename(run, name, notes) => {
                let found = heads.runs.iter_mut().find(|held| held.id == run);
                if let Some(record) = found.filter(|_| !name.trim().is_empty()) {
                    record.name = name.trim().to_string();
                    record.notes = notes;
                    self.engine.keep_run(record.clone());
                }
            }
            HeadsAction::CopyRun(run) => {
                if let Some(training) = heads.run(run).map(|record| record.settings.training.clone()) {
                    let id = heads.config.new_card_id();
                    heads.config.cards.push(Card { id, training });
                    heads.open_card = Some(id);
                }
            }
            HeadsAction::TrainOnAll(run) => self.train_on_all(run),
            HeadsAction::Remove(run) => {
                self.with_job(run, |window, job| window.engine.cancel(job));
                let heads = &mut self.state.heads;
                heads.runs.retain(|record| record.id != run);
                heads.config.chosen.retain(|id| *id != run.0);
                self.engine.remove_run(run, true);
            }
            HeadsAction::ChooseHead => self.ask_for(ctx, frame, Ask::HeadFile),
            HeadsAction::ClearCache => self.clear_cache(),
            HeadsAction::SaveHead(run) => {
                let head =
                    heads.run(run).and_then(|record| Some((record.head.clone()?, record.name.clone())));
                if let Some((head, name)) = head {
                    self.ask_for(ctx, frame, Ask::HeadCopy { head, name });
                }
            }
            HeadsAction::ShowPicture(item) => self.show_tested(item),
        }
    }

    /// Works on another data set; its classes and table of a split are its own.
    pub(in crate::app) fn set_data(&mut self, data: PathBuf) {
        let heads = &mut self.state.heads;
        heads.data_text = data.display().to_string();
        let SurveyConfig { split, seed, .. } = heads.config.survey.clone();
        heads.config.survey = SurveyConfig { data, split, seed, classes: None, split_file: None };
        heads.survey = None;
        heads.survey_error = None;
    }

    fn backbone(&self) -> Option<Backbone> {
        self.state.network.as_ref().map(|network| Backbone::from(&*network.card))
    }

    /// The network in use, as runs name it.
    pub(in crate::app) fn network_ref(&self) -> Option<NetworkRef> {
        self.state.network.as_ref().map(|network| NetworkRef {
            name: network.card.name.clone(),
            hash: network.card.hash.clone(),
            path: network.card.path.clone(),
        })
    }

    fn add_card(&mut self, kind: HeadKind) {
        let Some(backbone) = self.backbone() else {
            self.not_now("a head needs a network; open one first");
            return;
        };
        match training_of(kind, Recipe::FewShot, Features::Network, &backbone) {
            Ok(training) => {
                let id = self.state.heads.config.new_card_id();
                self.state.heads.config.cards.push(Card { id, training });
            }
            Err(error) => self.notices.push(NoticeKind::Error, error.to_string()),
        }
    }

    fn use_recipe(&mut self, id: u64, recipe: Recipe) {
        let Some(backbone) = self.backbone() else { return };
        let Some(card) = self.state.heads.config.cards.iter_mut().find(|card| card.id == id) else { return };
        let TrainingConfig { head, features, .. } = &card.training;
        match training_of(head.kind, recipe, *features, &backbone) {
            Ok(training) => card.training = training,
            Err(error) => self.notices.push(NoticeKind::Error, error.to_string()),
        }
    }

    /// Trains the head of a card, and the controls beside it where they are wanted and not there yet.
    pub(in crate::app) fn train_card(&mut self, id: u64) {
        let Some(network) = self.network_ref() else {
            self.not_now("a head needs a network; open one first");
            return;
        };
        let config = &self.state.heads.config;
        let Some(card) = config.cards.iter().find(|card| card.id == id) else { return };
        let settings = config.run_of(card, network);
        self.begin(settings);
        if self.state.heads.config.controls {
            self.train_controls();
        }
    }

    /// Trains every head, one after the other.
    pub(in crate::app) fn train_all(&mut self) {
        let cards: Vec<u64> = self.state.heads.config.cards.iter().map(|card| card.id).collect();
        if cards.is_empty() {
            self.not_now("there is no head to train; add one first");
        }
        cards.into_iter().for_each(|card| self.train_card(card));
    }

    /// Ridge and linear on raw pixels and on random weights, where no run of the same settings is there.
    fn train_controls(&mut self) {
        let (Some(backbone), Some(network)) = (self.backbone(), self.network_ref()) else { return };
        for features in [Features::RawPixels, Features::RandomWeights] {
            for kind in [HeadKind::Ridge, HeadKind::Linear] {
                let training = match training_of(kind, Recipe::FewShot, features, &backbone) {
                    Ok(training) => training,
                    Err(error) => {
                        self.notices.push(NoticeKind::Error, error.to_string());
                        continue;
                    }
                };
                let settings = self.state.heads.config.run_of(&Card { id: 0, training }, network.clone());
                let heads = &self.state.heads;
                let known = heads.runs.iter().map(|run| &run.settings).chain(&heads.begun);
                if !known.into_iter().any(|held| *held == settings) {
                    self.begin(settings);
                }
            }
        }
    }

    /// The head of a run, trained on every labelled picture there is: for use, as nothing is left to
    /// test it on.
    fn train_on_all(&mut self, run: RunId) {
        let Some(record) = self.state.heads.run(run) else { return };
        let mut settings = record.settings.clone();
        settings.training.split = Some(How::Fractions { train: 1.0, validation: 0.0 });
        settings.training.split_file = None;
        // Without validation pictures nothing says when to stop: the epoch that was best is a guide.
        if let Some(epoch) = record.results.as_ref().and_then(|results| results.epoch) {
            settings.training.train.epochs = epoch.max(1);
        }
        self.begin(settings);
    }

    fn begin(&mut self, settings: RunSettings) {
        let name = name_of(&settings.training);
        self.state.heads.begun.push(settings.clone());
        self.engine.begin_run(NewRecord { name, notes: String::new(), settings });
    }

    fn with_job(&mut self, run: RunId, act: impl FnOnce(&Window, crate::jobs::JobId)) {
        if let Some(job) = self.state.heads.progress.get(&run).map(|progress| progress.job) {
            act(self, job);
        }
    }

    /// Writes the split in use as a table.
    pub(in crate::app) fn write_split(&mut self, path: PathBuf) {
        let split = self.state.heads.survey.as_ref().and_then(|survey| survey.split.clone().ok());
        let Some(split) = split else {
            self.not_now("there is no split to write");
            return;
        };
        self.engine.aside(format!("writing {}", path.display()), move |_| {
            let text = split.to_csv()?;
            crate::figure::write::atomic(&path, true, |file| {
                std::io::Write::write_all(file, text.as_bytes()).map_err(crate::Error::io("write", &path))
            })?;
            Ok(Outcome::Saved(path))
        });
    }

    /// Copies a head to where the user wants it.
    pub(in crate::app) fn copy_head(&mut self, head: PathBuf, path: PathBuf) {
        self.engine.aside(format!("writing {}", path.display()), move |_| {
            std::fs::copy(&head, &path).map_err(crate::Error::io("write", &path))?;
            Ok(Outcome::Saved(path))
        });
    }

    fn show_tested(&mut self, item: usize) {
        let Some(source) = self.state.heads.survey.as_ref().and_then(|survey| survey.items.get(item)) else {
            return;
        };
        let source = source.source.clone();
        let key = crate::app::state::key_of(&source);
        let library = &mut self.state.library;
        let known = library.entries.iter().position(|entry| entry.key == key);
        library.selected = Some(known.unwrap_or_else(|| library.add(source)));
    }
}

/// What a run is called at first.
fn name_of(training: &TrainingConfig) -> String {
    match training.features {
        Features::Network => training.head.kind.to_string(),
        Features::RawPixels => format!("{}, pixels", training.head.kind),
        Features::RandomWeights => format!("{}, random", training.head.kind),
    }
}
