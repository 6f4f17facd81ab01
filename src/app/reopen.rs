//! Where the user was: kept in the project, and found again when it is opened.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::widgets::notices::NoticeKind;
use super::window::Window;
use crate::features::network::NetworkSource;
use crate::jobs::{ExploreConfig, OpenedProject, WindowOptions};
use crate::project::is_there;

/// Under this name it is kept in the project.
const KEY: &str = "screen";

/// What was on the screen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Screen {
    /// Files and folders that were opened, as a command line names them.
    pub opened: Vec<String>,
    /// The picture in hand.
    pub picture: Option<String>,
    /// The file of the network, unless it is the embedded one.
    pub model: Option<String>,
    /// The published network it is, if the user says so.
    pub preset: Option<String>,
    /// Block, timestep and how maps are seen.
    pub explore: ExploreConfig,
}

/// What the command line left open: only that is found again.
#[derive(Clone, Copy, Debug)]
pub struct LeftOpen {
    pictures: bool,
    network: bool,
    explore: bool,
}

impl LeftOpen {
    /// By `options`.
    pub fn by(options: &WindowOptions) -> LeftOpen {
        LeftOpen {
            pictures: options.paths.is_empty(),
            network: options.source == NetworkSource::default() && options.preset.is_none(),
            explore: options.explore == ExploreConfig::default(),
        }
    }
}

impl Window {
    /// Goes where the user was when the project was open last, as far as the command line does not say
    /// otherwise. Once: a project opened later does not take the picture out of the user's hand.
    pub(super) fn find_screen_again(&mut self, opened: &OpenedProject) {
        let Some(left) = self.left_open.take() else { return };
        let Some(kept) = opened.state.get(KEY) else { return };
        let screen = match serde_json::from_value::<Screen>(kept.clone()) {
            Ok(screen) => screen,
            Err(error) => return log::warn!("what was on the screen is of another version: {error}"),
        };
        if left.network
            && let Some(model) = &screen.model
        {
            match is_there(model) {
                true => self.open_network(NetworkSource::Named(model.clone()), screen.preset.clone()),
                false => self.tell_gone(model),
            }
        }
        if left.explore {
            self.state.config = screen.explore.clone();
        }
        if left.pictures {
            self.find_pictures_again(&screen);
        }
        self.kept_screen = Some(screen);
    }

    fn find_pictures_again(&mut self, screen: &Screen) {
        let (there, gone): (Vec<&String>, Vec<&String>) =
            screen.opened.iter().partition(|place| is_there(place));
        gone.iter().for_each(|place| self.tell_gone(place));
        if !there.is_empty() {
            self.open_paths(there.into_iter().map(PathBuf::from).collect());
            self.state.library.select_next_found = false;
        }
        if let Some(key) = &screen.picture
            && !self.state.library.select_named(key)
        {
            self.state.library.wanted = Some(key.clone());
        }
    }

    fn tell_gone(&mut self, place: &str) {
        let text = format!("{place} was open and is not there any more; open it where it is now");
        self.notices.push(NoticeKind::Warning, text);
    }

    /// Between frames: keeps where the user is.
    pub(super) fn keep_screen(&mut self, hand_rests: bool) {
        let state = &self.state;
        // What is still being found is not lost meanwhile.
        let found = state.library.wanted.is_none() && state.library.listing == 0 && state.network.is_some();
        if !hand_rests || !found || self.left_open.is_some() || state.heads.project.is_none() {
            return;
        }
        let picture = state.library.current().filter(|entry| entry.source.argument().is_some());
        let screen = Screen {
            opened: state.library.opened.clone(),
            picture: picture.map(|entry| entry.key.clone()),
            model: state.model_argument.clone(),
            preset: state.preset_argument.clone(),
            explore: state.config.clone(),
        };
        if self.kept_screen.as_ref() != Some(&screen)
            && let Ok(value) = serde_json::to_value(&screen)
        {
            self.engine.keep_state(KEY, value);
            self.kept_screen = Some(screen);
        }
    }
}
