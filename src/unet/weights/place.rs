//! Where in a file the values of one parameter lie.

use std::sync::Arc;

use super::entry::{Stored, element_count};
use super::store::{CHUNK, Store};
use crate::error::Result;

/// The place of a parameter, found to lie within its store.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) store: Arc<Store>,
    pub(super) stored: Stored,
    /// Byte at which its first value begins.
    pub(super) offset: u64,
    /// From value to value along each dimension, counted in values; none when they follow one another,
    /// rows first.
    pub(super) strides: Option<Vec<usize>>,
}

impl Place {
    /// All values, in row-major order of `shape`.
    ///
    /// # Errors
    /// When the file has changed or cannot be read.
    pub(super) fn read(&self, shape: &[usize]) -> Result<Vec<f32>> {
        let count = element_count(shape).unwrap_or(0);
        let mut values = Vec::with_capacity(count);
        match &self.strides {
            Some(strides) if count > 0 => {
                let last: usize = shape.iter().zip(strides).map(|(dim, stride)| (dim - 1) * stride).sum();
                let mut bytes = vec![0u8; (last + 1) * self.size()];
                self.store.read_at(self.offset, &mut bytes)?;
                gather(&self.stored, shape, strides, &bytes, &mut values);
            }
            _ => self.pieces(count, &mut |bytes| {
                self.stored.decode(bytes, &mut values);
                Ok(())
            })?,
        }
        self.store.unchanged()?;
        Ok(values)
    }

    /// Hands all values to `take`, some at a time, in row-major order of `shape`.
    ///
    /// # Errors
    /// As [`Place::read`], and what `take` returns.
    pub(super) fn each(&self, shape: &[usize], take: &mut dyn FnMut(&[f32]) -> Result<()>) -> Result<()> {
        if self.strides.is_some() {
            return take(&self.read(shape)?);
        }
        let mut values = Vec::new();
        self.pieces(element_count(shape).unwrap_or(0), &mut |bytes| {
            values.clear();
            self.stored.decode(bytes, &mut values);
            take(&values)
        })?;
        self.store.unchanged()
    }

    /// The bytes of `count` values that follow one another, some at a time.
    fn pieces(&self, count: usize, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut left = count * self.size();
        let mut buffer = vec![0u8; left.min(CHUNK)];
        let mut offset = self.offset;
        while left > 0 {
            let part = &mut buffer[..left.min(CHUNK)];
            self.store.read_at(offset, part)?;
            take(part)?;
            offset += part.len() as u64;
            left -= part.len();
        }
        Ok(())
    }

    fn size(&self) -> usize {
        self.stored.size().unwrap_or(0)
    }
}

/// Appends to `values`, in row-major order of `shape`, those that lie `strides` apart in `bytes`.
fn gather(stored: &Stored, shape: &[usize], strides: &[usize], bytes: &[u8], values: &mut Vec<f32>) {
    let size = stored.size().unwrap_or(1);
    let mut index = vec![0; shape.len()];
    for _ in 0..element_count(shape).unwrap_or(0) {
        let place = index.iter().zip(strides).map(|(i, stride)| i * stride).sum::<usize>() * size;
        stored.decode(&bytes[place..place + size], values);
        for (i, &dim) in index.iter_mut().zip(shape).rev() {
            *i += 1;
            if *i < dim {
                break;
            }
            *i = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strided_values_come_out_row_major() {
        let bytes: Vec<u8> = (0..12).flat_map(|i| (i as f32).to_le_bytes()).collect();
        let store = Arc::new(Store::memory(bytes, "f"));
        let read = |shape: &[usize], strides: Option<&[usize]>, first: u64| {
            let strides = strides.map(<[usize]>::to_vec);
            let place = Place { store: Arc::clone(&store), stored: Stored::F32, offset: 4 * first, strides };
            let mut pieces: Vec<f32> = Vec::new();
            place
                .each(shape, &mut |values| {
                    pieces.extend(values);
                    Ok(())
                })
                .unwrap();
            let whole = place.read(shape).unwrap();
            assert_eq!(whole, pieces);
            whole
        };
        assert_eq!(read(&[2, 3], None, 2), [2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        assert_eq!(read(&[2, 3], Some(&[1, 2]), 0), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
        assert_eq!(read(&[2, 2], Some(&[6, 2]), 1), [1.0, 3.0, 7.0, 9.0]);
        assert_eq!(read(&[], None, 5), [5.0]);
        assert!(read(&[0, 2], Some(&[2, 1]), 0).is_empty());
    }
}
