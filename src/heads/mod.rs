//! What turns frozen features into classes: trained heads (linear, mlp, attention, DifFormer, DifFeed)
//! and instant ones (ridge, prototype, kNN).
//!
//! A head says what it [`reads`] from the first pass; [`collect`] computes it, or a cache holds it.

mod backbone;
mod config;
mod evidence;
mod feedback;
mod file;
mod fusion;
mod head;
mod instant;
mod kind;
mod layers;
mod look;
mod maps;
mod neural;
mod parameters;
mod rows;
mod spec;
mod transformer;

pub use backbone::Backbone;
pub use config::{FeedbackArch, HeadConfig, NormKind};
pub use evidence::Evidence;
pub use feedback::SecondPass;
pub use file::{FORMAT, HeadInfo, ImportConfig, ImportedHead, NetworkRef, import, load, read_info, save};
pub use head::Head;
pub use instant::{InstantHead, LinearProbe, RidgeChoice, linear_probabilities, softmax_rows};
pub use kind::HeadKind;
pub use look::{ClsAttention, FedBlock, Look, Rollout, TokenWeights};
pub use maps::{Maps, Noised, Read, collect};
pub use neural::{NeuralHead, ValueSource, reads};
pub use parameters::{HeadParameters, Snapshot};
pub use rows::Rows;
pub use spec::{HeadCost, cost};
