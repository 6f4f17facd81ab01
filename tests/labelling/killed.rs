//! A program that is killed while somebody labels.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::*;

/// Says to this test binary that it is the program to be killed, and in which folder it works.
const FOLDER: &str = "DIFSCOPE_TEST_LABELLING";
const PICTURES: usize = 16;

/// The mark that step `number` of the program makes.
fn mark_of(number: usize) -> Mark {
    match number % 5 {
        0 => Mark::Unsure,
        1 => Mark::Outside,
        _ => hand(number / PICTURES % 2),
    }
}

/// The program that is killed: marks picture after picture without an end, undoes every seventh step and
/// does it again, and says on standard output what events have told to be saved. Does nothing where it is
/// run as a test.
#[test]
fn program() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let front = Front::without_network(&folder.join("p.difscope"));
    let mut session = front.open(folder.join("bars"));
    let mut out = std::io::stdout();
    let mut say = |line: String| {
        writeln!(out, "{line}").unwrap();
        out.flush().unwrap();
    };
    say("open".into());
    if session.session().classes().is_empty() {
        session.add_class("upright").unwrap();
        session.add_class("level").unwrap();
    }
    let mut number = session.session().history().1 - 2;
    loop {
        // No two in a row are the same on a picture.
        session.mark(&format!("{number}"), &[number % PICTURES], mark_of(number)).unwrap();
        if number.is_multiple_of(7) {
            session.undo().unwrap();
            session.redo().unwrap();
        }
        front.saved(session.kept_through());
        say(format!("saved {number}"));
        number += 1;
    }
}

#[test]
fn what_was_told_to_be_saved_survives_every_kill() {
    let folder = tempfile::tempdir().unwrap();
    let data = bars(folder.path(), PICTURES);
    let mut told = 0;
    for round in 0..10usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["killed::program", "--exact", "--nocapture", "--test-threads=1"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        // The test harness says what it runs in the same line or before.
        let mut lines = lines.skip_while(|line| !line.ends_with("open"));
        lines.next().expect("the program opens the data set");
        let mut said: Vec<String> = lines.by_ref().take(1 + 3 * round).collect();
        std::thread::sleep(Duration::from_micros(900 * round as u64));
        // SIGKILL: nothing of the program's own runs any more.
        child.kill().unwrap();
        child.wait().unwrap();
        said.extend(lines);
        for line in said {
            told = line.strip_prefix("saved ").unwrap().parse::<usize>().unwrap() + 1;
        }
        let front = Front::without_network(&folder.path().join("p.difscope"));
        let session = front.open(&data);
        let (history, done) = session.session().history();
        // One step may be on the disk that was not told yet, and one may be undone and not done again.
        assert!((told..=told + 1).contains(&(done - 2)), "{told} told, {done} kept");
        assert!(history.len() - done <= 1);
        let mut marks = vec![Mark::Blank; PICTURES];
        (0..done - 2).for_each(|number| marks[number % PICTURES] = mark_of(number));
        assert_eq!(session.session().marks(), marks, "round {round}");
        assert_eq!(session.session().class_list().live().len(), 2);
    }
    assert!(told > 60, "{told}");
}
