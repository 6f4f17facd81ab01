//! Finding pictures and making thumbnails, on threads of their own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::Builder;

use super::worker::panic_error;
use super::{Event, Outbox};
use crate::data::library::Thumbnail;
use crate::data::{Skipped, Source, scan};
use crate::error::{Error, Result};

/// Names a picture of the library for as long as the program runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PictureId(pub u64);

/// Tells listings apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListingId(u64);

/// News of the library.
#[derive(Clone, Debug)]
pub enum LibraryEvent {
    /// Some pictures were found.
    Found {
        /// By which listing.
        listing: ListingId,
        /// In order.
        sources: Vec<Source>,
    },
    /// A listing is complete; what it left out and why.
    Listed {
        /// Which.
        listing: ListingId,
        /// Files and folders without a picture.
        skipped: Vec<Skipped>,
    },
    /// A thumbnail, or why there is none.
    Thumbnail {
        /// Of which picture.
        id: PictureId,
        /// The pixels.
        thumbnail: std::result::Result<Arc<Thumbnail>, Arc<Error>>,
    },
}

#[derive(Default)]
struct Wanted {
    /// The next one last.
    stack: Vec<(PictureId, Source)>,
    side: u32,
    /// The one being made.
    in_hand: Option<PictureId>,
    shut_down: bool,
}

pub(super) struct Library {
    sender: Outbox,
    wanted: Arc<(Mutex<Wanted>, Condvar)>,
    stop: Arc<AtomicBool>,
    listings: AtomicU64,
}

impl Library {
    pub fn start(sender: Outbox) -> Result<Library> {
        let wanted = Arc::new((Mutex::new(Wanted::default()), Condvar::new()));
        let (shared, outbox) = (Arc::clone(&wanted), sender.clone());
        Builder::new()
            .name("thumbnails".into())
            .spawn(move || make_thumbnails(&shared, &outbox))
            .map_err(Error::io("start", "the thumbnail thread"))?;
        Ok(Library { sender, wanted, stop: Arc::new(AtomicBool::new(false)), listings: AtomicU64::new(0) })
    }

    pub fn scan(&self, paths: Vec<PathBuf>) -> ListingId {
        let listing = ListingId(self.listings.fetch_add(1, Ordering::Relaxed));
        let (sender, stop) = (self.sender.clone(), Arc::clone(&self.stop));
        let spawned = Builder::new().name("scan".into()).spawn(move || {
            let mut found = |sources| sender.send(Event::Library(LibraryEvent::Found { listing, sources }));
            let listed =
                catch_unwind(AssertUnwindSafe(|| scan(&paths, &|| stop.load(Ordering::Relaxed), &mut found)));
            let skipped = match listed {
                Ok(Ok(skipped)) => skipped,
                Ok(Err(error)) => skip_all(&paths, &error),
                Err(payload) => skip_all(&paths, &panic_error("listing pictures", payload.as_ref())),
            };
            sender.send(Event::Library(LibraryEvent::Listed { listing, skipped }));
        });
        if let Err(error) = spawned {
            log::error!("no thread to list pictures: {error}");
        }
        listing
    }

    pub fn thumbnails(&self, wanted: Vec<(PictureId, Source)>, side: u32) {
        let (lock, bell) = &*self.wanted;
        let mut held = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let in_hand = held.in_hand;
        held.stack = wanted.into_iter().filter(|(id, _)| Some(*id) != in_hand).rev().collect();
        held.side = side;
        bell.notify_one();
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let (lock, bell) = &*self.wanted;
        lock.lock().unwrap_or_else(PoisonError::into_inner).shut_down = true;
        bell.notify_all();
    }
}

fn skip_all(paths: &[PathBuf], error: &Error) -> Vec<Skipped> {
    paths.iter().map(|path| Skipped { path: path.clone(), why: error.to_string() }).collect()
}

fn make_thumbnails(shared: &(Mutex<Wanted>, Condvar), outbox: &Outbox) {
    let (lock, bell) = shared;
    loop {
        let (next, side) = {
            let mut wanted = lock.lock().unwrap_or_else(PoisonError::into_inner);
            loop {
                if wanted.shut_down {
                    return;
                }
                wanted.in_hand = None;
                if let Some(next) = wanted.stack.pop() {
                    wanted.in_hand = Some(next.0);
                    break (next, wanted.side);
                }
                wanted = bell.wait(wanted).unwrap_or_else(PoisonError::into_inner);
            }
        };
        let (id, source) = next;
        let thumbnail = catch_unwind(AssertUnwindSafe(|| source.thumbnail(side)))
            .unwrap_or_else(|payload| Err(panic_error(&source.name(), payload.as_ref())))
            .map(Arc::new)
            .map_err(Arc::new);
        outbox.send(Event::Library(LibraryEvent::Thumbnail { id, thumbnail }));
    }
}
