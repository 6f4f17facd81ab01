//! Opening pictures and networks, and the thumbnails of what is seen.

use std::path::{Path, PathBuf};

use eframe::egui::{ColorImage, Context, TextureOptions, vec2};

use super::state::{LockListing, Thumb, key_of};
use super::widgets::notices::NoticeKind;
use super::window::Window;
use crate::data::Source;
use crate::data::bundled::{Fashion, fashion, photos};
use crate::data::dataset::Digest;
use crate::data::library::IdxSet;
use crate::features::network::NetworkSource;
use crate::jobs::{LibraryEvent, ListingId, LockConfig, OpenNetworkJob, PictureId};

/// Files and folders named by the user that gave no picture: so many are told one by one.
const NAMED_NOTICES: usize = 3;
/// Side of thumbnails in pixels.
const THUMBNAIL_SIDE: u32 = 160;
/// Fashion pictures shown beside the photographs at first.
const FIRST_FASHION: usize = 24;

/// Names the pictures of data sets by their content, apart from those of the library, which are numbered.
const BY_CONTENT: u64 = 1 << 63;
/// Of these the large ones.
const LARGE: u64 = 1 << 62;

/// Names a picture of a data set for its thumbnail, small or large. Another data set has others.
pub(super) fn content_id(digest: &Digest, large: bool) -> PictureId {
    let [a, b, c, d, e, f, g, h, ..] = digest.0;
    let number = u64::from_le_bytes([a, b, c, d, e, f, g, h]) >> 2;
    PictureId(number | BY_CONTENT | if large { LARGE } else { 0 })
}

/// Whether a thumbnail is of a data set, and large or not as asked.
pub(super) fn is_of_content(id: PictureId, large: bool) -> bool {
    id.0 & BY_CONTENT != 0 && (id.0 & LARGE != 0) == large
}

impl Window {
    /// Opens a network; the one in use stays until it is open.
    pub(super) fn open_network(&mut self, source: NetworkSource, preset: Option<String>) {
        self.last_opened = (source.clone(), preset.clone());
        let job = OpenNetworkJob { source, preset: preset.clone() };
        self.opening.insert(self.engine.submit(job), preset);
    }

    /// Opens a checkpoint file.
    pub(super) fn open_network_file(&mut self, path: &Path) {
        self.open_network(NetworkSource::Named(path.display().to_string()), None);
    }

    /// Lists pictures in files and folders and shows the first of them.
    pub(super) fn open_paths(&mut self, paths: Vec<PathBuf>) {
        self.state.library.listing += 1;
        self.state.library.select_next_found = true;
        self.state.hints.library = false;
        self.state.library.named.extend(paths.iter().cloned());
        self.state.library.note_opened(&paths);
        self.engine.scan(paths);
    }

    /// Looks for the pictures that decide colours from the start, once those opened are listed: in
    /// the library they come behind them.
    pub(super) fn open_locked(&mut self) {
        let library = &mut self.state.library;
        if !library.lock_waits || library.listing > 0 {
            return;
        }
        library.lock_waits = false;
        let paths: Vec<PathBuf> = self.state.config.lock.pictures.iter().map(PathBuf::from).collect();
        if !paths.is_empty() {
            library.listing += 1;
            library.named.extend(paths.iter().cloned());
            let id = self.engine.scan(paths);
            library.locked = Some(LockListing { id, keys: Vec::new(), count: 0 });
        }
    }

    /// Takes pictures found by `listing` that decide colours into the library; gives back those of
    /// other listings.
    pub(super) fn take_locked(&mut self, listing: ListingId, sources: Vec<Source>) -> Option<Vec<Source>> {
        let library = &mut self.state.library;
        let Some(mut locked) = library.locked.take_if(|locked| locked.id == listing) else {
            return Some(sources);
        };
        locked.count += sources.len();
        let room = LockConfig::MOST_PICTURES - locked.keys.len();
        for source in sources.into_iter().take(room) {
            locked.keys.push(key_of(&source));
            if library.named(&key_of(&source)).is_none() {
                let index = library.add(source);
                library.selected.get_or_insert(index);
            }
        }
        library.locked = Some(locked);
        None
    }

    /// Lets what was found decide the colours, where `listing` was for that.
    pub(super) fn locked_listed(&mut self, listing: ListingId) {
        let Some(locked) = self.state.library.locked.take_if(|locked| locked.id == listing) else { return };
        let (most, count) = (LockConfig::MOST_PICTURES, locked.count);
        if count > most {
            let text = format!(
                "{count} pictures are to decide the colours, and at most {most} can: the first {most} do"
            );
            self.notices.push(NoticeKind::Warning, text);
        }
        if !locked.keys.is_empty() {
            self.state.config.lock.pictures = locked.keys;
        }
    }

