//! Sweeps without labels: how the features of pictures lie among themselves, in every block at every step.
//!
//! A cell's value is the mean over pictures of what each adds ([`measure`]), so that cells are compared
//! picture by picture as those that learn are. It says nothing about particular classes.

mod measure;
mod pictures;
mod report;
mod run;
mod work;

pub use run::FreeRun;

#[cfg(test)]
mod tests;
