//! `difscope project`: labels into a project file, and what is in it out of it.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use super::args::{Everywhere, ExportWhat, ProjectAction, ProjectArgs};
use super::output::{check_place, report, table};
use super::{Failure, data, no_settings};
use crate::data::dataset::{DataSet, Digest};
use crate::data::duplicates::Duplicates;
use crate::data::split::{How, Split, candidates};
use crate::error::{Error, Result};
use crate::figure::write::atomic;
use crate::project::{
    Class, ClassId, ImageId, Label, LabelChange, LabelSource, LabellingEntry, Marked, NewImage, Project,
    RunStatus, SplitEntry, Summary,
};

use crate::study::label::Classes;

/// Works on a project file.
///
/// # Errors
/// When the file cannot be used, or is open elsewhere.
pub fn run(args: &ProjectArgs, everywhere: &Everywhere) -> Result<(), Failure> {
    no_settings(everywhere, "project")?;
    match &args.action {
        ProjectAction::Import { file, data } => import(file, data, everywhere),
        ProjectAction::Export { file, what, out } => export(file, *what, out, everywhere),
        ProjectAction::List { file } => list(file, everywhere),
    }
}

/// What `import --json` tells.
#[derive(Serialize)]
struct Imported {
    project: String,
    pictures: usize,
    moved: usize,
    labelled: usize,
    kept: usize,
    new_classes: Vec<String>,
    split: Option<String>,
    unreadable: Vec<String>,
}

fn import(file: &Path, source: &Path, everywhere: &Everywhere) -> Result<(), Failure> {
    // A project that is open elsewhere is found out before anything takes time.
    let mut project = if file.exists() { Project::open(file)? } else { Project::create(file)? };
    let (set, prints) = data::read(source, everywhere)?;
    let found: Vec<NewImage> = set
        .items
        .iter()
        .zip(&prints)
        .map(|(item, print)| NewImage { digest: print.digest.0, place: item.place() })
        .collect();
    let moved = project.relink_beside(&found)?.moved.len();
    let images = project.add_images(&found)?;
    let (classes, new_classes) = classes(&mut project, &set)?;
    let before: HashMap<ImageId, Label> = project.labels()?.into_iter().collect();
    let (mut changes, mut kept) = (Vec::new(), 0);
    for (&image, item) in images.iter().zip(&set.items) {
        let Some(class) = item.class.map(|class| classes[class]) else { continue };
        match before.get(&image) {
            Some(label) if label.class == class => {}
            Some(label) if label.source != LabelSource::Bulk && !everywhere.force => kept += 1,
            _ => changes.push(LabelChange { image, label: Some((class, LabelSource::Bulk)) }),
        }
    }
    if !changes.is_empty() {
        project.label(&format!("import {}", set.name), &changes)?;
    }
    // The parts that the data set has of its own are kept as a split of its name.
    let own = candidates(&set, &prints, &Duplicates::of(&prints));
    let split = own.iter().any(|picture| picture.given.is_some()).then(|| Split::make(How::Given, 0, &own));
    let split = split.transpose()?;
    if let Some(split) = &split {
        project.put_split(&set.name, split)?;
    }
    let told = Imported {
        project: file.display().to_string(),
        pictures: images.len(),
        moved,
        labelled: changes.len(),
        kept,
        new_classes,
        split: split.map(|_| set.name.clone()),
        unreadable: set.unreadable.iter().map(|one| format!("{}: {}", one.path.display(), one.why)).collect(),
    };
    report(everywhere.json, &told, || {
        let mut text =
            format!("{}: {} pictures, {} labelled anew", told.project, told.pictures, told.labelled);
        if moved > 0 {
            text += &format!(", {moved} found at another place");
        }
        if kept > 0 {
            text += &format!("\n{kept} keep the label that was given by hand; --force replaces these");
        }
        if !told.new_classes.is_empty() {
            text += &format!("\nnew classes: {}", told.new_classes.join(", "));
        }
        if let Some(name) = &told.split {
            text += &format!("\nsplit: {name}, as the data set has it");
        }
        for line in &told.unreadable {
            text += &format!("\nskipped: {line}");
        }
        text + "\n"
    })
}

