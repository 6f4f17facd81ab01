use super::*;
use crate::heads::{HeadConfig, HeadKind, InstantHead};
use crate::project::LabelSource;
use crate::study::label::Order;
use crate::study::label::Session;
use crate::tensor::rng::standard_normal;

const COUNT: usize = 60;
const WIDTH: usize = 6;

fn rows() -> Vec<f32> {
    let mut values = standard_normal(&[9; 32], COUNT * WIDTH);
    for (picture, row) in values.chunks_exact_mut(WIDTH).enumerate() {
        row[picture % 3] += 3.0;
        row[5] = 40.0 + 0.2 * row[5];
    }
    values
}

fn hand(class: usize) -> Mark {
    Mark::Class { class, source: LabelSource::Hand }
}

fn state(session: &Session) -> LabelState {
    LabelState {
        number: 1,
        marks: session.marks().to_vec(),
        classes: session.class_list().clone(),
        answers: vec![None; COUNT],
        order: Order::Recommended,
        class: None,
        similar_to: None,
        seed: 0,
        target: 0.9,
        suggested: (0, 0),
    }
}

fn session(classes: &[&str], labels: &[(usize, usize)]) -> Session {
    let mut session = Session::new(COUNT, classes.iter().map(ToString::to_string).collect());
    for &(picture, class) in labels {
        session.mark("label", &[picture], hand(class)).unwrap();
    }
    session
}

/// A labeller with the features of `pictures`.
fn labeller(pictures: impl IntoIterator<Item = usize>) -> Labeller {
    let mut labeller = Labeller::new(COUNT);
    labeller.begin(WIDTH);
    add(&mut labeller, pictures);
    labeller
}

fn add(labeller: &mut Labeller, pictures: impl IntoIterator<Item = usize>) {
    let rows = rows();
    pictures.into_iter().for_each(|picture| {
        labeller.add(picture, &rows[picture * WIDTH..][..WIDTH]).unwrap();
    });
}

fn suggestions(labeller: &Labeller, session: &Session) -> Vec<f32> {
    labeller.suggestions(session.classes().len()).unwrap().probabilities
}

const LABELS: [(usize, usize); 9] =
    [(0, 0), (1, 1), (2, 2), (12, 0), (13, 1), (14, 2), (30, 0), (31, 1), (44, 2)];

#[test]
fn features_that_come_late_end_at_what_those_of_all_at_once_give() {
    let session = session(&["a", "b", "c"], &LABELS);
    let mut whole = labeller(0..COUNT);
    assert!(whole.gather(false).unwrap() && !whole.gather(false).unwrap());
    whole.follow(&state(&session)).unwrap();

    let mut late = labeller(0..20);
    late.follow(&state(&session)).unwrap();
    assert!(late.suggestions(3).is_none() && late.space().is_none(), "nothing is gathered yet");
    let first = late.next(&state(&session)).unwrap();
    assert_eq!((first.len(), first.contains(&12)), (COUNT - LABELS.len(), false), "labelling works before");
    assert!(late.gather(false).unwrap());
    late.follow(&state(&session)).unwrap();
    assert_eq!(late.regression().unwrap().pictures().len(), 6, "labels whose features are there");
    let next = late.next(&state(&session)).unwrap();
    assert!(next[..14].iter().all(|&picture| picture < 20) && next[14..].iter().all(|&p| p >= 20));
    assert!(late.audit(&state(&session), None).audited.is_none());
    add(&mut late, 20..25);
    assert!(!late.gather(false).unwrap(), "few more do not change the scale");
    let mut idle = labeller(0..20);
    idle.gather(false).unwrap();
    add(&mut idle, 20..22);
    assert!(idle.has_more() && !idle.gather(false).unwrap() && idle.gather(true).unwrap());
    assert!(!idle.has_more() && !idle.gather(true).unwrap() && idle.within()[21]);
    add(&mut late, 25..COUNT);
    assert!(late.gather(false).unwrap());
    late.follow(&state(&session)).unwrap();
    assert_eq!(suggestions(&late, &session), suggestions(&whole, &session));
    assert_eq!(late.next(&state(&session)).unwrap(), whole.next(&state(&session)).unwrap());
    let right = whole.left_out().1.unwrap();
    assert!(right.count == 9 && right.right >= 7, "{right:?}");
    assert!(late.add(0, &[f32::NAN; WIDTH]).is_err() && late.add(0, &[0.0]).is_err());
}

