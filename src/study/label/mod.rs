//! Quick labelling from a few examples: a head that follows every label, what to label next, and how good
//! the labels are.
//!
//! All of it is plain logic over cached features, a row for each picture; nothing here reads or writes.

mod audit;
mod columns;
mod cover;
mod inverse;
mod order;
mod panel;
mod refit;
mod space;

pub use audit::{Answer, Audit, Audited, bias_warning};
pub use cover::Cover;
pub use order::{Order, Situation};
pub use refit::{Example, Refit, Suggestion, Suggestions, Tuned, Tuning};
pub use space::Space;
