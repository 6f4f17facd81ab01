//! How alike blocks, steps and networks are.

use difscope::features::extract::Blocks;
use difscope::features::network::card_of;
use difscope::jobs::{Named, similarity_line};
use difscope::study::similarity::SimilarityConfig;
use difscope::unet::embedded::embedded;

use super::*;

/// Two folders of twelve pictures each that differ in every pixel.
fn write_pictures(folder: &TempDir) {
    for (class, slope) in [("across", 5u32), ("down", 9)] {
        let inside = folder.path().join("pictures").join(class);
        std::fs::create_dir_all(&inside).unwrap();
        for number in 0..12u32 {
            let image = image::RgbImage::from_fn(28, 28, |x, y| {
                let at = if class == "across" { x } else { y };
                let wave = (at * slope + 31 * number) % 200;
                let spot = if (x / 7 + y / 7 * 4) % 12 == number { 55 } else { 0 };
                image::Rgb([(wave + spot) as u8; 3])
            });
            image.save(inside.join(format!("{number:02}.png"))).unwrap();
        }
    }
}

/// CKA of rows `[n, d]` by the unbiased estimate of HSIC (Song et al. 2012, equation 5).
fn slow_cka(a: &(Vec<usize>, Vec<f32>), b: &(Vec<usize>, Vec<f32>)) -> f64 {
    let gram = |(shape, values): &(Vec<usize>, Vec<f32>)| -> Vec<Vec<f64>> {
        let rows: Vec<&[f32]> = values.chunks(values.len() / shape[0]).collect();
        let product = |i: usize, j: usize| {
            rows[i].iter().zip(rows[j]).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>()
        };
        let n = rows.len();
        (0..n).map(|i| (0..n).map(|j| if i == j { 0.0 } else { product(i, j) }).collect()).collect()
    };
    let hsic = |k: &[Vec<f64>], l: &[Vec<f64>]| {
        let n = k.len() as f64;
        let trace: f64 = k.iter().zip(l).map(|(k, l)| k.iter().zip(l).map(|(k, l)| k * l).sum::<f64>()).sum();
        let sums = |m: &[Vec<f64>]| m.iter().map(|row| row.iter().sum::<f64>()).collect::<Vec<f64>>();
        let (k_sums, l_sums) = (sums(k), sums(l));
        let whole = k_sums.iter().sum::<f64>() * l_sums.iter().sum::<f64>() / ((n - 1.0) * (n - 2.0));
        let both: f64 = k_sums.iter().zip(&l_sums).map(|(k, l)| k * l).sum();
        (trace + whole - 2.0 / (n - 2.0) * both) / (n * (n - 3.0))
    };
    let (k, l) = (gram(a), gram(b));
    hsic(&k, &l) / (hsic(&k, &k) * hsic(&l, &l)).sqrt()
}

