use std::path::PathBuf;
use std::sync::Mutex;

use super::measure::Measure;
use super::pictures::FreePictures;
use super::work::{FreeWork, ONCE};
use super::*;
use crate::diffusion::Draw;
use crate::error::{Error, Result};
use crate::features::Network;
use crate::features::extract::Blocks;
use crate::features::pooled::{PooledTap, pooled_rows};
use crate::heads::Rows;
use crate::study::labelled::LabelledCache;
use crate::study::measures::clusters::{
    KMeansConfig, SilhouetteConfig, alignment, k_means, neighbour_agreement, silhouette, uniformity,
};
use crate::study::measures::neighbours::{Metric, all_nearest};
use crate::study::measures::{about, mean, unwatched};
use crate::study::sweep::plan::Plan;
use crate::study::sweep::{Cell, Score, SweepConfig, SweepReport};
use crate::study::table::Features;
use crate::tensor::device::{DeviceChoice, open};
use crate::tensor::precision::Precision;
use crate::tensor::rng::standard_normal;
use crate::unet::embedded::embedded;

fn network() -> Network {
    Network::build(embedded().unwrap(), &open(DeviceChoice::Cpu).device, Precision::F32).unwrap()
}

fn config(score: Score) -> SweepConfig {
    SweepConfig {
        score,
        blocks: Blocks::List(vec![3, 12]),
        timesteps: Some(vec![50, 300]),
        pictures: 30,
        neighbours: 4,
        resamples: 200,
        controls: false,
        ..SweepConfig::default()
    }
}

fn data() -> PathBuf {
    PathBuf::from("bundled:fashion/test")
}

fn drawn(config: &SweepConfig) -> FreePictures {
    let labelled = LabelledCache::default().pictures(&data(), &mut |_, _| true).unwrap();
    FreePictures::draw(labelled, config).unwrap()
}

/// Runs to the end, stopped every so often.
fn swept(network: &Network, config: SweepConfig, every: usize) -> SweepReport {
    let mut run = FreeRun::new(config, data(), None).unwrap();
    let cache = Mutex::new(LabelledCache::default());
    let asked = std::sync::atomic::AtomicUsize::new(1);
    let watch = || -> Result<()> {
        let asked = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if asked.is_multiple_of(every) { Err(Error::Cancelled) } else { Ok(()) }
    };
    loop {
        match run.step(network, None, &cache, &watch) {
            Ok(Some(_)) => {}
            Ok(None) => return run.finish(network).unwrap(),
            Err(error) => assert!(error.is_cancelled(), "{error}"),
        }
    }
}

