//! `extract` against reference values, and what it promises about files.

use super::*;

/// Row `row` of a tensor `[N, …]`.
fn row<'t>(tensors: &'t Tensors, name: &str, row: usize) -> &'t [f32] {
    let (shape, values) = &tensors[name];
    let length = values.len() / shape[0];
    &values[row * length..(row + 1) * length]
}

#[track_caller]
fn assert_close(what: &str, got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (at, (a, b)) in got.iter().zip(want).enumerate() {
        assert!((a - b).abs() <= 1e-4 + 1e-3 * b.abs(), "{what}[{at}]: {a} is not {b}");
    }
}

fn timesteps(fixture: &str) -> Vec<i64> {
    let bytes = std::fs::read(golden(fixture)).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let data = file.tensor("t").unwrap().data().to_vec();
    data.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap())).collect()
}

/// Rows of a fixture, each at its own step, through the program.
fn reference_holds(fixture: &str, blocks: usize) {
    let folder = TempDir::new().unwrap();
    write_network(&folder, fixture);
    let input = golden(fixture);
    let steps = timesteps(fixture);
    let mut distinct = steps.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let list = distinct.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let args = ["extract", input.to_str().unwrap(), "--noised", "--model", "model.safetensors", "--t", &list];
    let rest = ["--blocks", "all", "--pool", "none", "--with-out", "--out", "f.safetensors", "--json"];
    let told = run(&folder, &[&args[..], &rest].concat()).good().json();
    assert_eq!(told["items"], steps.len());
    let (got, want) = (read_tensors(&folder.path().join("f.safetensors")), read_tensors(&input));
    assert_eq!(got.len(), distinct.len() * (blocks + 1));
    for (image, t) in steps.iter().enumerate() {
        for block in 1..=blocks {
            let name = format!("t{t}/block_{block:02}");
            assert_eq!(got[&name].0, want[&format!("block_{block:02}")].0, "{name}");
            assert_close(&name, row(&got, &name, image), row(&want, &format!("block_{block:02}"), image));
        }
        assert_close("out", row(&got, &format!("t{t}/out"), image), row(&want, "out", image));
    }
}

#[test]
fn the_small_network_gives_the_reference_values() {
    assert_eq!(timesteps("unet_small.safetensors"), [90, 300]);
    reference_holds("unet_small.safetensors", 19);
}

#[test]
fn classes_in_the_input_are_used() {
    let blocks = read_tensors(&golden("unet_classcond.safetensors"))
        .keys()
        .filter(|key| key.starts_with("block"))
        .count();
    reference_holds("unet_classcond.safetensors", blocks);
}

#[test]
fn the_class_flag_matters_and_is_checked() {
    let folder = TempDir::new().unwrap();
    write_network(&folder, "unet_classcond.safetensors");
    let with = |name: &str, class: &[&str]| {
        let args = [
            "extract",
            "bundled:fashion/test#0",
            "--model",
            "model.safetensors",
            "--t",
            "90",
            "--blocks",
            "3",
        ];
        let ended = run(&folder, &[&args[..], &["--pool", "1", "--out", name, "--json"], class].concat());
        (ended.code == 0)
            .then(|| read_tensors(&folder.path().join(name))["t90/block_03"].1.clone())
            .ok_or(ended)
    };
    let none = with("none.safetensors", &[]).ok().unwrap();
    let first = with("first.safetensors", &["--class", "0"]).ok().unwrap();
    let second = with("second.safetensors", &["--class", "1"]).ok().unwrap();
    assert!(none != first && first != second && none != second);
    with("far.safetensors", &["--class", "100000"]).err().unwrap().refused(1, &["class 100000", "0 to"]);
    run(&folder, &["extract", "bundled:chelsea.png", "--class", "1", "--out", "e.safetensors"])
        .refused(1, &["--class"]);
    let heatmap = |class: &str, out: &str| {
        let args = [
            "heatmap",
            "bundled:fashion/test#0",
            "--model",
            "model.safetensors",
            "--class",
            class,
            "--out",
            out,
        ];
        run(&folder, &args).good();
        std::fs::read(folder.path().join(out)).unwrap()
    };
    assert_ne!(heatmap("0", "a.npy"), heatmap("1", "b.npy"));
    let args = [
        "heatmap",
        "bundled:chelsea.png",
        "--model",
        "model.safetensors",
        "--class",
        "999",
        "--out",
        "c.npy",
    ];
    run(&folder, &args).refused(1, &["999"]);
}

