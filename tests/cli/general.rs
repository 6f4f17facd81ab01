//! Help, version, completions, exit codes, and the window without a display.

use super::*;

const COMMANDS: [&str; 13] = [
    "tour",
    "inspect",
    "convert",
    "extract",
    "heatmap",
    "data",
    "train",
    "compare",
    "labels",
    "predict",
    "project",
    "bench",
    "completions",
];

#[test]
fn help_has_examples_and_the_flags_of_every_command() {
    let folder = TempDir::new().unwrap();
    let whole = run(&folder, &["--help"]).good();
    for word in COMMANDS.into_iter().chain(["Examples:", "Exit codes"]) {
        assert!(whole.out.contains(word), "{word}");
    }
    assert_eq!(whole.err, "");
    for command in COMMANDS {
        let help = run(&folder, &[command, "--help"]).good().out;
        assert!(help.contains("Examples:") && help.contains(&format!("difscope {command}")), "{command}");
        let flags = [
            "model",
            "preset",
            "device",
            "precision",
            "threads",
            "seed",
            "draws",
            "class",
            "project",
            "cache",
            "json",
            "quiet",
        ];
        for flag in flags.iter().chain(&["resume", "force", "estimate", "set"]) {
            assert!(help.contains(&format!("--{flag}")), "{command} --{flag}");
        }
    }
}

#[test]
fn version_tells_commit_features_and_devices() {
    let folder = TempDir::new().unwrap();
    let text = run(&folder, &["--version"]).good().out;
    for word in [env!("CARGO_PKG_VERSION"), "commit", "features", "devices", "cpu"] {
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn completions_know_the_commands() {
    let folder = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(&folder, &["completions", shell]).good().out.contains("heatmap"), "{shell}");
    }
}

#[test]
fn wrong_arguments_are_code_2() {
    let folder = TempDir::new().unwrap();
    for args in [
        &["extract"][..],
        &["heatmap", "bundled:chelsea.png", "--out", "a.png", "--view", "nom"],
        &["heatmap", "bundled:chelsea.png", "--out", "a.png", "--range", "1"],
        &["extract", "bundled:photos", "--out", "a.npy", "--pool", "some"],
        &["extract", "bundled:photos", "--out", "a.npy", "--t", "x"],
        &["tour", "--threads", "0"],
        &["tour", "--device", "gpu"],
        &["tour", "--precision", "f16"],
        &["inspect", "--set", "seed"],
    ] {
        let ended = run(&folder, args);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{args:?}: {}", ended.err);
    }
    run(&folder, &["inspct"]).refused(2, &["inspct", "--help"]);
    run(&folder, &["inspect", "a.pt", "--model", "b.pt"]).refused(2, &["once"]);
    run(&folder, &["inspect", "--preset", "adm-lsun-cat"]).refused(2, &["--preset", "--model"]);
    run(&folder, &["inspect", "--set", "seed=1"]).refused(2, &["--set"]);
    assert_eq!(names(folder.path()), [""; 0], "nothing was written");
}

#[test]
fn settings_reach_every_field_and_name_the_keys_there_are() {
    let folder = TempDir::new().unwrap();
    let view = ["heatmap", "bundled:fashion/test#3", "--out", "a.npy", "--json", "--quiet"];
    let with = |sets: &[&str]| run(&folder, &[&view, sets].concat());
    let told = with(&["--t", "10", "--set", "timestep=90", "--set", "look.gamma=0.5", "--set", "view=mean"])
        .good()
        .json();
    assert_eq!((&told["selection"]["timestep"], &told["look"]["gamma"]), (&90.into(), &0.5.into()));
    assert_eq!(told["view"], "mean");
    with(&["--set", "look.gama=1"])
        .refused(2, &["gama", "order, shared_channels, shared_cells, map, range, gamma"]);
    with(&["--set", "tiemstep=1"]).refused(2, &["tiemstep", "timestep, block, seed"]);
    with(&["--set", "seed=many"]).refused(2, &["seed=many"]);
    let text = with(&["--set", "look.gamma=-1", "--force"]);
    text.refused(1, &["gamma"]);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = TempDir::new().unwrap();
    let mut child = difscope(&folder)
        .args(["inspect", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = Run::of(child.wait_with_output().unwrap());
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
}

#[test]
fn a_device_that_is_not_there_is_replaced_and_said() {
    let folder = TempDir::new().unwrap();
    let ended = run(&folder, &["inspect", "--device", "cuda:99"]).good();
    assert!(ended.err.contains("cuda:99") && ended.err.contains("CPU"), "{}", ended.err);
    assert_eq!(run(&folder, &["inspect", "--device", "cuda:99", "--quiet"]).good().err, "");
}

#[test]
#[cfg(target_os = "linux")]
fn without_a_display_the_tour_is_written() {
    let folder = TempDir::new().unwrap();
    let ended = run(&folder, &[]).good();
    assert!(ended.err.contains("no display") && ended.err.contains("difscope-tour"), "{}", ended.err);
    assert!(folder.path().join("difscope-tour/index.html").is_file());
}
