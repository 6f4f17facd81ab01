//! Widgets without knowledge of the engine.

pub mod colour_bar;
pub mod confusion;
pub mod heatmap;
pub mod image_view;
pub mod mosaic;
pub mod network_diagram;
pub mod notices;
pub mod number;
pub mod palette;
pub mod selection_line;
pub mod states;
pub mod thumbnails;
pub mod timestep;
pub mod viewport;
