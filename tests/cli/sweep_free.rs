//! Sweeps without labels end to end: on a folder of pictures that nobody sorted.

use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::*;

const SMALL: [&str; 6] = ["--blocks", "3,12,16", "--t", "50,150", "--pictures", "24"];

/// `count` pictures of two kinds side by side in one folder.
fn loose(folder: &TempDir, count: u32) {
    let inside = folder.path().join("loose");
    std::fs::create_dir_all(&inside).unwrap();
    for number in 0..count {
        let image = image::RgbImage::from_fn(28, 28, |x, y| {
            let wave = (if number % 2 == 0 { x * 9 } else { 255 - y * 6 }) + number * 3;
            image::Rgb([(wave % 256) as u8; 3])
        });
        image.save(inside.join(format!("{number:03}.png"))).unwrap();
    }
}

fn args<'a>(score: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let small = if more.contains(&"--pictures") { &SMALL[..4] } else { &SMALL[..6] };
    [&["sweep", "loose", "--json", "--score", score][..], small, more].concat()
}

fn file(folder: &TempDir, name: &str) -> String {
    std::fs::read_to_string(folder.path().join(name)).unwrap()
}

#[test]
fn unlabelled_pictures_are_scored_and_the_better_end_is_the_best() {
    let folder = TempDir::new().unwrap();
    loose(&folder, 30);
    for (score, noises) in [("silhouette", 1), ("alignment", 2), ("uniformity", 1), ("agreement", 2)] {
        let told = run(&folder, &args(score, &["--out", score])).good().json();
        let rows = told["rows"].as_array().unwrap();
        let own: Vec<&Value> = rows.iter().filter(|row| row["features"] == "network").collect();
        let number = |row: &Value, key: &str| row[key].as_f64().unwrap();
        assert_eq!((own.len(), told["tested"].as_array().unwrap().len()), (6, 0));
        for row in rows {
            let [low, value, high] = ["ci_low", "accuracy", "ci_high"].map(|key| number(row, key));
            assert!(low <= value && value <= high && row["n"] == 24 && row["shots"] == 0, "{row}");
            assert_eq!(row["score"], score);
        }
        let answer = &told["answers"][0];
        let lower = matches!(score, "alignment" | "uniformity");
        let values = own.iter().map(|row| number(row, "accuracy") * if lower { -1.0 } else { 1.0 });
        let best = values.fold(f64::MIN, f64::max) * if lower { -1.0 } else { 1.0 };
        let chosen = own.iter().find(|row| {
            row["block"] == answer["best"]["block"] && row["timestep"] == answer["best"]["timestep"]
        });
        assert_eq!(number(chosen.unwrap(), "accuracy"), best, "{score}");
        assert_eq!(chosen.unwrap()["in_best_set"], true);
        let sentence = told["sentence"].as_str().unwrap();
        let words = if lower { "lower is better" } else { "higher is better" };
        for words in
            [words, "Without labels: this says how 24 pictures lie", "nothing about particular classes"]
        {
            assert!(sentence.contains(words), "{words} is not in: {sentence}");
        }
        assert!(
            told["notes"].to_string().contains("not what another noise or seed would"),
            "{}",
            told["notes"]
        );
        // One forward serves all blocks; random weights at two steps at most.
        let forwards = told["forwards"]["computed"].as_u64().unwrap();
        assert!(forwards >= 24 * 2 * noises && forwards <= 24 * 4 * noises, "{forwards}");
        // Pixels have no noise.
        assert_eq!(rows.iter().any(|row| row["features"] == "raw-pixels"), noises == 1);
        assert!(rows.iter().any(|row| row["features"] == "random-weights"));
        let out = folder.path().join(score);
        assert_eq!(names(&out), ["sweep.csv", "sweep.json", "sweep.png"]);
        assert_eq!(file(&folder, &format!("{score}/sweep.csv")).lines().count(), 1 + rows.len());
    }
    // To the bit on any number of threads; in words with the unit of the score.
    let once = ["--out", "again", "--threads", "1"];
    run(&folder, &args("silhouette", &once)).good();
    assert_eq!(file(&folder, "silhouette/sweep.csv"), file(&folder, "again/sweep.csv"));
    let plain: Vec<&str> =
        args("silhouette", &["--out", "words"]).into_iter().filter(|a| *a != "--json").collect();
    let told = run(&folder, &plain).good().out;
    assert!(told.starts_with("By silhouette (higher is better) b "), "{told}");
    assert!(told.contains("best") && told.contains("95 % interval"), "{told}");
}

