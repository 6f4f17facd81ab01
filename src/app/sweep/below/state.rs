//! What is known of the cells that were looked into.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::app::state::{State, key_of};
use crate::error::Error;
use crate::jobs::{JobId, JobState};
use crate::study::Survey;
use crate::study::cell::{CellConfig, CellReport, NoiseConfig};
use crate::study::sweep::{Cell, SweepConfig};
use crate::study::table::Features;

/// Looks that are kept.
const KEPT: usize = 16;

/// What is shown under the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tab {
    /// Curves along both axes, and what test pictures say.
    #[default]
    Lines,
    /// Confusion and scores of the classes.
    Classes,
    /// The nearest pictures of one.
    Neighbours,
    /// All pictures on a plane.
    Map,
    /// What more pictures would bring, and what noise does.
    Growth,
}

impl Tab {
    /// All, in the order in which they stand.
    pub const ALL: [Tab; 5] = [Tab::Lines, Tab::Classes, Tab::Neighbours, Tab::Map, Tab::Growth];

    /// What stands on it.
    pub fn title(self) -> &'static str {
        match self {
            Tab::Lines => "Lines",
            Tab::Classes => "Classes",
            Tab::Neighbours => "Neighbours",
            Tab::Map => "Map",
            Tab::Growth => "Growth",
        }
    }

    /// What it tells, in one sentence.
    pub fn about(self) -> &'static str {
        match self {
            Tab::Lines => "The score along blocks and timesteps, and what test pictures say.",
            Tab::Classes => {
                "Which classes the cell takes for which, by cross-validation; click a square to see its pictures."
            }
            Tab::Neighbours => "The pictures whose features point the most alike, about their mean.",
            Tab::Map => "Every picture as a point of a plane: pictures that are alike lie together.",
            Tab::Growth => "What more labelled pictures would bring, and how much of the features is noise.",
        }
    }

    /// Whether the cell has to be looked into for it.
    pub fn needs_look(self) -> bool {
        self != Tab::Lines
    }
}

/// Which plane pictures are shown on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Plane {
    /// The one that keeps neighbours together.
    #[default]
    Neighbours,
    /// That of most variance.
    Pca,
}

/// The settings of what is under the table, kept in the project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BelowSettings {
    /// What is shown.
    pub tab: Tab,
    /// On which plane.
    pub plane: Plane,
    /// Pictures themselves instead of points, however many there are.
    pub thumbnails: bool,
    /// Nearest pictures of each.
    pub neighbours: usize,
    /// What of noise is looked at.
    pub noise: NoiseConfig,
    /// The accuracy that pictures are counted for; none: the next round one.
    pub target: Option<f64>,
}

impl Default for BelowSettings {
    fn default() -> BelowSettings {
        BelowSettings {
            tab: Tab::default(),
            plane: Plane::default(),
            thumbnails: false,
            neighbours: 12,
            noise: NoiseConfig::default(),
            target: None,
        }
    }
}

/// Everything that decides a look into a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The settings.
    pub config: CellConfig,
    /// The pictures.
    pub data: PathBuf,
    /// The network's hash, and how many were opened before it: precision and device may be others.
    pub network: (String, u64),
}

impl Key {
    /// Whether `self` shows all that `other` does, but for noise and the target of the curve.
    fn serves(&self, other: &Key) -> bool {
        let plain = |key: &Key| {
            let mut key = key.clone();
            (key.config.noise, key.config.curve.target) = (NoiseConfig::default(), None);
            key
        };
        plain(self) == plain(other)
    }
}

/// A look that is on its way.
pub struct Asked {
    /// What is looked at.
    pub key: Key,
    /// The job.
    pub job: JobId,
    /// How far it is.
    pub state: JobState,
}

/// Pictures of a look among those of the data set in use.
pub struct Links {
    report: Arc<CellReport>,
    survey: Option<Arc<Survey>>,
    /// The number of each picture in the data set in use.
    items: Vec<Option<usize>>,
    /// The picture that the library names so.
    by_key: HashMap<String, usize>,
}

impl Links {
    fn new(report: Arc<CellReport>, survey: Option<Arc<Survey>>) -> Links {
        let items = survey.iter().flat_map(|survey| &survey.items).enumerate();
        let numbers: HashMap<&str, usize> = items.map(|(at, item)| (item.name.as_str(), at)).collect();
        let items: Vec<Option<usize>> =
            report.pictures.iter().map(|picture| numbers.get(picture.name.as_str()).copied()).collect();
        let key = |item: usize| Some(key_of(&survey.as_ref()?.items.get(item)?.source));
        let named = items.iter().enumerate();
        let by_key = named.filter_map(|(picture, item)| Some((key((*item)?)?, picture))).collect();
        Links { report, items, by_key, survey }
    }

