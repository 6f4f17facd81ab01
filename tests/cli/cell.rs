//! A cell of a sweep looked into: what it tells agrees with the sweep, and costs no forward after it.

use serde_json::Value;

use super::*;

fn cell(folder: &TempDir, more: &[&str]) -> Run {
    let small = ["--shots", "6", "--folds", "3", "--repeats", "2"];
    run(folder, &[&["cell", "bundled:fashion", "--json"], &small[..], more].concat())
}

fn text(folder: &TempDir, name: &str) -> String {
    std::fs::read_to_string(folder.path().join(name)).unwrap()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a Vec<Value> {
    value[key].as_array().unwrap()
}

/// Numbers that a list holds.
fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

#[test]
fn a_cell_agrees_with_its_sweep_and_costs_no_forward_after_it() {
    let folder = TempDir::new().unwrap();
    let sweep = "sweep bundled:fashion --json --blocks 3,12 --t 50,150 --pool 1,2 --shots 4,6 --folds 3 \
                 --repeats 2 --test 20 --cache kept --out swept";
    let swept = run(&folder, &sweep.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>());
    let swept = swept.good().json();
    for (block, pool, shots) in [("12", "1", "6"), ("12", "2", "6"), ("3", "1", "4")] {
        let flags = ["--b", block, "--t", "150", "--pool", pool, "--shots", shots];
        // The cell is one of these pools and shots.
        let of = ["--set", "sweep.pools=1,2", "--set", "sweep.shots=4,6", "--cache", "kept"];
        let more = [&flags[..], &of, &["--force", "--out", "out"]].concat();
        let args =
            [&["cell", "bundled:fashion", "--json", "--folds", "3", "--repeats", "2"], &more[..]].concat();
        let told = run(&folder, &args).good().json();
        assert_eq!(told["forwards"]["computed"], 0, "features of the sweep are kept");
        let is_it = |row: &&Value| {
            row["features"] == "network"
                && [("block", block), ("timestep", "150"), ("pool", pool), ("shots", shots)]
                    .iter()
                    .all(|(key, value)| row[key].as_u64().unwrap() == value.parse::<u64>().unwrap())
        };
        let row = list(&swept, "rows").iter().find(is_it).unwrap();
        let rounds = numbers(&told["answers"]["rounds"]);
        // A sweep stops scoring what cannot be the best.
        let accuracy = row["accuracy"].as_f64().unwrap();
        let is_all = told["answers"]["all"]["value"].as_f64().unwrap() == accuracy;
        let first = &told["answers"]["first"];
        assert!(is_all || first["value"].as_f64().unwrap() == accuracy, "{rounds:?} and {row}");
        let same = if is_all { &told["answers"]["all"] } else { first };
        assert_eq!((&same["low"], &same["high"]), (&row["ci_low"], &row["ci_high"]));
        assert_eq!(told["pictures"].as_array().unwrap().len() as u64, row["n"].as_u64().unwrap());
        // The answers are those that the accuracy is counted from.
        let pictures = list(&told, "pictures");
        let right = pictures.iter().filter(|p| p["class"] == p["answer"]).count();
        assert_eq!(right as f64 / pictures.len() as f64, first["value"].as_f64().unwrap());
        assert_eq!(rounds[0], first["value"].as_f64().unwrap());
        // What the sweep itself scored, if it kept it.
        let matrix: Vec<Vec<f64>> = list(&told["answers"], "confusion").iter().map(numbers).collect();
        assert_eq!((0..10).map(|class| matrix[class][class]).sum::<f64>() as usize, right);
        assert!(matrix.iter().all(|row| row.iter().sum::<f64>() == shots.parse::<f64>().unwrap()));
    }
}

#[test]
fn a_cell_tells_its_pictures_classes_curve_and_noise() {
    let folder = TempDir::new().unwrap();
    let flags = ["--noise-draws", "2", "--noise-t", "50,300", "--neighbours", "5", "--target", "0.9"];
    let more = [&flags[..], &["--set", "noise.pictures=20", "--out", "out"]].concat();
    let told = cell(&folder, &more).good().json();
    let json: Value = serde_json::from_str(&text(&folder, "out/cell.json")).unwrap();
    assert_eq!(json, told);
    let settings = &told["settings"];
    assert_eq!(
        (&settings["block"], &settings["timestep"]),
        (&Value::from(12), &Value::from(50)),
        "the default"
    );
    // Two steps of two draws over 20 pictures, beside 60 pictures once.
    assert_eq!(told["forwards"]["computed"], 60 + 2 * 2 * 20);
    let head = "name,place,class,answer,confidence,recognised,pca_1,pca_2,map_1,map_2,same_class,nearest";
    let csv = text(&folder, "out/cell-pictures.csv");
    assert_eq!((csv.lines().next().unwrap(), csv.lines().count()), (head, 61));
    let pictures = list(&told, "pictures");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    for (row, picture) in reader.records().zip(pictures) {
        let row = row.unwrap();
        let class = |key: &str| told["classes"][picture[key].as_u64().unwrap() as usize].as_str().unwrap();
        assert_eq!(
            [&row[0], &row[2], &row[3]],
            [picture["name"].as_str().unwrap(), class("class"), class("answer")]
        );
        let confidence = row[4].parse::<f64>().unwrap();
        assert!((0.1..=1.0).contains(&confidence), "the surest of ten classes");
        let nearest = list(picture, "nearest");
        let names: Vec<&str> = row[11].split(';').collect();
        assert_eq!((nearest.len(), names.len()), (5, 5));
        let own = nearest.iter().map(|near| &pictures[near["picture"].as_u64().unwrap() as usize]);
        let own: Vec<&Value> = own.collect();
        assert!(
            own.iter()
                .zip(&names)
                .all(|(near, name)| near["name"] == *name && near["name"] != picture["name"])
        );
        let same = own.iter().filter(|near| near["class"] == picture["class"]).count();
        assert_eq!(row[10].parse::<f64>().unwrap(), same as f64 / 5.0);
        let distances: Vec<f64> = nearest.iter().map(|near| near["distance"].as_f64().unwrap()).collect();
        assert!(distances.is_sorted());
    }
    let classes = text(&folder, "out/cell-classes.csv");
    assert!(classes.starts_with("class,support,predicted,recall,recall_low,recall_high,precision,"));
    for row in list(&told["answers"], "classes") {
        for score in ["recall", "precision", "f1"] {
            let value = |key: &str| row[score][key].as_f64();
            if let Some(estimate) = value("value") {
                assert!(value("low").unwrap() <= estimate && estimate <= value("high").unwrap(), "{row}");
            }
        }
        assert_eq!(row["support"], 6);
    }
    let curve = text(&folder, "out/cell-curve.csv");
    assert_eq!(curve.lines().next().unwrap(), "shots,pictures,accuracy,ci_low,ci_high,repeats,n");
    let shots: Vec<&str> = curve.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(shots, ["1", "2", "4"]);
    let sentence = told["curve"]["sentence"].as_str().unwrap();
    assert!(sentence.contains("(6 of each class)") && sentence.contains("90 %"), "{sentence}");
    let noise = text(&folder, "out/cell-noise.csv");
    assert!(
        noise.starts_with("timestep,pictures,draws,between,within,correlation,ci_low,ci_high,alignment,")
    );
    let noise = list(&told, "noise");
    assert_eq!(noise.iter().map(|row| row["timestep"].as_u64().unwrap()).collect::<Vec<_>>(), [50, 300]);
    // More noise, less of the picture.
    let [early, late] = [0, 1].map(|at| noise[at]["correlation"].as_f64().unwrap());
    assert!(0.0 < late && late < early && early < 1.0, "{early} {late}");
    assert_eq!(told["label_free"]["agreement"], noise[0]["agreement"]);
    let image = image::open(folder.path().join("out/cell.png")).unwrap();
    assert!(image.width() > 1000 && image.height() > 800);
    // The same again, on any number of threads, without noise; what was there of it goes.
    cell(&folder, &["--out", "out"]).refused(1, &["cell.json", "--force"]);
    let again =
        cell(&folder, &["--neighbours", "5", "--target", "0.9", "--threads", "1", "--force", "--out", "out"]);
    let again = again.good().json();
    for key in ["pictures", "answers", "curve", "explained"] {
        assert_eq!(again[key], told[key], "{key}");
    }
    assert!(list(&again, "noise").is_empty() && !folder.path().join("out/cell-noise.csv").exists());
}

#[test]
fn pictures_without_classes_have_neighbours_and_maps() {
    let folder = TempDir::new().unwrap();
    let pictures = folder.path().join("pictures");
    std::fs::create_dir(&pictures).unwrap();
    for number in 0..12u8 {
        let shade = |x: u32, y: u32| image::Luma([(number * 20) ^ (x * y % 50) as u8]);
        image::GrayImage::from_fn(28, 28, shade).save(pictures.join(format!("{number}.png"))).unwrap();
    }
    let args = ["cell", "pictures", "--json", "--pictures", "10", "--neighbours", "3", "--out", "out"];
    let told = run(&folder, &args).good().json();
    assert_eq!((list(&told, "pictures").len(), list(&told, "classes").len()), (10, 0));
    assert!(told["answers"].is_null() && told["curve"].is_null());
    assert!(list(&told, "pictures").iter().all(|p| list(p, "nearest").len() == 3 && p["class"].is_null()));
    assert!(told["label_free"]["silhouette"].is_number() && told["label_free"]["same_class"].is_null());
    assert!(list(&told, "notes").iter().any(|note| note.as_str().unwrap().contains("no classes")));
    assert_eq!(names(&folder.path().join("out")), ["cell-pictures.csv", "cell.json", "cell.png"]);
    // In words.
    run(&folder, &["cell", "pictures", "--force", "--out", "out"]).good();
}

#[test]
fn what_cannot_be_is_refused_and_costs_are_told() {
    let folder = TempDir::new().unwrap();
    let told =
        cell(&folder, &["--estimate", "--b", "12", "--noise-draws", "4", "--noise-t", "50,90"]).good().json();
    assert_eq!((&told["items"], &told["forwards"]), (&Value::from(60), &Value::from(60 + 60 * 4 * 2)));
    assert!(told["gmac"].as_f64().unwrap() > 1.0);
    cell(&folder, &["--b", "77"]).refused(1, &["block 77"]);
    cell(&folder, &["--t", "4000"]).refused(1, &["4000"]);
    cell(&folder, &["--noise-draws", "1"]).refused(1, &["--noise-draws"]);
    assert_eq!(cell(&folder, &["--noise-t", "50"]).code, 2, "steps of no draws");
    cell(&folder, &["--target", "90"]).refused(1, &["--target", "0.9"]);
    run(&folder, &["cell", "bundled:fashion", "--shots", "2"]).refused(1, &["--folds 2"]);
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    run(&folder, &["cell", "empty"]).refused(1, &["empty"]);
}
