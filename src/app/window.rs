//! The window: starting it, and its life from frame to frame.

use std::collections::{HashMap, HashSet};
use std::sync::mpsc::{Receiver, Sender, channel};

use eframe::egui::{ColorImage, Context, Ui, ViewportBuilder, ViewportId};
use egui_tiles::Tree;

use super::dialogs::{Asked, Dialogs};
use super::history::History;
use super::layout::{self, Pane};
use super::saved::{Saved, VERSION};
use super::state::State;
use super::widgets::notices::Notices;
use super::widgets::palette::{CommandPalette, KeysOverlay};
use super::{gpu, style};
use crate::error::{Error, Result};
use crate::features::network::NetworkSource;
use crate::jobs::{Engine, EngineOptions, JobId, PictureId, WindowOptions};

/// Opens the window and stays until it is closed.
///
/// # Errors
/// When the system gives no window or no graphics.
pub fn run(options: WindowOptions) -> Result<()> {
    let native = eframe::NativeOptions {
        viewport: ViewportBuilder::default()
            .with_app_id("difscope")
            .with_title("difscope")
            .with_inner_size([1280.0, 800.0])
            .with_min_inner_size([640.0, 440.0])
            .with_drag_and_drop(true),
        ..eframe::NativeOptions::default()
    };
    let created = Box::new(move |cc: &eframe::CreationContext<'_>| {
        let window = Window::new(cc, options)?;
        Ok(Box::new(window) as Box<dyn eframe::App>)
    });
    eframe::run_native("difscope", native, created).map_err(|error| {
        Error::Setting(format!(
            "the window cannot be opened: {error}; `difscope tour` shows the same without a window"
        ))
    })
}

/// The whole window.
pub struct Window {
    pub(super) engine: Engine,
    /// How it works.
    pub(super) engine_options: EngineOptions,
    /// How the user has chosen it to work, for the next start.
    pub(super) saved_engine: Option<EngineOptions>,
    /// The network asked for last.
    pub(super) last_opened: (NetworkSource, Option<String>),
    /// The network in use is opened once more by this job, for another engine.
    pub(super) reopening: Option<JobId>,
    pub(super) state: State,
    pub(super) layout: Tree<Pane>,
    pub(super) palette: CommandPalette,
    pub(super) keys: KeysOverlay,
    pub(super) notices: Notices,
    pub(super) dialogs: Dialogs,
    pub(super) dark: bool,
    pub(super) text_scale: f32,
    /// Answers of work that ran aside.
    pub(super) aside: (Sender<Asked>, Receiver<Asked>),
    /// A picture on its way to the clipboard.
    pub(super) to_clipboard: Option<ColorImage>,
    /// Thumbnails asked for last.
    pub(super) asked_thumbs: HashSet<PictureId>,
    /// Settings to go back to.
    pub(super) history: History,
    /// Thumbnails on screen, by index.
    pub(super) visible_thumbs: std::ops::Range<usize>,
    /// What is on its way and to be pinned when it comes.
    pub(super) pin_waits: Option<super::keep::Kept>,
    /// Networks being opened, with the presets chosen for them.
    pub(super) opening: HashMap<JobId, Option<String>>,
    /// The settings of heads as they are in the project.
    pub(super) kept_heads: Option<super::heads::HeadsConfig>,
    /// The work space as it is in the project.
    pub(super) kept_space: super::command::Space,
    /// The settings of sweeps as the project keeps them.
    pub(super) kept_sweep: Option<super::sweep::SweepSettings>,
    /// The settings of attention as the project keeps them.
    pub(super) kept_attention: Option<crate::jobs::AttentionConfig>,
    /// What was on the screen, as the project keeps it.
    pub(super) kept_screen: Option<super::reopen::Screen>,
    /// What the project may still say of the screen, until it is open.
    pub(super) left_open: Option<super::reopen::LeftOpen>,
    /// The data set whose pictures were looked for among those of the project.
    pub(super) relinked: Option<std::path::PathBuf>,
    /// The selection asked for last, to notice changes.
    pub(super) asked: Option<super::logic::Asking>,
}