    /// The number of a picture in the data set in use.
    pub fn item(&self, picture: usize) -> Option<usize> {
        self.items.get(picture).copied().flatten()
    }
}

/// What is known of cells that were looked into.
#[derive(Default)]
pub struct BelowState {
    /// What was seen, the last at the end.
    looks: Vec<(Key, Arc<CellReport>)>,
    /// The look on its way.
    pub asked: Option<Asked>,
    /// Looks that nobody waits for any more.
    pub dropped: Vec<JobId>,
    /// The look that failed last, and why.
    pub error: Option<(Key, Arc<Error>)>,
    /// The look that the user has stopped.
    pub stopped: Option<Key>,
    /// The square of the confusion matrix in hand, as true class and answer.
    pub square: Option<(usize, usize)>,
    /// The picture chosen last, by its name.
    pub picture: Option<String>,
    links: Option<Arc<Links>>,
}

impl BelowState {
    /// Keeps what was seen.
    pub fn keep(&mut self, key: Key, report: Arc<CellReport>) {
        self.looks.retain(|(held, _)| *held != key);
        self.looks.push((key, report));
        if self.looks.len() > KEPT {
            self.looks.remove(0);
        }
    }

    /// What was seen with exactly these settings.
    pub fn exact(&self, key: &Key) -> Option<&Arc<CellReport>> {
        self.looks.iter().find(|(held, _)| held == key).map(|(_, report)| report)
    }

    /// What was seen with these settings, or at least with others of noise and target.
    pub fn seen(&self, key: &Key) -> Option<&Arc<CellReport>> {
        let other = || self.looks.iter().rev().find(|(held, _)| held.serves(key)).map(|(_, report)| report);
        self.exact(key).or_else(other)
    }

    /// Where the pictures of `report` are in the data set in use.
    pub fn link(&mut self, report: &Arc<CellReport>, survey: Option<&Arc<Survey>>) -> Arc<Links> {
        let same = |links: &&Arc<Links>| {
            let survey_is_same = match (&links.survey, survey) {
                (Some(held), Some(survey)) => Arc::ptr_eq(held, survey),
                (None, None) => true,
                _ => false,
            };
            Arc::ptr_eq(&links.report, report) && survey_is_same
        };
        if let Some(links) = self.links.as_ref().filter(same) {
            return Arc::clone(links);
        }
        let links = Arc::new(Links::new(Arc::clone(report), survey.cloned()));
        self.links = Some(Arc::clone(&links));
        links
    }
}

/// A look that is wanted, or why there can be none.
pub enum Wanted {
    /// This one.
    Look(Box<Key>),
    /// No cell is chosen that was scored.
    NoCell,
    /// The sweep was made with another network, of this name.
    OtherNetwork(String),
}

impl State {
    /// The look at the cell in hand.
    pub fn wanted_look(&self) -> Wanted {
        let (Some(network), Some(selection), Some(table)) =
            (&self.network, self.selection(), self.sweep.table())
        else {
            return Wanted::NoCell;
        };
        let (sweep, data) = match (&self.sweep.running, self.sweep.report()) {
            (Some(running), _) => (running.config.clone(), running.data.clone()),
            (None, Some(report)) if report.network_hash != network.card.hash => {
                return Wanted::OtherNetwork(report.network.clone());
            }
            (None, Some(report)) => (report.settings.clone(), PathBuf::from(&report.data)),
            (None, None) => return Wanted::NoCell,
        };
        let (block, timestep) = (selection.block, selection.timestep);
        if !table.cells.contains_key(&(block, timestep)) {
            return Wanted::NoCell;
        }
        let (pool, shots) = table.at;
        let cell = Cell { features: Features::Network, shots, pool, timestep, block };
        let settings = &self.sweep.settings.below;
        let mut config = CellConfig::of(SweepConfig { budget: None, ..sweep }, cell);
        (config.neighbours, config.noise) = (settings.neighbours, settings.noise.clone());
        config.curve.target = settings.target;
        Wanted::Look(Box::new(Key { config, data, network: (network.card.hash.clone(), self.network_count) }))
    }

    /// The picture in hand among those of `report`: the one shown in all work spaces where it is one of
    /// them, else the one chosen last.
    pub fn picture_of(&self, report: &CellReport, links: &Links) -> Option<usize> {
        let current = self.library.current().and_then(|entry| links.by_key.get(&entry.key).copied());
        let last = || report.find(self.sweep.below.picture.as_deref()?);
        current.or_else(last)
    }
}
