//! [`LabelSession`]: what a window holds while a data set is labelled.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::follow;
use super::gather::LabelFeaturesJob;
use super::link::Link;
use super::open::{OpenedLabels, json, key_of, stored};
use super::snapshot::{Groups, LabelSnapshot, Why};
use crate::error::{Error, Result};
use crate::jobs::Engine;
use crate::jobs::keeper::{KeepId, LabelWrite, Pen};
use crate::project::{Answered, MarkStep};
use crate::study::label::{Answer, Change, FeaturesNow, LabelFeatures, LabelState, Mark, Order, Session};

/// Labels whose suggestions are remembered.
const REMEMBERED: usize = 50;

/// How a data set is labelled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LabelSettings {
    /// What to label next.
    pub order: Order,
    /// The class of [`Order::Class`], by number.
    pub class: Option<usize>,
    /// The picture of [`Order::Similar`]. It is not kept: numbers of pictures are those of this time.
    #[serde(skip)]
    pub similar_to: Option<usize>,
    /// Of orders, audit and clusters.
    pub seed: u64,
    /// The share of right suggestions that a forecast is for.
    pub target: f64,
    /// The features; the network's own block and timestep where none are said.
    pub features: Option<LabelFeatures>,
    /// What the window keeps of its own.
    pub window: Value,
}

impl Default for LabelSettings {
    fn default() -> LabelSettings {
        LabelSettings {
            order: Order::default(),
            class: None,
            similar_to: None,
            seed: 0,
            target: 0.95,
            features: None,
            window: Value::Null,
        }
    }
}

/// The labels of a data set at work. Every change is so at once; the labeller and the project follow by
/// themselves. Dropping it ends the labeller; what was changed is still saved.
pub struct LabelSession {
    opened: Arc<OpenedLabels>,
    session: Session,
    answers: Vec<Option<Answer>>,
    settings: LabelSettings,
    /// Of the state of now.
    number: u64,
    /// Whether the last labels had been suggested.
    suggested: VecDeque<bool>,
    link: Arc<Link>,
    pen: Pen,
    kept: KeepId,
    /// The picture, number and state that a reason was asked for last.
    why_asked: [AtomicU64; 3],
}

impl Engine {
    /// Begins to label `opened`. It belongs to the project that was open when it was opened: open it anew
    /// when another project is.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn label_session(&self, opened: Arc<OpenedLabels>) -> Result<LabelSession> {
        let link = Arc::new(Link::new(Arc::clone(&self.sender.wake), opened.pictures.len()));
        let kept = opened.kept.clone();
        let mut session = LabelSession {
            session: kept.session,
            answers: kept.answers,
            settings: kept.settings,
            number: 0,
            suggested: VecDeque::new(),
            link,
            pen: self.keeper.pen(),
            kept: KeepId(0),
            why_asked: [const { AtomicU64::new(u64::MAX) }; 3],
            opened,
        };
        let prints = session.opened.pictures.iter().map(|picture| picture.print).collect();
        follow::start(&session.link, Arc::new(prints), Arc::new(session.state()))?;
        session.tell();
        Ok(session)
    }
}

impl Drop for LabelSession {
    fn drop(&mut self) {
        self.link.put(|inbox| inbox.closed = true);
    }
}

impl LabelSession {
    /// Marks, counts, classes and history.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The data set as it was opened.
    pub fn opened(&self) -> &Arc<OpenedLabels> {
        &self.opened
    }

    /// The settings.
    pub fn settings(&self) -> &LabelSettings {
        &self.settings
    }

    /// What the user said of a picture of the audit.
    pub fn answer_of(&self, picture: usize) -> Option<Answer> {
        self.answers.get(picture).copied().flatten()
    }

    /// What the labeller says, the newest.
    pub fn snapshot(&self) -> Arc<LabelSnapshot> {
        self.link.snapshot()
    }

    /// Whether what the labeller says of the state and features of now is still to come.
    pub fn is_behind(&self) -> bool {
        let is_busy = self.link.is_busy();
        let now = self.snapshot();
        is_busy || now.ranked < self.number || !now.is_settled
    }

    /// The last thing to be saved, as [`ProjectEvent::Saved`](crate::jobs::ProjectEvent::Saved) names it.
    pub fn kept_through(&self) -> KeepId {
        self.kept
    }

    pub(super) fn shared_link(&self) -> Arc<Link> {
        Arc::clone(&self.link)
    }

    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    /// Marks `pictures`, one step of the history called `what`; false where nothing becomes another.
    ///
    /// # Errors
    /// When a picture or class is not there; then nothing is marked.
    pub fn mark(&mut self, what: &str, pictures: &[usize], mark: Mark) -> Result<bool> {
        let marks: Vec<(usize, Mark)> = pictures.iter().map(|&picture| (picture, mark)).collect();
        self.mark_each(what, &marks)
    }

