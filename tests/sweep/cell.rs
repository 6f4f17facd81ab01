//! A cell looked into says what the sweep said of every picture.

use difscope::jobs::CellJob;
use difscope::study::cell::{CellConfig, CellReport, NoiseConfig};
use difscope::study::sweep::Score;
use serde_json::Value;

use super::*;

fn seen(engine: &Engine, config: CellConfig) -> Arc<CellReport> {
    let outcome = engine.run(CellJob::new(config, data()).unwrap(), &mut |_| {});
    let Ok(Outcome::Cell(report)) = outcome else { panic!("{outcome:?}") };
    report
}

#[test]
fn every_answer_is_the_one_of_the_sweep() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine();
    engine.use_feature_store(Some(folder.path().join("features")));
    for score in [Score::Ridge, Score::Prototype] {
        let config = SweepConfig {
            blocks: Blocks::List(vec![3, 12]),
            timesteps: Some(vec![50]),
            pools: vec![1, 2],
            shots: vec![3, 6],
            controls: false,
            score,
            ..config()
        };
        let kept = folder.path().join(score.name());
        let keep = SweepKeep { folder: kept.clone(), resume: false, force: false };
        let (_, report) = swept(&engine, job(config.clone(), Some(keep)));
        let lines = std::fs::read_to_string(SweepKeep::parts(&kept).join("cells.jsonl")).unwrap();
        let lines: Vec<Value> =
            lines.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
        for (cell, row) in own_rows(&report) {
            let found = seen(&engine, CellConfig::of(config.clone(), cell));
            assert_eq!(found.forwards.computed, 0, "features of the sweep are kept");
            let spoken: Vec<&Value> = lines
                .iter()
                .filter(|line| serde_json::from_value::<Cell>(line["cell"].clone()).unwrap() == cell)
                .collect();
            let first = spoken.iter().find(|line| line["round"]["fold"] == 0).unwrap();
            let said: Vec<usize> = serde_json::from_value(first["said"].clone()).unwrap();
            let answers: Vec<usize> = found.pictures.iter().map(|picture| picture.answer.unwrap()).collect();
            assert_eq!(said, answers, "{cell:?}");
            let rounds = spoken.iter().filter(|line| line["round"]["fold"].is_u64()).count();
            let told = found.answers.as_ref().unwrap();
            // Cells that cannot be the best any more have not spoken in all rounds.
            let mean = told.rounds[..rounds].iter().sum::<f64>() / rounds as f64;
            assert!((mean - row.accuracy).abs() < 1e-12, "{cell:?}: {told:?} and {row:?}");
            let same = [(1, told.first), (config.repeats, told.all)];
            for (_, told) in same.into_iter().filter(|(all, _)| *all == rounds) {
                assert_eq!([told.value, told.low, told.high], [row.accuracy, row.ci_low, row.ci_high]);
            }
            assert_eq!(told.rounds.len(), config.repeats);
        }
    }
}

#[test]
fn a_look_is_cancelled_and_noise_costs_its_own_forwards() {
    let engine = engine();
    let cell = Cell { features: Features::Network, shots: 6, pool: 1, timestep: 50, block: 12 };
    let noise = NoiseConfig { draws: 3, timesteps: Some(vec![50, 300]), pictures: 15 };
    let config = CellConfig { noise, ..CellConfig::of(config(), cell) };
    let id = engine.submit(CellJob::new(config.clone(), data()).unwrap());
    until(&engine, id, |event| matches!(event, Event::Job { state: JobState::Running { .. }, .. }));
    engine.cancel(id);
    let events =
        until(&engine, id, |event| matches!(event, Event::Job { state: JobState::Cancelled { .. }, .. }));
    assert!(!events.is_empty());
    let mut shares = Vec::new();
    let outcome = engine.run(CellJob::new(config, data()).unwrap(), &mut |event| {
        if let Event::Job { state: JobState::Running { done, total, .. }, .. } = event {
            shares.push((*done, *total));
        }
    });
    let Ok(Outcome::Cell(report)) = outcome else { panic!("{outcome:?}") };
    assert!(shares.is_sorted() && shares.iter().all(|(done, total)| done <= total), "{shares:?}");
    assert_eq!(report.forwards.computed, 60 + 2 * 3 * 15);
    assert_eq!(
        report.noise.iter().map(|row| (row.timestep, row.draws)).collect::<Vec<_>>(),
        [(50, 3), (300, 3)]
    );
    // Without another draw the features are those that were looked at.
    assert!(report.noise[0].agreement > report.noise[0].agreement_by_chance);
}
