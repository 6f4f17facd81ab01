use std::fs;

use super::*;
use crate::data::duplicates::Duplicates;

/// A colour picture that is another for every `seed`.
fn picture(path: &Path, seed: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    pixels(seed).save(path).unwrap();
}

fn pixels(seed: u32) -> image::RgbImage {
    image::RgbImage::from_fn(24, 24, |x, y| {
        let value = |salt: u32| ((x / 3 * 7 + salt) * (y / 3 * 5 + seed * 31 + 1) % 223) as u8;
        image::Rgb([value(1), value(2), value(3)])
    })
}

fn open(path: &Path) -> Result<DataSet> {
    DataSet::open(path, &|| false)
}

fn why(path: &Path) -> String {
    open(path).unwrap_err().to_string()
}

fn items(set: &DataSet) -> Vec<(&str, Option<&str>, Option<Part>)> {
    let class = |item: &Item| item.class.map(|class| set.classes[class].as_str());
    set.items.iter().map(|item| (item.name.as_str(), class(item), item.given)).collect()
}

fn cifar(labels: &[u8]) -> Vec<u8> {
    labels.iter().flat_map(|&label| [vec![label], vec![label * 20; 3072]].concat()).collect()
}

#[test]
fn a_folder_has_a_class_for_each_folder() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (seed, name) in
        ["dog/2.png", "dog/10.png", "cat/deep/a.png", "Zebra/z.png", "loose.png", ".git/x.png"]
            .iter()
            .enumerate()
    {
        picture(&at(name), seed as u32);
    }
    fs::write(at("dog/notes.txt"), "woof").unwrap();
    let set = open(folder.path()).unwrap();
    assert_eq!(set.classes, ["Zebra", "cat", "dog"], "sorted by bytes");
    assert_eq!(
        items(&set),
        [
            ("cat/deep/a.png", Some("cat"), None),
            ("dog/2.png", Some("dog"), None),
            ("dog/10.png", Some("dog"), None),
            ("Zebra/z.png", Some("Zebra"), None),
            ("loose.png", None, None),
        ]
    );
    assert_eq!((set.counts(), set.unlabelled()), (vec![1, 1, 2], 1));
    assert_eq!(set.unreadable.len(), 1);
    assert!(set.unreadable[0].path.ends_with("dog/notes.txt"));
    assert_eq!(set.items[0].source.open().unwrap().width, 24);
}

#[test]
fn sets_that_teach_nothing_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert!(why(&at("gone")).contains("deleted"));
    picture(&at("flat/a.png"), 1);
    assert!(why(&at("flat")).contains("one folder per class"));
    assert!(why(&at("flat/a.png")).contains("not a data set"));
    picture(&at("one/cat/a.png"), 1);
    assert!(why(&at("one")).contains("one class, cat"));
    fs::create_dir(at("one/dog")).unwrap();
    assert!(why(&at("one")).contains("class dog has no picture"));
    fs::write(at("one/dog/b.png"), b"").unwrap();
    let error = why(&at("one"));
    assert!(error.contains("class dog") && error.contains("b.png") && error.contains("empty"), "{error}");
    assert!(why(Path::new("bundled:photos")).contains("bundled:fashion"));
    let mut asked = 0;
    let cancelled = std::cell::RefCell::new(&mut asked);
    let cancel = || {
        **cancelled.borrow_mut() += 1;
        true
    };
    assert!(DataSet::open(&at("one"), &cancel).unwrap_err().is_cancelled());
}

#[test]
fn idx_files_are_a_set_with_parts() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let images = |count: u8| {
        [&[0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 1, 0, 0, 0, 1], &vec![7; count.into()][..]].concat()
    };
    let labels = |labels: &[u8]| [&[0, 0, 8, 1, 0, 0, 0, labels.len() as u8], labels].concat();
    fs::write(at("train-images-idx3-ubyte"), images(3)).unwrap();
    assert!(why(&at("train-images-idx3-ubyte")).contains("no labels file"));
    fs::write(at("train-labels-idx1-ubyte"), labels(&[9, 2])).unwrap();
    assert!(why(folder.path()).contains("3 pictures, but 2 labels"));
    fs::write(at("train-labels-idx1-ubyte"), labels(&[9, 2, 10])).unwrap();
    fs::write(at("t10k-images-idx3-ubyte"), images(1)).unwrap();
    fs::write(at("t10k-labels-idx1-ubyte"), labels(&[2])).unwrap();
    let set = open(folder.path()).unwrap();
    assert_eq!(set.classes, ["2", "9", "10"], "ordered by number");
    assert_eq!(
        items(&set),
        [
            ("t10k-images-idx3-ubyte#0", Some("2"), Some(Part::Test)),
            ("train-images-idx3-ubyte#0", Some("9"), Some(Part::Train)),
            ("train-images-idx3-ubyte#1", Some("2"), Some(Part::Train)),
            ("train-images-idx3-ubyte#2", Some("10"), Some(Part::Train)),
        ]
    );
    for file in ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"] {
        let set = open(&at(file)).unwrap();
        assert_eq!((set.items.len(), set.items[0].given), (3, None), "{file}");
    }
    fs::remove_file(at("train-images-idx3-ubyte")).unwrap();
    assert!(why(&at("train-labels-idx1-ubyte")).contains("without the images file"));
}

