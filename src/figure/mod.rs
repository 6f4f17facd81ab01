//! Figures: a map with its colour bar and settings, as pixels; and how results reach the disk.
//!
//! [`paint`] turns values into pixels, [`overlay`] lays them back on the picture, [`mosaic`] puts
//! channels side by side, and [`sheet`] prints title, [`bar`] and settings around any of these.

pub mod bar;
pub mod fonts;
pub mod mosaic;
pub mod overlay;
pub mod paint;
pub mod sheet;
pub mod text;
pub mod theme;
pub mod ticks;
pub mod write;

pub use bar::Bar;
pub use overlay::{Picture, Placement};
pub use paint::{Layer, Sampling};
pub use sheet::{Caption, Cell};
pub use theme::Theme;