/// The class of the project for each class of the set, by name; and the names that are new.
fn classes(project: &mut Project, set: &DataSet) -> Result<(Vec<ClassId>, Vec<String>)> {
    let mut classes = project.classes()?;
    let mut next = classes.iter().map(|class| class.id.0).max().unwrap_or(0) + 1;
    let (mut ids, mut new) = (Vec::new(), Vec::new());
    for entry in set.class_table().entries() {
        if let Some(known) = classes.iter().find(|class| class.name == entry.name) {
            ids.push(known.id);
            continue;
        }
        let id = ClassId(next);
        next += 1;
        ids.push(id);
        new.push(entry.name.clone());
        let name = entry.name.clone();
        classes.push(Class { id, name, colour: entry.colour, included: true, merged_into: None });
    }
    if !new.is_empty() {
        project.put_classes(&format!("classes of {}", set.name), &classes)?;
    }
    Ok((ids, new))
}

fn export(file: &Path, what: ExportWhat, out: &Path, everywhere: &Everywhere) -> Result<(), Failure> {
    check_place(out, everywhere.force)?;
    let ending = out.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let project = Project::read(file)?;
    let (count, text) = match (what, ending.as_deref()) {
        (ExportWhat::Labels, Some("csv")) => labels_csv(&project)?,
        (ExportWhat::Labels, Some("json")) => pretty(labels(&project)?.into_iter().map(Row::json).collect())?,
        (ExportWhat::Splits, Some("json")) => pretty(splits(&project)?)?,
        (ExportWhat::Runs, Some("json")) => pretty(runs(&project)?)?,
        (ExportWhat::Labels, _) => return Err(ending_needed(out, ".csv or .json")),
        (ExportWhat::Splits | ExportWhat::Runs, _) => return Err(ending_needed(out, ".json")),
    };
    atomic(out, everywhere.force, |file| file.write_all(text.as_bytes()).map_err(Error::io("write", out)))?;
    let told = json!({ "out": out, "count": count });
    report(everywhere.json, &told, || format!("{}: {count} written\n", out.display()))
}

fn ending_needed(out: &Path, endings: &str) -> Failure {
    Failure::failed(format!(
        "{}: this is written as {endings}; choose a name with this ending",
        out.display()
    ))
}

fn pretty(values: Vec<Value>) -> Result<(usize, String), Failure> {
    let text = serde_json::to_string_pretty(&values)
        .map_err(|error| Failure::failed(format!("the result cannot be written as JSON: {error}")))?;
    Ok((values.len(), text + "\n"))
}

/// A picture with its label, if it has one.
struct Row {
    place: String,
    label: Option<(String, LabelSource)>,
    digest: String,
}

impl Row {
    fn json(self) -> Value {
        let Row { place, label, digest } = self;
        let source = label.as_ref().map(|(_, source)| source.to_string());
        json!({ "path": place, "label": label.map(|(name, _)| name), "source": source, "digest": digest })
    }
}

fn labels(project: &Project) -> Result<Vec<Row>> {
    let names: BTreeMap<ClassId, String> =
        project.classes()?.into_iter().map(|class| (class.id, class.name)).collect();
    let labels: HashMap<ImageId, Label> = project.labels()?.into_iter().collect();
    let row = |image: crate::project::Image| {
        let label = labels.get(&image.id);
        let label = label.and_then(|label| Some((names.get(&label.class)?.clone(), label.source)));
        Row { place: image.place, label, digest: Digest(image.digest).to_string() }
    };
    let mut rows: Vec<Row> = project.images()?.into_iter().map(row).collect();
    let mut place_of: HashMap<String, usize> =
        rows.iter().enumerate().map(|(at, row)| (row.place.clone(), at)).collect();
    for LabellingEntry { classes, marks, .. } in project.labellings()? {
        let classes: Classes = serde_json::from_value(classes).unwrap_or_default();
        for (key, mark) in marks {
            let Marked::Class { class, source } = mark else { continue };
            let Some(class) = classes.all().get(class) else { continue };
            let at = *place_of.entry(key.place.clone()).or_insert_with(|| {
                let digest = Digest(key.digest).to_string();
                rows.push(Row { place: key.place, label: None, digest });
                rows.len() - 1
            });
            // One label for each picture, so that the table is a data set: the first.
            rows[at].label.get_or_insert_with(|| (class.name.clone(), source));
        }
    }
    Ok(rows)
}