#[test]
fn labels_are_ignored_and_name_the_number_of_clusters() {
    let folder = TempDir::new().unwrap();
    let small = ["--blocks", "12", "--t", "50", "--pictures", "40", "--json", "--set", "controls=false"];
    let with = |out: &str, more: &[&str]| {
        let args = ["sweep", "bundled:fashion", "--score", "silhouette", "--out", out];
        run(&folder, &[&args[..], &small, more].concat()).good().json()
    };
    let told = with("own", &[]);
    assert_eq!((&told["settings"]["clusters"], &told["classes"]), (&10.into(), &Value::Array(Vec::new())));
    let few = with("few", &["--clusters", "3"]);
    assert_eq!(few["settings"]["clusters"], 3);
    assert_ne!(few["rows"], told["rows"]);
    assert_ne!(with("other", &["--seed", "1"])["rows"], told["rows"], "other pictures");
}

#[test]
fn a_sweep_without_labels_that_is_killed_does_nothing_twice() {
    let folder = TempDir::new().unwrap();
    loose(&folder, 120);
    let long = ["--t", "10,20,30,40,50,60,70,80", "--blocks", "3,12,16", "--pictures", "120", "--out"];
    let args = |out: &'static str, more: &[&'static str]| {
        [&["sweep", "loose", "--json", "--score", "agreement"][..], &long, &[out], more].concat()
    };
    let plain = run(&folder, &args("plain", &[])).good().json();
    let kept = folder.path().join("killed/sweep.part");
    let lines = || match std::fs::File::open(kept.join("cells.jsonl")) {
        Ok(file) => BufReader::new(file).lines().count(),
        Err(_) => 0,
    };
    let mut command = difscope(&folder);
    let mut child =
        command.args(args("killed", &[])).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while lines() < 5 {
        assert!(begun.elapsed() < Duration::from_secs(120), "cells come");
        assert!(child.try_wait().unwrap().is_none(), "it was killed before its end");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let text = std::fs::read_to_string(kept.join("cells.jsonl")).unwrap();
    let cells = text.matches('\n').count() as u64 - 1;
    run(&folder, &args("killed", &[])).refused(1, &["sweep.part", "--resume", "--force"]);
    let other = args("killed", &["--resume", "--neighbours", "5"]);
    run(&folder, &other).refused(1, &["cells.jsonl", "neighbours (10, not 5)"]);
    let resumed = run(&folder, &args("killed", &["--resume"])).good().json();
    let count = |told: &Value, what: &str, which: &str| told[what][which].as_u64().unwrap();
    assert_eq!(count(&resumed, "cells", "kept"), cells);
    assert_eq!(count(&resumed, "cells", "computed"), count(&plain, "cells", "computed") - cells);
    // Whole steps that were measured are not read again; of the step under way what was kept is taken.
    let (all, again) = (count(&plain, "forwards", "computed"), count(&resumed, "forwards", "computed"));
    assert!(again + 2 * 120 * (cells / 3) <= all, "{again} of {all} again, {cells} cells kept");
    assert_eq!(file(&folder, "plain/sweep.csv"), file(&folder, "killed/sweep.csv"));
    assert!(!kept.exists(), "what is finished leaves nothing behind");
}

