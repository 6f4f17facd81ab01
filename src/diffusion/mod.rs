//! Schedules and noising.
