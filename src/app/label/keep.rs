//! What leaves the window: labels for other programs, and labels that come in.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use eframe::egui::{Align2, ComboBox, Context, ScrollArea, Ui};

use super::act::LabelAction;
use super::state::{LabelState, Open};
use crate::app::dialogs::Asked;
use crate::app::panels::Action;
use crate::app::style;
use crate::app::widgets::notices::NoticeKind;
use crate::app::window::Window;
use crate::error::{Error, Result};
use crate::figure::ticks::thousands;
use crate::jobs::Outcome;
use crate::study::label::exchange::{
    Carry, ExportFormat, FolderPlan, Imported, Known, LabelClass, LabelPicture, LabelSet, Suggested, Vectors,
    export, import,
};
use crate::study::label::{FeaturesNow, Mark};

/// Lines of a plan that are shown.
const SHOWN: usize = 200;

/// The formats, as they are called here.
const FORMATS: [(ExportFormat, &str); 6] = [
    (ExportFormat::Csv, "table (CSV)"),
    (ExportFormat::Folders, "folder per class"),
    (ExportFormat::LabelStudio, "Label Studio"),
    (ExportFormat::Fiftyone, "FiftyOne"),
    (ExportFormat::Coco, "COCO"),
    (ExportFormat::Projector, "TensorBoard"),
];

/// Draws what can be kept.
pub fn show(ui: &mut Ui, label: &mut LabelState, actions: &mut Vec<Action>) {
    style::heading(ui, "Export and import");
    let config = &mut label.export;
    ui.horizontal_wrapped(|ui| {
        let name = FORMATS.iter().find(|(format, _)| *format == config.format).map_or("", |(_, name)| name);
        let combo = ComboBox::from_id_salt("export format").width(116.0).selected_text(name);
        let combo = combo.show_ui(ui, |ui| {
            for (format, name) in FORMATS {
                ui.selectable_value(&mut config.format, format, name);
            }
        });
        combo.response.on_hover_text("What labels are written as.");
        if config.format == ExportFormat::Folders {
            let combo = ComboBox::from_id_salt("export how").width(80.0).selected_text(config.how.name());
            let combo = combo.show_ui(ui, |ui| {
                for how in Carry::ALL {
                    ui.selectable_value(&mut config.how, how, how.name());
                }
            });
            combo.response.on_hover_text(
                "Copies, hard links (the same file under another name), symbolic links, or the pictures themselves; \
                 moves are written down and can be taken back.",
            );
        }
    });
    if config.format == ExportFormat::Folders {
        ui.checkbox(&mut config.unsure, "folder of unsure");
        ui.checkbox(&mut config.outside, "folder of none of these");
        ui.checkbox(&mut config.number, "number equal names")
            .on_hover_text("Names that are taken get a number, instead of being in the way.");
    } else {
        ui.checkbox(&mut config.suggestions, "suggestions in fields of their own")
            .on_hover_text("What the head suggests, never mixed with labels.");
    }
    ui.horizontal_wrapped(|ui| {
        let mut button = |ui: &mut Ui, text: &str, about: &str, action: LabelAction| {
            if ui.button(text).on_hover_text(about).clicked() {
                actions.push(Action::Label(action));
            }
        };
        let about = "Writes the labels; folders are shown before anything is done.";
        button(ui, "Export labels…", about, LabelAction::ChooseExport);
        let about = "Takes labels from a table, Label Studio or COCO; one undo takes them back.";
        button(ui, "Import labels…", about, LabelAction::ChooseImport);
        let about = "Writes the head of now as a file; difscope predict then says the same of any pictures.";
        button(ui, "Save head…", about, LabelAction::SaveHead);
    });
}

