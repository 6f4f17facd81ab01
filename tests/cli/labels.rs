//! Labels out to other programs and folders, and back into a project.

use super::data::{animals, picture, write};
use super::*;

/// A project with the animals, and a table of labels in which each kind of label stands.
fn project(folder: &TempDir) -> String {
    animals(folder);
    run(folder, &["project", "import", "p.difscope", "animals"]).good();
    let table = "path,label,source\nanimals/cat/1.png,cat,hand\nanimals/dog/1.png,dog,accepted\n";
    write(folder, "by-hand.csv", table.as_bytes());
    run(folder, &["labels", "import", "by-hand.csv", "--project", "p.difscope"]).good();
    run(folder, &["labels", "export", "p.difscope", "--format", "csv", "--out", "labels.csv"]).good();
    read(folder, "labels.csv")
}

fn read(folder: &TempDir, name: &str) -> String {
    std::fs::read_to_string(folder.path().join(name)).unwrap()
}

/// The table without the column of when, which is when a project got the label.
fn without_when(table: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(table.as_bytes());
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        row.iter().enumerate().filter(|(at, _)| *at != 3).map(|(_, cell)| cell.to_owned()).collect()
    });
    rows.collect()
}

#[test]
fn what_goes_out_comes_in_again() {
    let folder = TempDir::new().unwrap();
    let table = project(&folder);
    assert!(table.starts_with("path,label,source,made,digest,mark\nanimals/cat/1.png,cat,hand,"), "{table}");
    assert!(table.contains("\nanimals/dog/1.png,dog,accepted,20") && table.contains("cat/2.png,cat,bulk,"));

    // A project of the same pictures without labels gets all of them, with their sources.
    write(&folder, "none.csv", unlabelled(&table).as_bytes());
    run(&folder, &["project", "import", "q.difscope", "none.csv"]).good();
    let import = |file: &str, more: &[&str]| {
        let args = ["labels", "import", file, "--project", "q.difscope", "--json"];
        run(&folder, &[&args[..], more].concat())
    };
    let told = import("labels.csv", &[]).good().json();
    assert_eq!((&told["labelled"], &told["same"]), (&7.into(), &1.into()), "{told}");
    run(&folder, &["labels", "export", "q.difscope", "--format", "csv", "--out", "again.csv"]).good();
    let mut again = without_when(&read(&folder, "again.csv"));
    let mut first = without_when(&table);
    again.sort();
    first.sort();
    assert_eq!(again, first);
    let told = import("labels.csv", &[]).good().json();
    assert_eq!(
        (&told["labelled"], &told["same"], &told["unused"]),
        (&0.into(), &8.into(), &serde_json::json!([]))
    );

    // By-hand labels stay unless forced; marks and strangers are told.
    let other = "filename,class,mark\nanimals/cat/1.png,dog,\nanimals/cat/2.png,,unsure\nx.png,owl,\n";
    write(&folder, "other.csv", other.as_bytes());
    let told = import("other.csv", &[]).good().json();
    assert_eq!((&told["labelled"], &told["kept"], &told["marks_left"]), (&0.into(), &1.into(), &1.into()));
    assert_eq!((&told["unused"][0]["line"], &told["new_classes"]), (&4.into(), &serde_json::json!([])));
    assert_eq!(import("other.csv", &["--force"]).good().json()["labelled"], 1);

    // Pictures that moved are found by what they show.
    std::fs::rename(folder.path().join("animals"), folder.path().join("zoo")).unwrap();
    run(&folder, &["project", "import", "r.difscope", "zoo"]).good();
    let args = ["labels", "import", "labels.csv", "--project", "r.difscope", "--json"];
    assert_eq!(run(&folder, &args).good().json()["found_by_content"], 8);
}

