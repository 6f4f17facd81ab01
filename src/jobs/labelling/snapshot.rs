//! What the labeller says.

use std::sync::Arc;

use crate::study::label::{AuditNow, Checked, Example, Group, LargerReport, LeftOut, Suggestions};

/// What follows from a state of a labelling session.
#[derive(Clone, Debug, Default)]
pub struct LabelSnapshot {
    /// The state that features and suggestions follow; later ones are larger.
    pub state: u64,
    /// The state that all else follows, a moment later.
    pub ranked: u64,
    /// Whether all of it follows the features and labels that have come so far.
    pub is_settled: bool,
    /// How many pictures have features that count already.
    pub ready: usize,
    /// Which.
    pub has_features: Arc<[bool]>,
    /// Pictures that gave no features, and why.
    pub failed: Arc<[(usize, String)]>,
    /// What pictures would be labelled as, by number of the class; none before there are two classes, a label
    /// and features. Of pictures without features they say nothing.
    pub suggestions: Option<Arc<Suggestions>>,
    /// Pictures in the order asked for, the best first.
    pub next: Arc<[usize]>,
    /// Labelled pictures, the likeliest mistakes first.
    pub check: Arc<[Checked]>,
    /// How often labels are what all others say.
    pub left_out: Option<LeftOut>,
    /// The audit.
    pub audit: AuditNow,
    /// How the larger head that was tried last compares with the ridge.
    pub larger: Option<Arc<LargerReport>>,
    /// Whether suggestions are those of that head, and not of the ridge.
    pub by_larger: bool,
    /// The groups asked for, once they are found.
    pub groups: Option<Arc<GroupsFound>>,
    /// Milliseconds from the newest change to its suggestions.
    pub refit_ms: f64,
    /// The penalty in use, on products of standardised rows.
    pub penalty: f64,
    /// What went wrong last; the labeller goes on.
    pub error: Option<String>,
}

/// Why a picture gets the label suggested.
#[derive(Clone, Debug, PartialEq)]
pub struct Why {
    /// The picture.
    pub picture: usize,
    /// The labelled pictures nearest to it, the nearest first.
    pub examples: Vec<Example>,
}

/// Which groups are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Groups {
    /// Pictures that look the same.
    SameLook,
    /// So many clusters of pictures with features.
    Clusters(usize),
}

/// Groups that were found.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupsFound {
    /// What was asked for.
    pub asked: Groups,
    /// The groups.
    pub groups: Vec<Group>,
    /// Why there are none, where something does not allow it.
    pub failed: Option<String>,
}
