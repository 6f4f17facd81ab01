use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

fn fresh() -> (TempDir, Project) {
    let folder = tempfile::tempdir().unwrap();
    let project = Project::create(&folder.path().join("birds.difscope")).unwrap();
    (folder, project)
}

fn image(number: u8) -> NewImage {
    NewImage { digest: [number; 32], place: format!("pictures/{number}.png") }
}

fn class(id: i64, name: &str) -> Class {
    Class { id: ClassId(id), name: name.into(), colour: [1, 2, 250], included: true, merged_into: None }
}

fn hand(image: ImageId, class: i64) -> LabelChange {
    LabelChange { image, label: Some((ClassId(class), LabelSource::Hand)) }
}

fn reopened(project: Project) -> Project {
    let path = project.path().to_path_buf();
    drop(project);
    Project::open(&path).unwrap()
}

fn labelled(project: &Project) -> Vec<(i64, i64, LabelSource)> {
    project
        .labels()
        .unwrap()
        .into_iter()
        .map(|(image, label)| (image.0, label.class.0, label.source))
        .collect()
}

#[test]
fn everything_comes_back() {
    let (_folder, mut project) = fresh();
    let ids = project.add_images(&[image(1), image(2)]).unwrap();
    project.put_classes("new classes", &[class(1, "wren"), class(4, "owl")]).unwrap();
    project.label("label", &[hand(ids[0], 4)]).unwrap();
    project.put_split("a", &json!({"items": [1, 2]})).unwrap();
    let new = NewRun { name: "first".into(), notes: "try".into(), config: json!({"b": 24}) };
    let run = project.add_run(&new).unwrap();
    let mut run = project.runs().unwrap().into_iter().find(|found| found.id == run).unwrap();
    assert_eq!((run.status, &run.metrics), (RunStatus::Running, &json!(null)));
    run.status = RunStatus::Done;
    run.metrics = json!({"accuracy": 0.5});
    run.curves = json!([1.0, 0.5]);
    run.head = Some("head.safetensors".into());
    project.update_run(&run).unwrap();
    let cell = SweepCell {
        block: 24,
        timestep: 90,
        pool: 1,
        score: "ridge".into(),
        shots: 0,
        features: "network".into(),
        accuracy: 0.25,
        ci_low: 0.1,
        ci_high: 0.5,
        n: 40,
    };
    let other = SweepCell { timestep: 30, ..cell.clone() };
    project.put_sweep_cells(run.id, &[cell.clone(), other.clone()]).unwrap();
    let better = SweepCell { accuracy: 0.75, ..cell };
    project.put_sweep_cells(run.id, std::slice::from_ref(&better)).unwrap();
    let prediction =
        Prediction { image: ids[1], class: ClassId(1), confidence: 0.75, scores: vec![0.75, 0.25] };
    project.put_predictions(run.id, std::slice::from_ref(&prediction)).unwrap();
    project.put_state("layout", &json!({"open": true})).unwrap();

    let mut project = reopened(project);
    assert_eq!(project.classes().unwrap(), [class(1, "wren"), class(4, "owl")]);
    assert_eq!(labelled(&project), [(ids[0].0, 4, LabelSource::Hand)]);
    assert_eq!(project.split::<Value>("a").unwrap(), Some(json!({"items": [1, 2]})));
    assert_eq!(project.split::<Value>("b").unwrap(), None);
    assert!(project.split::<u32>("a").unwrap_err().to_string().contains("split a"));
    assert_eq!(project.runs().unwrap(), [run.clone()]);
    assert_eq!(project.sweep_cells(run.id).unwrap(), [other, better]);
    assert_eq!(project.predictions(run.id).unwrap(), std::slice::from_ref(&prediction));
    assert_eq!(project.state("layout").unwrap(), Some(json!({"open": true})));
    assert_eq!(project.state("none").unwrap(), None);
    let summary = project.summary().unwrap();
    assert_eq!((summary.images, summary.labels, summary.sweep_cells, summary.predictions), (2, 1, 2, 1));

    project.remove_run(run.id).unwrap();
    assert_eq!(project.summary().unwrap().sweep_cells, 0);
    for error in [
        project.remove_run(run.id).unwrap_err(),
        project.update_run(&run).unwrap_err(),
        project.put_predictions(run.id, &[prediction]).unwrap_err(),
    ] {
        assert!(error.to_string().contains("no run"), "{error}");
    }
    assert!(project.remove_split("a").unwrap() && !project.remove_split("a").unwrap());
}

