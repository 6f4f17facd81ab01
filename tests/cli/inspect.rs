//! `inspect` and `convert`.

use super::*;

#[test]
fn the_embedded_network_is_described() {
    let folder = TempDir::new().unwrap();
    let told = run(&folder, &["inspect", "--json"]).good().json();
    assert_eq!(told["parameters"], 4_425_062);
    assert_eq!(told["config"]["image_size"], 32);
    assert_eq!(told["blocks"].as_array().unwrap().len(), 19);
    let block = &told["blocks"][11];
    assert_eq!((&block["block"], &block["channels"], &block["height"]), (&12.into(), &128.into(), &8.into()));
    assert_eq!(block["output_index"], 1);
    let keys = ["name", "width", "parameters", "gmac", "cumulative_gmac"];
    assert!(keys.iter().all(|key| !block[key].is_null()), "{block}");
    for key in ["assumed", "missing", "unused", "misshapen", "not_finite", "notes"] {
        assert_eq!(told[key], serde_json::json!([]), "{key}");
    }
    for key in ["hash", "file_hash"] {
        assert_eq!(told[key].as_str().unwrap().len(), 64);
    }
    let text = run(&folder, &["inspect"]).good().out;
    for word in ["4,425,062", "output_blocks.1", "128×8×8", "licence", told["hash"].as_str().unwrap()] {
        assert!(text.contains(word), "{word} is not in:\n{text}");
    }
    let ends: Vec<usize> =
        text.lines().filter(|line| line.contains("put_blocks.")).map(|l| l.chars().count()).collect();
    assert!(ends.len() == 18 && ends.iter().all(|end| *end == ends[0]), "columns are aligned: {ends:?}");
}

#[test]
fn an_incomplete_checkpoint_is_shown_and_refused() {
    let folder = TempDir::new().unwrap();
    let (mut tensors, config) = formula_network("unet_plain.safetensors");
    tensors.retain(|(name, ..)| name != "time_embed.2.bias");
    for (name, shape, values) in &mut tensors {
        match name.as_str() {
            "out.0.weight" => (*shape, *values) = (vec![33], vec![1.0; 33]),
            "out.2.bias" => values[0] = f32::NAN,
            _ => {}
        }
    }
    tensors.push(("output_blocks.99.0.in_layers.0.weight".into(), vec![2], vec![0.0; 2]));
    let path = folder.path().join("torn.safetensors");
    write_tensors(&path, &tensors, HashMap::from([("config".to_string(), config)]));
    let ended = run(&folder, &["inspect", "torn.safetensors", "--json"]);
    assert_eq!((ended.code, ended.err.lines().count()), (1, 1), "{}", ended.err);
    assert!(ended.err.contains("torn") && ended.err.contains("1 missing"), "{}", ended.err);
    let told = ended.json();
    assert_eq!(told["missing"][0]["name"], "time_embed.2.bias");
    assert_eq!(told["unused"][0]["name"], "output_blocks.99.0.in_layers.0.weight");
    assert_eq!(told["misshapen"][0]["found"], serde_json::json!([33]));
    assert_eq!(told["not_finite"], serde_json::json!(["out.2.bias"]));
    let text = run(&folder, &["inspect", "--model", "torn.safetensors"]);
    assert_eq!(text.code, 1);
    for word in ["1 missing", "1 unused", "1 wrongly shaped", "1 not finite", "[33] instead of [32]"] {
        assert!(text.out.contains(word), "{word} is not in:\n{}", text.out);
    }
}

#[test]
fn a_conversion_is_the_same_network() {
    let folder = TempDir::new().unwrap();
    let input = golden("torch_small.pt");
    let input = input.to_str().unwrap();
    let before = run(&folder, &["inspect", input, "--json", "--cache", "kept"]).good().json();
    let args = ["convert", input, "a.safetensors", "--cache", "kept", "--json"];
    let told = run(&folder, &args).good().json();
    let after = run(&folder, &["inspect", "a.safetensors", "--json"]).good().json();
    assert_eq!(before["hash"], after["hash"]);
    assert_eq!(told["hash"], after["hash"]);
    assert_ne!(before["file_hash"], after["file_hash"]);
    run(&folder, &args).refused(1, &["a.safetensors", "--force"]);
    run(&folder, &[&args[..], &["--force"]].concat()).good();
    run(&folder, &["convert", input, "b.pt"]).refused(1, &["b.pt", ".safetensors"]);
    let half = run(&folder, &["convert", input, "h.safetensors", "--half", "--json"]).good().json();
    assert!(half["bytes"].as_u64().unwrap() < told["bytes"].as_u64().unwrap() * 6 / 10);
    assert_eq!(names(folder.path()), ["a.safetensors", "h.safetensors", "kept"]);
}
