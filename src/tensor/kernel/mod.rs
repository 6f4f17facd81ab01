//! What the CPU computes with: plain slices, channels last, compiled for the vectors that the
//! processor has.
//!
//! Work is cut by shape alone and every sum belongs to one image, so that results have the same
//! bits whatever the number of threads and whatever else is in the batch. Only gradients of parameters
//! are sums over a batch: over pieces of it that are cut by shape and added in order.

pub mod attention;
pub mod attention_back;
pub mod direct;
pub mod gelu;
pub mod lane;
pub mod linear;
pub mod memory;
pub mod norm;
pub mod norm_back;
pub mod pairs;
pub mod pool;
pub mod product;
pub mod row_norm;
pub mod share;
pub mod source;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod token_tests;
pub mod winograd;

use rayon::prelude::*;

/// How to compute, and whether on all threads.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// Instructions.
    pub isa: lane::Isa,
    /// Whether other threads have nothing else to do.
    pub on_all_threads: bool,
}

/// `work` for 0 … count − 1: on all threads, or here, where other threads have images of their own.
pub fn each(on_all_threads: bool, count: usize, work: impl Fn(usize) + Send + Sync) {
    if on_all_threads && count > 1 {
        (0..count).into_par_iter().for_each(work);
    } else {
        (0..count).for_each(work);
    }
}

/// `work` for every image of a batch, with whether it should spread over all threads and with its
/// part of `out`: with many images every thread takes whole ones, whose maps stay in its cache.
pub fn each_image(images: usize, out: &mut [f32], work: impl Fn(usize, bool, &mut [f32]) + Send + Sync) {
    let each = (out.len() / images.max(1)).max(1);
    if images < 2 * rayon::current_num_threads() {
        out.chunks_mut(each).enumerate().for_each(|(image, out)| work(image, true, out));
    } else {
        out.par_chunks_mut(each).enumerate().for_each(|(image, out)| work(image, false, out));
    }
}
