//! Sweeps end to end: scored by the book, killed and gone on with, in parts and joined.

use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use difscope::data::split::{Candidate, How, Part, Split, cv_folds};
use difscope::study::Labelled;
use half::f16;
use serde_json::Value;

use super::*;

/// A small table that takes a second.
const SMALL: [[&str; 2]; 7] = [
    ["--blocks", "3,12"],
    ["--t", "50,150"],
    ["--pool", "1,2"],
    ["--shots", "6"],
    ["--folds", "3"],
    ["--repeats", "2"],
    ["--test", "40"],
];

/// The small table with other or more flags.
fn args<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let small = SMALL.iter().filter(|[flag, _]| !more.contains(flag));
    let small = small.flatten().copied();
    ["sweep", "bundled:fashion", "--json"].into_iter().chain(small).chain(more.iter().copied()).collect()
}

fn sweep(folder: &TempDir, more: &[&str]) -> Run {
    run(folder, &args(more))
}

fn file(folder: &TempDir, name: &str) -> String {
    std::fs::read_to_string(folder.path().join(name)).unwrap()
}

/// The share that ridge regression recognises in cross-validation, worked out by the textbook: features
/// standardised and ±1 targets centred by the rows learned from, the penalty of a grid with the least
/// squared error on rows left out one by one.
fn ridge_by_the_book(rows: &[Vec<f64>], labels: &[usize], classes: usize, folds: &[usize]) -> f64 {
    let mut hits = 0;
    for fold in 0..=*folds.iter().max().unwrap() {
        let learned: Vec<usize> = (0..rows.len()).filter(|&row| folds[row] != fold).collect();
        let (n, d) = (learned.len(), rows[0].len());
        let mean: Vec<f64> =
            (0..d).map(|j| learned.iter().map(|&i| rows[i][j]).sum::<f64>() / n as f64).collect();
        let deviation: Vec<f64> = (0..d)
            .map(|j| (learned.iter().map(|&i| (rows[i][j] - mean[j]).powi(2)).sum::<f64>() / n as f64).sqrt())
            .map(|deviation| if deviation > 1e-9 { deviation } else { 1.0 })
            .collect();
        let standard =
            |i: usize| -> Vec<f64> { (0..d).map(|j| (rows[i][j] - mean[j]) / deviation[j]).collect() };
        let x: Vec<Vec<f64>> = learned.iter().map(|&i| standard(i)).collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let gram: Vec<Vec<f64>> = x.iter().map(|a| x.iter().map(|b| dot(a, b)).collect()).collect();
        let level: Vec<f64> = (0..classes)
            .map(|c| {
                let count = learned.iter().filter(|&&i| labels[i] == c).count();
                2.0 * count as f64 / n as f64 - 1.0
            })
            .collect();
        let y = |i: usize, c: usize| (if labels[learned[i]] == c { 1.0 } else { -1.0 }) - level[c];
        let unit = (0..n).map(|i| gram[i][i]).sum::<f64>() / n.min(d) as f64;
        let mut best: Option<(f64, Vec<Vec<f64>>)> = None;
        for step in (-8..=8).rev() {
            let penalty = unit * 10f64.powf(f64::from(step) / 2.0);
            let inverse = inverted(&gram, penalty);
            let alpha: Vec<Vec<f64>> = (0..classes)
                .map(|c| (0..n).map(|i| (0..n).map(|k| inverse[i][k] * y(k, c)).sum()).collect())
                .collect();
            let mut error = 0.0;
            for i in 0..n {
                let free = penalty * inverse[i][i] - 1.0 / n as f64;
                error += alpha.iter().map(|alpha| (penalty * alpha[i] / free).powi(2)).sum::<f64>();
            }
            if best.as_ref().is_none_or(|(least, _)| error < least * (1.0 - 1e-9)) {
                best = Some((error, alpha));
            }
        }
        let alpha = best.unwrap().1;
        for asked in (0..rows.len()).filter(|&row| folds[row] == fold) {
            let row = standard(asked);
            let near: Vec<f64> = x.iter().map(|x| dot(x, &row)).collect();
            let score = |c: usize| dot(&alpha[c], &near) + level[c];
            let said = (1..classes).fold(0, |best, c| if score(c) > score(best) { c } else { best });
            hits += usize::from(said == labels[asked]);
        }
    }
    hits as f64 / rows.len() as f64
}