    /// Puts the pictures that come with the program into the library: some of what the embedded
    /// network knows, and the photographs.
    pub(super) fn open_bundled(&mut self) {
        let clothes =
            fashion(Fashion::Test).map(|set| IdxSet::sources(&set).take(FIRST_FASHION).collect::<Vec<_>>());
        let first = self.state.library.entries.len();
        match clothes {
            Ok(clothes) => clothes.into_iter().for_each(|source| _ = self.state.library.add(source)),
            Err(error) => self.notices.push(NoticeKind::Error, error.to_string()),
        }
        for photo in photos() {
            self.state.library.add(photo);
        }
        self.state.library.selected = Some(first);
    }

    /// Makes thumbnails for what is visible and not made yet.
    pub(super) fn request_thumbnails(&mut self, visible: std::ops::Range<usize>) {
        let library = &self.state.library;
        let missing: Vec<(PictureId, Source)> = library
            .entries
            .get(visible.clone())
            .unwrap_or(&[])
            .iter()
            .filter(|entry| !library.thumbs.contains_key(&entry.id))
            .map(|entry| (entry.id, entry.source.clone()))
            .collect();
        self.visible_thumbs = visible;
        if missing.iter().any(|(id, _)| !self.asked_thumbs.contains(id)) {
            self.asked_thumbs = missing.iter().map(|(id, _)| *id).collect();
            self.engine.thumbnails(missing, THUMBNAIL_SIDE);
        }
        self.forget_far_thumbnails();
    }

    /// Makes thumbnails for pictures of the labelled data set.
    pub(super) fn request_tested_thumbnails(&mut self, items: &[usize]) {
        let Some(survey) = &self.state.heads.survey else { return };
        let wanted = items.iter().filter_map(|&item| {
            let item = survey.items.get(item)?;
            Some((content_id(&item.digest, false), item.source.clone()))
        });
        let missing: Vec<(PictureId, Source)> =
            wanted.filter(|(id, _)| !self.state.library.thumbs.contains_key(id)).collect();
        if missing.iter().any(|(id, _)| !self.asked_thumbs.contains(id)) {
            self.asked_thumbs = missing.iter().map(|(id, _)| *id).collect();
            self.engine.thumbnails(missing, THUMBNAIL_SIDE);
        }
    }

    /// Thumbnails far from what is visible leave the GPU: ten thousand would not fit.
    fn forget_far_thumbnails(&mut self) {
        const KEPT: usize = 1500;
        let library = &mut self.state.library;
        if library.thumbs.len() <= KEPT {
            return;
        }
        let near = self.visible_thumbs.start.saturating_sub(KEPT / 3)..self.visible_thumbs.end + KEPT / 3;
        let entries = library.entries.get(near.start..near.end.min(library.entries.len())).unwrap_or(&[]);
        let keep: std::collections::HashSet<PictureId> = entries.iter().map(|entry| entry.id).collect();
        library.thumbs.retain(|id, _| keep.contains(id));
    }

    /// News of the library.
    pub(super) fn take_library(&mut self, ctx: &Context, event: LibraryEvent) {
        match event {
            LibraryEvent::Found { listing, sources } => {
                let sources = self.take_locked(listing, sources).unwrap_or_default();
                let library = &mut self.state.library;
                for source in sources {
                    let index = library.add(source);
                    let is_wanted =
                        library.wanted.take_if(|key| library.entries[index].key == *key).is_some();
                    if is_wanted || library.select_next_found || library.selected.is_none() {
                        library.select_next_found = false;
                        library.selected = Some(index);
                    }
                }
            }
            LibraryEvent::Listed { listing, skipped } => {
                let library = &mut self.state.library;
                library.listing = library.listing.saturating_sub(1);
                // What lies in a folder beside its pictures is no news; what the user named is.
                let named = skipped.iter().filter(|skipped| library.named.contains(&skipped.path));
                for skipped in named.take(NAMED_NOTICES) {
                    self.notices
                        .push(NoticeKind::Warning, format!("{}: {}", skipped.path.display(), skipped.why));
                }
                if library.listing == 0 {
                    library.wanted = None;
                    library.named.clear();
                }
                library.skipped.extend(skipped);
                self.locked_listed(listing);
                self.open_locked();
            }
            LibraryEvent::Thumbnail { id, thumbnail } => {
                let thumb = match thumbnail {
                    Ok(thumb) => {
                        let image =
                            ColorImage::from_rgba_unmultiplied([thumb.width, thumb.height], &thumb.rgba);
                        let size = vec2(thumb.width as f32, thumb.height as f32);
                        let name = format!("thumbnail {}", id.0);
                        Thumb::Ready(ctx.load_texture(name, image, TextureOptions::LINEAR), size)
                    }
                    Err(error) => Thumb::Failed(error),
                };
                self.state.library.thumbs.insert(id, thumb);
            }
        }
    }
}
