//! The project file under hard conditions: programs that are killed, two at a time, and files of the
//! first version.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use difscope::jobs::LabelSettings;
use difscope::project::{
    Answered, Class, ClassId, ImageId, LabelChange, LabelSource, Labelling, Marked, NewImage, PictureKey,
    Project, RunStatus,
};
use difscope::study::label::{Classes, Order};
use rusqlite::Connection;

/// Says to this test binary that it is the program to be killed, and on which file it works.
const FILE: &str = "DIFSCOPE_TEST_PROJECT";

/// The program that is killed: changes the project without an end, and says on standard output what is
/// saved. Does nothing where it is run as a test.
#[test]
fn writer() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let mut project = Project::open(Path::new(&path)).unwrap();
    let mut out = std::io::stdout();
    let first = project.images().unwrap().len();
    if project.classes().unwrap().is_empty() {
        let classes = [0, 1, 2].map(|id| Class {
            id: ClassId(id),
            name: format!("class {id}"),
            colour: [0; 3],
            included: true,
            merged_into: None,
        });
        project.put_classes("classes", &classes).unwrap();
    }
    writeln!(out, "open").unwrap();
    for number in first.. {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&(number as u64).to_le_bytes());
        let ids = project.add_images(&[NewImage { digest, place: format!("{number}.png") }]).unwrap();
        let label = Some((ClassId(number as i64 % 3), LabelSource::Hand));
        project.label(&format!("label {number}"), &[LabelChange { image: ids[0], label }]).unwrap();
        // Large enough for several pages, so that a kill can hit the middle of a write.
        project
            .put_state("last", &serde_json::json!([number, "x".repeat(20_000 + number % 7 * 3000)]))
            .unwrap();
        writeln!(out, "{} {number}", ids[0].0).unwrap();
        out.flush().unwrap();
    }
}

fn start(path: &Path) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["writer", "--exact", "--nocapture", "--test-threads=1"])
        .env(FILE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    // The test harness says what it runs in the same line or before.
    let mut lines = lines.skip_while(|line| !line.ends_with("open"));
    lines.next().expect("the writer opens the project");
    (child, lines)
}

#[test]
fn what_was_saved_survives_every_kill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.difscope");
    drop(Project::create(&path).unwrap());
    let mut said: Vec<(i64, i64)> = Vec::new();
    for round in 0..12u64 {
        let (mut child, mut lines) = start(&path);
        for _ in 0..round {
            said.push(acknowledged(&lines.next().unwrap()));
        }
        std::thread::sleep(std::time::Duration::from_micros(700 * round));
        // SIGKILL: nothing of the program's own runs any more.
        child.kill().unwrap();
        child.wait().unwrap();
        // What was said before the kill and not yet read counts as well; the last line may be torn.
        let rest: Vec<String> = lines.collect();
        said.extend(rest.iter().filter(|line| line.split(' ').count() == 2).map(|line| acknowledged(line)));

        if round % 2 == 1 {
            // Looking is enough to undo what was half written.
            assert!(Project::read(&path).unwrap().images().unwrap().len() * 2 >= said.len());
        }
        let mut project = Project::open(&path).unwrap();
        let images = project.images().unwrap();
        let labels = project.labels().unwrap();
        for &(id, number) in &said {
            let image =
                images.iter().find(|image| image.id == ImageId(id)).expect("a saved picture is there");
            assert_eq!(image.place, format!("{number}.png"));
            let (_, label) = labels.iter().find(|(image, _)| image.0 == id).expect("a saved label is there");
            assert_eq!(label.class.0, number % 3);
        }
        let last = project.state("last").unwrap();
        if let Some(&(_, number)) = said.last() {
            assert!(last.unwrap()[0].as_i64().unwrap() >= number);
        }
        // No more than the one change under way is there beyond what was said.
        assert!(images.len() <= said.len() + 2 * (round as usize + 1), "{} of {}", images.len(), said.len());
        assert_eq!(project.history().unwrap().len(), labels.len() + 1);
        // It goes on as if nothing had been.
        let what = project.undo().unwrap();
        assert_eq!(project.redo().unwrap(), what);
        drop(project);
        let file = Connection::open(&path).unwrap();
        let verdict: String = file.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
        assert_eq!(verdict, "ok");
    }
    assert!(said.len() > 60, "only {} changes", said.len());
}

fn acknowledged(line: &str) -> (i64, i64) {
    let (id, number) = line.split_once(' ').unwrap();
    (id.parse().unwrap(), number.parse().unwrap())
}