/// (A + λ)⁻¹ by Gauss and Jordan.
fn inverted(matrix: &[Vec<f64>], shift: f64) -> Vec<Vec<f64>> {
    let n = matrix.len();
    let mut wide: Vec<Vec<f64>> = (0..n)
        .map(|i| {
            let mut row = matrix[i].clone();
            row[i] += shift;
            row.extend((0..n).map(|j| f64::from(u8::from(i == j))));
            row
        })
        .collect();
    for at in 0..n {
        let pivot = wide[at][at];
        wide[at].iter_mut().for_each(|value| *value /= pivot);
        let row = wide[at].clone();
        for (_, values) in wide.iter_mut().enumerate().filter(|(other, _)| *other != at) {
            let factor = values[at];
            values.iter_mut().zip(&row).for_each(|(value, row)| *value -= factor * row);
        }
    }
    wide.into_iter().map(|row| row[n..].to_vec()).collect()
}

#[test]
fn every_cell_is_what_extracted_features_give_by_the_book() {
    let folder = TempDir::new().unwrap();
    let told = sweep(&folder, &["--out", "out", "--repeats", "1"]);
    let told = told.good().json();
    // The same pictures, found by another way.
    let labelled = Labelled::read(Path::new("bundled:fashion"), &mut |_, _| true).unwrap();
    let how = How::Shots { train: 6, validation: 0, test: Some(4) };
    let split = Split::make(how, 0, &labelled.candidates).unwrap();
    let learned = labelled.part(&split, Part::Train).unwrap();
    let labels: Vec<usize> = learned.iter().map(|(_, _, class)| *class).collect();
    let candidate = |name: &str| labelled.candidates.iter().find(|c| c.name == name).unwrap().clone();
    let own: Vec<Candidate> = learned.iter().map(|(placed, ..)| candidate(&placed.name)).collect();
    let folds = cv_folds(3, 0, &own).unwrap().fold_of;
    let inputs: Vec<String> = learned.iter().map(|(_, item, _)| item.source.argument().unwrap()).collect();
    let mut args =
        vec!["extract", "--t", "50,150", "--blocks", "3,12", "--pool", "2", "--out", "f.safetensors"];
    args.extend(inputs.iter().map(String::as_str));
    run(&folder, &args).good();
    let features = read_tensors(&folder.path().join("f.safetensors"));
    let rows = told["rows"].as_array().unwrap();
    assert_eq!(rows.iter().filter(|row| row["features"] == "network").count(), 8);
    for row in rows.iter().filter(|row| row["features"] == "network") {
        let [block, t, pool] = ["block", "timestep", "pool"].map(|key| row[key].as_u64().unwrap());
        let (shape, values) = &features[&format!("t{t}/block_{block:02}")];
        let half = |value: f32| f16::from_f32(value).to_f32();
        let of_row = |row: &[f32]| -> Vec<f64> {
            match pool {
                2 => row.iter().map(|&value| f64::from(half(value))).collect(),
                // Kept in half precision; pool 1 is the average of the four places.
                _ => row
                    .chunks_exact(4)
                    .map(|cell| f64::from(half(cell.iter().map(|&v| half(v)).sum::<f32>() / 4.0)))
                    .collect(),
            }
        };
        let matrix: Vec<Vec<f64>> = values.chunks_exact(shape[1]).map(of_row).collect();
        let want = ridge_by_the_book(&matrix, &labels, 10, &folds);
        assert_eq!(row["accuracy"].as_f64().unwrap(), want, "b {block}, t {t}, pool {pool}");
        assert_eq!(row["n"], 60);
    }
}

