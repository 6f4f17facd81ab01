//! Between frames: what the engine tells, what the user asked for, and what follows from it.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{ColorImage, Context, Event as InputEvent};

use super::command::Space;
use super::dialogs::Asked;
use super::keep::Kept;
use super::state::{JobLine, NetworkState};
use super::widgets::notices::NoticeKind;
use super::window::Window;
use crate::data::{Origin, Picture, Source};
use crate::diffusion::Schedule;
use crate::error::Error;
use crate::features::network::{NetworkCard, looks_like_checkpoint};
use crate::features::view::View;
use crate::jobs::{
    Event, Exhibit, JobId, JobState, Outcome, Part, PictureId, PreviewRequest, Selection, SheetKind,
    side_effect_text,
};

/// Networks remembered.
const RECENT: usize = 8;

/// What was asked of the engine last: a new request goes out when it differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Asking {
    picture: PictureId,
    network: u64,
    selection: Selection,
    view: View,
    sheet: SheetKind,
    /// Pictures, steps and blocks that decide the colours.
    lock: (Vec<PictureId>, Vec<usize>, Vec<usize>),
    /// Heads that are asked instead of a map shown.
    heads: Vec<PathBuf>,
    /// The head that is looked into instead.
    inside: Option<PathBuf>,
}

impl Window {
    /// One round between frames: events in, requests out.
    pub(super) fn advance(&mut self, ctx: &Context) {
        for event in self.engine.drain() {
            self.take(ctx, event);
        }
        while let Some(asked) = self.dialogs.take() {
            self.answered(ctx, asked);
        }
        while let Ok(asked) = self.aside.1.try_recv() {
            self.answered(ctx, asked);
        }
        if let Some(what) = self.pin_waits {
            self.pin(ctx, what);
        }
        self.take_dropped(ctx);
        self.take_pasted(ctx);
        // What the user began with is not a step to take back, also while it is being found.
        let library = &self.state.library;
        let begun = !library.lock_waits && library.locked.is_none() && self.state.heads.project.is_some();
        if begun && !ctx.input(|input| input.pointer.any_down()) {
            self.history.note(&self.state);
        }
        let hand_rests = !ctx.input(|input| input.pointer.any_down()) && !ctx.text_edit_focused();
        self.follow_heads(hand_rests);
        self.follow_attention(ctx, hand_rests);
        self.follow_sweep(hand_rests);
        self.follow_labels(hand_rests);
        self.keep_screen(hand_rests);
        self.ask();
    }

    fn take(&mut self, ctx: &Context, event: Event) {
        match event {
            Event::Device(report) => {
                if let Some(why) = &report.replaced {
                    self.notices.push(NoticeKind::Warning, why.clone());
                }
                self.state.device = Some(report);
            }
            // Its job tells the same, with what it was asked for.
            Event::Network(_) => {}
            Event::Preview { generation, part } if generation == self.state.current.generation => {
                self.take_part(ctx, &part);
            }
            // Of an older selection: never shown as current.
            Event::Preview { .. } => {}
            Event::Job { id, title, state } => self.take_job(id, title, state),
            Event::Epoch { id, point } => self.take_epoch(id, point),
            Event::Sweep { id, news } => self.take_sweep(id, &news),
            Event::Library(event) => self.take_library(ctx, event),
            Event::Project(event) => self.take_project(event),
        }
    }

    fn network_opened(&mut self, card: Arc<NetworkCard>, preset: Option<String>) {
        if let Some(path) = &card.path {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            self.state.recent_networks.retain(|held| *held != path);
            self.state.recent_networks.insert(0, path);
            self.state.recent_networks.truncate(RECENT);
        }
        self.state.model_argument = card.path.as_ref().map(|path| path.display().to_string());
        // What was chosen for another network means something else here.
        let same = self
            .state
            .network
            .as_ref()
            .is_none_or(|held| (&held.card.hash, &held.card.config) == (&card.hash, &card.config));
        if !same {
            self.state.config.block = None;
            self.state.config.timestep = None;
            self.state.config.class = None;
            self.state.config.lock.timesteps.clear();
            self.state.config.lock.blocks.clear();
            if let View::Channel(_) | View::Similarity { .. } = self.state.config.view {
                self.state.config.view = View::Mosaic;
            }
        }
        self.fit_to(&card);
        if !card.assumed.is_empty() {
            self.notices.push(
                NoticeKind::Information,
                format!("{}: {} things were assumed; see its card", card.name, card.assumed.len()),
            );
        }
        self.state.preset_argument = preset;
        self.state.network_count += 1;
        self.state.network_error = None;
        self.state.network =
            Some(NetworkState { schedule: Schedule::of(&card.config), card, gmac_per_second: None });
    }