#[test]
fn a_second_program_is_told_who_has_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.difscope");
    drop(Project::create(&path).unwrap());
    let (mut child, mut lines) = start(&path);
    lines.next().unwrap();
    for error in [Project::open(&path).unwrap_err(), Project::read(&path).unwrap_err()] {
        let text = error.to_string();
        assert!(text.contains("p.difscope") && text.contains(&format!("process {}", child.id())), "{text}");
        assert!(text.contains("close it there"), "{text}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // The note of the dead is still there, and means nothing.
    assert!(folder.path().join("p.difscope.open").is_file());
    assert!(!Project::open(&path).unwrap().images().unwrap().is_empty());
    assert!(!folder.path().join("p.difscope.open").exists());
}

/// A file of version 1 as it was first released, in the words of that time: they are not to be changed.
#[test]
fn a_file_of_version_1_opens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.difscope");
    let file = Connection::open(&path).unwrap();
    file.execute_batch(include_str!("golden/project_1.sql")).unwrap();
    drop(file);
    let mut project = Project::open(&path).unwrap();
    let images = project.images().unwrap();
    assert_eq!((images[1].place.as_str(), images[1].digest, images[1].missing), ("b.png", [0x22; 32], true));
    let classes = project.classes().unwrap();
    assert_eq!((classes[0].name.as_str(), classes[0].colour), ("cat", [255, 128, 0]));
    assert_eq!((classes[1].included, classes[1].merged_into), (false, Some(ClassId(1))));
    let (image, label) = project.labels().unwrap()[0];
    assert_eq!((image, label.class, label.source), (ImageId(1), ClassId(1), LabelSource::Accepted));
    let run = project.runs().unwrap().remove(0);
    assert_eq!((run.status, run.head.as_deref()), (RunStatus::Done, Some("h.safetensors")));
    assert_eq!(run.metrics["accuracy"], 0.5);
    assert_eq!(project.sweep_cells(run.id).unwrap()[0].block, 24);
    assert_eq!(project.predictions(run.id).unwrap()[0].scores, [1.0, 0.5]);
    assert_eq!(project.split::<serde_json::Value>("halves").unwrap().unwrap()["seed"], 3);
    assert_eq!(project.state("layout").unwrap().unwrap(), 7);
    assert_eq!(project.undo().unwrap().unwrap(), "accept one");
    assert_eq!(project.labels().unwrap(), []);
    let new = project.open_labelling("birds", &[], &serde_json::json!([]), &|_| false).unwrap();
    assert!(new.is_new, "what came later is there, too");
}

/// A file of version 2 as it was first released: labelling with marks, answers, settings and history.
#[test]
fn a_file_of_version_2_opens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.difscope");
    let file = Connection::open(&path).unwrap();
    file.execute_batch(include_str!("golden/project_2.sql")).unwrap();
    drop(file);
    let mut project = Project::open(&path).unwrap();
    assert_eq!(project.classes().unwrap()[0].name, "cat");
    assert_eq!(project.summary().unwrap().labels, 2, "one of the project, one of the labelling");
    let key = |content: u8, place: &str| PictureKey { digest: [content; 32], place: place.into() };
    let pictures = [key(0x33, "c.png"), key(0x11, "moved.png"), key(0x22, "b.png")];
    let none = serde_json::Value::Null;
    let kept = project.open_labelling("bundled:photos", &pictures, &none, &|_| false).unwrap();
    assert_eq!((kept.labelling, kept.is_new), (Labelling { id: 1, created: 1_700_000_000_001 }, false));
    let accepted = Marked::Class { class: 1, source: LabelSource::Accepted };
    assert_eq!(kept.marks, [(1, accepted), (2, Marked::Unsure)]);
    assert_eq!(kept.answers, [(0, Answered::Nothing), (2, Answered::Class(0))]);
    assert_eq!((kept.history.len(), kept.done, kept.moved, kept.lost), (3, 2, 1, 0));
    let classes: Classes = serde_json::from_value(kept.classes).unwrap();
    assert_eq!((classes.by_key('d'), classes.live().next().unwrap().0), (Some(1), 1));
    let settings: LabelSettings = serde_json::from_value(kept.settings).unwrap();
    assert_eq!((settings.order, settings.features.unwrap().blocks), (Order::Check, vec![12, 14]));
    assert!(project.redo_marks(kept.labelling).unwrap());
    assert!((0..3).all(|_| project.undo_marks(kept.labelling).unwrap()));
    let kept = project.open_labelling("bundled:photos", &pictures, &none, &|_| false).unwrap();
    assert_eq!(kept.marks, [(2, Marked::Outside)]);
    let [before, after] = kept.history[0].classes.clone().unwrap();
    assert_eq!(serde_json::from_value::<Classes>(before).unwrap().all().len(), 1);
    assert_eq!(serde_json::from_value::<Classes>(after).unwrap(), classes);
}
