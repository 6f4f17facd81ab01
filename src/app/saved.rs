//! What the window remembers from one start to the next: settings, never work.

use std::path::PathBuf;

use eframe::egui::Theme;
use egui_tiles::Tree;
use serde::{Deserialize, Serialize};

use super::layout::Pane;
use super::state::Hints;
use crate::jobs::{EngineOptions, LookConfig};

/// Raised when older settings cannot be read any more.
pub const VERSION: u32 = 1;

/// Settings of the window.
#[derive(Serialize, Deserialize)]
#[serde(default)]
pub struct Saved {
    /// Of this struct.
    pub version: u32,
    /// Light or dark.
    pub dark: bool,
    /// Scale of all text.
    pub text_scale: f32,
    /// Networks opened before, the last one first.
    pub recent_networks: Vec<PathBuf>,
    /// How maps look.
    pub look: LookConfig,
    /// Hints not used yet.
    pub hints: Hints,
    /// One zoom and cursor for all views.
    pub linked: bool,
    /// One colour scale for all pins.
    pub shared_scale: bool,
    /// How the engine works, where the user has chosen.
    pub engine: Option<EngineOptions>,
    /// Where the panels are.
    pub layout: Option<Tree<Pane>>,
}

impl Default for Saved {
    fn default() -> Self {
        Saved {
            version: VERSION,
            dark: true,
            text_scale: 1.0,
            recent_networks: Vec::new(),
            look: LookConfig::default(),
            hints: Hints::default(),
            linked: true,
            shared_scale: false,
            engine: None,
            layout: None,
        }
    }
}

impl Saved {
    /// What was saved, or the defaults.
    pub fn load(storage: Option<&dyn eframe::Storage>) -> Saved {
        let saved: Option<Saved> = storage.and_then(|storage| eframe::get_value(storage, eframe::APP_KEY));
        saved.filter(|saved| saved.version == VERSION).unwrap_or_default()
    }

    /// The theme for egui.
    pub fn theme(&self) -> Theme {
        if self.dark { Theme::Dark } else { Theme::Light }
    }
}
