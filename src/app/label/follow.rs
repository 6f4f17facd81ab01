//! What follows from events: pictures opened, features that come, settings that are kept.

use std::path::PathBuf;
use std::sync::Arc;

use super::state::{LabelConfig, Open};
use crate::app::command::Space;
use crate::app::opening::{content_id, is_of_content};
use crate::app::widgets::notices::NoticeKind;
use crate::app::window::Window;
use crate::heads::HeadKind;
use crate::jobs::{JobId, JobState, LabelSettings, OpenedLabels, OpenedProject, Outcome, PictureId};
use crate::study::label::{LabelFeatures, LargerConfig};

/// Under this name it is kept in the project.
const KEY: &str = "label";
/// Sides of small and large pictures, in pixels.
const SIDES: [u32; 2] = [160, 640];

/// Names a picture of the session for its thumbnail, small or large.
pub fn picture_id(open: &Open, picture: usize, large: bool) -> Option<PictureId> {
    Some(content_id(&open.session.opened().pictures.get(picture)?.print.digest, large))
}

impl Window {
    /// Takes what the project keeps. A session of the project before ends here.
    pub(in crate::app) fn labels_opened(&mut self, opened: &OpenedProject) {
        let label = &mut self.state.label;
        (label.open, label.opening, label.error) = (None, None, None);
        label.config = LabelConfig::default();
        if let Some(kept) = opened.state.get(KEY) {
            match serde_json::from_value::<LabelConfig>(kept.clone()) {
                Ok(config) => label.config = config,
                Err(error) => log::warn!("the settings of labels are of another version: {error}"),
            }
        }
        label.text = label.config.data.as_ref().map_or(String::new(), |data| data.display().to_string());
    }

    /// Opens pictures to be labelled.
    pub(in crate::app) fn open_to_label(&mut self, data: PathBuf) {
        let label = &mut self.state.label;
        if let Some((job, _)) = label.opening.take() {
            self.engine.cancel(job);
        }
        (label.open, label.error) = (None, None);
        label.text = data.display().to_string();
        label.config.data = Some(data.clone());
        if let Ok(value) = serde_json::to_value(&label.config) {
            self.engine.keep_state(KEY, value);
        }
        let job = self.engine.open_labels(data);
        self.state.label.opening = Some((job, JobState::Queued));
    }

    /// A job of this work space came further; false where it is another one's.
    pub(in crate::app) fn take_label_job(&mut self, job: JobId, state: &JobState) -> bool {
        let label = &mut self.state.label;
        if label.opening.take_if(|(opening, _)| *opening == job).is_some() {
            match state {
                JobState::Done(Outcome::LabelsOpened(opened)) => {
                    let opened = Arc::clone(opened);
                    self.session_opened(opened);
                }
                JobState::Failed { error, .. } => label.error = Some(Arc::clone(error)),
                JobState::Done(_) | JobState::Cancelled { .. } => {}
                JobState::Queued | JobState::Running { .. } | JobState::Paused => {
                    label.opening = Some((job, state.clone()));
                }
            }
            return true;
        }
        let is_over = !matches!(state, JobState::Queued | JobState::Running { .. } | JobState::Paused);
        if is_over && label.moving.take_if(|moving| *moving == job).is_some() {
            if let Some(data) = label.config.data.clone() {
                self.open_to_label(data);
            }
            // What came of it is told as of any job.
            return false;
        }
        let Some(open) = &mut label.open else { return false };
        if open.larger.take_if(|(larger, _)| *larger == job).is_some() {
            match state {
                JobState::Queued | JobState::Running { .. } | JobState::Paused => {
                    open.larger = Some((job, state.clone()));
                }
                JobState::Done(Outcome::Done(sentence)) => {
                    self.notices.push(NoticeKind::Information, sentence.clone());
                }
                JobState::Failed { error, .. } => {
                    self.notices.push(NoticeKind::Error, format!("the larger head: {error}"));
                }
                JobState::Done(_) | JobState::Cancelled { .. } => {}
            }
            return true;
        }
        if open.features.take_if(|(features, _)| *features == job).is_none() {
            return false;
        }
        match state {
            JobState::Failed { error, .. } => {
                self.notices.push(NoticeKind::Error, format!("features of the pictures: {error}"));
            }
            JobState::Done(_) | JobState::Cancelled { .. } => {}
            JobState::Queued | JobState::Running { .. } | JobState::Paused => {
                open.features = Some((job, state.clone()));
            }
        }
        true
    }

    fn session_opened(&mut self, opened: Arc<OpenedLabels>) {
        for note in &opened.notes {
            self.notices.push(NoticeKind::Information, note.clone());
        }
        match self.engine.label_session(opened) {
            Ok(session) => {
                self.state.label.open = Some(Open::new(session));
                if let Some(features) = self.state.label.wanted.take() {
                    self.use_label_features(features);
                }
            }
            Err(error) => self.state.label.error = Some(Arc::new(error)),
        }
    }

