//! What features say of their own order: clusters that nobody named, how evenly they fill the sphere, and
//! who is near whom.

mod agreement;
mod k_means;
mod silhouette;
mod sphere;

pub use agreement::{Agreement, neighbour_agreement, neighbour_purity};
pub use k_means::{Clusters, KMeansConfig, k_means};
pub use silhouette::{Silhouette, SilhouetteConfig, silhouette};
pub use sphere::{alignment, distances_between, potentials, uniformity};
