//! `attention`: the inside of heads as figures and numbers.

use super::*;

const PICTURE: &str = "bundled:fashion/test#3";

fn train(folder: &TempDir, head: &str, more: &[&str]) {
    let out = format!("{head}.safetensors");
    let args = ["train", "bundled:fashion", "--head", head, "--shots", "2", "--test", "2", "--out", &out];
    run(folder, &[&args[..], more].concat()).good();
}

fn answers(folder: &TempDir, head: &str) -> Vec<f64> {
    let told = run(folder, &["predict", &format!("{head}.safetensors"), PICTURE, "--json"]).good().json();
    serde_json::from_value(told[0]["probabilities"].clone()).unwrap()
}

/// Sums of all maps in a file of values, by name.
fn sums(folder: &TempDir, file: &str) -> HashMap<String, f32> {
    let bytes = std::fs::read(folder.path().join(file)).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let sum = |view: &TensorView| {
        view.data().chunks_exact(4).map(|v| f32::from_le_bytes(v.try_into().unwrap())).sum()
    };
    tensors.tensors().iter().map(|(name, view)| (name.clone(), sum(view))).collect()
}

#[test]
fn where_a_difformer_looks_is_written_by_block_timestep_and_head() {
    let folder = TempDir::new().unwrap();
    let small =
        ["--epochs", "2", "--set", "head.width=32", "--set", "head.heads=4", "--set", "head.layers=2"];
    train(&folder, "difformer", &small);
    let args = ["attention", "difformer.safetensors", PICTURE, "--out", "weights.safetensors", "--json"];
    let told = run(&folder, &args).good().json();
    // The same answer as predict, to the bit.
    let answer = told["answer"].as_array().unwrap();
    let mut probabilities = answers(&folder, "difformer");
    probabilities.sort_by(|a, b| b.total_cmp(a));
    let shown = answer.iter().map(|a| a["probability"].as_f64().unwrap() as f32);
    assert!(shown.eq(probabilities.iter().map(|p| *p as f32)), "{answer:?} and {probabilities:?}");

    let shares = told["shares"].as_array().unwrap();
    assert_eq!(shares.len(), 9, "three blocks at three timesteps");
    let sums = sums(&folder, "weights.safetensors");
    assert_eq!(sums.len(), 9 * (4 + 2));
    for share in shares {
        let (t, block) = (&share["timestep"], share["block"].as_u64().unwrap());
        let at = |what: &str| sums[&format!("t{t}/layer2/{what}/block_{block:02}")];
        assert!((f64::from(at("rollout")) - share["rollout"].as_f64().unwrap()).abs() < 1e-5);
        let mean = (1..=4).map(|head| at(&format!("head{head}"))).sum::<f32>() / 4.0;
        assert!((at("mean") - mean).abs() < 1e-5 && mean > 0.0);
    }
    // What CLS takes from all blocks at a timestep is at most all.
    for t in [10, 50, 150] {
        let of = |share: &&serde_json::Value| share["timestep"] == t;
        let whole: f64 = shares.iter().filter(of).map(|share| share["mean"].as_f64().unwrap()).sum();
        assert!(whole > 0.5 && whole < 1.0, "{whole}");
    }

    let figure = ["attention", "difformer.safetensors", PICTURE, "--layer", "1", "--overlay", "0.6"];
    run(&folder, &[&figure[..], &["--colorbar", "--out", "a.png"]].concat()).good();
    let image = image::open(folder.path().join("a.png")).unwrap();
    assert!(image.width() > 6 * 128 && image.height() > 9 * 128, "nine rows of six maps");
    let third = ["attention", "difformer.safetensors", PICTURE, "--layer", "3", "--out", "b.png"];
    run(&folder, &third).refused(1, &["layers 1 to 2"]);
    let nothing = ["attention", "difformer.safetensors", PICTURE, "--feedback", "--out", "c.png"];
    run(&folder, &nothing).refused(1, &["only diffeed"]);
    run(&folder, &[&figure[..3], &["--out", "a.npy"]].concat()).refused(1, &[".safetensors or .csv"]);
}

#[test]
fn what_speaks_for_a_class_sums_to_its_logit() {
    let folder = TempDir::new().unwrap();
    train(&folder, "ridge", &[]);
    let args = ["attention", "ridge.safetensors", PICTURE, "--out", "evidence.safetensors"];
    run(&folder, &args).good();
    let sums = sums(&folder, "evidence.safetensors");
    assert_eq!(sums.len(), 10, "ten classes, one block");
    // Ridge's biases are about equal, so the order of the sums is nearly that of the answer.
    let best = sums.iter().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
    let answers = answers(&folder, "ridge");
    let top = (0..10).max_by(|&a, &b| answers[a].total_cmp(&answers[b])).unwrap();
    assert_eq!(*best, format!("t50/block_12/class{top}"));
    assert!(sums.values().sum::<f32>().abs() < 1e-3, "above the mean of all classes");

    let one = ["attention", "ridge.safetensors", PICTURE, "--evidence", "Trouser", "--out", "one.csv"];
    run(&folder, &one).good();
    let text = std::fs::read_to_string(folder.path().join("one.csv")).unwrap();
    assert_eq!(text.lines().count(), 8, "one map of 8×8");
    assert!(text.starts_with("t50/block_12/class1,0,"), "{text}");
    let unknown = ["attention", "ridge.safetensors", PICTURE, "--evidence", "Hat", "--out", "two.csv"];
    run(&folder, &unknown).refused(1, &["--evidence Hat", "Trouser"]);

    train(&folder, "knn", &[]);
    let knn = ["attention", "knn.safetensors", PICTURE, "--out", "knn.png"];
    run(&folder, &knn).refused(1, &["no place that it looks at"]);
}

#[test]
fn feedback_is_written_before_and_after() {
    let folder = TempDir::new().unwrap();
    train(&folder, "diffeed", &["--epochs", "1", "--set", "head.width=32", "--set", "train.views=1"]);
    let args = ["attention", "diffeed.safetensors", PICTURE, "--feedback", "--out", "fed.safetensors"];
    run(&folder, &args).good();
    let sums = sums(&folder, "fed.safetensors");
    assert_eq!(sums.len(), 5 * 4, "five fed blocks");
    for block in [2, 4, 6, 8, 9] {
        let at = |what: &str| sums[&format!("t50/block_{block:02}/{what}")];
        assert!(at("before") > 0.0 && at("difference") > 0.0 && at("feedback") > 0.0);
    }
    run(&folder, &["attention", "diffeed.safetensors", PICTURE, "--feedback", "--out", "fed.png"]).good();
}
