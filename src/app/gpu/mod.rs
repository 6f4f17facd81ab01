//! Drawing raw values on the GPU.
