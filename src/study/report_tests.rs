use super::*;
use crate::study::statistics::{Bootstrap, Tested};
use crate::study::table::{Features, Measured, Record};

fn table() -> Table {
    let run = |head: &str, features, shots, every: usize| {
        let measured = Measured {
            head: head.into(),
            features,
            shots,
            seed: 0,
            macro_f1: 0.75,
            parameters: 12_810,
            gmac_per_image: 1e-7,
            seconds_train: 0.1 + 0.2,
            seconds_per_image: 0.000_25,
        };
        let correct = (0..40).map(|i| i % every != 0).collect();
        (measured, Tested::on((0..40).collect(), correct).unwrap())
    };
    let runs = [
        run("linear", Features::Network, Some(5), 8),
        run("a, \"b\" | c\nd", Features::RandomWeights, None, 2),
    ];
    Table::new(&runs, Bootstrap::default()).unwrap()
}

/// The columns that scripts rely on.
#[test]
fn columns_have_their_names() {
    let table = table();
    let header = |text: String| text.lines().next().unwrap().to_owned();
    assert_eq!(
        header(csv(table.records()).unwrap()),
        "head,features,shots,seed,accuracy,ci_low,ci_high,macro_f1,n_test,parameters,gmac_per_image,\
         seconds_train,seconds_per_image"
    );
    assert_eq!(
        header(csv(table.summaries()).unwrap()),
        "head,features,shots,seeds,accuracy,ci_low,ci_high,macro_f1,n_test,parameters,gmac_per_image,\
         seconds_train,seconds_per_image,in_best_set"
    );
    let objects: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_str(&json(table.records()).unwrap()).unwrap();
    let names: Vec<&str> = objects[0].keys().map(String::as_str).collect();
    assert_eq!(names.join(","), header(csv(table.records()).unwrap()));
    assert_eq!(objects[0]["features"], "network");
    assert!(objects[1]["shots"].is_null());
}

#[test]
fn what_is_written_reads_back() {
    let table = table();
    let text = csv(table.records()).unwrap();
    let read: Vec<Record> =
        csv::Reader::from_reader(text.as_bytes()).deserialize().map(Result::unwrap).collect();
    assert_eq!(read, table.records());
    // In digits that read back exactly; serde_json itself reads the last one carelessly.
    let text = json(table.summaries()).unwrap();
    for row in table.summaries() {
        assert!(text.contains(&format!("\"ci_high\": {:?},", row.ci_high)), "{text}");
    }
    assert_eq!(serde_json::from_str::<Vec<Summary>>(&text).unwrap().len(), 2);
    let text = csv(table.summaries()).unwrap();
    let read: Vec<Summary> =
        csv::Reader::from_reader(text.as_bytes()).deserialize().map(Result::unwrap).collect();
    assert_eq!(read, table.summaries());
}

#[test]
fn markdown_columns_stand_under_each_other() {
    let text = markdown(table().summaries());
    let rows: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(rows.len(), 4);
    let bars = |row: &str| -> Vec<usize> {
        let chars: Vec<char> = row.chars().collect();
        (0..chars.len()).filter(|&i| chars[i] == '|' && (i == 0 || chars[i - 1] != '\\')).collect()
    };
    assert!(rows.iter().all(|row| bars(row) == bars(rows[0])), "{text}");
    for part in ["87.5 %", "12,810", "300 ms", "250 µs", "✓", "1.00e−7"] {
        assert!(rows[2].contains(part), "{part} in {}", rows[2]);
    }
    assert!(rows[3].contains("a, \"b\" \\| c d") && rows[3].contains(" all "));
}

#[test]
fn durations_have_their_unit() {
    let cases = [(0.0, "0 s"), (0.9999, "1.00 s"), (75.0, "75.0 s"), (599.9, "10.0 min"), (1e-3, "1.00 ms")];
    for (value, text) in cases {
        assert_eq!(seconds(value), text);
    }
}

#[test]
fn reports_are_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let caption = Caption { title: "Heads".into(), lines: vec![] };
    let write = |force| write(folder.path(), &table(), &caption, Theme::Light, Some("{\"k\":1}"), force);
    let there = || -> Vec<String> {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    std::fs::write(folder.path().join("compare.md"), "mine").unwrap();
    assert!(matches!(write(false), Err(Error::Exists(path)) if path.ends_with("compare.md")));
    assert_eq!(there(), ["compare.md"], "nothing is written beside it");
    assert_eq!(write(true).unwrap().len(), FILES.len());
    let mut names = FILES.map(String::from);
    names.sort();
    assert_eq!(there(), names);
    let png = std::fs::read(folder.path().join("compare.png")).unwrap();
    assert!(png.windows(7).any(|part| part == b"{\"k\":1}"), "settings are in the figure");
    assert!(matches!(write(false), Err(Error::Exists(_))));
}
