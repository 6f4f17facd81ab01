//! Tables: those written here come back exactly, those of others as far as they say something.

use std::path::Path;

use proptest::prelude::*;

use super::*;

fn table_of(set: &LabelSet, folder: &str) -> String {
    String::from_utf8(table::csv(set, Path::new(folder), false).unwrap()).unwrap()
}

fn import_at(text: &str, folder: &str, set: &LabelSet) -> Imported {
    import_csv(text, "labels.csv", Path::new(folder), &set.known(), &names(set)).unwrap()
}

/// What came in of each picture, as the set has it.
fn came(imported: &Imported, pictures: usize) -> Vec<Option<(Mark, Option<i64>)>> {
    let mut came = vec![None; pictures];
    for taken in &imported.taken {
        assert_eq!(came[taken.picture], None, "a picture has one label");
        came[taken.picture] = Some((taken.mark, taken.made));
    }
    came
}

fn all(set: &LabelSet) -> Vec<Option<(Mark, Option<i64>)>> {
    set.pictures.iter().map(|picture| Some((picture.mark, picture.made))).collect()
}

#[test]
fn a_table_says_all_and_comes_back_wherever_it_stands() {
    let set = birds();
    for folder in ["/birds", "/birds/a", "/elsewhere"] {
        let text = table_of(&set, folder);
        let imported = import_at(&text, folder, &set);
        assert_eq!(came(&imported, 6), all(&set), "{folder}");
        assert!(imported.unused.is_empty() && imported.new_classes().is_empty());
        assert!(imported.taken.iter().all(|taken| taken.by == FoundBy::Path));
    }
    assert!(
        table_of(&set, "/elsewhere").contains("\n/birds/a/1.png,wren,hand,2025-11-25T17:25:29.124Z,0101")
    );
}

#[test]
fn a_suggestion_is_no_label() {
    let mut set = birds();
    let with = String::from_utf8(table::csv(&set, Path::new("/birds"), true).unwrap()).unwrap();
    let last = with.lines().last().unwrap();
    assert!(
        last.starts_with("6.png,,,,0606") && last.ends_with(",,\"great \"\"tit\"\", <m&f>\",0.9"),
        "{last}"
    );
    assert!(!table_of(&set, "/birds").contains("0.9"));
    assert_eq!(came(&import_at(&with, "/birds", &set), 6), all(&set));
    // Only who asks for it reads it.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("answers.csv");
    std::fs::write(&file, &with).unwrap();
    let (guesses, others) = read_guesses(&file, Path::new("/birds"), &set.known()).unwrap();
    assert_eq!((guesses.len(), guesses[1].picture, guesses[1].confidence, others), (2, 5, 0.9, 0));
    std::fs::write(&file, "path,label,confidence,p_wren\n/birds/6.png,wren,0.5,0.5\nx.png,wren,1,1\n")
        .unwrap();
    let (guesses, others) = read_guesses(&file, Path::new(""), &set.known()).unwrap();
    assert_eq!((guesses[0].picture, guesses[0].class.as_str(), others), (5, "wren", 1));
    std::fs::write(&file, "path,label,confidence\n6.png,wren,2\n").unwrap();
    let error = read_guesses(&file, Path::new(""), &set.known()).unwrap_err().to_string();
    assert!(error.contains("line 2") && error.contains("from 0 to 1"), "{error}");
    set.pictures[0].suggestion = Some(Suggested { class: 9, confidence: 0.5 });
    assert!(set.check().is_err());
}

#[test]
fn moved_pictures_are_found_by_content_and_the_rest_is_listed() {
    let mut set = birds();
    let text = table_of(&set, "/birds");
    // Two change places, one is gone elsewhere, and one is another picture now.
    let places: Vec<String> = set.pictures.iter().map(|picture| picture.place.clone()).collect();
    set.pictures[0].place = places[1].clone();
    set.pictures[1].place = places[0].clone();
    set.pictures[2].place = "/far/away.png".into();
    set.pictures[3].digest = Some(digest(99));
    let imported = import_at(&text, "/birds", &set);
    let mut want = all(&set);
    want[3] = None;
    assert_eq!(came(&imported, 6), want);
    let by = |picture: usize| imported.taken.iter().find(|taken| taken.picture == picture).unwrap().by;
    assert_eq!(
        [by(0), by(1), by(2), by(4)],
        [FoundBy::Content, FoundBy::Content, FoundBy::Content, FoundBy::Path]
    );
    assert_eq!(imported.unused.len(), 1);
    assert_eq!((imported.unused[0].line, imported.unused[0].path.as_str()), (5, "4.png"));
    assert!(imported.unused[0].why.contains("another picture is at this path now"));
}

