//! Heads: trained, compared, asked.

use super::*;

fn trained(folder: &TempDir, head: &str, more: &[&str]) -> serde_json::Value {
    let args = ["train", "bundled:fashion", "--head", head, "--shots", "3", "--test", "5", "--json"];
    let out = format!("{head}.safetensors");
    run(folder, &[&args[..], &["--out", &out], more].concat()).good().json()
}

#[test]
fn a_trained_head_answers_as_it_was_tested() {
    let folder = TempDir::new().unwrap();
    for head in ["linear", "ridge"] {
        let report = trained(&folder, head, &[]);
        assert_eq!(report["counts"], serde_json::json!([30, 0, 50]));
        assert!(report["test"]["accuracy"].as_f64().unwrap() > 0.4, "{}", report["test"]["accuracy"]);
        let beside: serde_json::Value =
            serde_json::from_slice(&std::fs::read(folder.path().join(format!("{head}.json"))).unwrap())
                .unwrap();
        assert_eq!(beside["split"], report["split"]);
        // The pictures tested on, asked again one by one through another door.
        let items = report["split"]["items"].as_array().unwrap();
        let tested: Vec<&str> = (items.iter().filter(|item| item["part"] == "test"))
            .map(|item| item["name"].as_str().unwrap())
            .collect();
        assert_eq!(tested.len(), 50);
        let classes: Vec<String> = serde_json::from_value(report["classes"].clone()).unwrap();
        let inputs: Vec<String> = tested
            .iter()
            .map(|name| format!("bundled:fashion/{}", name.trim_start_matches("bundled:fashion/")))
            .collect();
        let file = format!("{head}.safetensors");
        let mut args = vec!["predict", &file, "--json"];
        args.extend(inputs.iter().map(String::as_str));
        let answers = run(&folder, &args).good().json();
        let answers = answers.as_array().unwrap();
        assert_eq!(answers.len(), 50);
        let labels = items.iter().filter(|item| item["part"] == "test").map(|item| &item["class"]);
        let hits = answers.iter().zip(labels).filter(|(answer, class)| answer["label"] == **class).count();
        let accuracy = report["test"]["accuracy"].as_f64().unwrap();
        assert!((accuracy - hits as f64 / 50.0).abs() < 1e-9, "{head}: {accuracy} and {hits} of 50");
        for answer in answers {
            let p: Vec<f64> = serde_json::from_value(answer["probabilities"].clone()).unwrap();
            assert_eq!(p.len(), classes.len());
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-4);
        }
    }
}

#[test]
fn predictions_are_a_table_with_a_column_per_class() {
    let folder = TempDir::new().unwrap();
    trained(&folder, "prototype", &[]);
    let args = ["predict", "prototype.safetensors", "bundled:fashion/test#3", "--out", "answers.csv"];
    run(&folder, &args).good();
    let text = std::fs::read_to_string(folder.path().join("answers.csv")).unwrap();
    let (head, row) = text.split_once('\n').unwrap();
    assert!(head.starts_with("path,label,confidence,p_"), "{head}");
    assert_eq!((head.split(',').count(), row.trim().split(',').count()), (13, 13));
    run(&folder, &args).refused(1, &["answers.csv", "--force"]);
}

#[test]
fn the_same_training_gives_the_same_head() {
    let folder = TempDir::new().unwrap();
    let first = trained(&folder, "mlp", &["--epochs", "3", "--threads", "1"]);
    let bytes = std::fs::read(folder.path().join("mlp.safetensors")).unwrap();
    let second = trained(&folder, "mlp", &["--epochs", "3", "--threads", "2", "--force"]);
    assert_eq!(first["curve"], second["curve"]);
    assert!(bytes == std::fs::read(folder.path().join("mlp.safetensors")).unwrap());
}

#[test]
fn the_network_fed_back_is_trained() {
    let folder = TempDir::new().unwrap();
    let more =
        ["--epochs", "2", "--set", "train.views=1", "--set", "head.width=32", "--set", "train.batch=10"];
    let report = trained(&folder, "diffeed", &more);
    let curve = report["curve"].as_array().unwrap();
    let loss = |epoch: usize| curve[epoch]["loss"].as_f64().unwrap();
    assert_eq!(curve.len(), 2);
    assert!(loss(1) < loss(0), "{curve:?}");
    assert!(report["cost"]["network_gmac"].as_f64().unwrap() > 0.5, "two passes");
}

#[test]
fn a_comparison_writes_its_tables_and_figures() {
    let folder = TempDir::new().unwrap();
    let args = [
        "compare",
        "bundled:fashion",
        "--heads",
        "ridge,linear,knn",
        "--shots",
        "2,4",
        "--seeds",
        "2",
        "--test",
        "50",
        "--controls",
        "ridge",
        "--epochs",
        "5",
        "--out",
        "out",
        "--json",
    ];
    let told = run(&folder, &args).good().json();
    // Three heads and two controls, two numbers of shots, two seeds.
    assert_eq!(told["rows"].as_array().unwrap().len(), 5 * 2 * 2);
    assert_eq!(told["summary"].as_array().unwrap().len(), 5 * 2);
    let csv = std::fs::read_to_string(folder.path().join("out/compare.csv")).unwrap();
    let head = "head,features,shots,seed,accuracy,ci_low,ci_high,macro_f1,n_test,parameters,gmac_per_image,seconds_train,seconds_per_image";
    assert_eq!(csv.lines().next().unwrap(), head);
    assert_eq!(csv.lines().count(), 21);
    for name in ["compare.json", "compare.png", "compare-cost.png", "compare.md", "compare-summary.csv"] {
        assert!(folder.path().join("out").join(name).exists(), "{name}");
    }
    let features = told["rows"].as_array().unwrap().iter().map(|row| row["features"].as_str().unwrap());
    for kind in ["network", "raw-pixels", "random-weights"] {
        assert!(features.clone().any(|found| found == kind), "{kind}");
    }
    run(&folder, &args).refused(1, &["compare.csv", "--force"]);
}

