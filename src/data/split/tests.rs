use std::collections::BTreeSet;

use proptest::prelude::*;

use super::fractions::apportion;
use super::*;
use crate::data::dataset::Item;

fn candidate(class: &str, number: usize, group: usize) -> Candidate {
    let name = format!("{class}/{number}.png");
    let digest = Digest(blake3::hash(name.as_bytes()).into());
    Candidate { digest, name, class: class.into(), group, given: None }
}

/// So many different pictures of each class.
fn plain(counts: &[usize]) -> Vec<Candidate> {
    let mut all = Vec::new();
    for (class, &count) in counts.iter().enumerate() {
        for number in 0..count {
            all.push(candidate(&format!("class {class}"), number, all.len()));
        }
    }
    all
}

fn shots(train: usize, test: Option<usize>) -> How {
    How::Shots { train, validation: 0, test }
}

fn shares(train: f64, validation: f64) -> How {
    How::Fractions { train, validation }
}

fn names(split: &Split, part: Part) -> BTreeSet<&str> {
    split.part(part).map(|item| item.name.as_str()).collect()
}

fn why(how: How, candidates: &[Candidate]) -> String {
    Split::make(how, 0, candidates).unwrap_err().to_string()
}

#[test]
fn shots_take_so_many_of_each_class_and_test_the_rest() {
    let all = plain(&[10, 7, 2]);
    let split = Split::make(shots(1, None), 3, &all).unwrap();
    assert_eq!(split.counts().into_values().collect::<Vec<_>>(), [[1, 0, 9], [1, 0, 6], [1, 0, 1]]);
    assert!(split.notes.is_empty(), "{:?}", split.notes);
    let how = How::Shots { train: 3, validation: 2, test: Some(2) };
    let split = Split::make(how, 3, &all).unwrap();
    assert_eq!(split.counts().into_values().collect::<Vec<_>>(), [[3, 2, 2], [3, 2, 2], [1, 0, 1]]);
    assert_eq!(split.notes.len(), 3, "{:?}", split.notes);
    assert!(split.notes[0].contains("class 2: 1 picture to learn from instead of 3, it has 2"));
}

/// What a listing promises is what a split of pictures of which none look alike comes to.
#[test]
fn parts_are_foreseen_from_a_listing() {
    let counts = [10, 7, 2];
    let bundled = DataSet::open(std::path::Path::new("bundled:fashion"), &|| false).unwrap();
    let classes = counts.iter().enumerate().flat_map(|(class, &count)| vec![class; count]);
    let items = bundled.items.iter().zip(classes);
    let items = items.map(|(item, class)| Item { class: Some(class), given: None, ..item.clone() });
    let classes = (0..counts.len()).map(|class| format!("class {class}")).collect();
    let mut set = DataSet { items: items.collect(), classes, ..bundled };
    let made = |how: How| {
        let split = Split::make(how, 3, &plain(&counts)).unwrap();
        split.counts().into_values().fold([0; 3], |sum, of| [0, 1, 2].map(|part| sum[part] + of[part]))
    };
    let both = How::Shots { train: 3, validation: 2, test: Some(2) };
    for how in [shots(1, None), shots(5, Some(4)), shots(5, Some(0)), both] {
        assert_eq!(foreseen(Some(how), None, &set).unwrap(), made(how), "{how:?}");
    }
    for how in [shares(0.7, 0.1), shares(0.5, 0.25)] {
        let parts = foreseen(Some(how), None, &set).unwrap();
        assert_eq!(parts.iter().sum::<usize>(), 19);
        let near = parts.iter().zip(made(how)).all(|(part, made)| part.abs_diff(made) <= counts.len());
        assert!(near, "{how:?}: {parts:?} and {:?}", made(how));
    }
    assert_eq!(foreseen(None, None, &set).unwrap(), foreseen(Some(shares(0.7, 0.1)), None, &set).unwrap());
    set.items[0].given = Some(Part::Test);
    set.items[1].given = Some(Part::Train);
    assert_eq!(foreseen(None, None, &set).unwrap(), [1, 0, 1], "its own parts");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "path,part\na,train\nb,train\nc,\nd,validation\n").unwrap();
    assert_eq!(foreseen(None, Some(file.path()), &set).unwrap(), [2, 1, 0]);
}

#[test]
fn more_shots_test_on_the_same_pictures() {
    let all = plain(&[40, 40]);
    let of = |train| Split::make(shots(train, Some(10)), 5, &all).unwrap();
    let (few, many) = (of(1), of(20));
    assert_eq!(names(&few, Part::Test), names(&many, Part::Test));
    assert!(names(&few, Part::Train).is_subset(&names(&many, Part::Train)));
    let other = Split::make(shots(1, Some(10)), 6, &all).unwrap();
    assert_ne!(names(&few, Part::Test), names(&other, Part::Test));
}

