//! The clerk: serves requests one after another, and holds on to what could not be saved.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::Request;
use super::desk::Desk;
use super::place::{Place, ProjectChoice};
use super::record::{KeepId, ProjectEvent};
use crate::error::{Error, Result};
use crate::jobs::worker::panic_error;
use crate::project::Labelling;

/// The open project, and what it has not taken yet.
#[derive(Default)]
pub(super) struct Clerk {
    desk: Option<Desk>,
    unsaved: Vec<(KeepId, Request)>,
    /// Of these, what has been saved since in a newer form.
    late: Vec<KeepId>,
}

impl Clerk {
    /// Does what is asked for, and tells what came of it.
    pub fn serve(&mut self, id: KeepId, request: Request, tell: &dyn Fn(ProjectEvent)) {
        if matches!(request, Request::Open(_) | Request::OpenLabelling(_)) {
            // What belongs to the project before goes with it, and labels are opened as they are now.
            self.late = self.try_again(tell);
        }
        let tried = match &request {
            // Labels are kept in the order in which they were given.
            Request::Label { of, .. } if self.waits(*of) => {
                let why = "what was labelled before is not saved yet; free some room";
                Err(Error::Setting(why.into()))
            }
            _ => self.attempt(&request, tell),
        };
        match tried {
            Ok(()) => {
                let newer = |(_, older): &mut (KeepId, Request)| request.replaces(older);
                self.late.extend(self.unsaved.extract_if(.., newer).map(|(id, _)| id));
            }
            Err(error) => {
                let (error, what) = (Arc::new(error), request.what());
                let Request::Open(_) = request else {
                    self.hold(id, request);
                    return tell(ProjectEvent::NotSaved { request: id, what, error });
                };
                tell(ProjectEvent::Failed(error));
            }
        }
    }

    /// Whether something could not be saved.
    pub fn has_unsaved(&self) -> bool {
        !self.unsaved.is_empty()
    }

    /// Whether labels of `labelling` wait to be saved.
    fn waits(&self, labelling: Labelling) -> bool {
        let is_of = |request: &Request| matches!(request, Request::Label { of, .. } if *of == labelling);
        self.unsaved.iter().any(|(_, request)| is_of(request))
    }

    /// Tries to save what could not be, in the order in which it was asked for; what was saved since the
    /// last call.
    pub fn try_again(&mut self, tell: &dyn Fn(ProjectEvent)) -> Vec<KeepId> {
        for (id, request) in std::mem::take(&mut self.unsaved) {
            if let Request::Label { of, .. } = &request
                && self.waits(*of)
            {
                self.unsaved.push((id, request));
                continue;
            }
            match self.attempt(&request, tell) {
                Ok(()) => self.late.push(id),
                // Its run was removed.
                Err(_) if !self.can_take(&request) => {}
                // It was told once.
                Err(error) => {
                    log::debug!("{} is still not saved: {error}", request.what());
                    self.unsaved.push((id, request));
                }
            }
        }
        std::mem::take(&mut self.late)
    }

    /// Keeps for later what makes sense later; of the same thing only the newest.
    fn hold(&mut self, id: KeepId, request: Request) {
        if self.can_take(&request) {
            self.unsaved.retain(|(_, older)| !request.replaces(older));
            self.unsaved.push((id, request));
        }
    }

    /// Whether the open project could take `request` at another time.
    fn can_take(&mut self, request: &Request) -> bool {
        self.desk.as_mut().is_some_and(|desk| match request {
            Request::Keep(run) => desk.has(run),
            Request::Rows { run, .. } | Request::EndSweep { run, .. } => desk.has_run(*run),
            Request::State { .. } | Request::Split { .. } | Request::Relink(_) => true,
            Request::Label { of, .. } => desk.has_labelling(*of),
            Request::OpenLabelling(_) => false,
            Request::Open(_) | Request::Begin(_) | Request::BeginSweep(_) | Request::Remove { .. } => false,
        })
    }

    fn attempt(&mut self, request: &Request, tell: &dyn Fn(ProjectEvent)) -> Result<()> {
        catch_unwind(AssertUnwindSafe(|| self.answer(request, tell)))
            .unwrap_or_else(|payload| Err(panic_error(&request.what(), payload.as_ref())))
    }

    fn answer(&mut self, request: &Request, tell: &dyn Fn(ProjectEvent)) -> Result<()> {
        if let Request::Open(choice) = request {
            return self.open(choice, tell);
        }
        let Some(desk) = &mut self.desk else {
            if let Request::OpenLabelling(asked) = request {
                let why = "no project is open, which labels are kept in; open or make one";
                // Who no longer waits needs no answer.
                let _ = asked.reply.send(Err(Error::Setting(why.into())));
                return Ok(());
            }
            return Err(Error::Setting("no project is open; open or make one".into()));
        };
        match request {
            Request::Open(_) => {}
            Request::Begin(run) => tell(ProjectEvent::RunAdded(Arc::new(desk.begin(run.clone())?))),
            Request::Keep(run) => desk.keep(run)?,
            Request::Remove { run, with_files } => desk.remove(*run, *with_files)?,
            Request::BeginSweep(sweep) => {
                tell(ProjectEvent::SweepAdded(Arc::new(desk.begin_sweep((**sweep).clone())?)));
            }
            Request::Rows { run, rows } => desk.keep_rows(*run, rows)?,
            Request::EndSweep { run, status, report } => desk.end_sweep(*run, *status, report.as_deref())?,
            Request::State { key, value } => desk.state(key, value)?,
            Request::Split { name, split } => desk.split(name, split)?,
            Request::Relink(found) => {
                let moved = desk.relink(found)?;
                if moved > 0 {
                    tell(ProjectEvent::Relinked { moved });
                }
            }
            Request::OpenLabelling(asked) => desk.open_labelling(asked),
            Request::Label { of, write } => desk.label(*of, write)?,
        }
        Ok(())
    }

    fn open(&mut self, choice: &ProjectChoice, tell: &dyn Fn(ProjectEvent)) -> Result<()> {
        let opened = |opened| tell(ProjectEvent::Opened(Arc::new(opened)));
        let desk = &mut self.desk;
        let found =
            Place::open(choice, desk.as_ref().map(Desk::path)).and_then(|place| match (place, &mut *desk) {
                (Some(place), _) => Desk::open(place).map(|(desk, opened)| (Some(desk), opened)),
                (None, Some(desk)) => desk.look().map(|opened| (None, opened)),
                (None, None) => Err(Error::Compute("no project is open, and one was".into())),
            });
        match found {
            Ok((new, found)) => {
                if new.is_some() {
                    self.unsaved.clear();
                }
                // The one before closes here.
                self.desk = new.or(self.desk.take());
                opened(found);
                Ok(())
            }
            // The one before goes on.
            Err(error) if desk.is_some() => Err(error),
            Err(error) => {
                let why = error.to_string();
                tell(ProjectEvent::Failed(Arc::new(error)));
                let place = Place::temporary_because(&why)?;
                let (new, found) = Desk::open(place)?;
                self.desk = Some(new);
                opened(found);
                Ok(())
            }
        }
    }
}
