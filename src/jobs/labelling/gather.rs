//! Features for labelling, made by the worker while labelling goes on.

use std::sync::Arc;

use super::link::{Begin, Link, Row};
use super::open::OpenedLabels;
use crate::error::{Error, Result};
use crate::features::extract::forwards_together;
use crate::features::input::prepare;
use crate::features::kept_rows::Cells;
use crate::jobs::batch::{Control, Job, JobStep};
use crate::jobs::event::Outcome;
use crate::jobs::worker::Bench;
use crate::study::label::{LabelFeatures, Labeller, spread};

/// Pictures read in one step at most, where none has to be computed.
const TAKEN: usize = 64;

/// Makes features of the pictures of a session: labelled ones first, then from everywhere in the set.
pub struct LabelFeaturesJob {
    link: Arc<Link>,
    opened: Arc<OpenedLabels>,
    features: Option<LabelFeatures>,
    /// Pictures, in the order in which they come.
    order: Vec<usize>,
    run: Option<Run>,
}

struct Run {
    number: u64,
    cells: Cells,
    together: usize,
    next: usize,
    computed: usize,
    failed: usize,
}

impl LabelFeaturesJob {
    pub(super) fn new(
        link: Arc<Link>,
        opened: Arc<OpenedLabels>,
        features: Option<LabelFeatures>,
        is_labelled: impl Fn(usize) -> bool,
    ) -> LabelFeaturesJob {
        let (mut order, rest): (Vec<usize>, Vec<usize>) =
            spread(opened.pictures.len()).into_iter().partition(|&picture| is_labelled(picture));
        order.extend(rest);
        LabelFeaturesJob { link, opened, features, order, run: None }
    }

    fn begin(&mut self, bench: &mut Bench) -> Result<Run> {
        let (network, store) = bench.network_and_store()?;
        let features = match &self.features {
            Some(features) => features.clone(),
            None => LabelFeatures::of(&network.card),
        };
        features.check(&network.card)?;
        let cells = features.cells();
        let width = cells.width(network)?;
        Labeller::check_room(self.opened.pictures.len(), width)?;
        let together = forwards_together(network, cells.deepest(), 2 * width as u64)?;
        if let Some(store) = store {
            store.begin_run();
        }
        let begin = Begin { width, features, card: Arc::clone(&network.card) };
        let number = self.link.begin(begin);
        Ok(Run { number, cells, together: together.min(TAKEN), next: 0, computed: 0, failed: 0 })
    }
}

impl Job for LabelFeaturesJob {
    fn title(&self) -> String {
        format!("features of {}", self.opened.name)
    }

    fn step(&mut self, bench: &mut Bench, control: &mut Control) -> Result<JobStep> {
        let mut run = match self.run.take() {
            Some(run) => run,
            None => self.begin(bench)?,
        };
        let done = take(&mut run, self, bench, control);
        let (number, next, total) = (run.number, run.next, self.order.len());
        let (computed, failed) = (run.computed, run.failed);
        self.run = Some(run);
        let rows = done?;
        if !self.link.add(number, rows) {
            return Ok(JobStep::Done(Outcome::Done("these features are no longer asked for".into())));
        }
        if next < total {
            return Ok(JobStep::Going { what: "pictures".into(), done: next as u64, total: total as u64 });
        }
        let skipped = match failed {
            0 => String::new(),
            failed => format!(", {failed} cannot be read"),
        };
        Ok(JobStep::Done(Outcome::Done(format!(
            "features of {} pictures, {computed} passes of the network{skipped}",
            total - failed
        ))))
    }
}

/// The next few pictures.
fn take(run: &mut Run, job: &LabelFeaturesJob, bench: &mut Bench, control: &Control) -> Result<Vec<Row>> {
    let (network, store) = bench.network_and_store()?;
    let some = &job.order[run.next..(run.next + run.together).min(job.order.len())];
    let (mut rows, mut pictures, mut inputs): (Vec<Row>, _, _) = (Vec::new(), Vec::new(), Vec::new());
    for &picture in some {
        control.check()?;
        let source = &job.opened.pictures[picture].source;
        match source.open().and_then(|read| prepare(&read, &network.card.config)) {
            Ok(prepared) => {
                pictures.push(picture);
                inputs.push(prepared.input);
            }
            Err(error) => rows.push((picture, Err(error.to_string()))),
        }
    }
    if !inputs.is_empty() {
        let made = run.cells.rows(network, &inputs, store, &|| control.check())?;
        if made.rows.len() != pictures.len() {
            return Err(Error::Compute("a picture gave no features".into()));
        }
        run.computed += made.computed;
        let wide = made.rows.into_iter().map(|row| Ok(row.into_iter().map(|value| value.to_f32()).collect()));
        rows.extend(pictures.into_iter().zip(wide));
    }
    run.failed += rows.iter().filter(|(_, row)| row.is_err()).count();
    run.next += some.len();
    Ok(rows)
}
