//! The ADM U-Net: configuration, layers, checkpoint, forward.

mod blocks;
pub mod config;
pub mod embedded;
pub mod model;
pub mod plan;
pub mod presets;
pub mod weights;

pub use model::{Keep, Pass, Unet};