#[test]
fn cells_are_what_the_measures_say_of_their_features() {
    let network = network();
    for score in [Score::Silhouette, Score::Alignment, Score::Uniformity, Score::Agreement] {
        let config = SweepConfig { draws: 2, ..config(score) };
        let report = swept(&network, config.clone(), usize::MAX);
        let pictures = drawn(&config);
        let inputs: Vec<_> = (pictures.items.iter())
            .map(|&item| pictures.labelled.input(item, &network.card.config).unwrap())
            .collect();
        assert_eq!((report.rows.len(), report.tested.len()), (4, 0));
        for row in &report.rows {
            let tap = [PooledTap { block: row.block, pool: row.pool }];
            let under = |number: u32| -> Vec<f32> {
                let draw = Draw { seed: 0, number };
                let rows =
                    pooled_rows(&network, &inputs, draw, row.timestep, None, &tap, &|| Ok(())).unwrap();
                rows[0].iter().map(|value| value.to_f32()).collect()
            };
            // Averages over two noises, and over two others.
            let side = |numbers: [u32; 2]| {
                let [a, b] = numbers.map(under);
                let half = |(a, b): (&f32, &f32)| half::f16::from_f32((a + b) / 2.0).to_f32();
                let values: Vec<f32> = a.iter().zip(&b).map(half).collect();
                let rows = Rows::new(values.len() / inputs.len(), values).unwrap();
                about(&rows, &mean(&rows)).unwrap()
            };
            let (a, b) = (side([0, 1]), side([2, 3]));
            let nearest = |rows: &Rows| all_nearest(rows, Metric::Cosine, 4, &mut unwatched).unwrap();
            let want = match score {
                Score::Silhouette => {
                    let found = k_means(&a, KMeansConfig::new(10, 0), &mut unwatched).unwrap();
                    silhouette(&a, &found.labels, SilhouetteConfig::default(), &mut unwatched).unwrap().mean
                }
                Score::Alignment => alignment(&a, &b).unwrap(),
                Score::Uniformity => uniformity(&a, &mut unwatched).unwrap(),
                _ => neighbour_agreement(&nearest(&a), &nearest(&b)).unwrap().mean,
            };
            assert!((row.accuracy - want).abs() < 1e-6, "{score} at {row:?}: {want}");
            assert!(row.ci_low <= row.accuracy && row.accuracy <= row.ci_high && row.ci_low < row.ci_high);
            assert_eq!((row.n, row.shots, &*row.score), (30, 0, score.name()));
        }
        assert_eq!(report.forwards.computed, 30 * 2 * 2 * score.noises(), "one serves all blocks");
        // More often than a cell asks of itself.
        let other = swept(&network, config, if score == Score::Silhouette { 401 } else { 41 });
        assert_eq!(other.rows, report.rows, "stopping changes nothing");
    }
}

#[test]
fn clusters_planted_at_one_cell_are_found_there() {
    let config = SweepConfig { pictures: 80, clusters: Some(4), resamples: 500, ..config(Score::Silhouette) };
    let network = network();
    let pictures = drawn(&config);
    let measure = Measure::of(&config, 80, 0).unwrap();
    let plan = Plan::new(&config, &network.card).unwrap();
    let mut work = FreeWork::new(config, plan, pictures, measure, &network);
    let cells = work.to_come();
    let planted = cells[2];
    for (at, &cell) in cells.iter().enumerate() {
        let noise = standard_normal(&[at as u8; 32], 80 * 12);
        let lift = |at: usize| if cell == planted && at % 12 == at / 12 % 4 { 12.0 } else { 0.0 };
        let values = noise.iter().enumerate().map(|(at, value)| value + lift(at)).collect();
        let values = work.measure.values(&Rows::new(12, values).unwrap(), None, &|| Ok(())).unwrap();
        work.answers.put(cell, ONCE, values).unwrap();
    }
    let standing = work.standing(work.measured(), 500);
    assert_eq!(standing.best().unwrap(), (planted, vec![planted]), "nothing else can be it");
    let rows = work.rows(work.measured(), None);
    assert!(rows.iter().all(|row| (row.accuracy > 0.5) == (row.cell() == planted)));
}

#[test]
fn lower_is_better_where_the_score_says_so() {
    let config = SweepConfig { pictures: 40, resamples: 500, ..config(Score::Alignment) };
    let network = network();
    let (pictures, plan) = (drawn(&config), Plan::new(&config, &network.card).unwrap());
    let measure = Measure::of(&config, 40, 0).unwrap();
    let mut work = FreeWork::new(config, plan, pictures, measure, &network);
    let cells = work.to_come();
    // Less noise at each next cell; the last two are the same.
    for (at, &cell) in cells.iter().enumerate() {
        let noise = 0.8 / (at.min(cells.len() - 2) + 1) as f32;
        let own = standard_normal(&[7; 32], 40 * 12);
        let side = |seed: u8| {
            let other = standard_normal(&[seed; 32], 40 * 12);
            Rows::new(12, own.iter().zip(other).map(|(own, other)| own + noise * other).collect()).unwrap()
        };
        let values = work.measure.values(&side(1), Some(&side(2)), &|| Ok(())).unwrap();
        work.answers.put(cell, ONCE, values).unwrap();
    }
    let last = &cells[cells.len() - 2..];
    let standing = work.standing(work.measured(), 500);
    let (best, set) = standing.best().unwrap();
    assert!(best == last[0] && set == last, "{set:?}");
    let worse = standing.difference(cells[0], best).unwrap();
    assert!(0.0 < worse.low && worse.low <= worse.value && worse.value <= worse.high, "{worse:?}");
    let rows = work.rows(cells, None);
    assert!(rows.windows(2).all(|pair| pair[0].accuracy >= pair[1].accuracy && pair[0].ci_low > 0.0));
}