#[test]
fn labels_are_undone_and_done_again_across_restarts() {
    let (_folder, mut project) = fresh();
    let ids = project.add_images(&[image(1), image(2)]).unwrap();
    project.put_classes("classes", &[class(1, "a"), class(2, "b")]).unwrap();
    project.label("first", &[hand(ids[0], 1)]).unwrap();
    let bulk = |id| LabelChange { image: id, label: Some((ClassId(2), LabelSource::Bulk)) };
    // The same picture twice in one change.
    project.label("second", &[bulk(ids[0]), bulk(ids[1]), hand(ids[0], 1)]).unwrap();
    let (one, two) = (ids[0].0, ids[1].0);
    let all = [(one, 1, LabelSource::Hand), (two, 2, LabelSource::Bulk)];
    assert_eq!(labelled(&project), all);
    assert_eq!(project.undo().unwrap().unwrap(), "second");
    let mut project = reopened(project);
    assert_eq!(labelled(&project), all[..1]);
    assert_eq!(project.undo().unwrap().unwrap(), "first");
    assert_eq!(project.undo().unwrap().unwrap(), "classes");
    assert_eq!((labelled(&project), project.classes().unwrap()), (vec![], vec![]));
    assert_eq!(project.undo().unwrap(), None);
    for what in ["classes", "first", "second"] {
        assert_eq!(project.redo().unwrap().unwrap(), what);
    }
    assert_eq!((project.redo().unwrap(), labelled(&project)), (None, all.to_vec()));
    project.undo().unwrap();
    project.label("other", &[LabelChange { image: ids[0], label: None }]).unwrap();
    assert_eq!(project.redo().unwrap(), None, "another way was gone");
    let history: Vec<_> =
        project.history().unwrap().into_iter().map(|change| (change.what, change.undone)).collect();
    assert_eq!(history, ["classes", "first", "other"].map(|what| (what.to_string(), false)));
}

#[test]
fn impossible_changes_leave_everything_as_it_was() {
    let (_folder, mut project) = fresh();
    let ids = project.add_images(&[image(1)]).unwrap();
    project.put_classes("classes", &[class(1, "a"), class(2, "b")]).unwrap();
    project.label("label", &[hand(ids[0], 1)]).unwrap();
    let failed = [
        (project.label("x", &[hand(ids[0], 2), hand(ids[0], 9)]), "not in the project"),
        (project.label("x", &[hand(ImageId(99), 2)]), "not in the project"),
        (project.put_classes("x", &[class(2, "b")]), "a cannot be removed: 1 pictures"),
        (project.put_classes("x", &[class(1, "a"), class(2, "a")]), "called a"),
        (project.put_classes("x", &[Class { merged_into: Some(ClassId(7)), ..class(1, "a") }]), "gone"),
    ];
    for (result, words) in failed {
        let error = result.unwrap_err().to_string();
        assert!(error.contains("birds.difscope") && error.contains(words), "{error}");
    }
    assert_eq!(labelled(&project), [(ids[0].0, 1, LabelSource::Hand)]);
    assert_eq!(project.history().unwrap().len(), 2);
}