#[test]
fn pooling_shapes_labels_and_metadata() {
    let folder = TempDir::new().unwrap();
    let args = [
        "extract",
        "bundled:fashion/test#0",
        "bundled:fashion/test#700",
        "--t",
        "50,150",
        "--blocks",
        "12,5",
    ];
    let told = run(&folder, &[&args[..], &["--pool", "2", "--out", "f.safetensors", "--json"]].concat())
        .good()
        .json();
    let path = folder.path().join("f.safetensors");
    let tensors = read_tensors(&path);
    assert_eq!(tensors.len(), 4);
    assert_eq!(tensors["t50/block_12"].0, [2, 128 * 4]);
    let bytes = std::fs::read(&path).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = header.metadata().clone().unwrap();
    let items: Vec<String> = serde_json::from_str(&metadata["items"]).unwrap();
    assert_eq!(items, ["bundled:fashion/test#0", "bundled:fashion/test#700"]);
    let classes: Vec<String> = serde_json::from_str(&metadata["classes"]).unwrap();
    assert_eq!(classes.len(), 10, "all that the data set names, not only those of the two");
    assert!(metadata["settings"].contains("network_hash") && metadata["settings"].contains("network_config"));
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.tensor("labels").unwrap().shape(), [2]);
    assert_eq!(told["seconds_forward"].as_array().unwrap().len(), 2);
    assert!(told["seconds_load"].as_f64().unwrap() > 0.0);
    if cfg!(target_os = "linux") {
        assert!(told["peak_rss_bytes"].as_u64().unwrap() > 10_000_000);
    }
    assert_eq!(told["skipped"], serde_json::json!([]));
}

#[test]
fn npy_holds_one_tensor_and_parquet_one_row_per_picture() {
    let folder = TempDir::new().unwrap();
    let base = ["extract", "bundled:photos", "--t", "50", "--pool", "1"];
    run(&folder, &[&base[..], &["--blocks", "3,4", "--out", "f.npy"]].concat())
        .refused(1, &["f.npy", ".safetensors"]);
    assert_eq!(names(folder.path()), [""; 0]);
    run(&folder, &[&base[..], &["--blocks", "4", "--out", "f.npy"]].concat()).good();
    let (shape, values) = read_npy(&folder.path().join("f.npy"));
    assert_eq!(shape[0], 4);
    run(&folder, &[&base[..], &["--blocks", "4", "--out", "f.safetensors"]].concat()).good();
    assert_eq!(read_tensors(&folder.path().join("f.safetensors"))["t50/block_04"].1, values);
    run(&folder, &[&base[..], &["--blocks", "3,4", "--out", "f.parquet"]].concat()).good();
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let table =
        SerializedFileReader::new(std::fs::File::open(folder.path().join("f.parquet")).unwrap()).unwrap();
    assert_eq!(table.metadata().file_metadata().num_rows(), 4);
    assert_eq!(names(folder.path()), ["f.npy", "f.parquet", "f.safetensors"]);
    run(&folder, &[&base[..], &["--out", "f.csv"]].concat()).refused(1, &["f.csv", ".parquet"]);
    run(&folder, &[&base[..], &["--out", "none/f.npy"]].concat()).refused(1, &["none/f.npy", "create"]);
}

#[test]
fn an_output_that_exists_is_kept_unless_forced() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("f.safetensors"), "mine").unwrap();
    let args = ["extract", "bundled:chelsea.png", "--out", "f.safetensors"];
    run(&folder, &args).refused(1, &["f.safetensors", "--force"]);
    assert_eq!(std::fs::read(folder.path().join("f.safetensors")).unwrap(), b"mine");
    run(&folder, &[&args[..], &["--force"]].concat()).good();
    let default = read_tensors(&folder.path().join("f.safetensors"));
    assert_eq!(default["t50/block_12"].0, [1, 128, 8, 8], "the network's own step and block, whole maps");
}

#[test]
fn an_estimate_runs_nothing() {
    let folder = TempDir::new().unwrap();
    let args = ["extract", "bundled:photos", "--t", "50,90", "--blocks", "12", "--pool", "1", "--draws", "3"];
    let told = run(&folder, &[&args[..], &["--out", "f.npy", "--estimate", "--json"]].concat()).good().json();
    assert_eq!((&told["items"], &told["forwards"]), (&4.into(), &24.into()));
    assert_eq!(told["output_bytes"], 4 * 2 * 128 * 4);
    assert!(told["gmac"].as_f64().unwrap() > 0.0);
    assert_eq!(names(folder.path()), [""; 0]);
    let text = run(&folder, &[&args[..], &["--out", "f.safetensors", "--estimate"]].concat()).good().out;
    assert!(text.contains("forwards  24"), "{text}");
}

