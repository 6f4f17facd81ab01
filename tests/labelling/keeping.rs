//! Labels in the project: what comes back, and where it is looked for.

use super::*;
use difscope::jobs::LabelSettings;
use difscope::project::Project;
use difscope::study::label::{Answer, Order};
use serde_json::json;

fn class_names(session: &LabelSession) -> Vec<(String, Option<char>)> {
    session.session().class_list().live().map(|(_, class)| (class.name.clone(), class.key)).collect()
}

#[test]
fn a_session_comes_back_as_it_was_left() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("p.difscope");
    let data = bars(folder.path(), 12);
    let front = Front::without_network(&project);
    let mut session = front.open(&data);
    let cat = session.add_class("cat").unwrap();
    let dog = session.add_class("dog").unwrap();
    let fox = session.add_class("fox").unwrap();
    session.mark("one", &[0, 1], hand(cat)).unwrap();
    let accepted = Mark::Class { class: dog, source: LabelSource::Accepted };
    session.mark_each("two", &[(2, accepted), (3, Mark::Unsure), (4, Mark::Outside)]).unwrap();
    session.mark("three", &[5, 6], Mark::Class { class: fox, source: LabelSource::Bulk }).unwrap();
    session.rename_class(cat, "kitten").unwrap();
    session.recolour_class(dog, [1, 2, 3]).unwrap();
    session.key_of_class(dog, Some('k')).unwrap();
    session.move_class(dog, 0).unwrap();
    session.merge_class(fox, dog).unwrap();
    session.mark("four", &[7], hand(cat)).unwrap();
    assert_eq!(session.undo().as_deref(), Some("four"));
    session.answer(9, Some(Answer::Class(cat))).unwrap();
    session.answer(10, Some(Answer::NoClass)).unwrap();
    let window = json!({"zoom": 2});
    let settings = LabelSettings { order: Order::Diverse, seed: 4, window, ..LabelSettings::default() };
    session.set(settings.clone()).unwrap();
    assert!(session.add_class("kitten").is_err() && session.mark("x", &[99], hand(cat)).is_err());
    let (marks, classes) = (session.session().marks().to_vec(), session.session().class_list().clone());
    front.saved(session.kept_through());
    drop((session, front));

    let front = Front::without_network(&project);
    let mut session = front.open(&data);
    assert!(!session.opened().is_new && session.opened().notes.is_empty());
    assert_eq!((session.session().marks(), session.session().class_list()), (&marks[..], &classes));
    assert_eq!(session.settings(), &settings);
    assert_eq!(
        (session.answer_of(9), session.answer_of(10)),
        (Some(Answer::Class(cat)), Some(Answer::NoClass))
    );
    assert_eq!(session.redo().as_deref(), Some("four"));
    let mut whats: Vec<String> = std::iter::from_fn(|| session.undo()).collect();
    whats.reverse();
    let told = [
        "new class cat",
        "new class dog",
        "new class fox",
        "one",
        "two",
        "three",
        "rename cat to kitten",
        "colour of dog",
        "key of dog",
        "move dog",
        "merge fox into dog",
        "four",
    ];
    assert_eq!(whats, told);
    assert!(session.session().marks().iter().all(|mark| *mark == Mark::Blank));
    front.saved(session.kept_through());
    drop((session, front));

    let front = Front::without_network(&project);
    let mut session = front.open(&data);
    assert!(class_names(&session).is_empty());
    while session.redo().is_some() {}
    assert_eq!(
        (session.session().marks()[7], session.session().marks()[5]),
        (hand(cat), { Mark::Class { class: dog, source: LabelSource::Bulk } })
    );
    assert_eq!(class_names(&session), [("dog".into(), Some('k')), ("kitten".into(), Some('1'))]);
    front.saved(session.kept_through());
    drop((session, front));
    assert_eq!(Project::open(&project).unwrap().summary().unwrap().labels, 6);
}