/// Results that name a seed must stay what they were.
#[test]
fn draws_are_pinned() {
    let all = plain(&[6, 6]);
    let split = Split::make(shots(2, Some(1)), 7, &all).unwrap();
    let folds = cv_folds(3, 7, &all).unwrap().fold_of;
    let train = names(&split, Part::Train).into_iter().collect::<Vec<_>>();
    assert_eq!(train, ["class 0/3.png", "class 0/5.png", "class 1/3.png", "class 1/5.png"]);
    assert_eq!(folds, [2, 0, 1, 0, 2, 1, 0, 0, 2, 1, 2, 1]);
}

#[test]
fn what_cannot_be_split_is_said_by_name() {
    assert!(why(shots(1, None), &plain(&[4, 1])).contains("class 1 has one picture"));
    assert!(why(shares(0.5, 0.0), &plain(&[4])).contains("two classes"));
    assert!(why(shots(0, None), &plain(&[4, 4])).contains("--shots 1"));
    for how in [shares(0.0, 0.5), shares(0.8, 0.4), shares(0.5, -0.1), shares(f64::NAN, 0.0)] {
        assert!(why(how, &plain(&[4, 4])).contains("impossible"), "{how:?}");
    }
    let mut twins = plain(&[4, 2]);
    twins[5].group = twins[4].group;
    for how in [shots(1, None), shares(0.5, 0.0)] {
        assert!(why(how, &twins).contains("class 1 are near-duplicates"), "{how:?}");
    }
    assert!(cv_folds(2, 0, &twins).unwrap_err().to_string().contains("near-duplicates"));
    assert!(cv_folds(1, 0, &plain(&[4, 4])).unwrap_err().to_string().contains("--folds 2"));
    assert!(why(How::Given, &plain(&[4, 4])).contains("no parts"));
    let mut given = plain(&[2, 2]);
    given[0].given = Some(Part::Train);
    given[1].given = Some(Part::Test);
    given[2].given = Some(Part::Validation);
    given[3].given = Some(Part::Validation);
    assert!(why(How::Given, &given).contains("class 1 is only in validation"));
    given[2].given = Some(Part::Train);
    given[1].group = given[0].group;
    let split = Split::make(How::Given, 0, &given).unwrap();
    assert_eq!(split.counts()["class 0"], [1, 0, 1]);
    assert!(split.notes[0].contains("once, as class 0/0.png (train) and class 0/1.png (test)"));
}

#[test]
fn a_picture_in_two_classes_stays_on_one_side() {
    // Nothing but twins across the classes.
    let mut all = plain(&[3, 3]);
    for at in 0..3 {
        all[at + 3].group = all[at].group;
    }
    for seed in 0..20 {
        for how in [shots(1, None), shots(2, Some(1)), shares(0.6, 0.0)] {
            let split = Split::make(how, seed, &all).unwrap();
            assert_undivided(&all, &split);
        }
    }
}

#[test]
fn groups_count_once_in_shots() {
    let mut all = plain(&[9, 9]);
    // Three looks of three pictures each in the first class.
    for (at, candidate) in all.iter_mut().take(9).enumerate() {
        candidate.group = at / 3 * 3;
    }
    let split = Split::make(shots(2, None), 1, &all).unwrap();
    let learned: BTreeSet<usize> = all
        .iter()
        .filter(|candidate| names(&split, Part::Train).contains(candidate.name.as_str()))
        .filter(|candidate| candidate.class == "class 0")
        .map(|candidate| candidate.group)
        .collect();
    assert_eq!(learned.len(), 2, "two different looks");
    assert_eq!(split.counts()["class 0"], [2, 0, 3]);
    // More than there are looks: then the others of a group.
    assert_eq!(Split::make(shots(5, None), 1, &all).unwrap().counts()["class 0"], [5, 0, 3]);
}

#[test]
fn shares_are_exact_where_nothing_is_together() {
    let split = Split::make(shares(0.7, 0.1), 2, &plain(&[100, 10, 3, 2])).unwrap();
    let counts: Vec<_> = split.counts().into_values().collect();
    assert_eq!(counts, [[70, 10, 20], [7, 1, 2], [1, 1, 1], [1, 0, 1]]);
    assert_eq!(apportion(4, [1.0, 0.0, 0.0]), [4, 0, 0]);
    assert_eq!(apportion(1, [0.5, 0.25, 0.25]), [1, 0, 0]);
}

