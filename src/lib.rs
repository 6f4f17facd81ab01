//! difscope: see what a text-free diffusion U-Net sees in a picture, at any timestep t and block b.
//!
//! The rooms, and the one direction in which they may use each other:
//!
//! ```text
//! error grid colormap figure ← tensor ← unet ← diffusion ← features
//!     ← heads ← train ← study ← jobs ← {cli, app}
//! ```
//!
//! `data` and `project` depend only on `error` and `grid` and are used from `features` upward.
//! `app` is the only room that knows egui; `app` and `cli` never see a candle tensor.
//! `tests/layering.rs` holds all this to be true.

pub mod app;
pub mod cli;
pub mod colormap;
pub mod data;
pub mod diffusion;
pub mod error;
pub mod features;
pub mod figure;
pub mod grid;
pub mod heads;
pub mod jobs;
pub mod project;
pub mod study;
pub mod tensor;
pub mod train;
pub mod unet;

pub use error::{Error, Result};
pub use grid::Grid;
