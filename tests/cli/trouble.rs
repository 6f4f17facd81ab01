//! Labels, head files, numbers and disks that make trouble while heads are trained, compared and asked:
//! said clearly, and nothing lost.

use super::*;

/// A PNG of blocks that is another for every `class` and `number`; its class shows in the stripes.
fn picture(folder: &TempDir, name: &str, class: usize, number: usize) {
    let image = image::GrayImage::from_fn(28, 28, |x, y| {
        let stripe = if class == 0 { x } else { y };
        let lot = blake3::hash(format!("{class} {number} {} {}", x / 4, y / 4).as_bytes());
        image::Luma([if (stripe / 4) % 2 == 0 { lot.as_bytes()[0] } else { 255 }])
    });
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    image.save(path).unwrap();
}

/// So many pictures of each class, as a folder of folders.
fn classes(folder: &TempDir, set: &str, counts: &[usize]) {
    for (class, (name, &count)) in ["cat", "dog", "owl"].iter().zip(counts).enumerate() {
        std::fs::create_dir_all(folder.path().join(set).join(name)).unwrap();
        for number in 0..count {
            picture(folder, &format!("{set}/{name}/{number}.png"), class, number);
        }
    }
}

fn write(folder: &TempDir, name: &str, text: &str) {
    std::fs::write(folder.path().join(name), text).unwrap();
}

/// Trains a head that needs steps, or one that does not, and compares both; all must be refused.
#[track_caller]
fn nothing_learns(folder: &TempDir, data: &str, more: &[&str], words: &[&str]) {
    for head in ["ridge", "linear"] {
        let args = ["train", data, "--head", head, "--epochs", "2", "--out", "h.safetensors", "--quiet"];
        run(folder, &[&args[..], more].concat()).refused(1, words);
    }
    if !more.contains(&"--split") {
        let args =
            ["compare", data, "--heads", "ridge,linear", "--seeds", "1", "--out", "compared", "--quiet"];
        run(folder, &[&args[..], if more.is_empty() { &["--shots", "1"] } else { more }].concat())
            .refused(1, words);
    }
    for name in ["h.safetensors", "h.json", "compared"] {
        assert!(!folder.path().join(name).exists(), "{name}");
    }
}

#[test]
fn sets_that_tell_nothing_apart_are_refused_by_name() {
    let folder = TempDir::new().unwrap();
    classes(&folder, "one", &[4]);
    nothing_learns(&folder, "one", &[], &["one class, cat", "add another class"]);
    classes(&folder, "empty", &[4, 4, 0]);
    nothing_learns(&folder, "empty", &[], &["class owl has no picture", "remove the class"]);
    classes(&folder, "lone", &[1, 1]);
    nothing_learns(&folder, "lone", &[], &["class cat has one picture", "it takes two"]);
    nothing_learns(&folder, "lone", &["--shots", "1"], &["class cat has one picture", "--test 0"]);
}

#[test]
fn one_picture_of_each_class_is_enough_where_none_is_tested() {
    let folder = TempDir::new().unwrap();
    classes(&folder, "lone", &[1, 1, 1]);
    for head in ["ridge", "prototype", "knn", "linear"] {
        let train = ["train", "lone", "--head", head, "--shots", "1", "--test", "0", "--json", "--force"];
        let report = run(&folder, &[&train[..], &["--out", "h.safetensors"]].concat()).good().json();
        assert_eq!((&report["counts"], &report["test"]), (&[3, 0, 0].into(), &serde_json::Value::Null));
        let told = run(&folder, &["predict", "h.safetensors", "lone/owl/0.png", "--json"]).good().json();
        assert_eq!(told[0]["label"], "owl", "{head}");
    }
}

#[test]
fn a_class_in_validation_or_test_only_is_named() {
    let folder = TempDir::new().unwrap();
    classes(&folder, "set", &[3, 3, 2]);
    let split = |part: &str| {
        let table = format!(
            "path,label,part\ncat/0.png,cat,train\ncat/1.png,cat,test\ndog/0.png,dog,train\nowl/0.png,owl,{part}\n"
        );
        write(&folder, "split.csv", &table);
    };
    for part in ["validation", "test"] {
        split(part);
        let only = format!("class owl is only in {part}");
        nothing_learns(&folder, "set", &["--split", "split.csv"], &[&only, "into train"]);
    }
}

