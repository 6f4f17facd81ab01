//! What the keeper keeps of a run, and what it tells.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Error;
use crate::heads::{HeadCost, NetworkRef};
use crate::project::{RunId, RunStatus};
use crate::study::sweep::{SweepConfig, SweepReport, SweepRow};
use crate::study::{TestedPicture, TrainReport, TrainingConfig};
use crate::train::EpochPoint;
use crate::train::metrics::Metrics;

/// Names a request to the keeper; later ones are larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeepId(pub u64);

/// News of the project.
#[derive(Clone, Debug)]
pub enum ProjectEvent {
    /// A project is open; everything kept from now on goes there.
    Opened(Arc<Opened>),
    /// The project asked for could not be opened. The one before stays open; where there was none, a
    /// temporary one is opened next.
    Failed(Arc<Error>),
    /// A run has begun and is on the disk. They come in the order in which they were asked for.
    RunAdded(Arc<RunRecord>),
    /// A sweep has begun and is on the disk.
    SweepAdded(Arc<SweepRecord>),
    /// So many pictures were found again at another place; labels and answers stay with them.
    Relinked {
        /// How many.
        moved: usize,
    },
    /// Something could not be saved; everything saved before is kept. Runs, states and splits are tried
    /// again as long as their project is open.
    NotSaved {
        /// Which request.
        request: KeepId,
        /// What, for people.
        what: String,
        /// Why, and what to do.
        error: Arc<Error>,
    },
    /// Nothing waits any more: everything up to this request is on the disk, or was told as not saved.
    Saved {
        /// The last request.
        through: KeepId,
        /// What was told as not saved before and now is, as it is now.
        late: Vec<KeepId>,
    },
}

/// A project as it was opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The file.
    pub path: PathBuf,
    /// Whether it is gone when the program ends.
    pub temporary: bool,
    /// Folder of trained heads, beside the file; made when it is first needed.
    pub heads: PathBuf,
    /// Folder of what can be computed again, beside the file; made when it is first needed.
    pub cache: PathBuf,
    /// The runs of training, oldest first.
    pub runs: Vec<RunRecord>,
    /// Its sweeps, oldest first.
    pub sweeps: Vec<SweepRecord>,
    /// What was kept by [`Engine::keep_state`](crate::jobs::Engine::keep_state), by key.
    pub state: BTreeMap<String, Value>,
    /// What should be known, in sentences.
    pub notes: Vec<String>,
}

/// A run that is to begin.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRecord {
    /// What it is called.
    pub name: String,
    /// What its user wants to remember of it.
    pub notes: String,
    /// What decides it.
    pub settings: RunSettings,
}

/// A run of training.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// Names it within its project.
    pub id: RunId,
    /// What it is called.
    pub name: String,
    /// What its user wants to remember of it.
    pub notes: String,
    /// What decides it.
    pub settings: RunSettings,
    /// How far it is.
    pub status: RunStatus,
    /// What came of it.
    pub results: Option<RunResults>,
    /// Epoch by epoch.
    pub curve: Vec<EpochPoint>,
    /// When it was begun, in milliseconds since 1970.
    pub created: i64,
    /// The file of its head, whether it is there yet or not.
    pub head: Option<PathBuf>,
}

/// What decides a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSettings {
    /// The labelled pictures, as for `difscope train`.
    pub data: PathBuf,
    /// The network that the head reads.
    pub network: NetworkRef,
    /// Everything else.
    pub training: TrainingConfig,
}

/// A sweep that is to begin.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSweep {
    /// What it is called.
    pub name: String,
    /// What decides it.
    pub settings: SweepSettings,
}

/// What decides a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepSettings {
    /// The labelled pictures, as for `difscope sweep`.
    pub data: PathBuf,
    /// The network whose blocks are scored.
    pub network: NetworkRef,
    /// Everything else.
    pub sweep: SweepConfig,
}

/// A sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepRecord {
    /// Names it within its project.
    pub id: RunId,
    /// What it is called.
    pub name: String,
    /// What decides it.
    pub settings: SweepSettings,
    /// How far it is.
    pub status: RunStatus,
    /// The cells that were scored.
    pub rows: Vec<SweepRow>,
    /// What came of it, if it came to its end.
    pub report: Option<SweepReport>,
    /// When it was begun, in milliseconds since 1970.
    pub created: i64,
}

/// What came of a run, as its [`TrainReport`] has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResults {
    /// Pictures in each part: training, validation, test.
    pub counts: [usize; 3],
    /// The epoch kept.
    pub epoch: Option<usize>,
    /// Why training ended, in a sentence.
    pub stopped: String,
    /// Seconds of training, without making features.
    pub seconds_train: f64,
    /// Seconds from a picture to its answer; 0 where none was tested.
    pub seconds_per_image: f64,
    /// Bytes of the features held, and of the head with what its training needs.
    pub memory_bytes: u64,
    /// What the head costs.
    pub cost: HeadCost,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// On the test pictures, where there are any.
    pub test: Option<Metrics>,
    /// What should be known, in sentences.
    pub notes: Vec<String>,
    /// The pictures tested on. Within a project these are pictures of the project.
    #[serde(skip)]
    pub tested: Vec<TestedPicture>,
    /// What the head said of them: `[n, K]` row-major. Within a project these are predictions.
    #[serde(skip)]
    pub probabilities: Vec<f32>,
}

impl From<&TrainReport> for RunResults {
    fn from(report: &TrainReport) -> RunResults {
        RunResults {
            counts: report.counts,
            epoch: report.epoch,
            stopped: report.stopped.clone(),
            seconds_train: report.seconds_train,
            seconds_per_image: report.seconds_per_image,
            memory_bytes: report.memory_bytes,
            cost: report.cost,
            classes: report.classes.clone(),
            test: report.test.clone(),
            notes: report.notes.clone(),
            tested: report.tested.clone(),
            probabilities: report.probabilities.clone(),
        }
    }
}
