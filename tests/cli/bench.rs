//! `bench`: what it tells, and what it refuses.

use super::*;

fn number(value: &serde_json::Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn the_profile_has_every_block_and_adds_up() {
    let folder = TempDir::new().unwrap();
    let told =
        run(&folder, &["bench", "--profile", "--json", "--passes", "3", "--threads", "2"]).good().json();
    let table = run(&folder, &["inspect", "--json"]).good().json();
    assert_eq!(
        (&told["network"], &told["device"], &told["threads"]),
        (&table["name"], &"CPU".into(), &2.into())
    );
    assert_eq!(told["network_hash"], table["hash"]);
    assert_eq!(
        told["settings"],
        serde_json::json!({"timestep": 50, "block": 12, "passes": 3, "seed": 0, "class": null})
    );
    let (blocks, rows) = (told["blocks"].as_array().unwrap(), table["blocks"].as_array().unwrap());
    assert_eq!((blocks.len(), rows.len()), (19, 19));
    let mut milliseconds = number(&told["rest_milliseconds"]);
    for (block, row) in blocks.iter().zip(rows) {
        for key in ["block", "name", "output_index", "channels", "height", "width", "gmac", "cumulative_gmac"]
        {
            assert_eq!(block[key], row[key], "{key}");
        }
        let (ms, gflops) = (number(&block["milliseconds"]), number(&block["gflops"]));
        assert!(ms > 0.0 && (gflops - 2e3 * number(&row["gmac"]) / ms).abs() < 1e-6 * gflops, "{block}");
        let share = ms / number(&told["to_end"]["seconds"]) / 1e3;
        assert!((number(&block["share"]) - share).abs() < 1e-9, "{block}");
        milliseconds += ms;
    }
    // Medians of the parts need not add up to the median of the whole, but nearly.
    let whole = number(&told["to_end"]["seconds"]) * 1e3;
    assert!(milliseconds > 0.5 * whole && milliseconds < 2.0 * whole, "{milliseconds} ms of {whole}");
    assert_eq!(told["to_end"]["gmac"], table["full_gmac"]);
    assert_eq!(told["to_block"]["gmac"], rows[11]["cumulative_gmac"]);
    assert!(number(&told["to_block"]["seconds"]) < number(&told["to_end"]["seconds"]));
    for stretch in ["to_block", "to_end"] {
        let (gmac, seconds) = (number(&told[stretch]["gmac"]), number(&told[stretch]["seconds"]));
        let gflops = number(&told[stretch]["gflops"]);
        assert!((gflops - 2.0 * gmac / seconds).abs() < 1e-6 * gflops, "{stretch}");
    }
}

#[test]
fn the_text_has_a_line_for_every_block_only_when_asked() {
    let folder = TempDir::new().unwrap();
    let plain = run(&folder, &["bench", "--passes", "1", "--block", "13"]).good().out;
    for word in ["fashion32", "CPU", "t 50", "1 pass\n", "to b 13", "to the end", "GFLOP/s", "GMAC"] {
        assert!(plain.contains(word), "{word} is not in:\n{plain}");
    }
    assert!(!plain.contains("output_blocks"), "{plain}");
    let told = run(&folder, &["bench", "--passes", "1", "--json"]).good().json();
    assert!(told.get("blocks").is_none(), "{told}");
    let profile = run(&folder, &["bench", "--profile", "--passes", "1"]).good().out;
    let lines = profile.lines().filter(|line| line.ends_with('%')).count();
    assert_eq!(lines, 20, "19 blocks and the rest:\n{profile}");
    for word in ["enc 0", "mid", "dec 8", "128×8×8", "rest"] {
        assert!(profile.contains(word), "{word} is not in:\n{profile}");
    }
}

#[test]
fn the_network_and_the_settings_are_those_asked_for() {
    let folder = TempDir::new().unwrap();
    let model = write_network(&folder, "unet_classcond.safetensors");
    let model = ["--model", model.to_str().unwrap()];
    let bench = |more: &[&str]| run(&folder, &[&["bench", "--json"], &model[..], more].concat());
    let told = bench(&["--class", "3", "--t", "7", "--seed", "5", "--set", "passes=2"]).good().json();
    let settings = serde_json::json!({"timestep": 7, "block": told["settings"]["block"], "passes": 2, "seed": 5, "class": 3});
    assert_eq!(told["settings"], settings);
    bench(&["--class", "10"]).refused(1, &["class 10"]);
    bench(&["--t", "1000"]).refused(1, &["timestep 1000"]);
    assert_eq!(names(folder.path()), ["model.safetensors"], "nothing is written");
}

#[test]
fn an_estimate_times_nothing() {
    let folder = TempDir::new().unwrap();
    let args = ["bench", "--estimate", "--json", "--passes", "9999"];
    let told = run(&folder, &args).good().json();
    let gmac = run(&folder, &["inspect", "--json"]).good().json()["full_gmac"].as_f64().unwrap();
    assert_eq!((&told["items"], &told["forwards"]), (&1.into(), &10_000.into()));
    assert!((number(&told["gmac"]) - 1e4 * gmac).abs() < 1e-6 * gmac * 1e4, "{told}");
    assert_eq!(told["output_bytes"], serde_json::Value::Null);
}

#[test]
fn what_cannot_be_timed_is_refused() {
    let folder = TempDir::new().unwrap();
    run(&folder, &["bench", "--block", "20"]).refused(1, &["block 20", "1 to 19"]);
    run(&folder, &["bench", "--block", "0"]).refused(1, &["block 0"]);
    run(&folder, &["bench", "--passes", "0"]).refused(1, &["--passes", "1 to"]);
    run(&folder, &["bench", "--class", "1"]).refused(1, &["without classes"]);
    run(&folder, &["bench", "--set", "pases=1"]).refused(2, &["pases", "timestep, block, passes"]);
    run(&folder, &["bench", "--model", "gone.pt"]).refused(1, &["gone.pt"]);
    assert_eq!(run(&folder, &["bench", "--passes", "many"]).code, 2);
}

#[test]
#[cfg(unix)]
fn it_stops_on_ctrl_c() {
    let folder = TempDir::new().unwrap();
    let child = difscope(&folder)
        .args(["bench", "--passes", "9999", "--quiet"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    Run::of(child.wait_with_output().unwrap()).refused(130, &["stopped"]);
}
