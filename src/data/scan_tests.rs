use super::*;
use std::cell::Cell;

/// A PNG of one pixel is enough: nothing is decoded.
fn png(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let picture = image::RgbImage::from_pixel(1, 1, image::Rgb([1, 2, 3]));
    picture.save_with_format(path, image::ImageFormat::Png).unwrap();
}

fn all(paths: &[&Path]) -> (Vec<String>, Vec<Skipped>) {
    let mut names = Vec::new();
    let paths: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
    let skipped =
        scan(&paths, &|| false, &mut |sources| names.extend(sources.iter().map(Source::name))).unwrap();
    (names, skipped)
}

#[test]
fn folders_are_listed_in_natural_order_without_hidden_files() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["img10.png", "img2.png", "b/x.png", "a10/y.png", "a9/z.png", ".hidden.png", ".git/w.png"] {
        png(&folder.path().join(name));
    }
    png(&folder.path().join("without extension"));
    let (names, skipped) = all(&[folder.path()]);
    assert_eq!(names, ["img2.png", "img10.png", "without extension", "z.png", "y.png", "x.png"]);
    assert_eq!(skipped, []);
}

#[test]
fn bad_files_are_listed_and_the_rest_loads() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    png(&at("good.png"));
    fs::write(at("empty.png"), b"").unwrap();
    fs::write(at("notes.txt"), b"hello").unwrap();
    fs::write(at("packed.gz"), [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    fs::write(at("x-images-idx3-ubyte"), [0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 1]).unwrap();
    fs::write(at("y-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, 1, 7]).unwrap();
    let missing = at("missing.png");
    let (names, skipped) = all(&[&missing, folder.path()]);
    assert_eq!(names, ["good.png"]);
    let why = |name: &str| &skipped.iter().find(|s| s.path == at(name)).unwrap().why;
    assert!(why("missing.png").contains("moved, renamed or deleted"));
    assert!(why("empty.png").contains("empty (0 bytes)"));
    assert!(why("notes.txt").contains("not a picture"));
    assert!(why("packed.gz").contains("compressed"));
    assert!(why("x-images-idx3-ubyte").contains("cut short"));
    assert!(why("y-labels-idx1-ubyte").contains("labels without"));
    assert_eq!(skipped.len(), 6);
}

#[test]
fn a_folder_without_pictures_or_without_itself_is_said() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("inner")).unwrap();
    let (names, skipped) = all(&[folder.path()]);
    assert!(names.is_empty());
    assert_eq!(skipped.len(), 1);
    assert!(skipped[0].why.contains("no pictures in this folder"));
    let gone = folder.path().to_path_buf();
    folder.close().unwrap();
    let (_, skipped) = all(&[&gone]);
    assert_eq!(skipped[0].path, gone);
    assert!(skipped[0].why.contains("deleted"));
}

#[test]
fn idx_files_expand_into_their_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("t-images-idx3-ubyte");
    fs::write(&images, [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 5, 6]).unwrap();
    fs::write(folder.path().join("t-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, 2, 3, 4]).unwrap();
    let expected = ["t-images-idx3-ubyte #0 (3)", "t-images-idx3-ubyte #1 (4)"];
    assert_eq!(all(&[folder.path()]), (expected.map(String::from).to_vec(), Vec::new()));
    let one = PathBuf::from(format!("{}#1", images.display()));
    assert_eq!(all(&[&one]).0, [expected[1]]);
    let none = PathBuf::from(format!("{}#2", images.display()));
    assert!(all(&[&none]).1[0].why.contains("#2 is not there"));
}

#[test]
fn bundled_names_are_sources_too() {
    let (names, skipped) = all(&[Path::new("bundled:chelsea.png"), Path::new("bundled:nothing")]);
    assert_eq!(names, ["chelsea.png"]);
    assert!(skipped[0].why.contains("not brought along"));
}

#[test]
fn large_folders_arrive_in_parts_and_can_be_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    for index in 0..200 {
        fs::write(folder.path().join(format!("{index}.png")), b"\x89PNG\r\n\x1a\n").unwrap();
    }
    let paths = [folder.path().to_path_buf()];
    let mut parts = Vec::new();
    scan(&paths, &|| false, &mut |sources| parts.push(sources.len())).unwrap();
    assert_eq!(parts.iter().sum::<usize>(), 200);
    assert!(parts.len() > 2 && parts.iter().all(|&n| n <= CHUNK));

    let asked = Cell::new(0);
    let mut count = 0;
    let result = scan(
        &paths,
        &|| {
            asked.set(asked.get() + 1);
            asked.get() > 100
        },
        &mut |sources| count += sources.len(),
    );
    assert!(result.unwrap_err().is_cancelled());
    assert!(count > 0 && count < 200);
}

#[test]
fn a_file_deleted_after_listing_says_so_when_opened() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.png");
    png(&file);
    let mut sources = Vec::new();
    scan(std::slice::from_ref(&file), &|| false, &mut |found| sources.extend(found)).unwrap();
    assert!(sources[0].open().is_ok());
    fs::remove_file(&file).unwrap();
    for error in [sources[0].open().unwrap_err(), sources[0].thumbnail(64).unwrap_err()] {
        assert!(error.to_string().contains("deleted"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn links_in_a_circle_end() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    png(&folder.path().join("inner/a.png"));
    symlink(folder.path(), folder.path().join("inner/back")).unwrap();
    symlink("nowhere", folder.path().join("broken.png")).unwrap();
    let (names, skipped) = all(&[folder.path(), &folder.path().join("inner")]);
    assert_eq!(names, ["a.png"]);
    assert_eq!(skipped.len(), 1);
    assert!(skipped[0].path.ends_with("broken.png"));
}
