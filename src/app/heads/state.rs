//! What the work space of heads knows.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::app::command::Space;
use crate::data::split::How;
use crate::error::Error;
use crate::heads::{Backbone, HeadKind, NetworkRef};
use crate::jobs::{HeadAnswer, JobId, JobState, RunRecord, RunSettings};
use crate::project::{RunId, RunStatus};
use crate::study::table::Features;
use crate::study::{Contrast, Survey, SurveyConfig, TrainingConfig, TrainingPlan, head_for};
use crate::train::{Recipe, TrainConfig};

/// The settings of the work space, kept in the project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeadsConfig {
    /// The labelled pictures, their classes and split.
    pub survey: SurveyConfig,
    /// Heads to be trained.
    pub cards: Vec<Card>,
    /// Ridge and linear on raw pixels and on random weights are trained beside.
    pub controls: bool,
    /// Runs that are looked at.
    pub chosen: Vec<i64>,
    /// Which detail of them.
    pub tab: Tab,
    /// The column that runs are sorted by, and whether the largest comes first.
    pub sort: (Column, bool),
}

/// A head to be trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Tells cards apart.
    pub id: u64,
    /// Everything but the split, which all cards share.
    pub training: TrainingConfig,
}

/// What is shown of the runs chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tab {
    /// Loss, accuracy and learning rate by epoch.
    #[default]
    Curves,
    /// What was taken for what.
    Confusion,
    /// Accuracy by class.
    Classes,
    /// The pictures that were not recognised.
    Errors,
    /// How often a head is right when it is so sure.
    Reliability,
    /// Two runs picture by picture.
    Difference,
    /// Accuracy against cost, of all runs.
    Cost,
    /// What the heads say of the picture in hand.
    Answer,
}

impl Tab {
    /// All, in the order in which they stand.
    pub const ALL: [Tab; 8] = [
        Tab::Curves,
        Tab::Confusion,
        Tab::Classes,
        Tab::Errors,
        Tab::Reliability,
        Tab::Difference,
        Tab::Cost,
        Tab::Answer,
    ];

    /// What stands on it.
    pub fn title(self) -> &'static str {
        match self {
            Tab::Curves => "Curves",
            Tab::Confusion => "Confusion",
            Tab::Classes => "Classes",
            Tab::Errors => "Errors",
            Tab::Reliability => "Reliability",
            Tab::Difference => "Difference",
            Tab::Cost => "Cost",
            Tab::Answer => "Answer",
        }
    }

    /// What it tells, in one sentence.
    pub fn about(self) -> &'static str {
        match self {
            Tab::Curves => "Loss, accuracy and learning rate, epoch by epoch.",
            Tab::Confusion => "Which classes are taken for which; click a cell to see its pictures.",
            Tab::Classes => "The share of each class's pictures that are recognised.",
            Tab::Errors => "The test pictures that were taken for another class, the surest first.",
            Tab::Reliability => {
                "How often a head is right when it is so sure: on the diagonal it can be trusted."
            }
            Tab::Difference => {
                "Two runs on the same test pictures: by how much one is better, and where they disagree."
            }
            Tab::Cost => "Accuracy against what a picture costs, of all runs.",
            Tab::Answer => {
                "What the chosen heads say of the picture in hand; drop one on the window to ask about it."
            }
        }
    }
}

/// A column of the table of runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Column {
    /// When the run was begun.
    #[default]
    Begun,
    /// Its name.
    Name,
    /// What it reads.
    Features,
    /// Pictures learned from.
    Learned,
    /// Accuracy on the test pictures.
    Accuracy,
    /// Mean F1 over classes.
    F1,
    /// Trained values.
    Parameters,
    /// Multiply-accumulates per picture.
    Gmac,
    /// Seconds per picture.
    Seconds,
    /// Seconds to train.
    Training,
    /// Memory to train.
    Memory,
}

/// How a run goes on.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The job.
    pub job: JobId,
    /// How far it is.
    pub state: JobState,
}

/// A cell of a confusion matrix: run, class, taken for.
pub type Cell = (RunId, usize, usize);

/// Two runs compared.
pub type Pair = [RunId; 2];
/// What came of comparing them.
pub type Contrasted = Result<Arc<Contrast>, Arc<Error>>;

/// What the work space knows.
#[derive(Default)]
pub struct HeadsState {
    /// The settings.
    pub config: HeadsConfig,
    /// What the data set holds, as it was read last.
    pub survey: Option<Arc<Survey>>,
    /// The data set is being read by this job, for these settings.
    pub surveying: Option<(JobId, SurveyConfig)>,
    /// Why it could not be read.
    pub survey_error: Option<(SurveyConfig, Arc<Error>)>,
    /// The path being typed.
    pub data_text: String,
    /// Runs asked for that are not on the disk yet.
    pub begun: Vec<RunSettings>,
    /// Head files that become runs, with what is known of each.
    pub loading: Vec<(PathBuf, RunSettings)>,
    /// Head files being copied into the project, with the run of each.
    pub copying: HashMap<JobId, RunId>,
    /// Bytes of features kept beside the project.
    pub cache_bytes: Option<u64>,
    /// Runs, oldest first.
    pub runs: Vec<RunRecord>,
    /// Those that are not over.
    pub progress: HashMap<RunId, Progress>,
    /// Why runs failed, as far as it is known since the window opened.
    pub failures: HashMap<RunId, String>,
    /// The project file, once it is open.
    pub project: Option<PathBuf>,
    /// The folder of what can be computed again, beside the project.
    pub cache: Option<PathBuf>,
    /// The cell of a confusion matrix whose pictures are shown.
    pub cell: Option<Cell>,
    /// Two runs compared, or why they cannot be.
    pub contrast: Option<(Pair, Contrasted)>,
    /// Two runs being compared.
    pub contrasting: Option<(JobId, Pair)>,
    /// What heads say of the picture in hand.
    pub answers: Vec<Arc<HeadAnswer>>,
    /// The card whose settings are open.
    pub open_card: Option<u64>,
    /// The run whose name and notes are being changed.
    pub renaming: Option<(RunId, String, String)>,
    /// The classes are shown for editing.
    pub classes_open: bool,
}