#[test]
fn a_picture_that_is_there_twice_keeps_both_labels() {
    let mut set = birds();
    set.pictures[1].digest = set.pictures[0].digest;
    let text = table_of(&set, "/birds");
    set.pictures[0].place = "/birds/b/1.png".into();
    set.pictures[1].place = "/birds/b/1.jpg".into();
    assert_eq!(came(&import_at(&text, "/birds", &set), 6), all(&set));
    // A third line of the same content has no picture left.
    let more = text + &format!("c.png,wren,hand,,{},\n", digest(1));
    let imported = import_at(&more, "/birds", &set);
    assert!(
        imported.unused[0].why.contains("line 2") && imported.unused[0].line == 8,
        "{:?}",
        imported.unused
    );
}

#[test]
fn tables_of_others_are_read() {
    let set = birds();
    let wren = Some((class(0, LabelSource::Bulk), None));
    let owl = Some((class(2, LabelSource::Bulk), None));
    for text in [
        "path,label\na/1.png,wren\n6.png, owl \n",
        "filename;class\r\na/1.png;wren\r\n6.png;owl\r\n",
        "\u{feff}Image\tLabel\n/birds/a/1.png\twren\nbirds/6.png\towl\n",
        ",image_path,target\n0,a\\1.png,wren\n1,.\\6.png,owl",
        "category,file\nwren,../birds/a/1.png\nowl,6.png\n",
    ] {
        let imported = import_at(text, "/birds", &set);
        let came = came(&imported, 6);
        assert_eq!(
            (came[0], came[5], imported.new_classes()),
            (wren, owl, &["owl".to_string()][..]),
            "{text:?}"
        );
        assert_eq!(imported.taken.len(), 2, "{text:?}");
    }
    // Elsewhere the end of the path tells, where it tells one picture.
    let imported = import_at("path,label\n6.png,wren\na/1.png,owl\n1.png,owl\n.png,owl\n", "/other", &set);
    assert_eq!((came(&imported, 6)[5], came(&imported, 6)[0]), (wren, owl));
    assert_eq!(imported.taken[0].by, FoundBy::Ending);
    assert_eq!(imported.unused.iter().map(|unused| unused.line).collect::<Vec<_>>(), [4, 5]);
    let mut twice = birds();
    twice.pictures[1].place = "/birds/b/1.png".into();
    let imported = import_at("path,label\n1.png,owl\n", "/other", &twice);
    assert!(imported.taken.is_empty() && imported.new_classes().is_empty(), "no class without a picture");
    assert!(imported.unused[0].why.starts_with("2 pictures"), "{:?}", imported.unused);
}

#[test]
fn lines_that_say_nothing_sound_are_listed_with_why() {
    let set = birds();
    let text = "path,label,source,made,digest,mark\n\
                a/1.png,wren,hand,,,\n\
                a/1.png,owl,hand,,,\n\
                a/1.png,wren,hand,,,\n\
                a/1.jpg,wren,guess,,,\n\
                4.png,wren,,,,unsure\n\
                4.png,,,,,perhaps\n\
                5.png,wren,,yesterday,,\n\
                6.png,wren,,,12ab,\n\
                ,wren,,,,\n";
    let imported = import_at(text, "/birds", &set);
    assert_eq!(imported.taken.len(), 1);
    let whys: Vec<(u64, &str)> =
        imported.unused.iter().map(|unused| (unused.line, unused.why.as_str())).collect();
    for (at, (line, words)) in [
        (3, "\"wren\" of this picture, and this one \"owl\""),
        (4, "from line 2 already"),
        (5, "\"guess\" is no source"),
        (6, "\"wren\" and \"unsure\" at once"),
        (7, "\"perhaps\" is no mark"),
        (8, "no date and time"),
        (9, "no digest"),
        (10, "no path"),
    ]
    .into_iter()
    .enumerate()
    {
        assert!(whys[at].0 == line && whys[at].1.contains(words), "{:?} is not {line} {words}", whys[at]);
    }
    assert_eq!(whys.len(), 8);
}

