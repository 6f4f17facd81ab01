//! What the engine tells its front.

use std::path::PathBuf;
use std::sync::Arc;

use super::ask::{HeadAnswer, HeadInside};
use super::batch::ExtractReport;
use super::heads::Predictions;
use super::import::ImportReport;
use super::inspect::InspectReport;
use super::keeper::ProjectEvent;
use super::labelling::OpenedLabels;
use super::library::{LibraryEvent, PictureId};
use super::preview::Selection;
use super::speed::SpeedReport;
use crate::data::preprocess::Placement;
use crate::data::{Picture, Thumbnail};
use crate::error::Error;
use crate::features::network::NetworkCard;
use crate::features::view::View;
use crate::grid::{Grid, Stats};
use crate::heads::HeadInfo;
use crate::project::RunId;
use crate::study::cell::CellReport;
use crate::study::label::LabelBench;
use crate::study::similarity::Similarity;
use crate::study::sweep::{SweepNews, SweepPart, SweepReport};
use crate::study::{Comparison, Contrast, Survey, TrainReport};
use crate::tensor::precision::Precision;
use crate::train::EpochPoint;
use crate::unet::weights::ConvertReport;

/// Names a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// Something happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The compute device is known.
    Device(DeviceReport),
    /// A network is ready; previews use it from now on.
    Network(Arc<NetworkCard>),
    /// Part of a preview.
    Preview {
        /// As returned by `Engine::preview`.
        generation: u64,
        /// What came.
        part: Part,
    },
    /// A job came further.
    Job {
        /// Which.
        id: JobId,
        /// What it does, for people.
        title: String,
        /// How far.
        state: JobState,
    },
    /// An epoch of a training has ended.
    Epoch {
        /// The training.
        id: JobId,
        /// What the epoch came to.
        point: EpochPoint,
    },
    /// Cells of a sweep were scored, or it came further.
    Sweep {
        /// The sweep.
        id: JobId,
        /// What is new.
        news: Arc<SweepNews>,
    },
    /// Pictures were found, read or refused.
    Library(LibraryEvent),
    /// The project was opened, or something in it was saved or not.
    Project(ProjectEvent),
}

/// The device in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceReport {
    /// `CPU`, `CUDA GPU 0`, `Apple GPU`.
    pub name: String,
    /// What it multiplies.
    pub precision: Precision,
    /// Threads of the worker's pool.
    pub threads: usize,
    /// Why the device asked for is not used.
    pub replaced: Option<String>,
}

/// How far a job is.
#[derive(Clone, Debug)]
pub enum JobState {
    /// Others come first.
    Queued,
    /// Under way.
    Running {
        /// What it does at the moment.
        what: String,
        /// Units done.
        done: u64,
        /// Units in all, 0 while unknown.
        total: u64,
        /// Estimate of the time left.
        seconds_left: Option<f64>,
    },
    /// Waits until it is resumed.
    Paused,
    /// Ended well.
    Done(Outcome),
    /// Ended badly.
    Failed {
        /// Why.
        error: Arc<Error>,
        /// What was kept and how to go on.
        kept: Option<String>,
    },
    /// Ended by the user; what it kept, in words.
    Cancelled {
        /// What was kept and how to go on.
        kept: Option<String>,
    },
}

/// What a job gives.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A network is open.
    Network(Arc<NetworkCard>),
    /// Features are written.
    Extracted(Arc<ExtractReport>),
    /// A checkpoint was looked at.
    Inspected(Arc<InspectReport>),
    /// A checkpoint is converted.
    Converted(Arc<ConvertReport>),
    /// A head of diffssl is brought in.
    Imported(Arc<ImportReport>),
    /// The network in use was timed.
    Timed(Arc<SpeedReport>),
    /// It was measured how many seconds something will take.
    Paced(f64),
    /// A head is trained and saved.
    Trained(Arc<TrainReport>),
    /// A labelled data set is read and split.
    Surveyed(Arc<Survey>),
    /// Two runs were compared picture by picture.
    Contrasted(Arc<Contrast>),
    /// Heads are compared.
    Compared(Arc<Comparison>),
    /// Blocks and steps are scored.
    Swept(Arc<SweepReport>),
    /// A cell of a sweep was looked into.
    Cell(Arc<CellReport>),
    /// A share of a sweep's features is made.
    Sharded(Arc<SweepPart>),
    /// Blocks and timesteps are compared.
    Similar(Arc<Similarity>),
    /// Orders of labelling are compared.
    LabelBenched(Arc<LabelBench>),
    /// A data set can be labelled.
    LabelsOpened(Arc<OpenedLabels>),
    /// A head has answered.
    Predicted(Arc<Predictions>),
    /// What a head file says of itself.
    HeadRead(PathBuf, Arc<HeadInfo>),
    /// A head file was copied into the project, for this run.
    HeadCopied(RunId),
    /// Bytes of the files in a folder.
    Counted(PathBuf, u64),
    /// A file is written.
    Saved(PathBuf),
    /// Something else is done, in words.
    Done(String),
}

