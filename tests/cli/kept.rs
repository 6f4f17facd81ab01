//! Runs of training that are kept in a project.

use super::*;
use difscope::project::Project;

const TRAIN: [&str; 11] = [
    "train",
    "bundled:fashion",
    "--head",
    "ridge",
    "--shots",
    "2",
    "--test",
    "3",
    "--project",
    "p.difscope",
    "--out",
];

#[test]
fn a_training_is_a_run_of_its_project() {
    let folder = TempDir::new().unwrap();
    let report = run(&folder, &[&TRAIN[..], &["shirts.safetensors", "--json"]].concat()).good().json();
    // A head within the project's own folder moves with it.
    std::fs::create_dir_all(folder.path().join("p.heads")).unwrap();
    run(&folder, &[&TRAIN[..], &["p.heads/mine.safetensors"]].concat()).good();
    let listed = run(&folder, &["project", "list", "p.difscope", "--json"]).good().json();
    let runs = listed["runs"].as_array().unwrap();
    let told = |at: usize| {
        let text = |key: &str| runs[at][key].as_str().unwrap().to_owned();
        (text("name"), text("status"), text("head"))
    };
    let elsewhere = folder.path().canonicalize().unwrap().join("shirts.safetensors");
    let (name, status, head) = told(0);
    assert_eq!((name.as_str(), status.as_str()), ("shirts", "done"));
    assert_eq!(Path::new(&head).canonicalize().unwrap(), elsewhere);
    assert_eq!(told(1), ("mine".into(), "done".into(), "p.heads/mine.safetensors".into()));
    assert_eq!(listed["holds"]["predictions"], 2 * 30);

    let project = Project::open(&folder.path().join("p.difscope")).unwrap();
    let kept = project.runs().unwrap().remove(0);
    assert_eq!((&kept.metrics["test"], &kept.config["training"]), (&report["test"], &report["settings"]));
    let said = project.predictions(kept.id).unwrap();
    let first = kept.metrics["tested"][0]["image"].as_i64().unwrap();
    let of_first = said.iter().find(|said| said.image.0 == first).unwrap();
    let probabilities: Vec<f32> = serde_json::from_value(report["probabilities"].clone()).unwrap();
    assert_eq!(of_first.scores, probabilities[..10]);
}

#[test]
fn a_training_that_fails_is_kept_as_such() {
    let folder = TempDir::new().unwrap();
    let args =
        ["train", "no-such-folder", "--head", "ridge", "--project", "p.difscope", "--out", "a.safetensors"];
    run(&folder, &args).refused(1, &["no-such-folder"]);
    let listed = run(&folder, &["project", "list", "p.difscope", "--json"]).good().json();
    assert_eq!(listed["runs"][0]["status"], "failed");
}

#[test]
fn nothing_is_trained_for_a_project_that_is_open_elsewhere() {
    let folder = TempDir::new().unwrap();
    let _window = Project::create(&folder.path().join("p.difscope")).unwrap();
    let ended = run(&folder, &[&TRAIN[..], &["a.safetensors"]].concat());
    let who = format!("process {}", std::process::id());
    ended.refused(1, &["p.difscope", &who, "close it there first", "nothing was done"]);
    assert!(!folder.path().join("a.safetensors").exists());
}

#[test]
fn commands_without_a_project_refuse_one() {
    let folder = TempDir::new().unwrap();
    for args in
        [&["inspect"][..], &["extract", "bundled:photos", "--out", "a.npy"], &["project", "list", "q"]]
    {
        run(&folder, &[args, &["--project", "p.difscope"]].concat()).refused(2, &["--project", "leave"]);
    }
    // What is only estimated leaves nothing behind.
    run(&folder, &[&TRAIN[..], &["a.safetensors", "--estimate"]].concat()).good();
    assert_eq!(names(folder.path()), [""; 0]);
}
