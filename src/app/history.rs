//! Undo: the settings that were on screen before.

use crate::jobs::ExploreConfig;

/// Steps that can be taken back.
const KEPT: usize = 200;

/// What one step back restores: the settings, and which picture was shown.
type Moment = (ExploreConfig, Option<usize>);

/// Settings in the order in which they were on screen.
#[derive(Default)]
pub struct History {
    past: Vec<Moment>,
    present: Option<Moment>,
    future: Vec<Moment>,
}

impl History {
    /// Takes note of the settings on screen; to be called when the hand rests.
    pub fn note(&mut self, config: &ExploreConfig, picture: Option<usize>) {
        if self.present.as_ref().is_some_and(|(held, shown)| held == config && *shown == picture) {
            return;
        }
        if let Some(before) = self.present.replace((config.clone(), picture)) {
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

    fn at(block: usize) -> ExploreConfig {
        ExploreConfig { block: Some(block), ..ExploreConfig::default() }
    }

    #[test]
    fn steps_go_back_and_forward_until_something_new_is_done() {
        let mut history = History::default();
        for block in [1, 2, 2, 3] {
            history.note(&at(block), Some(0));
        }
        assert_eq!(history.undo(), Some((at(2), Some(0))));
        assert_eq!(history.undo(), Some((at(1), Some(0))));
        assert_eq!(history.undo(), None);
        assert_eq!(history.redo(), Some((at(2), Some(0))));
        history.note(&at(9), Some(4));
        assert_eq!(history.redo(), None);
        assert_eq!(history.undo(), Some((at(2), Some(0))));
    }
}
