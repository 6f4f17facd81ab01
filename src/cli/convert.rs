//! `difscope convert`: a checkpoint as safetensors with its configuration, or a head of diffssl.

use std::path::Path;

use super::args::{ConvertArgs, DiffsslArgs, Everywhere};
use super::output::{bytes, check_place, report};
use super::session::{Interrupt, Session, unexpected};
use super::{Failure, no_settings, set};
use crate::error::Error;
use crate::figure::ticks::thousands;
use crate::heads::{HeadKind, ImportConfig};
use crate::jobs::{ConvertJob, ConvertOptions, ImportHeadJob, Outcome};

/// Converts a checkpoint or a head.
///
/// # Errors
/// When the input cannot be used or the output not be written.
pub fn run(args: &ConvertArgs, everywhere: &Everywhere, interrupt: &Interrupt) -> Result<(), Failure> {
    check_ending(&args.output)?;
    check_place(&args.output, everywhere.force)?;
    let head = match args.head.head {
        Some(kind) => Some(import_config(kind, &args.head, everywhere)?),
        None => no_settings(everywhere, "convert without --head").map(|()| None)?,
    };
    if everywhere.estimate {
        return estimate(args, everywhere.json);
    }
    match head {
        Some(config) => head_of_diffssl(config, args, everywhere, interrupt),
        None => checkpoint(args, everywhere, interrupt),
    }
}

fn checkpoint(args: &ConvertArgs, everywhere: &Everywhere, interrupt: &Interrupt) -> Result<(), Failure> {
    let mut session = Session::start(everywhere, interrupt)?;
    let job = ConvertJob(ConvertOptions {
        input: args.input.clone(),
        output: args.output.clone(),
        half: args.half,
        force: everywhere.force,
        preset: everywhere.preset.clone(),
    });
    let converted = match session.run(job)? {
        Outcome::Converted(converted) => converted,
        other => return Err(unexpected(&other)),
    };
    report(everywhere.json, &*converted, || {
        let notes: String = converted.notes.iter().map(|note| format!("\n{note}")).collect();
        format!(
            "{}: {} parameters, {}{notes}\nhash       {}\nfile hash  {}\n",
            converted.output.display(),
            thousands(converted.parameters as u64),
            bytes(converted.bytes),
            converted.hash,
            converted.file_hash
        )
    })
}

/// What the flags say of a head, then `--set`.
fn import_config(
    kind: HeadKind,
    args: &DiffsslArgs,
    everywhere: &Everywhere,
) -> Result<ImportConfig, Failure> {
    let feeds = kind == HeadKind::DifFeed;
    let needed = [
        ("--t", args.timesteps.is_some(), true),
        ("--blocks", args.blocks.is_some(), !feeds),
        ("--second", args.second.is_some(), feeds),
        ("--feedback", args.feedback.is_some(), feeds),
    ];
    let missing: Vec<&str> =
        needed.iter().filter(|(_, given, needed)| *needed && !given).map(|(name, ..)| *name).collect();
    if !missing.is_empty() {
        return Err(Failure::usage(format!(
            "{}: a file of diffssl does not say this of its {kind} head; give it as it was trained",
            missing.join(", ")
        )));
    }
    let classes = args.classes.as_deref().map(names).transpose()?;
    let config = ImportConfig {
        timesteps: args.timesteps.clone().unwrap_or_default(),
        blocks: args.blocks.clone().unwrap_or_default(),
        second: args.second.clone().unwrap_or_default(),
        feedback: args.feedback.clone().unwrap_or_default(),
        pool: args.pool,
        classes,
        seed: everywhere.seed.unwrap_or(0),
        draws: everywhere.draws.unwrap_or(1),
        ..ImportConfig::new(kind)
    };
    set::apply(config, &everywhere.set)
}

/// The lines of a file, each of them once.
fn names(path: &Path) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    let names: Vec<String> = text.trim_end().lines().map(|line| line.trim().to_owned()).collect();
    let wrong = names.iter().enumerate().find_map(|(at, name)| match name.as_str() {
        "" => Some(format!("line {} names no class; give one name in each line", at + 1)),
        name if names[..at].iter().any(|other| other == name) => {
            Some(format!("line {} names {name} again; give every class a name of its own", at + 1))
        }
        _ => None,
    });
    match wrong {
        Some(why) => Err(Error::data(path.display().to_string(), why).into()),
        None => Ok(names),
    }
}

fn head_of_diffssl(
    config: ImportConfig,
    args: &ConvertArgs,
    everywhere: &Everywhere,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let mut session = Session::start(everywhere, interrupt)?;
    session.open_network(everywhere)?;
    let job = ImportHeadJob {
        input: args.input.clone(),
        output: args.output.clone(),
        config,
        replace: everywhere.force,
    };
    let imported = match session.run(job)? {
        Outcome::Imported(imported) => imported,
        other => return Err(unexpected(&other)),
    };
    for assumed in &imported.assumed {
        session.progress.note(&format!("assumed: {assumed}"));
    }
    report(everywhere.json, &*imported, || {
        format!(
            "{}: {} on {} · {} parameters · {} classes\nhash       {}\n",
            imported.output.display(),
            imported.head.kind,
            imported.network.name,
            thousands(imported.parameters as u64),
            imported.classes.len(),
            imported.hash
        )
    })
}

fn check_ending(output: &Path) -> Result<(), Failure> {
    let ending = output.extension().and_then(|ending| ending.to_str());
    if ending.is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors")) {
        return Ok(());
    }
    let text = format!(
        "{}: what is converted is written as .safetensors; choose a name with this ending",
        output.display()
    );
    Err(Failure::failed(text))
}

/// What a conversion reads; what it writes depends on how the values are stored.
fn estimate(args: &ConvertArgs, json: bool) -> Result<(), Failure> {
    let read = std::fs::metadata(&args.input).map_err(Error::io("read", &args.input))?.len();
    report(json, &serde_json::json!({ "input_bytes": read }), || format!("to read   {}\n", bytes(read)))
}
