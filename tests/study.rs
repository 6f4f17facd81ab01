//! Figures of comparisons from outside: what is drawn, that nothing is cut off, and pictures to look at
//! in `target/tmp/study`.

// Helpers of tests may unwrap like the tests themselves.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use difscope::figure::{Caption, Theme};
use difscope::study::chart::{accuracy_figure, cost_figure};
use difscope::study::table::{Features, Summary};
use image::RgbImage;

fn summary(head: &str, features: Features, shots: Option<usize>, at: [f64; 3], gmac: f64) -> Summary {
    Summary {
        head: head.into(),
        features,
        shots,
        seeds: 5,
        accuracy: at[1],
        ci_low: at[0],
        ci_high: at[2],
        macro_f1: at[1],
        n_test: 1000,
        parameters: 10_250,
        gmac_per_image: gmac,
        seconds_train: 1.0,
        seconds_per_image: 0.01,
        in_best_set: Some(at[2] >= 0.9),
    }
}

/// Eight heads and four controls, each with `shots`.
fn many(shots: &[Option<usize>]) -> Vec<Summary> {
    let heads = [
        ("linear", 0.81, 0.31),
        ("mlp", 0.825, 0.31),
        ("attention", 0.84, 0.33),
        ("difformer", 0.88, 1.05),
        ("diffeed", 0.87, 0.71),
        ("ridge", 0.80, 0.31),
        ("prototype", 0.72, 0.31),
        ("knn", 0.74, 0.31),
    ];
    let mut rows = Vec::new();
    for (place, &shots) in shots.iter().enumerate() {
        let shift = 0.02 * place as f64;
        let mut add = |head: &str, features, mean: f64, gmac| {
            let mean = mean + shift;
            rows.push(summary(head, features, shots, [mean - 0.03, mean, mean + 0.025], gmac));
        };
        for (head, mean, gmac) in heads {
            add(head, Features::Network, mean, gmac);
        }
        for (head, mean) in [("ridge", 0.66), ("linear", 0.67)] {
            add(head, Features::RawPixels, mean, 0.0);
            add(head, Features::RandomWeights, mean - 0.1, 0.31);
        }
    }
    rows
}

fn cases() -> Vec<(&'static str, Vec<Summary>)> {
    let long =
        "attention over blocks 10, 12 and 15 at t 10, 50 and 150 with batch normalisation and eight heads";
    let network = Features::Network;
    vec![
        ("one", vec![summary("linear", network, None, [0.87, 0.89, 0.91], 0.31)]),
        ("one-three-shots", many(&[Some(1), Some(5), Some(20)]).into_iter().step_by(12).collect()),
        ("eight", many(&[Some(10)])),
        ("eight-two-shots", many(&[Some(1), Some(10)])),
        ("eight-three-shots", many(&[Some(1), Some(5), Some(20)])),
        ("eight-five-shots", many(&[Some(1), Some(5), Some(20), Some(50), None])),
        (
            "long-and-extreme",
            vec![
                summary(long, network, Some(1), [0.97, 1.0, 1.0], 214.3),
                summary(
                    "averyveryveryverylongnamewithoutanyspaceinit_and_more",
                    network,
                    Some(1),
                    [0.0, 0.0, 0.07],
                    1018.0,
                ),
                summary("knn", network, Some(1), [0.0, 0.5, 1.0], 214.3),
                summary("knn", Features::RawPixels, Some(1), [0.02, 0.1, 0.3], 0.000_003),
                summary("knn", Features::RawPixels, None, [0.1, 0.2, 0.4], 0.000_003),
            ],
        ),
    ]
}

fn caption() -> Caption {
    Caption {
        title: "Heads on fashion32, features of bundled:fashion".into(),
        lines: vec!["Numbers are of fashion32, a small network; recipe few-shot.".into()],
    }
}

fn differing(a: &RgbImage, b: &RgbImage) -> usize {
    assert_eq!(a.dimensions(), b.dimensions());
    a.pixels().zip(b.pixels()).filter(|(p, q)| p != q).count()
}

#[test]
fn nothing_is_cut_off() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("study");
    fs::create_dir_all(&folder).unwrap();
    for (name, rows) in cases() {
        for theme in [Theme::Light, Theme::Dark] {
            let accuracy = accuracy_figure(&rows, &caption(), theme).unwrap();
            let cost = cost_figure(&rows, &caption(), theme).unwrap();
            for (kind, figure) in [("accuracy", &accuracy), ("cost", &cost)] {
                figure.save(folder.join(format!("{name}-{kind}-{theme:?}.png"))).unwrap();
                let (width, height) = figure.dimensions();
                let clear = 20;
                let ink = figure.enumerate_pixels().find(|(x, y, pixel)| {
                    let edge = *x < clear || *y < clear || *x >= width - clear || *y >= height - clear;
                    edge && **pixel != theme.surface()
                });
                assert!(ink.is_none(), "{name} {kind} {theme:?}: ink at the edge, {ink:?}");
            }
        }
    }
}

#[test]
fn every_number_shows() {
    let rows = many(&[Some(1), Some(5)]);
    let draw = |rows: &[Summary]| {
        let draw = [accuracy_figure, cost_figure];
        draw.map(|draw| draw(rows, &caption(), Theme::Light).unwrap())
    };
    let before = draw(&rows);
    let change = |spoil: fn(&mut Summary)| {
        let mut rows = rows.clone();
        spoil(&mut rows[0]);
        let after = draw(&rows);
        [0, 1].map(|which| differing(&before[which], &after[which]))
    };
    for (what, changes) in [
        ("accuracy", change(|row| row.accuracy += 0.005)),
        ("ci_low", change(|row| row.ci_low += 0.01)),
        ("ci_high", change(|row| row.ci_high += 0.01)),
        ("in_best_set", change(|row| row.in_best_set = Some(true))),
    ] {
        assert!(changes.iter().all(|&pixels| pixels > 8), "{what}: {changes:?}");
    }
    let [accuracy, cost] = change(|row| row.gmac_per_image = 0.5);
    assert!(accuracy == 0 && cost > 100, "{accuracy} {cost}");
    assert!(accuracy_figure(&[], &caption(), Theme::Light).is_err());
    assert!(cost_figure(&[], &caption(), Theme::Light).is_err());
}
