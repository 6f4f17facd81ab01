//! Labels out and in: what comes back, what other programs get, and what is never done to a picture.

mod csv_tests;
mod folder_tests;
mod format_tests;

use super::*;
use crate::data::dataset::Digest;
use crate::project::LabelSource;
use crate::study::label::Mark;

fn digest(number: u8) -> Digest {
    Digest([number; 32])
}

fn class(class: usize, source: LabelSource) -> Mark {
    Mark::Class { class, source }
}

fn picture(place: &str, number: u8, mark: Mark) -> LabelPicture {
    LabelPicture {
        place: place.into(),
        digest: Some(digest(number)),
        mark,
        made: (mark != Mark::Blank).then_some(1_764_091_529_123 + i64::from(number)),
        suggestion: None,
        size: None,
    }
}

fn classes(names: &[&str]) -> Vec<LabelClass> {
    let look = |(number, name): (usize, &&str)| LabelClass {
        name: (*name).to_string(),
        colour: [number as u8, 114, 178],
    };
    names.iter().enumerate().map(look).collect()
}

/// Everything that a label can be, with names that need care.
fn birds() -> LabelSet {
    let mut set = LabelSet {
        classes: classes(&["wren", "great \"tit\", <m&f>"]),
        pictures: vec![
            picture("/birds/a/1.png", 1, class(0, LabelSource::Hand)),
            picture("/birds/a/1.jpg", 2, class(1, LabelSource::Accepted)),
            picture("/birds/ünder, \"b\"/2 #3.png", 3, class(1, LabelSource::Bulk)),
            picture("/birds/4.png", 4, Mark::Unsure),
            picture("/birds/5.png", 5, Mark::Outside),
            picture("/birds/6.png", 6, Mark::Blank),
        ],
    };
    set.pictures[0].size = Some([40, 30]);
    set.pictures[5].suggestion = Some(Suggested { class: 1, confidence: 0.9 });
    set.pictures[0].suggestion = Some(Suggested { class: 0, confidence: 0.25 });
    set
}

fn names(set: &LabelSet) -> Vec<String> {
    set.classes.iter().map(|class| class.name.clone()).collect()
}
