//! What turns frozen features into classes: trained heads (linear, mlp, attention, DifFormer, DifFeed)
//! and instant ones (ridge, prototype, kNN).
//!
//! A head says what it [`reads`] from the first pass; [`collect`] computes it, or a cache holds it.

mod backbone;
mod config;
mod feedback;
mod fusion;
mod instant;
mod kind;
mod layers;
mod maps;
mod neural;
mod parameters;
mod rows;
mod spec;
mod transformer;

pub use backbone::Backbone;
pub use config::{FeedbackArch, HeadConfig, NormKind};
pub use feedback::SecondPass;
pub use instant::{InstantHead, softmax_rows};
pub use kind::HeadKind;
pub use maps::{Maps, Noised, Read, collect};
pub use neural::{NeuralHead, feature_count, reads};
pub use parameters::{HeadParameters, Snapshot};
pub use rows::Rows;
pub use spec::{HeadCost, cost};
