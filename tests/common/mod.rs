//! Helpers shared by the integration tests.
#![allow(dead_code, reason = "every test binary uses some of them")]

pub mod formula;
