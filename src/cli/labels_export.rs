//! `difscope labels export`: what goes out, and how it is told.

use std::path::Path;

use serde::Serialize;

use super::args::{Everywhere, LabelsExportArgs};
use super::labels::follow;
use super::labels_set::{is_project, of_data, of_project, suggest};
use super::output::{report, table};
use super::progress::Progress;
use super::{Failure, set};
use crate::figure::write::refuse_existing;
use crate::project::Project;
use crate::study::label::exchange::{
    self, Carried, Carry, ExportConfig, ExportFormat, FolderPlan, LabelSet, Vectors,
};

/// Steps and conflicts that are listed for people; `--json` lists all.
const LISTED: usize = 200;

/// Exports labels.
///
/// # Errors
/// When the labels, the settings or the output cannot be used.
pub fn run(args: &LabelsExportArgs, everywhere: &Everywhere) -> Result<(), Failure> {
    if everywhere.project.is_some() {
        let text = "--project: labels export takes the project as its first argument; leave the flag away";
        return Err(Failure::usage(text));
    }
    let config = config(args, everywhere)?;
    if config.format == ExportFormat::Folders && everywhere.force {
        return Err(Failure::usage(
            "--force: folders never replace a picture; --number gives names a number",
        ));
    }
    let paths = exchange::files(&config, &args.out);
    paths.iter().try_for_each(|path| refuse_existing(path, everywhere.force))?;
    let is_project = is_project(&args.data)?;
    // What moves in a project is followed there: that it can be is found out before anything moves.
    let moves = config.format == ExportFormat::Folders && config.how == Carry::Move && !args.dry_run;
    let mut project = match (is_project, moves) {
        (false, _) => None,
        (true, true) => Some(Project::open(&args.data)?),
        (true, false) => Some(Project::read(&args.data)?),
    };
    let (mut set, left_out) = match &project {
        Some(project) => of_project(project)?,
        None => (of_data(&args.data, everywhere)?, 0),
    };
    let mut notes = Vec::new();
    if left_out > 0 {
        notes.push(format!("{left_out} pictures of classes that are left out stay out"));
    }
    if let Some(file) = &args.suggestions {
        notes.extend(suggest(&mut set, file)?);
    }
    if config.format != ExportFormat::Folders {
        return files(set, &config, args, everywhere, notes);
    }
    let plan = FolderPlan::make(&set, &config, &args.out)?;
    if args.dry_run {
        let told = Told { plan: &plan, carried: None, notes: &notes };
        return report(everywhere.json, &told, || planned(&plan, &notes));
    }
    let mut progress = Progress::new(everywhere.quiet);
    let carried = plan.run(&mut |done, total| {
        progress.update(|| format!("{} {done} of {total} pictures", plan.how.done()));
        true
    })?;
    progress.clear();
    if let (Some(project), Carry::Move) = (&mut project, plan.how) {
        let from = |picture: usize| Path::new(&set.pictures[picture].place);
        let moves = plan.steps[..carried.done].iter().map(|step| (from(step.picture), &*step.to));
        follow(project, moves)
            .map_err(|failure| failure.with("the pictures are moved, `project import` finds them there"))?;
    }
    stopped(&plan, &carried)?;
    let told = Told { plan: &plan, carried: Some(&carried), notes: &notes };
    report(everywhere.json, &told, || done(&plan, &carried, &notes))
}

fn config(args: &LabelsExportArgs, everywhere: &Everywhere) -> Result<ExportConfig, Failure> {
    let config = ExportConfig {
        format: args.format,
        suggestions: args.suggestions.is_some(),
        how: args.how.unwrap_or_default(),
        unsure: args.unsure,
        outside: args.none,
        number: args.number,
        root: args.root.clone(),
        labels_only: args.labels_only,
    };
    let config = set::apply(config, &everywhere.set)?;
    for (flag, given, format) in [
        ("--how", args.how.is_some(), ExportFormat::Folders),
        ("--unsure", args.unsure, ExportFormat::Folders),
        ("--none", args.none, ExportFormat::Folders),
        ("--number", args.number, ExportFormat::Folders),
        ("--root", args.root.is_some(), ExportFormat::LabelStudio),
        ("--features", args.features.is_some(), ExportFormat::Projector),
        ("--labels-only", args.labels_only, ExportFormat::Projector),
    ] {
        if given && config.format != format {
            return Err(Failure::usage(format!("{flag} is for --format {format}; leave it away")));
        }
    }
    if config.suggestions && args.suggestions.is_none() {
        return Err(Failure::usage("suggestions: give what a head suggests with --suggestions FILE"));
    }
    Ok(config)
}