#[test]
fn cifar_batches_are_a_set_with_names_and_parts() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("data_batch_1.bin"), cifar(&[1, 0])).unwrap();
    fs::write(at("test_batch.bin"), cifar(&[1])).unwrap();
    fs::write(at("batches.meta.txt"), "plane\ncar\n").unwrap();
    let set = open(folder.path()).unwrap();
    assert_eq!(set.classes, ["plane", "car"], "ordered by number");
    assert_eq!(
        items(&set),
        [
            ("data_batch_1.bin#0", Some("car"), Some(Part::Train)),
            ("data_batch_1.bin#1", Some("plane"), Some(Part::Train)),
            ("test_batch.bin#0", Some("car"), Some(Part::Test)),
        ]
    );
    let read = set.items[0].source.open().unwrap();
    assert_eq!((read.width, read.height, read.rgb[0]), (32, 32, 20));
    assert_eq!(set.items[1].source.class_name().unwrap(), "plane");
    // What the set calls a picture can be given again.
    let again = set.items[1].source.argument().unwrap();
    let mut found = Vec::new();
    crate::data::scan(&[again.into()], &|| false, &mut |sources| found.extend(sources)).unwrap();
    assert_eq!(found[0].open().unwrap().digest, set.items[1].source.open().unwrap().digest);
    assert_eq!(open(&at("data_batch_1.bin")).unwrap().items.len(), 2);
}

#[test]
fn a_table_is_read_with_its_faults() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (seed, name) in ["a.png", "in, side/b.png", "c.png", "d.png"].iter().enumerate() {
        picture(&at(name), seed as u32);
    }
    let table = at("set.csv");
    let write = |rows: &str| fs::write(&table, format!("path,label,part\n{rows}")).unwrap();
    write(
        "a.png,cat,train\n\"in, side/b.png\",\"the \"\"dog\"\"\",test\nc.png,,\ngone.png,cat,\n,cat,\na.png,cat,\nd.png,cat,\n",
    );
    let set = open(&table).unwrap();
    assert_eq!(
        items(&set),
        [
            ("a.png", Some("cat"), Some(Part::Train)),
            ("in, side/b.png", Some("the \"dog\""), Some(Part::Test)),
            ("c.png", None, None),
            ("d.png", Some("cat"), None),
        ]
    );
    let why_skipped: Vec<&str> = set.unreadable.iter().map(|skipped| skipped.why.as_str()).collect();
    assert!(why_skipped[0].starts_with("line 5: ") && why_skipped[0].contains("deleted"), "{why_skipped:?}");
    assert_eq!(why_skipped[1..], ["line 6: no path", "line 7: stands in line 2 already"]);

    write("a.png,cat,\na.png,dog,\n");
    assert!(why(&table).contains("line 3") && why(&table).contains("\"dog\" here and \"cat\" in line 2"));
    write("a.png,cat,learn\n");
    assert!(why(&table).contains("line 2") && why(&table).contains("train, validation or test"));
    write("a.png,cat,\ngone.png,dog,\n");
    assert!(why(&table).contains("class dog") && why(&table).contains("gone.png"));
    write("bundled:fashion/test#0,cat,\nbundled:chelsea.png,dog,\nbundled:photos,dog,\n");
    let set = open(&table).unwrap();
    assert_eq!(set.items.len(), 2);
    assert!(set.unreadable[0].why.contains("many pictures"));
    fs::write(&table, "file,label\na.png,cat\n").unwrap();
    assert!(why(&table).contains("`path`"));
}

#[test]
fn the_bundled_set_has_both_parts() {
    let set = open(Path::new("bundled:fashion")).unwrap();
    assert_eq!((set.items.len(), set.classes.len()), (2500, 10));
    assert_eq!(set.classes[0], "T-shirt/top", "ordered by number");
    assert_eq!(set.items.iter().filter(|item| item.given == Some(Part::Train)).count(), 500);
    assert_eq!(set.items[500].name, "bundled:fashion/test#0");
    let names: std::collections::HashSet<_> = set.items.iter().map(|item| &item.name).collect();
    assert_eq!(names.len(), 2500);
    assert_eq!(open(Path::new("bundled:fashion/test")).unwrap().items.len(), 2000);
}