#[test]
fn moved_files_are_found_by_content() {
    let (_folder, mut project) = fresh();
    let before = [image(1), image(2), image(3), image(4), image(5)];
    let ids = project.add_images(&before).unwrap();
    project.put_classes("classes", &[class(1, "a")]).unwrap();
    project.label("label", &[hand(ids[0], 1)]).unwrap();
    assert_eq!(project.relink(&before).unwrap(), Relinked::default());
    let at = |number: u8, place: &str| NewImage { digest: [number; 32], place: place.into() };
    // 1 moved; 2 and 3 changed places; 4 has another content; 5 is gone; 9 is new.
    let found = [
        at(1, "elsewhere/one.png"),
        at(3, "pictures/2.png"),
        at(2, "pictures/3.png"),
        at(8, "pictures/4.png"),
        at(9, "pictures/9.png"),
    ];
    let result = project.relink(&found).unwrap();
    let place = |number: usize| before[number].place.clone();
    assert_eq!(result.moved, [(ids[0], place(0)), (ids[1], place(1)), (ids[2], place(2))]);
    assert_eq!((result.changed, result.missing), (vec![ids[3]], vec![ids[4]]));
    let images = project.images().unwrap();
    let places: Vec<&str> = images.iter().map(|image| image.place.as_str()).collect();
    assert_eq!(
        places,
        ["elsewhere/one.png", "pictures/3.png", "pictures/2.png", "pictures/4.png", "pictures/5.png"]
    );
    assert_eq!(
        images.iter().map(|image| image.missing).collect::<Vec<_>>(),
        [false, false, false, true, true]
    );
    assert_eq!(labelled(&project), [(ids[0].0, 1, LabelSource::Hand)], "labels stay with the picture");
    // All back, and one of them where a lost one was.
    let back =
        [at(1, "pictures/5.png"), at(2, "pictures/2.png"), at(3, "pictures/3.png"), at(4, "pictures/4.png")];
    let result = project.relink(&back).unwrap();
    assert_eq!((result.moved.len(), result.missing), (3, vec![ids[4]]));
    let images = project.images().unwrap();
    assert_eq!((images[0].place.as_str(), images[3].missing), ("pictures/5.png", false));
    assert_eq!(project.relink(&before).unwrap().missing, []);
    assert!(project.images().unwrap().iter().all(|image| !image.missing));
    // A place that is known is the same picture.
    assert_eq!(project.add_images(&[image(3)]).unwrap(), [ids[2]]);
}

#[test]
fn a_full_disk_loses_only_the_last_change() {
    let (_folder, mut project) = fresh();
    let ids = project.add_images(&[image(1)]).unwrap();
    let pages: i64 = project.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    // SQLite then says that the disk is full, as it does where the system has said so.
    project.connection.pragma_update(None, "max_page_count", pages).unwrap();
    let error = project.put_state("big", &json!("x".repeat(1 << 20))).unwrap_err().to_string();
    assert!(error.contains("disk is full") && error.contains("make room"), "{error}");
    assert_eq!((project.images().unwrap()[0].id, project.state("big").unwrap()), (ids[0], None));
    project.connection.pragma_update(None, "max_page_count", 1 << 30).unwrap();
    project.put_state("big", &json!("x".repeat(1 << 20))).unwrap();
    assert!(reopened(project).state("big").unwrap().is_some());
}

#[test]
fn what_is_only_read_is_not_changed() {
    let (_folder, mut project) = fresh();
    project.add_images(&[image(1)]).unwrap();
    let path = project.path().to_path_buf();
    drop(project);
    let mut reader = Project::read(&path).unwrap();
    let error = reader.add_images(&[image(2)]).unwrap_err().to_string();
    assert!(error.contains("read-only") && error.contains("not saved"), "{error}");
    assert_eq!(reader.images().unwrap().len(), 1);
    // Two may look at a time.
    assert_eq!(Project::read(&path).unwrap().images().unwrap().len(), 1);
    drop(reader);
    let mut rights = fs::metadata(&path).unwrap().permissions();
    rights.set_readonly(true);
    fs::set_permissions(&path, rights).unwrap();
    // Administrators may write everything.
    if fs::OpenOptions::new().write(true).open(&path).is_err() {
        assert!(Project::open(&path).unwrap_err().to_string().contains("read-only"));
    }
    assert_eq!(Project::read(&path).unwrap().images().unwrap().len(), 1);
}

#[test]
fn other_files_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let why = |name: &str| Project::open(&at(name)).unwrap_err().to_string();
    assert!(why("gone").contains("not there"));
    fs::create_dir(at("folder")).unwrap();
    assert!(why("folder").contains("a folder"));
    fs::write(at("text"), "not a project ".repeat(200)).unwrap();
    assert!(why("text").contains("not a project file"));
    let other = Connection::open(at("other")).unwrap();
    other.execute_batch("CREATE TABLE x (y)").unwrap();
    drop(other);
    assert!(why("other").contains("another program"));
    assert_eq!(fs::read(at("text")).unwrap().len(), 2800, "nothing was written");

    let mut project = Project::create(&at("p")).unwrap();
    for number in 0..250 {
        project.put_state(&format!("key {number}"), &json!("x".repeat(500))).unwrap();
    }
    drop(project);
    assert!(matches!(Project::create(&at("p")), Err(Error::Exists(_))));
    let whole = fs::read(at("p")).unwrap();
    let mut damaged = whole.clone();
    let page = whole.len() / 2 / 4096 * 4096;
    damaged[page..page + 4096].fill(0xA5);
    fs::write(at("p"), &damaged).unwrap();
    assert!(why("p").contains("damaged"), "{}", why("p"));
    fs::write(at("p"), &whole[..whole.len() / 2]).unwrap();
    assert!(why("p").contains("damaged"), "{}", why("p"));
    fs::write(at("p"), &whole).unwrap();
    assert_eq!(Project::open(&at("p")).unwrap().state("key 7").unwrap(), Some(json!("x".repeat(500))));

    // An empty file is what a program killed in its first moment leaves.
    fs::write(at("empty"), "").unwrap();
    assert!(Project::read(&at("empty")).unwrap_err().to_string().contains("empty"));
    assert_eq!(Project::open(&at("empty")).unwrap().summary().unwrap().images, 0);
}