/// A table that is a data set again.
fn labels_csv(project: &Project) -> Result<(usize, String), Failure> {
    let rows = labels(project)?;
    let failed = |why: String| Failure::failed(format!("the labels cannot be written: {why}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = ["path", "label", "source", "digest"].map(String::from);
    let cells = rows.iter().map(|row| {
        let (name, source) = match &row.label {
            Some((name, source)) => (name.clone(), source.to_string()),
            None => (String::new(), String::new()),
        };
        [row.place.clone(), name, source, row.digest.clone()]
    });
    for row in std::iter::once(head).chain(cells) {
        writer.write_record(row).map_err(|error| failed(error.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(error.to_string()))?;
    Ok((rows.len(), String::from_utf8_lossy(&bytes).into_owned()))
}

fn splits(project: &Project) -> Result<Vec<Value>> {
    let body = |entry: SplitEntry| {
        let split = project.split::<Value>(&entry.name)?;
        Ok(json!({ "name": entry.name, "created": entry.created, "split": split }))
    };
    project.splits()?.into_iter().map(body).collect()
}

fn runs(project: &Project) -> Result<Vec<Value>> {
    let whole = |run: crate::project::Run| {
        let cells = project.sweep_cells(run.id)?;
        Ok(json!({ "run": run, "sweep_cells": cells }))
    };
    project.runs()?.into_iter().map(whole).collect()
}

/// What `list --json` tells.
#[derive(Serialize)]
struct Listed {
    project: String,
    holds: Summary,
    classes: Vec<ClassListed>,
    labellings: Vec<LabellingListed>,
    splits: Vec<SplitEntry>,
    runs: Vec<RunListed>,
}

#[derive(Serialize)]
struct ClassListed {
    name: String,
    labels: usize,
}

#[derive(Serialize)]
struct LabellingListed {
    data: String,
    labels: usize,
}

#[derive(Serialize)]
struct RunListed {
    id: i64,
    name: String,
    status: RunStatus,
    created: i64,
    head: Option<String>,
}

fn labelling(entry: LabellingEntry) -> LabellingListed {
    let is_class = |(_, mark): &&(_, Marked)| matches!(mark, Marked::Class { .. });
    LabellingListed { labels: entry.marks.iter().filter(is_class).count(), data: entry.data }
}

fn list(file: &Path, everywhere: &Everywhere) -> Result<(), Failure> {
    let project = Project::read(file)?;
    let labels = project.labels()?;
    let count = |class: &Class| labels.iter().filter(|(_, label)| label.class == class.id).count();
    let classes = project.classes()?;
    let listed = Listed {
        project: file.display().to_string(),
        holds: project.summary()?,
        classes: classes
            .iter()
            .map(|class| ClassListed { name: class.name.clone(), labels: count(class) })
            .collect(),
        labellings: project.labellings()?.into_iter().map(labelling).collect(),
        splits: project.splits()?,
        runs: project
            .runs()?
            .into_iter()
            .map(|run| RunListed {
                id: run.id.0,
                name: run.name,
                status: run.status,
                created: run.created,
                head: run.head,
            })
            .collect(),
    };
    report(everywhere.json, &listed, || text(&listed))
}

fn text(listed: &Listed) -> String {
    let Summary { images, missing, labels, .. } = listed.holds;
    let lost = if missing > 0 { format!(", {missing} of them missing") } else { String::new() };
    let mut text = format!("{}: {images} pictures{lost}, {labels} labelled\n", listed.project);
    let mut part = |head: &[&str], rows: Vec<Vec<String>>, left: &[usize]| {
        if !rows.is_empty() {
            let head = head.iter().map(ToString::to_string).collect();
            text += &format!("\n{}", table(&[vec![head], rows].concat(), left));
        }
    };
    let classes = listed.classes.iter().map(|class| vec![class.name.clone(), class.labels.to_string()]);
    part(&["class", "labels"], classes.collect(), &[0]);
    let labellings = listed.labellings.iter().map(|entry| vec![entry.data.clone(), entry.labels.to_string()]);
    part(&["labelled data set", "labels"], labellings.collect(), &[0]);
    part(&["split"], listed.splits.iter().map(|split| vec![split.name.clone()]).collect(), &[0]);
    let runs = listed.runs.iter().map(|run| {
        let head = run.head.clone().unwrap_or_default();
        vec![run.id.to_string(), run.name.clone(), run.status.to_string(), head]
    });
    part(&["run", "name", "status", "head"], runs.collect(), &[1, 2, 3]);
    text
}
