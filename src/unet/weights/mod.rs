//! Reading checkpoints in OpenAI's layout from `.pt` and `.safetensors`.
//!
//! A file is data and untrusted: no pickle code runs, and every size is checked against the file's
//! length before memory is asked for. Opening reads every value once and keeps none; the network asks
//! for them one parameter at a time.

mod cache;
mod checkpoint;
mod configuration;
mod convert;
mod dictionary;
mod entry;
mod infer;
mod kinds;
mod locate;
mod machine;
mod open;
mod parameters;
mod pickle;
mod place;
mod progress;
mod safetensors;
mod state_dict;
mod store;
mod survey;
mod torch;
mod write;

pub use checkpoint::{LoadedCheckpoint, Misshapen};
pub use configuration::{ConfigSource, parse_config};
pub use convert::{ConvertReport, convert};
pub use dictionary::{Dictionaries, read_dictionaries};
pub use locate::locate;
pub(super) use open::open_embedded;
pub use open::{OpenOptions, open};
pub use parameters::{NetworkHasher, Parameters};
pub use progress::{OnProgress, Progress};
