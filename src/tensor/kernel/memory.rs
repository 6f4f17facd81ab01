//! Memory for maps: large blocks are kept for the next map of their size, on large pages.
//!
//! A map of 64 MB fresh from the system takes longer to be paged in than to be normalised.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
use std::sync::atomic::{AtomicBool, Ordering};

/// Blocks from this size on are kept: smaller ones the system's allocator keeps by itself.
const LARGE: usize = 128 << 10;
/// Alignment of blocks without large pages: a line of cache.
const LINE: usize = 64;
/// Large pages, where the system has them.
const PAGE: usize = 2 << 20;
/// Blocks kept at most: a training step lets all its maps go at once. Their bytes together: what a pass
/// over the largest maps lets go between two of its layers.
const BLOCKS: usize = 512;
const KEPT_BYTES: usize = 384 << 20;

/// The system's allocator, but for large blocks.
pub struct Memory(&'static Mutex<Kept>);

static KEPT: Mutex<Kept> = Mutex::new(Kept::NONE);

/// Blocks that nobody uses.
struct Kept {
    /// Size and address, oldest first.
    blocks: [(usize, usize); BLOCKS],
    count: usize,
    bytes: usize,
}

/// Gives kept blocks back to the system, the oldest first, until there is room for `bytes` more: to be
/// asked for before memory that stays.
pub fn make_room(bytes: usize) {
    Memory::new().make_room(bytes);
}

/// Gives a kept block back to the system.
fn give_back(size: usize, address: usize) {
    if let Some(class) = Memory::of_class(size) {
        // SAFETY: made by `alloc` with this class, and kept by nobody any more.
        unsafe { System.dealloc(address as *mut u8, class) };
    }
}

impl Default for Memory {
    fn default() -> Memory {
        Memory::new()
    }
}

impl Memory {
    /// The one there is: blocks are kept for the whole program.
    pub const fn new() -> Memory {
        Memory(&KEPT)
    }

    /// See [`make_room`].
    fn make_room(&self, bytes: usize) {
        let Ok(mut kept) = self.0.lock() else { return };
        let target = kept.bytes.saturating_sub(bytes);
        while kept.count > 0 && kept.bytes > target {
            let (size, address) = kept.remove(0);
            give_back(size, address);
        }
    }

    /// What is asked of the system for a large block: sizes that are nearly the same are the same.
    fn class(layout: Layout) -> Option<Layout> {
        if layout.size() < LARGE || layout.align() > LINE {
            return None;
        }
        let step = layout.size().checked_next_power_of_two()? / 16;
        Memory::of_class(layout.size().checked_next_multiple_of(step)?)
    }

    fn of_class(size: usize) -> Option<Layout> {
        Layout::from_size_align(size, if size >= 2 * PAGE { PAGE } else { LINE }).ok()
    }
}

// SAFETY: blocks come from the system's allocator with the class of their layout and go back with the
// same; a kept block is handed out once, for the class it was made for.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(class) = Memory::class(layout) else {
            // SAFETY: the caller's promise.
            return unsafe { System.alloc(layout) };
        };
        let held = self.0.lock().ok().and_then(|mut kept| kept.take(class.size()));
        if let Some(address) = held {
            return address as *mut u8;
        }
        mapped_apart();
        // SAFETY: the size is not zero.
        let block = unsafe { System.alloc(class) };
        on_large_pages(block, class);
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(class) = Memory::class(layout) else {
            // SAFETY: the caller's promise.
            return unsafe { System.dealloc(block, layout) };
        };
        let Ok(mut kept) = self.0.lock() else { return };
        // Nothing here may allocate: a block at a time, without a list.
        while let Some((size, address)) = kept.surplus(class.size()) {
            give_back(size, address);
        }
        if !kept.put(class.size(), block as usize) {
            drop(kept);
            // SAFETY: as above.
            unsafe { System.dealloc(block, class) };
        }
    }
}

impl Kept {
    const NONE: Kept = Kept { blocks: [(0, 0); BLOCKS], count: 0, bytes: 0 };

    fn take(&mut self, size: usize) -> Option<usize> {
        let at = (0..self.count).rev().find(|&i| self.blocks[i].0 == size)?;
        let (_, address) = self.remove(at);
        Some(address)
    }

    fn remove(&mut self, at: usize) -> (usize, usize) {
        let block = self.blocks[at];
        self.blocks.copy_within(at + 1..self.count, at);
        self.count -= 1;
        self.bytes -= block.0;
        block
    }

    /// The oldest block, if it has to go for one of `size` bytes.
    fn surplus(&mut self, size: usize) -> Option<(usize, usize)> {
        let full = self.count == BLOCKS || self.bytes + size > KEPT_BYTES;
        (full && self.count > 0 && size <= KEPT_BYTES).then(|| self.remove(0))
    }

