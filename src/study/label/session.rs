//! Labels of pictures with where they come from, their history, and what the user looks at.
//!
//! A label is that of a project; *unsure* and *outside* are the user's marks for pictures that get none.
//! Every change says what was and what is, so that it can be kept, undone, and followed by a
//! [`Refit`](super::Refit).

use serde::{Deserialize, Serialize};

use super::classes::Classes;
use crate::error::{Error, Result};
use crate::project::LabelSource;

/// What a picture is marked as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// Nothing yet.
    #[default]
    Blank,
    /// A class.
    Class {
        /// Its number.
        class: usize,
        /// How the label came to be.
        source: LabelSource,
    },
    /// The user cannot tell.
    Unsure,
    /// It is of none of the classes.
    Outside,
}

impl Mark {
    /// The class, where it is one: what a head learns from.
    pub fn class(self) -> Option<usize> {
        match self {
            Mark::Class { class, .. } => Some(class),
            _ => None,
        }
    }
}

/// A picture that was marked otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The picture.
    pub picture: usize,
    /// What it was marked as.
    pub before: Mark,
    /// What it is marked as.
    pub after: Mark,
}

/// A change that is undone as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What was done, as it is called.
    pub what: String,
    /// Pictures whose mark became another, each once.
    pub steps: Vec<Step>,
    /// The classes before and after, where these became others.
    #[serde(default)]
    pub classes: Option<Box<[Classes; 2]>>,
}

/// How many pictures are marked how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Of each class.
    pub classes: Vec<usize>,
    /// Without a mark.
    pub blank: usize,
    /// Unsure.
    pub unsure: usize,
    /// Of none of the classes.
    pub outside: usize,
    /// Of those of a class: labelled by hand, accepted, and in bulk.
    pub sources: [usize; 3],
}

impl Counts {
    fn place(&mut self, mark: Mark) -> [Option<&mut usize>; 2] {
        match mark {
            Mark::Blank => [Some(&mut self.blank), None],
            Mark::Unsure => [Some(&mut self.unsure), None],
            Mark::Outside => [Some(&mut self.outside), None],
            Mark::Class { class, source } => {
                let source = match source {
                    LabelSource::Hand => 0,
                    LabelSource::Accepted => 1,
                    LabelSource::Bulk => 2,
                };
                [self.classes.get_mut(class), Some(&mut self.sources[source])]
            }
        }
    }

    /// Pictures of a class.
    pub fn labelled(&self) -> usize {
        self.sources.iter().sum()
    }
}

/// Pictures, their marks, the classes, and the history of all that.
#[derive(Clone, Debug)]
pub struct Session {
    list: Classes,
    /// Names of the classes by number.
    classes: Vec<String>,
    marks: Vec<Mark>,
    counts: Counts,
    history: Vec<Change>,
    /// Changes that are not undone.
    done: usize,
}

impl Session {
    /// `pictures` without marks, and the names of the classes.
    pub fn new(pictures: usize, classes: Vec<String>) -> Session {
        let counts = Counts {
            classes: vec![0; classes.len()],
            blank: pictures,
            unsure: 0,
            outside: 0,
            sources: [0; 3],
        };
        let (list, marks) = (Classes::of(&classes), vec![Mark::Blank; pictures]);
        Session { list, classes, marks, counts, history: Vec::new(), done: 0 }
    }

    /// The session as it was kept, with its history, of which the first `done` changes are not undone.
    ///
    /// # Errors
    /// When a mark or a change is of a class or picture that is not there.
    pub fn reopen(list: Classes, marks: Vec<Mark>, history: Vec<Change>, done: usize) -> Result<Session> {
        let names = list.all().iter().map(|class| class.name.clone()).collect();
        let mut session = Session { list, ..Session::restore(names, marks)? };
        let lists = history.iter().filter_map(|change| change.classes.as_deref()).flatten();
        let most = lists.map(|list| list.all().len()).max().unwrap_or(0).max(session.classes.len());
        let fits = |mark: Mark| mark.class().is_none_or(|class| class < most);
        let whole = |step: &Step| step.picture < session.marks.len() && fits(step.before) && fits(step.after);
        if done > history.len() || !history.iter().flat_map(|change| &change.steps).all(whole) {
            return Err(Error::Compute("the history of labels does not fit the pictures and classes".into()));
        }
        (session.history, session.done) = (history, done);
        Ok(session)
    }

    /// The same with marks that were kept, which cannot be undone.
    ///
    /// # Errors
    /// When a mark is of a class that is not there.
    pub fn restore(classes: Vec<String>, marks: Vec<Mark>) -> Result<Session> {
        let mut session = Session::new(marks.len(), classes);
        for (picture, &mark) in marks.iter().enumerate() {
            session.check(picture, mark)?;
            session.put(picture, mark);
        }
        Ok(session)
    }

    /// Names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The classes with colours, keys and order.
    pub fn class_list(&self) -> &Classes {
        &self.list
    }

