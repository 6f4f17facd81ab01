//! Which pictures a cell holds alike, and what features say without labels.

use serde::Serialize;

use crate::error::Result;
use crate::heads::Rows;
use crate::study::measures::clusters::{
    KMeansConfig, SilhouetteConfig, k_means, neighbour_purity, silhouette, uniformity,
};
use crate::study::measures::neighbours::{Metric, Neighbour, all_nearest};
use crate::study::measures::{Watch, about, mean};

/// Clusters that are looked for where there are no classes.
const CLUSTERS: usize = 10;
/// Starts of k-means.
const STARTS: usize = 4;

/// What features say of their own order, and how it fits the classes where there are any. Angles are those
/// about the mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LabelFree {
    /// Clusters looked for: as many as classes, or 10.
    pub clusters: usize,
    /// The mean silhouette of pictures in these, −1 to 1; none where all pictures are the same.
    pub silhouette: Option<f64>,
    /// The mean silhouette in the classes.
    pub class_silhouette: Option<f64>,
    /// How evenly pictures fill the sphere: 0 where all are in one place, about −4 the most even.
    pub uniformity: Option<f64>,
    /// The share of nearest neighbours that are of the same class.
    pub same_class: Option<f64>,
    /// What neighbours drawn by lot would have of it.
    pub same_class_by_chance: Option<f64>,
    /// How far apart two noise draws of a picture lie, 0 to about 2; where noise was looked at.
    pub alignment: Option<f64>,
    /// The share of nearest neighbours that two noise draws have in common; where noise was looked at.
    pub agreement: Option<f64>,
}

/// Rows about their mean.
///
/// # Errors
/// Not expected.
pub(super) fn centred(rows: &Rows) -> Result<Rows> {
    about(rows, &mean(rows))
}

/// The nearest neighbours of each picture by the angle about the mean.
///
/// # Errors
/// What `watch` returns.
pub(super) fn nearest(rows: &Rows, count: usize, watch: Watch<'_>) -> Result<Vec<Vec<Neighbour>>> {
    all_nearest(rows, Metric::Cosine, count, watch)
}

/// What `rows`, about their mean, say without noise. `labels` are classes of each, and their number.
///
/// # Errors
/// What `watch` returns.
pub(super) fn label_free(
    rows: &Rows,
    lists: &[Vec<Neighbour>],
    labels: Option<(&[usize], usize)>,
    seed: u64,
    watch: Watch<'_>,
) -> Result<LabelFree> {
    let wanted = labels.map_or(CLUSTERS, |(_, classes)| classes).min(rows.count() / 2).max(2);
    let sample = SilhouetteConfig { seed, ..SilhouetteConfig::default() };
    let config = KMeansConfig { restarts: STARTS, ..KMeansConfig::new(wanted, seed) };
    let found = k_means(rows, config, watch)?;
    let inside = match found.centres.count() {
        0 | 1 => None,
        _ => Some(silhouette(rows, &found.labels, sample, watch)?.mean),
    };
    let mut measures = LabelFree {
        clusters: found.centres.count(),
        silhouette: inside,
        uniformity: Some(uniformity(rows, watch)?),
        ..LabelFree::default()
    };
    if let Some((labels, _)) = labels {
        measures.class_silhouette = Some(silhouette(rows, labels, sample, watch)?.mean);
        let purity = neighbour_purity(lists, labels)?;
        measures.same_class = Some(purity.mean);
        measures.same_class_by_chance = Some(purity.chance);
    }
    Ok(measures)
}
