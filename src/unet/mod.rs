//! The ADM U-Net: configuration, layers, checkpoint, forward.

mod blocks;
pub mod config;
pub mod embedded;
pub mod model;
mod parts;
pub mod plan;
pub mod presets;
mod room;
pub mod weights;

pub use model::{Keep, Pass, Unet};
pub use parts::SharedSource;
