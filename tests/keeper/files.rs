//! Project files that are in use, damaged, moved or gone, and the files beside them.

use std::fs;

use super::*;

/// What `choice` brings where it cannot be opened: why, and what is opened instead.
fn instead(front: &Front, choice: ProjectChoice) -> (String, Arc<OpenedProject>) {
    match &front.until(front.engine.open_project(choice))[..] {
        [ProjectEvent::Failed(error), ProjectEvent::Opened(opened)] => {
            (error.to_string(), Arc::clone(opened))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_second_window_on_a_file_is_told_and_works_on_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.difscope");
    let (first, _) = Front::on(&path);
    let second = Front::start();
    let (why, opened) = instead(&second, ProjectChoice::File(path.clone()));
    assert!(why.contains("p.difscope") && why.contains("close it there"), "{why}");
    assert!(opened.temporary && opened.notes[0].contains("is gone when it is closed"), "{:?}", opened.notes);
    assert!(opened.path.is_file());
    let run = second.begin("kept for now");
    assert!(run.head.unwrap().starts_with(&opened.heads));
    first.saved(first.engine.keep_state("mine", json!(1)));
    drop(second);
    assert!(!opened.path.parent().unwrap().exists(), "a temporary project goes with its window");
    drop(first);
    let opened = Front::on(&path).1;
    assert_eq!((opened.runs.len(), opened.state.len()), (0, 1));
}

#[test]
fn a_file_that_cannot_be_opened_leaves_the_one_that_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.difscope");
    let damaged = folder.path().join("damaged.difscope");
    fs::write(&damaged, "no project at all").unwrap();
    let (front, _) = Front::on(&path);
    for other in [damaged.clone(), folder.path().into(), folder.path().join("no folder/p.difscope")] {
        let news = front.until(front.engine.open_project(ProjectChoice::File(other)));
        assert!(matches!(&news[..], [ProjectEvent::Failed(_)]), "{news:?}");
    }
    front.saved(front.engine.keep_state("page", json!(1)));
    // Another one closes it.
    let temporary = front.open(ProjectChoice::Temporary);
    assert!(temporary.temporary && temporary.notes.is_empty());
    assert_eq!(Project::open(&path).unwrap().states().unwrap().len(), 1);
    let news = front.until(front.engine.open_project(ProjectChoice::File(path)));
    assert!(matches!(&news[..], [ProjectEvent::Opened(_)]), "{news:?}");
    assert!(!temporary.path.exists());
    assert_eq!(fs::read(&damaged).unwrap(), b"no project at all");
}

#[test]
fn nothing_is_saved_without_a_project_or_in_one_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.difscope");
    let front = Front::start();
    let why = front.refused(front.engine.keep_state("page", json!(1)));
    assert!(why.contains("page") && why.contains("no project is open"), "{why}");
    front.open(ProjectChoice::File(path.clone()));
    front.saved(front.engine.keep_state("page", json!(1)));
    // Where an open file cannot be moved, it is never gone.
    let aside = folder.path().join("aside");
    if fs::rename(&path, &aside).is_err() {
        return;
    }
    let asked = front.engine.keep_state("page", json!(2));
    let why = front.refused(asked);
    assert!(why.contains("p.difscope") && why.contains("was not saved"), "{why}");
    fs::rename(&aside, &path).unwrap();
    // Nobody asks for anything else.
    let (news, late) = front.until_late(asked);
    assert!(news.is_empty() && late == [asked], "{news:?} {late:?}");
    front.saved(front.engine.keep_state("zoom", json!(3)));
    drop(front);
    let state = &Front::on(&path).1.state;
    assert_eq!((&state["page"], &state["zoom"]), (&json!(2), &json!(3)));
}

#[test]
fn a_project_may_be_moved_and_renamed_with_its_heads() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    fs::create_dir(&old).unwrap();
    let (front, _) = Front::on(&old.join("p.difscope"));
    let run = done(front.begin("a"), 1);
    fs::write(run.head.as_ref().unwrap(), "a head").unwrap();
    front.engine.keep_run(run);
    let elsewhere = folder.path().join("mine.safetensors");
    let other = RunRecord { head: Some(elsewhere.clone()), ..done(front.begin("b"), 2) };
    front.saved(front.engine.keep_run(other));
    drop(front);
    fs::rename(&old, &new).unwrap();
    let heads = |file: &str| -> Vec<Option<std::path::PathBuf>> {
        Front::on(&new.join(file)).1.runs.iter().map(|run| run.head.clone()).collect()
    };
    let head = |folder: &str| Some(new.join(folder).join("run-1.safetensors"));
    assert_eq!(heads("p.difscope"), [head("p.heads"), Some(elsewhere.clone())]);
    assert!(head("p.heads").unwrap().is_file());
    fs::rename(new.join("p.difscope"), new.join("q.difscope")).unwrap();
    fs::rename(new.join("p.heads"), new.join("q.heads")).unwrap();
    assert_eq!(heads("q.difscope"), [head("q.heads"), Some(elsewhere)]);
}