impl Default for HeadsConfig {
    fn default() -> Self {
        HeadsConfig {
            survey: SurveyConfig {
                data: "bundled:fashion".into(),
                split: Some(How::Shots { train: 20, validation: 5, test: Some(30) }),
                ..SurveyConfig::default()
            },
            cards: Vec::new(),
            controls: true,
            chosen: Vec::new(),
            tab: Tab::default(),
            sort: (Column::Begun, false),
        }
    }
}

impl HeadsConfig {
    /// Another look at the runs chosen, by steps.
    pub fn step_tab(&mut self, by: isize) {
        let at = Tab::ALL.iter().position(|tab| *tab == self.tab).unwrap_or(0);
        self.tab = Tab::ALL[at.saturating_add_signed(by).min(Tab::ALL.len() - 1)];
    }

    /// A number for a new card.
    pub fn new_card_id(&self) -> u64 {
        self.cards.iter().map(|card| card.id).max().unwrap_or(0) + 1
    }

    /// Everything that decides a run of `card`, with the data set and split in use.
    pub fn run_of(&self, card: &Card, network: NetworkRef) -> RunSettings {
        let SurveyConfig { data, classes, split, split_file, seed } = self.survey.clone();
        let mut training = TrainingConfig { classes, split, split_file, ..card.training.clone() };
        // One seed for split and training, as on the command line.
        training.train.seed = seed;
        RunSettings { data, network, training }
    }
}

/// States of a head that a run of the window keeps.
pub const STATES: usize = 8;

/// A training of `kind` as `recipe` has it, on `features`.
///
/// # Errors
/// When the network has no blocks.
pub fn training_of(
    kind: HeadKind,
    recipe: Recipe,
    features: Features,
    backbone: &Backbone,
) -> crate::error::Result<TrainingConfig> {
    Ok(TrainingConfig {
        head: head_for(kind, recipe, features, backbone, &backbone.config)?,
        train: TrainConfig::of(recipe, kind, 0),
        split: None,
        split_file: None,
        draws: 1,
        features,
        classes: None,
        states: if features.is_control() { 0 } else { STATES },
    })
}

impl HeadsState {
    /// Whether what is known of the data set is of other settings than are wanted.
    pub fn survey_is_old(&self) -> bool {
        self.survey.as_ref().is_none_or(|survey| survey.config != self.config.survey)
    }

    /// Whether nothing of this is on its way.
    pub fn is_settled(&self, space: Space) -> bool {
        let read = self.survey.is_some() && !self.survey_is_old() || self.survey_error.is_some();
        let reads = matches!(space, Space::Heads | Space::Sweep);
        !reads || (read && self.contrasting.is_none())
    }

    /// The run `id`.
    pub fn run(&self, id: RunId) -> Option<&RunRecord> {
        self.runs.iter().find(|run| run.id == id)
    }

    /// The runs chosen, in the order in which they were.
    pub fn chosen(&self) -> Vec<&RunRecord> {
        self.config.chosen.iter().filter_map(|id| self.run(RunId(*id))).collect()
    }

    /// Whether a run is chosen.
    pub fn is_chosen(&self, id: RunId) -> bool {
        self.config.chosen.contains(&id.0)
    }

    /// Heads of the runs chosen that can be asked about a picture.
    pub fn heads_to_ask(&self) -> Vec<PathBuf> {
        let done = self.chosen().into_iter().filter(|run| run.status == RunStatus::Done);
        done.filter(|run| !run.settings.training.features.is_control())
            .filter_map(|run| run.head.clone())
            .collect()
    }

    /// What a run of `card` will take, as far as the data set is known.
    pub fn plan(&self, card: &Card, backbone: &Backbone) -> Option<crate::error::Result<TrainingPlan>> {
        let survey = self.survey.as_ref()?;
        let counts = survey.counts();
        let sum = |part: usize| counts.iter().map(|count| count[part]).sum::<usize>();
        let parts = (sum(0) + sum(1), sum(2));
        Some(TrainingPlan::new(&card.training, backbone, parts, survey.classes.len()))
    }

    /// Colour of a class by its name, where the data set in use has it.
    pub fn class_colour(&self, name: &str, number: usize) -> eframe::egui::Color32 {
        let known = self.survey.as_ref().and_then(|survey| {
            let at = survey.classes.iter().position(|class| class == name)?;
            survey.colours.get(at).copied()
        });
        known.map_or_else(
            || crate::app::style::class_colour(number),
            |[r, g, b]| eframe::egui::Color32::from_rgb(r, g, b),
        )
    }
}
