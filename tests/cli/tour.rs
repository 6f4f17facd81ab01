//! `tour`: its files, and whose folder it writes to.

use super::*;

#[test]
fn the_tour_writes_its_files_and_repeats_itself_only_in_its_own_folder() {
    let folder = TempDir::new().unwrap();
    let told = run(&folder, &["tour", "--out", "views/here", "--json"]).good().json();
    let out = folder.path().join("views/here");
    let stops = told["pictures"].as_array().unwrap();
    assert_eq!(stops.len(), 5);
    let page = std::fs::read_to_string(out.join("index.html")).unwrap();
    let mut files = vec!["index.html".to_string(), "tour.json".to_string()];
    for stop in stops {
        for written in stop["files"].as_array().unwrap() {
            let (file, about) = (written["file"].as_str().unwrap(), written["about"].as_str().unwrap());
            assert!(page.contains(file) && about.ends_with('.'), "{file}: {about}");
            if file.ends_with(".png") {
                let image = image::open(out.join(file)).unwrap();
                assert!(image.width() >= 256 && image.height() >= 160, "{file}");
            }
            files.push(file.to_string());
        }
    }
    files.sort();
    assert_eq!(names(&out), files, "all that is listed, and nothing else");
    assert_eq!(files.len(), 2 + 5 * 11);
    assert_eq!(read_npy(&out.join("chelsea-09-map.npy")).0, [128, 8, 8]);

    run(&folder, &["tour", "--out", "views/here", "--quiet"]).good();
    std::fs::create_dir(folder.path().join("mine")).unwrap();
    std::fs::write(folder.path().join("mine/thesis.txt"), "x").unwrap();
    run(&folder, &["tour", "--out", "mine"]).refused(1, &["mine", "--out", "--force"]);
    assert_eq!(names(&folder.path().join("mine")), ["thesis.txt"]);
    let estimate = run(&folder, &["tour", "--estimate", "--json"]).good().json();
    assert_eq!((&estimate["items"], &estimate["forwards"]), (&5.into(), &35.into()));
    assert_eq!(names(folder.path()), ["mine", "views"]);
}
