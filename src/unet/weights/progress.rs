//! How far reading, hashing and writing have come.

use std::ops::ControlFlow;

use crate::error::{Error, Result};

/// How far a long file operation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done: "hashing", "reading", "writing".
    pub what: &'static str,
    /// Bytes done.
    pub done: u64,
    /// Bytes to do.
    pub total: u64,
}

/// Called as bytes are done; `Break` cancels.
pub type OnProgress<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// Counts bytes for an [`OnProgress`].
pub(super) struct Meter<'a> {
    report: OnProgress<'a>,
    now: Progress,
}

impl<'a> Meter<'a> {
    pub(super) fn new(report: OnProgress<'a>) -> Self {
        Meter { report, now: Progress { what: "reading", done: 0, total: 0 } }
    }

    /// Begins an operation over `total` bytes.
    pub(super) fn start(&mut self, what: &'static str, total: u64) -> Result<()> {
        self.now = Progress { what, done: 0, total };
        self.tell()
    }

    /// Counts `bytes` more.
    pub(super) fn add(&mut self, bytes: usize) -> Result<()> {
        self.now.done = (self.now.done + bytes as u64).min(self.now.total);
        self.tell()
    }

    fn tell(&mut self) -> Result<()> {
        match (self.report)(self.now) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Cancelled),
        }
    }
}
