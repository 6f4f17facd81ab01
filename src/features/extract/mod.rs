//! Features of many pictures into one file.

mod batch;
mod config;
mod inputs;
mod rows;
mod run;

pub use batch::forwards_together;
pub use config::{Blocks, ExtractConfig};
pub use inputs::{Inputs, TensorInputs};
pub use rows::rows;
pub use run::{ExtractRun, Step};
