//! How the engine works: chosen, applied and remembered.

use std::path::{Path, PathBuf};

use super::widgets::notices::NoticeKind;
use super::window::Window;
use crate::features::network::NetworkSource;
use crate::jobs::EngineOptions;
use crate::tensor::device::DeviceChoice;
use crate::tensor::precision::PrecisionChoice;

/// Bytes in the unit that the map cache is chosen in.
const MB: usize = 1 << 20;

/// Settings that are being changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The device.
    pub device: DeviceChoice,
    /// What is multiplied.
    pub precision: PrecisionChoice,
    /// Threads; none: all cores but one.
    pub threads: Option<usize>,
    /// Folder for converted checkpoints; empty: the platform's.
    pub cache: String,
    /// Megabytes of maps kept.
    pub map_cache: usize,
    /// Why the settings cannot be applied.
    pub refused: Option<String>,
}

impl Draft {
    /// The settings that `options` mean.
    pub fn of(options: &EngineOptions) -> Draft {
        let cache = options.cache.as_ref().map(|path| path.display().to_string());
        Draft {
            device: options.device,
            precision: options.precision,
            threads: options.threads,
            cache: cache.unwrap_or_default(),
            map_cache: options.pass_cache_bytes / MB,
            refused: None,
        }
    }

    /// The options that the settings mean.
    pub fn options(&self) -> EngineOptions {
        let plain = EngineOptions::default();
        let cache = match self.cache.trim() {
            "" => plain.cache.clone(),
            folder => Some(PathBuf::from(folder)),
        };
        EngineOptions {
            device: self.device,
            precision: self.precision,
            threads: self.threads,
            leave_a_core: true,
            cache,
            pass_cache_bytes: self.map_cache * MB,
            ..plain
        }
    }
}

/// `options` as the flags say; where they say nothing, as the user has chosen before.
pub fn with_saved(options: EngineOptions, saved: Option<&EngineOptions>) -> EngineOptions {
    let plain = EngineOptions::default();
    let saved = saved.unwrap_or(&plain);
    fn pick<T: PartialEq + Clone>(flag: &T, plain: &T, saved: &T) -> T {
        if flag == plain { saved.clone() } else { flag.clone() }
    }
    EngineOptions {
        device: pick(&options.device, &plain.device, &saved.device),
        precision: pick(&options.precision, &plain.precision, &saved.precision),
        threads: pick(&options.threads, &plain.threads, &saved.threads),
        leave_a_core: true,
        cache: pick(&options.cache, &plain.cache, &saved.cache),
        pass_cache_bytes: pick(&options.pass_cache_bytes, &plain.pass_cache_bytes, &saved.pass_cache_bytes),
        ..options
    }
}

impl Window {
    /// Opens the settings, or closes them without applying.
    pub(super) fn toggle_settings(&mut self) {
        self.state.settings = match self.state.settings.take() {
            Some(_) => None,
            None => Some(Draft::of(&self.engine_options)),
        };
    }

    /// Goes on with the settings chosen; pictures, pins and what is selected stay.
    pub(super) fn apply_settings(&mut self) {
        let Some(draft) = &mut self.state.settings else { return };
        let options = draft.options();
        if options.cache.as_deref().is_some_and(Path::is_file) {
            draft.refused = Some(format!("{} is a file; choose a folder", draft.cache));
            return;
        }
        if options != self.engine_options {
            if let Err(error) = self.engine.restart(options.clone()) {
                draft.refused = Some(error.to_string());
                return;
            }
            self.engine_options = options.clone();
            self.reopen_network();
        }
        self.saved_engine = Some(options);
        self.state.settings = None;
    }

    /// Opens the network in use, or the one on its way, for the new engine.
    fn reopen_network(&mut self) {
        let on_its_way = !self.opening.is_empty() || self.state.network.is_none();
        let (source, preset) = if on_its_way {
            self.last_opened.clone()
        } else {
            (NetworkSource::of(self.state.model_argument.as_deref()), self.state.preset_argument.clone())
        };
        // Those asked for before end with their worker, and mean nothing any more.
        self.opening.clear();
        self.open_network(source, preset);
        self.reopening = self.opening.keys().copied().next();
        self.notices.push(NoticeKind::Information, "the settings are applied; the network is read again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_before_what_was_chosen_before() {
        let saved = EngineOptions { threads: Some(3), device: DeviceChoice::Cpu, ..EngineOptions::default() };
        let flags = EngineOptions { threads: Some(1), ..EngineOptions::default() };
        let both = with_saved(flags, Some(&saved));
        assert_eq!((both.threads, both.device, both.leave_a_core), (Some(1), DeviceChoice::Cpu, true));
        assert_eq!(with_saved(EngineOptions::default(), None).threads, None);
    }

    #[test]
    fn a_draft_means_what_it_was_made_of() {
        let options = EngineOptions {
            threads: Some(2),
            leave_a_core: true,
            cache: Some("models".into()),
            pass_cache_bytes: 256 * MB,
            ..EngineOptions::default()
        };
        assert_eq!(Draft::of(&options).options(), options);
        let empty = Draft { cache: " ".into(), ..Draft::of(&options) };
        assert_eq!(empty.options().cache, EngineOptions::default().cache);
    }
}
