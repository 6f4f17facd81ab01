//! A disk without room for what is labelled.

use std::process::Command;

use super::*;

/// Says to this test binary that its files may not grow, and in which folder it works.
const FOLDER: &str = "DIFSCOPE_TEST_FULL_LABELLING";
/// Half kilobytes that a file may have: the project as it is begun takes less than half.
const BLOCKS: usize = 600;

/// Everything until nothing waits any more: what was not saved, and what came late.
fn news(front: &Front, through: KeepId) -> (Vec<KeepId>, Vec<KeepId>) {
    let mut refused = Vec::new();
    let deadline = Instant::now() + LONG;
    while Instant::now() < deadline {
        match front.engine.wait(Duration::from_millis(100)) {
            Some(Event::Project(ProjectEvent::NotSaved { request, .. })) => refused.push(request),
            Some(Event::Project(ProjectEvent::Saved { through: saved, late })) if saved >= through => {
                return (refused, late);
            }
            _ => {}
        }
    }
    panic!("it never comes")
}

/// The program whose files may not grow: labels all the same. Does nothing where it is run as a test.
#[test]
fn program() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let front = Front::without_network(&folder.join("p.difscope"));
    let mut session = front.open(folder.join("bars"));
    session.add_class("upright").unwrap();
    front.saved(front.engine.keep_state("bulk", "a".repeat(130_000).into()));
    session.mark(&"large".repeat(26_000), &[0], hand(0)).unwrap();
    let large = session.kept_through();
    assert_eq!(news(&front, large).0, [large]);
    // What comes later waits for what came before, whatever room it takes.
    session.mark("small", &[0], Mark::Unsure).unwrap();
    let small = session.kept_through();
    assert_eq!(news(&front, small).0, [small]);
    session.mark("again", &[1], Mark::Outside).unwrap();
    assert_eq!(session.undo().as_deref(), Some("again"));
    let undone = session.kept_through();
    assert_eq!(news(&front, undone).0.len(), 2);
    let (refused, late) = news(&front, front.engine.keep_state("bulk", 0.into()));
    assert!(refused.is_empty());
    assert_eq!((late.len(), late[0], late[1], late[3]), (4, large, small, undone), "in their order");
}

#[test]
fn what_a_full_disk_does_not_take_comes_in_order_once_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let data = bars(folder.path(), 3);
    // As with a full disk, writing fails, and the program is not ended by a signal.
    let limited = format!("trap '' XFSZ; ulimit -f {BLOCKS} && exec \"$0\" \"$@\"");
    let ended = Command::new("sh")
        .args(["-c", &limited])
        .arg(std::env::current_exe().unwrap())
        .args(["full::program", "--exact", "--test-threads=1"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() && said.contains("1 passed"), "{said}");
    let front = Front::without_network(&folder.path().join("p.difscope"));
    let mut session = front.open(data);
    assert_eq!(session.session().marks(), [Mark::Unsure, Mark::Blank, Mark::Blank]);
    assert_eq!((session.redo().as_deref(), session.redo()), (Some("again"), None));
    assert_eq!((session.undo().as_deref(), session.undo().as_deref()), (Some("again"), Some("small")));
    assert_eq!(session.session().marks(), [hand(0), Mark::Blank, Mark::Blank]);
}
