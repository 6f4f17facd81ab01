//! `difscope labels`: labels to other programs, and back into a project.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::Serialize;

use super::args::{Everywhere, LabelsAction, LabelsArgs};
use super::output::{report, table};
use super::{Failure, labels_export, no_settings};
use crate::data::dataset::{ClassTable, Digest};
use crate::project::{Class, ClassId, Image, ImageId, Label, LabelChange, LabelSource, NewImage, Project};
use crate::study::label::Mark;
use crate::study::label::exchange::{self, FoundBy, Imported, Known, Unused};

/// Lines that were not used, listed for people; `--json` lists all.
const LISTED: usize = 20;

/// Exports, imports, or takes moves back.
///
/// # Errors
/// When files, the project or the output cannot be used.
pub fn run(args: &LabelsArgs, everywhere: &Everywhere) -> Result<(), Failure> {
    match &args.action {
        LabelsAction::Export(args) => labels_export::run(args, everywhere),
        LabelsAction::Import { file } => import(file, everywhere),
        LabelsAction::Undo { journal } => undo(journal, everywhere),
    }
}

/// Pictures as labels are looked for.
pub(super) fn known(images: &[Image]) -> Vec<Known<'_>> {
    images.iter().map(|image| Known { place: &image.place, digest: Some(Digest(image.digest)) }).collect()
}

/// What `import --json` tells.
#[derive(Serialize)]
struct Told<'a> {
    project: String,
    file: String,
    labelled: usize,
    same: usize,
    kept: usize,
    blank: usize,
    marks_left: usize,
    found_by_content: usize,
    found_by_ending: usize,
    new_classes: &'a [String],
    unused: &'a [Unused],
}

fn import(file: &Path, everywhere: &Everywhere) -> Result<(), Failure> {
    no_settings(everywhere, "labels import")?;
    let Some(path) = &everywhere.project else {
        return Err(Failure::usage("labels import: name the project that gets the labels with --project"));
    };
    let mut project = Project::open(path)?;
    let images = project.images()?;
    let mut classes = project.classes()?;
    let names: Vec<String> = classes.iter().map(|class| class.name.clone()).collect();
    let imported = exchange::import(file, &known(&images), &names)?;
    if let (true, Some(first)) = (imported.taken.is_empty(), imported.unused.first()) {
        let text = format!(
            "{}: none of its {} lines could be used (the first: {}: {})",
            file.display(),
            imported.unused.len(),
            first.path,
            first.why
        );
        return Err(Failure::failed(text));
    }
    let before: HashMap<ImageId, Label> = project.labels()?.into_iter().collect();
    let ids = new_classes(&mut project, &mut classes, &imported)?;
    let (mut changes, mut told) = (Vec::new(), told(path, file, &imported));
    for taken in &imported.taken {
        let image = images[taken.picture].id;
        let (class, source) = match taken.mark {
            Mark::Class { class, source } => (ids[class], source),
            Mark::Blank => {
                told.blank += 1;
                continue;
            }
            Mark::Unsure | Mark::Outside => {
                told.marks_left += 1;
                continue;
            }
        };
        let by_hand = |source: LabelSource| source != LabelSource::Bulk;
        match before.get(&image) {
            // A label that was looked at stays one.
            Some(label) if label.class == class && (by_hand(label.source) || !by_hand(source)) => {
                told.same += 1
            }
            Some(label) if label.class != class && by_hand(label.source) && !everywhere.force => {
                told.kept += 1
            }
            _ => changes.push(LabelChange { image, label: Some((class, source)) }),
        }
    }
    told.labelled = changes.len();
    if !changes.is_empty() {
        project.label(&format!("import {}", file.display()), &changes)?;
    }
    report(everywhere.json, &told, || text(&told))
}

fn told<'a>(project: &Path, file: &Path, imported: &'a Imported) -> Told<'a> {
    let by = |by: FoundBy| imported.taken.iter().filter(|taken| taken.by == by).count();
    Told {
        project: project.display().to_string(),
        file: file.display().to_string(),
        labelled: 0,
        same: 0,
        kept: 0,
        blank: 0,
        marks_left: 0,
        found_by_content: by(FoundBy::Content),
        found_by_ending: by(FoundBy::Ending),
        new_classes: imported.new_classes(),
        unused: &imported.unused,
    }
}