    /// Adds a class; its number. One of this name that is gone comes back.
    ///
    /// # Errors
    /// When one is called the same, or the name is empty.
    pub fn add_class(&mut self, name: &str) -> Result<usize> {
        let mut number = 0;
        self.change_classes(&format!("new class {}", name.trim()), &[], |list| {
            number = list.add(name)?;
            Ok(())
        })?;
        Ok(number)
    }

    /// Changes the classes as `change` does, one step of the history called `what`, and marks each picture of
    /// `marks` in its own way with it. None where nothing becomes another.
    ///
    /// # Errors
    /// What `change` returns; when a picture or class is not there. Then nothing changes.
    pub(super) fn change_classes(
        &mut self,
        what: &str,
        marks: &[(usize, Mark)],
        change: impl FnOnce(&mut Classes) -> Result<()>,
    ) -> Result<Option<&Change>> {
        let mut list = self.list.clone();
        change(&mut list)?;
        marks.iter().try_for_each(|&(picture, mark)| self.check_in(&list, picture, mark))?;
        if list == self.list && marks.is_empty() {
            return Ok(None);
        }
        self.put_classes(what, list, marks);
        Ok(self.history.last())
    }

    fn put_classes(&mut self, what: &str, list: Classes, marks: &[(usize, Mark)]) {
        let before = std::mem::replace(&mut self.list, list.clone());
        self.follow_list();
        let steps = self.put_each(marks);
        self.record(Change { what: what.to_string(), steps, classes: Some(Box::new([before, list])) });
    }

    /// Names and counts for the classes of now. More of them come before marks, fewer after.
    fn follow_list(&mut self) {
        self.classes = self.list.all().iter().map(|class| class.name.clone()).collect();
        self.counts.classes.resize(self.classes.len(), 0);
    }

    /// Marks of all pictures.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// How many pictures are marked how.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Marks `pictures`, one step of the history called `what`; none where nothing becomes another. What was
    /// undone before cannot be done again after this.
    ///
    /// # Errors
    /// When a picture or class is not there; then nothing is marked.
    pub fn mark(&mut self, what: &str, pictures: &[usize], mark: Mark) -> Result<Option<&Change>> {
        let pairs: Vec<(usize, Mark)> = pictures.iter().map(|&picture| (picture, mark)).collect();
        self.mark_each(what, &pairs)
    }

    /// Marks each picture in its own way, as [`Session::mark`].
    ///
    /// # Errors
    /// As [`Session::mark`].
    pub fn mark_each(&mut self, what: &str, marks: &[(usize, Mark)]) -> Result<Option<&Change>> {
        marks.iter().try_for_each(|&(picture, mark)| self.check(picture, mark))?;
        let steps = self.put_each(marks);
        if steps.is_empty() {
            return Ok(None);
        }
        self.record(Change { what: what.to_string(), steps, classes: None });
        Ok(self.history.last())
    }

    fn put_each(&mut self, marks: &[(usize, Mark)]) -> Vec<Step> {
        let mut steps = Vec::with_capacity(marks.len());
        for &(picture, after) in marks {
            let before = self.marks[picture];
            if before != after {
                self.put(picture, after);
                steps.push(Step { picture, before, after });
            }
        }
        steps
    }

    fn record(&mut self, change: Change) {
        self.history.truncate(self.done);
        self.history.push(change);
        self.done += 1;
    }

    /// Undoes the last change: what was done. Pictures are as [`Step::before`] says, the last step first.
    pub fn undo(&mut self) -> Option<&Change> {
        self.done = self.done.checked_sub(1)?;
        let change = self.history[self.done].clone();
        change.steps.iter().rev().for_each(|step| self.put(step.picture, step.before));
        if let Some(classes) = change.classes {
            let [before, _] = *classes;
            self.list = before;
            self.follow_list();
        }
        self.history.get(self.done)
    }

    /// Does the change undone last again.
    pub fn redo(&mut self) -> Option<&Change> {
        let change = self.history.get(self.done)?.clone();
        if let Some(classes) = change.classes {
            let [_, after] = *classes;
            self.list = after;
            self.follow_list();
        }
        change.steps.iter().for_each(|step| self.put(step.picture, step.after));
        self.done += 1;
        self.history.get(self.done - 1)
    }

    /// All changes, the oldest first, and how many of them are not undone.
    pub fn history(&self) -> (&[Change], usize) {
        (&self.history, self.done)
    }

    fn check(&self, picture: usize, mark: Mark) -> Result<()> {
        self.check_in(&self.list, picture, mark)
    }

    fn check_in(&self, list: &Classes, picture: usize, mark: Mark) -> Result<()> {
        if picture >= self.marks.len() || mark.class().is_some_and(|class| !list.is_live(class)) {
            let text = format!(
                "{mark:?} for picture {picture} of {} in {} classes",
                self.marks.len(),
                list.live().len()
            );
            return Err(Error::Compute(text));
        }
        Ok(())
    }

    fn put(&mut self, picture: usize, mark: Mark) {
        let before = std::mem::replace(&mut self.marks[picture], mark);
        self.counts.place(before).into_iter().flatten().for_each(|count| *count -= 1);
        self.counts.place(mark).into_iter().flatten().for_each(|count| *count += 1);
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
