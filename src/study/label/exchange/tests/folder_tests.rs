//! Folders of pictures: planned before, never replacing, and taken back.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;

/// Every file below `folder` with its content; links are told.
fn tree(folder: &Path) -> BTreeMap<String, String> {
    let mut tree = BTreeMap::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(at) = waiting.pop() {
        for entry in fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_string_lossy().replace('\\', "/");
            let link = if path.is_symlink() { "link to " } else { "" };
            if path.is_dir() {
                tree.insert(name + "/", link.into());
                waiting.push(path);
            } else {
                let content = fs::read_to_string(&path).unwrap_or_else(|_| "nothing".into());
                tree.insert(name, link.to_owned() + &content);
            }
        }
    }
    tree
}

fn put(folder: &TempDir, name: &str, content: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

/// Pictures of two classes, one of them with a name that is no folder, and of every other mark.
fn animals(folder: &TempDir) -> LabelSet {
    let marks = [
        ("in/a/1.png", class(0, LabelSource::Hand)),
        ("in/a/2.png", class(1, LabelSource::Hand)),
        ("in/b/3.png", class(1, LabelSource::Bulk)),
        ("in/b/4.png", Mark::Unsure),
        ("in/b/5.png", Mark::Outside),
        ("in/b/6.png", Mark::Blank),
    ];
    let pictures = marks.iter().zip(1..).map(|((name, mark), number)| {
        let path = put(folder, name, name);
        picture(path.to_str().unwrap(), number, *mark)
    });
    LabelSet { classes: classes(&["cat", "dog/wolf..", "none yet"]), pictures: pictures.collect() }
}

fn config(how: Carry) -> ExportConfig {
    ExportConfig { format: ExportFormat::Folders, how, ..ExportConfig::default() }
}

fn plan(set: &LabelSet, config: &ExportConfig, folder: &TempDir) -> FolderPlan {
    FolderPlan::make(set, config, &folder.path().join("out")).unwrap()
}

fn run(plan: &FolderPlan) -> Carried {
    plan.run(&mut |_, _| true).unwrap()
}

#[test]
fn a_plan_lists_everything_and_touches_nothing() {
    let folder = TempDir::new().unwrap();
    let set = animals(&folder);
    let before = tree(folder.path());
    let plan = plan(&set, &config(Carry::Move), &folder);
    assert_eq!(tree(folder.path()), before);
    let folders: Vec<(&str, &str, usize)> =
        plan.folders.iter().map(|f| (f.class.as_str(), f.folder.as_str(), f.pictures)).collect();
    assert_eq!(folders, [("cat", "cat", 1), ("dog/wolf..", "dog_wolf__", 2)]);
    let to: Vec<_> = plan.steps.iter().map(|step| step.to.strip_prefix(&plan.target).unwrap()).collect();
    assert_eq!(to, ["cat/1.png", "dog_wolf__/2.png", "dog_wolf__/3.png"].map(Path::new));
    assert_eq!(plan.left_out, LeftOut { blank: 1, unsure: 1, outside: 1 });
    assert_eq!((plan.conflicts.len(), plan.in_place), (0, 0));
}

#[test]
fn pictures_are_copied_or_linked_and_stay() {
    for how in [Carry::Copy, Carry::Link, Carry::Symlink] {
        let folder = TempDir::new().unwrap();
        let set = animals(&folder);
        let before = tree(&folder.path().join("in"));
        let asked = ExportConfig { unsure: true, outside: true, ..config(how) };
        let carried = run(&plan(&set, &asked, &folder));
        assert_eq!((carried.done, &carried.journal, &carried.stopped), (5, &None, &None));
        assert_eq!(tree(&folder.path().join("in")), before, "{how}");
        let link = if how == Carry::Symlink { "link to " } else { "" };
        let files: BTreeMap<String, String> = [
            ("cat/1.png", "in/a/1.png"),
            ("dog_wolf__/2.png", "in/a/2.png"),
            ("dog_wolf__/3.png", "in/b/3.png"),
            ("_unsure/4.png", "in/b/4.png"),
            ("_none/5.png", "in/b/5.png"),
        ]
        .map(|(name, content)| (name.to_owned(), link.to_owned() + content))
        .into();
        let mut found = tree(&folder.path().join("out"));
        found.retain(|name, _| !name.ends_with('/'));
        assert_eq!(found, files, "{how}");
        // A hard link is the same file, a copy another.
        fs::write(folder.path().join("out/cat/1.png"), "changed").unwrap();
        let original = fs::read_to_string(folder.path().join("in/a/1.png")).unwrap();
        assert_eq!(original == "changed", how != Carry::Copy, "{how}");
    }
}

#[test]
fn moves_are_taken_back_to_the_last_file() {
    let folder = TempDir::new().unwrap();
    let set = animals(&folder);
    let before = tree(folder.path());
    let carried = run(&plan(&set, &config(Carry::Move), &folder));
    let journal = carried.journal.unwrap();
    assert_eq!(carried.done, 3);
    let after = tree(folder.path());
    assert!(!after.contains_key("in/a/1.png") && after["out/cat/1.png"] == "in/a/1.png");
    // Another export beside it has a journal of its own.
    let more = put(&folder, "in/7.png", "in/7.png");
    let mut other = set.clone();
    other.pictures = vec![picture(more.to_str().unwrap(), 7, class(0, LabelSource::Hand))];
    let second = run(&plan(&other, &config(Carry::Move), &folder)).journal.unwrap();
    assert_ne!(second, journal);
    assert_eq!(undo(&second).unwrap().back.len(), 1);
    fs::remove_file(more).unwrap();

    let undone = undo(&journal).unwrap();
    assert_eq!((undone.back.len(), undone.not_moved, undone.conflicts.len()), (3, 0, 0));
    let mut left = tree(folder.path());
    left.remove("out/");
    assert_eq!(left, before, "folders that were made are gone, too");
    assert!(undo(&journal).is_err(), "and so is the journal");
}

#[test]
fn what_is_in_the_way_is_listed_and_nothing_is_done() {
    let folder = TempDir::new().unwrap();
    let mut set = animals(&folder);
    put(&folder, "out/cat/1.png", "older");
    let twin = put(&folder, "in/c/2.png", "twin");
    set.pictures.push(picture(twin.to_str().unwrap(), 7, class(1, LabelSource::Hand)));
    set.pictures.push(picture("/nowhere/8.png", 8, class(1, LabelSource::Hand)));
    set.pictures.push(picture("bundled:fashion/test#1", 9, class(1, LabelSource::Hand)));
    let before = tree(folder.path());
    let planned = plan(&set, &config(Carry::Link), &folder);
    let whys: Vec<(Option<usize>, &str)> =
        planned.conflicts.iter().map(|conflict| (conflict.picture, conflict.why.as_str())).collect();
    for ((picture, why), (want, words)) in whys.iter().zip([
        (0, "something is there under its name already"),
        (6, "another picture of its class has the same name"),
        (7, "cannot be read"),
        (8, "not a file of its own"),
    ]) {
        assert!(*picture == Some(want) && why.contains(words), "{picture:?} {why}");
    }
    assert_eq!(whys.len(), 4);
    let error = planned.run(&mut |_, _| true).unwrap_err().to_string();
    assert!(error.contains("nothing was done") && error.contains("3 more"), "{error}");
    assert_eq!(tree(folder.path()), before);

    // Names may be numbered; what is there stays.
    set.pictures.truncate(7);
    let planned = plan(&set, &ExportConfig { number: true, ..config(Carry::Copy) }, &folder);
    assert_eq!(run(&planned).done, 4);
    let out = tree(&folder.path().join("out"));
    assert_eq!((&*out["cat/1.png"], &*out["cat/1-2.png"]), ("older", "in/a/1.png"));
    assert_eq!((&*out["dog_wolf__/2.png"], &*out["dog_wolf__/2-2.png"]), ("in/a/2.png", "twin"));
}

#[test]
fn classes_do_not_share_folders_and_files_are_no_folders() {
    let folder = TempDir::new().unwrap();
    let mut set = animals(&folder);
    set.classes = classes(&["a/b", "a:b", "c"]);
    put(&folder, "out/a_b", "a file");
    let whys: Vec<String> = plan(&set, &config(Carry::Copy), &folder)
        .conflicts
        .into_iter()
        .map(|conflict| conflict.why)
        .collect();
    assert!(whys.iter().any(|why| why.contains("a/b and a:b would share this folder")), "{whys:?}");
    assert!(whys.iter().any(|why| why.contains("a file is where the folder is to be")), "{whys:?}");
    let file = folder.path().join("out/a_b");
    let inside = FolderPlan::make(&set, &config(Carry::Copy), &file).unwrap();
    assert!(inside.conflicts.iter().any(|conflict| conflict.why.contains("a file is where the target")));
    for (class, want) in [
        ("..", "__"),
        ("", "_"),
        (".hidden", "_.hidden"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("com1", "_com1"),
        ("company", "company"),
        ("a. ", "a__"),
        ("../../etc", "_.._.._etc"),
        ("großer Vogel 名", "großer Vogel 名"),
    ] {
        assert_eq!(folders::folder_name(class), want, "{class}");
    }
}

#[cfg(unix)]
#[test]
fn links_lead_nowhere_else() {
    use std::os::unix::fs::symlink;
    let folder = TempDir::new().unwrap();
    let mut set = animals(&folder);
    fs::create_dir_all(folder.path().join("out")).unwrap();
    symlink(folder.path().join("in"), folder.path().join("out/cat")).unwrap();
    let why =
        |how| plan(&set, &config(how), &folder).conflicts.into_iter().map(|conflict| conflict.why).next();
    assert!(why(Carry::Copy).unwrap().contains("leads out of the target"));
    fs::remove_file(folder.path().join("out/cat")).unwrap();
    assert_eq!(why(Carry::Copy), None);
    // A link is copied as what it leads to, and not moved.
    symlink("1.png", folder.path().join("in/a/link.png")).unwrap();
    set.pictures[0].place = folder.path().join("in/a/link.png").to_str().unwrap().into();
    let moved = plan(&set, &config(Carry::Move), &folder);
    assert!(moved.conflicts[0].why.contains("copy pictures instead"), "{moved:?}");
    for how in [Carry::Link, Carry::Copy] {
        let target = folder.path().join(how.name());
        run(&FolderPlan::make(&set, &config(how), &target).unwrap());
        let link = target.join("cat/link.png");
        assert!(!link.is_symlink() && fs::read_to_string(link).unwrap() == "in/a/1.png");
    }
}

#[test]
fn pictures_in_their_folder_stay_and_others_come_to_them() {
    let folder = TempDir::new().unwrap();
    let mut set = animals(&folder);
    set.pictures.truncate(3);
    run(&plan(&set, &config(Carry::Move), &folder));
    let place = |name: &str| folder.path().join("out").join(name).to_str().unwrap().to_owned();
    set.pictures[0].place = place("cat/1.png");
    set.pictures[1].place = place("dog_wolf__/2.png");
    set.pictures[2].place = place("dog_wolf__/3.png");
    set.pictures[1].mark = class(0, LabelSource::Hand);
    let again = plan(&set, &config(Carry::Move), &folder);
    assert_eq!((again.in_place, again.steps.len(), again.conflicts.len()), (2, 1, 0));
    run(&again);
    assert_eq!(tree(&folder.path().join("out"))["cat/2.png"], "in/a/2.png");
    let nothing = LabelSet { pictures: Vec::new(), ..set };
    assert_eq!(run(&plan(&nothing, &config(Carry::Move), &folder)).journal, None);
}

#[test]
fn a_failure_half_way_says_what_was_moved() {
    let folder = TempDir::new().unwrap();
    let set = animals(&folder);
    let before = tree(&folder.path().join("in"));
    let planned = plan(&set, &config(Carry::Move), &folder);
    // The second picture goes away, and something comes where the third is to be, after the plan was made.
    let second = folder.path().join("in/a/2.png");
    fs::remove_file(&second).unwrap();
    let carried = run(&planned);
    let stopped = carried.stopped.unwrap();
    assert_eq!((carried.done, &stopped.from), (1, &second));
    assert!(stopped.why.unwrap().contains("2.png"));
    fs::write(&second, "in/a/2.png").unwrap();
    let undone = undo(&carried.journal.unwrap()).unwrap();
    assert_eq!((undone.back.len(), undone.not_moved), (1, 1));
    assert_eq!(tree(&folder.path().join("in")), before);

    put(&folder, "out/dog_wolf__/3.png", "stranger");
    let carried = run(&planned);
    assert_eq!(carried.done, 2);
    assert!(carried.stopped.unwrap().why.unwrap().contains("exists already"));
    assert_eq!(fs::read_to_string(folder.path().join("out/dog_wolf__/3.png")).unwrap(), "stranger");
    assert_eq!(fs::read_to_string(folder.path().join("in/b/3.png")).unwrap(), "in/b/3.png");
    fs::remove_file(folder.path().join("out/dog_wolf__/3.png")).unwrap();
    undo(&carried.journal.unwrap()).unwrap();
    assert_eq!(tree(&folder.path().join("in")), before);

    // Stopped by the user before the first: nothing is left but the folder.
    let stopped = planned.run(&mut |_, _| false).unwrap();
    assert_eq!((stopped.done, stopped.journal), (0, None));
    assert_eq!(stopped.stopped.unwrap().why, None);
}

#[test]
fn undoing_replaces_nothing_and_keeps_the_journal_until_all_is_back() {
    let folder = TempDir::new().unwrap();
    let set = animals(&folder);
    let journal = run(&plan(&set, &config(Carry::Move), &folder)).journal.unwrap();
    put(&folder, "in/a/1.png", "new");
    let gone = folder.path().join("out/dog_wolf__/3.png");
    fs::rename(&gone, folder.path().join("3.png")).unwrap();
    fs::remove_dir_all(folder.path().join("in/b")).unwrap();
    let undone = undo(&journal).unwrap();
    assert_eq!((undone.back.len(), undone.conflicts.len()), (1, 2));
    assert_eq!(fs::read_to_string(folder.path().join("in/a/1.png")).unwrap(), "new");
    fs::remove_file(folder.path().join("in/a/1.png")).unwrap();
    fs::rename(folder.path().join("3.png"), gone).unwrap();
    let undone = undo(&journal).unwrap();
    assert_eq!((undone.back.len(), undone.not_moved), (2, 1));
    assert_eq!(
        fs::read_to_string(folder.path().join("in/b/3.png")).unwrap(),
        "in/b/3.png",
        "folder made again"
    );
}

#[test]
fn journals_are_not_trusted() {
    let folder = TempDir::new().unwrap();
    let outside = put(&folder, "outside.png", "outside");
    let from = folder.path().join("stolen.png").to_str().unwrap().to_owned();
    let head = "{\"journal\":1}\n";
    for (text, words) in [
        ("hello\n".to_owned(), "line 1"),
        (String::new() + "{\"journal\":2}\n", "version 2"),
        (format!("{head}{{\"move\":[{from:?},\"../outside.png\"]}}\n"), "not within"),
        (format!("{head}{{\"move\":[{from:?},{:?}]}}\n", outside.to_str().unwrap()), "not within"),
        (format!("{head}{{\"move\":[\"stolen.png\",\"x.png\"]}}\n"), "no full path"),
        (format!("{head}{{\"folder\":\"../in\"}}\n"), "not within"),
        (format!("{{\"move\":[{from:?},\"x.png\"]}}\n"), "not within"),
    ] {
        let journal = put(&folder, "out/j.jsonl", &text);
        let error = undo(&journal).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
        assert!(journal.exists() && outside.exists());
    }
    // A last line that was cut off is of a move that was not begun.
    let journal = put(&folder, "out/j.jsonl", &format!("{head}{{\"move\":[{from:?},\"x.p"));
    assert_eq!(undo(&journal).unwrap(), Undone::default());
}

#[test]
fn pictures_in_files_of_many_are_copied_as_files() {
    let folder = TempDir::new().unwrap();
    let images = put(&folder, "t-images-idx3-ubyte", "");
    fs::write(&images, [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 5, 6]).unwrap();
    let places =
        [format!("{}#1", images.display()), "bundled:fashion/test#12".into(), "bundled:chelsea.png".into()];
    let pictures = places.iter().map(|place| picture(place, 1, class(0, LabelSource::Hand)));
    let mut set = LabelSet { classes: classes(&["cat"]), pictures: pictures.collect() };
    let planned = plan(&set, &config(Carry::Copy), &folder);
    assert_eq!(run(&planned).done, 3);
    let out = folder.path().join("out/cat");
    let digest = |name: &str| crate::data::open(out.join(name)).unwrap().digest;
    let bundled =
        |place: &str| crate::data::library::named(place).unwrap().unwrap()[0].open().unwrap().digest;
    assert_eq!(crate::data::open(out.join("t-images-idx3-ubyte-00001.png")).unwrap().rgb[..], [6, 6, 6]);
    assert_eq!(digest("fashion-test-00012.png"), bundled("bundled:fashion/test#12"));
    assert_eq!(digest("chelsea.png"), bundled("bundled:chelsea.png"));
    let moved = plan(&set, &config(Carry::Move), &folder);
    assert!(moved.conflicts.len() == 3 && moved.conflicts[0].why.contains("choose copy"));
    set.pictures[0].place = format!("{}#2", images.display());
    set.pictures.truncate(1);
    let stopped = run(&plan(&set, &config(Carry::Copy), &folder)).stopped.unwrap();
    assert!(stopped.why.unwrap().contains("#2 is not there"));
}