    /// Brings settings that do not exist on the network of `card` into its range, and says so.
    fn fit_to(&mut self, card: &NetworkCard) {
        let config = &mut self.state.config;
        let (blocks, steps) = (card.blocks.len(), card.config.diffusion_steps);
        let mut changed = Vec::new();
        if let Some(block) = config.block.filter(|block| !(1..=blocks).contains(block)) {
            config.block = None;
            changed.push(format!("b {block}"));
        }
        if let Some(timestep) = config.timestep.filter(|timestep| *timestep >= steps) {
            config.timestep = None;
            changed.push(format!("t {timestep}"));
        }
        let classes = card.config.num_classes.unwrap_or(0);
        if let Some(class) = config.class.filter(|class| *class >= classes) {
            config.class = None;
            changed.push(format!("class {class}"));
        }
        config.lock.timesteps.retain(|timestep| *timestep < steps);
        config.lock.blocks.retain(|block| (1..=blocks).contains(block));
        if !changed.is_empty() {
            let text = format!("{} has no {}; its defaults are shown", card.name, changed.join(" and no "));
            self.notices.push(NoticeKind::Warning, text);
        }
    }

    fn take_part(&mut self, ctx: &Context, part: &Part) {
        if let Part::Map(map) = part {
            self.state.note_speed(map);
        }
        let look = self.state.config.look.clone();
        let current = &mut self.state.current;
        match part {
            Part::Picture(shown) => current.set_picture(ctx, shown),
            Part::Noised(grid) => current.set_noised(ctx, grid),
            Part::Progress { done } => current.computed = *done,
            Part::Map(map) => current.set_map(map, &look),
            Part::Cell(cell) => current.add_cell(cell, &look),
            Part::Other(other) => current.add_other(ctx, other, &look),
            Part::Predicted(grid) => current.set_predicted(ctx, grid),
            Part::Answer(answer) => {
                self.state.heads.answers.retain(|held| held.head != answer.head);
                self.state.heads.answers.push(Arc::clone(answer));
            }
            Part::Inside(seen) => {
                let picture = current.picture.as_ref().map(|held| held.value.clone());
                self.state.attention.take(seen, picture);
            }
            Part::Complete => current.finish(),
            Part::Failed(error) => {
                self.pin_waits = None;
                if current.fail(error) {
                    self.notices.push(NoticeKind::Error, error.to_string());
                }
            }
        }
    }

    fn take_job(&mut self, id: JobId, title: String, state: JobState) {
        let told = self.take_heads_job(id, &state)
            || self.take_sweep_job(id, &state)
            || self.take_label_job(id, &state);
        match &state {
            JobState::Queued | JobState::Running { .. } | JobState::Paused => {
                let jobs = &mut self.state.jobs;
                match jobs.iter_mut().find(|line| line.id == id) {
                    Some(line) => line.state = state,
                    None => jobs.push(JobLine { id, title, state }),
                }
                return;
            }
            JobState::Done(Outcome::Network(card)) => {
                let preset = self.opening.remove(&id).flatten();
                self.network_opened(Arc::clone(card), preset);
            }
            // The work space that asked shows it.
            JobState::Done(_) | JobState::Failed { .. } | JobState::Cancelled { .. } if told => {}
            JobState::Done(outcome) => self.notices.push(NoticeKind::Good, side_effect_text(outcome)),
            JobState::Failed { error, kept } => {
                if self.reopening == Some(id) {
                    self.state.network = None;
                }
                if self.state.network.is_none() {
                    self.state.network_error = Some(Arc::clone(error));
                }
                let kept = kept.as_ref().map_or(String::new(), |kept| format!("; {kept}"));
                self.notices.push(NoticeKind::Error, format!("{error}{kept}"));
            }
            JobState::Cancelled { kept } => {
                let kept = kept.as_ref().map_or(String::new(), |kept| format!("; {kept}"));
                if self.reopening == Some(id) {
                    self.state.network = None;
                }
                if self.state.network.is_none() && self.opening.contains_key(&id) {
                    let why =
                        Error::Setting("opening it was cancelled; open one, or use the embedded one".into());
                    self.state.network_error = Some(Arc::new(why));
                }
                self.notices.push(NoticeKind::Information, format!("cancelled: {title}{kept}"));
            }
        }
        self.opening.remove(&id);
        self.state.jobs.retain(|line| line.id != id);
    }

