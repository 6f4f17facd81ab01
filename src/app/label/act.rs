//! What the user does with pictures and labels.

use std::path::PathBuf;

use eframe::egui::Context;

use super::state::{Accepting, Mode, Open};
use crate::app::command::{Command, Space};
use crate::app::dialogs::Ask;
use crate::app::widgets::notices::NoticeKind;
use crate::app::window::Window;
use crate::error::{Error, Result};
use crate::heads::HeadKind;
use crate::jobs::{Groups, LabelSettings};
use crate::project::LabelSource;
use crate::study::label::{Answer, Filter, LabelFeatures, Mark, Order};

/// Pictures by chance that are asked about in a row.
const AUDIT: usize = 10;

/// How a picture of the grid is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It alone.
    Only,
    /// It too, or no more.
    Toggle,
    /// All from the one chosen before up to it.
    UpTo,
}

/// What the user wants.
#[derive(Clone, Debug)]
pub enum LabelAction {
    /// Other pictures.
    Open(PathBuf),
    /// A dialog for a folder of pictures.
    ChooseFolder,
    /// A dialog for a table of pictures, or a file of many.
    ChooseFile,
    /// This mark for the pictures in hand.
    Mark(Mark),
    /// The suggestion for each of the pictures in hand.
    Accept,
    /// Another picture, by steps.
    Step(isize),
    /// Another picture, by rows of the grid.
    StepRow(isize),
    /// Another screenful, by steps.
    StepScreen(isize),
    /// The picture at this place of the row.
    GoTo(usize),
    /// This picture, large.
    Look(usize),
    /// A picture of the grid chosen.
    Choose(usize, Choice),
    /// These pictures chosen too.
    ChooseMany(Vec<usize>),
    /// All pictures shown chosen, or none.
    ChooseAll,
    /// One picture, many, groups or suggestions.
    SetMode(Mode),
    /// One picture or many.
    Toggle,
    /// Other settings of the session.
    Set(LabelSettings),
    /// The row made anew.
    SortAnew,
    /// Everything, whatever was filtered.
    ShowAll,
    /// Another order of what to label next.
    SetOrder(Order),
    /// What resembles this picture next.
    Similar(usize),
    /// What is likeliest of this class next.
    ClassNext(usize),
    /// A new class.
    AddClass(String),
    /// Another name for a class.
    Rename(usize, String),
    /// Another colour for a class.
    Recolour(usize, [u8; 3]),
    /// A key for a class, or none.
    SetKey(usize, Option<char>),
    /// A class at another place.
    Move(usize, usize),
    /// A class that counts as another from now on.
    Merge(usize, usize),
    /// A class taken away, with its labels.
    Remove(usize),
    /// Labels that the data set has itself.
    TakeGiven,
    /// Pictures by chance, asked about.
    Audit,
    /// No more of these for now.
    EndAudit,
    /// Features as chosen.
    UseFeatures(LabelFeatures),
    /// Features of this block and timestep with this pool, from another work space.
    UseCell(usize, usize, usize),
    /// Features no more, for now.
    PauseFeatures,
    /// Features again.
    ResumeFeatures,
    /// Pictures that belong together.
    AskGroups(Groups),
    /// Only these pictures, under this name; none: all again.
    Only(Option<(String, Vec<usize>)>),
    /// This class for these pictures, at once.
    MarkGroup(Vec<usize>, usize),
    /// A suggestion that is not to be accepted, or is again.
    Without(usize),
    /// The suggestions shown, accepted.
    AcceptAll,
    /// A larger head, tried on the labels.
    TryLarger(HeadKind),
    /// A dialog for where labels are to be written.
    ChooseExport,
    /// A dialog for labels to be taken.
    ChooseImport,
    /// Folders filled as planned.
    CarryOut,
    /// The head as a file.
    SaveHead,
}

