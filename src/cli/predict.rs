//! `difscope predict`: what a trained head says of pictures.

use std::io::Write;

use serde::Serialize;

use super::args::Everywhere;
use super::head_args::PredictArgs;
use super::output::{check_place, print, report};
use super::session::{Interrupt, Session, unexpected};
use super::{Failure, no_settings};
use crate::error::{Error, Result};
use crate::features::network::NetworkSource;
use crate::figure::write::atomic;
use crate::heads::{HeadInfo, read_info};
use crate::jobs::{OpenNetworkJob, Outcome, PredictJob, Predictions};
use crate::unet::embedded::embedded;

/// What `--json` tells of a picture.
#[derive(Serialize)]
struct Told<'a> {
    path: &'a str,
    label: &'a str,
    confidence: f32,
    probabilities: &'a [f32],
}

/// Asks a head about pictures.
///
/// # Errors
/// When the head, its network or every picture cannot be used.
pub fn run(args: &PredictArgs, everywhere: &Everywhere, interrupt: &Interrupt) -> Result<(), Failure> {
    no_settings(everywhere, "predict")?;
    if let Some(out) = &args.out {
        check_place(out, everywhere.force)?;
    }
    let info = read_info(&args.head)?;
    let source = network_of(&info, everywhere)?;
    let mut session = Session::start(everywhere, interrupt)?;
    let (sources, listed) = session.list(args.inputs.clone())?;
    session.run(OpenNetworkJob { source, preset: everywhere.preset.clone() })?;
    let job = PredictJob::new(args.head.clone(), sources, everywhere.draws);
    let predictions = match session.run(job)? {
        Outcome::Predicted(predictions) => predictions,
        other => return Err(unexpected(&other)),
    };
    for skipped in &listed {
        session.progress.note(&format!("skipped: {}: {}", skipped.path.display(), skipped.why));
    }
    for skipped in &predictions.skipped {
        session.progress.note(&format!("skipped: {skipped}"));
    }
    if predictions.names.is_empty() {
        return Err(Failure::failed("none of the pictures could be read; see above"));
    }
    let text = csv_of(&predictions)?;
    if let Some(out) = &args.out {
        atomic(out, everywhere.force, |file| {
            file.write_all(text.as_bytes()).map_err(Error::io("write", out))
        })?;
    }
    let rows: Vec<Told> = rows(&predictions).collect();
    match (&args.out, everywhere.json) {
        (_, true) => report(true, &rows, String::new),
        (None, false) => print(&text),
        (Some(out), false) => print(&format!("{}: {} pictures\n", out.display(), rows.len())),
    }
}

/// The network that a head reads: the one given, the embedded one, or the file it was trained with.
pub(super) fn network_of(info: &HeadInfo, everywhere: &Everywhere) -> Result<NetworkSource, Failure> {
    if everywhere.model.is_some() {
        return everywhere.network(None);
    }
    if embedded()?.hash == info.network.hash {
        return Ok(NetworkSource::Embedded);
    }
    match info.network.path.as_ref().filter(|path| path.exists()) {
        Some(path) => Ok(NetworkSource::Named(path.display().to_string())),
        None => Err(Failure::failed(format!(
            "this head reads {} (hash {}); give its file with --model",
            info.network.name, info.network.hash
        ))),
    }
}

fn rows(predictions: &Predictions) -> impl Iterator<Item = Told<'_>> {
    let classes = &predictions.info.classes;
    let answers = predictions.probabilities.chunks_exact(classes.len().max(1));
    predictions.names.iter().zip(answers).map(|(path, probabilities)| {
        let best = (0..probabilities.len())
            .max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]).then(b.cmp(&a)))
            .unwrap_or(0);
        Told { path, label: &classes[best], confidence: probabilities[best], probabilities }
    })
}

/// Path, label, confidence, then one column `p_<class>` for each class.
fn csv_of(predictions: &Predictions) -> Result<String, Failure> {
    let failed = |error: String| Failure::failed(format!("the table cannot be written: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = ["path", "label", "confidence"].into_iter().map(String::from);
    let head = head.chain(predictions.info.classes.iter().map(|class| format!("p_{class}")));
    writer.write_record(head).map_err(|error| failed(error.to_string()))?;
    for row in rows(predictions) {
        let cells = [row.path.to_string(), row.label.to_string(), row.confidence.to_string()];
        let cells = cells.into_iter().chain(row.probabilities.iter().map(ToString::to_string));
        writer.write_record(cells).map_err(|error| failed(error.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
}