#[test]
fn a_sweep_tells_its_table_tests_and_answer() {
    let folder = TempDir::new().unwrap();
    let told = sweep(&folder, &["--out", "out"]).good().json();
    let csv = file(&folder, "out/sweep.csv");
    let head = "block,timestep,pool,score,shots,accuracy,ci_low,ci_high,n,in_best_set,features";
    assert_eq!(csv.lines().next().unwrap(), head);
    let rows = told["rows"].as_array().unwrap();
    assert_eq!(csv.lines().count(), 1 + rows.len());
    // Eight cells, raw pixels of both pools and whole, and random weights where test pictures score.
    let of = |features: &str| rows.iter().filter(|row| row["features"] == features).count();
    let tested = told["tested"].as_array().unwrap();
    let own: Vec<&Value> = tested.iter().filter(|row| row["features"] == "network").collect();
    assert_eq!((of("network"), of("raw-pixels"), of("random-weights")), (8, 3, own.len()));
    for row in rows {
        let [low, value, high] = ["ci_low", "accuracy", "ci_high"].map(|key| row[key].as_f64().unwrap());
        assert!(0.0 <= low && low <= value && value <= high && high <= 1.0, "{row}");
        assert!(row["in_best_set"].is_boolean(), "{row}");
    }
    let answer = &told["answers"][0];
    let in_set = rows.iter().filter(|row| row["in_best_set"] == true).count();
    assert_eq!(answer["in_best_set"], in_set);
    assert!(own.iter().filter(|row| row["is_best"] == true).count() == 1);
    assert!(own.iter().filter(|row| row["is_default"] == true).count() == 1);
    assert_eq!(told["sentence"], answer["sentence"]);
    let sentence = told["sentence"].as_str().unwrap();
    for words in ["the default setting (b 12 at t 50 with pool 2, the network's own)", "On 40 test pictures"]
    {
        assert!(sentence.contains(words), "{words} is not in: {sentence}");
    }
    // Where best and default are told apart, by how much and how sure.
    if answer["best"] != answer["default"] {
        let gain = answer["gain"]["value"].as_f64().unwrap();
        let share =
            |mark: &str| own.iter().find(|row| row[mark] == true).unwrap()["accuracy"].as_f64().unwrap();
        assert!((gain - (share("is_best") - share("is_default"))).abs() < 1e-12);
    }
    assert_eq!(names(&folder.path().join("out")), ["sweep-test.csv", "sweep.csv", "sweep.json", "sweep.png"]);
    let json: Value = serde_json::from_str(&file(&folder, "out/sweep.json")).unwrap();
    assert_eq!(json, told);
    let image = image::open(folder.path().join("out/sweep.png")).unwrap();
    assert!(image.width() > 600 && image.height() > 300);
    sweep(&folder, &["--out", "out"]).refused(1, &["sweep.csv", "--force"]);
    // The same seed gives the same table, on any number of threads.
    sweep(&folder, &["--out", "again", "--threads", "1"]).good();
    assert_eq!(csv, file(&folder, "again/sweep.csv"));
    assert_eq!(file(&folder, "out/sweep-test.csv"), file(&folder, "again/sweep-test.csv"));
}

#[test]
fn other_scores_metrics_shots_and_draws() {
    let folder = TempDir::new().unwrap();
    let with = |more: &[&str]| sweep(&folder, &[&["--force", "--out", "out"], more].concat()).good().json();
    for score in ["linear", "knn", "prototype"] {
        let told = with(&["--score", score, "--metric", "macro-f1"]);
        let rows = told["rows"].as_array().unwrap();
        assert!(rows.iter().all(|row| row["score"] == score && row["shots"] == 6));
        let best = rows.iter().map(|row| row["accuracy"].as_f64().unwrap()).fold(0.0, f64::max);
        assert!(best > 0.5 && told["sentence"].as_str().unwrap().contains("macro-f1"), "{told}");
    }
    let told = with(&["--shots", "4,6", "--draws", "2", "--metric", "balanced-accuracy"]);
    let cells = |shots: u64| {
        let rows = told["rows"].as_array().unwrap().iter();
        rows.filter(|row| row["shots"] == shots && row["features"] == "network").count()
    };
    assert_eq!((cells(4), cells(6), told["answers"].as_array().unwrap().len()), (8, 8, 2));
    // Twice the noise, once each picture and step, whatever the number of shots; and tests and controls.
    let forwards = told["forwards"]["computed"].as_u64().unwrap();
    let steps: std::collections::BTreeSet<u64> = (told["tested"].as_array().unwrap().iter())
        .filter(|row| row["features"] == "network")
        .map(|row| row["timestep"].as_u64().unwrap())
        .collect();
    let steps = steps.len() as u64;
    assert_eq!(forwards, 2 * (60 * 2 + 40 * steps + (60 + 40) * steps));
}

