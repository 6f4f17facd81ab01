//! The ADM U-Net: configuration, layers, checkpoint, forward.

pub mod config;
pub mod embedded;
pub mod plan;
pub mod presets;
pub mod weights;
