//! Opening a data set to be labelled: its pictures, and what the project has of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::Value;

use super::session::LabelSettings;
use crate::data::Source;
use crate::data::dataset::{DataSet, Fingerprint};
use crate::data::scan::Skipped;
use crate::error::{Error, Result};
use crate::jobs::keeper::OpenLabelling;
use crate::jobs::{Aside, Engine, JobId, Outcome};
use crate::project::{Answered, KeptChange, KeptLabelling, KeptStep, Labelling, Marked, PictureKey};
use crate::study::label::{Answer, Change, Classes, Mark, Session, Step};

/// A data set to be labelled.
#[derive(Clone, Debug)]
pub struct OpenedLabels {
    /// What was opened.
    pub data: PathBuf,
    /// What it is called.
    pub name: String,
    /// The pictures that can be read. Their numbers are places in this list.
    pub pictures: Vec<LabelPicture>,
    /// What gave no picture, with the reason.
    pub skipped: Vec<Skipped>,
    /// Names of the classes that the data set itself has.
    pub given_classes: Vec<String>,
    /// What the project has of it.
    pub kept: KeptLabels,
    /// Whether nothing was kept before.
    pub is_new: bool,
    /// What should be known, in sentences.
    pub notes: Vec<String>,
}

/// A picture to be labelled.
#[derive(Clone, Debug)]
pub struct LabelPicture {
    /// Opens it.
    pub source: Source,
    /// Its name in the data set.
    pub name: String,
    /// Where it is, wherever the program is called from.
    pub place: String,
    /// What it is, and what it looks like.
    pub print: Fingerprint,
    /// Its class among [`OpenedLabels::given_classes`].
    pub given: Option<usize>,
}

/// What a project has of the labels of a data set.
#[derive(Clone, Debug)]
pub struct KeptLabels {
    pub(super) labelling: Labelling,
    /// Marks, classes and history.
    pub session: Session,
    /// What the user said of pictures drawn by chance.
    pub answers: Vec<Option<Answer>>,
    /// The settings.
    pub settings: LabelSettings,
}

impl Engine {
    /// Reads the data set `data` to be labelled, and what the open project has of it: a folder with or
    /// without folders of classes, IDX or CIFAR files, a table, or a bundled set. It ends with
    /// [`Outcome::LabelsOpened`].
    pub fn open_labels(&self, data: PathBuf) -> JobId {
        let pen = self.keeper.pen();
        self.aside(format!("opening {}", data.display()), move |aside| {
            let mut set = DataSet::pictures(&data, &|| aside.is_cancelled())?;
            let prints =
                set.read_all(&mut |done, total| aside.report("pictures", done as u64, total as u64))?;
            if set.items.is_empty() {
                let first = set.unreadable.first().map_or("", |skipped| skipped.why.as_str());
                return Err(Error::data(set.name, format!("no picture in it can be read: {first}")));
            }
            let items = set.items.into_iter().zip(prints);
            let pictures: Vec<LabelPicture> = items
                .map(|(item, print)| LabelPicture {
                    place: item.place(),
                    given: item.class,
                    source: item.source,
                    name: item.name,
                    print,
                })
                .collect();
            let (reply, answer) = channel();
            pen.open_labelling(OpenLabelling {
                data: named(&data),
                pictures: pictures.iter().map(key_of).collect(),
                classes: json(&Classes::default())?,
                reply,
            });
            // Were this held, an engine that ends would leave nobody to answer.
            drop(pen);
            let kept = wait(&answer, aside)?;
            let mut notes = notes(&kept);
            let is_new = kept.is_new;
            let kept = restore(kept, pictures.len(), &mut notes)?;
            Ok(Outcome::LabelsOpened(Arc::new(OpenedLabels {
                data,
                name: set.name,
                pictures,
                skipped: set.unreadable,
                given_classes: set.classes,
                kept,
                is_new,
                notes,
            })))
        })
    }
}

