//! Users played by the program.

use super::*;

/// Two heaps of pictures that a few labels tell apart, and a few that nothing does.
fn write_pictures(folder: &TempDir) {
    for (class, slope) in [("across", 5u32), ("down", 9)] {
        let inside = folder.path().join("pictures").join(class);
        std::fs::create_dir_all(&inside).unwrap();
        for number in 0..60u32 {
            let image = image::RgbImage::from_fn(28, 28, |x, y| {
                let at = if class == "across" { x } else { y };
                let wave = (at * slope + 31 * number) % 200;
                let spot = if (x / 7 + y / 7 * 4) % 12 == number % 12 { 55 } else { 0 };
                image::Rgb([(wave + spot) as u8; 3])
            });
            image.save(inside.join(format!("{number:02}.png"))).unwrap();
        }
    }
}

#[test]
fn orders_are_played_and_told() {
    let folder = TempDir::new().unwrap();
    write_pictures(&folder);
    let args = ["label-bench", "pictures", "--labels", "6,12,24", "--seeds", "2", "--pool", "1", "--json"];
    let more = ["--set", "compared_at=12", "--set", "audited=20", "--set", "resamples=200"];
    let told = run(&folder, &[&args[..], &more, &["--out", "out"]].concat()).good().json();
    assert_eq!((&told["pictures"], &told["classes"]), (&96.into(), &2.into()));
    let rows = told["rows"].as_array().unwrap();
    // Seven orders at three numbers of labels, and chance at two more.
    assert_eq!(rows.len(), 2 * (7 * 3 + 2));
    for row in rows {
        let value = |name: &str| row[name].as_f64().unwrap();
        assert!(value("ci_low") <= value("accuracy") && value("accuracy") <= value("ci_high"), "{row}");
        assert!(value("n_test") > 10.0, "{row}");
    }
    let last = rows.iter().filter(|row| row["labels"] == 24 && row["order"] != "similar");
    let mean = |rows: &[&serde_json::Value]| {
        rows.iter().map(|row| row["accuracy"].as_f64().unwrap()).sum::<f64>() / rows.len() as f64
    };
    assert!(mean(&last.collect::<Vec<_>>()) > 0.8);
    assert_eq!(told["saving"]["labels"], 12);
    assert_eq!(told["coverage"]["audits"], 200);
    assert!(told["coverage"]["held"]["high"].as_f64().unwrap() > 0.95);
    let csv = std::fs::read_to_string(folder.path().join("out/label-bench.csv")).unwrap();
    assert_eq!(csv.lines().next().unwrap(), "order,seed,labels,accuracy,ci_low,ci_high,n_test");
    assert_eq!(csv.lines().count(), rows.len() + 1);
    assert_eq!(names(&folder.path().join("out")), ["label-bench.csv", "label-bench.json", "label-bench.png"]);
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("out/label-bench.json")).unwrap()).unwrap();
    assert_eq!(json["rows"], told["rows"]);
    run(&folder, &[&args[..], &["--out", "out"]].concat()).refused(1, &["label-bench.csv", "--force"]);

    // The same again to the bit on one thread, and an order alone as among others.
    let alone = ["--order", "uncertain", "--threads", "1", "--out", "alone"];
    let alone = run(&folder, &[&args[..], &more, &alone].concat()).good().json();
    let uncertain: Vec<_> = rows.iter().filter(|row| row["order"] == "uncertain").collect();
    assert_eq!(alone["rows"].as_array().unwrap().iter().collect::<Vec<_>>(), uncertain);
    assert!(alone["saving"].is_null(), "there is nothing to compare with");
    let text =
        run(&folder, &[&args[..8], &more, &["--order", "recommended,random", "--out", "text"]].concat());
    let text = text.good().out;
    assert!(
        text.contains("chance needs") && text.contains("audits") && text.contains("recommended"),
        "{text}"
    );
}

#[test]
fn what_cannot_be_played_is_refused() {
    let folder = TempDir::new().unwrap();
    write_pictures(&folder);
    let refused = |more: &[&str], words: &[&str]| {
        run(&folder, &[&["label-bench", "pictures", "--out", "out"][..], more].concat()).refused(1, words);
    };
    refused(&["--order", "check"], &["check", "no new ones"]);
    assert_eq!(run(&folder, &["label-bench", "pictures", "--order", "best"]).code, 2);
    refused(&["--labels", "20,10"], &["--labels", "ascending"]);
    refused(&["--labels", "0"], &["--labels"]);
    refused(&["--seeds", "0"], &["--seeds"]);
    refused(&["--pool", "0"], &["--pool"]);
    refused(&["--labels", "50,100"], &["96 pictures", "--labels"]);
    refused(&["--t", "5000"], &["timestep 5000"]);
    refused(&["--block", "40"], &["block 40"]);
    assert_eq!(names(folder.path()), ["pictures"]);
}
