//! The training loop: what it promises about steps, stops and bits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::cell::Cell;

use candle_core::Device;
use difscope::error::{Error, Result};
use difscope::features::Network;
use difscope::features::network::NetworkSource;
use difscope::grid::Grid;
use difscope::heads::{Head, HeadConfig, HeadKind, reads};
use difscope::tensor::precision::Precision;
use difscope::train::{
    Bank, Example, Fit, Gathering, Reader, Recipe, StepDone, Stopped, TrainConfig, Trained, View, answer,
    few_shot_head, fit_instant,
};
use difscope::unet::weights::OpenOptions;

fn network() -> Network {
    let mut go_on = |_| std::ops::ControlFlow::Continue(());
    let options = OpenOptions { preset: None, cache: None };
    Network::open(&NetworkSource::Embedded, &options, &Device::Cpu, Precision::F32, &mut go_on).unwrap()
}

/// Bright bars, upright or level, each at another place.
fn bars() -> Vec<Example> {
    (0..12)
        .map(|index| {
            let (label, place) = (index % 2, 6 + index);
            let input = Grid::from_fn(3, 32, 32, |_, y, x| {
                let along = if label == 0 { x } else { y };
                if along.abs_diff(place + 4) < 3 { 0.9 } else { -0.9 }
            });
            Example { input, label }
        })
        .collect()
}

fn few(kind: HeadKind, reader: Reader) -> (HeadConfig, TrainConfig) {
    let head = few_shot_head(HeadConfig::published(kind, &reader.backbone()).unwrap());
    let head = HeadConfig {
        width: 16,
        heads: 2,
        layers: 1,
        hidden: head.hidden.iter().map(|_| 16).collect(),
        ..head
    };
    (head, TrainConfig { epochs: 3, views: 2, batch: 5, ..TrainConfig::of(Recipe::FewShot, kind, 1) })
}

fn bank(reader: Reader, head: &HeadConfig, config: &TrainConfig) -> Bank {
    let needed = reads(head, &reader.backbone()).unwrap();
    let mut gathering = Gathering::start(reader, &needed, bars(), config).unwrap();
    while !gathering.step(reader, None, &mut |_| Ok(())).unwrap() {}
    gathering.finish()
}

const TRAIN: [usize; 8] = [0, 1, 2, 3, 4, 5, 6, 7];
const HELD: [usize; 4] = [8, 9, 10, 11];

fn run(reader: Reader, kind: HeadKind, watch: &dyn Fn() -> Result<()>) -> Trained {
    let (head, config) = few(kind, reader);
    let bank = bank(reader, &head, &config);
    let mut fit = Fit::start(&head, &config, reader, &bank, (&TRAIN, &HELD), 2).unwrap();
    let mut tries = 0;
    loop {
        tries += 1;
        assert!(tries < 10_000, "it gets on");
        match fit.step(&bank, reader, watch) {
            Ok(StepDone::Finished) => return fit.finish().unwrap(),
            Ok(_) => {}
            Err(error) => assert!(error.is_cancelled(), "{error}"),
        }
    }
}

#[test]
fn a_training_that_gives_way_again_and_again_ends_the_same() {
    let network = network();
    let reader = Reader::Network(&network);
    for (kind, often) in [(HeadKind::Attention, 5), (HeadKind::DifFeed, 29)] {
        let straight = run(reader, kind, &|| Ok(()));
        let asked = Cell::new(0u32);
        let broken = run(reader, kind, &|| {
            asked.set(asked.get() + 1);
            if asked.get().is_multiple_of(often) { Err(Error::Cancelled) } else { Ok(()) }
        });
        assert!(asked.get() > often, "{kind}: it was asked");
        assert_eq!(straight.curve, broken.curve, "{kind}");
        assert_eq!(straight.curve.len(), 3);
        let pictures: Vec<Grid> = bars().into_iter().map(|example| example.input).collect();
        let of = |trained: &Trained| answer(reader, &[&trained.head], &pictures, 1, 1, &|| Ok(())).unwrap();
        assert!(of(&straight) == of(&broken), "{kind}: the same bits");
    }
}

#[test]
fn a_copy_on_the_way_answers_as_the_head_does_in_the_end() {
    let network = network();
    let reader = Reader::Network(&network);
    for kind in [HeadKind::Linear, HeadKind::Attention] {
        let (head, config) = few(kind, reader);
        let bank = bank(reader, &head, &config);
        // Without validation pictures the last state is kept.
        let mut fit = Fit::start(&head, &config, reader, &bank, (&TRAIN, &[]), 2).unwrap();
        while fit.step(&bank, reader, &|| Ok(())).unwrap() != StepDone::Finished {}
        let copy = fit.head_now(&reader.backbone()).unwrap();
        let trained = fit.finish().unwrap();
        let pictures: Vec<Grid> = bars().into_iter().map(|example| example.input).collect();
        let of = |head| answer(reader, &[head], &pictures, 1, 1, &|| Ok(())).unwrap();
        assert!(of(&copy) == of(&trained.head), "{kind}");
    }
}

