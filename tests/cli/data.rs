//! Labelled data sets, splits and project files.

use super::*;
use difscope::project::{LabelSource, MarkStep, Marked, PictureKey, Project};
use difscope::study::label::Classes;

pub fn write(folder: &TempDir, name: &str, bytes: &[u8]) {
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// A PNG that is another for every `seed`.
pub fn picture(folder: &TempDir, name: &str, seed: u32) {
    let image = image::RgbImage::from_fn(40, 30, |x, y| {
        let value = |salt: u32| (x / 5 * (7 + seed * 13) + y / 5 * (11 + seed * 29) + salt * 40) as u8;
        image::Rgb([value(0), value(1), value(2)])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    write(folder, name, bytes.get_ref());
}

/// Three cats, four dogs, and a file that is none; one dog is there twice.
pub fn animals(folder: &TempDir) {
    for (seed, name) in ["cat/1", "cat/2", "cat/3", "dog/1", "dog/2", "dog/3", "dog/4"].iter().enumerate() {
        picture(folder, &format!("animals/{name}.png"), seed as u32);
    }
    let path = |name: &str| folder.path().join("animals").join(name);
    std::fs::copy(path("dog/4.png"), path("dog/copy.png")).unwrap();
    write(folder, "animals/cat/broken.png", &std::fs::read(path("cat/1.png")).unwrap()[..60]);
}

#[test]
fn a_folder_is_told() {
    let folder = TempDir::new().unwrap();
    animals(&folder);
    let told = run(&folder, &["data", "animals", "--json"]).good().json();
    assert_eq!(told["items"], 8);
    let classes = told["classes"].as_array().unwrap();
    assert_eq!(
        (&classes[0]["name"], &classes[0]["id"], &classes[0]["count"]),
        (&"cat".into(), &0.into(), &3.into())
    );
    assert_eq!((&classes[1]["name"], &classes[1]["count"]), (&"dog".into(), &5.into()));
    let unreadable = told["unreadable"].as_array().unwrap();
    assert_eq!(unreadable.len(), 1);
    assert!(unreadable[0]["path"].as_str().unwrap().ends_with("broken.png"), "{told}");
    assert_eq!(told["exact_duplicates"], serde_json::json!([["dog/4.png", "dog/copy.png"]]));
    assert_eq!(told["near_duplicates"], told["exact_duplicates"]);
    assert_eq!(told["split"], serde_json::Value::Null);
    let text = run(&folder, &["data", "animals"]).good().out;
    for words in ["8 pictures, 2 classes", "cat", "1 unreadable", "broken.png", "dog/4.png, dog/copy.png"] {
        assert!(text.contains(words), "{words} is not in: {text}");
    }
}

#[test]
fn splits_are_written_and_read_again() {
    let folder = TempDir::new().unwrap();
    animals(&folder);
    let with = |more: &[&str]| run(&folder, &[&["data", "animals", "--json", "--quiet"], more].concat());
    let made = with(&["--fraction", "0.6", "--seed", "3", "--export-split", "s.csv"]).good().json();
    let table = std::fs::read_to_string(folder.path().join("s.csv")).unwrap();
    assert_eq!(table.lines().count(), 9, "{table}");
    let side =
        |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap().split(',').nth(2).unwrap();
    assert_eq!(side("dog/4.png"), side("dog/copy.png"), "the same picture on one side");
    with(&["--fraction", "0.6", "--seed", "3", "--export-split", "s.csv"]).refused(1, &["s.csv", "--force"]);
    with(&["--fraction", "0.6", "--seed", "3", "--export-split", "again.csv"]).good();
    assert_eq!(std::fs::read_to_string(folder.path().join("again.csv")).unwrap(), table);
    let read = with(&["--split", "s.csv"]).good().json();
    assert_eq!(read["split"]["classes"], made["split"]["classes"]);
    let shots = with(&["--shots", "2", "--validation", "1"]).good().json();
    assert_eq!(shots["split"]["classes"][0]["train"], 2);
    assert!(shots["split"]["notes"][0].as_str().unwrap().contains("class cat: 0 pictures to validate on"));

    assert_eq!(with(&["--shots", "1", "--fraction", "0.5"]).code, 2);
    with(&["--shots", "1", "--validation", "0.5"]).refused(2, &["--validation"]);
    with(&["--fraction", "1.5"]).refused(1, &["1.5", "impossible"]);
    with(&["--export-split", "given.csv"]).refused(1, &["no parts", "--shots"]);
    assert!(!folder.path().join("given.csv").exists());
}

#[test]
fn what_is_no_data_set_is_refused() {
    let folder = TempDir::new().unwrap();
    picture(&folder, "flat/a.png", 1);
    picture(&folder, "one/cat/a.png", 1);
    picture(&folder, "lone/cat/a.png", 1);
    picture(&folder, "lone/dog/b.png", 2);
    picture(&folder, "lone/dog/c.png", 3);
    write(&folder, "bad.csv", b"file,class\na,b\n");
    for (data, words) in [
        ("flat", &["flat", "one folder per class"][..]),
        ("one", &["one class, cat"]),
        ("bad.csv", &["bad.csv", "`path`"]),
        ("gone", &["gone", "not there"]),
        ("bundled:photos", &["bundled:fashion"]),
        ("flat/a.png", &["a.png", "not a data set"]),
    ] {
        run(&folder, &["data", data]).refused(1, words);
    }
    run(&folder, &["data", "lone"]).good();
    run(&folder, &["data", "lone", "--shots", "1"]).refused(1, &["class cat has one picture"]);
}

#[test]
fn the_bundled_set_has_parts_of_its_own() {
    let folder = TempDir::new().unwrap();
    let told = run(&folder, &["data", "bundled:fashion", "--json", "--export-split", "f.csv"]).good().json();
    assert_eq!((told["items"].as_u64(), told["classes"].as_array().unwrap().len()), (Some(2500), 10));
    assert_eq!(told["classes"][3]["given"], serde_json::json!([50, 0, 200]));
    assert_eq!(told["split"]["classes"][0]["train"], 50);
    // The table is a data set of its own.
    let again = run(&folder, &["data", "f.csv", "--json"]).good().json();
    assert_eq!((&again["items"], &again["classes"][0]["name"]), (&told["items"], &"Ankle boot".into()));
}

#[test]
fn labels_go_into_a_project_and_out_again() {
    let folder = TempDir::new().unwrap();
    animals(&folder);
    let told = run(&folder, &["project", "import", "p.difscope", "animals", "--json"]).good().json();
    assert_eq!((&told["pictures"], &told["labelled"]), (&8.into(), &8.into()));
    assert_eq!(told["new_classes"], serde_json::json!(["cat", "dog"]));
    let list = run(&folder, &["project", "list", "p.difscope", "--json"]).good().json();
    assert_eq!((&list["holds"]["labels"], &list["classes"][1]["labels"]), (&8.into(), &5.into()));
    assert!(run(&folder, &["project", "list", "p.difscope"]).good().out.contains("8 pictures, 8 labelled"));

    // Moved pictures are the same ones, and nothing is labelled twice.
    std::fs::rename(folder.path().join("animals"), folder.path().join("zoo")).unwrap();
    let told = run(&folder, &["project", "import", "p.difscope", "zoo", "--json"]).good().json();
    assert_eq!((&told["moved"], &told["labelled"]), (&8.into(), &0.into()));
    let export =
        |what: &str, out: &str| run(&folder, &["project", "export", "p.difscope", what, "--out", out]);
    export("labels", "l.csv").good();
    let told = run(&folder, &["data", "l.csv", "--json"]).good().json();
    assert_eq!((&told["items"], &told["classes"][1]["count"]), (&8.into(), &5.into()));
    export("labels", "l.csv").refused(1, &["l.csv", "--force"]);
    export("labels", "l.json").good();
    export("runs", "r.json").good();
    assert_eq!(std::fs::read_to_string(folder.path().join("r.json")).unwrap(), "[]\n");
    export("runs", "r.csv").refused(1, &["r.csv", ".json"]);

    let told = run(&folder, &["project", "import", "f.difscope", "bundled:fashion", "--json"]).good().json();
    assert_eq!((&told["pictures"], &told["split"]), (&2500.into(), &"bundled:fashion".into()));
    run(&folder, &["project", "export", "f.difscope", "splits", "--out", "s.json"]).good();
    let splits: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("s.json")).unwrap()).unwrap();
    assert_eq!(splits[0]["split"]["items"].as_array().unwrap().len(), 2500);

    write(&folder, "text.difscope", &b"not a project ".repeat(100));
    run(&folder, &["project", "list", "text.difscope"]).refused(1, &["text.difscope", "not a project file"]);
    run(&folder, &["project", "list", "gone.difscope"]).refused(1, &["gone.difscope", "not there"]);
    run(&folder, &["project", "import", "text.difscope", "zoo"]).refused(1, &["not a project file"]);
}

#[test]
fn labels_of_the_window_are_listed_and_exported() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("w.difscope");
    let mut project = Project::create(&path).unwrap();
    let key = |number: u8| PictureKey { digest: [number; 32], place: format!("/a/{number}.png") };
    let pictures = [key(1), key(2), key(3)];
    let classes = serde_json::to_value(Classes::of(&["cat".into(), "owl".into()])).unwrap();
    let of = project.open_labelling("/a", &pictures, &classes, &|_| false).unwrap().labelling;
    let owl = Marked::Class { class: 1, source: LabelSource::Accepted };
    let step = |at: usize, after| MarkStep { picture: pictures[at].clone(), before: Marked::Blank, after };
    project.put_marks(of, "label", &[step(1, owl), step(2, Marked::Unsure)], None).unwrap();
    drop(project);
    let list = run(&folder, &["project", "list", "w.difscope"]).good().out;
    assert!(list.contains("2 pictures, 1 labelled"), "{list}");
    let told = run(&folder, &["project", "list", "w.difscope", "--json"]).good().json();
    assert_eq!(told["labellings"], serde_json::json!([{ "data": "/a", "labels": 1 }]));
    run(&folder, &["project", "export", "w.difscope", "labels", "--out", "w.csv"]).good();
    let text = std::fs::read_to_string(folder.path().join("w.csv")).unwrap();
    let row = format!("/a/2.png,owl,accepted,{}", "02".repeat(32));
    assert_eq!(text.lines().collect::<Vec<_>>(), ["path,label,source,digest", &row]);
    // With the marks that are no label, for other programs.
    run(&folder, &["labels", "export", "w.difscope", "--format", "csv", "--out", "all.csv"]).good();
    let text = std::fs::read_to_string(folder.path().join("all.csv")).unwrap();
    let line = |number: u8| text.lines().find(|line| line.contains(&format!("{number}.png"))).unwrap();
    assert!(line(2).contains(",owl,accepted,") && line(3).ends_with("unsure"), "{text}");
}