#[test]
fn a_run_is_removed_with_its_own_files_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let (front, opened) = Front::on(&folder.path().join("p.difscope"));
    let (first, second, third) = (front.begin("a"), front.begin("b"), front.begin("c"));
    let elsewhere = folder.path().join("mine.safetensors");
    fs::write(&elsewhere, "a head").unwrap();
    for run in [&first, &second, &third] {
        let head = run.head.as_ref().unwrap();
        fs::create_dir(head.with_extension("")).unwrap();
        fs::write(head.with_extension("").join("epoch-0001.safetensors"), "a state").unwrap();
        fs::write(head, "a head").unwrap();
        fs::write(head.with_extension("json"), "{}").unwrap();
    }
    front.engine.keep_run(RunRecord { head: Some(elsewhere.clone()), ..second.clone() });
    front.engine.remove_run(first.id, true);
    front.engine.remove_run(second.id, true);
    front.saved(front.engine.remove_run(third.id, false));
    let mut left: Vec<String> = fs::read_dir(&opened.heads)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["run-3", "run-3.json", "run-3.safetensors"]);
    assert!(elsewhere.is_file());
    let why = front.refused(front.engine.remove_run(first.id, true));
    assert!(why.contains("no run 1"), "{why}");
    let why = front.refused(front.engine.keep_run(first));
    assert!(why.contains("the run a") && why.contains("was removed"), "{why}");
}

#[test]
fn heads_left_by_an_earlier_project_of_the_name_are_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.difscope");
    let heads = folder.path().join("p.heads");
    fs::create_dir_all(heads.join("run-2")).unwrap();
    fs::write(heads.join("run-1.safetensors"), "an old head").unwrap();
    let (front, _) = Front::on(&path);
    let run = front.begin("new");
    assert_eq!((run.id.0, run.head), (3, Some(heads.join("run-3.safetensors"))));
    drop(front);
    assert_eq!(Front::on(&path).1.runs.len(), 1);
}

#[test]
fn a_run_of_another_project_is_not_taken_for_one_of_this() {
    let folder = tempfile::tempdir().unwrap();
    let (front, _) = Front::on(&folder.path().join("a.difscope"));
    let of_a = front.begin("of a");
    front.open(ProjectChoice::File(folder.path().join("b.difscope")));
    // The same number at another time.
    let of_b = loop {
        let run = front.begin("of b");
        if run.created != of_a.created {
            break run;
        }
        front.saved(front.engine.remove_run(run.id, false));
    };
    let why = front.refused(front.engine.keep_run(RunRecord { id: of_b.id, ..done(of_a, 1) }));
    assert!(why.contains("another project"), "{why}");
    assert_eq!(front.open(ProjectChoice::File(folder.path().join("b.difscope"))).runs, [of_b]);
}

#[test]
fn a_run_whose_program_was_killed_is_completed_from_its_report_or_broken_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.difscope");
    let (front, _) = Front::on(&path);
    let runs = ["finished", "nothing", "of others", "damaged"].map(|name| front.begin(name));
    drop(front);
    let results = results(9);
    let report = |draws: u32| {
        let mut training = serde_json::to_value(settings().training).unwrap();
        training["draws"] = draws.into();
        json!({
            "out": null, "network": "fashion32", "network_hash": "ab".repeat(32), "data": "bundled:fashion",
            "classes": CLASSES, "settings": training, "counts": results.counts, "curve": curve(7),
            "epoch": 7, "stopped": results.stopped, "seconds_train": results.seconds_train,
            "seconds_per_image": results.seconds_per_image, "memory_bytes": results.memory_bytes,
            "cost": results.cost, "test": null, "tested": results.tested,
            "probabilities": results.probabilities, "notes": results.notes,
            "split": { "how": "given", "seed": 0, "items": [], "notes": [] },
        })
    };
    let beside = |run: &RunRecord| run.head.as_ref().unwrap().with_extension("json");
    fs::write(beside(&runs[0]), report(1).to_string()).unwrap();
    fs::write(beside(&runs[2]), report(2).to_string()).unwrap();
    fs::write(beside(&runs[3]), "{").unwrap();
    for _ in 0..2 {
        let (_front, opened) = Front::on(&path);
        let statuses: Vec<RunStatus> = opened.runs.iter().map(|run| run.status).collect();
        use RunStatus::{Done, Interrupted};
        assert_eq!(statuses, [Done, Interrupted, Interrupted, Interrupted]);
        assert_eq!(opened.runs[0].results.as_ref(), Some(&results));
        assert_eq!(opened.runs[0].curve, curve(7));
        assert_eq!(opened.runs[1], RunRecord { status: Interrupted, ..runs[1].clone() });
    }
}

#[test]
fn pictures_are_found_again_by_their_content() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.difscope");
    let image = |number: u8, place: &str| NewImage { digest: [number; 32], place: place.into() };
    let (front, _) = Front::on(&path);
    let moved = |front: &Front, found: Vec<NewImage>| -> Vec<usize> {
        let news = front.until(front.engine.relink(found));
        let told = |event: &ProjectEvent| match event {
            ProjectEvent::Relinked { moved } => Some(*moved),
            _ => None,
        };
        news.iter().filter_map(told).collect()
    };
    // Nothing is known yet, and nothing is added by looking.
    assert!(moved(&front, vec![image(1, "gone/1.png")]).is_empty());
    drop(front);
    let mut project = Project::open(&path).unwrap();
    let ids = project.add_images(&[image(1, "gone/1.png"), image(2, "gone/2.png")]).unwrap();
    drop(project);
    let (front, _) = Front::on(&path);
    assert_eq!(moved(&front, vec![image(2, "new/b.png"), image(1, "new/a.png"), image(3, "new/c.png")]), [2]);
    assert!(moved(&front, vec![image(2, "new/b.png"), image(1, "new/a.png")]).is_empty());
    drop(front);
    let known: Vec<_> =
        Project::open(&path).unwrap().images().unwrap().into_iter().map(|i| (i.id, i.place)).collect();
    assert_eq!(known, [(ids[0], "new/a.png".to_string()), (ids[1], "new/b.png".to_string())]);
}