#[test]
fn labels_go_with_pictures_that_move_and_each_set_has_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("p.difscope");
    let data = bars(folder.path(), 6);
    let front = Front::without_network(&project);
    let mut session = front.open(&data);
    let cat = session.add_class("cat").unwrap();
    session.mark("all", &[0, 1, 2, 3], hand(cat)).unwrap();
    let name = |session: &LabelSession, at: usize| session.opened().pictures[at].name.clone();
    assert_eq!(name(&session, 2), "bar 2.png");
    front.saved(session.kept_through());
    drop(session);

    std::fs::rename(data.join("bar 2.png"), data.join("zebra.png")).unwrap();
    std::fs::write(data.join("bar 3.png"), bar(33)).unwrap();
    let session = front.open(&data);
    let notes = session.opened().notes.join(" ");
    assert!(notes.contains("1 labelled picture was found again"), "{notes}");
    assert!(notes.contains("1 labelled picture is not there"), "{notes}");
    let labelled = |session: &LabelSession| -> Vec<String> {
        let marks = session.session().marks().iter().enumerate();
        marks.filter(|(_, mark)| mark.class().is_some()).map(|(at, _)| name(session, at)).collect()
    };
    assert_eq!(labelled(&session), ["bar 0.png", "bar 1.png", "zebra.png"]);
    drop(session);

    let elsewhere = folder.path().join("elsewhere");
    std::fs::rename(&data, &elsewhere).unwrap();
    let session = front.open(&elsewhere);
    assert_eq!(labelled(&session), ["bar 0.png", "bar 1.png", "zebra.png"]);
    drop(session);

    let mut fashion = front.open("bundled:fashion/test");
    assert!(fashion.opened().is_new && fashion.session().class_list().live().len() == 0);
    let count = fashion.opened().pictures.len();
    assert_eq!(fashion.take_given().unwrap(), count);
    assert_eq!(
        (fashion.session().counts().labelled(), fashion.session().counts().sources[2]),
        (count, count)
    );
    assert_eq!(fashion.take_given().unwrap(), 0);
    assert_eq!(fashion.undo().as_deref(), Some("labels of the data set"), "one step");
    assert_eq!((fashion.session().counts().blank, class_names(&fashion).len()), (count, 0));
    let photos = front.opened("bundled:photos");
    assert!(photos.pictures.len() > 1 && photos.given_classes.is_empty());
}

#[test]
fn what_cannot_be_opened_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let front = Front::without_network(&folder.path().join("p.difscope"));
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let damaged = folder.path().join("damaged");
    std::fs::create_dir(&damaged).unwrap();
    std::fs::write(damaged.join("a.png"), &bar(0)[..60]).unwrap();
    std::fs::write(folder.path().join("t.csv"), "path\na.png\n").unwrap();
    for (data, why) in
        [("empty", "no picture"), ("damaged", "can be read"), ("none", "none"), ("t.csv", "a.png")]
    {
        match front.end_of(front.engine.open_labels(folder.path().join(data))) {
            JobState::Failed { error, .. } => {
                assert!(error.to_string().contains(why), "{data}: {error}");
            }
            other => panic!("{data}: {other:?}"),
        }
    }
    // Folders of classes lend labels; what stands beside them has none.
    let classes = folder.path().join("classes");
    for (class, number) in [("cat", 0), ("dog", 1)] {
        std::fs::create_dir_all(classes.join(class)).unwrap();
        std::fs::write(classes.join(class).join("a.png"), bar(number)).unwrap();
    }
    std::fs::write(classes.join("loose.png"), bar(2)).unwrap();
    let mut session = front.open(&classes);
    assert_eq!(session.opened().given_classes, ["cat", "dog"]);
    assert_eq!((session.take_given().unwrap(), session.session().counts().blank), (2, 1));

    // In another project nothing of it is saved, and that is said.
    front.saved(session.kept_through());
    front.engine.open_project(ProjectChoice::File(folder.path().join("other.difscope")));
    session.mark("late", &[0], Mark::Unsure).unwrap();
    let deadline = Instant::now() + LONG;
    let why = loop {
        assert!(Instant::now() < deadline);
        if let Some(Event::Project(ProjectEvent::NotSaved { error, .. })) =
            front.engine.wait(Duration::from_millis(100))
        {
            break error.to_string();
        }
    };
    assert!(why.contains("another project"), "{why}");
}