#[test]
fn similarities_are_those_of_extracted_features() {
    let folder = TempDir::new().unwrap();
    write_pictures(&folder);
    let common = ["--t", "50,300", "--blocks", "3,10,17", "--pool", "2", "--draws", "2", "--seed", "5"];
    let args = ["similarity", "pictures", "--out", "alike", "--json"];
    let told = run(&folder, &[&args[..], &common].concat()).good().json();
    run(&folder, &[&["extract", "pictures", "--out", "f.safetensors"][..], &common].concat()).good();
    let features = read_tensors(&folder.path().join("f.safetensors"));
    let rows = told["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2 * 3 * 3 + 3 * 2 * 2);
    let of = |row: &serde_json::Value, side: &str| {
        let number = |what: &str| row[format!("{what}_{side}")].as_u64().unwrap();
        features[&format!("t{}/block_{:02}", number("timestep"), number("block"))].clone()
    };
    let mut unlike = 0;
    for row in rows {
        let (got, want) = (row["cka"].as_f64().unwrap(), slow_cka(&of(row, "a"), &of(row, "b")));
        assert!((got - want).abs() < 1e-4, "{row}: {want}");
        unlike += usize::from(got < 0.95);
        assert_eq!((row["n"].as_u64(), row["batches"].as_u64()), (Some(24), Some(1)));
    }
    assert!(unlike > 8, "most of them tell something");
    let csv = std::fs::read_to_string(folder.path().join("alike/similarity.csv")).unwrap();
    let head = "comparison,network_a,timestep_a,block_a,network_b,timestep_b,block_b,cka,n,batches";
    assert_eq!(csv.lines().next().unwrap(), head);
    assert_eq!(csv.lines().count(), 31);
    let all = ["similarity-blocks.png", "similarity-timesteps.png", "similarity.csv", "similarity.json"];
    assert_eq!(names(&folder.path().join("alike")), all);
    run(&folder, &[&args[..], &common].concat()).refused(1, &["alike", "--force"]);
}

#[test]
fn decoder_blocks_resemble_those_they_are_handed() {
    let folder = TempDir::new().unwrap();
    let args = ["similarity", "bundled:fashion", "--n", "150", "--batch", "40", "--out", "alike", "--json"];
    let told = run(&folder, &[&args[..], &["--threads", "1"]].concat()).good().json();
    let mirrored: Vec<[f64; 2]> = serde_json::from_value(told["mirrored"].clone()).unwrap();
    let [mirror, others] = mirrored[0];
    assert!(mirror > others + 0.1, "{mirror} {others}");
    let rows = told["rows"].as_array().unwrap();
    assert_eq!((rows.len(), rows[0]["batches"].as_u64()), (19 * 19, Some(4)));
    for row in rows {
        assert_eq!(row["cka"] == 1.0, row["block_a"] == row["block_b"], "{row}");
    }
    let before = std::fs::read(folder.path().join("alike/similarity.csv")).unwrap();
    run(&folder, &[&args[..], &["--threads", "2", "--force"]].concat()).good();
    assert!(before == std::fs::read(folder.path().join("alike/similarity.csv")).unwrap());
    let other = run(&folder, &[&args[..], &["--seed", "1", "--force"]].concat()).good().json();
    assert_ne!(other["rows"][1]["cka"], rows[1]["cka"]);
}

#[test]
fn networks_are_compared_with_others() {
    let folder = TempDir::new().unwrap();
    write_pictures(&folder);
    let model = write_network(&folder, "unet_small.safetensors");
    let base = ["similarity", "pictures", "--t", "50", "--blocks", "3,12", "--json"];
    for (against, blocks) in [("random-weights", 19), ("fashion32", 19), (model.to_str().unwrap(), 0)] {
        let more = ["--against", against, "--out", "alike", "--force"];
        let told = run(&folder, &[&base[..], &more].concat()).good().json();
        let count = told["against"]["blocks"].as_array().unwrap().len();
        assert!(count == blocks || blocks == 0, "{against}: {count}");
        let rows = told["rows"].as_array().unwrap();
        let pairs: Vec<_> = rows.iter().filter(|row| row["comparison"] == "networks").collect();
        assert_eq!((pairs.len(), rows.len()), (2 * count, 2 * count + 4));
        assert!(folder.path().join("alike/similarity-networks.png").exists());
        let same = pairs.iter().filter(|row| row["cka"] == 1.0).count();
        assert_eq!(same, if against == "fashion32" { 2 } else { 0 }, "only a network is its own double");
    }
    let few = ["--against", "random-weights", "--against-blocks", "5", "--out", "few"];
    let told = run(&folder, &[&base[..], &few].concat()).good().json();
    assert_eq!(told["rows"].as_array().unwrap().len(), 4 + 2);
    let estimate = run(&folder, &[&base[..], &few, &["--force", "--estimate"]].concat()).good().json();
    assert_eq!((&estimate["items"], &estimate["forwards"]), (&24.into(), &48.into()));
}

#[test]
fn what_has_no_similarity_is_refused() {
    let folder = TempDir::new().unwrap();
    let refused = |more: &[&str], words: &[&str]| {
        let base = ["similarity", "bundled:fashion", "--out", "alike"];
        run(&folder, &[&base[..], more].concat()).refused(1, words);
    };
    refused(&["--blocks", "3"], &["nothing to compare", "--against"]);
    refused(&["--batch", "3"], &["--batch", "8 to"]);
    refused(&["--n", "2"], &["--n"]);
    refused(&["--t", "5000"], &["timestep 5000"]);
    refused(&["--blocks", "3,40"], &["block 40", "1 to 19"]);
    refused(&["--against", "nowhere.pt"], &["nowhere.pt"]);
    refused(&["--against", "random-weights", "--against-blocks", "77"], &["block 77"]);
    assert_eq!(run(&folder, &["similarity", "bundled:fashion", "--against-blocks", "3"]).code, 2);
    assert_eq!(run(&folder, &["similarity", "bundled:fashion", "--set", "bach=3"]).code, 2);
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn the_line_that_the_window_copies_compares_the_same_on_pictures_without_classes() {
    let folder = TempDir::new().unwrap();
    write_pictures(&folder);
    // One folder without classes.
    std::fs::rename(folder.path().join("pictures/across"), folder.path().join("my pictures")).unwrap();
    let card = card_of(&embedded().unwrap()).unwrap();
    let config = SimilarityConfig {
        timesteps: vec![10, 300],
        blocks: Blocks::List(vec![3, 7, 10, 13, 17]),
        pool: Some(2),
        pictures: 12,
        batch: 16,
        against_blocks: Blocks::List(vec![5]),
        seed: 3,
        draws: 2,
        class: None,
    };
    let named = Named { picture: None, model: None, preset: None };
    let line = similarity_line(&config, "my pictures", Some("random-weights"), (&named, &card));
    let words = line.strip_prefix("difscope ").unwrap().replace("'my pictures'", "my_pictures");
    let words: Vec<&str> =
        words.split(' ').map(|word| if word == "my_pictures" { "my pictures" } else { word }).collect();
    let told = run(&folder, &[&words[..], &["--json"]].concat()).good().json();
    assert_eq!(told["settings"], serde_json::to_value(&config).unwrap(), "{line}");
    assert_eq!((&told["pictures"], told["mirrored"].as_array().unwrap().len()), (&12.into(), 2));
    let text = run(&folder, &[&words[..], &["--force"]].concat()).good().out;
    assert_eq!(text.matches("across the U").count(), 2, "one sentence for each timestep: {text}");
}