    fn answered(&mut self, ctx: &Context, asked: Asked) {
        match asked {
            Asked::Pictures(paths) => self.open_paths(paths),
            Asked::Network(path) => self.open_network_file(&path),
            Asked::Export { exhibit, path, captioned, replace } => {
                self.write(exhibit, path, captioned, replace);
            }
            Asked::CacheFolder(path) => {
                if let Some(draft) = &mut self.state.settings {
                    draft.cache = path.display().to_string();
                }
            }
            Asked::Labelled(path) => self.set_data(path),
            Asked::Moved(path) => self.data_moved(path),
            Asked::LabelData(path) => self.open_to_label(path),
            Asked::LabelExport(path) => self.export_labels(path),
            Asked::LabelImport(path) => self.import_labels(ctx, path),
            Asked::LabelsRead(path, found) => self.take_labels_read(&path, &found),
            Asked::LabelHead(path) => self.save_label_head(path),
            Asked::HeadFile(path) => self.load_head(path),
            Asked::Split(path) => self.state.heads.config.survey.split_file = Some(path),
            Asked::SplitFile(path) => self.write_split(path),
            Asked::SweepFolder(report, folder) => self.write_sweep_to(report, folder),
            Asked::SimilarityFolder(found, folder) => self.write_similarity_to(found, folder),
            Asked::OtherNetwork(path) => self.compare_with(path),
            Asked::CellFolder(report, folder) => self.write_cell_to(report, folder),
            Asked::HeadCopy { head, path } => self.copy_head(head, path),
            Asked::Copied(image) => self.to_clipboard = Some(image),
        }
    }

    fn write(&mut self, exhibit: Box<dyn Exhibit>, path: PathBuf, captioned: bool, replace: bool) {
        let title = format!("writing {}", path.display());
        self.engine.aside(title, move |_| {
            exhibit.write(&path, captioned, replace)?;
            Ok(Outcome::Saved(path))
        });
    }

    /// Writes the view on screen to `path` (PNG, or its values as npy or CSV), as the export
    /// commands do once a file is chosen. False while there is no view.
    pub fn export_to(&mut self, path: PathBuf, captioned: bool) -> bool {
        self.write_kept(Kept::View, path, captioned)
    }

    /// As [`Window::export_to`], for the contact sheet.
    pub fn export_sheet_to(&mut self, path: PathBuf, captioned: bool) -> bool {
        self.write_kept(Kept::Sheet, path, captioned)
    }

    fn write_kept(&mut self, what: Kept, path: PathBuf, captioned: bool) -> bool {
        let exhibit = self.exhibit(what);
        let ready = exhibit.is_some();
        if let Some(exhibit) = exhibit {
            self.write(exhibit, path, captioned, true);
        }
        ready
    }

    fn take_dropped(&mut self, ctx: &Context) {
        let dropped = ctx.input(|input| input.raw.dropped_files.clone());
        let mut paths: Vec<PathBuf> = dropped.iter().map(|file| file.path().to_path_buf()).collect();
        if self.state.space == Space::Label {
            let folder = paths.iter().position(|path| path.is_dir()).map(|at| paths.remove(at));
            if let Some(folder) = folder {
                self.open_to_label(folder);
            }
        }
        if matches!(self.state.space, Space::Heads | Space::Sweep) {
            // A folder is a data set here, a picture a question.
            let folder = paths.iter().position(|path| path.is_dir()).map(|at| paths.remove(at));
            if let Some(folder) = folder {
                self.set_data(folder);
            }
            let asks = self.state.space == Space::Heads && !self.state.heads.heads_to_ask().is_empty();
            if !paths.is_empty() && asks {
                self.state.heads.config.tab = super::heads::Tab::Answer;
            }
        }
        if !paths.is_empty() {
            self.open_any(paths);
        }
    }

    /// Opens what was dropped or pasted: checkpoints as networks, the rest as pictures.
    fn open_any(&mut self, paths: Vec<PathBuf>) {
        let is_network = |path: &PathBuf| path.is_file() && looks_like_checkpoint(path);
        let (networks, pictures): (Vec<_>, Vec<_>) = paths.into_iter().partition(is_network);
        if !pictures.is_empty() {
            self.open_paths(pictures);
        }
        if let Some(network) = networks.last() {
            self.open_network_file(network);
        }
    }

