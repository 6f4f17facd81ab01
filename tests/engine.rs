//! The engine without a window: latest wins, queue, progress, cancel, and a panic that is survived.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use difscope::Error;
use difscope::data::Source;
use difscope::data::bundled::photos;
use difscope::features::extract::{Blocks, ExtractConfig, Inputs};
use difscope::features::network::NetworkSource;
use difscope::features::view::View;
use difscope::jobs::{
    Control, Engine, EngineOptions, Event, ExtractJob, Job, JobState, JobStep, OpenNetworkJob, Outcome, Part,
    PcaLock, PreviewRequest, Selection, Sheet, WorkBench,
};
use difscope::tensor::device::DeviceChoice;

fn engine(threads: usize) -> Engine {
    let options = EngineOptions {
        device: DeviceChoice::Cpu,
        threads: Some(threads),
        cache: None,
        ..EngineOptions::default()
    };
    let engine = Engine::start(options, || {}).unwrap();
    let job = OpenNetworkJob { source: NetworkSource::Embedded, preset: None };
    assert!(matches!(engine.run(job, &mut |_| {}), Ok(Outcome::Network(_))));
    engine
}

fn selection(timestep: usize, block: usize) -> Selection {
    Selection { timestep, block, seed: 0, draw: 0, average: 1, class: None }
}

fn picture(index: usize) -> Source {
    photos()[index].clone()
}

/// Every event until one satisfies `last`.
fn until(engine: &Engine, last: impl Fn(&Event) -> bool) -> Vec<Event> {
    let mut events = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        if let Some(event) = engine.wait(Duration::from_millis(100)) {
            let ends = last(&event);
            events.push(event);
            if ends {
                return events;
            }
        }
    }
    panic!("it never came; until then: {events:?}");
}

fn parts(engine: &Engine, request: PreviewRequest) -> Vec<Part> {
    let asked = engine.preview(request);
    let ends = |event: &Event| matches!(event, Event::Preview { generation, part: Part::Complete | Part::Failed(_) } if *generation == asked);
    let events = until(engine, ends);
    let of_ours = events.into_iter().filter_map(|event| match event {
        Event::Preview { generation, part } if generation == asked => Some(part),
        _ => None,
    });
    of_ours.collect()
}

fn map(parts: &[Part]) -> &difscope::jobs::MapShown {
    parts.iter().find_map(|part| if let Part::Map(map) = part { Some(map) } else { None }).expect("a map")
}

#[test]
fn a_preview_comes_in_order_and_complete() {
    let engine = engine(2);
    let mut request = PreviewRequest::of(picture(0), selection(50, 12), View::Mosaic);
    request.predict = true;
    request.sheet = Some(Sheet::Steps(vec![10, 50, 90]));
    let parts = parts(&engine, request);
    let names: Vec<&str> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Picture(_) => Some("picture"),
            Part::Noised(_) => Some("noised"),
            Part::Map(_) => Some("map"),
            Part::Cell(_) => Some("cell"),
            Part::Predicted(_) => Some("predicted"),
            Part::Complete => Some("complete"),
            _ => None,
        })
        .collect();
    assert_eq!(names, ["picture", "noised", "map", "predicted", "cell", "cell", "cell", "complete"]);
    assert_eq!((map(&parts).grid.channels(), map(&parts).grid.height()), (128, 8));
}

#[test]
fn another_block_or_view_of_a_computed_step_costs_no_forward() {
    let engine = engine(2);
    let mut request = PreviewRequest::of(picture(1), selection(50, 12), View::Mosaic);
    assert_eq!(map(&parts(&engine, request.clone())).forwards, 1);
    request.view = View::Pca;
    assert_eq!(map(&parts(&engine, request.clone())).forwards, 0, "another view");
    request.selection.block = 5;
    assert_eq!(map(&parts(&engine, request.clone())).forwards, 0, "a block on the way");
    request.selection.block = 15;
    assert_eq!(map(&parts(&engine, request.clone())).forwards, 1, "deeper");
    request.selection.timestep = 90;
    assert_eq!(map(&parts(&engine, request.clone())).forwards, 1, "another step");
    request.selection.timestep = 50;
    assert_eq!(map(&parts(&engine, request)).forwards, 0, "back");
}

