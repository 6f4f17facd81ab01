//! What the labeller says, while features come, classes change and pictures fail.

use super::*;
use difscope::heads::HeadKind;
use difscope::jobs::{Groups, LabelSettings, PredictJob};
use difscope::study::label::{Answer, LabelFeatures, LargerConfig, Order};

/// Labels `each` pictures of both kinds.
fn label_some(session: &mut LabelSession, each: usize) {
    session.add_class("upright").unwrap();
    session.add_class("level").unwrap();
    label_some_more(session, each);
}

/// Labels pictures of both kinds, `each` in all.
fn label_some_more(session: &mut LabelSession, each: usize) {
    let opened = Arc::clone(session.opened());
    let mut left = [each; 2];
    for (picture, entry) in opened.pictures.iter().enumerate() {
        let kind = kind(&entry.name);
        if left[kind] > 0 {
            left[kind] -= 1;
            session.mark("label", &[picture], hand(kind)).unwrap();
        }
    }
}

#[test]
fn a_folder_without_labels_is_labelled_before_and_after_its_features() {
    let folder = tempfile::tempdir().unwrap();
    let front = Front::on(&folder.path().join("p.difscope"));
    let data = bars(folder.path(), 40);
    let mut session = front.open(&data);
    let opened = Arc::clone(session.opened());
    assert_eq!((opened.pictures.len(), opened.skipped.len(), opened.is_new), (40, 1, true));
    assert!(opened.skipped[0].path.ends_with("notes.png") && opened.given_classes.is_empty());
    let before = settled(&session, 0);
    assert_eq!((before.next.len(), before.suggestions.is_none()), (40, true));

    label_some(&mut session, 4);
    let waiting = settled(&session, 0);
    assert_eq!((waiting.next.len(), waiting.suggestions.is_none()), (32, true));
    assert!(waiting.next.iter().all(|&picture| session.session().marks()[picture] == Mark::Blank));
    let said = front.features(&session);
    assert!(said.contains("40 pictures") && said.contains("40 passes"), "{said}");
    let now = settled(&session, 40);
    let suggestions = now.suggestions.as_ref().unwrap();
    let right = opened.pictures.iter().enumerate();
    let right = right.filter(|(at, entry)| suggestions.best(*at).class == kind(&entry.name)).count();
    assert!(right >= 32, "{right} of 40");
    assert_eq!((now.next.len(), now.check.len(), now.left_out.unwrap().count), (32, 8, 8));
    assert!(now.failed.is_empty() && now.error.is_none() && now.penalty > 0.0);

    // Again, and nothing has to be computed.
    let said = front.features(&session);
    assert!(said.contains(" 0 passes"), "{said}");
    assert_eq!(settled(&session, 40).suggestions, now.suggestions);

    let unlabelled = now.next[0];
    let why = loop {
        if let Some(why) = session.why(unlabelled, 3) {
            break why;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    assert_eq!((why.picture, why.examples.len()), (unlabelled, 3));
    assert!(why.examples.iter().all(|example| session.session().marks()[example.picture].class().is_some()));

    session.ask_groups(Some(Groups::Clusters(5)));
    session.ask_groups(Some(Groups::Clusters(2)));
    let found = until(&session, |now| now.groups.is_some()).groups.clone().unwrap();
    assert_eq!((found.asked, found.groups.len()), (Groups::Clusters(2), 2), "the newest request counts");
    assert_eq!(found.groups.iter().map(|group| group.pictures.len()).sum::<usize>(), 40);
    session.ask_groups(Some(Groups::SameLook));
    until(&session, |now| now.groups.as_ref().is_some_and(|found| found.asked == Groups::SameLook));
    session.ask_groups(None);
    until(&session, |now| now.groups.is_none());
}

#[test]
fn the_newest_state_wins_and_classes_come_while_it_works() {
    let folder = tempfile::tempdir().unwrap();
    let front = Front::on(&folder.path().join("p.difscope"));
    let mut session = front.open(bars(folder.path(), 30));
    let job = front.engine.submit(session.features_job());
    label_some(&mut session, 3);
    // Faster than anybody could follow.
    let unsure: Vec<usize> =
        (0..30).filter(|&picture| session.session().marks()[picture] == Mark::Blank).collect();
    for round in 0..60 {
        let mark = if round % 2 == 0 { Mark::Unsure } else { Mark::Blank };
        session.mark("flicker", &unsure, mark).unwrap();
    }
    let third = session.add_class("third").unwrap();
    session.mark("label", &[unsure[0]], hand(third)).unwrap();
    assert!(matches!(front.end_of(job), JobState::Done(_)));
    let now = settled(&session, 30);
    assert_eq!(now.suggestions.as_ref().unwrap().classes, 3);
    assert_eq!(now.next.len(), unsure.len() - 1);
    assert_eq!(now.left_out.unwrap().count, 7);

    session.merge_class(third, 0).unwrap();
    let merged = settled(&session, 30);
    let suggestions = merged.suggestions.as_ref().unwrap();
    assert!((0..30).all(|picture| suggestions.of(picture)[third] == 0.0));
    session.undo().unwrap();
    let back = settled(&session, 30);
    assert!((0..30).any(|picture| back.suggestions.as_ref().unwrap().of(picture)[third] > 0.0));

    let settings = LabelSettings { order: Order::Check, ..session.settings().clone() };
    session.set(settings).unwrap();
    let check = settled(&session, 30);
    let labelled: Vec<usize> = check.check.iter().map(|checked| checked.picture).collect();
    assert_eq!(check.next[..], labelled);
    let next = check.audit.next.unwrap();
    session.answer(next, Some(Answer::NoClass)).unwrap();
    let asked = settled(&session, 30);
    assert_eq!((asked.audit.answered, asked.audit.audited.map(|audited| audited.asked)), (1, Some(1)));
    assert_ne!(asked.audit.next, Some(next));
    assert!(asked.audit.forecast.is_none() && asked.audit.forecast_waits.is_some());
}

#[test]
fn pictures_that_fail_are_told_and_stopped_features_go_on_later() {
    let folder = tempfile::tempdir().unwrap();
    let front = Front::on(&folder.path().join("p.difscope"));
    let data = bars(folder.path(), 24);
    let mut session = front.open(&data);
    label_some(&mut session, 3);
    let gone = session.opened().pictures.iter().position(|entry| entry.name == "bar 20.png").unwrap();
    std::fs::remove_file(data.join("bar 20.png")).unwrap();
    // Stopped before it begins or on its way: whatever has come is of use.
    let job = front.engine.submit(session.features_job());
    front.engine.cancel(job);
    assert!(matches!(front.end_of(job), JobState::Cancelled { .. } | JobState::Done(_)));
    let said = front.features(&session);
    assert!(said.contains("23 pictures") && said.contains("1 cannot be read"), "{said}");
    let now = settled(&session, 23);
    assert_eq!((now.failed.len(), now.failed[0].0, now.has_features[gone]), (1, gone, false));
    assert!(now.failed[0].1.contains("bar 20.png"), "{:?}", now.failed);
    assert_eq!(now.next.last(), Some(&gone), "it can still be labelled");
    assert!(now.suggestions.is_some() && now.audit.next.is_some());

    // Other features replace these; those of a block that is not there are refused.
    let features = |blocks| LabelFeatures { timesteps: vec![20, 90], blocks, pool: 1, draws: 2, seed: 3 };
    let with = |features| LabelSettings { features: Some(features), ..LabelSettings::default() };
    session.set(with(features(vec![99]))).unwrap();
    let job = front.engine.submit(session.features_job());
    assert!(matches!(front.end_of(job), JobState::Failed { .. }));
    assert_eq!(session.snapshot().ready, 23, "those before stay");
    session.set(with(features(vec![9, 12]))).unwrap();
    front.features(&session);
    let other = settled(&session, 23);
    assert!(other.suggestions.is_some() && other.suggestions != now.suggestions);
    let link = front.engine.submit(session.features_job());
    drop(session);
    assert!(matches!(front.end_of(link), JobState::Done(_)), "nobody wants them any more");
}

#[test]
fn the_saved_head_says_what_is_suggested() {
    let folder = tempfile::tempdir().unwrap();
    let front = Front::on(&folder.path().join("p.difscope"));
    let count = 60;
    let mut session = front.open(bars(folder.path(), count));
    let opened = Arc::clone(session.opened());
    // Classes that are hard to tell apart: probabilities of all sizes.
    let names: Vec<String> = (0..5).map(|class| format!("class {class}")).collect();
    let some: Vec<Option<usize>> =
        (0..count).map(|picture| (picture % 3 != 0).then_some(picture * 7 % 5)).collect();
    assert_eq!(session.take_labels("some of them", &names, &some).unwrap(), 40);
    let gone = session.session().classes()[3].clone();
    session.remove_class(3).unwrap();
    // What is kept of a larger pool is not what the network gives for a smaller one.
    let larger = LabelFeatures { timesteps: vec![50], blocks: vec![12], pool: 4, draws: 1, seed: 0 };
    session.set(LabelSettings { features: Some(larger), ..session.settings().clone() }).unwrap();
    front.features(&session);
    let cases = [
        None,
        Some(LabelFeatures { timesteps: vec![90, 20], blocks: vec![12, 9], pool: 1, draws: 3, seed: 5 }),
    ];
    for (number, features) in cases.into_iter().enumerate() {
        session.set(LabelSettings { features, ..session.settings().clone() }).unwrap();
        front.features(&session);
        let now = settled(&session, count);
        let path = folder.path().join(format!("head {number}.safetensors"));
        let saved = front.end_of(front.engine.save_label_head(&session, path.clone(), false));
        assert!(matches!(saved, JobState::Done(Outcome::Saved(_))), "{saved:?}");
        let again = front.end_of(front.engine.save_label_head(&session, path.clone(), false));
        assert!(matches!(again, JobState::Failed { .. }), "it is there already");
        let asked = 0..count;
        let sources = asked.clone().map(|picture| opened.pictures[picture].source.clone()).collect();
        let predictions = match front.engine.run(PredictJob::new(path, sources, None), &mut |_| {}).unwrap() {
            Outcome::Predicted(predictions) => predictions,
            other => panic!("{other:?}"),
        };
        let classes = &predictions.info.classes;
        assert_eq!((classes.len(), classes.contains(&gone)), (4, false));
        let suggestions = now.suggestions.as_ref().unwrap();
        let mut farthest = 0f32;
        for (picture, said) in asked.zip(predictions.probabilities.chunks_exact(4)) {
            let own = suggestions.of(picture);
            let names = session.session().classes();
            for (name, said) in classes.iter().zip(said) {
                let class = names.iter().position(|other| other == name).unwrap();
                farthest = farthest.max((own[class] - said).abs());
            }
            let best = (0..4).fold(0, |best, at| if said[at] > said[best] { at } else { best });
            assert_eq!(classes[best], names[suggestions.best(picture).class], "picture {picture}");
        }
        assert_eq!(farthest, 0.0, "case {number}: the very suggestions");
    }
}

#[test]
fn a_larger_head_suggests_only_where_it_is_better() {
    let folder = tempfile::tempdir().unwrap();
    let front = Front::on(&folder.path().join("p.difscope"));
    let mut session = front.open(bars(folder.path(), 40));
    assert!(session.larger_head_job(LargerConfig::of(HeadKind::Linear)).is_err(), "there is no class");
    label_some(&mut session, 3);
    let few = LargerConfig { folds: 3, epochs: Some(2), ..LargerConfig::of(HeadKind::Linear) };
    let job = front.engine.submit(session.larger_head_job(few).unwrap());
    match front.end_of(job) {
        JobState::Failed { error, .. } => assert!(error.to_string().contains("too few"), "{error}"),
        other => panic!("{other:?}"),
    }
    label_some_more(&mut session, 12);
    front.features(&session);
    let before = settled(&session, 40);
    let job = front.engine.submit(session.larger_head_job(few).unwrap());
    let said = front.end_of(job);
    assert!(matches!(said, JobState::Done(Outcome::Done(_))), "{said:?}");
    let now = until(&session, |now| now.larger.is_some());
    let report = now.larger.clone().unwrap();
    assert_eq!((report.labels, report.kind), (24, HeadKind::Linear));
    // Bars are told apart by ridge already.
    assert!(!report.is_better && !now.by_larger && report.ridge.value > 0.9, "{report:?}");
    assert_eq!(now.suggestions, before.suggestions);
    assert!((report.larger.value - report.ridge.value - report.difference.value).abs() < 1e-9);
}
