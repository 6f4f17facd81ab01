//! What other programs get, to the byte, and what comes back from it.

use std::path::Path;

use super::*;

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

fn config(format: ExportFormat, suggestions: bool) -> ExportConfig {
    ExportConfig { format, suggestions, ..ExportConfig::default() }
}

#[track_caller]
fn same(found: Vec<u8>, golden: &str, name: &str) {
    let found = text(found);
    if std::env::var_os("UPDATE_LABEL_FILES").is_some() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/study/label/exchange/tests/golden");
        std::fs::write(folder.join(name), &found).unwrap();
        return;
    }
    assert_eq!(found, golden, "{name}");
}

macro_rules! golden {
    ($found:expr, $name:literal) => {
        same($found, include_str!(concat!("golden/", $name)), $name)
    };
}

#[test]
fn every_format_is_as_it_was() {
    let set = birds();
    let folder = Path::new("/birds");
    golden!(table::csv(&set, folder, false).unwrap(), "labels.csv");
    golden!(table::csv(&set, folder, true).unwrap(), "suggested.csv");
    let tasks = |suggestions| {
        label_studio::tasks(&set, &config(ExportFormat::LabelStudio, suggestions), folder).unwrap()
    };
    golden!(tasks(true), "tasks.json");
    golden!(label_studio::interface(&set).unwrap(), "tasks.xml");
    assert!(!text(tasks(false)).contains("predictions"));
    golden!(coco::annotations(&set, folder).unwrap(), "coco.json");
    golden!(coco::results(&set).unwrap(), "coco.suggestions.json");
    let files = fiftyone::files(&set, Path::new("/birds/a"), true).unwrap();
    assert_eq!(
        files.iter().map(|file| file.0).collect::<Vec<_>>(),
        ["labels.json", "data.json", "marks.json", "suggestions.json"]
    );
    golden!(files[0].1.clone(), "labels.json");
    golden!(files[1].1.clone(), "data.json");
    golden!(files[2].1.clone(), "marks.json");
    golden!(files[3].1.clone(), "suggestions.json");
    golden!(projector::metadata(&set, folder, false, true), "metadata.tsv");
    let vectors = Vectors { width: 2, values: vec![0.5, -1.0, 1e-9, 3.0, 0.1, 16777216.0] };
    golden!(projector::vectors(&vectors), "vectors.tsv");
}

#[test]
fn what_label_studio_and_coco_get_comes_back() {
    let set = birds();
    let folder = Path::new("/birds");
    let tasks = label_studio::tasks(&set, &config(ExportFormat::LabelStudio, true), folder).unwrap();
    for json in [text(tasks), text(coco::annotations(&set, folder).unwrap())] {
        let imported = import_json(&json, "j", folder, &set.known(), &names(&set)).unwrap();
        let came: Vec<_> =
            imported.taken.iter().map(|taken| (taken.picture, taken.mark, taken.made)).collect();
        let want: Vec<_> =
            set.pictures.iter().enumerate().map(|(at, picture)| (at, picture.mark, picture.made)).collect();
        assert_eq!(came, want);
    }
}

#[test]
fn tasks_of_others_are_read() {
    let set = birds();
    let tasks = r#"[
      {"id": 1, "data": {"image": "/data/local-files/?d=birds/a/1.png"},
       "annotations": [{"id": 3, "completed_by": 1, "created_at": "2021-03-09T22:16:08.728353Z",
         "result": [{"from_name": "kind", "to_name": "img", "type": "choices", "value": {"choices": ["owl"]}}]}],
       "predictions": [{"result": [{"from_name": "kind", "value": {"choices": ["wren"]}}]}]},
      {"data": {"image": "/data/upload/7/0a1b2c3d-6.png"},
       "annotations": [{"result": [{"from_name": "kind", "value": {"choices": ["wren"]}}]}]},
      {"data": {"image": "https://pictures.example/x/5.png?key=1"},
       "annotations": [{"was_cancelled": true,
         "result": [{"from_name": "kind", "value": {"choices": ["wren"]}}]}]},
      {"data": {"image": "4.png"}, "annotations": [
         {"result": [{"from_name": "kind", "value": {"choices": ["wren"]}}]},
         {"result": [{"from_name": "kind", "value": {"choices": ["owl"]}}]}]},
      {"data": {"image": "a/1.jpg"}, "annotations": [
         {"result": [{"from_name": "kind", "value": {"choices": ["wren", "owl"]}}]}]},
      {"data": {"image": "gone.png"}, "annotations": []}
    ]"#;
    let imported = import_json(tasks, "j", Path::new("/other"), &set.known(), &names(&set)).unwrap();
    let came: Vec<_> = imported.taken.iter().map(|taken| (taken.picture, taken.mark, taken.made)).collect();
    assert_eq!(
        came,
        [
            (0, class(2, LabelSource::Bulk), Some(1_615_328_168_728)),
            (5, class(0, LabelSource::Bulk), None),
            (4, Mark::Blank, None),
        ]
    );
    assert_eq!(imported.new_classes(), ["owl"]);
    let whys: Vec<(u64, &str)> =
        imported.unused.iter().map(|unused| (unused.line, unused.why.as_str())).collect();
    assert!(whys[0].0 == 4 && whys[0].1.contains("different things"), "{whys:?}");
    assert!(whys[1].0 == 5 && whys[1].1.contains("more than one class"), "{whys:?}");
    assert!(whys[2].0 == 6 && whys[2].1.contains("neither the path"), "{whys:?}");
}