#[test]
fn a_map_taken_up_again_equals_one_computed_at_once() {
    let engine = engine(2);
    let at = |engine: &Engine, block| {
        let request = PreviewRequest::of(picture(2), selection(90, block), View::Mosaic);
        map(&parts(engine, request)).grid.clone()
    };
    at(&engine, 3);
    at(&engine, 11);
    assert_eq!(at(&engine, 18), at(&self::engine(1), 18));
}

#[test]
fn the_latest_preview_wins() {
    let engine = engine(2);
    let mut last = 0;
    for t in 0..200 {
        let mut request = PreviewRequest::of(picture(0), selection(t, 19), View::Norm);
        request.predict = true;
        last = engine.preview(request);
    }
    let complete = |event: &Event| matches!(event, Event::Preview { generation, part: Part::Complete } if *generation == last);
    let events = until(&engine, complete);
    let completed =
        events.iter().filter(|event| matches!(event, Event::Preview { part: Part::Complete, .. })).count();
    assert!(completed < 100, "{completed} of 200 ran to their end although newer ones waited");
    let generations: Vec<u64> = events
        .iter()
        .filter_map(|event| match event {
            Event::Preview { generation, .. } => Some(*generation),
            _ => None,
        })
        .collect();
    assert!(generations.is_sorted(), "no result of an older request after a newer one");
}

#[test]
fn a_preview_asked_for_before_there_is_a_network_waits_for_it() {
    let options = EngineOptions {
        device: DeviceChoice::Cpu,
        threads: Some(1),
        cache: None,
        ..EngineOptions::default()
    };
    let engine = Engine::start(options, || {}).unwrap();
    engine.submit(OpenNetworkJob { source: NetworkSource::Embedded, preset: None });
    let parts = parts(&engine, PreviewRequest::of(picture(0), selection(50, 2), View::Norm));
    assert!(matches!(parts.last(), Some(Part::Complete)), "{parts:?}");
}

#[test]
fn nothing_comes_after_the_end_of_a_job() {
    let engine = engine(1);
    let missing = || OpenNetworkJob { source: NetworkSource::Named("missing.pt".into()), preset: None };
    let ids: Vec<_> = (0..20).map(|_| engine.submit(missing())).collect();
    let last = *ids.last().unwrap();
    let ends =
        |event: &Event| matches!(event, Event::Job { id, state: JobState::Failed { .. }, .. } if *id == last);
    let mut ended = std::collections::HashSet::new();
    for event in until(&engine, ends) {
        if let Event::Job { id, state, .. } = event {
            assert!(!ended.contains(&id), "{state:?} after the end");
            if matches!(state, JobState::Failed { .. }) {
                ended.insert(id);
            }
        }
    }
    assert_eq!(ended.len(), ids.len());
}