    /// Marks each picture in its own way, as [`LabelSession::mark`].
    ///
    /// # Errors
    /// As [`LabelSession::mark`].
    pub fn mark_each(&mut self, what: &str, marks: &[(usize, Mark)]) -> Result<bool> {
        let change = self.session.mark_each(what, marks)?.cloned();
        if let Some(change) = &change {
            self.remember(change);
        }
        self.keep(change)
    }

    /// Undoes the last change of marks or classes: what it was called.
    pub fn undo(&mut self) -> Option<String> {
        let what = self.session.undo()?.what.clone();
        self.write(LabelWrite::Undo);
        self.tell();
        Some(what)
    }

    /// Does the change undone last again: what it was called.
    pub fn redo(&mut self) -> Option<String> {
        let what = self.session.redo()?.what.clone();
        self.write(LabelWrite::Redo);
        self.tell();
        Some(what)
    }

    /// Adds a class; its number. One of this name that is gone comes back.
    ///
    /// # Errors
    /// When one is called the same, or the name is empty.
    pub fn add_class(&mut self, name: &str) -> Result<usize> {
        let class = self.session.add_class(name)?;
        let (history, done) = self.session.history();
        let change = done.checked_sub(1).and_then(|last| history.get(last)).cloned();
        self.keep(change)?;
        Ok(class)
    }

    /// Calls a class otherwise.
    ///
    /// # Errors
    /// When it is not there, the name is empty or another has it.
    pub fn rename_class(&mut self, class: usize, name: &str) -> Result<()> {
        let change = self.session.rename_class(class, name)?.cloned();
        self.keep(change).map(drop)
    }

    /// Gives a class a colour, sRGB.
    ///
    /// # Errors
    /// When it is not there.
    pub fn recolour_class(&mut self, class: usize, colour: [u8; 3]) -> Result<()> {
        let change = self.session.recolour_class(class, colour)?.cloned();
        self.keep(change).map(drop)
    }

    /// Gives a class a key, which no other class has then, or none.
    ///
    /// # Errors
    /// When it is not there.
    pub fn key_of_class(&mut self, class: usize, key: Option<char>) -> Result<()> {
        let change = self.session.key_of_class(class, key)?.cloned();
        self.keep(change).map(drop)
    }

    /// Moves a class to `place` of the order.
    ///
    /// # Errors
    /// When it is not there.
    pub fn move_class(&mut self, class: usize, place: usize) -> Result<()> {
        let change = self.session.move_class(class, place)?.cloned();
        self.keep(change).map(drop)
    }

    /// Lets the pictures of `class` be of the class `into` from now on.
    ///
    /// # Errors
    /// When one of the two is not there, or they are the same.
    pub fn merge_class(&mut self, class: usize, into: usize) -> Result<()> {
        let change = self.session.merge_class(class, into)?.cloned();
        self.keep(change).map(drop)
    }

    /// Removes a class; its pictures have no mark then.
    ///
    /// # Errors
    /// When it is not there.
    pub fn remove_class(&mut self, class: usize) -> Result<()> {
        let change = self.session.remove_class(class)?.cloned();
        self.keep(change).map(drop)
    }

    /// Takes the labels that the data set has itself onto pictures without a mark: how many.
    ///
    /// # Errors
    /// When a class of the data set has no name.
    pub fn take_given(&mut self) -> Result<usize> {
        let given: Vec<Option<usize>> = self.opened.pictures.iter().map(|picture| picture.given).collect();
        self.take_labels("labels of the data set", &self.opened.given_classes.clone(), &given)
    }

    /// Takes labels from elsewhere onto pictures without a mark, by the names `classes`: how many.
    ///
    /// # Errors
    /// When a class has no name.
    pub fn take_labels(&mut self, what: &str, classes: &[String], given: &[Option<usize>]) -> Result<usize> {
        let change = self.session.take_labels(what, classes, given)?.cloned();
        let count = change.as_ref().map_or(0, |change| change.steps.len());
        self.keep(change)?;
        Ok(count)
    }

    /// Notes what the user says of a picture of the audit, or takes it back.
    ///
    /// # Errors
    /// When the picture is not there.
    pub fn answer(&mut self, picture: usize, answer: Option<Answer>) -> Result<()> {
        let (Some(held), Some(of)) = (self.answers.get_mut(picture), self.opened.pictures.get(picture))
        else {
            return Err(Error::Compute(format!("picture {picture} is in no audit")));
        };
        if *held == answer {
            return Ok(());
        }
        *held = answer;
        let answer = answer.map(|answer| match answer {
            Answer::Class(class) => Answered::Class(class),
            Answer::NoClass => Answered::Nothing,
        });
        let picture = key_of(of);
        self.write(LabelWrite::Answer { picture, answer });
        self.tell();
        Ok(())
    }

