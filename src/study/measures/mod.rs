//! Measures of features: how alike representations are, how they cluster, what noise does to them, how
//! much more labels would help, and where pictures lie on a map.
//!
//! All take features as plain [`Rows`](crate::heads::Rows), a row for each picture, draw chance from a seed
//! alone, and give the same bits on any number of threads. What takes longer than a moment tells how far it
//! is and can be stopped.
//!
//! Features of a network have much in common for all pictures. Angles (cosines, alignment and uniformity) say
//! more [`about`] the [`mean`].

pub mod cka;
pub mod clusters;
pub mod draws;
pub mod learning_curve;
pub mod map2d;
pub mod neighbours;
pub mod published;
mod vectors;

pub use vectors::{about, mean};

use crate::error::Result;

/// Gets parts done and all, between them, and stops the work by an error.
pub type Watch<'a> = &'a mut dyn FnMut(usize, usize) -> Result<()>;

/// For a [`Watch`]: nobody looks, and nothing stops it.
///
/// # Errors
/// Never.
pub fn unwatched(_: usize, _: usize) -> Result<()> {
    Ok(())
}