#[test]
fn labels_of_pictures_that_vanished_are_told_and_the_others_used() {
    let folder = TempDir::new().unwrap();
    classes(&folder, "set", &[4, 4]);
    let rows = |names: &[&str]| -> String {
        let row = |name: &&str| format!("set/{name}.png,{}\n", name.split('/').next().unwrap());
        format!("path,label\n{}", names.iter().map(row).collect::<String>())
    };
    write(&folder, "labels.csv", &rows(&["cat/0", "cat/1", "cat/gone", "dog/0", "dog/1", "dog/lost"]));
    let train = ["train", "labels.csv", "--head", "linear", "--shots", "1", "--epochs", "2", "--json"];
    let ended = run(&folder, &[&train[..], &["--out", "h.safetensors"]].concat()).good();
    assert_eq!(ended.json()["counts"], serde_json::json!([2, 0, 2]));
    for word in ["cat/gone.png", "dog/lost.png", "moved, renamed or deleted"] {
        assert!(ended.err.contains(word), "{word} is not in: {}", ended.err);
    }
    let compare =
        ["compare", "labels.csv", "--heads", "ridge", "--shots", "1", "--seeds", "1", "--out", "out"];
    let told = run(&folder, &[&compare[..], &["--json", "--quiet"]].concat()).good().json();
    assert!(told["notes"].to_string().contains("cat/gone.png"), "{}", told["notes"]);
    // A class of which nothing is left.
    write(&folder, "labels.csv", &rows(&["cat/0", "cat/1", "dog/gone", "dog/lost"]));
    std::fs::remove_file(folder.path().join("h.safetensors")).unwrap();
    std::fs::remove_file(folder.path().join("h.json")).unwrap();
    std::fs::remove_dir_all(folder.path().join("out")).unwrap();
    nothing_learns(&folder, "labels.csv", &[], &["class dog has no picture", "dog/gone.png"]);
    // A split that names one.
    write(&folder, "split.csv", "path,part\ncat/0.png,train\ncat/gone.png,test\ndog/0.png,train\n");
    nothing_learns(&folder, "set", &["--split", "split.csv"], &["split.csv", "line 3", "cat/gone.png"]);
}

#[test]
fn a_head_finds_its_network_or_says_which_it_needs() {
    let folder = TempDir::new().unwrap();
    write_network(&folder, "unet_small.safetensors");
    classes(&folder, "set", &[3, 3]);
    let train = ["train", "set", "--head", "ridge", "--shots", "1", "--model", "model.safetensors"];
    run(&folder, &[&train[..], &["--blocks", "12", "--t", "50", "--out", "other.safetensors"]].concat())
        .good();
    run(&folder, &["train", "set", "--head", "ridge", "--shots", "1", "--out", "own.safetensors"]).good();
    let ask = |head: &str, more: &[&str]| {
        run(&folder, &[&["predict", head, "set/dog/1.png", "--json"], more].concat())
    };
    ask("own.safetensors", &[]).good();
    ask("own.safetensors", &["--model", "model.safetensors"])
        .refused(1, &["own.safetensors", "fashion32", "this is model", "--model"]);
    // Where it was trained, elsewhere, and nowhere.
    let answer = ask("other.safetensors", &[]).good().json();
    std::fs::rename(folder.path().join("model.safetensors"), folder.path().join("moved.safetensors"))
        .unwrap();
    ask("other.safetensors", &[]).refused(1, &["reads model", "give its file with --model"]);
    let again = ask("other.safetensors", &["--model", "moved.safetensors"]).good().json();
    assert_eq!(answer, again);
}