/// The table with two labels only: a data set has two classes.
fn unlabelled(table: &str) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["path", "label"]).unwrap();
    for row in &without_when(table)[1..] {
        let label =
            if ["animals/cat/2.png", "animals/dog/1.png"].contains(&&*row[0]) { &*row[1] } else { "" };
        writer.write_record([&row[0], label]).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

#[test]
fn other_programs_get_files_and_suggestions_apart() {
    let folder = TempDir::new().unwrap();
    project(&folder);
    write(&folder, "answers.csv", b"path,label,confidence\nanimals/cat/1.png,dog,0.75\nx.png,owl,1\n");
    let export = |format: &str, out: &str, more: &[&str]| {
        let args = ["labels", "export", "p.difscope", "--format", format, "--out", out, "--json"];
        run(&folder, &[&args[..], more].concat())
    };
    let json = |name: &str| serde_json::from_str::<serde_json::Value>(&read(&folder, name)).unwrap();
    let told = export("label-studio", "tasks.json", &["--suggestions", "answers.csv"]).good().json();
    assert_eq!((&told["pictures"], told["written"].as_array().unwrap().len()), (&8.into(), 2));
    assert!(told["notes"].to_string().contains("LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT="), "{told}");
    assert!(told["notes"].to_string().contains("suggestions of pictures that are not among these: 1"));
    let tasks = json("tasks.json");
    assert_eq!(tasks[0]["annotations"][0]["result"][0]["value"]["choices"][0], "cat");
    assert_eq!(
        (&tasks[0]["predictions"][0]["score"], &tasks[1]["predictions"]),
        (&0.75.into(), &serde_json::json!([]))
    );
    export("label-studio", "tasks.json", &[]).refused(1, &["tasks.json", "--force"]);
    export("label-studio", "tasks.json", &["--force"]).good();
    assert!(!read(&folder, "tasks.json").contains("predictions"));

    export("fiftyone", "fo", &[]).good();
    assert_eq!(names(&folder.path().join("fo")), ["data.json", "labels.json"]);
    assert_eq!(json("fo/labels.json")["labels"]["000008"], 1);
    export("coco", "coco.json", &[]).good();
    let coco = json("coco.json");
    assert_eq!((&coco["images"][0]["width"], &coco["images"][0]["height"]), (&40.into(), &30.into()));
    assert_eq!(coco["annotations"].as_array().unwrap().len(), 8);

    // JSON comes in again, too; data sets go out as projects do.
    let args = ["labels", "import", "coco.json", "--project", "p.difscope", "--json"];
    assert_eq!(run(&folder, &args).good().json()["same"], 8);
    let args = ["labels", "export", "animals", "--format", "csv", "--out", "animals/l.csv", "--json"];
    assert_eq!(run(&folder, &args).good().json()["labelled"], 8);
    assert!(read(&folder, "animals/l.csv").contains("\ncat/1.png,cat,bulk,,"));
    export("csv", "l.csv", &["--how", "move"]).refused(2, &["--how", "folders"]);
    export("csv", "l.txt", &[]).refused(1, &[".csv"]);
    export("projector", "pr", &[]).refused(1, &["difscope extract"]);
    assert!(!folder.path().join("pr").exists());
}

#[test]
fn features_and_labels_go_to_the_projector_together() {
    let folder = TempDir::new().unwrap();
    animals(&folder);
    let extract =
        ["extract", "animals/dog", "animals/cat", "--pool", "1", "--out", "f.safetensors", "--quiet"];
    run(&folder, &extract).good();
    let export = |more: &[&str]| {
        let args = ["labels", "export", "animals", "--format", "projector", "--out", "pr"];
        run(&folder, &[&args[..], more].concat())
    };
    export(&["--features", "f.safetensors"]).good();
    let (vectors, metadata) = (read(&folder, "pr/vectors.tsv"), read(&folder, "pr/metadata.tsv"));
    assert_eq!((vectors.lines().count(), metadata.lines().count()), (8, 9));
    assert!(metadata.starts_with("label\tsource\tpath\ncat\tbulk\t"), "{metadata}");
    // Rows are those of the pictures, not of the file's order.
    let tensors = read_tensors(&folder.path().join("f.safetensors"));
    let (shape, values) = tensors.values().next().unwrap();
    let width: usize = shape[1..].iter().product();
    let first: Vec<f32> =
        vectors.lines().next().unwrap().split('\t').map(|cell| cell.parse().unwrap()).collect();
    assert_eq!(first, values[5 * width..][..width], "the first cat comes after five dogs");
    export(&["--features", "f.safetensors", "--labels-only", "--force"]).good();
    assert_eq!(
        read(&folder, "pr/metadata.tsv").lines().collect::<Vec<_>>()[..4],
        ["cat", "cat", "cat", "dog"]
    );
    run(&folder, &["extract", "animals/dog", "--pool", "1", "--out", "g.safetensors", "--quiet"]).good();
    export(&["--features", "g.safetensors", "--force"]).refused(1, &["g.safetensors", "no row for", "cat"]);
}

#[test]
fn pictures_move_into_folders_and_back_and_the_project_follows() {
    let folder = TempDir::new().unwrap();
    project(&folder);
    let relabel = "path,label,source\nanimals/cat/2.png,dog,hand\n";
    write(&folder, "relabel.csv", relabel.as_bytes());
    run(&folder, &["labels", "import", "relabel.csv", "--project", "p.difscope"]).good();
    let before = (names(folder.path()), names(&folder.path().join("animals/dog")));
    let export = |more: &[&str]| {
        let args =
            ["labels", "export", "p.difscope", "--format", "folders", "--out", "sorted", "--how", "move"];
        run(&folder, &[&args[..], more].concat())
    };
    // Two pictures called 2.png are to be dogs: seen before anything is done.
    let told = export(&["--dry-run", "--json"]).good().json();
    assert_eq!(told["plan"]["steps"].as_array().unwrap().len(), 7);
    assert!(told["plan"]["conflicts"][0]["why"].as_str().unwrap().contains("same name"), "{told}");
    let text = export(&["--dry-run", "--number"]).good().out;
    assert!(text.contains("nothing is in the way") && text.contains("dog/2-2.png"), "{text}");
    export(&[]).refused(1, &["nothing was done", "same name"]);
    assert_eq!((names(folder.path()), names(&folder.path().join("animals/dog"))), before);

    let told = export(&["--number", "--json"]).good().json();
    assert_eq!(told["carried"]["done"], 8);
    assert_eq!(names(&folder.path().join("sorted")), ["cat", "difscope-moves.jsonl", "dog"]);
    assert_eq!(names(&folder.path().join("sorted/cat")), ["1.png", "3.png"]);
    assert_eq!(names(&folder.path().join("animals/cat")), ["broken.png"]);
    run(&folder, &["labels", "export", "p.difscope", "--format", "csv", "--out", "moved.csv"]).good();
    assert!(
        read(&folder, "moved.csv").contains("\nsorted/dog/2.png,dog,hand,"),
        "the project knows where they are"
    );
    assert_eq!(
        run(&folder, &["project", "list", "p.difscope", "--json"]).good().json()["holds"]["missing"],
        0
    );

    let undo = ["labels", "undo", "sorted/difscope-moves.jsonl", "--project", "p.difscope", "--json"];
    let undone = run(&folder, &undo).good().json();
    assert_eq!(undone["back"].as_array().unwrap().len(), 8);
    assert_eq!(names(&folder.path().join("animals/dog")), before.1);
    assert_eq!(names(&folder.path().join("sorted")), [""; 0]);
    run(&folder, &["labels", "export", "p.difscope", "--format", "csv", "--out", "back.csv"]).good();
    assert!(read(&folder, "back.csv").contains("\nanimals/cat/2.png,dog,hand,"));
    run(&folder, &undo).refused(1, &["difscope-moves.jsonl"]);
}

#[test]
fn places_with_steps_up_are_those_that_they_lead_to() {
    let folder = TempDir::new().unwrap();
    animals(&folder);
    run(&folder, &["project", "import", "p.difscope", "animals/../animals"]).good();
    let export = |format: &str, out: &str, more: &[&str]| {
        let args = ["labels", "export", "animals/../p.difscope", "--format", format, "--out", out];
        run(&folder, &[&args[..], more].concat()).good();
    };
    export("csv", "l.csv", &[]);
    assert!(read(&folder, "l.csv").contains("\nanimals/cat/1.png,cat,"), "{}", read(&folder, "l.csv"));
    export("label-studio", "t.json", &[]);
    assert!(!read(&folder, "t.json").contains(".."));
    export("folders", "animals/../sorted", &["--how", "move"]);
    export("csv", "moved.csv", &[]);
    assert!(read(&folder, "moved.csv").contains("\nsorted/cat/1.png,cat,"), "{}", read(&folder, "moved.csv"));
    let journal = "animals/../sorted/difscope-moves.jsonl";
    run(&folder, &["labels", "undo", journal, "--project", "p.difscope"]).good();
    export("csv", "back.csv", &[]);
    assert_eq!(read(&folder, "back.csv"), read(&folder, "l.csv"));
}

#[test]
fn what_cannot_be_is_said() {
    let folder = TempDir::new().unwrap();
    project(&folder);
    let refused = |args: &[&str], code: i32, words: &[&str]| {
        run(&folder, &[&["labels"], args].concat()).refused(code, words);
    };
    let csv = ["export", "p.difscope", "--format", "csv", "--out"];
    refused(&[&csv[..], &["no/l.csv"]].concat(), 1, &["no/l.csv"]);
    refused(&[&csv[..], &["x.csv", "--project", "p.difscope"]].concat(), 2, &["first argument"]);
    refused(&["export", "gone", "--format", "csv", "--out", "x.csv"], 1, &["gone", "not there"]);
    refused(&["import", "labels.csv"], 2, &["--project"]);
    refused(&["import", "gone.csv", "--project", "p.difscope"], 1, &["gone.csv"]);
    refused(&["import", "labels.csv", "--project", "gone.difscope"], 1, &["gone.difscope"]);
    write(&folder, "strangers.csv", b"path,label\nx.png,cat\n");
    refused(&["import", "strangers.csv", "--project", "p.difscope"], 1, &["none of its 1 lines", "x.png"]);
    refused(&["undo", "labels.csv"], 1, &["labels.csv, line 1", "no journal"]);
    let folders = ["export", "p.difscope", "--format", "folders", "--out"];
    refused(
        &[&folders[..], &["labels.csv"]].concat(),
        1,
        &["nothing was done", "a file is where the target"],
    );
    refused(&[&folders[..], &["s", "--force"]].concat(), 2, &["--number"]);
    picture(&folder, "set/a/1.png", 1);
    picture(&folder, "set/b/1.png", 2);
    let packed = ["export", "bundled:fashion/test", "--format", "folders", "--out", "s", "--how", "link"];
    refused(&packed, 1, &["not a file of its own", "choose copy"]);
    assert!(!folder.path().join("s").exists());
    assert_eq!(run(&folder, &["labels", "export", "set", "--format", "zip", "--out", "x"]).code, 2);
}

#[cfg(unix)]
#[test]
fn a_target_that_is_read_only_is_said_before_anything_moves() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    animals(&folder);
    let target = folder.path().join("sorted");
    std::fs::create_dir(&target).unwrap();
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o555)).unwrap();
    let args = ["labels", "export", "animals", "--format", "folders", "--how", "move", "--out", "sorted"];
    run(&folder, &args).refused(1, &["nothing was done", "read-only"]);
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(names(&target), [""; 0]);
    assert_eq!(names(&folder.path().join("animals/cat")).len(), 4);
}