#[test]
fn classes_that_come_go_and_merge_give_what_a_new_labeller_gives() {
    let mut session = session(&["a", "b", "c", "d"], &LABELS);
    let mut followed = labeller(0..COUNT);
    followed.gather(false).unwrap();
    let mut check = |session: &Session, classes: &[usize]| {
        followed.follow(&state(session)).unwrap();
        assert_eq!(followed.known(), classes);
        let mut fresh = labeller(0..COUNT);
        fresh.gather(false).unwrap();
        fresh.follow(&state(session)).unwrap();
        let (a, b) = (suggestions(&followed, session), suggestions(&fresh, session));
        // Another order of labels and another penalty on the way leave rounding.
        followed.refit.as_mut().unwrap().tune();
        fresh.refit.as_mut().unwrap().tune();
        let (a, b) = match a == b {
            true => (a, b),
            false => (suggestions(&followed, session), suggestions(&fresh, session)),
        };
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-3), "{a:?} {b:?}");
        for row in a.chunks_exact(session.classes().len()) {
            let gone = row.iter().enumerate().filter(|(class, _)| !classes.contains(class));
            assert_eq!(gone.map(|(_, p)| *p).sum::<f32>(), 0.0);
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
    };
    check(&session, &[0, 1, 2, 3]);
    session.add_class("e").unwrap();
    session.mark("label", &[50, 51], hand(4)).unwrap();
    check(&session, &[0, 1, 2, 3, 4]);
    session.merge_class(1, 4).unwrap();
    session.remove_class(3).unwrap();
    check(&session, &[0, 2, 4]);
    session.undo();
    session.undo();
    check(&session, &[0, 1, 2, 3, 4]);
}

#[test]
fn one_class_suggests_nothing_and_order_goes_on() {
    let session = session(&["a"], &[(5, 0)]);
    let mut labeller = labeller(0..COUNT);
    labeller.gather(false).unwrap();
    labeller.follow(&state(&session)).unwrap();
    assert!(labeller.suggestions(1).is_none() && labeller.left_out().0.is_empty());
    assert_eq!(labeller.next(&state(&session)).unwrap().len(), COUNT - 1);
    assert_eq!(labeller.why(3, 4).unwrap().len(), 1);
    let none = Session::new(COUNT, Vec::new());
    labeller.follow(&state(&none)).unwrap();
    assert!(labeller.known().is_empty() && labeller.why(3, 4).unwrap().is_empty());
    for order in Order::ALL {
        let next = labeller.next(&LabelState { order, ..state(&none) }).unwrap();
        assert_eq!(next.len(), if order.is_of_labelled() { 0 } else { COUNT }, "{order}");
    }
}

#[test]
fn the_weights_are_the_suggestions() {
    let session = session(&["a", "b", "c"], &LABELS);
    let mut labeller = labeller(0..COUNT);
    labeller.gather(false).unwrap();
    labeller.follow(&state(&session)).unwrap();
    let refit = labeller.regression().unwrap();
    let (weights, biases) = refit.weights();
    let config = HeadConfig {
        kind: HeadKind::Ridge,
        timesteps: vec![0],
        blocks: vec![1],
        second: Vec::new(),
        feedback: Vec::new(),
        pool: 1,
        norm: Default::default(),
        width: 1,
        heads: 1,
        layers: 1,
        mlp_ratio: 1,
        hidden: Vec::new(),
        feedback_arch: Default::default(),
        kept_rows: true,
    };
    let head = InstantHead::linear(&config, weights, biases, refit.choice()).unwrap();
    let said = head.probabilities(&Rows::new(WIDTH, rows()).unwrap()).unwrap();
    assert_eq!(said, suggestions(&labeller, &session), "to the bit");
    let by_products = refit.suggestions().probabilities;
    assert!(said.iter().zip(&by_products).all(|(a, b)| (a - b).abs() < 1e-4));
    assert!(InstantHead::linear(&config, vec![0.0; 7], vec![0.0; 3], refit.choice()).is_err());
}

