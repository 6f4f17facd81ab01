//! Studies over many runs: what their numbers are worth, and how they are reported.

pub mod chart;
pub mod report;
pub mod statistics;
pub mod table;