    /// Sets how it is labelled. Other features come with the next [`LabelSession::features_job`].
    ///
    /// # Errors
    /// Not expected.
    pub fn set(&mut self, settings: LabelSettings) -> Result<()> {
        if settings == self.settings {
            return Ok(());
        }
        self.settings = settings;
        let settings = json(&self.settings)?;
        self.write(LabelWrite::Settings(settings));
        self.tell();
        Ok(())
    }

    /// The job that makes the features, to be submitted to the engine: for the network in use when it runs.
    pub fn features_job(&self) -> LabelFeaturesJob {
        let marks = self.session.marks();
        let is_labelled = |picture: usize| marks.get(picture).is_some_and(|mark| mark.class().is_some());
        let features = self.settings.features.clone();
        LabelFeaturesJob::new(Arc::clone(&self.link), Arc::clone(&self.opened), features, is_labelled)
    }

    /// The labelled pictures nearest to `picture`; none until it is answered. Asked in every frame, it asks
    /// the labeller when something has changed.
    pub fn why(&self, picture: usize, k: usize) -> Option<Arc<Why>> {
        let answered = self.link.why();
        // Features come without a new state of the session.
        let known = self.number.wrapping_mul(1 << 32).wrapping_add(self.snapshot().ready as u64);
        let asked = [picture as u64, k as u64, known];
        let same =
            self.why_asked.iter().zip(asked).all(|(held, asked)| held.load(Ordering::Relaxed) == asked);
        if !same {
            self.why_asked.iter().zip(asked).for_each(|(held, asked)| held.store(asked, Ordering::Relaxed));
            self.link.put(|inbox| inbox.why = Some((picture, k)));
        }
        answered.map(|(why, _)| why).filter(|why| why.picture == picture)
    }

    /// Asks for the features as they are now; they come from the labeller.
    pub fn features_now(&self) -> Receiver<FeaturesNow> {
        let (sender, answer) = channel();
        self.link.put(|inbox| inbox.features.push(sender));
        answer
    }

    /// Asks for groups in place of those before, or for none; they come with a snapshot.
    pub fn ask_groups(&self, groups: Option<Groups>) {
        let number = self.link.next_groups();
        self.link.put(|inbox| inbox.groups = Some((number, groups)));
    }

    /// Keeps a change, if there was one.
    fn keep(&mut self, change: Option<Change>) -> Result<bool> {
        let Some(change) = change else { return Ok(false) };
        let steps = change.steps.iter().filter_map(|step| {
            let picture = key_of(self.opened.pictures.get(step.picture)?);
            Some(MarkStep { picture, before: stored(step.before), after: stored(step.after) })
        });
        let steps = steps.collect();
        let classes = match change.classes {
            Some(both) => Some([json(&both[0])?, json(&both[1])?]),
            None => None,
        };
        self.write(LabelWrite::Change { what: change.what, steps, classes });
        self.tell();
        Ok(true)
    }

    fn write(&mut self, write: LabelWrite) {
        self.kept = self.pen.label(self.opened.kept.labelling, write);
    }

    /// Tells the labeller what is now.
    fn tell(&mut self) {
        self.number += 1;
        let state = Arc::new(self.state());
        self.link.put(|inbox| inbox.state = Some((state, Instant::now())));
    }

    fn state(&self) -> LabelState {
        let LabelSettings { order, class, similar_to, seed, target, .. } = self.settings;
        LabelState {
            number: self.number,
            marks: self.session.marks().to_vec(),
            classes: self.session.class_list().clone(),
            answers: self.answers.clone(),
            order,
            class,
            similar_to,
            seed,
            target,
            suggested: (self.suggested.iter().filter(|right| **right).count(), self.suggested.len()),
        }
    }

    /// Remembers whether labels that were given one by one had been suggested.
    fn remember(&mut self, change: &Change) {
        let now = self.snapshot();
        let Some(suggestions) = &now.suggestions else { return };
        if let [step] = change.steps[..]
            && let Some(class) = step.after.class()
            && step.before == Mark::Blank
            && now.has_features.get(step.picture) == Some(&true)
        {
            self.suggested.push_back(suggestions.best(step.picture).class == class);
            if self.suggested.len() > REMEMBERED {
                self.suggested.pop_front();
            }
        }
    }
}
