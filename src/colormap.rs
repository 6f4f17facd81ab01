//! Colour maps evaluated on the CPU.
