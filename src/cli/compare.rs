//! `difscope compare`: many heads on the same pictures, beside controls.

use std::fs;

use serde::Serialize;

use super::args::Everywhere;
use super::estimate::Estimate;
use super::head_args::CompareArgs;
use super::output::report;
use super::session::{Interrupt, Opened, Session, unexpected};
use super::{Failure, kept, set};
use crate::data::dataset::DataSet;
use crate::error::Error;
use crate::figure::write::refuse_existing;
use crate::figure::{Caption, Theme};
use crate::heads::{Backbone, HeadKind};
use crate::jobs::{CompareJob, Outcome, PaceJob};
use crate::study::report::{FILES, markdown, write};
use crate::study::statistics::Bootstrap;
use crate::study::table::{Record, Summary, Table};
use crate::study::{CompareConfig, Comparison};

/// What `--json` tells.
#[derive(Serialize)]
struct Told<'a> {
    data: &'a str,
    classes: &'a [String],
    network: &'a str,
    settings: &'a CompareConfig,
    rows: &'a [Record],
    summary: &'a [Summary],
    notes: &'a [String],
}

/// Compares heads and writes the tables and figures.
///
/// # Errors
/// When pictures, settings or the output cannot be used.
pub fn run(args: &CompareArgs, everywhere: &Everywhere, interrupt: &Interrupt) -> Result<(), Failure> {
    let config = config(args, everywhere)?;
    config.validate()?;
    for name in FILES {
        refuse_existing(&args.out.join(name), everywhere.force)?;
    }
    let mut session = Session::start(everywhere, interrupt)?;
    if !everywhere.estimate {
        kept::open(&mut session, everywhere)?;
    }
    let Opened { card, .. } = session.open_network(everywhere)?;
    if everywhere.estimate {
        let set = DataSet::open(&args.data, &|| false)?;
        let (pictures, classes) = (set.items.len() - set.unlabelled(), set.classes.len());
        let (forwards, gmac) = config.cost(&Backbone::from(&*card), pictures, classes)?;
        let parameter_bytes = card.parameters as u64 * 4;
        let estimate = Estimate { items: pictures, forwards, gmac, output_bytes: None, parameter_bytes };
        return match session.run(PaceJob::Comparison { config, pictures, classes })? {
            Outcome::Paced(seconds) => estimate.print_timed(seconds, everywhere.json),
            other => Err(unexpected(&other)),
        };
    }
    let compared = match session.run(CompareJob::new(config.clone(), args.data.clone())?)? {
        Outcome::Compared(compared) => compared,
        other => return Err(unexpected(&other)),
    };
    for note in &compared.notes {
        session.progress.note(note);
    }
    let table = compared.table(Bootstrap::default())?;
    let written = files(args, everywhere, &compared, &config, &table);
    let told = Told {
        data: &compared.data,
        classes: &compared.classes,
        network: &compared.network,
        settings: &config,
        rows: table.records(),
        summary: table.summaries(),
        notes: &compared.notes,
    };
    report(everywhere.json, &told, || {
        let place = match &written {
            Ok(()) => format!("\n{}: tables and figures\n", args.out.display()),
            Err(_) => String::new(),
        };
        markdown(table.summaries()) + &place
    })?;
    written.map_err(|failure| failure.with("what was found is told above and not all of it saved"))
}

/// Writes tables and figures.
fn files(
    args: &CompareArgs,
    everywhere: &Everywhere,
    compared: &Comparison,
    config: &CompareConfig,
    table: &Table,
) -> Result<(), Failure> {
    fs::create_dir_all(&args.out).map_err(Error::io("create", &args.out))?;
    let settings = serde_json::to_string(config).map_err(|error| Error::Compute(error.to_string()))?;
    let caption = caption(compared, config);
    write(&args.out, table, &caption, Theme::Light, Some(&settings), everywhere.force)?;
    Ok(())
}

fn config(args: &CompareArgs, everywhere: &Everywhere) -> Result<CompareConfig, Failure> {
    let config = CompareConfig {
        heads: args.heads.clone().unwrap_or_else(|| HeadKind::ALL.to_vec()),
        recipe: args.recipe.unwrap_or_default(),
        shots: args.shots.clone().unwrap_or_else(|| vec![5, 20]),
        seeds: args.seeds.unwrap_or(3),
        test: args.test,
        controls: args.controls.clone().unwrap_or_default(),
        draws: everywhere.draws.unwrap_or(1),
        seed: everywhere.seed.unwrap_or(0),
        epochs: args.epochs,
        views: None,
    };
    set::apply(config, &everywhere.set)
}

fn caption(compared: &Comparison, config: &CompareConfig) -> Caption {
    let seeds = if config.seeds == 1 { "1 seed".to_string() } else { format!("{} seeds", config.seeds) };
    Caption {
        title: format!("Heads on {}", compared.network),
        lines: vec![
            format!(
                "{}, {} classes · recipe {} · {seeds}",
                compared.data,
                compared.classes.len(),
                config.recipe
            ),
            "Numbers of this network are its own.".into(),
        ],
    }
}
