//! What the window knows: library, network, selection, and the results that belong to it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{TextureHandle, Vec2};

use super::attention::AttentionState;
use super::command::{Command, Space};
use super::current::Current;
use super::heads::HeadsState;
use super::label::LabelState;
use super::sweep::SweepState;
use super::widgets::thumbnails::file_stem_label;
use super::widgets::viewport::ViewPort;
use crate::data::{Skipped, Source};
use crate::diffusion::Schedule;
use crate::error::Error;
use crate::features::network::NetworkCard;
use crate::features::view::View;
use crate::jobs::{
    DeviceReport, Exhibit, ExploreConfig, JobId, JobState, ListingId, PcaLock, PictureId, Selection, Sheet,
    SheetKind, SheetShot, Shot,
};

/// One picture of the library.
pub struct Entry {
    /// Names it towards the engine.
    pub id: PictureId,
    /// How to open it.
    pub source: Source,
    /// Its name, kept so that lists need not ask.
    pub name: String,
    /// What stands under its thumbnail: the class where a data set names one.
    pub label: String,
    /// Names it in settings: as a command line does, or by its name where it has no file.
    pub key: String,
}

/// A small picture, or why there is none.
pub enum Thumb {
    /// On the GPU, with its size in pixels.
    Ready(TextureHandle, Vec2),
    /// Why it cannot be read.
    Failed(Arc<Error>),
}

/// The pictures at hand.
#[derive(Default)]
pub struct LibraryState {
    /// In the order in which they came.
    pub entries: Vec<Entry>,
    /// Index of the picture shown.
    pub selected: Option<usize>,
    /// By picture, as far as made.
    pub thumbs: HashMap<PictureId, Thumb>,
    /// What was left out and why.
    pub skipped: Vec<Skipped>,
    /// Listings under way.
    pub listing: usize,
    /// Files and folders that the user named, while they are listed.
    pub named: std::collections::HashSet<PathBuf>,
    /// Select the next picture that is found.
    pub select_next_found: bool,
    /// The pictures that decide colours from the start are still to be looked for.
    pub lock_waits: bool,
    /// The pictures that decide colours from the start, while they are looked for.
    pub locked: Option<LockListing>,
    /// Files and folders that the user opened, as a command line names them, the last at the end.
    pub opened: Vec<String>,
    /// The picture that is selected once it is found.
    pub wanted: Option<String>,
    by_key: HashMap<String, usize>,
    next_id: u64,
}

/// Looks for the pictures that decide colours: a folder or a data set names many.
pub struct LockListing {
    /// Which listing finds them.
    pub id: ListingId,
    /// The first of them, at most as many as decide colours.
    pub keys: Vec<String>,
    /// All that were found.
    pub count: usize,
}

impl LibraryState {
    /// Adds a picture at the end; returns its index.
    pub fn add(&mut self, source: Source) -> usize {
        self.next_id += 1;
        let name = source.name();
        let label = source.class_name().unwrap_or_else(|| file_stem_label(&name));
        let key = key_of(&source);
        let index = self.entries.len();
        self.by_key.entry(key.clone()).or_insert(index);
        self.entries.push(Entry { id: PictureId(self.next_id), source, name, label, key });
        index
    }

    /// Remembers what the user opened, each once.
    pub fn note_opened(&mut self, paths: &[PathBuf]) {
        for path in paths {
            let text = path.display().to_string();
            let named = text.starts_with("bundled:");
            let place = if named { text } else { absolute(path).display().to_string() };
            self.opened.retain(|held| *held != place);
            self.opened.push(place);
        }
        let most = self.opened.len().saturating_sub(MOST_OPENED);
        self.opened.drain(..most);
    }

    /// Selects the picture that settings name so; false where it is not there.
    pub fn select_named(&mut self, key: &str) -> bool {
        let found = self.by_key.get(key).copied();
        self.selected = found.or(self.selected);
        found.is_some()
    }

    /// The picture that settings name so.
    pub fn named(&self, key: &str) -> Option<&Entry> {
        self.entries.get(*self.by_key.get(key)?)
    }

    /// The picture shown.
    pub fn current(&self) -> Option<&Entry> {
        self.entries.get(self.selected?)
    }
}

/// So many files and folders are remembered.
const MOST_OPENED: usize = 200;