/// A step that throws the head away is found in the next one, or after the last.
#[test]
fn a_loss_that_breaks_leaves_a_head_that_answers() {
    let folder = TempDir::new().unwrap();
    classes(&folder, "set", &[5, 5, 5]);
    let wild =
        ["--set", "train.learning_rate=1e30", "--set", "train.weight_decay=0", "--set", "head.width=32"];
    for head in ["mlp", "attention", "difformer", "diffeed"] {
        for more in [&["--epochs", "3"][..], &["--epochs", "1"], &["--epochs", "3", "--validation", "1"]] {
            let train = ["train", "set", "--head", head, "--shots", "2", "--json", "--force"];
            let out = ["--out", "h.safetensors"];
            let ended = run(&folder, &[&train[..], more, &wild, &out].concat()).good();
            let report = ended.json();
            let stopped = report["stopped"].as_str().unwrap();
            assert!(
                stopped.contains("not a number in epoch") && stopped.contains("smaller"),
                "{head}: {stopped}"
            );
            assert!(ended.err.contains(stopped), "{head}: {}", ended.err);
            assert!(report["test"]["accuracy"].as_f64().is_some(), "{head}");
            let told = run(&folder, &["predict", "h.safetensors", "set/cat/0.png", "--json"]).good().json();
            let p: Vec<f64> = serde_json::from_value(told[0]["probabilities"].clone()).unwrap();
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-4, "{head}: {p:?}");
        }
    }
}

