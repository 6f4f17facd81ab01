//! One cell of a sweep looked into: what it says of every picture, which pictures it holds alike, and what
//! more pictures would bring.
//!
//! Pictures, folds and features are those of the sweep, so that answers and accuracy agree with its table
//! to the bit.

mod answers;
mod chosen;
mod config;
mod cost;
mod curve;
mod near;
mod noise;
mod records;
mod report;
mod run;
mod words;
mod work;
mod write;

pub use answers::{CellAnswers, ClassScore};
pub use config::{CellConfig, CurveConfig, NoiseConfig};
pub use cost::CellCost;
pub use curve::{CellCurve, CurvePoint, ForecastPoint, Target};
pub use near::LabelFree;
pub use noise::NoiseRow;
pub use report::{CellPicture, CellReport, Near};
pub use run::CellRun;
pub use write::{CELL_FILES, write_cell};
