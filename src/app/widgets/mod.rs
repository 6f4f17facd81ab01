//! Widgets without knowledge of the engine.

pub mod colour_bar;
pub mod heatmap;
pub mod image_view;
pub mod mosaic;
pub mod viewport;
