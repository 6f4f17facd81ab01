//! Figures: a map with its colour bar and settings, as pixels.

pub mod fonts;
