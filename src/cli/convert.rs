//! `difscope convert`: a checkpoint as safetensors with its configuration.

use std::path::Path;

use super::args::{ConvertArgs, Everywhere};
use super::output::{bytes, check_place, report};
use super::session::{Interrupt, Session, unexpected};
use super::{Failure, no_settings};
use crate::error::Error;
use crate::figure::ticks::thousands;
use crate::jobs::{ConvertJob, ConvertOptions, Outcome};

/// Converts a checkpoint.
///
/// # Errors
/// When the input cannot be used or the output not be written.
pub fn run(args: &ConvertArgs, everywhere: &Everywhere, interrupt: &Interrupt) -> Result<(), Failure> {
    no_settings(everywhere, "convert")?;
    check_ending(&args.output)?;
    check_place(&args.output, everywhere.force)?;
    if everywhere.estimate {
        return estimate(args, everywhere.json);
    }
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

fn check_ending(output: &Path) -> Result<(), Failure> {
    let ending = output.extension().and_then(|ending| ending.to_str());
    if ending.is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors")) {
        return Ok(());
    }
    let text = format!(
        "{}: a checkpoint is written as .safetensors; choose a name with this ending",
        output.display()
    );
    Err(Failure::failed(text))
}

/// What a conversion reads; what it writes depends on how the values are stored.
fn estimate(args: &ConvertArgs, json: bool) -> Result<(), Failure> {
    let read = std::fs::metadata(&args.input).map_err(Error::io("read", &args.input))?.len();
    report(json, &serde_json::json!({ "input_bytes": read }), || format!("to read   {}\n", bytes(read)))
}