#[test]
#[cfg(unix)]
fn a_stopped_run_goes_on_to_the_same_bits() {
    let folder = TempDir::new().unwrap();
    let pictures: Vec<String> = (0..24).map(|index| format!("bundled:fashion/test#{index}")).collect();
    let command = |out: &str, more: &[&str]| {
        let mut command = difscope(&folder);
        command.arg("extract").args(&pictures).args(["--t", "50,90", "--blocks", "all", "--pool", "2"]);
        command.args(["--threads", "2", "--out", out, "--json"]).args(more);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let mut child = command("f.safetensors", &[]).spawn().unwrap();
    let part = folder.path().join("f.safetensors.part");
    while !row_is_written(&part, "t90/block_19", 1) && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let stopped = Run::of(child.wait_with_output().unwrap());
    stopped.refused(130, &["of 24 pictures are kept", "--resume"]);
    assert_eq!(names(folder.path()), ["f.safetensors.part", "f.safetensors.part.json"]);
    let kept = || read_bytes(&folder, "f.safetensors.part");
    let before = kept();
    let again = Run::of(command("f.safetensors", &[]).output().unwrap());
    again.refused(1, &["a stopped run has left", "--resume", "--force"]);
    assert!(kept() == before, "a refusal loses nothing");
    let other = Run::of(command("f.safetensors", &["--resume", "--seed", "7"]).output().unwrap());
    other.refused(1, &["other settings", "--resume"]);
    let resumed = Run::of(command("f.safetensors", &["--resume"]).output().unwrap()).good().json();
    let computed = resumed["seconds_forward"].as_array().unwrap().len();
    assert!(computed < 24, "some pictures were done before: {computed}");
    Run::of(command("h.safetensors", &[]).output().unwrap()).good();
    let (f, h) = (read_bytes(&folder, "f.safetensors"), read_bytes(&folder, "h.safetensors"));
    assert!(f == h, "bit-equal to a run that was never stopped");
    assert_eq!(names(folder.path()), ["f.safetensors", "h.safetensors"]);
}

/// Whether a file under way holds something in a row of its last tensor.
#[cfg(unix)]
fn row_is_written(part: &Path, name: &str, row: usize) -> bool {
    let bytes = std::fs::read(part).unwrap_or_default();
    let Ok(file) = safetensors::SafeTensors::deserialize(&bytes) else { return false };
    let view = file.tensor(name).unwrap();
    let length = view.data().len() / view.shape()[0];
    view.data()[row * length..(row + 1) * length].iter().any(|&byte| byte != 0)
}

#[cfg(unix)]
fn read_bytes(folder: &TempDir, name: &str) -> Vec<u8> {
    std::fs::read(folder.path().join(name)).unwrap()
}

#[test]
fn pictures_that_cannot_be_read_are_skipped_and_told() {
    let folder = TempDir::new().unwrap();
    let pictures = folder.path().join("pictures");
    std::fs::create_dir(&pictures).unwrap();
    image::RgbImage::from_pixel(20, 20, image::Rgb([9, 99, 200])).save(pictures.join("fine.png")).unwrap();
    std::fs::write(pictures.join("empty.png"), "").unwrap();
    let whole = std::fs::read(pictures.join("fine.png")).unwrap();
    std::fs::write(pictures.join("torn.png"), &whole[..whole.len() - 20]).unwrap();
    let args = ["extract", "pictures", "--t", "50", "--pool", "1", "--out", "f.safetensors"];
    let ended = run(&folder, &[&args[..], &["--json"]].concat()).good();
    let told = ended.json();
    let skipped: Vec<&str> =
        told["skipped"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert_eq!(skipped.len(), 2, "{skipped:?}");
    for name in ["empty.png", "torn.png"] {
        assert!(skipped.iter().any(|line| line.contains(name)), "{skipped:?}");
        assert!(ended.err.lines().any(|line| line.starts_with("difscope: skipped: ") && line.contains(name)));
    }
    let features = &read_tensors(&folder.path().join("f.safetensors"))["t50/block_12"];
    assert_eq!(features.0, [2, 128], "a torn picture keeps its row");
    assert_eq!(features.1.iter().filter(|v| v.is_nan()).count(), 128);
    std::fs::remove_file(pictures.join("fine.png")).unwrap();
    let none = run(&folder, &["extract", "pictures", "--out", "g.safetensors"]);
    none.refused(1, &["torn.png"]);
    assert_eq!(names(folder.path()), ["f.safetensors", "pictures"], "nothing half done is left");
}

#[test]
fn draws_and_blocks_that_mean_nothing_are_refused() {
    let folder = TempDir::new().unwrap();
    let extract =
        |more: &[&str]| run(&folder, &[&["extract", "bundled:chelsea.png", "--out", "f.npy"], more].concat());
    extract(&["--set", "draws=1025"]).refused(1, &["--draws", "1024"]);
    extract(&["--set", "blocks=[]"]).refused(1, &["no block", "--blocks"]);
    let data = vec![0u8; 3 * 32 * 32 * 4];
    let view = || safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![1, 3, 32, 32], &data);
    let tensors = [("x", view().unwrap()), ("noise", view().unwrap())];
    safetensors::serialize_to_file(tensors, None, &folder.path().join("x.safetensors")).unwrap();
    let given = ["extract", "x.safetensors", "--pool", "1", "--out", "g.npy"];
    run(&folder, &[&given[..], &["--draws", "2"]].concat())
        .refused(1, &["x.safetensors", "`noise`", "--draws"]);
    run(&folder, &given).good();
}