    /// Keeps a block, if it may be kept.
    fn put(&mut self, size: usize, address: usize) -> bool {
        if self.count == BLOCKS || self.bytes + size > KEPT_BYTES {
            return false;
        }
        self.blocks[self.count] = (size, address);
        self.count += 1;
        self.bytes += size;
        true
    }
}

/// Has the system's allocator map blocks on large pages one by one, so that what is given back is free
/// at once. By itself it moves this limit up to 32 MB, and holds on to what lies below blocks in use.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn mapped_apart() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if !DONE.swap(true, Ordering::Relaxed) {
        for limit in [libc::M_MMAP_THRESHOLD, libc::M_TRIM_THRESHOLD] {
            // SAFETY: sets a limit of the allocator, which is not at work on this thread.
            unsafe { libc::mallopt(limit, 2 * PAGE as libc::c_int) };
        }
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn mapped_apart() {}

#[cfg(target_os = "linux")]
fn on_large_pages(block: *mut u8, class: Layout) {
    if !block.is_null() && class.align() == PAGE {
        // SAFETY: the block is ours; advice changes nothing that can be seen.
        unsafe { libc::madvise(block.cast(), class.size(), libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn on_large_pages(_: *mut u8, _: Layout) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(memory: &Memory, bytes: usize) -> (*mut u8, Layout) {
        let layout = Layout::from_size_align(bytes, 8).unwrap();
        // SAFETY: the size is not zero.
        let block = unsafe { memory.alloc(layout) };
        assert!(!block.is_null() && (block as usize).is_multiple_of(8));
        // SAFETY: the whole block is ours.
        unsafe { block.write_bytes(7, bytes) };
        (block, layout)
    }

    #[test]
    fn blocks_come_back_for_the_next_of_their_size_and_surplus_goes() {
        // Its own, which no other test uses.
        let memory = Memory(Box::leak(Box::new(Mutex::new(Kept::NONE))));
        let (first, layout) = block(&memory, 5 << 20);
        // SAFETY: allocated here with this layout, as all blocks below.
        unsafe { memory.dealloc(first, layout) };
        assert_eq!(memory.0.lock().unwrap().count, 1);
        let (again, layout) = block(&memory, (5 << 20) - 100);
        assert_eq!(again, first, "nearly the same size is the same");
        unsafe { memory.dealloc(again, layout) };
        let (small, layout) = block(&memory, 1000);
        unsafe { memory.dealloc(small, layout) };
        assert_eq!(memory.0.lock().unwrap().count, 1, "small blocks are the system's");

        let many: Vec<_> = (0..BLOCKS + 5).map(|_| block(&memory, LARGE)).collect();
        many.into_iter().for_each(|(block, layout)| unsafe { memory.dealloc(block, layout) });
        assert_eq!(memory.0.lock().unwrap().count, BLOCKS);
        let large: Vec<_> = (0..4).map(|_| block(&memory, KEPT_BYTES / 3)).collect();
        large.into_iter().for_each(|(block, layout)| unsafe { memory.dealloc(block, layout) });
        let (huge, layout) = block(&memory, KEPT_BYTES + 1);
        unsafe { memory.dealloc(huge, layout) };
        let kept = memory.0.lock().unwrap();
        let held: usize = kept.blocks[..kept.count].iter().map(|(size, _)| size).sum();
        assert_eq!(held, kept.bytes);
        assert!(kept.count > 0 && kept.bytes <= KEPT_BYTES);
        let (bytes, oldest) = (kept.bytes, kept.blocks[0].0);
        drop(kept);
        memory.make_room(oldest - 1);
        assert_eq!(
            memory.0.lock().unwrap().bytes,
            bytes - oldest,
            "the oldest goes, and no more than it takes"
        );
        memory.make_room(KEPT_BYTES);
        let kept = memory.0.lock().unwrap();
        assert_eq!((kept.bytes, kept.count), (0, 0));
    }

    proptest::proptest! {
        #[test]
        fn classes_hold_what_is_asked(size in 1usize..1 << 30, align in 0u32..12) {
            let layout = Layout::from_size_align(size, 1 << align).unwrap();
            match Memory::class(layout) {
                None => assert!(size < LARGE || layout.align() > LINE),
                Some(class) => {
                    assert!(class.size() >= size && class.align() >= layout.align());
                    assert!(class.size() <= size + size / 8 + 1);
                    assert_eq!(Memory::of_class(class.size()), Some(class), "known by its size alone");
                }
            }
        }
    }
}