/// What an outcome means to a person, in one sentence.
pub fn side_effect_text(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Network(card) => format!("{} is open", card.name),
        Outcome::Extracted(report) => {
            format!("features of {} pictures written to {}", report.items, report.out.display())
        }
        Outcome::Inspected(report) => format!("{} was looked at", report.name),
        Outcome::Converted(report) => format!("converted to {}", report.output.display()),
        Outcome::Imported(report) => {
            format!("{} brought in as {}", report.head.kind, report.output.display())
        }
        Outcome::Timed(report) => {
            format!("{}: {:.3} s for a whole forward", report.network, report.speed.to_end.seconds)
        }
        Outcome::Paced(seconds) => format!("it will take about {seconds:.0} s"),
        Outcome::Trained(report) => match &report.out {
            Some(out) => format!("{} trained and saved as {}", report.settings.head.kind, out.display()),
            None => format!("{} trained on {}", report.settings.head.kind, report.settings.features.name()),
        },
        Outcome::Surveyed(survey) => format!("{}: {} pictures", survey.name, survey.items.len()),
        Outcome::Contrasted(_) => "runs compared".into(),
        Outcome::Compared(comparison) => format!("{} heads compared", comparison.outcomes.len()),
        Outcome::Swept(report) => report.sentence.clone(),
        Outcome::Cell(report) => format!("{}: {} pictures", report.cell_name(), report.pictures.len()),
        Outcome::Sharded(part) => format!("features of {} pictures made, part {}", part.pictures, part.share),
        Outcome::Similar(found) => format!("blocks of {} compared", found.network.network),
        Outcome::LabelBenched(found) => {
            format!("{} orders of labelling compared", found.settings.orders.len())
        }
        Outcome::LabelsOpened(opened) => format!("{}: {} pictures", opened.name, opened.pictures.len()),
        Outcome::Predicted(predictions) => format!("{} pictures answered", predictions.names.len()),
        Outcome::HeadRead(path, info) => format!("{}: a {} head", path.display(), info.config.kind),
        Outcome::HeadCopied(_) => "the head is in the project".into(),
        Outcome::Counted(folder, bytes) => format!("{}: {bytes} bytes", folder.display()),
        Outcome::Saved(path) => format!("saved {}", path.display()),
        Outcome::Done(text) => text.clone(),
    }
}

/// Part of a preview, in the order in which they come.
#[derive(Clone, Debug)]
pub enum Part {
    /// The picture is read and prepared.
    Picture(Arc<PictureShown>),
    /// x_t as the network receives it, `[3, S, S]` in about [−1, 1].
    Noised(Grid),
    /// Blocks 1 … `done` of the pass shown are computed.
    Progress {
        /// The deepest block computed.
        done: usize,
    },
    /// The map asked for.
    Map(Arc<MapShown>),
    /// A cell of the contact sheet.
    Cell(Arc<SheetCell>),
    /// Another picture compared with the place clicked.
    Other(Arc<OtherMatch>),
    /// What a head says of the picture.
    Answer(Arc<HeadAnswer>),
    /// What a head looks like from inside for the picture.
    Inside(Arc<HeadInside>),
    /// The x_0 that the network predicts, `[3, S, S]` in [−1, 1].
    Predicted(Grid),
    /// Everything asked for has come.
    Complete,
    /// Nothing more comes.
    Failed(Arc<Error>),
}

/// A picture as it is shown.
#[derive(Clone, Debug)]
pub struct PictureShown {
    /// Which.
    pub id: PictureId,
    /// The whole picture.
    pub picture: Picture,
    /// The whole picture, reduced to what a screen shows.
    pub display: Arc<Thumbnail>,
    /// The whole picture, small.
    pub small: Arc<Thumbnail>,
    /// x_0 as the network takes it, `[3, S, S]` in [−1, 1].
    pub input: Grid,
    /// Where the network's square lies on the picture.
    pub placement: Placement,
    /// Why it is far from what the network was trained on, if it is.
    pub far: Option<String>,
}

/// A map as it is shown.
#[derive(Clone, Debug)]
pub struct MapShown {
    /// The picture it is of.
    pub picture: PictureId,
    /// Step, block and noise it is for.
    pub selection: Selection,
    /// The view it is.
    pub view: View,
    /// The values of the view: C×H×W, 3×H×W in 0 … 1 for PCA, or 1×H×W.
    pub grid: Grid,
    /// Statistics of each channel of the whole feature map.
    pub channel_stats: Arc<[Stats]>,
    /// Shares of the variance that the three components of a PCA of its own hold.
    pub explained: Option<[f64; 3]>,
    /// Over what the colours of a PCA are held fixed, in words.
    pub lock: Option<String>,
    /// Forwards that had to be computed, at least in part.
    pub forwards: usize,
    /// Seconds from the request to the map.
    pub seconds: f64,
    /// Bytes of maps held for another look.
    pub cache_bytes: usize,
}

/// A cell of a contact sheet.
#[derive(Clone, Debug)]
pub struct SheetCell {
    /// Place in the sheet.
    pub index: usize,
    /// Cells in all.
    pub count: usize,
    /// Diffusion step.
    pub timestep: usize,
    /// Block.
    pub block: usize,
    /// The view (the norm instead of the mosaic).
    pub view: View,
    /// Its values.
    pub grid: Grid,
}

/// Another picture and where it resembles the place clicked most.
#[derive(Clone, Debug)]
pub struct OtherMatch {
    /// Which picture.
    pub id: PictureId,
    /// Its name.
    pub name: String,
    /// Its size in pixels, `[width, height]`.
    pub size: [usize; 2],
    /// The whole picture, small.
    pub small: Arc<Thumbnail>,
    /// Where the network's square lies on it.
    pub placement: Placement,
    /// Similarity, 1×H×W.
    pub grid: Grid,
    /// Row and column of the best match.
    pub best: (usize, usize),
    /// Its similarity.
    pub score: f32,
}
