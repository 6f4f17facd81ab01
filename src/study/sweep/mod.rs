//! Which blocks and steps tell the user's classes apart, or how features lie without labels: one forward for each picture, step and noise
//! gives every block, and each cell of the table is arithmetic on that.

mod answer;
mod answers;
mod best_set;
mod cell;
mod config;
mod cost;
mod free;
mod gather;
mod keep;
mod metric;
mod news;
mod note;
mod pictures;
mod plan;
mod reader;
mod report;
mod room;
mod run;
mod score;
mod scores;
mod shard;
mod slab;
mod table;
mod work;
mod write;

pub use answer::Answer;
pub use answers::Scored;
pub use cell::{Cell, SweepRow};
pub use config::{Metric, SweepConfig};
pub use cost::{Supply, SweepCost};
pub use free::FreeRun;
pub use gather::Forwards;
pub use keep::SweepKeep;
pub use news::{SweepEnd, SweepNews, SweepPhase, SweepStep};
pub use note::Note;
pub use report::{SweepReport, SweepTested};
pub use run::SweepRun;
pub use scores::{Scale, Score};
pub use shard::{ShardRun, Share, SweepPart, SweepParts};
pub use table::SweepTable;
pub use write::{SWEEP_FILES, write_sweep};

pub(super) use best_set::Drawn;
pub(super) use gather::{Gather, Maker, Noise};
pub(super) use metric::{Rounds, Said, Truth};
pub(super) use pictures::Pictures;
pub(super) use plan::Plan;
pub(super) use room::Room;
pub(super) use score::{Learner, top};
pub(super) use slab::SlabKey;