/// Rows that are whole in a folder of features: of each network and step as many as the file with the
/// fewest has.
fn whole_rows(features: &Path) -> usize {
    let mut least: HashMap<String, usize> = HashMap::new();
    for network in std::fs::read_dir(features).into_iter().flatten().flatten() {
        for entry in std::fs::read_dir(network.path()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let length = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
            let key: Value = serde_json::from_slice(&bytes[16..16 + length]).unwrap();
            let values: u64 = key["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).product();
            let rows = (bytes.len() - 16 - length) / (32 + 2 * values as usize + 8);
            let held = least.entry(format!("{} {}", key["network"], key["timestep"])).or_insert(rows);
            *held = rows.min(*held);
        }
    }
    least.values().sum()
}

#[test]
fn a_sweep_that_is_killed_goes_on_without_doing_anything_twice() {
    let folder = TempDir::new().unwrap();
    let long = ["--t", "10,20,30,40,50,60,70,80", "--shots", "20", "--pool", "1", "--out"];
    let args = |out: &'static str| args(&[&long[..], &[out]].concat());
    let plain = run(&folder, &args("plain")).good().json();
    let kept = folder.path().join("killed/sweep.part");
    let lines = || match std::fs::File::open(kept.join("cells.jsonl")) {
        Ok(file) => BufReader::new(file).lines().count(),
        Err(_) => 0,
    };
    let mut child =
        difscope(&folder).args(args("killed")).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while lines() < 6 {
        assert!(begun.elapsed() < Duration::from_secs(120), "cells come");
        assert!(child.try_wait().unwrap().is_none(), "it was killed before its end");
        std::thread::sleep(Duration::from_millis(2));
    }
    // SIGKILL: nothing of the program's own runs any more.
    child.kill().unwrap();
    child.wait().unwrap();
    // The first line says whose they are; the last may be torn.
    let text = std::fs::read_to_string(kept.join("cells.jsonl")).unwrap();
    let cells = text.matches('\n').count() as u64 - 1;
    let forwards = whole_rows(&kept.join("features")) as u64;
    run(&folder, &args("killed")).refused(1, &["sweep.part", "--resume", "--force"]);
    let other = [&args("killed")[..], &["--resume", "--seed", "1"]].concat();
    run(&folder, &other).refused(1, &["cells.jsonl", "seed (0, not 1)"]);
    let resumed = run(&folder, &[&args("killed")[..], &["--resume"]].concat()).good().json();
    let count = |told: &Value, what: &str, which: &str| told[what][which].as_u64().unwrap();
    assert_eq!(count(&resumed, "cells", "kept"), cells);
    assert_eq!(count(&resumed, "cells", "computed"), count(&plain, "cells", "computed") - cells);
    assert_eq!(count(&resumed, "forwards", "computed"), count(&plain, "forwards", "computed") - forwards);
    assert!(cells >= 5 && forwards >= 200, "{cells} cells and {forwards} forwards were kept");
    for name in ["sweep.csv", "sweep-test.csv"] {
        assert_eq!(file(&folder, &format!("plain/{name}")), file(&folder, &format!("killed/{name}")));
    }
    assert!(!kept.exists(), "what is finished leaves nothing behind");
}

#[test]
fn three_shards_merged_are_one_run_to_the_bit() {
    let folder = TempDir::new().unwrap();
    let single = sweep(&folder, &["--out", "single"]).good().json();
    let mut pictures = 0;
    for share in ["1/3", "2/3", "3/3"] {
        let out = format!("part-{}", &share[..1]);
        let part = sweep(&folder, &["--out", &out, "--shard", share]).good().json();
        pictures += part["pictures"].as_u64().unwrap();
        assert!(part["forwards"]["computed"].as_u64().unwrap() > 0, "{part}");
    }
    assert_eq!(pictures, 60 + 40);
    let merge = |parts: &[&str]| run(&folder, &[&["merge"], parts, &["--out", "merged", "--json"]].concat());
    merge(&["part-1", "part-3"]).refused(1, &["2/3 is missing"]);
    merge(&["part-1", "part-2", "part-2"]).refused(1, &["part-2", "leave one away"]);
    merge(&["part-1", "part-2", "single"]).refused(1, &["single", "no sweep-part.json"]);
    let merged = merge(&["part-3", "part-1", "part-2"]).good().json();
    for name in ["sweep.csv", "sweep-test.csv"] {
        assert_eq!(file(&folder, &format!("single/{name}")), file(&folder, &format!("merged/{name}")));
    }
    assert_eq!(merged["sentence"], single["sentence"]);
    // Only random weights, which are nobody's part, are computed here.
    let count = |told: &Value, which: &str| told["forwards"][which].as_u64().unwrap();
    assert_eq!(count(&merged, "computed") + count(&merged, "kept"), count(&single, "computed"));
    assert!(count(&merged, "kept") >= 120, "{merged}");
    let wrong = ["--out", "part-2", "--shard", "2/3", "--force", "--draws", "2"];
    sweep(&folder, &wrong).good();
    let refused = run(&folder, &["merge", "part-1", "part-2", "part-3", "--out", "other"]);
    refused.refused(1, &["part-2", "draws (2, not 1)"]);
    sweep(&folder, &["--out", "part-2", "--shard", "2/3"]).refused(1, &["sweep-part.json", "--force"]);
}

#[test]
fn features_are_kept_beside_a_project_and_serve_the_next_sweep() {
    let folder = TempDir::new().unwrap();
    let with = |more: &[&str]| sweep(&folder, &[&["--force", "--out", "out"], more].concat()).good().json();
    let count = |told: &Value, which: &str| told["forwards"][which].as_u64().unwrap();
    for place in [["--project", "p.difscope"], ["--cache", "kept"]] {
        let first = with(&place);
        let again = with(&[&place[..], &["--score", "knn", "--set", "controls=false"]].concat());
        assert_eq!(count(&first, "kept"), 0);
        assert!(count(&again, "kept") >= 120, "{again}");
        // Another step computes only itself; tests may be on other steps than before.
        let more = with(&[&place[..], &["--t", "50,150,300", "--set", "controls=false"]].concat());
        assert!(count(&more, "computed") <= 60 + 3 * 40 && count(&more, "kept") >= 120, "{more}");
    }
    // The sweeps are runs of the project, with their cells.
    run(&folder, &["project", "export", "p.difscope", "runs", "--out", "runs.json"]).good();
    let runs: Value = serde_json::from_str(&file(&folder, "runs.json")).unwrap();
    let runs = runs.as_array().unwrap();
    assert_eq!(runs.len(), 3);
    for kept in runs {
        assert_eq!(kept["run"]["status"], "done");
        let report = &kept["run"]["metrics"];
        let cells = kept["sweep_cells"].as_array().unwrap();
        assert_eq!(cells.len(), report["rows"].as_array().unwrap().len());
        for cell in cells {
            let same = |row: &&Value| {
                ["block", "timestep", "pool", "features"].iter().all(|key| row[key] == cell[key])
            };
            let row = report["rows"].as_array().unwrap().iter().find(same).unwrap();
            assert_eq!((&row["accuracy"], &row["n"]), (&cell["accuracy"], &cell["n"]));
        }
    }
    assert!(folder.path().join("p.cache").is_dir() && folder.path().join("kept/features").is_dir());
}

#[test]
fn a_budget_that_is_used_is_said_and_the_best_so_far_tested() {
    let folder = TempDir::new().unwrap();
    let told = sweep(&folder, &["--out", "out", "--budget", "0.001"]).good().json();
    assert_eq!(told["end"], "budget");
    let rows = told["rows"].as_array().unwrap().iter().filter(|row| row["features"] == "network");
    assert!(rows.clone().count() < 8 && rows.clone().all(|row| row["timestep"] == 50), "the first step only");
    let tested = told["tested"].as_array().unwrap().iter().filter(|row| row["features"] == "network");
    assert!(tested.count() <= 2, "the best and the default");
    let controls = told["tested"].as_array().unwrap().iter().filter(|row| row["features"] != "network");
    assert!(controls.count() >= 4, "raw pixels, and random weights beside the best");
    assert!(told["notes"].to_string().contains("the time allowed was used"), "{}", told["notes"]);
}

#[test]
fn a_network_without_defaults_has_the_published_ones_at_the_same_depth() {
    let folder = TempDir::new().unwrap();
    let model = write_network(&folder, "unet_iddpm.safetensors");
    let inspected = run(&folder, &["inspect", model.to_str().unwrap(), "--json"]).good().json();
    let (steps, blocks) =
        (&inspected["config"]["diffusion_steps"], inspected["blocks"].as_array().unwrap().len());
    noises(&folder, &[("cat", 9), ("horse", 9)]);
    let args = ["sweep", "set", "--out", "out", "--shots", "6", "--folds", "3", "--json", "--model"];
    let told = run(&folder, &[&args[..], &[model.to_str().unwrap()]].concat()).good().json();
    let rows = told["rows"].as_array().unwrap();
    let mut seen: Vec<u64> = (rows.iter().filter(|row| row["features"] == "network"))
        .map(|row| row["timestep"].as_u64().unwrap())
        .collect();
    seen.sort_unstable();
    seen.dedup();
    let scaled = [10, 30, 50, 90, 150, 300, 500].map(|t| t * steps.as_u64().unwrap() / 1000);
    assert_eq!(seen, scaled);
    let default = &told["answers"][0]["default"];
    let encoder = (blocks - 1) / 2;
    let published = encoder + 1 + (5.0 * encoder as f64 / 18.0).round() as usize;
    assert_eq!((&default["block"], &default["timestep"]), (&published.into(), &scaled[3].into()));
    let sentence = told["sentence"].as_str().unwrap();
    assert!(sentence.contains("published for the 256×256 network, at the same relative depth"), "{sentence}");
}

#[test]
fn costs_of_a_sweep_are_told_before() {
    let folder = TempDir::new().unwrap();
    let told = sweep(&folder, &["--out", "out", "--estimate"]).good().json();
    assert_eq!((&told["items"], &told["forwards"]), (&60.into(), &120.into()));
    assert!(
        told["output_bytes"].as_u64().unwrap() > 60 * 2 * 2 * 4 * 100 && told["gmac"].as_f64().unwrap() > 1.0
    );
    assert!(!folder.path().join("out").exists());
}

/// Pictures of noise: `count` of each class.
fn noises(folder: &TempDir, classes: &[(&str, u32)]) {
    for (name, count) in classes {
        std::fs::create_dir_all(folder.path().join("set").join(name)).unwrap();
        for at in 0..*count {
            let mut state = 1 + at + 1000 * name.len() as u32;
            let image = image::RgbImage::from_fn(12, 12, |_, _| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                image::Rgb([(state >> 24) as u8; 3])
            });
            image.save(folder.path().join(format!("set/{name}/{at}.png"))).unwrap();
        }
    }
}

