//! How heads learn, and how well they did.

pub mod metrics;