#[test]
fn every_head_learns_bars_and_keeps_its_best_epoch() {
    let network = network();
    let reader = Reader::Network(&network);
    for kind in [HeadKind::Linear, HeadKind::Mlp, HeadKind::DifFormer] {
        let trained = run(reader, kind, &|| Ok(()));
        let (first, last) = (trained.curve[0].loss, trained.curve[2].loss);
        assert!(last < first, "{kind}: {first} to {last}");
        let best = trained
            .curve
            .iter()
            .min_by(|a, b| a.validation_loss.unwrap().total_cmp(&b.validation_loss.unwrap()));
        // An epoch counts as better from a thousandth on.
        let kept = trained.curve[trained.epoch.unwrap() - 1].validation_loss.unwrap();
        assert!(kept <= best.unwrap().validation_loss.unwrap() * 1.002, "{kind}");
        assert_eq!(trained.stopped, Stopped::Finished);
    }
}

/// Whether it is found in the next step, after the last, or by hand in between.
#[test]
fn a_head_that_a_step_has_broken_goes_back_to_its_last_sound_state() {
    let network = network();
    let reader = Reader::Network(&network);
    let pictures: Vec<Grid> = bars().into_iter().map(|example| example.input).collect();
    let answers = |head: &Head| answer(reader, &[head], &pictures, 1, 1, &|| Ok(())).unwrap().remove(0);
    for kind in [HeadKind::Linear, HeadKind::Attention] {
        let (head, config) = few(kind, reader);
        let config = TrainConfig { batch: 8, learning_rate: 1e300, weight_decay: 0.0, ..config };
        let bank = bank(reader, &head, &config);
        for (epochs, held, by_hand) in
            [(3, &[][..], false), (1, &[], false), (3, &HELD, false), (3, &[], true)]
        {
            let config = TrainConfig { epochs, ..config.clone() };
            let mut fit = Fit::start(&head, &config, reader, &bank, (&TRAIN, held), 2).unwrap();
            let untrained = answers(&fit.head_now(&reader.backbone()).unwrap());
            while fit.step(&bank, reader, &|| Ok(())).unwrap() != StepDone::Finished {
                if by_hand {
                    fit.stop();
                }
            }
            let trained = fit.finish().unwrap();
            assert!(matches!(trained.stopped, Stopped::NotFinite(_)), "{kind}: {:?}", trained.stopped);
            assert_eq!(trained.epoch, None, "{kind}");
            assert!(answers(&trained.head) == untrained, "{kind}, {epochs} epochs");
        }
    }
}

#[test]
fn instant_heads_and_pixels_work_from_two_pictures_per_class() {
    let network = network();
    let config = network.card.config.clone();
    for reader in [Reader::Network(&network), Reader::Pixels(&config)] {
        for kind in [HeadKind::Ridge, HeadKind::Prototype, HeadKind::Knn] {
            let published = HeadConfig::published(kind, &Reader::Network(&network).backbone()).unwrap();
            let head = match reader {
                Reader::Network(_) => published,
                Reader::Pixels(config) => Reader::on_pixels(&published, config),
            };
            let settings = TrainConfig { views: 1, ..TrainConfig::of(Recipe::FewShot, kind, 0) };
            let bank = bank(reader, &head, &settings);
            let trained = fit_instant(&head, &reader.backbone(), &bank, &[0, 1, 2, 3], 2).unwrap();
            let pictures: Vec<Grid> = bars().into_iter().map(|example| example.input).collect();
            let answers = answer(reader, &[&trained.head], &pictures, 0, 2, &|| Ok(())).unwrap();
            assert_eq!(answers[0].len(), 24);
            for row in answers[0].chunks(2) {
                assert!((row[0] + row[1] - 1.0).abs() < 1e-4 && row[0] >= 0.0, "{row:?}");
            }
            let none = fit_instant(&head, &reader.backbone(), &bank, &[0, 2], 2).err().unwrap();
            assert!(none.to_string().contains("no picture to learn from"), "{none}");
        }
    }
}

/// The features of a plain view are those that an answer is made of, to half precision.
#[test]
fn a_bank_holds_what_an_answer_reads() {
    let network = network();
    let reader = Reader::Network(&network);
    let (head, config) = few(HeadKind::Linear, reader);
    let bank = bank(reader, &head, &config);
    let needed = reads(&head, &reader.backbone()).unwrap();
    let seen = bank.seen(&[4]);
    assert_eq!(seen[0].draw, View::PLAIN.draw);
    let noised = reader.noised(&seen, &head.timesteps, config.seed).unwrap();
    let fresh = reader.maps(&seen, &noised, &needed, &mut |_| Ok(())).unwrap();
    let held = bank.maps(&[4], &needed, &Device::Cpu).unwrap();
    for read in needed {
        let of = |maps: &difscope::heads::Maps| {
            let map = maps.get(read.timestep, read.block).unwrap();
            map.flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        for (held, fresh) in of(&held).iter().zip(of(&fresh)) {
            assert!((held - fresh).abs() <= 1e-3 * fresh.abs() + 1e-4, "{held} and {fresh}");
        }
    }
}
