//! A program that is killed while it keeps runs and states.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::*;

/// Says to this test binary that it is the program to be killed, and on which file it works.
const FILE: &str = "DIFSCOPE_TEST_KEEPER";

/// The program that is killed: keeps runs and states without an end, and says on standard output what
/// events have told to be saved. Does nothing where it is run as a test.
#[test]
fn program() {
    let Some(path) = std::env::var_os(FILE).map(PathBuf::from) else { return };
    let (front, opened) = Front::on(&path);
    let mut out = std::io::stdout();
    let mut say = |line: String| {
        writeln!(out, "{line}").unwrap();
        out.flush().unwrap();
    };
    let mut number = opened.state.get("number").and_then(Value::as_i64).unwrap_or(0);
    say("open".into());
    loop {
        number += 1;
        let run = front.begin(&format!("number {number}"));
        say(format!("begun {}", run.id.0));
        front.engine.keep_run(RunRecord { curve: curve(3), ..run.clone() });
        // Large enough for several pages, so that a kill can hit the middle of a write.
        front.engine.keep_state("bulk", Value::from("x".repeat(20_000 + number as usize % 7 * 3000)));
        front.saved(front.engine.keep_state("number", number.into()));
        say(format!("state {number}"));
        let seed = run.id.0 as u64;
        front.saved(front.engine.keep_run(done(run, seed)));
        say(format!("done {seed}"));
    }
}

#[test]
fn what_an_event_told_to_be_saved_survives_every_kill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.difscope");
    let mut lot = ChaCha20Rng::seed_from_u64(7);
    let (mut begun, mut ended, mut number) = (Vec::new(), Vec::new(), 0);
    for round in 0..24 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["killed::program", "--exact", "--nocapture", "--test-threads=1"])
            .env(FILE, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        // The test harness says what it runs in the same line or before.
        let mut lines = lines.skip_while(|line| !line.ends_with("open"));
        lines.next().expect("the program opens the project");
        let mut told: Vec<String> = lines.by_ref().take(lot.next_u32() as usize % 9).collect();
        std::thread::sleep(Duration::from_micros(u64::from(lot.next_u32() % 8000)));
        // SIGKILL: nothing of the program's own runs any more.
        child.kill().unwrap();
        child.wait().unwrap();
        // What was said before the kill and not yet read counts as well. A line is one write.
        told.extend(lines);
        for line in told {
            match line.split_once(' ').map(|(what, id)| (what, id.parse::<i64>())) {
                Some(("begun", Ok(id))) => begun.push(id),
                Some(("done", Ok(id))) => ended.push(id),
                Some(("state", Ok(at))) => number = at,
                other => panic!("{other:?}"),
            }
        }
        let (_front, opened) = Front::on(&path);
        assert!(opened.notes.is_empty(), "round {round}: {:?}", opened.notes);
        for id in &begun {
            let run = opened.runs.iter().find(|run| run.id.0 == *id).expect("a run that was begun is there");
            assert_eq!(run.settings, settings());
            assert!(run.head.as_ref().unwrap().ends_with(format!("p.heads/run-{id}.safetensors")));
        }
        for id in &ended {
            let run = opened.runs.iter().find(|run| run.id.0 == *id).unwrap();
            assert_eq!((run.status, run.results.as_ref()), (RunStatus::Done, Some(&results(*id as u64))));
        }
        // What was under way is whole or broken off, never half.
        for run in &opened.runs {
            match run.status {
                RunStatus::Done => assert_eq!(run.results, Some(results(run.id.0 as u64))),
                status => assert_eq!((status, &run.results), (RunStatus::Interrupted, &None)),
            }
        }
        let kept = opened.state.get("number").and_then(Value::as_i64).unwrap_or(0);
        assert!(kept >= number, "round {round}: {kept} is kept, {number} was told");
        assert!(opened.runs.len() <= begun.len() + round + 1);
    }
    assert!(ended.len() > 10 && begun.len() > ended.len(), "{} of {} ended", ended.len(), begun.len());
}