    /// Between frames.
    pub(in crate::app) fn follow_labels(&mut self, hand_rests: bool) {
        let label = &mut self.state.label;
        if let Some(open) = &mut label.open {
            open.follow();
            if hand_rests && open.kept_view != open.view {
                open.kept_view = open.view.clone();
                let window = serde_json::to_value(&open.view).unwrap_or_default();
                let settings = LabelSettings { window, ..open.session.settings().clone() };
                if let Err(error) = open.session.set(settings) {
                    log::warn!("how labels are shown is not kept: {error}");
                }
            }
            self.make_label_features();
            return;
        }
        let waits = label.opening.is_none() && label.error.is_none() && self.state.space == Space::Label;
        if waits
            && self.state.heads.project.is_some()
            && let Some(data) = self.state.label.config.data.clone()
        {
            self.open_to_label(data);
        }
    }

    /// Makes the features of the settings, by the network in use, unless they are there or being made.
    fn make_label_features(&mut self) {
        let Some(network) = &self.state.network else { return };
        let Some(open) = &mut self.state.label.open else { return };
        let features = open.session.settings().features.clone();
        let features = features.unwrap_or_else(|| LabelFeatures::of(&network.card));
        let wanted = (features, network.card.hash.clone());
        if open.features_of.as_ref() == Some(&wanted) {
            return;
        }
        if let Some((job, _)) = open.features.take() {
            self.engine.cancel(job);
        }
        open.features_of = Some(wanted.clone());
        if let Err(error) = wanted.0.check(&network.card) {
            self.notices.push(NoticeKind::Warning, format!("features to label by: {error}"));
            return;
        }
        let job = self.engine.submit(open.session.features_job());
        open.features = Some((job, JobState::Queued));
    }

    /// Chooses other features; for the next pictures where none are open yet.
    pub(super) fn use_label_features(&mut self, features: LabelFeatures) {
        let label = &mut self.state.label;
        label.texts = None;
        match &mut label.open {
            Some(open) => {
                let settings = open.session.settings().clone();
                let set = open.session.set(LabelSettings { features: Some(features), ..settings });
                if let Err(error) = set {
                    self.notices.push(NoticeKind::Warning, error.to_string());
                }
            }
            None => label.wanted = Some(features),
        }
    }

    /// Goes to the labels with the features of a cell of a sweep.
    pub(super) fn use_cell_in_labels(&mut self, block: usize, timestep: usize, pool: usize) {
        let Some(network) = &self.state.network else { return };
        let held = self.state.label.open.as_ref().and_then(|open| open.session.settings().features.clone());
        let held = held.unwrap_or_else(|| LabelFeatures::of(&network.card));
        self.use_label_features(LabelFeatures {
            blocks: vec![block],
            timesteps: vec![timestep],
            pool,
            ..held
        });
        self.state.space = Space::Label;
    }

    /// Tries a larger head on the labels.
    pub(super) fn try_larger_head(&mut self, kind: HeadKind) {
        let Some(open) = &mut self.state.label.open else { return };
        let config = LargerConfig { seed: open.session.settings().seed, ..LargerConfig::of(kind) };
        match open.session.larger_head_job(config) {
            Ok(job) => open.larger = Some((self.engine.submit(job), JobState::Queued)),
            Err(error) => self.notices.push(NoticeKind::Warning, error.to_string()),
        }
    }

    pub(super) fn with_label_features(&mut self, act: impl FnOnce(&mut Window, JobId)) {
        let job = self.state.label.open.as_ref().and_then(|open| open.features.as_ref()).map(|(job, _)| *job);
        if let Some(job) = job {
            act(self, job);
        }
    }

    /// Writes the head of now to `path`.
    pub(in crate::app) fn save_label_head(&mut self, path: PathBuf) {
        if let Some(open) = &self.state.label.open {
            self.engine.save_label_head(&open.session, path, true);
        }
    }

    /// Decodes pictures of the session that are on screen or soon will be.
    pub(in crate::app) fn request_label_pictures(&mut self, wanted: &[usize], large: bool) {
        let Some(open) = &self.state.label.open else { return };
        let pictures = &open.session.opened().pictures;
        let missing: Vec<_> = wanted
            .iter()
            .filter_map(|&picture| {
                Some((picture_id(open, picture, large)?, pictures[picture].source.clone()))
            })
            .filter(|(id, _)| !self.state.library.thumbs.contains_key(id))
            .collect();
        if missing.iter().any(|(id, _)| !self.asked_thumbs.contains(id)) {
            self.asked_thumbs = missing.iter().map(|(id, _)| *id).collect();
            self.engine.thumbnails(missing, SIDES[usize::from(large)]);
        }
        self.forget_far_label_pictures(wanted, large);
    }

    /// Pictures far from what is on screen leave the GPU.
    fn forget_far_label_pictures(&mut self, near: &[usize], large: bool) {
        let kept = if large { 48 } else { 1500 };
        let Some(open) = &self.state.label.open else { return };
        let thumbs = &mut self.state.library.thumbs;
        if thumbs.keys().filter(|id| is_of_content(**id, large)).count() > kept {
            let near: std::collections::HashSet<PictureId> =
                near.iter().filter_map(|&picture| picture_id(open, picture, large)).collect();
            thumbs.retain(|id, _| !is_of_content(*id, large) || near.contains(id));
        }
    }
}
