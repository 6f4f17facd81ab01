//! `difscope inspect`: what a checkpoint holds, also one that cannot be used.

use super::args::{Everywhere, InspectArgs};
use super::output::{report, significant, table};
use super::session::{Interrupt, Session, unexpected};
use super::{Failure, no_settings};
use crate::figure::ticks::thousands;
use crate::jobs::{InspectJob, InspectReport, Outcome};
use crate::unet::config::{NoiseSchedule, Preprocess};
use crate::unet::plan::Parameter;

/// Inspects a network.
///
/// # Errors
/// When it cannot be read, and, after printing, when no network can be built from it.
pub fn run(args: &InspectArgs, everywhere: &Everywhere, interrupt: &Interrupt) -> Result<(), Failure> {
    no_settings(everywhere, "inspect")?;
    if args.network.is_some() && everywhere.model.is_some() {
        return Err(Failure::usage("give the network once: as MODEL or with --model"));
    }
    let source = everywhere.network(args.network.as_deref())?;
    let mut session = Session::start(everywhere, interrupt)?;
    let job = InspectJob { source, preset: everywhere.preset.clone() };
    let found = match session.run(job)? {
        Outcome::Inspected(found) => found,
        other => return Err(unexpected(&other)),
    };
    report(everywhere.json, &*found, || text(&found))?;
    match &found.problem {
        Some(problem) => Err(Failure::failed(problem)),
        None => Ok(()),
    }
}

fn text(found: &InspectReport) -> String {
    let mut text = format!("{}\n\n{}\n", found.name, table(&facts(found), &[0, 1]));
    text += &blocks(found);
    let shaped = |p: &Parameter| format!("{} {:?}", p.name, p.shape);
    let misshapen =
        |m: &crate::unet::weights::Misshapen| format!("{} {:?} instead of {:?}", m.name, m.found, m.expected);
    let lists: [(&str, Vec<String>); 4] = [
        ("missing", found.missing.iter().map(shaped).collect()),
        ("unused", found.unused.iter().map(shaped).collect()),
        ("wrongly shaped", found.misshapen.iter().map(misshapen).collect()),
        ("not finite (NaN or infinity)", found.not_finite.clone()),
    ];
    for (what, items) in lists.iter().filter(|(_, items)| !items.is_empty()) {
        text += &format!("\n{} {what}\n  {}\n", items.len(), items.join("\n  "));
    }
    text
}

/// What should be known, as name and value.
fn facts(found: &InspectReport) -> Vec<Vec<String>> {
    let config = &found.config;
    let schedule = match config.noise_schedule {
        NoiseSchedule::Linear => "linear",
        NoiseSchedule::Cosine => "cosine",
    };
    let preprocess = match config.preprocess {
        Preprocess::Adm => "reduced and cropped to the centre (adm)",
        Preprocess::Pad => "padded with black (pad)",
    };
    let file =
        found.path.as_ref().map_or("embedded in the program".into(), |path| path.display().to_string());
    let mut facts = vec![
        ("file", file),
        ("parameters", format!("{}, stored as {}", thousands(found.parameters as u64), found.stored_as)),
        ("input", format!("3×{0}×{0}, {preprocess}", config.image_size)),
        ("diffusion", format!("{} steps, {schedule} schedule", config.diffusion_steps)),
        ("classes", config.num_classes.map_or("none".into(), |count| count.to_string())),
        ("forward", format!("{} GMAC", significant(found.full_gmac))),
    ];
    if let Some(defaults) = &config.defaults {
        facts.push(("starts at", format!("t {}, b {}", defaults.timestep, defaults.block)));
    }
    if let Some(card) = &config.card {
        facts.push(("trained on", card.data.clone()));
        facts.push(("training", card.training.clone()));
        facts.push(("intended use", card.intended_use.clone()));
        facts.push((
            "licence",
            if card.licence.is_empty() { "not stated".into() } else { card.licence.clone() },
        ));
        facts.push(("source", card.source.clone()));
    }
    facts.push(("configuration", format!("from {}", found.config_source)));
    facts.extend(found.assumed.iter().map(|line| ("assumed", line.clone())));
    facts.extend(found.notes.iter().map(|line| ("note", line.clone())));
    facts.push(("hash", found.hash.clone()));
    facts.push(("file hash", found.file_hash.clone()));
    let told = facts.into_iter().filter(|(_, value)| !value.is_empty());
    told.map(|(name, value)| vec![name.to_string(), value]).collect()
}

fn blocks(found: &InspectReport) -> String {
    let head = ["b", "place", "name", "C×H×W", "parameters", "GMAC", "to reach"];
    let rows = found.blocks.iter().map(|info| {
        vec![
            info.block.to_string(),
            info.place(),
            info.name.clone(),
            info.shape(),
            thousands(info.parameters as u64),
            significant(info.gmac),
            significant(info.cumulative_gmac),
        ]
    });
    let rows: Vec<Vec<String>> = std::iter::once(head.map(String::from).to_vec()).chain(rows).collect();
    table(&rows, &[1, 2])
}
