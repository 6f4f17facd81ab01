//! Labelling of a data set: opened with what the project has of it, marked without waiting, followed by a
//! thread that suggests, and saved as it happens.
//!
//! The window holds a [`LabelSession`]. What it changes is so at once in memory; a thread of its own, the
//! labeller, follows the newest state (what it has not begun is replaced by what is newer) and publishes a
//! [`LabelSnapshot`], and the keeper saves every change in the order in which they were made.

mod follow;
mod gather;
mod groups;
mod head;
mod larger;
mod link;
mod open;
mod session;
mod snapshot;

pub use gather::LabelFeaturesJob;
pub use larger::LargerHeadJob;
pub use open::{KeptLabels, LabelPicture, OpenedLabels};
pub use session::{LabelSession, LabelSettings};
pub use snapshot::{Groups, GroupsFound, LabelSnapshot, Why};