#[test]
fn what_a_sweep_cannot_do_is_refused_in_one_line() {
    let folder = TempDir::new().unwrap();
    let with = |more: &[&str]| sweep(&folder, &[&["--out", "out"], more].concat());
    with(&["--folds", "1"]).refused(1, &["--folds 2 or more"]);
    with(&["--shots", "2"]).refused(1, &["2 pictures of each class", "--folds 2"]);
    with(&["--blocks", "3,40"]).refused(1, &["block 40", "1 to 19"]);
    with(&["--t", "5000"]).refused(1, &["timestep 5000"]);
    with(&["--pool", "0"]).refused(1, &["--pool"]);
    with(&["--budget", "0"]).refused(1, &["--budget"]);
    assert_eq!(with(&["--score", "forest"]).code, 2);
    assert_eq!(with(&["--shard", "4/3"]).code, 2);
    assert_eq!(with(&["--set", "fold=3"]).code, 2);
    let set = |more: &[&str]| run(&folder, &[&["sweep", "set", "--out", "out"], more].concat());
    noises(&folder, &[("cat", 9)]);
    set(&[]).refused(1, &["class"]);
    noises(&folder, &[("horse", 4)]);
    set(&["--shots", "8"]).refused(1, &["the class horse has 3 pictures", "5 folds", "--folds 3"]);
    assert!(!folder.path().join("out").exists(), "nothing is begun");
    let told = set(&["--shots", "8", "--folds", "3", "--t", "50", "--blocks", "12", "--json"]).good().json();
    assert!(told["rows"].as_array().unwrap().len() >= 3, "{told}");
}
