//! Kernels over candle, without knowledge of any network.
//!
//! On the CPU every result is bit-equal whatever the number of threads and whatever else is in the
//! batch: work is cut by shape alone, and each sum belongs to one image and one thread.

pub mod attention;
pub mod conv;
pub mod device;
#[allow(unsafe_code, reason = "vectors, and maps that threads share; tested against plain loops")]
mod kernel;
pub mod layout;
pub mod norm;
pub mod precision;
pub mod resample;
pub mod rng;
pub mod rows;
#[cfg(test)]
mod testing;
pub mod token;

pub use kernel::memory::{Memory, make_room};

use crate::error::Error;

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Error {
        log::debug!("candle: {error:?}");
        let text = error.to_string();
        Error::Compute(text.lines().next().unwrap_or("unknown").to_string())
    }
}
