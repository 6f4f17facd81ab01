//! Slices that several threads write disjoint parts of.

/// A mutable slice handed to many threads at once; who writes where is the kernel's business.
#[derive(Clone, Copy)]
pub struct Shared<T> {
    first: *mut T,
    len: usize,
}

// SAFETY: only an address; what is done with it is in the unsafe functions below.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// Of a slice that lives until the threads are done.
    pub fn new(slice: &mut [T]) -> Shared<T> {
        Shared { first: slice.as_mut_ptr(), len: slice.len() }
    }

    /// Address of element `index`.
    pub fn at(self, index: usize) -> *mut T {
        debug_assert!(index <= self.len, "{index} of {}", self.len);
        self.first.wrapping_add(index)
    }

    /// `count` elements from `index` on.
    ///
    /// # Safety
    /// They are inside the slice, which still lives, and nobody else uses them meanwhile.
    pub unsafe fn part<'a>(self, index: usize, count: usize) -> &'a mut [T] {
        debug_assert!(index + count <= self.len, "{index} + {count} of {}", self.len);
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.first.add(index), count) }
    }
}

/// A vector of `len` values that are about to be written, every one of them.
///
/// # Safety
/// The caller writes all values before any is read.
#[allow(clippy::uninit_vec, reason = "zeroing maps of 64 MB first would cost as much as a norm")]
pub unsafe fn to_be_written(len: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(len);
    // SAFETY: the capacity is there, any bits are an f32, and the caller writes before it reads.
    unsafe { values.set_len(len) };
    values
}

/// A vector of `len` values that `write` fills, every one of them, without reading any before.
pub fn written(len: usize, write: impl FnOnce(&mut [f32])) -> Vec<f32> {
    // SAFETY: as `write` promises; every kernel of this room fills its whole output.
    let mut values = unsafe { to_be_written(len) };
    write(&mut values);
    values
}
