//! Pictures and data sets: reading untrusted files, preparing pictures for a network, listing what
//! can be opened. Depends only on `error` and `grid`.

pub mod bundled;
pub mod cifar;
mod container;
pub mod dataset;
pub mod decode;
pub mod duplicates;
pub mod idx;
pub mod library;
pub mod natural;
pub mod picture;
pub mod preprocess;
mod resample;
pub mod scan;
pub mod split;
mod table;

pub use dataset::{DataSet, Digest};
pub use decode::{decode, open};
pub use library::{Source, Thumbnail};
pub use picture::{Note, Origin, Picture};
pub use preprocess::{Placement, Prepared};
pub use scan::{Skipped, scan};
pub use split::{Part, Split};