#[test]
fn a_newer_version_is_refused_and_not_touched() {
    let (_folder, project) = fresh();
    let path = project.path().to_path_buf();
    project.connection.pragma_update(None, "user_version", 99).unwrap();
    drop(project);
    let before = fs::read(&path).unwrap();
    for error in [Project::open(&path).unwrap_err(), Project::read(&path).unwrap_err()] {
        assert!(error.to_string().contains("newer difscope (file version 99"), "{error}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn migrations_run_in_order_once_or_not_at_all() {
    let mut file = Connection::open_in_memory().unwrap();
    let steps = [schema::STEPS[0], "ALTER TABLE image ADD COLUMN note TEXT NOT NULL DEFAULT 'none'"];
    schema::migrate(&file, &steps[..1]).unwrap();
    file.execute("INSERT INTO image (digest, place) VALUES (zeroblob(32), 'a')", []).unwrap();
    let broken = [steps[0], steps[1], "CREATE TABLE image (x)"];
    let work = file.transaction().unwrap();
    assert!(schema::migrate(&work, &broken).is_err());
    drop(work);
    let version = |file: &Connection| -> i64 {
        file.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    };
    assert_eq!(version(&file), 1, "as it was before");
    schema::migrate(&file, &steps).unwrap();
    schema::migrate(&file, &steps).unwrap();
    let note: String = file.query_row("SELECT note FROM image", [], |row| row.get(0)).unwrap();
    assert_eq!((note.as_str(), version(&file)), ("none", 2));
}

/// However many come at once, one gets the file, and the others are told.
#[test]
fn of_many_at_once_one_gets_the_file() {
    let (_folder, project) = fresh();
    let path = project.path().to_path_buf();
    drop(project);
    for _ in 0..5 {
        let open = || Project::open(&path);
        let results: Vec<Result<Project>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..6).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (got, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!((got.len(), refused.len()), (1, 5));
        for error in refused {
            assert!(error.unwrap_err().to_string().contains("is open in"));
        }
    }
}

#[test]
fn two_at_a_time_are_kept_apart_within_a_process_too() {
    let (_folder, project) = fresh();
    let path = project.path().to_path_buf();
    for error in [Project::open(&path).unwrap_err(), Project::read(&path).unwrap_err()] {
        let text = error.to_string();
        assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
    }
    drop(project);
    assert!(Project::open(&path).is_ok());
    let names: Vec<_> =
        fs::read_dir(path.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["birds.difscope"], "one file at rest");
}

#[test]
fn nothing_is_written_to_a_file_that_is_gone_from_its_place() {
    let (_folder, mut project) = fresh();
    project.put_state("page", &json!(1)).unwrap();
    let (path, aside) = (project.path().to_path_buf(), project.path().with_extension("aside"));
    let mut refused = |change: &str| {
        let error = project.put_state("page", &json!(2)).unwrap_err().to_string();
        assert!(error.contains("birds.difscope") && error.contains("was not saved"), "{change}: {error}");
    };
    // Where an open file cannot be moved, nothing of this can happen.
    if fs::rename(&path, &aside).is_err() {
        return;
    }
    refused("moved");
    fs::copy(&aside, &path).unwrap();
    refused("replaced");
    fs::rename(&aside, &path).unwrap();
    project.put_state("page", &json!(3)).unwrap();
    let kept = reopened(project).states().unwrap();
    assert_eq!(kept.into_iter().collect::<Vec<_>>(), [("page".to_string(), json!(3))]);
}
