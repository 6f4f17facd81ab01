//! Pictures that belong together, to be labelled at once.

use super::refit::Suggestions;
use super::session::Session;
use crate::data::duplicates::Duplicates;
use crate::error::Result;
use crate::heads::Rows;
use crate::study::measures::Watch;
use crate::study::measures::clusters::{KMeansConfig, k_means};

/// Why pictures are one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKind {
    /// They look the same: other sizes, formats and compressions of one picture.
    SameLook,
    /// Their features form a cluster.
    Cluster,
}

/// Pictures that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Why.
    pub kind: GroupKind,
    /// The pictures: near-duplicates ascending, a cluster from its middle outwards.
    pub pictures: Vec<usize>,
}

/// What is known of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupState {
    /// Pictures without a mark: what labelling the group would label.
    pub open: Vec<usize>,
    /// The class that most of its pictures have or would get, of equals the first; none without labels and
    /// suggestions.
    pub class: Option<usize>,
    /// The share of pictures that have or would get that class.
    pub agreed: f64,
}

/// Groups of pictures that look the same.
pub fn same_look(duplicates: &Duplicates) -> Vec<Group> {
    let group = |pictures: &Vec<usize>| Group { kind: GroupKind::SameLook, pictures: pictures.clone() };
    duplicates.near.iter().map(group).collect()
}

/// Clusters of pictures by their features `rows`, of [`Space::rows`](super::Space::rows) for instance, the
/// largest first. `watch` gets parts done and all.
///
/// # Errors
/// When there are no pictures or no clusters asked for; what `watch` returns.
pub fn clusters(rows: &Rows, config: KMeansConfig, watch: Watch<'_>) -> Result<Vec<Group>> {
    let found = k_means(rows, config, watch)?;
    let mut groups = vec![Vec::new(); found.centres.count()];
    for (picture, (row, &cluster)) in rows.iter().zip(&found.labels).enumerate() {
        let pairs = row.iter().zip(found.centres.row(cluster));
        let distance: f64 = pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
        groups[cluster].push((distance, picture));
    }
    for group in &mut groups {
        group.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    let group = |members: Vec<(f64, usize)>| Group {
        kind: GroupKind::Cluster,
        pictures: members.into_iter().map(|(_, picture)| picture).collect(),
    };
    Ok(groups.into_iter().filter(|group| !group.is_empty()).map(group).collect())
}

impl Group {
    /// What is known of the group.
    pub fn state(&self, session: &Session, suggestions: Option<&Suggestions>) -> GroupState {
        let mut votes = vec![0usize; session.classes().len()];
        let mut open = Vec::new();
        for &picture in &self.pictures {
            let mark = session.marks()[picture];
            if mark == super::Mark::Blank {
                open.push(picture);
            }
            let suggested =
                || suggestions.map(|all| all.best(picture).class).filter(|_| mark == super::Mark::Blank);
            if let Some(class) = mark.class().or_else(suggested)
                && let Some(votes) = votes.get_mut(class)
            {
                *votes += 1;
            }
        }
        let most = votes.iter().copied().max().filter(|&most| most > 0);
        let class = most.and_then(|most| votes.iter().position(|&votes| votes == most));
        let agreed = most.unwrap_or(0) as f64 / self.pictures.len().max(1) as f64;
        GroupState { open, class, agreed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::LabelSource;
    use crate::study::label::Mark;
    use crate::study::measures::unwatched;

    #[test]
    fn clusters_come_from_the_largest_and_their_middles() {
        let values = vec![0.0, 0.2, 0.1, 10.0, 10.4, 10.1, 10.2, 30.0];
        let rows = Rows::new(1, values).unwrap();
        let groups = clusters(&rows, KMeansConfig::new(3, 0), &mut unwatched).unwrap();
        let pictures: Vec<&[usize]> = groups.iter().map(|group| &group.pictures[..]).collect();
        assert_eq!(pictures, [&[6, 5, 3, 4][..], &[2, 0, 1], &[7]]);
        assert!(groups.iter().all(|group| group.kind == GroupKind::Cluster));
    }

    #[test]
    fn a_group_knows_what_it_would_be_labelled_as() {
        let near = vec![vec![0, 2, 3], vec![1, 4]];
        let groups = same_look(&Duplicates { group_of: vec![0, 1, 0, 0, 1], exact: Vec::new(), near });
        let mut session = Session::new(5, vec!["a".into(), "b".into()]);
        let [first, second] = &groups[..] else { panic!("{groups:?}") };
        assert_eq!(first.state(&session, None), GroupState { open: vec![0, 2, 3], class: None, agreed: 0.0 });
        session.mark("hand", &[2], Mark::Class { class: 1, source: LabelSource::Hand }).unwrap();
        session.mark("unsure", &[4], Mark::Unsure).unwrap();
        let probabilities = vec![0.9, 0.1, 0.8, 0.2, 0.9, 0.1, 0.3, 0.7, 0.9, 0.1];
        let suggestions = Suggestions { classes: 2, probabilities };
        let state = first.state(&session, Some(&suggestions));
        assert_eq!((state.open.clone(), state.class, state.agreed), (vec![0, 3], Some(1), 2.0 / 3.0));
        let all = Mark::Class { class: 1, source: LabelSource::Bulk };
        assert_eq!(session.mark("group", &state.open, all).unwrap().unwrap().steps.len(), 2);
        assert_eq!(second.state(&session, Some(&suggestions)).agreed, 0.5, "who is unsure suggests nothing");
        session.undo();
        assert_eq!(session.counts().labelled(), 1, "one step undoes the group");
    }
}