#[test]
fn a_split_is_plain_data_that_finds_moved_files() {
    let all = plain(&[5, 5]);
    let split = Split::make(shares(0.6, 0.0), 11, &all).unwrap();
    let text = serde_json::to_string(&split).unwrap();
    assert_eq!(serde_json::from_str::<Split>(&text).unwrap(), split);
    let before = split.assign(all.iter().map(|candidate| (candidate.digest, candidate.name.as_str())));
    assert!(before.iter().all(Option::is_some));
    let moved: Vec<String> = all.iter().map(|candidate| format!("moved/{}", candidate.name)).collect();
    let after =
        split.assign(all.iter().zip(&moved).map(|(candidate, name)| (candidate.digest, name.as_str())));
    assert_eq!(before, after);
    assert_eq!(split.assign([(Digest([0; 32]), "class 0/0.png")]), [None], "another picture of that name");
}

#[test]
fn tables_come_back_as_they_went() {
    let all = plain(&[6, 6]);
    let how = How::Shots { train: 2, validation: 1, test: Some(2) };
    let split = Split::make(how, 4, &all).unwrap();
    let text = split.to_csv().unwrap();
    assert!(text.starts_with("path,label,part,digest\n"));
    let read = Split::parse(&text, "s.csv", &all).unwrap();
    assert_eq!((&read.items, read.how), (&split.items, How::Given));

    // Renamed pictures are found by content, and tables without digests by name or its end.
    let mut renamed = all.clone();
    renamed.iter_mut().for_each(|candidate| candidate.name = candidate.name.replace("/", "/new "));
    assert_eq!(Split::parse(&text, "s.csv", &renamed).unwrap().counts(), split.counts());
    let text = "name;label;part\n0.png;class 0;train\nx/1.png;;test\n2.png;class 1;\n\
                class 1/0.png;class 1;train\n";
    let mut distinct = all.clone();
    distinct[6].name = "class 1/only.png".into();
    let read = Split::parse(&text.replace("class 1/0.png", "only.png"), "s.csv", &distinct);
    assert!(read.unwrap_err().to_string().contains("several pictures are called 1.png"));
    let read = Split::parse(&text.replace("x/1.png", "class 0/1.png"), "s.csv", &distinct);
    assert!(read.unwrap_err().to_string().contains("class 1/0.png"), "not in the data set any more");

    for (rows, word) in [
        ("gone.png,class 0,train", "gone.png is not in the data set"),
        ("class 0/1.png,class 1,train", "is class 1 here and class 0 in the data set"),
        ("class 0/1.png,class 0,learn", "train, validation or test"),
        ("class 0/1.png,class 0,train\nclass 0/1.png,class 0,test", "two parts"),
        ("class 0/1.png,class 0,train\nclass 1/1.png,class 1,test", "class 1 is only in test"),
    ] {
        let error =
            Split::parse(&format!("path,label,part\n{rows}\n"), "s.csv", &all).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    let mut twins = all.clone();
    twins[1].group = twins[0].group;
    let rows = "path,part\nclass 0/0.png,train\nclass 0/1.png,test\nclass 1/1.png,train\n";
    assert!(
        Split::parse(rows, "s.csv", &twins).unwrap().notes[0]
            .contains("class 0/0.png (train) and class 0/1.png (test)")
    );
}

#[test]
fn folds_make_splits() {
    let all = plain(&[7, 5]);
    let folds = cv_folds(3, 1, &all).unwrap();
    let mut tested = Vec::new();
    for fold in 0..3 {
        let split = folds.split(&all, fold);
        split.check().unwrap();
        assert_eq!(split.items.len(), 12);
        tested.extend(split.part(Part::Test).map(|item| item.name.clone()));
    }
    tested.sort();
    tested.dedup();
    assert_eq!(tested.len(), 12, "each tested once");
    assert!(
        cv_folds(6, 1, &all).unwrap().notes[0].contains("class 1 has only 5 different pictures for 6 folds")
    );
}

#[track_caller]
fn assert_undivided(all: &[Candidate], split: &Split) {
    let parts = split.assign(all.iter().map(|candidate| (candidate.digest, candidate.name.as_str())));
    let mut side = HashMap::new();
    for (candidate, part) in all.iter().zip(parts) {
        if let Some(part) = part {
            assert_eq!(*side.entry(candidate.group).or_insert(part), part, "{}", candidate.name);
        }
    }
}

/// Classes of 2 to 30 pictures, and for each picture the one before that it looks like, if any.
fn pools() -> impl Strategy<Value = Vec<Candidate>> {
    let class = proptest::collection::vec(0u8..12, 2..30);
    proptest::collection::vec(class, 2..6).prop_map(|classes| {
        let mut all: Vec<Candidate> = Vec::new();
        for (class, pictures) in classes.into_iter().enumerate() {
            for (number, alike) in pictures.into_iter().enumerate() {
                let own = all.len();
                // 0: as the one before, whatever its class; 1: as the first of all.
                let group = match alike {
                    0 if own > 0 => all[own - 1].group,
                    1 if own > 0 => all[0].group,
                    _ => own,
                };
                all.push(candidate(&format!("class {class}"), number, group));
            }
        }
        all
    })
}

fn ways() -> impl Strategy<Value = How> {
    let share = prop_oneof![Just(shares(0.8, 0.0)), Just(shares(0.5, 0.25)), Just(shares(1.0, 0.0))];
    let shot = (1usize..8, 0usize..3, proptest::option::of(0usize..5))
        .prop_map(|(train, validation, test)| How::Shots { train, validation, test });
    prop_oneof![share, shot]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn parts_are_disjoint_and_groups_undivided_whatever_the_order(
        all in pools(), how in ways(), seed in any::<u64>(), turn in any::<prop::sample::Index>(),
    ) {
        let made = Split::make(how, seed, &all);
        let mut other = all.clone();
        other.reverse();
        other.rotate_left(turn.index(all.len()));
        let again = Split::make(how, seed, &other);
        match (made, again) {
            (Ok(split), Ok(again)) => {
                prop_assert_eq!(&split.items, &again.items);
                let distinct: BTreeSet<_> = split.items.iter().map(|item| &item.name).collect();
                prop_assert_eq!(distinct.len(), split.items.len(), "in one part each");
                assert_undivided(&all, &split);
                prop_assert!(!split.notes.iter().any(|note| note.contains("several parts")));
                if matches!(how, How::Fractions { .. }) {
                    prop_assert_eq!(split.items.len(), all.len(), "every picture is placed");
                }
                if let How::Shots { train, validation, test } = how {
                    for [a, b, c] in split.counts().into_values() {
                        prop_assert!((1..=train).contains(&a) && b <= validation);
                        prop_assert!(c <= test.unwrap_or(usize::MAX));
                    }
                }
            }
            (Err(a), Err(b)) => prop_assert_eq!(a.to_string(), b.to_string()),
            (a, b) => prop_assert!(false, "{:?} but {:?}", a.map(|_| ()), b.map(|_| ())),
        }
    }

    #[test]
    fn shares_are_within_one(
        counts in proptest::collection::vec(4usize..40, 2..6), seed in any::<u64>(),
        train in 0.3f64..0.7, validation in 0.25f64..0.29,
    ) {
        let split = Split::make(shares(train, validation), seed, &plain(&counts)).unwrap();
        let wanted = [train, validation, 1.0 - train - validation];
        for (class, got) in split.counts().into_values().enumerate() {
            prop_assert_eq!(got.iter().sum::<usize>(), counts[class]);
            for (got, share) in got.into_iter().zip(wanted) {
                let exact = share * counts[class] as f64;
                // A part of less than one picture gets one, at the cost of the largest.
                let most = if wanted.iter().any(|share| share * (counts[class] as f64) < 1.0) { 2.0 } else { 1.0 };
                prop_assert!((got as f64 - exact).abs() < most, "{} for {}", got, exact);
            }
        }
    }

    #[test]
    fn folds_are_even_and_undivided_whatever_the_order(
        all in pools(), count in 2usize..6, seed in any::<u64>(), turn in any::<prop::sample::Index>(),
    ) {
        let Ok(folds) = cv_folds(count, seed, &all) else { return Ok(()) };
        let by_name = |all: &[Candidate], folds: &Folds| -> BTreeMap<String, usize> {
            all.iter().zip(&folds.fold_of).map(|(candidate, &fold)| (candidate.name.clone(), fold)).collect()
        };
        let mut other = all.clone();
        other.rotate_left(turn.index(all.len()));
        prop_assert_eq!(by_name(&all, &folds), by_name(&other, &cv_folds(count, seed, &other).unwrap()));
        let mut side = HashMap::new();
        for (candidate, &fold) in all.iter().zip(&folds.fold_of) {
            prop_assert!(fold < count);
            prop_assert_eq!(*side.entry(candidate.group).or_insert(fold), fold);
        }
    }

    #[test]
    fn folds_of_different_pictures_are_within_one(
        counts in proptest::collection::vec(2usize..40, 2..6), count in 2usize..6, seed in any::<u64>(),
    ) {
        let all = plain(&counts);
        let folds = cv_folds(count, seed, &all).unwrap();
        for class in 0..counts.len() {
            let name = format!("class {class}");
            let mut sizes = vec![0; count];
            for (candidate, &fold) in all.iter().zip(&folds.fold_of) {
                sizes[fold] += usize::from(candidate.class == name);
            }
            prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{:?}", sizes);
        }
    }
}
