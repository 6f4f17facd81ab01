//! `difscope extract`: features of pictures or tensors into one file.

use std::path::PathBuf;

use serde::Serialize;

use super::Failure;
use super::args::{Everywhere, ExtractArgs};
use super::estimate::Estimate;
use super::memory::peak_rss_bytes;
use super::output::{check_place, report};
use super::session::{Interrupt, Opened, Session, unexpected};
use super::set;
use crate::data::Skipped;
use crate::features::extract::{Blocks, ExtractConfig, Inputs, TensorInputs};
use crate::features::network::NetworkCard;
use crate::features::output::OutputFormat;
use crate::jobs::{ExtractJob, ExtractReport, Outcome};

/// What `--json` tells.
#[derive(Serialize)]
struct Told<'a> {
    out: &'a PathBuf,
    network: &'a str,
    network_hash: &'a str,
    device: &'a str,
    settings: &'a ExtractConfig,
    items: usize,
    seconds_load: f64,
    seconds_forward: &'a [f64],
    peak_rss_bytes: Option<u64>,
    skipped: &'a [String],
    notes: &'a [String],
}

/// Extracts features.
///
/// # Errors
/// When an input, a setting or the output cannot be used. Pictures that cannot be read are skipped
/// and listed, unless none is left.
pub fn run(args: &ExtractArgs, everywhere: &Everywhere, interrupt: &Interrupt) -> Result<(), Failure> {
    // What can be refused at once is, before anything takes time.
    config(args, everywhere, None)?;
    OutputFormat::of(&args.out)?;
    check_place(&args.out, everywhere.force)?;
    let mut session = Session::start(everywhere, interrupt)?;
    let (inputs, listed) = inputs(args, &mut session)?;
    let Opened { card, seconds } = session.open_network(everywhere)?;
    let config = config(args, everywhere, Some(&card))?;
    config.validate(&card)?;
    if everywhere.estimate {
        return estimate(&config, &card, inputs.len())?.print(everywhere.json);
    }
    let job = ExtractJob::new(config.clone(), inputs, args.out.clone(), everywhere.resume, everywhere.force)?;
    let extracted = match session.run(job)? {
        Outcome::Extracted(extracted) => extracted,
        other => return Err(unexpected(&other)),
    };
    let seconds_load = seconds + extracted.seconds_load;
    let listed = listed.iter().map(|skipped| format!("{}: {}", skipped.path.display(), skipped.why));
    let skipped: Vec<String> = listed.chain(extracted.skipped.iter().cloned()).collect();
    for line in &skipped {
        session.progress.note(&format!("skipped: {line}"));
    }
    for line in &extracted.notes {
        session.progress.note(line);
    }
    let told = Told {
        out: &extracted.out,
        network: &card.name,
        network_hash: &card.hash,
        device: &session.device,
        settings: &config,
        items: extracted.items,
        seconds_load,
        seconds_forward: &extracted.seconds_forward,
        peak_rss_bytes: peak_rss_bytes(),
        skipped: &skipped,
        notes: &extracted.notes,
    };
    report(everywhere.json, &told, || text(&extracted, &card, &config, seconds_load))
}

/// The settings: flags, what they leave open as the network has it, then `--set`.
fn config(
    args: &ExtractArgs,
    everywhere: &Everywhere,
    card: Option<&NetworkCard>,
) -> Result<ExtractConfig, Failure> {
    let (timestep, block) = card.map_or((0, 1), |card| (card.default_timestep(), card.default_block()));
    let config = ExtractConfig {
        timesteps: args.timesteps.clone().unwrap_or_else(|| vec![timestep]),
        blocks: args.blocks.clone().unwrap_or_else(|| Blocks::List(vec![block])),
        pool: args.pool.and_then(|pool| pool.0),
        seed: everywhere.seed.unwrap_or(0),
        draws: everywhere.draws.unwrap_or(1),
        class: everywhere.class,
        noised: args.noised,
        with_out: args.with_out,
    };
    set::apply(config, &everywhere.set)
}

/// One file of tensors, or pictures; and what gave no picture.
fn inputs(args: &ExtractArgs, session: &mut Session) -> Result<(Inputs, Vec<Skipped>), Failure> {
    let is_tensors = |path: &PathBuf| {
        path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors")) && !path.is_dir()
    };
    match args.inputs.iter().find(|path| is_tensors(path)) {
        Some(tensors) if args.inputs.len() == 1 => {
            Ok((Inputs::Tensors(TensorInputs::read(tensors)?), Vec::new()))
        }
        Some(tensors) => Err(Failure::failed(format!(
            "{}: a file of tensors must be the only input; extract it by itself",
            tensors.display()
        ))),
        None => {
            let (sources, skipped) = session.list(args.inputs.clone())?;
            Ok((Inputs::Pictures(sources), skipped))
        }
    }
}

fn estimate(config: &ExtractConfig, card: &NetworkCard, items: usize) -> Result<Estimate, Failure> {
    let draws = if config.noised { 1 } else { config.draws as usize };
    Ok(Estimate {
        items,
        forwards: items * config.timesteps.len() * draws,
        gmac: config.gmac_per_picture(card)? * items as f64,
        output_bytes: Some(config.bytes_per_picture(card)? * items as u64),
        parameter_bytes: card.parameters as u64 * 4,
    })
}

fn text(extracted: &ExtractReport, card: &NetworkCard, config: &ExtractConfig, seconds: f64) -> String {
    let steps: Vec<String> = config.timesteps.iter().map(ToString::to_string).collect();
    let blocks = match &config.blocks {
        Blocks::All => "all blocks".into(),
        Blocks::List(list) => {
            format!("b {}", list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
    };
    let pool = config.pool.map_or("whole maps".into(), |side| format!("pooled to {side}×{side}"));
    let computed = extracted.seconds_forward.len();
    let mean = extracted.seconds_forward.iter().sum::<f64>() / computed.max(1) as f64;
    let pictures = if extracted.items == 1 { "picture" } else { "pictures" };
    format!(
        "{}: {} {pictures} · {} · t {} · {blocks} · {pool}\n{seconds:.2} s to load, {mean:.3} s per picture\n",
        extracted.out.display(),
        extracted.items,
        card.name,
        steps.join(", ")
    )
}
