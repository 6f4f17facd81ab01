//! Groups, found on a thread of their own: suggestions need not wait for them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::Builder;

use super::link::Link;
use super::snapshot::{Groups, GroupsFound};
use crate::data::dataset::Fingerprint;
use crate::data::duplicates::Duplicates;
use crate::error::{Error, Result};
use crate::study::label::{Group, Space, clusters, same_look};
use crate::study::measures::clusters::KMeansConfig;

/// What groups are made of.
pub(super) struct Ground {
    pub prints: Arc<Vec<Fingerprint>>,
    /// Features, and which pictures have some.
    pub space: Option<(Arc<Space>, Vec<usize>)>,
    pub seed: u64,
}

/// Finds the groups `asked` as request `number`, and tells `link`, unless another request has come.
pub(super) fn find(link: &Arc<Link>, number: u64, asked: Groups, ground: Ground) {
    let of_ours = Arc::clone(link);
    let work = move || {
        let is_wanted = || of_ours.groups_asked.load(Ordering::Relaxed) == number && !of_ours.is_closed();
        let (groups, failed) = match groups(asked, &ground, &is_wanted) {
            Ok(groups) => (groups, None),
            Err(error) if error.is_cancelled() => return,
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        let found = GroupsFound { asked, groups, failed };
        of_ours.put(|inbox| inbox.found = Some((number, found)));
    };
    if let Err(error) = Builder::new().name("groups".into()).spawn(work) {
        let found = GroupsFound { asked, groups: Vec::new(), failed: Some(error.to_string()) };
        link.put(|inbox| inbox.found = Some((number, found)));
    }
}

fn groups(asked: Groups, ground: &Ground, is_wanted: &dyn Fn() -> bool) -> Result<Vec<Group>> {
    let count = match asked {
        Groups::SameLook => return Ok(same_look(&Duplicates::of(&ground.prints))),
        Groups::Clusters(count) => count,
    };
    let Some((space, pictures)) = &ground.space else {
        return Err(Error::Setting("no picture has features yet; clusters are made of these".into()));
    };
    let rows = space.rows().pick(pictures);
    let config = KMeansConfig::new(count.clamp(1, pictures.len()), ground.seed);
    let mut watch = |_: usize, _: usize| if is_wanted() { Ok(()) } else { Err(Error::Cancelled) };
    let mut groups = clusters(&rows, config, &mut watch)?;
    for picture in groups.iter_mut().flat_map(|group| &mut group.pictures) {
        *picture = pictures[*picture];
    }
    Ok(groups)
}