impl Window {
    /// Does what the user wants with labels.
    pub(in crate::app) fn act_on_labels(
        &mut self,
        ctx: &Context,
        frame: &eframe::Frame,
        action: LabelAction,
    ) {
        match action {
            LabelAction::Open(data) => self.open_to_label(data),
            LabelAction::ChooseFolder => self.ask_for(ctx, frame, Ask::LabelFolder),
            LabelAction::ChooseFile => self.ask_for(ctx, frame, Ask::LabelFile),
            LabelAction::SaveHead => self.ask_for(ctx, frame, Ask::LabelHead),
            LabelAction::ChooseExport => {
                let format = self.state.label.export.format;
                self.ask_for(ctx, frame, Ask::LabelExport(format));
            }
            LabelAction::ChooseImport => self.ask_for(ctx, frame, Ask::LabelImport),
            LabelAction::CarryOut => self.carry_out_plan(),
            LabelAction::UseFeatures(features) => self.use_label_features(features),
            LabelAction::UseCell(block, timestep, pool) => self.use_cell_in_labels(block, timestep, pool),
            LabelAction::TryLarger(kind) => self.try_larger_head(kind),
            LabelAction::PauseFeatures => self.with_label_features(|window, job| window.engine.pause(job)),
            LabelAction::ResumeFeatures => self.with_label_features(|window, job| window.engine.resume(job)),
            action => {
                let Some(open) = &mut self.state.label.open else { return };
                match act(open, action) {
                    Ok(None) => {}
                    Ok(Some(said)) => self.notices.push(NoticeKind::Information, said),
                    Err(error) => self.notices.push(NoticeKind::Warning, error.to_string()),
                }
            }
        }
    }

    /// Whether pictures are being labelled in the work space on screen.
    pub(in crate::app) fn labels_are_open(&self) -> bool {
        self.state.space == Space::Label && self.state.label.open.is_some()
    }

    /// Undoes a label or change of classes, or does it again.
    pub(in crate::app) fn undo_label(&mut self, back: bool) {
        let Some(open) = &mut self.state.label.open else { return };
        let what = if back { open.session.undo() } else { open.session.redo() };
        let text = match (what, back) {
            (Some(what), true) => format!("undone: {what}"),
            (Some(what), false) => format!("done again: {what}"),
            (None, true) => "there is nothing more to undo".into(),
            (None, false) => "there is nothing more to do again".into(),
        };
        self.notices.push(NoticeKind::Information, text);
    }

    /// Does what a key of the work space says.
    pub(in crate::app) fn perform_label(&mut self, ctx: &Context, frame: &eframe::Frame, command: Command) {
        let in_hand = self.state.label.open.as_ref().and_then(|open| open.row.current());
        let action = match command {
            Command::OpenLabelFolder => LabelAction::ChooseFolder,
            Command::AcceptSuggestion => LabelAction::Accept,
            Command::MarkUnsure => LabelAction::Mark(Mark::Unsure),
            Command::MarkNone => LabelAction::Mark(Mark::Outside),
            Command::ClearLabel => LabelAction::Mark(Mark::Blank),
            Command::RowDown => LabelAction::StepRow(1),
            Command::RowUp => LabelAction::StepRow(-1),
            Command::NextScreen => LabelAction::StepScreen(1),
            Command::PreviousScreen => LabelAction::StepScreen(-1),
            Command::ToggleGrid => LabelAction::Toggle,
            Command::ChooseAll => LabelAction::ChooseAll,
            Command::SortAnew => LabelAction::SortAnew,
            Command::AskByChance => LabelAction::Audit,
            Command::AcceptMany => LabelAction::SetMode(Mode::Accept),
            Command::SimilarNext => match in_hand {
                Some(picture) => LabelAction::Similar(picture),
                None => return,
            },
            Command::NewClass => {
                self.state.label.focus_new_class = true;
                return;
            }
            _ => return,
        };
        self.act_on_labels(ctx, frame, action);
    }
}