#[test]
fn a_class_table_changes_the_set() {
    let folder = tempfile::tempdir().unwrap();
    for (seed, name) in ["ant/1.png", "bee/2.png", "cow/3.png", "dog/4.png", "0.png"].iter().enumerate() {
        picture(&folder.path().join(name), seed as u32);
    }
    let set = open(folder.path()).unwrap();
    let table = set.class_table().merge(0, 1).unwrap().rename(1, "insect").unwrap();
    let changed = set.with(&table.include(3, false).unwrap()).unwrap();
    assert_eq!(changed.classes, ["insect", "cow"]);
    let classes: Vec<_> = items(&changed).into_iter().map(|(name, class, _)| (name, class)).collect();
    assert_eq!(
        classes,
        [
            ("ant/1.png", Some("insect")),
            ("bee/2.png", Some("insect")),
            ("cow/3.png", Some("cow")),
            ("0.png", None)
        ]
    );
    let one = table.include(2, false).unwrap().include(3, false).unwrap();
    assert!(set.with(&one).unwrap_err().to_string().contains("one class, insect"));
    assert!(changed.with(&table).is_err());
}

#[test]
fn fingerprints_find_what_cannot_be_decoded_and_what_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    picture(&at("cat/a.png"), 1);
    picture(&at("dog/b.png"), 2);
    picture(&at("dog/c.png"), 3);
    fs::copy(at("cat/a.png"), at("dog/copy.png")).unwrap();
    pixels(3).save(at("cat/other format.bmp")).unwrap();
    let whole = fs::read(at("dog/c.png")).unwrap();
    fs::write(at("dog/cut.png"), &whole[..whole.len() / 2]).unwrap();
    let mut set = open(folder.path()).unwrap();
    assert_eq!(set.items.len(), 6);
    let mut seen = Vec::new();
    let prints = set
        .fingerprints(&mut |done, total| {
            seen.push((done, total));
            true
        })
        .unwrap();
    assert_eq!(seen, [(0, 6)]);
    assert_eq!((set.items.len(), prints.len(), set.unreadable.len()), (5, 5, 1));
    assert!(set.unreadable[0].path.ends_with("dog/cut.png"));
    for (item, print) in set.items.iter().zip(&prints) {
        assert_eq!(print.digest.0, item.source.open().unwrap().digest);
    }
    let names: Vec<Vec<&str>> = Duplicates::of(&prints)
        .exact
        .iter()
        .map(|list| list.iter().map(|&at| set.items[at].name.as_str()).collect())
        .collect();
    assert_eq!(names, [["cat/a.png", "dog/copy.png"], ["cat/other format.bmp", "dog/c.png"]]);

    let hex = prints[0].digest.to_string();
    assert_eq!(hex.parse::<Digest>(), Ok(prints[0].digest));
    assert_eq!(serde_json::to_string(&prints[0].digest).unwrap(), format!("\"{hex}\""));
    assert!("xyz".parse::<Digest>().is_err());

    assert!(set.fingerprints(&mut |_, _| false).unwrap_err().is_cancelled());
    fs::write(at("cat/a.png"), &whole[..40]).unwrap();
    fs::remove_file(at("cat/other format.bmp")).unwrap();
    let error = set.fingerprints(&mut |_, _| true).unwrap_err().to_string();
    assert!(error.contains("class cat has no picture"), "{error}");
}

#[test]
fn pictures_without_classes_are_a_set_where_nothing_is_to_be_learned() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let pictures = |name: &str| DataSet::pictures(&at(name), &|| false);
    fs::create_dir(at("loose")).unwrap();
    assert!(pictures("loose").unwrap_err().to_string().contains("no pictures in this folder"));
    fs::write(at("loose/notes.txt"), "no picture").unwrap();
    assert!(pictures("loose").unwrap_err().to_string().contains("no picture in it can be read"));
    for name in ["b.png", "a.png"] {
        image::GrayImage::new(3, 3).save(at("loose").join(name)).unwrap();
    }
    let set = pictures("loose").unwrap();
    assert_eq!(items(&set), [("a.png", None, None), ("b.png", None, None)]);
    assert!(set.classes.is_empty() && set.check_classes().unwrap_err().to_string().contains("has a class"));
    assert!(why(&at("loose")).contains("one folder per class"), "labels are needed elsewhere");
    // Classes that are there are told, also a single one.
    fs::create_dir(at("loose/cat")).unwrap();
    fs::rename(at("loose/a.png"), at("loose/cat/a.png")).unwrap();
    assert_eq!(items(&pictures("loose").unwrap()), [("cat/a.png", Some("cat"), None), ("b.png", None, None)]);
    fs::write(at("set.csv"), "path\nloose/b.png\n").unwrap();
    assert_eq!(items(&pictures("set.csv").unwrap()), [("loose/b.png", None, None)]);
    let images = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1], &[7u8, 8][..]].concat();
    fs::write(at("train-images-idx3-ubyte"), images).unwrap();
    let set = pictures("train-images-idx3-ubyte").unwrap();
    assert_eq!((set.items.len(), set.unlabelled()), (2, 2));
}
