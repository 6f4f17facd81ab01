//! The ADM U-Net: configuration, layers, checkpoint, forward.

mod blocks;
pub mod config;
pub mod model;
pub mod plan;

pub use model::{Keep, Pass, Unet};
