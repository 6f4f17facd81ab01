//! The window: the only room that imports egui, eframe and wgpu.

pub mod command;
pub mod gpu;
pub mod icons;
pub mod style;
pub mod widgets;
