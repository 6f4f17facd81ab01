//! Labels of data sets in the project, change by change.

use std::path::Path;
use std::sync::mpsc::Sender;

use serde_json::Value;

use super::desk::Desk;
use super::{KeepId, Pen, Request};
use crate::error::Result;
use crate::project::{Answered, KeptLabelling, Labelling, MarkStep, PictureKey};

/// A data set whose labels are wanted.
pub(in crate::jobs) struct OpenLabelling {
    /// How the project names it.
    pub data: String,
    /// Its pictures.
    pub pictures: Vec<PictureKey>,
    /// The classes where there are no labels of it yet.
    pub classes: Value,
    /// Who waits.
    pub reply: Sender<Result<KeptLabelling>>,
}

/// What is to be kept of the labels of a data set.
pub(in crate::jobs) enum LabelWrite {
    /// A change of marks, and of classes before and after.
    Change { what: String, steps: Vec<MarkStep>, classes: Option<[Value; 2]> },
    /// The last change is undone.
    Undo,
    /// The change undone last is done again.
    Redo,
    /// What the user said of a picture of the audit.
    Answer { picture: PictureKey, answer: Option<Answered> },
    /// The settings.
    Settings(Value),
}

impl Pen {
    /// Asks for the labels of a data set.
    pub fn open_labelling(&self, asked: OpenLabelling) {
        self.ask(Request::OpenLabelling(Box::new(asked)));
    }

    /// Keeps a change of labels.
    pub fn label(&self, of: Labelling, write: LabelWrite) -> KeepId {
        self.ask(Request::Label { of, write })
    }
}

impl Desk {
    /// Answers who wants the labels of a data set.
    pub fn open_labelling(&mut self, asked: &OpenLabelling) {
        let is_gone = |data: &str| !data.starts_with("bundled:") && !Path::new(data).exists();
        let OpenLabelling { data, pictures, classes, reply } = asked;
        // Who no longer waits needs no answer.
        let _ = reply.send(self.project_mut().open_labelling(data, pictures, classes, &is_gone));
    }

    /// Whether a labelling is of this project.
    pub fn has_labelling(&mut self, of: Labelling) -> bool {
        self.project_mut().has_labelling(of).unwrap_or(false)
    }

    /// Keeps a change of labels.
    ///
    /// # Errors
    /// When the labelling is not of this project, or it cannot be saved.
    pub fn label(&mut self, of: Labelling, write: &LabelWrite) -> Result<()> {
        let project = self.project_mut();
        match write {
            LabelWrite::Change { what, steps, classes } => {
                let classes = classes.as_ref().map(|[before, after]| [before, after]);
                project.put_marks(of, what, steps, classes)
            }
            LabelWrite::Undo => project.undo_marks(of).map(drop),
            LabelWrite::Redo => project.redo_marks(of).map(drop),
            LabelWrite::Answer { picture, answer } => project.put_answer(of, picture, *answer),
            LabelWrite::Settings(settings) => project.put_labelling_settings(of, settings),
        }
    }
}