#[test]
fn annotations_of_others_are_read() {
    let set = birds();
    let coco = r#"{"images": [{"id": "x", "file_name": "1.png", "width": 4}, {"id": 7, "file_name": "6.png"},
         {"id": 8, "file_name": "5.png"}, {"id": 9, "file_name": "4.png"}],
      "annotations": [{"id": 1, "image_id": "x", "category_id": 30, "bbox": [0, 0, 1, 1], "iscrowd": 0},
         {"id": 2, "image_id": "x", "category_id": 30}, {"id": 3, "image_id": 8, "category_id": 30},
         {"id": 4, "image_id": 8, "category_id": 31}, {"id": 5, "image_id": 9, "category_id": 32}],
      "categories": [{"id": 30, "name": "wren"}, {"id": 31, "name": "owl", "supercategory": "bird"}]}"#;
    let imported = import_json(coco, "j", Path::new("/other"), &set.known(), &names(&set)).unwrap();
    let came: Vec<_> = imported.taken.iter().map(|taken| (taken.picture, taken.mark)).collect();
    assert_eq!(came, [(0, class(0, LabelSource::Bulk)), (5, Mark::Blank)]);
    assert!(imported.unused[0].why.contains("several categories"), "{:?}", imported.unused);
    assert!(imported.unused[1].why.contains("32 is not listed"), "{:?}", imported.unused);
    for (text, words) in
        [("{}", "images"), ("[1]", "tasks"), ("7", "neither"), ("", "neither"), ("[{", "tasks")]
    {
        let error = import_json(text, "j.json", Path::new(""), &[], &[]).unwrap_err().to_string();
        assert!(error.contains("j.json") && error.contains(words), "{text}: {error}");
    }
}

#[test]
fn addresses_follow_from_the_folder_that_is_served() {
    let set = birds();
    let mut config = config(ExportFormat::LabelStudio, false);
    let served = label_studio::served(&set, &config).unwrap().unwrap();
    assert_eq!((served.root.as_path(), served.storage.as_path()), (Path::new("/"), Path::new("/birds")));
    config.root = Some("/birds".into());
    let tasks = text(label_studio::tasks(&set, &config, Path::new("/x")).unwrap());
    assert!(tasks.contains("/data/local-files/?d=%C3%BCnder%2C%20%22b%22/2%20%233.png"), "{tasks}");
    config.root = Some("/birds/a".into());
    let error = label_studio::tasks(&set, &config, Path::new("/x")).unwrap_err().to_string();
    assert!(error.contains("choose a folder above /birds"), "{error}");
    let mut odd = set;
    odd.classes[0].name = "a\u{1}b".into();
    assert!(label_studio::interface(&odd).unwrap_err().to_string().contains("rename"));
    odd.classes[0].name = "a\tb".into();
    assert!(text(label_studio::interface(&odd).unwrap()).contains("value=\"a&#9;b\""));
}

