//! The ADM U-Net: configuration, layers, checkpoint, forward.

pub mod config;
pub mod plan;
pub mod presets;