/// The program where no file may have more than `blocks` half kilobytes: writing fails then as it does
/// on a full disk.
#[cfg(unix)]
fn run_without_room(folder: &TempDir, blocks: usize, args: &[&str]) -> Run {
    let plain = difscope(folder);
    let limited = format!("trap '' XFSZ; ulimit -f {blocks} && exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &limited]).arg(plain.get_program()).args(args);
    command.current_dir(folder.path()).stdin(Stdio::null());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let temporary = folder.path().join("temporary");
    std::fs::create_dir_all(&temporary).unwrap();
    Run::of(command.env("TMPDIR", temporary).output().unwrap())
}

#[test]
#[cfg(unix)]
fn a_full_disk_is_told_and_leaves_no_half_file() {
    let folder = TempDir::new().unwrap();
    let left = |inside: &str| names(&folder.path().join(inside));
    let train = ["train", "bundled:fashion", "--head", "ridge", "--shots", "2", "--test", "50", "--quiet"];
    let to = |out: &'static str| [&train[..], &["--out", out]].concat();
    // No room for the head.
    let ended = run_without_room(&folder, 20, &to("h.safetensors"));
    ended.refused(1, &["cannot write h.safetensors", "what was learned is lost", "make room"]);
    assert_eq!((left("."), left("temporary")), (vec!["temporary".into()], vec![]));
    // Room for the head and not for its report: the numbers are told all the same.
    let ended = run_without_room(&folder, 60, &to("h.safetensors"));
    assert_eq!((ended.code, ended.err.lines().count()), (1, 1), "{}", ended.err);
    assert!(ended.out.contains("accuracy"), "{}", ended.out);
    for word in ["cannot write h.json", "the head itself is saved"] {
        assert!(ended.err.contains(word), "{word} is not in: {}", ended.err);
    }
    assert_eq!((left("."), left("temporary")), (vec!["h.safetensors".into(), "temporary".into()], vec![]));
    run(&folder, &["predict", "h.safetensors", "bundled:fashion/test#1"]).good();
    // What was there before stays.
    let before = std::fs::read(folder.path().join("h.safetensors")).unwrap();
    run_without_room(&folder, 20, &[&to("h.safetensors")[..], &["--seed", "1", "--force"]].concat())
        .refused(1, &["cannot write h.safetensors"]);
    assert!(before == std::fs::read(folder.path().join("h.safetensors")).unwrap());
    // Tables and figures: what is found is told.
    let compare =
        ["compare", "bundled:fashion", "--heads", "ridge", "--shots", "2", "--test", "50", "--seeds"];
    let more = ["1", "--controls", "none", "--out", "out", "--quiet"];
    let ended = run_without_room(&folder, 20, &[&compare[..], &more].concat());
    assert!(ended.code == 1 && ended.out.contains("| ridge"), "{}{}", ended.out, ended.err);
    assert!(ended.err.contains("cannot write out/") && ended.err.contains("told above"), "{}", ended.err);
    assert!(left("out").iter().all(|name| name.starts_with("compare")), "{:?}", left("out"));
    // Answers.
    let ask = ["predict", "h.safetensors", "bundled:fashion/test", "--out", "answers.csv", "--quiet"];
    run_without_room(&folder, 20, &ask).refused(1, &["cannot write answers.csv"]);
    assert!(!folder.path().join("answers.csv").exists());
}

#[test]
#[cfg(unix)]
fn a_full_disk_beside_a_project_loses_neither_head_nor_run() {
    let folder = TempDir::new().unwrap();
    let with = |project: &'static str, out: &'static str, shots: &'static str, test: &'static str| {
        let train =
            ["train", "bundled:fashion", "--head", "ridge", "--quiet", "--project", project, "--out", out];
        [&train[..], &["--shots", shots, "--test", test]].concat()
    };
    // No room for a project at all: nothing is begun.
    run_without_room(&folder, 20, &with("none.difscope", "a.safetensors", "2", "5"))
        .refused(1, &["none.difscope", "nothing was done"]);
    assert!(!folder.path().join("a.safetensors").exists());
    // Room for everything but all features and the report: what came of it is in the project.
    let ended = run_without_room(&folder, 300, &with("p.difscope", "a.safetensors", "100", "5"));
    assert!(ended.code == 1 && ended.out.contains("accuracy"), "{}{}", ended.out, ended.err);
    assert!(ended.err.contains("cannot write a.json"), "{}", ended.err);
    // Neither for the report nor for what the project keeps of 500 pictures: both are told.
    let ended = run_without_room(&folder, 300, &with("p.difscope", "b.safetensors", "2", "50"));
    assert!(ended.code == 1 && ended.out.contains("accuracy"), "{}{}", ended.out, ended.err);
    for word in ["p.difscope", "cannot write b.json", "the head itself is saved"] {
        assert!(ended.err.contains(word), "{word} is not in: {}", ended.err);
    }
    let listed = run(&folder, &["project", "list", "p.difscope", "--json"]).good().json();
    let status = |run: usize| listed["runs"][run]["status"].as_str().unwrap().to_owned();
    assert_eq!([status(0), status(1)], ["done", "running"]);
    let project = difscope::project::Project::read(&folder.path().join("p.difscope")).unwrap();
    let kept = project.runs().unwrap().remove(0);
    assert!(kept.metrics["notes"].to_string().contains("cannot write a.json"), "{}", kept.metrics);
    assert_eq!(project.predictions(kept.id).unwrap().len(), 50);
    for head in ["a.safetensors", "b.safetensors"] {
        run(&folder, &["predict", head, "bundled:fashion/test#1"]).good();
    }
}

#[test]
#[cfg(unix)]
fn states_that_find_no_room_are_left_out() {
    let folder = TempDir::new().unwrap();
    // A file where the folder of states should be.
    write(&folder, "h", "mine");
    let train =
        ["train", "bundled:fashion", "--head", "linear", "--shots", "1", "--test", "1", "--epochs", "4"];
    let more = ["--set", "states=3", "--out", "h.safetensors", "--json"];
    let ended = run(&folder, &[&train[..], &more].concat()).good();
    assert!(ended.json()["notes"].to_string().contains("no more states"), "{}", ended.out);
    assert!(ended.err.contains("no more states on the way are kept"), "{}", ended.err);
    assert_eq!(names(folder.path()), ["h", "h.json", "h.safetensors"]);
}

#[test]
#[cfg(unix)]
fn a_folder_that_takes_no_files_is_found_before_the_training() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o555)).unwrap();
    // Who may do everything is kept out of a folder of the kernel's.
    let out = match std::fs::write(closed.join("probe"), "") {
        Ok(()) => "/proc/self/h.safetensors".to_owned(),
        Err(_) => closed.join("h.safetensors").display().to_string(),
    };
    let train = ["train", "bundled:fashion", "--head", "linear", "--shots", "2", "--epochs", "100000"];
    let more = ["--set", "train.patience=0", "--out", &out];
    run(&folder, &[&train[..], &more].concat()).refused(1, &["cannot write", "h.safetensors"]);
}