/// Changes a session; what the user should know of it.
fn act(open: &mut Open, action: LabelAction) -> Result<Option<String>> {
    match action {
        LabelAction::Mark(mark) => return mark_targets(open, mark),
        LabelAction::Accept => return accept(open),
        LabelAction::Step(by) => step(open, by),
        LabelAction::StepRow(by) => step(open, by * open.columns.max(1) as isize),
        LabelAction::StepScreen(by) => step(open, by * open.visible.len().max(1) as isize),
        LabelAction::GoTo(place) => {
            open.row.go_to(place);
            (open.audit, open.touched) = (None, true);
        }
        LabelAction::Look(picture) => {
            if open.row.find(picture) {
                open.view.mode = Mode::Single;
            }
        }
        LabelAction::Choose(picture, choice) => choose(open, picture, choice),
        LabelAction::ChooseMany(pictures) => open.chosen.extend(pictures),
        LabelAction::ChooseAll => {
            let all = open.row.pictures();
            match open.chosen.len() == all.len() {
                true => open.chosen.clear(),
                false => open.chosen = all.iter().copied().collect(),
            }
        }
        LabelAction::SetMode(mode) => set_mode(open, mode),
        LabelAction::Toggle => {
            let mode = if open.view.mode == Mode::Single { Mode::Grid } else { Mode::Single };
            set_mode(open, mode);
        }
        LabelAction::Set(settings) => open.session.set(settings)?,
        LabelAction::SortAnew => open.sort_anew(),
        LabelAction::ShowAll => (open.filter, open.only) = (Filter::default(), None),
        LabelAction::SetOrder(order) => {
            let settings = open.session.settings().clone();
            open.session.set(LabelSettings { order, ..settings })?;
            open.row.renew(Vec::new());
            open.sort_anew();
        }
        LabelAction::Similar(picture) => {
            let settings = open.session.settings().clone();
            let order = Order::Similar;
            open.session.set(LabelSettings { order, similar_to: Some(picture), ..settings })?;
            // What comes next is to be of these.
            open.touched = false;
        }
        LabelAction::ClassNext(class) => {
            let settings = open.session.settings().clone();
            let order = Order::Class;
            open.session.set(LabelSettings { order, class: Some(class), ..settings })?;
            open.touched = false;
        }
        LabelAction::AddClass(name) => _ = open.session.add_class(&name)?,
        LabelAction::Rename(class, name) => open.session.rename_class(class, &name)?,
        LabelAction::Recolour(class, colour) => open.session.recolour_class(class, colour)?,
        LabelAction::SetKey(class, key) => open.session.key_of_class(class, key)?,
        LabelAction::Move(class, place) => open.session.move_class(class, place)?,
        LabelAction::Merge(class, into) => open.session.merge_class(class, into)?,
        LabelAction::Remove(class) => open.session.remove_class(class)?,
        LabelAction::TakeGiven => {
            let count = open.session.take_given()?;
            return Ok(Some(format!("{count} pictures have the label of their data set now")));
        }
        LabelAction::Audit => return begin_audit(open, AUDIT),
        LabelAction::EndAudit => open.audit = None,
        LabelAction::AskGroups(groups) => open.session.ask_groups(Some(groups)),
        LabelAction::Only(only) => {
            open.only = only;
            open.view.mode = if open.only.is_some() { Mode::Grid } else { Mode::Groups };
        }
        LabelAction::MarkGroup(pictures, class) => {
            let what = format!("{} pictures as {}", pictures.len(), open.class(class).0);
            open.session.mark(&what, &pictures, Mark::Class { class, source: LabelSource::Bulk })?;
        }
        LabelAction::Without(picture) => {
            let without = &mut open.accepting.without;
            if !without.remove(&picture) {
                without.insert(picture);
            }
        }
        LabelAction::AcceptAll => return accept_all(open),
        LabelAction::Open(_)
        | LabelAction::ChooseFolder
        | LabelAction::ChooseFile
        | LabelAction::SaveHead
        | LabelAction::ChooseExport
        | LabelAction::ChooseImport
        | LabelAction::CarryOut
        | LabelAction::UseFeatures(_)
        | LabelAction::UseCell(..)
        | LabelAction::TryLarger(_)
        | LabelAction::PauseFeatures
        | LabelAction::ResumeFeatures => {}
    }
    Ok(None)
}

fn step(open: &mut Open, by: isize) {
    open.touched = true;
    open.row.step(by);
    (open.audit, open.scroll_to) = (None, open.row.current());
}

fn set_mode(open: &mut Open, mode: Mode) {
    (open.view.mode, open.audit) = (mode, None);
    open.chosen.clear();
    open.scroll_to = open.row.current();
    if mode == Mode::Accept {
        open.accepting = Accepting { confidence: open.accepting.confidence, ..Accepting::default() };
    }
}

fn choose(open: &mut Open, picture: usize, choice: Choice) {
    let place = open.row.pictures().iter().position(|&other| other == picture);
    let Some(place) = place else { return };
    (open.audit, open.touched) = (None, true);
    match choice {
        Choice::Only => {
            open.chosen.clear();
            open.anchor = Some(place);
        }
        Choice::Toggle => {
            // The one in hand counts as chosen once others join it.
            let held = open.row.current().filter(|_| open.chosen.is_empty());
            open.chosen.extend(held.filter(|&held| held != picture));
            if !open.chosen.remove(&picture) {
                open.chosen.insert(picture);
            }
            open.anchor = Some(place);
        }
        Choice::UpTo => {
            let from = open.anchor.unwrap_or(open.row.place());
            let pictures = open.row.pictures();
            let span = &pictures[from.min(place)..=from.max(place).min(pictures.len() - 1)];
            open.chosen.extend(span.iter().copied());
        }
    }
    open.row.go_to(place);
}

