//! A disk without room for all that is to be kept.

use std::path::PathBuf;
use std::process::Command;

use super::*;

/// Says to this test binary that its files may not grow, and on which project it works.
const FILE: &str = "DIFSCOPE_TEST_FULL";
/// Half kilobytes that a file may have: the project as it is begun takes a third.
const BLOCKS: usize = 600;

fn bulk(letter: char) -> Value {
    Value::from(letter.to_string().repeat(130_000))
}

/// The program whose files may not grow: checks what it is told, and goes on. Does nothing where it is
/// run as a test.
#[test]
fn program() {
    let Some(path) = std::env::var_os(FILE).map(PathBuf::from) else { return };
    let (front, _) = Front::on(&path);
    let engine = &front.engine;
    let run = front.begin("a run");
    front.saved(engine.keep_state("bulk", bulk('a')));
    let why = front.refused(engine.keep_state("more", bulk('b')));
    assert!(why.contains("the state of more") && why.contains("p.difscope"), "{why}");
    assert!(
        why.contains("everything saved before is kept") || why.contains("everything before it is"),
        "{why}"
    );
    // The rest is kept, and what is not is told once.
    front.saved(engine.keep_run(done(run, 1)));
    front.saved(engine.keep_state("page", json!(1)));
    let newer = engine.keep_state("more", bulk('c'));
    front.refused(newer);
    let split = Split { how: How::Given, seed: 0, items: Vec::new(), notes: vec!["x".repeat(130_000)] };
    let refused = engine.keep_split("halves", split);
    front.refused(refused);
    // Room for one of them.
    let (news, late) = front.until_late(engine.keep_state("bulk", json!(0)));
    assert!(news.is_empty(), "{news:?}");
    assert_eq!(late, [newer]);
    // Room for the other one, which is made right before the end.
    engine.keep_state("more", json!(0));
}

#[test]
fn what_a_full_disk_does_not_take_is_told_and_kept_once_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.difscope");
    // As with a full disk, writing fails, and the program is not ended by a signal.
    let limited = format!("trap '' XFSZ; ulimit -f {BLOCKS} && exec \"$0\" \"$@\"");
    let ended = Command::new("sh")
        .args(["-c", &limited])
        .arg(std::env::current_exe().unwrap())
        .args(["full::program", "--exact", "--test-threads=1"])
        .env(FILE, &path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() && said.contains("1 passed"), "{said}");
    let (front, opened) = Front::on(&path);
    assert!(opened.notes.is_empty(), "{:?}", opened.notes);
    assert_eq!(
        (opened.runs[0].status, opened.runs[0].results.as_ref()),
        (RunStatus::Done, Some(&results(1)))
    );
    let states: Vec<_> = opened.state.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    assert_eq!(states, [("bulk", json!(0)), ("more", json!(0)), ("page", json!(1))]);
    drop(front);
    let split = Project::open(&path).unwrap().split::<Split>("halves").unwrap().unwrap();
    assert_eq!(split.notes[0].len(), 130_000);
}
