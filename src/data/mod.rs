//! Pictures and data sets on disk.