#[test]
fn values_are_means_over_pictures_and_their_intervals_hold() {
    // Uniformity is no mean over pictures: what stands for it is as wide as the score scatters.
    let config = SweepConfig { resamples: 500, ..config(Score::Uniformity) };
    let network = network();
    let cell = |block| Cell { features: Features::Network, shots: 0, pool: 1, timestep: 50, block };
    let scattered = |seed: u8, n: usize| Rows::new(6, standard_normal(&[seed; 32], 6 * n)).unwrap();
    let centred = |rows: &Rows| about(rows, &mean(rows)).unwrap();
    let of_seed = |seed: u8| uniformity(&centred(&scattered(seed, 60)), &mut unwatched).unwrap();
    let truth = (60..=255).map(of_seed).sum::<f64>() / 196.0;
    let (mut held, mut reach) = (0, 0.0);
    for seed in 0..60 {
        let measure = Measure::of(&config, 60, 0).unwrap();
        let (pictures, plan) = (drawn(&config), Plan::new(&config, &network.card).unwrap());
        let mut work = FreeWork::new(config.clone(), plan, pictures, measure, &network);
        let rows = scattered(seed, 60);
        work.answers.put(cell(3), ONCE, work.measure.values(&rows, None, &|| Ok(())).unwrap()).unwrap();
        let row = &work.rows(vec![cell(3)], None)[0];
        assert!((row.accuracy - of_seed(seed)).abs() < 1e-5);
        reach += (row.ci_high - row.ci_low) / 2.0 / 60.0;
        held += usize::from((row.ci_low..=row.ci_high).contains(&truth));
    }
    let scatter = (60..=255).map(|seed| (of_seed(seed) - truth).powi(2)).sum::<f64>() / 196.0;
    // Taking features about their own mean makes it a little steadier.
    let wider = reach / (1.96 * scatter.sqrt());
    assert!((1.0..2.0).contains(&wider), "{wider}");
    assert!(held >= 51, "{held} of 60 hold the truth");
}

#[test]
fn what_says_nothing_is_0_and_what_cannot_be_is_refused() {
    let measure = |config: &SweepConfig, count, classes| Measure::of(config, count, classes);
    let plain = config(Score::Silhouette);
    assert_eq!(measure(&plain, 40, 0).unwrap().clusters, 10);
    assert_eq!(measure(&plain, 40, 7).unwrap().clusters, 7);
    assert_eq!(measure(&plain, 12, 0).unwrap().clusters, 6);
    let same = Rows::new(3, vec![0.5; 120]).unwrap();
    assert_eq!(measure(&plain, 40, 0).unwrap().values(&same, None, &|| Ok(())).unwrap(), vec![0.0; 40]);
    let many = SweepConfig { clusters: Some(40), ..plain.clone() };
    assert!(measure(&many, 40, 0).unwrap_err().to_string().contains("40 clusters of 40 pictures"));
    let near = SweepConfig { neighbours: 40, ..config(Score::Agreement) };
    assert!(measure(&near, 40, 0).unwrap_err().to_string().contains("--neighbours"));
    assert_eq!(measure(&config(Score::Agreement), 41, 0).unwrap().chance(), Some(0.1));
    assert!(FreeRun::new(config(Score::Ridge), data(), None).is_err());
}
