//! Sweeps behind the engine: what is told on the way, what stops them, and what a project keeps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod cell;
mod kept;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use difscope::features::extract::Blocks;
use difscope::features::network::NetworkSource;
use difscope::figure::Theme;
use difscope::jobs::{Engine, EngineOptions, Event, JobId, JobState, OpenNetworkJob, Outcome, SweepJob};
use difscope::study::chart::sweep_figure;
use difscope::study::sweep::{
    Cell, SweepConfig, SweepEnd, SweepKeep, SweepNews, SweepPhase, SweepReport, SweepRow, SweepTable,
};
use difscope::study::table::Features;
use difscope::tensor::device::DeviceChoice;

fn engine() -> Engine {
    let options = EngineOptions {
        device: DeviceChoice::Cpu,
        threads: Some(2),
        cache: None,
        ..EngineOptions::default()
    };
    let engine = Engine::start(options, || {}).unwrap();
    let job = OpenNetworkJob { source: NetworkSource::Embedded, preset: None };
    assert!(matches!(engine.run(job, &mut |_| {}), Ok(Outcome::Network(_))));
    engine
}

fn config() -> SweepConfig {
    SweepConfig {
        timesteps: Some(vec![10, 50, 300]),
        shots: vec![6],
        folds: 3,
        repeats: 3,
        test: Some(40),
        resamples: 500,
        ..SweepConfig::default()
    }
}

fn data() -> PathBuf {
    PathBuf::from("bundled:fashion")
}

fn job(config: SweepConfig, keep: Option<SweepKeep>) -> SweepJob {
    SweepJob::new(config, data(), keep, None).unwrap()
}

/// A sweep run to its end: what was told, and what was found.
fn swept(engine: &Engine, job: SweepJob) -> (Vec<Arc<SweepNews>>, Arc<SweepReport>) {
    let mut told = Vec::new();
    let outcome = engine.run(job, &mut |event| {
        if let Event::Sweep { news, .. } = event {
            told.push(Arc::clone(news));
        }
    });
    let Ok(Outcome::Swept(report)) = outcome else { panic!("{outcome:?}") };
    (told, report)
}

/// Events of `id` until one satisfies `last`.
fn until(engine: &Engine, id: JobId, last: impl Fn(&Event) -> bool) -> Vec<Event> {
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut events = Vec::new();
    while Instant::now() < deadline {
        let Some(event) = engine.wait(Duration::from_millis(50)) else { continue };
        let own = matches!(&event, Event::Job { id: of, .. } | Event::Sweep { id: of, .. } if *of == id);
        if own {
            let ends = last(&event);
            events.push(event);
            if ends {
                return events;
            }
        }
    }
    panic!("it never came; until then {} events", events.len());
}

fn own_rows(report: &SweepReport) -> HashMap<Cell, SweepRow> {
    let own = report.rows.iter().filter(|row| row.features == Features::Network);
    own.map(|row| (row.cell(), row.clone())).collect()
}

#[test]
fn every_cell_is_told_and_the_table_told_last_is_the_one_found() {
    let engine = engine();
    let (told, report) = swept(&engine, job(config(), None));
    let mut table = SweepTable::default();
    for news in &told {
        if news.phase == SweepPhase::First {
            assert!(news.changed.iter().all(|row| row.in_best_set.is_none() || row.features.is_control()));
        }
        table.update(&news.changed);
    }
    assert_eq!((table.blocks().len(), table.timesteps()), (19, vec![10, 50, 300]));
    assert_eq!((table.pools(), table.shots()), (vec![1], vec![6]));
    assert!(table.own().eq(SweepTable::of(&report.rows).own()));
    assert_eq!(table.own().count(), 19 * 3);
    let best = report.answers[0].best;
    assert_eq!(table.get(best).unwrap().in_best_set, Some(true));
    let phases: Vec<SweepPhase> = told.iter().map(|news| news.phase).collect();
    let place = |phase| phases.iter().position(|&told| told == phase);
    assert!(place(SweepPhase::First) < place(SweepPhase::Later(1)), "coarse first, then refined");
    assert!(place(SweepPhase::Later(1)) < place(SweepPhase::Last));
    assert!(told.iter().filter(|news| news.seconds_left.is_some()).count() > told.len() / 2);
    // Scored again where it may be the best, and only there.
    let in_set = report.rows.iter().filter(|row| row.in_best_set == Some(true)).count();
    let again = report.cells.computed - 19 * 3 - 2 - report.tested.len() - in_random(&report);
    assert!(again >= 2 * in_set && again < 2 * 19 * 3, "{again} of {in_set}");
    assert_eq!(report.end, SweepEnd::Rounds);
}

/// Cells of random weights by cross-validation.
fn in_random(report: &SweepReport) -> usize {
    report.rows.iter().filter(|row| row.features == Features::RandomWeights).count()
}

