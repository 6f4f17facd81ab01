//! The window: the only room that imports egui, eframe and wgpu.

mod attention;
pub mod command;
mod current;
mod dialogs;
pub mod gpu;
mod heads;
mod history;
pub mod icons;
mod keep;
mod label;
mod layout;
mod locks;
mod logic;
mod moved;
mod opening;
mod panels;
mod perform;
mod reopen;
mod saved;
mod settings;
mod state;
pub mod style;
mod sweep;
mod ui;
pub mod widgets;
mod window;

pub use window::{Window, run};

pub use crate::jobs::WindowOptions;
