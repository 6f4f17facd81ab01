use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::project::KeptLabelling;

const HERE: &dyn Fn(&str) -> bool = &|_| false;

fn key(content: u8, place: &str) -> PictureKey {
    PictureKey { digest: [content; 32], place: place.into() }
}

fn fresh() -> (TempDir, Project) {
    let folder = tempfile::tempdir().unwrap();
    let project = Project::create(&folder.path().join("p.difscope")).unwrap();
    (folder, project)
}

fn reopened(project: Project) -> Project {
    let path = project.path().to_path_buf();
    drop(project);
    Project::open(&path).unwrap()
}

fn step(picture: &PictureKey, before: Marked, after: Marked) -> MarkStep {
    MarkStep { picture: picture.clone(), before, after }
}

fn class(class: usize, source: LabelSource) -> Marked {
    Marked::Class { class, source }
}

fn open(project: &mut Project, data: &str, pictures: &[PictureKey]) -> KeptLabelling {
    project.open_labelling(data, pictures, &json!("new"), HERE).unwrap()
}

#[test]
fn everything_comes_back_and_is_undone_across_restarts() {
    let (_folder, mut project) = fresh();
    let pictures = [key(1, "a.png"), key(2, "b.png"), key(3, "c.png")];
    let new = open(&mut project, "birds", &pictures);
    assert!(new.is_new && new.marks.is_empty() && new.classes == json!("new") && new.settings.is_null());
    let of = new.labelling;
    let hand = class(0, LabelSource::Hand);
    project.put_marks(of, "one", &[step(&pictures[0], Marked::Blank, hand)], None).unwrap();
    let both = [step(&pictures[0], hand, Marked::Unsure), step(&pictures[2], Marked::Blank, Marked::Outside)];
    project.put_marks(of, "two", &both, Some([&json!("new"), &json!("more")])).unwrap();
    project.put_answer(of, &pictures[1], Some(Answered::Class(4))).unwrap();
    project.put_answer(of, &pictures[2], Some(Answered::Nothing)).unwrap();
    project.put_labelling_settings(of, &json!({"order": "check"})).unwrap();

    let mut project = reopened(project);
    let kept = open(&mut project, "birds", &pictures);
    assert_eq!((kept.is_new, kept.labelling, kept.moved, kept.lost), (false, of, 0, 0));
    assert_eq!(kept.marks, [(0, Marked::Unsure), (2, Marked::Outside)]);
    assert_eq!(kept.answers, [(1, Answered::Class(4)), (2, Answered::Nothing)]);
    assert_eq!((kept.classes, kept.settings), (json!("more"), json!({"order": "check"})));
    assert_eq!((kept.history.len(), kept.done, &kept.history[1].what[..]), (2, 2, "two"));
    assert_eq!(kept.history[1].steps.len(), 2);

    assert!(project.undo_marks(of).unwrap());
    let mut project = reopened(project);
    let kept = open(&mut project, "birds", &pictures);
    assert_eq!((kept.marks, kept.classes, kept.done), (vec![(0, hand)], json!("new"), 1));
    assert_eq!(project.summary().unwrap().labels, 1);
    assert!(project.redo_marks(of).unwrap() && !project.redo_marks(of).unwrap());
    assert_eq!(open(&mut project, "birds", &pictures).classes, json!("more"));
    assert!(project.undo_marks(of).unwrap());
    project.put_marks(of, "three", &[step(&pictures[0], hand, Marked::Blank)], None).unwrap();
    assert!(!project.redo_marks(of).unwrap(), "what was undone is gone");
    assert!(project.undo_marks(of).unwrap() && project.undo_marks(of).unwrap());
    assert!(!project.undo_marks(of).unwrap());
    assert!(open(&mut project, "birds", &pictures).marks.is_empty());
    project.put_answer(of, &pictures[1], None).unwrap();
    assert_eq!(open(&mut project, "birds", &pictures).answers, [(2, Answered::Nothing)]);
}

#[test]
fn pictures_keep_their_marks_when_they_move() {
    let (_folder, mut project) = fresh();
    let before =
        [key(1, "a.png"), key(2, "b.png"), key(2, "copy of b.png"), key(3, "c.png"), key(4, "d.png")];
    let of = open(&mut project, "birds", &before).labelling;
    for (number, picture) in before.iter().enumerate() {
        let label = class(number, LabelSource::Bulk);
        project.put_marks(of, "label", &[step(picture, Marked::Blank, label)], None).unwrap();
    }
    // One is renamed, one has changed places with another, one has another content, one is gone.
    let after =
        [key(2, "copy of b.png"), key(3, "b.png"), key(2, "c.png"), key(9, "d.png"), key(1, "new.png")];
    let kept = open(&mut project, "birds", &after);
    let marks: Vec<(usize, usize)> = kept
        .marks
        .iter()
        .map(|&(picture, mark)| match mark {
            Marked::Class { class, .. } => (picture, class),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(marks, [(0, 2), (1, 3), (2, 1), (4, 0)]);
    assert_eq!((kept.moved, kept.lost), (3, 1));
    assert_eq!((kept.history.len(), kept.history[4].steps.len()), (5, 0), "it is undone all the same");
    let kept = open(&mut project, "birds", &before);
    assert_eq!((kept.marks.len(), kept.lost), (5, 0), "and comes back with the picture");

    // The whole set moves.
    let elsewhere: Vec<PictureKey> = before
        .iter()
        .map(|picture| PictureKey { place: format!("new/{}", picture.place), ..picture.clone() })
        .collect();
    let gone = |data: &str| data == "birds";
    let other = open(&mut project, "new birds", &elsewhere);
    assert!(other.is_new, "a copy is not the set that is still there");
    let moved = project.open_labelling("newer birds", &elsewhere, &json!("new"), &gone).unwrap();
    assert_eq!((moved.labelling, moved.is_new, moved.marks.len(), moved.moved), (of, false, 5, 5));
    assert!(!project.open_labelling("newer birds", &elsewhere, &json!("x"), &gone).unwrap().is_new);
}

#[test]
fn what_belongs_to_another_project_is_refused() {
    let (_folder, mut project) = fresh();
    let (_other_folder, mut other) = fresh();
    let picture = key(1, "a.png");
    let of = open(&mut project, "birds", std::slice::from_ref(&picture)).labelling;
    let foreign = Labelling { created: of.created - 1, ..of };
    for (project, of) in [(&mut project, foreign), (&mut other, of)] {
        let error = project.put_marks(of, "x", &[step(&picture, Marked::Blank, Marked::Unsure)], None);
        assert!(error.unwrap_err().to_string().contains("another project"));
        assert!(project.undo_marks(of).is_err() && !project.has_labelling(of).unwrap());
        assert!(project.put_labelling_settings(of, &json!(1)).is_err());
    }
    assert!(project.has_labelling(of).unwrap());
}
