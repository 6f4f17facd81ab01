//! Undo: the settings that were on screen before.

use super::heads::Card;
use super::state::State;
use crate::jobs::ExploreConfig;
use crate::study::SurveyConfig;
use crate::study::sweep::SweepConfig;

/// Steps that can be taken back.
const KEPT: usize = 200;

/// What one step back restores.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moment {
    /// The settings of Explore.
    pub config: ExploreConfig,
    /// Which picture was shown.
    pub picture: Option<usize>,
    /// The labelled pictures, their classes and split.
    pub survey: SurveyConfig,
    /// Heads to be trained.
    pub cards: Vec<Card>,
    /// What is swept.
    pub sweep: SweepConfig,
}

impl Moment {
    /// What is on screen.
    pub fn of(state: &State) -> Moment {
        Moment {
            config: state.config.clone(),
            picture: state.library.selected,
            survey: state.heads.config.survey.clone(),
            cards: state.heads.config.cards.clone(),
            sweep: state.sweep.settings.config.clone(),
        }
    }

    /// Whether it is what is on screen.
    fn is(&self, state: &State) -> bool {
        let heads = &state.heads.config;
        self.config == state.config
            && self.picture == state.library.selected
            && self.survey == heads.survey
            && self.cards == heads.cards
            && self.sweep == state.sweep.settings.config
    }
}

/// Settings in the order in which they were on screen.
#[derive(Default)]
pub struct History {
    past: Vec<Moment>,
    present: Option<Moment>,
    future: Vec<Moment>,
}

impl History {
    /// Takes note of what is on screen; to be called when the hand rests.
    pub fn note(&mut self, state: &State) {
        if !self.present.as_ref().is_some_and(|held| held.is(state)) {
            self.add(Moment::of(state));
        }
    }

    fn add(&mut self, moment: Moment) {
        if let Some(before) = self.present.replace(moment) {
            self.past.push(before);
            self.future.clear();
        }
        if self.past.len() > KEPT {
            self.past.remove(0);
        }
    }

    /// One step back.
    pub fn undo(&mut self) -> Option<Moment> {
        let before = self.past.pop()?;
        self.future.extend(self.present.replace(before.clone()));
        Some(before)
    }

    /// One step forward again.
    pub fn redo(&mut self) -> Option<Moment> {
        let after = self.future.pop()?;
        self.past.extend(self.present.replace(after.clone()));
        Some(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(block: usize, picture: usize) -> Moment {
        let config = ExploreConfig { block: Some(block), ..ExploreConfig::default() };
        Moment { config, picture: Some(picture), ..Moment::default() }
    }

    #[test]
    fn steps_go_back_and_forward_until_something_new_is_done() {
        let mut history = History::default();
        for block in [1, 2, 3] {
            history.add(at(block, 0));
        }
        assert_eq!(history.undo(), Some(at(2, 0)));
        assert_eq!(history.undo(), Some(at(1, 0)));
        assert_eq!(history.undo(), None);
        assert_eq!(history.redo(), Some(at(2, 0)));
        history.add(at(9, 4));
        assert_eq!(history.redo(), None);
        assert_eq!(history.undo(), Some(at(2, 0)));
    }
}