fn files(
    mut set: LabelSet,
    config: &ExportConfig,
    args: &LabelsExportArgs,
    everywhere: &Everywhere,
    mut notes: Vec<String>,
) -> Result<(), Failure> {
    if config.format == ExportFormat::Coco {
        set.measure();
    }
    let vectors = match &args.features {
        Some(file) => Some(Vectors::read(file, args.tensor.as_deref(), Path::new(""), &set.known())?),
        None => None,
    };
    if args.dry_run {
        set.check()?;
        let paths = exchange::files(config, &args.out);
        let told =
            serde_json::json!({ "would_write": paths, "pictures": set.pictures.len(), "notes": notes });
        return report(everywhere.json, &told, || {
            let lines = paths.iter().map(|path| format!("would write {}\n", path.display()));
            lines.collect::<String>() + &said(&notes)
        });
    }
    if config.format.is_folder() {
        refuse_file(&args.out)?;
    }
    let mut exported = exchange::export(&set, config, &args.out, vectors.as_ref(), everywhere.force)?;
    notes.append(&mut exported.notes);
    exported.notes = notes;
    report(everywhere.json, &exported, || {
        let paths: Vec<String> = exported.written.iter().map(|path| path.display().to_string()).collect();
        let (pictures, labelled) = (exported.pictures, exported.labelled);
        format!("{}: {pictures} pictures, {labelled} labelled\n{}", paths.join(", "), said(&exported.notes))
    })
}

fn refuse_file(folder: &Path) -> Result<(), Failure> {
    match folder.is_file() {
        true => Err(Failure::failed(format!("{} is a file; name a folder to write to", folder.display()))),
        false => Ok(()),
    }
}

fn said(notes: &[String]) -> String {
    notes.iter().map(|note| format!("{note}\n")).collect()
}

/// What `--json` tells of folders.
#[derive(Serialize)]
struct Told<'a> {
    plan: &'a FolderPlan,
    carried: Option<&'a Carried>,
    notes: &'a [String],
}

/// The failure of pictures that were not carried.
fn stopped(plan: &FolderPlan, carried: &Carried) -> Result<(), Failure> {
    let Some(stopped) = &carried.stopped else { return Ok(()) };
    let why = stopped.why.as_deref().unwrap_or("stopped");
    let undo = carried.journal.as_ref().map_or_else(String::new, |journal| {
        format!("; difscope labels undo {} takes them back", journal.display())
    });
    Err(Failure::failed(format!(
        "{} of {} pictures {}, {} was next and is where it was: {why}{undo}",
        carried.done,
        plan.steps.len(),
        plan.how.done(),
        stopped.from.display()
    )))
}

/// Everything that would be done.
fn planned(plan: &FolderPlan, notes: &[String]) -> String {
    let mut text = summary(plan);
    let shown = |path: &Path| path.strip_prefix(&plan.target).unwrap_or(path).display().to_string();
    for step in plan.steps.iter().take(LISTED) {
        text += &format!("{}: {} to {}\n", plan.how, step.from.display(), shown(&step.to));
    }
    if plan.steps.len() > LISTED {
        text += &format!("and {} pictures more, which --json lists\n", plan.steps.len() - LISTED);
    }
    match plan.conflicts.len() {
        0 => text += "nothing is in the way\n",
        count => text += &format!("\n{count} in the way; nothing would be done:\n"),
    }
    for conflict in plan.conflicts.iter().take(LISTED) {
        text += &format!("  {}: {}\n", conflict.path.display(), conflict.why);
    }
    if plan.conflicts.len() > LISTED {
        text += &format!("  and {} more, which --json lists\n", plan.conflicts.len() - LISTED);
    }
    text + &said(notes)
}

fn summary(plan: &FolderPlan) -> String {
    let head = ["class", "folder", "pictures"].map(String::from).to_vec();
    let rows = plan
        .folders
        .iter()
        .map(|folder| vec![folder.class.clone(), folder.folder.clone(), folder.pictures.to_string()]);
    let mut text = format!("{}\n", plan.target.display());
    text += &table(&std::iter::once(head).chain(rows).collect::<Vec<_>>(), &[0, 1]);
    let out = plan.left_out;
    for (count, what) in [
        (plan.in_place, "are in their folder already"),
        (out.blank, "have no label and stay out"),
        (out.unsure, "are marked unsure and stay out"),
        (out.outside, "are of none of the classes and stay out"),
    ] {
        if count > 0 {
            text += &format!("{count} {what}\n");
        }
    }
    text
}

fn done(plan: &FolderPlan, carried: &Carried, notes: &[String]) -> String {
    let mut text = summary(plan);
    text += &format!("{} pictures {}\n", carried.done, plan.how.done());
    if let Some(journal) = &carried.journal {
        text += &format!("difscope labels undo {} takes them back\n", journal.display());
    }
    text + &said(notes)
}