#[test]
fn what_is_no_table_of_labels_is_refused() {
    let set = birds();
    let why = |text: &str| {
        let read = import_csv(text, "t.csv", Path::new(""), &set.known(), &[]);
        read.unwrap_err().to_string()
    };
    assert!(why("").contains("empty"));
    assert!(why("a,b\n1,2\n").contains("no column of the path") && why("a,b\n1,2\n").contains("(a, b)"));
    assert!(why("path,b\n1,2\n").contains("no column of the label"));
    let many = (0..5000).map(|n| format!("/p/{n}.png,class {n}\n")).collect::<String>();
    let pictures = (0..5000).map(|n| format!("/p/{n}.png")).collect::<Vec<_>>();
    let known: Vec<Known> = pictures.iter().map(|place| Known { place, digest: None }).collect();
    let read = import_csv(&format!("path,label\n{many}"), "t.csv", Path::new(""), &known, &[]);
    assert!(read.unwrap_err().to_string().contains("another column"));
    let long = format!("path,label\na/1.png,{}\n", "x".repeat(5000));
    assert!(import_at(&long, "/birds", &set).unused[0].why.contains("4096"));

    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        import(&path, &set.known(), &[]).unwrap_err().to_string()
    };
    assert!(file("a.csv", b"path,label\n\xff\xfe").contains("UTF-8"));
    assert!(file("a.xlsx", b"PK").contains(".csv"));
    assert!(import(folder.path(), &[], &[]).unwrap_err().to_string().contains("not a file"));
    assert!(import(&folder.path().join("gone.csv"), &[], &[]).unwrap_err().to_string().contains("gone.csv"));
}

/// Names with everything that a table could stumble over.
fn name() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[a-c ,;\"'\t\n\r#%\\\\:=é名🐦]{1,8}").unwrap()
}

fn mark(classes: usize) -> impl Strategy<Value = Mark> {
    let source = prop_oneof![Just(LabelSource::Hand), Just(LabelSource::Accepted), Just(LabelSource::Bulk)];
    prop_oneof![
        Just(Mark::Blank),
        Just(Mark::Unsure),
        Just(Mark::Outside),
        (0..classes, source).prop_map(|(class, source)| Mark::Class { class, source }),
    ]
}

fn any_set() -> impl Strategy<Value = LabelSet> {
    let classes = proptest::collection::btree_set(name(), 1..5);
    classes.prop_flat_map(|names| {
        let names: Vec<String> = names.into_iter().collect();
        let one = (mark(names.len()), proptest::option::of(any::<i64>()), any::<u8>());
        let pictures = proptest::collection::btree_map((name(), name()), one, 0..12);
        pictures.prop_map(move |pictures| LabelSet {
            classes: classes_of(&names),
            pictures: pictures
                .into_iter()
                .map(|((folder, file), (mark, made, number))| LabelPicture {
                    place: format!("/birds/{folder}/{file}"),
                    digest: (number % 4 > 0).then(|| digest(number)),
                    mark,
                    made,
                    suggestion: None,
                    size: None,
                })
                .collect(),
        })
    })
}

fn classes_of(names: &[String]) -> Vec<LabelClass> {
    classes(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_table_comes_back_exactly(set in any_set(), at in 0..3usize) {
        let folder = ["/birds", "/birds/a", "/"][at];
        let imported = import_at(&table_of(&set, folder), folder, &set);
        prop_assert_eq!(came(&imported, set.pictures.len()), all(&set));
        prop_assert!(imported.unused.is_empty());
        prop_assert_eq!(&imported.classes, &names(&set));
    }

    #[test]
    fn no_text_breaks_the_reader(text in "\\PC{0,80}", head in 0..3usize) {
        let head = ["", "path,label\n", "path,label,source,made,digest,mark\n"][head];
        let _ = import_csv(&(head.to_owned() + &text), "t", Path::new("/birds"), &birds().known(), &[]);
        let _ = import_json(&text, "t", Path::new("/birds"), &birds().known(), &[]);
    }

    #[test]
    fn every_class_has_a_folder_of_its_own_level(name in "\\PC{0,90}") {
        let folder = folders::folder_name(&name);
        let parts: Vec<_> = Path::new(&folder).components().collect();
        prop_assert!(matches!(parts[..], [std::path::Component::Normal(_)]), "{}", folder);
        prop_assert!(!folder.starts_with('.') && !folder.ends_with(['.', ' ']) && folder.len() < 255);
        prop_assert!(!folder.contains(['/', '\\', ':']));
    }
}