#[test]
fn costs_are_told_before_anything_is_trained() {
    let folder = TempDir::new().unwrap();
    for args in [
        &["train", "bundled:fashion", "--head", "attention", "--shots", "5", "--out", "h.safetensors"][..],
        &["compare", "bundled:fashion", "--shots", "2,5", "--test", "100"],
    ] {
        let told = run(&folder, &[args, &["--estimate", "--json"]].concat()).good().json();
        assert!(told["gmac"].as_f64().unwrap() > 1.0 && told["forwards"].as_u64().unwrap() >= 50, "{told}");
        assert!(told["seconds"].as_f64().unwrap() > 0.0, "{told}");
        let text = run(&folder, &[args, &["--estimate"]].concat()).good().out;
        assert!(text.contains("time      about ") && text.contains(", measured here"), "{text}");
    }
    // What takes longer is said to take longer.
    let seconds = |more: &[&str]| {
        let train = ["train", "bundled:fashion", "--head", "mlp", "--shots", "5", "--out", "h.safetensors"];
        let told = run(&folder, &[&train[..], more, &["--estimate", "--json"]].concat()).good().json();
        told["seconds"].as_f64().unwrap()
    };
    let short = seconds(&["--test", "0", "--epochs", "1"]);
    assert!(seconds(&["--test", "0", "--epochs", "20000"]) > 5.0 * short, "{short}");
    assert!(seconds(&["--test", "200", "--epochs", "1", "--draws", "20"]) > 5.0 * short, "{short}");
    assert!(
        !folder.path().join("h.safetensors").exists() && !folder.path().join("difscope-compare").exists()
    );
}

#[test]
fn what_cannot_be_is_refused_in_one_line() {
    let folder = TempDir::new().unwrap();
    let base = ["train", "bundled:fashion", "--out", "h.safetensors", "--shots", "2"];
    let with = |more: &[&str]| run(&folder, &[&base[..], more].concat());
    with(&["--head", "attention", "--blocks", "40"]).refused(1, &["block 40", "1 to 19"]);
    with(&["--head", "linear", "--t", "5000"]).refused(1, &["timestep 5000"]);
    with(&["--head", "diffeed", "--feedback", "3"]).refused(1, &["block 3", "decoder"]);
    with(&["--head", "linear", "--set", "train.batch=0"]).refused(1, &["batch"]);
    let run = |args: &[&str]| super::run(&folder, args);
    run(&["train", "no-such-folder", "--head", "ridge", "--out", "h.safetensors"])
        .refused(1, &["no-such-folder"]);
    run(&["train", "bundled:fashion", "--head", "ridge", "--out", "h.bin"]).refused(1, &[".safetensors"]);
    run(&["predict", "no-such-head.safetensors", "bundled:chelsea.png"]).refused(1, &["no-such-head"]);
    run(&["compare", "bundled:fashion", "--controls", "diffeed"]).code.eq(&2).then_some(()).unwrap();
    std::fs::write(folder.path().join("junk.safetensors"), [7; 40]).unwrap();
    run(&["predict", "junk.safetensors", "bundled:chelsea.png"]).refused(1, &["junk.safetensors"]);
}

#[test]
fn a_loss_that_is_no_number_is_said_and_the_head_still_saved() {
    let folder = TempDir::new().unwrap();
    let report =
        trained(&folder, "linear", &["--set", "train.learning_rate=1e38", "--set", "train.weight_decay=0"]);
    let stopped = report["stopped"].as_str().unwrap();
    assert!(stopped.contains("not a number"), "{stopped}");
    assert!(folder.path().join("linear.safetensors").exists());
}

#[test]
fn features_are_kept_beside_the_project() {
    let folder = TempDir::new().unwrap();
    let kept = || -> Vec<(std::path::PathBuf, u64)> {
        let networks = std::fs::read_dir(folder.path().join("birds.cache")).unwrap();
        let files = networks.flat_map(|network| std::fs::read_dir(network.unwrap().path()).unwrap());
        let mut all: Vec<_> = files
            .map(|file| file.unwrap())
            .map(|file| (file.path(), file.metadata().unwrap().len()))
            .collect();
        all.sort();
        all
    };
    let project = ["--project", "birds.difscope"];
    trained(&folder, "ridge", &[]);
    let plain = std::fs::read(folder.path().join("ridge.safetensors")).unwrap();
    assert!(!folder.path().join("birds.cache").exists());
    trained(&folder, "ridge", &[&project[..], &["--force"]].concat());
    let once = kept();
    assert_eq!(once.len(), 1);
    // Of the same features: the same head, and nothing more is kept.
    trained(&folder, "ridge", &[&project[..], &["--force"]].concat());
    assert!(plain == std::fs::read(folder.path().join("ridge.safetensors")).unwrap());
    trained(&folder, "prototype", &project);
    assert_eq!(kept(), once);
    let compare = ["compare", "bundled:fashion", "--heads", "ridge", "--shots", "2", "--seeds", "1"];
    let more = ["--test", "10", "--controls", "ridge", "--out", "out", "--json"];
    run(&folder, &[&compare[..], &more, &project].concat()).good();
    let both = kept();
    assert!(both.len() == 1 && both >= once, "controls are not kept: {both:?}");
    run(&folder, &[&["predict", "ridge.safetensors", "bundled:fashion/test#1"][..], &project].concat())
        .refused(2, &["--project"]);
}