/// What a step of the history is called.
fn said_of(open: &Open, count: usize, mark: Mark) -> String {
    let what = match mark {
        Mark::Blank => "no label".to_string(),
        Mark::Class { class, .. } => open.class(class).0.to_string(),
        Mark::Unsure => "unsure".into(),
        Mark::Outside => "none of these".into(),
    };
    if count == 1 { what } else { format!("{count} pictures: {what}") }
}

fn mark_targets(open: &mut Open, mark: Mark) -> Result<Option<String>> {
    if let Some((picture, left)) = open.audit {
        answer(open, picture, left, mark)?;
        return Ok(None);
    }
    let targets = open.targets();
    if targets.is_empty() {
        return Err(Error::Setting("no picture is in hand; choose one first".into()));
    }
    let what = said_of(open, targets.len(), mark);
    let changed = open.session.mark(&what, &targets, mark)?;
    Ok(go_on(open, &targets, mark, changed))
}

/// Goes on to the next picture once those in hand have a mark; says so where there is none.
fn go_on(open: &mut Open, targets: &[usize], mark: Mark, changed: bool) -> Option<String> {
    if mark == Mark::Blank {
        return None;
    }
    open.chosen.clear();
    open.touched = true;
    if changed {
        open.since_audit += targets.len();
    }
    let checks = open.session.settings().order.is_of_labelled();
    let marks = open.session.session().marks().to_vec();
    let open_only = !checks && targets.len() == 1;
    if let Some(&last) = targets.last() {
        open.row.find(last);
    }
    let mut said = None;
    if !open_only {
        open.row.step(1);
    } else if !open.row.go_on(|picture| marks[picture] == Mark::Blank) {
        said = Some("every picture shown has a mark now; the order \"check\" looks for mistakes".to_string());
    }
    open.scroll_to = open.row.current();
    let every = open.view.ask_every;
    if every > 0 && open.since_audit >= every && open.view.mode == Mode::Single {
        // Nobody to ask about is no news here.
        let _ = begin_audit(open, 1);
    }
    said
}

fn accept(open: &mut Open) -> Result<Option<String>> {
    if open.audit.is_some() {
        return Ok(Some("a picture by chance is asked about without a suggestion; press a class".into()));
    }
    let targets = open.targets();
    let marks: Vec<(usize, Mark)> = targets
        .iter()
        .filter_map(|&picture| {
            let (class, _) = open.suggestion(picture)?;
            Some((picture, Mark::Class { class, source: LabelSource::Accepted }))
        })
        .collect();
    let Some(&(_, first)) = marks.first() else {
        return Ok(Some("there is no suggestion yet; label a picture of each of two classes first".into()));
    };
    let what = match marks.len() {
        1 => format!("{}, accepted", said_of(open, 1, first)),
        count => format!("{count} suggestions accepted"),
    };
    let changed = open.session.mark_each(&what, &marks)?;
    Ok(go_on(open, &targets, first, changed))
}

fn accept_all(open: &mut Open) -> Result<Option<String>> {
    let marks: Vec<(usize, Mark)> = open
        .acceptable()
        .into_iter()
        .filter(|(picture, ..)| !open.accepting.without.contains(picture))
        .map(|(picture, class, _)| (picture, Mark::Class { class, source: LabelSource::Bulk }))
        .collect();
    let what = format!("{} suggestions accepted at once", marks.len());
    open.session.mark_each(&what, &marks)?;
    set_mode(open, Mode::Grid);
    open.sort_anew();
    Ok(Some(format!("{what}; undo takes all of them back")))
}

/// Asks about `count` pictures by chance.
fn begin_audit(open: &mut Open, count: usize) -> Result<Option<String>> {
    open.since_audit = 0;
    let Some(picture) = open.now.audit.next.filter(|_| open.session.session().classes().len() > 1) else {
        return Ok(Some("there is nothing to ask about by chance: it takes two classes and features".into()));
    };
    open.view.mode = Mode::Single;
    open.audit = Some((picture, count));
    Ok(None)
}

fn answer(open: &mut Open, picture: usize, left: usize, mark: Mark) -> Result<()> {
    let answer = match mark {
        Mark::Class { class, .. } => Some(Answer::Class(class)),
        Mark::Unsure | Mark::Outside => Some(Answer::NoClass),
        Mark::Blank => None,
    };
    open.session.answer(picture, answer)?;
    open.audit = None;
    if left > 1 {
        // The next one is known once the answer has been taken.
        open.audit_waits = Some((picture, left - 1));
    }
    Ok(())
}
