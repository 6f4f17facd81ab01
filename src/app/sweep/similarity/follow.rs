//! What follows from events and from what the user wants.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::Context;

use super::SimilarityAction;
use crate::app::dialogs::Ask;
use crate::app::widgets::notices::NoticeKind;
use crate::app::window::Window;
use crate::error::Error;
use crate::figure::Theme;
use crate::jobs::{Against, JobId, JobState, Named, Outcome, SimilarityJob, similarity_line};
use crate::study::similarity::{Similarity, write};

impl Window {
    /// A comparison came further; false where the job is another one.
    pub(in crate::app) fn take_similarity_job(&mut self, id: JobId, state: &JobState) -> bool {
        let similarity = &mut self.state.sweep.similarity;
        if similarity.running.take_if(|(running, _)| *running == id).is_none() {
            return false;
        }
        match state {
            JobState::Done(Outcome::Similar(found)) => {
                similarity.found = Some(Arc::clone(found));
                similarity.error = None;
            }
            JobState::Queued | JobState::Running { .. } | JobState::Paused => {
                similarity.running = Some((id, state.clone()));
            }
            JobState::Failed { error, .. } => similarity.error = Some(Arc::clone(error)),
            JobState::Done(_) | JobState::Cancelled { .. } => {}
        }
        true
    }

    /// Does what the user wants with similarities.
    pub(in crate::app) fn act_on_similarity(
        &mut self,
        ctx: &Context,
        frame: &eframe::Frame,
        action: SimilarityAction,
    ) {
        let job = self.state.sweep.similarity.running.as_ref().map(|(job, _)| *job);
        match (action, job) {
            (SimilarityAction::Begin, None) => self.begin_similarity(),
            (SimilarityAction::Cancel, Some(job)) => self.engine.cancel(job),
            (SimilarityAction::Export, _) => {
                if let Some(found) = self.state.sweep.similarity.found.clone() {
                    self.ask_for(ctx, frame, Ask::SimilarityFolder(found));
                }
            }
            (SimilarityAction::ChooseNetwork, _) => self.ask_for(ctx, frame, Ask::OtherNetwork),
            (SimilarityAction::CopyCommand, _) => self.copy_similarity_line(ctx),
            _ => {}
        }
    }

    fn begin_similarity(&mut self) {
        let Some(network) = &self.state.network else {
            self.not_now("a comparison needs a network; open one first");
            return;
        };
        let settings = &self.state.sweep.settings.similarity;
        let config = settings.config_on(&network.card);
        let against = settings.against.as_deref().map(Against::of);
        if against.is_none()
            && let Err(error) = config.validate(&network.card, None)
        {
            self.state.sweep.similarity.error = Some(Arc::new(error));
            return;
        }
        let data = self.state.heads.config.survey.data.clone();
        let job = self.engine.submit(SimilarityJob::new(config, data, against));
        let similarity = &mut self.state.sweep.similarity;
        similarity.running = Some((job, JobState::Queued));
        similarity.error = None;
    }

    /// Takes the file of the network to compare with.
    pub(in crate::app) fn compare_with(&mut self, path: PathBuf) {
        self.state.sweep.settings.similarity.against = Some(path.display().to_string());
    }

    /// Writes tables and figures of what was found into `folder`.
    pub(in crate::app) fn write_similarity_to(&mut self, found: Arc<Similarity>, folder: PathBuf) {
        self.engine.aside(format!("writing into {}", folder.display()), move |_| {
            let settings = serde_json::to_string(&found.config);
            let settings = settings.map_err(|error| Error::Compute(error.to_string()))?;
            write(&folder, &found, Theme::Light, Some(&settings), false)?;
            Ok(Outcome::Saved(folder))
        });
    }

    fn copy_similarity_line(&mut self, ctx: &Context) {
        let Some(network) = &self.state.network else { return };
        let settings = &self.state.sweep.settings.similarity;
        let data = self.state.heads.config.survey.data.display().to_string();
        let named = Named {
            picture: None,
            model: self.state.model_argument.as_deref(),
            preset: self.state.preset_argument.as_deref(),
        };
        let config = settings.config_on(&network.card);
        let line = similarity_line(&config, &data, settings.against.as_deref(), (&named, &network.card));
        ctx.copy_text(line);
        self.notices.push(NoticeKind::Good, "the command line is on the clipboard");
    }
}