fn absolute(path: &std::path::Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// What names a picture in settings.
pub fn key_of(source: &Source) -> String {
    source.argument().unwrap_or_else(|| source.name())
}

/// The network in use.
pub struct NetworkState {
    /// What is known of it.
    pub card: Arc<NetworkCard>,
    /// Its schedule, for ᾱ beside the slider.
    pub schedule: Schedule,
    /// How fast the last forward was, in 10⁹ multiply-accumulates per second.
    pub gmac_per_second: Option<f64>,
}

/// A job as the status bar shows it.
pub struct JobLine {
    /// Which.
    pub id: JobId,
    /// What it does.
    pub title: String,
    /// How far.
    pub state: JobState,
}

/// Matches shown, the best ones; all pictures of the library are searched.
pub const MATCHES_SHOWN: usize = 36;
/// Pins, at most.
pub const MAX_PINS: usize = 6;
/// The last draw that can be chosen: averages over many begin there too.
pub const LAST_DRAW: u32 = u32::MAX - 1024;
/// Draws averaged when averaging is switched on.
pub const AVERAGED_DRAWS: u32 = 4;

/// What a pin shows, ready to be drawn.
pub enum Pinned {
    /// A view.
    View(Shot, super::current::Drawn),
    /// A contact sheet.
    Sheet(SheetShot, Vec<super::current::Drawn>),
}

impl Pinned {
    /// The view, or the one beside the contact sheet.
    pub fn shot(&self) -> &Shot {
        match self {
            Pinned::View(shot, _) => shot,
            Pinned::Sheet(sheet, _) => &sheet.shot,
        }
    }

    /// As something to be kept and told.
    pub fn exhibit(&self) -> &dyn Exhibit {
        match self {
            Pinned::View(shot, _) => shot,
            Pinned::Sheet(sheet, _) => sheet,
        }
    }
}

/// A view that stays beside the next ones.
pub struct Pin {
    /// Tells pins apart.
    pub id: u64,
    /// What it shows.
    pub kept: Pinned,
    /// Its picture, for overlays.
    pub texture: TextureHandle,
    /// Its own zoom, where views are not linked.
    pub port: ViewPort,
}

/// What the window shows and remembers while it runs.
pub struct State {
    /// Pictures.
    pub library: LibraryState,
    /// The network; none until the first is open.
    pub network: Option<NetworkState>,
    /// Why a network could not be opened, until one is.
    pub network_error: Option<Arc<Error>>,
    /// The work space on screen.
    pub space: Space,
    /// Heads and their runs.
    pub heads: HeadsState,
    /// The inside of a head.
    pub attention: AttentionState,
    /// Which blocks and timesteps tell classes apart.
    pub sweep: SweepState,
    /// Pictures being labelled.
    pub label: LabelState,
    /// The settings of Explore.
    pub config: ExploreConfig,
    /// The results on screen.
    pub current: Current,
    /// Pinned views.
    pub pins: Vec<Pin>,
    /// One colour scale for all pins of one kind.
    pub shared_scale: bool,
    /// One zoom and cursor for all views.
    pub linked: bool,
    /// Zoom shared by the views.
    pub port: ViewPort,
    /// Zoom of the map where views are not linked.
    pub map_port: ViewPort,
    /// Zoom of picture, x_t and x_0 where views are not linked.
    pub input_port: ViewPort,
    /// The channel that the keyboard is at in the mosaic.
    pub channel: Option<usize>,
    /// Where the pointer is, in input coordinates, if over any view.
    pub cursor: Option<[f32; 2]>,
    /// Where the pointer was in the frame before: views read it, `cursor` collects the new one.
    pub last_cursor: Option<[f32; 2]>,
    /// Jobs that are not over.
    pub jobs: Vec<JobLine>,
    /// The device in use.
    pub device: Option<DeviceReport>,
    /// Networks opened before, the last one first.
    pub recent_networks: Vec<PathBuf>,
    /// The network's card is open.
    pub card_open: bool,
    /// The list of recent networks is open.
    pub recent_open: bool,
    /// The list of skipped files is open.
    pub skipped_open: bool,
    /// Settings that are being changed, while their window is open.
    pub settings: Option<super::settings::Draft>,
    /// Hints of the first start that were not used yet.
    pub hints: Hints,
    /// How the network in use is named on a command line.
    pub model_argument: Option<String>,
    /// The preset that the user chose for it.
    pub preset_argument: Option<String>,
    /// Counts networks: the same parameters may come with another configuration.
    pub network_count: u64,
    next_pin: u64,
}

/// The quiet hints of the first start; each goes once its place is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Hints {
    /// Beside the timestep.
    pub timestep: bool,
    /// Beside the network.
    pub network: bool,
    /// Beside the library.
    pub library: bool,
}

impl Default for Hints {
    fn default() -> Self {
        Hints { timestep: true, network: true, library: true }
    }
}

impl State {
    /// Nothing opened yet.
    pub fn new(config: ExploreConfig) -> State {
        State {
            library: LibraryState::default(),
            network: None,
            network_error: None,
            space: Space::default(),
            heads: HeadsState::default(),
            attention: AttentionState::default(),
            sweep: SweepState::default(),
            label: LabelState::default(),
            config,
            current: Current::default(),
            pins: Vec::new(),
            shared_scale: false,
            linked: true,
            port: ViewPort::default(),
            map_port: ViewPort::default(),
            input_port: ViewPort::default(),
            channel: None,
            cursor: None,
            last_cursor: None,
            jobs: Vec::new(),
            device: None,
            recent_networks: Vec::new(),
            card_open: false,
            recent_open: false,
            skipped_open: false,
            settings: None,
            hints: Hints::default(),
            model_argument: None,
            preset_argument: None,
            network_count: 0,
            next_pin: 0,
        }
    }