#[test]
fn answers_follow_classes_and_labels_end_them() {
    let mut session = session(&["a", "b", "c"], &LABELS);
    let mut labeller = labeller(0..COUNT);
    labeller.gather(false).unwrap();
    let mut state_of = |session: &Session, answers: &[(usize, Answer)]| {
        let mut state = state(session);
        answers.iter().for_each(|&(picture, answer)| state.answers[picture] = Some(answer));
        labeller.follow(&state).unwrap();
        let suggestions = labeller.suggestions(session.classes().len());
        labeller.audit(&state, suggestions.as_ref())
    };
    let mut answers = Vec::new();
    for _ in 0..12 {
        let next = state_of(&session, &answers).next.unwrap();
        answers.push((next, Answer::Class(next % 3)));
    }
    let audited = state_of(&session, &answers).audited.unwrap();
    assert_eq!((audited.asked, audited.unlearned), (12, COUNT - 9));
    session.merge_class(2, 1).unwrap();
    let merged = state_of(&session, &answers);
    assert!(merged.audited.unwrap().right >= audited.right, "answers go over to the class");
    session.mark("learned", &[answers[0].0], hand(0)).unwrap();
    let now = state_of(&session, &answers);
    assert_eq!((now.audited.unwrap().asked, now.answered), (11, 12));
    assert!(now.bias.is_none());
    let mut biased = state(&session);
    biased.suggested = (3, 4);
    assert!(labeller.audit(&biased, None).bias.unwrap().contains("75"));
}

#[test]
fn the_first_pictures_lie_everywhere() {
    let order = spread(1000);
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, all(1000));
    let mut first: Vec<usize> = order[..50].to_vec();
    first.sort_unstable();
    let gaps = first.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(first[0] < 60 && gaps < 60, "{gaps}");
}

#[test]
fn what_is_chosen_aside_counts_for_the_features_it_was_chosen_for() {
    let (count, width) = (200, 3);
    let mut labeller = Labeller::new(count);
    labeller.begin(width);
    let values = standard_normal(&[4; 32], count * width);
    for (picture, row) in values.chunks_exact(width).enumerate() {
        let row: Vec<f32> = row.iter().map(|value| value + (picture % 2) as f32).collect();
        labeller.add(picture, &row).unwrap();
    }
    labeller.gather(false).unwrap();
    let mut session = Session::new(count, ["a", "b"].map(String::from).to_vec());
    let marks: Vec<(usize, Mark)> = (0..170).map(|picture| (picture, hand(picture % 2))).collect();
    session.mark_each("label", &marks).unwrap();
    let state = LabelState { answers: vec![None; count], ..state(&session) };
    labeller.follow(&state).unwrap();
    let before = labeller.regression().unwrap().penalty();
    let (first, second) = (labeller.tuning().unwrap().run(), labeller.tuning().unwrap().run());
    let generation = labeller.generation();
    assert!(!labeller.adopt(first, generation + 1));
    assert!(labeller.adopt(second, generation) && labeller.tuning().is_none());
    assert_ne!(labeller.regression().unwrap().penalty(), before);
    let space = Arc::clone(labeller.space().unwrap());
    assert!(labeller.cover_work().is_none(), "so few are compared at once");
    assert!(!labeller.take_cover(Cover::new(&space, &[], 0), generation + 1));
    assert!(labeller.take_cover(Cover::new(&space, &[], 0), generation));
    let next = labeller.next(&state).unwrap();
    assert_eq!(next.len(), 30);
    labeller.reset();
    assert!(labeller.regression().is_none() && labeller.has_more());
    assert!(labeller.gather(true).unwrap());
    labeller.follow(&state).unwrap();
    assert_eq!(labeller.regression().unwrap().pictures().len(), 170);
}