#[test]
fn the_projector_gets_a_line_for_each_vector() {
    let mut set = birds();
    set.classes[0].name = "two\nlines\tand a tab".into();
    set.classes[1].name = " ".into();
    let single = text(projector::metadata(&set, Path::new("/birds"), true, true));
    // The projector skips lines of blanks, and takes a first line with a tab for a header.
    assert_eq!(single, "two lines and a tab\n\" \"\n\" \"\nunsure\nnone\nunlabelled\n");
    let many = text(projector::metadata(&set, Path::new("/birds"), false, false));
    assert!(many.starts_with("label\tsource\tpath\ntwo lines and a tab\thand\ta/1.png\n"), "{many}");
    assert!(many.lines().all(|line| line.split('\t').count() == 3));
    let check = |width: usize, values: &[f32]| Vectors { width, values: values.to_vec() }.check(2);
    assert!(check(2, &[0.0; 4]).is_ok());
    assert!(check(1, &[0.0; 2]).unwrap_err().to_string().contains("at least 2"));
    assert!(check(2, &[0.0; 3]).is_err() && check(usize::MAX, &[0.0; 3]).is_err());
    assert!(check(2, &[0.0, 1.0, f32::NAN, 1.0]).unwrap_err().to_string().contains("picture 2"));
}

#[test]
fn files_are_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let set = birds();
    let at = |name: &str| folder.path().join(name);
    let vectors = Vectors { width: 2, values: vec![0.5; 12] };
    for (format, name, count) in [
        (ExportFormat::Csv, "l.csv", 1),
        (ExportFormat::LabelStudio, "tasks.json", 2),
        (ExportFormat::Coco, "coco.json", 2),
        (ExportFormat::Fiftyone, "fo", 4),
        (ExportFormat::Projector, "projector", 2),
    ] {
        let config = config(format, true);
        let write = |force| export(&set, &config, &at(name), Some(&vectors), force);
        let exported = write(false).unwrap();
        assert_eq!((exported.pictures, exported.labelled, exported.written.len()), (6, 3, count), "{format}");
        let mut listed = files(&config, &at(name));
        listed.retain(|path| path.exists());
        assert_eq!(exported.written.len(), listed.len(), "{format}");
        assert!(exported.written.iter().all(|path| listed.contains(path)), "{format}");
        let before = std::fs::read(&exported.written[0]).unwrap();
        // The last of its files alone is in the way, too.
        std::fs::remove_file(&exported.written[0]).unwrap();
        if count > 1 {
            assert!(matches!(write(false), Err(Error::Exists(_))), "{format}");
            assert!(!exported.written[0].exists(), "{format}");
        }
        assert_eq!(write(true).unwrap(), exported, "{format}");
        assert_eq!(std::fs::read(&exported.written[0]).unwrap(), before, "{format}");
    }
    // What an earlier export had more is gone: it would be taken for a part of this one.
    let fewer = config(ExportFormat::Fiftyone, false);
    export(&set, &fewer, &at("fo"), None, true).unwrap();
    assert!(!at("fo/suggestions.json").exists() && at("fo/marks.json").exists());

    let refuse = |format, name: &str| {
        export(&set, &config(format, false), &at(name), None, false).unwrap_err().to_string()
    };
    assert!(refuse(ExportFormat::Csv, "l.txt").contains(".csv"));
    assert!(refuse(ExportFormat::Coco, "l.csv").contains(".json"));
    assert!(refuse(ExportFormat::Projector, "p2").contains("difscope extract") && !at("p2").exists());
    assert!(refuse(ExportFormat::Csv, "no/folder.csv").contains("folder.csv"));
    let mut odd = set.clone();
    odd.pictures[0].mark = class(9, LabelSource::Hand);
    assert!(export(&odd, &config(ExportFormat::Csv, false), &at("odd.csv"), None, false).is_err());
    assert!(!at("odd.csv").exists());
    odd.pictures[0] = odd.pictures[1].clone();
    assert!(odd.check().unwrap_err().to_string().contains("two pictures"));
}

#[test]
fn names_in_flags_are_those_in_files() {
    for format in ExportFormat::ALL {
        assert_eq!(format.to_string().parse::<ExportFormat>().unwrap(), format);
        assert_eq!(serde_json::to_value(format).unwrap(), format.name());
    }
    for how in Carry::ALL {
        assert_eq!(how.name().parse::<Carry>().unwrap(), how);
        assert_eq!(serde_json::to_value(how).unwrap(), how.name());
    }
    assert!("zip".parse::<ExportFormat>().unwrap_err().to_string().contains("csv, folders"));
}