    /// The selection that the settings mean for the network in use.
    pub fn selection(&self) -> Option<Selection> {
        self.network.as_ref().map(|network| self.config.selection(&network.card))
    }

    /// How fast the network was at the last forward, in 10⁹ multiply-accumulates per second.
    pub fn gmac_per_second(&self) -> Option<f64> {
        self.network.as_ref()?.gmac_per_second
    }

    /// Takes note of how fast the forwards of `map` were.
    pub fn note_speed(&mut self, map: &crate::jobs::MapShown) {
        let Some(network) = &mut self.network else { return };
        let Some(block) = network.card.block(map.selection.block) else { return };
        if map.forwards > 0 && map.seconds > 0.0 {
            network.gmac_per_second = Some(block.cumulative_gmac * map.forwards as f64 / map.seconds);
        }
    }

    /// Files of the heads to ask about the picture; none outside of that look.
    pub fn heads_to_ask(&self) -> Vec<PathBuf> {
        let asks = self.space == Space::Heads && self.heads.config.tab == super::heads::Tab::Answer;
        if asks { self.heads.heads_to_ask() } else { Vec::new() }
    }

    /// The file of the head to look into; none outside of that work space.
    pub fn head_to_look_into(&self) -> Option<PathBuf> {
        if self.space == Space::Attention { self.attention.file(&self.heads) } else { None }
    }

    /// Steps of the network's process.
    pub fn steps(&self) -> usize {
        self.network.as_ref().map_or(1000, |network| network.card.config.diffusion_steps)
    }

    /// Marked steps that the network has.
    pub fn marks(&self) -> Vec<usize> {
        crate::jobs::marks(self.steps())
    }

    /// The lock towards the engine: open where nothing is shown that it matters to. Pictures that
    /// are not in the library are left out.
    pub fn pca_lock(&self) -> PcaLock {
        if self.config.view != View::Pca {
            return PcaLock::default();
        }
        let lock = &self.config.lock;
        let named = lock.pictures.iter().filter_map(|key| self.library.named(key));
        PcaLock {
            pictures: named.map(|entry| (entry.id, entry.source.clone())).collect(),
            timesteps: lock.timesteps.clone(),
            blocks: lock.blocks.clone(),
        }
    }

    /// The contact sheet towards the engine.
    pub fn wanted_sheet(&self) -> Option<Sheet> {
        self.config.sheet.sheet(self.steps())
    }

    /// All other pictures, the nearest in the library first, to search for the place clicked.
    pub fn other_pictures(&self) -> Vec<(PictureId, Source)> {
        let selected = self.library.selected.unwrap_or(0);
        let mut others: Vec<usize> =
            (0..self.library.entries.len()).filter(|index| *index != selected).collect();
        others.sort_by_key(|index| index.abs_diff(selected));
        let entries = others.into_iter().filter_map(|index| self.library.entries.get(index));
        entries.map(|entry| (entry.id, entry.source.clone())).collect()
    }

    /// Whether a command can do anything now.
    pub fn is_available(&self, command: Command) -> bool {
        let has_map = match self.space {
            Space::Attention => self.attention.shown.is_some(),
            _ => self.current.map.is_some(),
        };
        match command {
            Command::ExportView
            | Command::ExportViewWithSettings
            | Command::ExportRawValues
            | Command::CopyView
            | Command::CopyAsCommandLine
            | Command::CopySettings
            | Command::PinView => has_map,
            Command::PinSheet
            | Command::ExportSheet
            | Command::ExportSheetWithSettings
            | Command::ExportSheetValues
            | Command::CopySheet
            | Command::CopySheetAsCommandLine => self.config.sheet != SheetKind::None,
            Command::UnlockColours => !self.config.lock.is_open(),
            Command::ClearPins | Command::UnpinLast => !self.pins.is_empty(),
            Command::NextPicture | Command::PreviousPicture => self.library.entries.len() > 1,
            Command::NetworkCard => self.network.is_some(),
            Command::RecentNetworks => !self.recent_networks.is_empty(),
            Command::DeleteRuns => !self.heads.config.chosen.is_empty(),
            Command::NextState | Command::PreviousState | Command::PlayStates => {
                !self.attention.states.is_empty()
            }
            Command::TrainAll => !self.heads.config.cards.is_empty(),
            _ => true,
        }
    }

    /// A number for a new pin.
    pub fn new_pin_id(&mut self) -> u64 {
        self.next_pin += 1;
        self.next_pin
    }
}
