//! Quick labelling from a few examples: a head that follows every label.
//!
//! All of it is plain logic over cached features, a row for each picture; nothing here reads or writes.

mod columns;
mod inverse;
mod refit;
mod space;

pub use refit::{Example, Refit, Suggestion, Suggestions, Tuned, Tuning};
pub use space::Space;
