//! Sweeps in a project.

use difscope::heads::NetworkRef;
use difscope::jobs::{NewSweep, OpenedProject, ProjectChoice, ProjectEvent, SweepRecord, SweepSettings};
use difscope::project::RunStatus;

use super::*;

/// What came of the requests up to `through`.
fn news(engine: &Engine, through: difscope::jobs::KeepId) -> Vec<ProjectEvent> {
    let mut news = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        match engine.wait(Duration::from_millis(50)) {
            Some(Event::Project(ProjectEvent::Saved { through: saved, .. })) if saved >= through => {
                return news;
            }
            Some(Event::Project(event)) => news.push(event),
            _ => {}
        }
    }
    panic!("nothing was saved");
}

fn open(engine: &Engine, path: &std::path::Path) -> Arc<OpenedProject> {
    let asked = engine.open_project(ProjectChoice::File(path.to_path_buf()));
    let opened = news(engine, asked).into_iter().find_map(|event| match event {
        ProjectEvent::Opened(opened) => Some(opened),
        _ => None,
    });
    opened.unwrap()
}

fn begin(engine: &Engine) -> Arc<SweepRecord> {
    let network = NetworkRef { name: "fashion32".into(), hash: "abc".into(), path: None };
    let settings = SweepSettings { data: data(), network, sweep: config() };
    let asked = engine.begin_sweep(NewSweep { name: "shirts".into(), settings });
    let begun = news(engine, asked).into_iter().find_map(|event| match event {
        ProjectEvent::SweepAdded(sweep) => Some(sweep),
        _ => None,
    });
    begun.unwrap()
}

#[test]
fn a_project_keeps_cells_as_they_come_and_what_came_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.difscope");
    let (broken, done, report) = {
        let engine = engine();
        let _ = open(&engine, &path);
        let small = SweepConfig { timesteps: Some(vec![50]), controls: false, ..config() };
        let (_, report) = swept(&engine, job(small, None));
        let broken = begin(&engine);
        let done = begin(&engine);
        let some = report.rows[..5].to_vec();
        engine.keep_sweep_rows(broken.id, some.clone());
        engine.keep_sweep_rows(done.id, some);
        let asked = engine.end_sweep(done.id, RunStatus::Done, Some(Arc::clone(&report)));
        assert!(news(&engine, asked).is_empty(), "all is saved");
        (broken.id, done.id, report)
    };
    let engine = engine();
    let opened = open(&engine, &path);
    assert!(opened.notes.is_empty() && opened.runs.is_empty(), "{:?}", opened.notes);
    let [first, second] = &opened.sweeps[..] else { panic!("{:?}", opened.sweeps) };
    // One was left by a program that ended before it did.
    assert_eq!((first.id, first.status, first.report.is_none()), (broken, RunStatus::Interrupted, true));
    let cells = |rows: &[SweepRow]| {
        let mut cells: Vec<(Cell, f64)> = rows.iter().map(|row| (row.cell(), row.accuracy)).collect();
        cells.sort_by_key(|(cell, _)| *cell);
        cells
    };
    assert_eq!(cells(&first.rows), cells(&report.rows[..5]));
    assert!(first.rows.iter().all(|row| row.in_best_set.is_none()), "nothing was compared yet");
    assert_eq!((second.id, second.status, &second.settings.sweep), (done, RunStatus::Done, &config()));
    let kept = second.report.as_ref().unwrap();
    assert_eq!((&kept.sentence, &kept.settings, kept.end), (&report.sentence, &report.settings, report.end));
    assert_eq!((&kept.answers[0].best, kept.tested.len()), (&report.answers[0].best, report.tested.len()));
    let sets = |rows: &[SweepRow]| rows.iter().map(|row| (row.cell(), row.in_best_set)).collect::<Vec<_>>();
    assert_eq!((sets(&kept.rows), sets(&second.rows)), (sets(&report.rows), sets(&report.rows)));
}