impl Window {
    /// Makes the window's contents and starts the engine.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn new(cc: &eframe::CreationContext<'_>, options: WindowOptions) -> Result<Window> {
        let left_open = super::reopen::LeftOpen::by(&options);
        let saved = Saved::load(cc.storage);
        let ctx = cc.egui_ctx.clone();
        style::install_fonts(&ctx);
        style::apply(&ctx, saved.theme(), saved.text_scale);
        gpu::install(&ctx, cc.wgpu_render_state.as_ref());
        let wake = {
            let ctx = ctx.clone();
            move || ctx.request_repaint_of(ViewportId::ROOT)
        };
        let engine_options = super::settings::with_saved(options.engine, saved.engine.as_ref());
        let engine = Engine::start(engine_options.clone(), wake)?;

        let mut config = options.explore;
        if config.look == crate::jobs::LookConfig::default() {
            config.look = saved.look;
        }
        let mut state = State::new(config);
        state.recent_networks = saved.recent_networks;
        state.hints = saved.hints;
        state.linked = saved.linked;
        state.shared_scale = saved.shared_scale;

        let mut window = Window {
            engine,
            engine_options,
            saved_engine: saved.engine,
            last_opened: (options.source.clone(), options.preset.clone()),
            reopening: None,
            state,
            layout: layout::checked(saved.layout),
            palette: CommandPalette::default(),
            keys: KeysOverlay::default(),
            notices: Notices::default(),
            dialogs: Dialogs::default(),
            dark: saved.dark,
            text_scale: saved.text_scale,
            aside: channel(),
            to_clipboard: None,
            asked_thumbs: HashSet::new(),
            history: History::default(),
            visible_thumbs: 0..0,
            pin_waits: None,
            opening: HashMap::new(),
            kept_heads: None,
            kept_space: super::command::Space::default(),
            kept_sweep: None,
            kept_attention: None,
            kept_screen: None,
            left_open: Some(left_open),
            relinked: None,
            asked: None,
        };
        window.engine.open_project(options.project);
        window.open_network(options.source, options.preset);
        if options.paths.is_empty() {
            window.open_bundled();
        } else {
            window.open_paths(options.paths);
        }
        window.state.library.lock_waits = true;
        window.open_locked();
        Ok(window)
    }
}

impl Window {
    /// How many thumbnails are held at the moment.
    pub fn thumbnails_held(&self) -> usize {
        self.state.library.thumbs.len()
    }

    /// How many runs of training have ended well.
    pub fn runs_done(&self) -> usize {
        let runs = self.state.heads.runs.iter();
        runs.filter(|run| run.status == crate::project::RunStatus::Done).count()
    }

    /// How many sweeps are done and kept.
    pub fn sweeps_done(&self) -> usize {
        self.state.sweep.reports.len()
    }

    /// True when everything asked for is on screen: for screenshots and tests.
    pub fn is_settled(&self) -> bool {
        let state = &self.state;
        let thumbs = state.library.entries.get(self.visible_thumbs.clone()).unwrap_or(&[]);
        state.jobs.is_empty()
            && state.library.listing == 0
            && state.heads.project.is_some()
            && state.heads.is_settled(state.space)
            && state.label.is_settled(state.space)
            && self.pin_waits.is_none()
            && thumbs.iter().all(|entry| state.library.thumbs.contains_key(&entry.id))
            && (state.library.entries.is_empty() || state.network.is_none() || state.current.complete)
    }
}

impl eframe::App for Window {
    fn logic(&mut self, ctx: &Context, _: &mut eframe::Frame) {
        self.advance(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        self.draw(ui, frame);
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        let saved = Saved {
            version: VERSION,
            dark: self.dark,
            text_scale: self.text_scale,
            recent_networks: self.state.recent_networks.clone(),
            look: self.state.config.look.clone(),
            hints: self.state.hints,
            linked: self.state.linked,
            shared_scale: self.state.shared_scale,
            engine: self.saved_engine.clone(),
            layout: Some(self.layout.clone()),
        };
        eframe::set_value(storage, eframe::APP_KEY, &saved);
    }
}
