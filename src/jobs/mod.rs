//! The engine: everything that takes long runs here.
