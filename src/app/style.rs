//! Colours, spacing, type and icons: nowhere else.