    fn take_pasted(&mut self, ctx: &Context) {
        let pasted = ctx.input(|input| {
            let images = input.events.iter().filter_map(|event| match event {
                InputEvent::PasteImage(image) => Some(Arc::clone(image)),
                _ => None,
            });
            images.collect::<Vec<_>>()
        });
        for image in pasted {
            self.add_pasted(&image);
        }
        // A path copied in a file manager arrives as text.
        let text = ctx.input(|input| {
            input.events.iter().find_map(|event| match event {
                InputEvent::Paste(text) => Some(text.clone()),
                _ => None,
            })
        });
        if let Some(text) = text.filter(|_| !ctx.egui_wants_keyboard_input()) {
            let paths: Vec<PathBuf> = text.lines().map(path_of).filter(|path| path.exists()).collect();
            if paths.is_empty() {
                self.notices
                    .push(NoticeKind::Information, "the clipboard holds no picture and no path of one");
            } else {
                self.open_any(paths);
            }
        }
    }

    fn add_pasted(&mut self, image: &ColorImage) {
        let number =
            1 + self.state.library.entries.iter().filter(|e| e.source.origin() == Origin::Pasted).count();
        let rgba: Vec<u8> = image.pixels.iter().flat_map(|pixel| pixel.to_srgba_unmultiplied()).collect();
        let [width, height] = image.size;
        match Picture::from_rgba(format!("pasted {number}"), Origin::Pasted, width, height, &rgba) {
            Ok(picture) => {
                let index = self.state.library.add(Source::memory(picture));
                self.state.library.selected = Some(index);
            }
            Err(error) => self.notices.push(NoticeKind::Error, error.to_string()),
        }
    }

    /// Sends a request when what is wanted differs from what was asked last.
    pub(super) fn ask(&mut self) {
        let Some(asking) = self.wanted() else { return };
        if self.asked.as_ref() == Some(&asking) {
            return;
        }
        let Some(entry) = self.state.library.current() else { return };
        let request = PreviewRequest {
            id: entry.id,
            source: entry.source.clone(),
            selection: asking.selection,
            view: asking.view,
            lock: self.state.pca_lock(),
            sheet: self.state.wanted_sheet(),
            others: match asking.view {
                View::Similarity { .. } => self.state.other_pictures(),
                _ => Vec::new(),
            },
            predict: true,
            heads: asking.heads.clone(),
            inside: asking.inside.clone(),
        };
        self.state.heads.answers.clear();
        self.state.attention.begin();
        let generation = self.engine.preview(request);
        let before = self.asked.as_ref();
        let other_step = before.is_none_or(|before| {
            before.picture != asking.picture
                || before.network != asking.network
                || Selection { block: 0, ..before.selection } != Selection { block: 0, ..asking.selection }
        });
        let current = &mut self.state.current;
        if before.is_none_or(|before| before.sheet != asking.sheet) {
            current.cells.clear();
        }
        if !matches!(asking.view, View::Similarity { .. }) {
            current.others.clear();
        }
        current.begin(generation, other_step);
        self.asked = Some(asking);
    }

    fn wanted(&self) -> Option<Asking> {
        self.state.network.as_ref()?;
        let lock = self.state.pca_lock();
        let mut asking = Asking {
            picture: self.state.library.current()?.id,
            network: self.state.network_count,
            selection: self.state.selection()?,
            view: self.state.config.view,
            sheet: self.state.config.sheet,
            heads: self.state.heads_to_ask(),
            inside: self.state.head_to_look_into(),
            lock: (lock.pictures.iter().map(|(id, _)| *id).collect(), lock.timesteps, lock.blocks),
        };
        if asking.inside.is_some() {
            // A head reads its own timesteps and blocks: others change nothing inside of it.
            (asking.selection.timestep, asking.selection.block) = (0, 1);
            (asking.view, asking.sheet) = (View::Norm, SheetKind::None);
            asking.lock = Default::default();
        }
        Some(asking)
    }

    /// Whether the engine was asked for just what is wanted now.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_some() && self.asked == self.wanted()
    }

    /// A message for something that cannot be done now.
    pub(super) fn not_now(&mut self, why: &str) {
        self.notices.push(NoticeKind::Information, why);
    }
}

/// A path as file managers copy it: as it is, or as a `file://` address.
fn path_of(line: &str) -> PathBuf {
    let Some(address) = line.trim().strip_prefix("file://") else { return PathBuf::from(line.trim()) };
    let mut bytes = Vec::with_capacity(address.len());
    let mut rest = address.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()).filter(|_| first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    PathBuf::from(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copied_addresses_become_paths() {
        assert_eq!(path_of(" /a b.png"), PathBuf::from("/a b.png"));
        assert_eq!(path_of("file:///a%20b%C3%A9.png"), PathBuf::from("/a bé.png"));
        assert_eq!(path_of("file:///100%.png"), PathBuf::from("/100%.png"));
    }
}
