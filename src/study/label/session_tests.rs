use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::heads::Rows;
use crate::study::label::{Filter, Names, Refit, Shown, Sort, Space, Suggestions};

fn classes() -> Vec<String> {
    ["cat", "dog", "bird"].map(String::from).to_vec()
}

fn hand(class: usize) -> Mark {
    Mark::Class { class, source: LabelSource::Hand }
}

/// Counted anew.
fn recount(session: &Session) -> Counts {
    let of = |wanted: &dyn Fn(Mark) -> bool| session.marks().iter().filter(|mark| wanted(**mark)).count();
    let of_source =
        |wanted: LabelSource| of(&|mark| matches!(mark, Mark::Class { source, .. } if source == wanted));
    Counts {
        classes: (0..session.classes().len()).map(|class| of(&|mark| mark.class() == Some(class))).collect(),
        blank: of(&|mark| mark == Mark::Blank),
        unsure: of(&|mark| mark == Mark::Unsure),
        outside: of(&|mark| mark == Mark::Outside),
        sources: [LabelSource::Hand, LabelSource::Accepted, LabelSource::Bulk].map(of_source),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Undone to the beginning and done again to the end, every state on the way is met; counts are always
    /// right, and a regression that follows the steps has the labels of the session.
    #[test]
    fn history_has_no_limit_and_loses_nothing(
        marks in proptest::collection::vec((proptest::collection::vec(0usize..12, 1..6), 0usize..8), 1..40),
    ) {
        let values = (0..24).map(|v| (v * v % 7) as f32).collect();
        let space = Space::new(&Rows::new(2, values).unwrap(), &[0, 1, 2]).unwrap();
        let mut refit = Refit::new(Arc::new(space), 3).unwrap();
        let mut session = Session::new(12, classes());
        let mut states = vec![session.marks().to_vec()];
        for (pictures, kind) in &marks {
            let mark = match kind {
                0 => Mark::Blank,
                1 => Mark::Unsure,
                2 => Mark::Outside,
                3 => Mark::Class { class: 0, source: LabelSource::Bulk },
                4 => Mark::Class { class: 1, source: LabelSource::Accepted },
                kind => hand(kind - 5),
            };
            if let Some(change) = session.mark("mark", pictures, mark).unwrap() {
                for step in &change.steps {
                    prop_assert_ne!(step.before, step.after);
                    refit.label(step.picture, step.after.class()).unwrap();
                }
                states.push(session.marks().to_vec());
            }
            prop_assert_eq!(session.counts(), &recount(&session));
        }
        for state in states.iter().rev().skip(1) {
            for step in session.undo().unwrap().steps.iter().rev() {
                refit.label(step.picture, step.before.class()).unwrap();
            }
            prop_assert_eq!(session.marks(), &state[..]);
            prop_assert_eq!(session.counts(), &recount(&session));
        }
        prop_assert!(session.undo().is_none() && refit.pictures().is_empty());
        for state in &states[1..] {
            for step in &session.redo().unwrap().steps {
                refit.label(step.picture, step.after.class()).unwrap();
            }
            prop_assert_eq!(session.marks(), &state[..]);
        }
        prop_assert!(session.redo().is_none());
        for (picture, mark) in session.marks().iter().enumerate() {
            prop_assert_eq!(refit.label_of(picture), mark.class());
        }
    }
}

#[test]
fn a_new_change_ends_what_was_undone_and_wrong_ones_change_nothing() {
    let mut session = Session::new(5, classes());
    session.mark("one", &[0, 1], hand(0)).unwrap();
    session.mark("two", &[1], hand(1)).unwrap();
    assert_eq!(session.undo().unwrap().what, "two");
    assert!(session.mark("same", &[0, 1], hand(0)).unwrap().is_none(), "nothing became another");
    assert!(
        session.mark("wrong", &[2, 5], hand(1)).is_err() && session.mark("wrong", &[2], hand(3)).is_err()
    );
    assert_eq!(session.redo().unwrap().what, "two", "neither is part of the history");
    session.undo();
    session.mark("three", &[4], Mark::Unsure).unwrap();
    assert!(session.redo().is_none());
    let (history, done) = session.history();
    assert_eq!((history.len(), done, &history[1].what[..]), (2, 2, "three"));
    assert_eq!((session.counts().labelled(), session.counts().unsure), (2, 1));
    assert_eq!(session.add_class(" fish ").unwrap(), 3);
    assert!(session.add_class("dog").is_err() && session.add_class(" ").is_err());
    session.mark("four", &[3], hand(3)).unwrap();
    let restored = Session::restore(session.classes().to_vec(), session.marks().to_vec()).unwrap();
    assert_eq!((restored.counts(), restored.history().1), (session.counts(), 0));
    assert!(Session::restore(classes(), vec![hand(3)]).is_err());
}

#[test]
fn lists_show_what_is_asked_for() {
    let names: Vec<String> = ["Cat 10", "cat 2", "dog 1", "Bird"].map(String::from).to_vec();
    let names = Names::new(&names);
    let mut session = Session::new(4, classes());
    session.mark("label", &[1], hand(0)).unwrap();
    session.mark("unsure", &[3], Mark::Unsure).unwrap();
    session.mark("outside", &[2], Mark::Outside).unwrap();
    let probabilities = vec![0.5, 0.3, 0.2, 0.9, 0.1, 0.0, 0.2, 0.7, 0.1, 0.4, 0.3, 0.3];
    let suggestions = Suggestions { classes: 3, probabilities };
    let list = |filter: Filter, sort: Sort| names.list(&session, Some(&suggestions), &filter, sort);
    assert_eq!(list(Filter::default(), Sort::Name), [3, 1, 0, 2], "numbers by their value");
    assert_eq!(list(Filter::default(), Sort::LeastConfident), [3, 0, 2, 1]);
    assert_eq!(list(Filter::default(), Sort::MostConfident), [1, 2, 0, 3]);
    let by = |shown| list(Filter { shown, ..Filter::default() }, Sort::Name);
    assert_eq!((by(Shown::Blank), by(Shown::Labelled), by(Shown::Unsure)), (vec![0], vec![1], vec![3]));
    assert_eq!((by(Shown::Outside), by(Shown::Class(0)), by(Shown::Class(1))), (vec![2], vec![1], vec![]));
    assert_eq!(list(Filter { name: "CAT".into(), ..Filter::default() }, Sort::Name), [1, 0]);
    assert_eq!(list(Filter { suggested: Some(1), ..Filter::default() }, Sort::Name), [2]);
    assert_eq!(list(Filter { confidence: Some([0.5, 0.8]), ..Filter::default() }, Sort::Name), [0, 2]);
    let none = Filter { suggested: Some(0), ..Filter::default() };
    assert!(names.list(&session, None, &none, Sort::Name).is_empty());
}
