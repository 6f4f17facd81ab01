//! Widgets without knowledge of the engine.
