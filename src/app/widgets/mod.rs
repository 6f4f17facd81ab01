//! Widgets without knowledge of the engine.

pub mod network_diagram;
pub mod notices;
pub mod palette;
pub mod selection_line;
pub mod states;
pub mod thumbnails;
pub mod timestep;