/// Folders that are planned: what would be done, before anything is.
pub fn plan_window(ctx: &Context, label: &mut LabelState, actions: &mut Vec<Action>) {
    let Some(plan) = &label.plan else { return };
    let mut open = true;
    let mut act = None;
    let window = eframe::egui::Window::new("Folder per class").open(&mut open).collapsible(false);
    window.anchor(Align2::CENTER_CENTER, [0.0, 0.0]).default_width(520.0).show(ctx, |ui| {
        ui.label(format!("into {}", plan.target.display()));
        let pictures = thousands(plan.steps.len() as u64);
        ui.label(format!(
            "{pictures} pictures would be {}, {} are there already",
            plan.how.done(),
            plan.in_place
        ));
        let left = plan.left_out;
        let text = format!(
            "left out: {} without a label, {} unsure, {} of none",
            left.blank, left.unsure, left.outside
        );
        ui.label(style::quiet(text));
        ScrollArea::vertical().max_height(260.0).auto_shrink([false, true]).show(ui, |ui| {
            for folder in &plan.folders {
                ui.label(format!("{} → {}: {}", folder.class, folder.folder, folder.pictures));
            }
            for conflict in plan.conflicts.iter().take(SHOWN) {
                let text = format!("{}: {}", conflict.path.display(), conflict.why);
                ui.colored_label(style::tokens(ui).error, text);
            }
            for step in plan.steps.iter().take(SHOWN) {
                ui.label(style::quiet(format!("{} → {}", step.from.display(), step.to.display())).small());
            }
        });
        let rest = plan.steps.len().saturating_sub(SHOWN);
        if rest > 0 {
            ui.label(style::quiet(format!("and {} more", thousands(rest as u64))));
        }
        ui.horizontal(|ui| {
            let free = plan.conflicts.is_empty() && !plan.steps.is_empty();
            let button = ui.add_enabled_ui(free, |ui| style::primary_button(ui, "Do it")).inner;
            if button.on_disabled_hover_text("Nothing is done as long as something is in the way.").clicked()
            {
                act = Some(true);
            }
            if ui.button("Cancel").clicked() {
                act = Some(false);
            }
        });
    });
    match act {
        Some(true) => actions.push(Action::Label(LabelAction::CarryOut)),
        Some(false) => label.plan = None,
        None if !open => label.plan = None,
        None => {}
    }
}

/// The labels of a session as they go out.
fn set_of(open: &Open, suggestions: bool) -> LabelSet {
    let session = open.session.session();
    // Numbers of classes that are gone are left out.
    let live: Vec<usize> = session.class_list().live().map(|(number, _)| number).collect();
    let place = |class: usize| {
        let class = session.class_list().resolve(class)?;
        live.iter().position(|&number| number == class)
    };
    let picture = |(number, picture): (usize, &crate::jobs::LabelPicture)| {
        let mark = match open.mark_of(number) {
            Mark::Class { class, source } => {
                place(class).map_or(Mark::Blank, |class| Mark::Class { class, source })
            }
            other => other,
        };
        let suggested = || {
            let (class, confidence) = open.suggestion(number)?;
            Some(Suggested { class: place(class)?, confidence })
        };
        LabelPicture {
            place: picture.place.clone(),
            digest: Some(picture.print.digest),
            mark,
            made: None,
            suggestion: if suggestions { suggested() } else { None },
            size: None,
        }
    };
    let classes = live.iter().map(|&number| {
        let (name, colour) = open.class(number);
        LabelClass { name: name.to_string(), colour }
    });
    LabelSet {
        classes: classes.collect(),
        pictures: open.session.opened().pictures.iter().enumerate().map(picture).collect(),
    }
}

impl Window {
    /// Chooses what labels are written as.
    pub fn choose_label_format(&mut self, format: ExportFormat) {
        self.state.label.export.format = format;
    }

    /// Writes the labels to `out`, or shows what folders would hold.
    pub fn export_labels(&mut self, out: PathBuf) {
        let label = &mut self.state.label;
        let Some(open) = &label.open else { return };
        let config = label.export.clone();
        let mut set = set_of(open, config.suggestions);
        if config.format == ExportFormat::Folders {
            match FolderPlan::make(&set, &config, &out) {
                Ok(plan) => label.plan = Some(Arc::new(plan)),
                Err(error) => self.notices.push(NoticeKind::Error, error.to_string()),
            }
            return;
        }
        let features = (config.format == ExportFormat::Projector).then(|| open.session.features_now());
        self.engine.aside(format!("writing {}", out.display()), move |_| {
            if config.format == ExportFormat::Coco {
                set.measure();
            }
            let vectors = features.map(|features| vectors(&mut set, &features)).transpose()?;
            // Of a file the dialog has asked whether to replace it, of files in a folder nobody has.
            let replace = !config.format.is_folder();
            let done = export(&set, &config, &out, vectors.as_ref(), replace)?;
            let notes = done.notes.iter().map(|note| format!("; {note}")).collect::<String>();
            Ok(Outcome::Done(format!("{} of {} labels written{notes}", done.labelled, done.pictures)))
        });
    }

    /// Does what was planned.
    pub(super) fn carry_out_plan(&mut self) {
        let Some(plan) = self.state.label.plan.take() else { return };
        let how = plan.how;
        let job = self.engine.aside(format!("filling {}", plan.target.display()), move |aside| {
            let carried = plan.run(&mut |done, total| {
                aside.report("pictures", done as u64, total as u64);
                !aside.is_cancelled()
            })?;
            carried_out(&plan, &carried)
        });
        // Pictures that are moved are looked for again where they are then.
        self.state.label.moving = (how == Carry::Move).then_some(job);
    }