#[test]
fn a_preview_that_cannot_be_fails_in_words_and_the_next_works() {
    let engine = engine(1);
    let failure = |request| match parts(&engine, request).pop() {
        Some(Part::Failed(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(failure(PreviewRequest::of(picture(0), selection(50, 20), View::Norm)).contains("1 to 19"));
    assert!(failure(PreviewRequest::of(picture(0), selection(1000, 1), View::Norm)).contains("999"));
    assert!(
        failure(PreviewRequest::of(Source::file("no such.png"), selection(5, 1), View::Norm))
            .contains("no such.png")
    );
    let fine = PreviewRequest::of(picture(0), selection(50, 2), View::Norm);
    assert_eq!(map(&parts(&engine, fine)).grid.channels(), 1);
}

#[test]
fn draws_average_and_locked_colours_agree() {
    let engine = engine(2);
    let grid = |draw, average| {
        let at = Selection { draw, average, ..selection(150, 12) };
        map(&parts(&engine, PreviewRequest::of(picture(0), at, View::Mosaic))).grid.clone()
    };
    let (a, b, both) = (grid(0, 1), grid(1, 1), grid(0, 2));
    assert_ne!(a, b);
    for ((a, b), both) in a.values().iter().zip(b.values()).zip(both.values()) {
        assert!(((a + b) / 2.0 - both).abs() < 1e-5);
    }
    let mut request = PreviewRequest::of(picture(0), selection(50, 12), View::Pca);
    let own = map(&parts(&engine, request.clone())).grid.clone();
    request.lock = PcaLock {
        pictures: vec![
            (difscope::jobs::PictureId(7), picture(0)),
            (difscope::jobs::PictureId(8), picture(1)),
        ],
        timesteps: vec![10, 50, 150],
        blocks: vec![12, 15],
    };
    let locked = map(&parts(&engine, request.clone())).grid.clone();
    assert_ne!(own, locked);
    request.selection.block = 15;
    let answer = parts(&engine, request.clone());
    let second = map(&answer);
    assert_eq!(second.lock.as_deref(), Some("the same colours over 2 pictures · t 10, 50, 150 · b 12, 15"));
    // Both blocks are chosen: what is red in one is red in the other.
    let [first, second] = [&locked, &second.grid].map(|grid| difscope::features::pca::sampled(grid, 8));
    let (a, b) = (first.channel(0), second.channel(0));
    let mean = |v: &[f32]| v.iter().sum::<f32>() / v.len() as f32;
    let (ma, mb) = (mean(a), mean(b));
    let sum = |f: &dyn Fn(f32, f32) -> f32| a.iter().zip(b).map(|(a, b)| f(a - ma, b - mb)).sum::<f32>();
    let alike = sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt();
    assert!(alike > 0.8, "{alike}");
    let mut refused = |lock: PcaLock| {
        request.lock = lock;
        let parts = parts(&engine, request.clone());
        parts.iter().find_map(|part| if let Part::Failed(why) = part { Some(why.to_string()) } else { None })
    };
    let why = refused(PcaLock { blocks: vec![20], ..PcaLock::default() }).unwrap();
    assert!(why.contains("block 20") && why.contains("1 to 19"), "{why}");
    let why = refused(PcaLock { timesteps: vec![1000], ..PcaLock::default() }).unwrap();
    assert!(why.contains("1000") && why.contains("999"), "{why}");
}

#[test]
fn similarity_is_found_in_other_pictures() {
    let engine = engine(2);
    let mut request = PreviewRequest::of(picture(0), selection(50, 12), View::Similarity { x: 16, y: 16 });
    request.others = vec![
        (difscope::jobs::PictureId(1), picture(1)),
        (difscope::jobs::PictureId(2), Source::file("gone.png")),
        (difscope::jobs::PictureId(3), picture(3)),
    ];
    let parts = parts(&engine, request);
    let others: Vec<u64> = parts
        .iter()
        .filter_map(|part| if let Part::Other(other) = part { Some(other.id.0) } else { None })
        .collect();
    assert_eq!(others, [1, 3], "one that cannot be read does not stop the rest");
}

/// A job that does what a closure says.
struct Scripted(Box<Script>);

type Script = dyn FnMut(&mut Control) -> difscope::Result<JobStep> + Send;

impl Job for Scripted {
    fn title(&self) -> String {
        "scripted".into()
    }

    fn step(&mut self, _: &mut WorkBench, control: &mut Control) -> difscope::Result<JobStep> {
        (self.0)(control)
    }

    fn stopped(&mut self) -> Option<String> {
        Some("kept".into())
    }
}

fn done(text: &str) -> JobStep {
    JobStep::Done(Outcome::Done(text.into()))
}

#[test]
fn a_panic_in_a_job_is_an_error_and_the_worker_lives() {
    let engine = engine(1);
    let result = engine.run(Scripted(Box::new(|_| panic!("seven"))), &mut |_| {});
    match result.unwrap_err().as_ref() {
        Error::Panic { message, .. } => assert_eq!(message, "seven"),
        other => panic!("{other}"),
    }
    let parts = parts(&engine, PreviewRequest::of(picture(0), selection(50, 3), View::Norm));
    assert!(matches!(parts.last(), Some(Part::Complete)));
}

#[test]
fn jobs_run_in_order_and_report() {
    let engine = engine(1);
    let log = Arc::new(Mutex::new(Vec::new()));
    let job = |name: &'static str| {
        let log = Arc::clone(&log);
        let mut left = 3;
        Scripted(Box::new(move |_| {
            left -= 1;
            log.lock().unwrap().push(name);
            std::thread::sleep(Duration::from_millis(60));
            Ok(if left == 0 {
                done(name)
            } else {
                JobStep::Going { what: "steps".into(), done: 3 - left, total: 3 }
            })
        }))
    };
    engine.submit(job("a"));
    let last = engine.submit(job("b"));
    let events = until(
        &engine,
        |event| matches!(event, Event::Job { id, state: JobState::Done(_), .. } if *id == last),
    );
    assert_eq!(*log.lock().unwrap(), ["a", "a", "a", "b", "b", "b"]);
    let estimates = events.iter().filter(|event| {
        matches!(event, Event::Job { state: JobState::Running { seconds_left: Some(left), .. }, .. } if *left > 0.0)
    });
    assert!(estimates.count() >= 1, "time left is estimated");
}

#[test]
fn a_job_gives_way_to_a_preview_and_goes_on() {
    let engine = engine(1);
    let steps = Arc::new(AtomicUsize::new(0));
    let finish = Arc::new(AtomicBool::new(false));
    let (counted, ending) = (Arc::clone(&steps), Arc::clone(&finish));
    let id = engine.submit(Scripted(Box::new(move |control| {
        while !ending.load(Ordering::SeqCst) {
            control.check()?;
            counted.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(done("late"))
    })));
    let parts = parts(&engine, PreviewRequest::of(picture(0), selection(50, 3), View::Norm));
    assert!(matches!(parts.last(), Some(Part::Complete)), "the preview came while the job was under way");
    let before = steps.load(Ordering::SeqCst);
    std::thread::sleep(Duration::from_millis(50));
    assert!(steps.load(Ordering::SeqCst) > before, "the job went on");
    finish.store(true, Ordering::SeqCst);
    until(
        &engine,
        |event| matches!(event, Event::Job { id: ended, state: JobState::Done(_), .. } if *ended == id),
    );
}

#[test]
fn cancelling_stops_running_and_queued_jobs() {
    let engine = engine(1);
    let forever = || {
        Scripted(Box::new(|control: &mut Control| {
            loop {
                control.check()?;
                std::thread::sleep(Duration::from_millis(1));
            }
        }))
    };
    let (first, second) = (engine.submit(forever()), engine.submit(forever()));
    std::thread::sleep(Duration::from_millis(30));
    engine.canceller().cancel_all();
    let mut kept = Vec::new();
    let ended = Mutex::new(0);
    let events = until(&engine, |event| {
        let mut ended = ended.lock().unwrap();
        *ended += usize::from(matches!(event, Event::Job { state: JobState::Cancelled { .. }, .. }));
        *ended == 2
    });
    for event in events {
        if let Event::Job { id, state: JobState::Cancelled { kept: text }, .. } = event {
            kept.push((id, text));
        }
    }
    kept.sort();
    assert_eq!(kept, [(first, Some("kept".to_string())), (second, None)]);
}

fn extract(threads: usize, sources: Vec<Source>, out: &std::path::Path) -> Vec<u8> {
    let config = ExtractConfig {
        timesteps: vec![10, 150],
        blocks: Blocks::All,
        pool: Some(2),
        seed: 3,
        draws: 2,
        class: None,
        noised: false,
        with_out: true,
    };
    let job = ExtractJob::new(config, Inputs::Pictures(sources), out.to_path_buf(), false, true).unwrap();
    assert!(matches!(engine(threads).run(job, &mut |_| {}), Ok(Outcome::Extracted(_))));
    std::fs::read(out).unwrap()
}

/// Bit-equal features for one picture alone, among others, in another order, with other threads.
#[test]
fn features_do_not_depend_on_company_order_or_threads() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("f.safetensors");
    let rows = |bytes: &[u8], row: usize| -> Vec<(String, Vec<u8>)> {
        let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
        let mut rows: Vec<_> = file
            .tensors()
            .into_iter()
            .map(|(name, view)| {
                let size = view.data().len() / view.shape()[0];
                (name, view.data()[row * size..(row + 1) * size].to_vec())
            })
            .collect();
        rows.sort();
        rows
    };
    let together = extract(2, vec![picture(0), picture(1), picture(2)], &out);
    let turned = extract(1, vec![picture(2), picture(0)], &out);
    let alone = extract(3, vec![picture(2)], &out);
    assert_eq!(rows(&together, 2).len(), 2 * 20);
    assert!(rows(&together, 2) == rows(&alone, 0), "alone, three threads");
    assert!(rows(&together, 2) == rows(&turned, 0), "other order, one thread");
    assert!(rows(&together, 0) == rows(&turned, 1), "other order, other neighbour");
    assert!(rows(&together, 0) != rows(&together, 1));
}