#[test]
fn one_forward_serves_all_blocks_and_pools() {
    let engine = engine();
    let config = SweepConfig { controls: false, pools: vec![1, 2], repeats: 1, ..config() };
    let (_, report) = swept(&engine, job(config.clone(), None));
    let mut steps: Vec<usize> = report.tested.iter().map(|row| row.timestep).collect();
    steps.sort_unstable();
    steps.dedup();
    // 60 pictures at three steps, and 40 test pictures at those where they score something.
    assert_eq!(report.forwards.computed, 60 * 3 + 40 * steps.len());
    assert_eq!(own_rows(&report).len(), 19 * 3 * 2);
    // A single block costs as many forwards.
    let one = SweepConfig { blocks: Blocks::List(vec![12]), pools: vec![2], ..config };
    let (_, one) = swept(&engine, job(one, None));
    assert!(one.forwards.computed >= 60 * 3 && one.forwards.computed <= 60 * 3 + 40 * 3);
}

#[test]
fn a_paused_sweep_goes_on_to_the_same_table() {
    let engine = engine();
    let (_, plain) = swept(&engine, job(config(), None));
    let id = engine.submit(job(config(), None));
    until(&engine, id, |event| matches!(event, Event::Sweep { news, .. } if !news.changed.is_empty()));
    engine.pause(id);
    until(&engine, id, |event| matches!(event, Event::Job { state: JobState::Paused, .. }));
    // Others get their turn.
    let small = SweepConfig { timesteps: Some(vec![50]), controls: false, ..config() };
    let other = engine.submit(job(small, None));
    let events = until(&engine, other, |event| matches!(event, Event::Job { state: JobState::Done(_), .. }));
    assert!(!events.is_empty());
    engine.resume(id);
    let events = until(&engine, id, |event| matches!(event, Event::Job { state: JobState::Done(_), .. }));
    let Some(Event::Job { state: JobState::Done(Outcome::Swept(report)), .. }) = events.last() else {
        panic!("{:?}", events.last())
    };
    assert_eq!((&report.rows, &report.tested), (&plain.rows, &plain.tested));
    assert_eq!(report.forwards.computed, plain.forwards.computed, "nothing was done twice");
}

#[test]
fn a_sweep_ended_early_tests_what_is_best_so_far() {
    let engine = engine();
    let id = engine.submit(job(config(), None));
    until(&engine, id, |event| matches!(event, Event::Sweep { news, .. } if !news.changed.is_empty()));
    engine.end(id);
    let events = until(&engine, id, |event| matches!(event, Event::Job { state: JobState::Done(_), .. }));
    let Some(Event::Job { state: JobState::Done(Outcome::Swept(report)), .. }) = events.last() else {
        panic!("{:?}", events.last())
    };
    assert_eq!(report.end, SweepEnd::Ended);
    assert!(own_rows(report).len() < 19 * 3, "later steps were not scored");
    let own = report.tested.iter().filter(|row| row.features == Features::Network);
    assert!(own.clone().any(|row| row.is_best) && own.count() <= 2);
}

#[test]
fn a_cancelled_sweep_says_what_is_kept() {
    let engine = engine();
    let folder = tempfile::tempdir().unwrap();
    let keep = |resume| Some(SweepKeep { folder: folder.path().to_path_buf(), resume, force: false });
    let id = engine.submit(job(config(), keep(false)));
    until(&engine, id, |event| matches!(event, Event::Sweep { news, .. } if !news.changed.is_empty()));
    engine.cancel(id);
    let events =
        until(&engine, id, |event| matches!(event, Event::Job { state: JobState::Cancelled { .. }, .. }));
    let Some(Event::Job { state: JobState::Cancelled { kept: Some(kept) }, .. }) = events.last() else {
        panic!("{:?}", events.last())
    };
    assert!(kept.contains("sweep.part") && kept.contains("--resume"), "{kept}");
    let (_, report) = swept(&engine, job(config(), keep(true)));
    assert!(report.cells.kept > 0 && report.forwards.kept >= 60, "{:?}", report.forwards);
    let (_, plain) = swept(&engine, job(config(), None));
    assert_eq!(report.rows, plain.rows);
}

#[test]
fn the_table_is_drawn_on_light_and_dark_paper() {
    let engine = engine();
    let config = SweepConfig { shots: vec![4, 6], pools: vec![1, 2], repeats: 1, ..config() };
    let (_, report) = swept(&engine, job(config, None));
    let light = sweep_figure(&report, Theme::Light).unwrap();
    let dark = sweep_figure(&report, Theme::Dark).unwrap();
    assert_eq!(light.dimensions(), dark.dimensions());
    let paper = *light.get_pixel(0, 0);
    // Nothing touches the edges.
    let (width, height) = light.dimensions();
    let edge = |x: u32, y: u32| x < 8 || y < 8 || x + 8 >= width || y + 8 >= height;
    assert!(light.enumerate_pixels().all(|(x, y, pixel)| !edge(x, y) || *pixel == paper));
    let without = SweepReport {
        rows: report.rows.iter().map(|row| SweepRow { in_best_set: Some(false), ..row.clone() }).collect(),
        ..SweepReport::clone(&report)
    };
    assert!(sweep_figure(&without, Theme::Light).unwrap() != light, "the best set is outlined");
    let empty = SweepReport { rows: Vec::new(), ..without };
    assert!(sweep_figure(&empty, Theme::Light).unwrap_err().to_string().contains("no cell"));
}