    /// Reads labels from `path`, off the thread of the window.
    pub fn import_labels(&mut self, ctx: &Context, path: PathBuf) {
        let Some(open) = &self.state.label.open else { return };
        let opened = Arc::clone(open.session.opened());
        let session = open.session.session();
        let classes: Vec<String> = session.class_list().live().map(|(_, class)| class.name.clone()).collect();
        let (answer, ctx) = (self.aside.0.clone(), ctx.clone());
        self.engine.aside(format!("reading {}", path.display()), move |_| {
            let known: Vec<Known<'_>> = opened
                .pictures
                .iter()
                .map(|picture| Known { place: &picture.place, digest: Some(picture.print.digest) })
                .collect();
            let found = import(&path, &known, &classes)?;
            let text = told(&path, &found);
            // The window may be gone by now.
            if answer.send(Asked::LabelsRead(path, found)).is_ok() {
                ctx.request_repaint_of(eframe::egui::ViewportId::ROOT);
            }
            Ok(Outcome::Done(text))
        });
    }

    /// Takes labels that were read.
    pub(in crate::app) fn take_labels_read(&mut self, path: &Path, found: &Imported) {
        let Some(open) = &mut self.state.label.open else { return };
        if let Err(error) = take(open, path, found) {
            self.notices.push(NoticeKind::Error, error.to_string());
        }
        for unused in found.unused.iter().take(3) {
            let text = format!("{}, line {}: {}: {}", path.display(), unused.line, unused.path, unused.why);
            self.notices.push(NoticeKind::Warning, text);
        }
    }
}

/// The features of the pictures of `set`; those without any are left out of it.
fn vectors(set: &mut LabelSet, features: &Receiver<FeaturesNow>) -> Result<Vectors> {
    let gone = |_| Error::Compute("the labeller is gone".into());
    let FeaturesNow { width, ready, values } = features.recv().map_err(gone)?;
    if !ready.contains(&true) {
        return Err(Error::Setting("no picture has features yet; wait until the first are there".into()));
    }
    let has = |number: usize| ready.get(number).copied().unwrap_or(false);
    let rows = values.chunks(width).enumerate().filter(|(number, _)| has(*number));
    let values = rows.flat_map(|(_, row)| row.iter().copied()).collect();
    let mut number = 0;
    set.pictures.retain(|_| {
        number += 1;
        has(number - 1)
    });
    Ok(Vectors { width, values })
}

/// Gives the session the labels that were read, and the classes that are new.
fn take(open: &mut Open, path: &Path, found: &Imported) -> Result<()> {
    let mut numbers = Vec::with_capacity(found.classes.len());
    for name in &found.classes {
        let held = open.session.session().class_list().live().find(|(_, class)| class.name == *name);
        let held = held.map(|(number, _)| number);
        numbers.push(match held {
            Some(number) => number,
            None => open.session.add_class(name)?,
        });
    }
    let marks: Vec<(usize, Mark)> = found
        .taken
        .iter()
        .map(|taken| {
            let mark = match taken.mark {
                Mark::Class { class, source } => Mark::Class { class: numbers[class], source },
                other => other,
            };
            (taken.picture, mark)
        })
        .collect();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    open.session.mark_each(&format!("labels of {name}"), &marks)?;
    Ok(())
}

fn told(path: &Path, found: &Imported) -> String {
    let unused = match found.unused.len() {
        0 => String::new(),
        count => format!(", {count} lines not used"),
    };
    format!("{}: {} labels taken{unused}", path.display(), found.taken.len())
}

/// What came of filling folders, in words.
fn carried_out(plan: &FolderPlan, carried: &crate::study::label::exchange::Carried) -> Result<Outcome> {
    let journal = carried.journal.as_ref().map_or(String::new(), |path| {
        format!("; {} says from where, and takes it back (difscope labels undo)", path.display())
    });
    let text = format!("{} of {} pictures {}{journal}", carried.done, plan.steps.len(), plan.how.done());
    match &carried.stopped {
        None => Ok(Outcome::Done(text)),
        Some(stopped) => {
            let why = stopped.why.clone().unwrap_or_else(|| "it was stopped".into());
            Err(Error::Setting(format!("{text}; then {} was not: {why}", stopped.from.display())))
        }
    }
}