/// The class of the project for each class of the file; those that are new are added.
fn new_classes(
    project: &mut Project,
    classes: &mut Vec<Class>,
    imported: &Imported,
) -> Result<Vec<ClassId>, Failure> {
    let next = classes.iter().map(|class| class.id.0).max().unwrap_or(0) + 1;
    let table = ClassTable::of(&imported.classes);
    classes.extend(table.entries()[imported.known..].iter().zip(next..).map(|(entry, id)| Class {
        id: ClassId(id),
        name: entry.name.clone(),
        colour: entry.colour,
        included: true,
        merged_into: None,
    }));
    if !imported.new_classes().is_empty() {
        project.put_classes("classes of imported labels", classes)?;
    }
    Ok(classes.iter().map(|class| class.id).collect())
}

fn text(told: &Told) -> String {
    let mut text = format!("{}: {} pictures labelled by {}", told.project, told.labelled, told.file);
    let mut say = |count: usize, what: &str| {
        if count > 0 {
            text += &format!("\n{count} {what}");
        }
    };
    say(told.same, "had this label already");
    say(told.kept, "keep the label that was given by hand; --force replaces these");
    say(told.blank, "have no label in the file, and stay as they are");
    say(told.marks_left, "are marked unsure or none; these marks are taken in the window, by Import labels");
    say(told.found_by_content, "were found at another place, by their content");
    say(told.found_by_ending, "were found by the end of their path");
    say(told.unused.len(), "lines were not used:");
    for Unused { line, path, why } in told.unused.iter().take(LISTED) {
        text += &format!("\n  line {line}, {path}: {why}");
    }
    if told.unused.len() > LISTED {
        text += &format!("\n  and {} lines more, which --json lists", told.unused.len() - LISTED);
    }
    if !told.new_classes.is_empty() {
        text += &format!("\nnew classes: {}", told.new_classes.join(", "));
    }
    text + "\n"
}

/// Tells the project where pictures are now that were moved, `(from, to)`.
///
/// # Errors
/// When the project cannot be saved.
pub(super) fn follow<'a>(
    project: &mut Project,
    moves: impl Iterator<Item = (&'a Path, &'a Path)>,
) -> Result<(), Failure> {
    let moves: HashMap<&Path, &Path> = moves.collect();
    let images = project.images()?;
    let to = |image: &Image| moves.get(Path::new(&image.place)).copied();
    let moved: HashSet<[u8; 32]> =
        images.iter().filter(|image| to(image).is_some()).map(|image| image.digest).collect();
    // One that is missing would be found again in a moved one of the same content, were it not at its place.
    let there = images.into_iter().filter(|image| !image.missing || moved.contains(&image.digest));
    let there = there.map(|image| {
        let place = to(&image).map(|to| to.to_string_lossy().into_owned()).unwrap_or(image.place);
        NewImage { digest: image.digest, place }
    });
    let there: Vec<NewImage> = there.collect();
    project.relink(&there)?;
    Ok(())
}

fn undo(journal: &Path, everywhere: &Everywhere) -> Result<(), Failure> {
    no_settings(everywhere, "labels undo")?;
    let mut project = everywhere.project.as_deref().map(Project::open).transpose()?;
    let undone = exchange::undo(journal)?;
    if let Some(project) = &mut project {
        follow(project, undone.back.iter().map(|(from, to)| (from.as_path(), to.as_path())))
            .map_err(|failure| failure.with("the pictures are back, `project import` finds them there"))?;
    }
    if let Some(first) = undone.conflicts.first() {
        return Err(Failure::failed(format!(
            "{} pictures are back, {} could not be taken back: {}: {}; the journal stays",
            undone.back.len(),
            undone.conflicts.len(),
            first.path.display(),
            first.why
        )));
    }
    report(everywhere.json, &undone, || {
        let back = undone.back.len();
        let rows = [["pictures back", &back.to_string()], ["not moved", &undone.not_moved.to_string()]];
        table(&rows.map(|row| row.map(String::from).to_vec()), &[0])
    })
}
