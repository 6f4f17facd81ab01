//! Quick labelling from a few examples: a head that follows every label, what to label next, and how good
//! the labels are.
//!
//! All of it is plain logic over cached features, a row for each picture; only the bench reads pictures and
//! writes its report.

mod audit;
mod bench;
mod class_edits;
mod classes;
mod columns;
mod cover;
pub mod exchange;
mod features;
mod groups;
mod inverse;
mod labeller;
mod larger;
mod list;
mod now;
mod order;
mod panel;
mod refit;
mod session;
mod space;

pub use audit::{Answer, Audit, Audited, bias_warning};
pub use bench::{
    Coverage, FIGURE, LabelBench, LabelBenchConfig, LabelBenchRun, LabelRecord, LabelSummary, Saving, files,
    write,
};
pub use classes::{Classes, LabelClass};
pub use cover::Cover;
pub use features::LabelFeatures;
pub use groups::{Group, GroupKind, GroupState, clusters, same_look};
pub use labeller::{CoverWork, FeaturesNow, Labeller, spread};
pub use larger::{Larger, LargerConfig, LargerExample, LargerReport, LargerRun};
pub use list::{Filter, Names, Shown, Sort};
pub use now::{AuditNow, Checked, LabelState, LeftOut};
pub use order::{Order, Situation};
pub use refit::{Example, Refit, Suggestion, Suggestions, Tuned, Tuning};
pub use session::{Change, Counts, Mark, Session, Step};
pub use space::Space;