fn wait(answer: &std::sync::mpsc::Receiver<Result<KeptLabelling>>, aside: &Aside) -> Result<KeptLabelling> {
    loop {
        match answer.recv_timeout(Duration::from_millis(100)) {
            Ok(kept) => return kept,
            Err(RecvTimeoutError::Timeout) if aside.is_cancelled() => return Err(Error::Cancelled),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::Compute("the thread that saves is gone".into()));
            }
        }
    }
}

/// How a project names a data set: where it is, wherever the program is called from.
fn named(data: &Path) -> String {
    let text = data.display().to_string();
    match text.starts_with("bundled:") {
        true => text,
        false => std::path::absolute(data).map_or(text, |path| path.display().to_string()),
    }
}

/// How a project knows a picture.
pub(super) fn key_of(picture: &LabelPicture) -> PictureKey {
    PictureKey { digest: picture.print.digest.0, place: picture.place.clone() }
}

/// What a project is to keep as JSON.
///
/// # Errors
/// Not expected.
pub(super) fn json(value: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(|error| Error::Compute(format!("it cannot be written: {error}")))
}

pub(super) fn stored(mark: Mark) -> Marked {
    match mark {
        Mark::Blank => Marked::Blank,
        Mark::Class { class, source } => Marked::Class { class, source },
        Mark::Unsure => Marked::Unsure,
        Mark::Outside => Marked::Outside,
    }
}

fn read(mark: Marked) -> Mark {
    match mark {
        Marked::Blank => Mark::Blank,
        Marked::Class { class, source } => Mark::Class { class, source },
        Marked::Unsure => Mark::Unsure,
        Marked::Outside => Mark::Outside,
    }
}

fn notes(kept: &KeptLabelling) -> Vec<String> {
    let moved = match kept.moved {
        0 => None,
        1 => Some("1 labelled picture was found again at another place.".into()),
        count => Some(format!("{count} labelled pictures were found again at another place.")),
    };
    let lost = match kept.lost {
        0 => None,
        1 => Some(
            "1 labelled picture is not there, or has another content now; its label comes back with it."
                .into(),
        ),
        count => Some(format!(
            "{count} labelled pictures are not there, or have another content now; their labels come back with them."
        )),
    };
    moved.into_iter().chain(lost).collect()
}

fn restore(kept: KeptLabelling, pictures: usize, notes: &mut Vec<String>) -> Result<KeptLabels> {
    let damaged =
        |what: &str| Error::Setting(format!("the {what} of these labels in the project are damaged"));
    let classes: Classes = serde_json::from_value(kept.classes).map_err(|_| damaged("classes"))?;
    let mut marks = vec![Mark::Blank; pictures];
    for (picture, mark) in kept.marks {
        marks[picture] = read(mark);
    }
    let mut answers = vec![None; pictures];
    for (picture, answer) in kept.answers {
        answers[picture] = Some(match answer {
            Answered::Class(class) => Answer::Class(class),
            Answered::Nothing => Answer::NoClass,
        });
    }
    let history: Result<Vec<Change>> = kept.history.into_iter().map(change).collect();
    let whole =
        history.and_then(|history| Session::reopen(classes.clone(), marks.clone(), history, kept.done));
    let session = match whole {
        Ok(session) => session,
        Err(_) => {
            notes.push(
                "What was done before cannot be undone: its history is damaged. The labels are whole.".into(),
            );
            Session::reopen(classes, marks, Vec::new(), 0)?
        }
    };
    let settings = match kept.settings {
        Value::Null => LabelSettings::default(),
        settings => serde_json::from_value(settings).unwrap_or_default(),
    };
    Ok(KeptLabels { labelling: kept.labelling, session, answers, settings })
}

fn change(kept: KeptChange) -> Result<Change> {
    let step =
        |step: KeptStep| Step { picture: step.picture, before: read(step.before), after: read(step.after) };
    let classes = match kept.classes {
        None => None,
        Some([before, after]) => {
            let read = |value: Value| {
                serde_json::from_value::<Classes>(value).map_err(|error| Error::Compute(error.to_string()))
            };
            Some(Box::new([read(before)?, read(after)?]))
        }
    };
    Ok(Change { what: kept.what, steps: kept.steps.into_iter().map(step).collect(), classes })
}
