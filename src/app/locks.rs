//! Over what the colours of principal components mean the same: adding to it and taking away.

use super::window::Window;
use crate::features::view::View;
use crate::jobs::LockConfig;

/// Adds `item` where it is missing and takes it away where it is there.
pub fn toggle<T: PartialEq>(list: &mut Vec<T>, item: T) {
    match list.iter().position(|held| *held == item) {
        Some(at) => _ = list.remove(at),
        None => list.push(item),
    }
}

/// As [`toggle`], in ascending order.
pub fn toggle_sorted(list: &mut Vec<usize>, item: usize) {
    toggle(list, item);
    list.sort_unstable();
}

impl Window {
    /// Lets the picture shown decide the colours, or takes it from those that do.
    pub(super) fn lock_picture(&mut self) {
        let Some(key) = self.state.library.current().map(|entry| entry.key.clone()) else { return };
        let pictures = &mut self.state.config.lock.pictures;
        if !pictures.contains(&key) && pictures.len() >= LockConfig::MOST_PICTURES {
            self.not_now("sixteen pictures decide the colours already; take one away first");
            return;
        }
        toggle(pictures, key);
        self.say_where_colours_show();
    }

    /// Lets the timestep shown decide the colours, or takes it from those that do.
    pub(super) fn lock_timestep(&mut self) {
        let Some(selection) = self.state.selection() else { return };
        toggle_sorted(&mut self.state.config.lock.timesteps, selection.timestep);
        self.say_where_colours_show();
    }

    /// Adds the block shown to those that share their colours, or takes it away.
    pub(super) fn lock_block(&mut self) {
        let Some(selection) = self.state.selection() else { return };
        toggle_sorted(&mut self.state.config.lock.blocks, selection.block);
        self.say_where_colours_show();
    }

    /// Lets pictures, timesteps and blocks of the pinned views decide the colours.
    pub(super) fn lock_pinned(&mut self) {
        if self.state.pins.is_empty() {
            self.not_now("no view is pinned");
            return;
        }
        let mut lock = LockConfig::default();
        let steps = self.state.steps();
        let blocks = self.state.network.as_ref().map_or(0, |network| network.card.blocks.len());
        for pin in &self.state.pins {
            let shot = pin.kept.shot();
            let key = self.state.library.entries.iter().find(|entry| entry.id == shot.map.picture);
            lock.pictures.extend(key.map(|entry| entry.key.clone()));
            lock.timesteps.push(shot.map.selection.timestep);
            lock.blocks.push(shot.map.selection.block);
        }
        // Pins of another network may have others.
        lock.timesteps.retain(|timestep| *timestep < steps);
        lock.blocks.retain(|block| *block <= blocks);
        let mut seen = std::collections::HashSet::new();
        lock.pictures.retain(|key| seen.insert(key.clone()));
        for list in [&mut lock.timesteps, &mut lock.blocks] {
            list.sort_unstable();
            list.dedup();
        }
        self.state.config.lock = lock;
        self.say_where_colours_show();
    }

    fn say_where_colours_show(&mut self) {
        if self.state.config.view != View::Pca {
            self.not_now("the colours that are held show in the PCA view");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_goes_and_what_is_missing_comes() {
        let mut list = vec![3, 9];
        toggle_sorted(&mut list, 5);
        assert_eq!(list, [3, 5, 9]);
        toggle_sorted(&mut list, 3);
        assert_eq!(list, [5, 9]);
    }
}