#[test]
fn budgets_estimates_and_projects_are_as_with_labels() {
    let folder = TempDir::new().unwrap();
    loose(&folder, 24);
    let told = run(&folder, &args("agreement", &["--out", "out", "--estimate"])).good().json();
    assert_eq!((&told["items"], &told["forwards"]), (&24.into(), &(24 * 2 * 2).into()));
    let told = run(&folder, &args("uniformity", &["--out", "out", "--budget", "0.001"])).good().json();
    assert_eq!(told["end"], "budget");
    let own = told["rows"].as_array().unwrap().iter().filter(|row| row["features"] == "network");
    assert!(own.clone().count() == 3 && own.clone().all(|row| row["timestep"] == 50), "the first step only");
    let project = ["--out", "kept", "--project", "p.difscope"];
    let told = run(&folder, &args("alignment", &project)).good().json();
    run(&folder, &["project", "export", "p.difscope", "runs", "--out", "runs.json"]).good();
    let runs: Value = serde_json::from_str(&file(&folder, "runs.json")).unwrap();
    assert_eq!(runs[0]["run"]["metrics"]["sentence"], told["sentence"]);
    assert_eq!(runs[0]["sweep_cells"].as_array().unwrap().len(), told["rows"].as_array().unwrap().len());
    // Features beside the project serve the next sweep; the first noise is that of all scores.
    let more = ["--out", "next", "--project", "p.difscope", "--set", "controls=false"];
    let next = run(&folder, &args("silhouette", &more)).good().json();
    assert_eq!((&next["forwards"]["computed"], &next["forwards"]["kept"]), (&0.into(), &48.into()));
    // A test table of another sweep does not stay beside this one.
    std::fs::write(folder.path().join("next/sweep-test.csv"), "old").unwrap();
    let again = ["--out", "next", "--force", "--set", "controls=false"];
    run(&folder, &args("silhouette", &again[..2])).refused(1, &["--force"]);
    run(&folder, &args("silhouette", &again)).good();
    assert_eq!(names(&folder.path().join("next")), ["sweep.csv", "sweep.json", "sweep.png"]);
}

#[test]
fn what_means_nothing_is_refused_in_one_line() {
    let folder = TempDir::new().unwrap();
    loose(&folder, 12);
    let with = |score: &str, more: &[&str]| {
        run(&folder, &[&["sweep", "loose", "--out", "out", "--score", score][..], more].concat())
    };
    for flag in ["--shots", "--folds", "--repeats", "--test"] {
        with("alignment", &[flag, "5"]).refused(1, &[flag, "learn from labels", "--score alignment"]);
    }
    with("silhouette", &["--metric", "macro-f1"]).refused(1, &["--metric"]);
    with("ridge", &["--pictures", "50"]).refused(1, &["--pictures", "without labels"]);
    with("agreement", &["--clusters", "5"]).refused(1, &["--clusters is for silhouette"]);
    with("silhouette", &["--neighbours", "5"]).refused(1, &["--neighbours is for agreement"]);
    with("silhouette", &["--clusters", "1"]).refused(1, &["--clusters must be 2"]);
    with("silhouette", &["--clusters", "12"]).refused(1, &["12 clusters of 12 pictures"]);
    with("agreement", &["--neighbours", "12"]).refused(1, &["12 pictures", "--neighbours"]);
    with("uniformity", &["--shard", "1/2"]).refused(1, &["not made in shares", "--shard"]);
    with("ridge", &[]).refused(1, &["no folders in it"]);
    std::fs::remove_file(folder.path().join("loose/000.png")).unwrap();
    for number in 1..4 {
        let place = |number: u32| folder.path().join(format!("loose/{number:03}.png"));
        std::fs::copy(place(number), place(number + 4)).unwrap();
    }
    with("uniformity", &[]).refused(1, &["has 8 different pictures", "10 or more"]);
    assert!(!folder.path().join("out").exists(), "nothing is begun");
}
