//! The head of now as a file: `difscope predict` says with it what the window suggests.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use super::larger::LargerFound;
use super::session::LabelSession;
use crate::error::{Error, Result};
use crate::features::network::NetworkCard;
use crate::heads::{Backbone, FORMAT, Head, HeadInfo, InstantHead, NetworkRef, RidgeChoice, save};
use crate::jobs::{Engine, JobId, Outcome};
use crate::study::label::LabelFeatures;

/// The regression at the moment.
pub(super) struct RidgeNow {
    /// Names of the classes, in its order.
    pub classes: Vec<String>,
    /// `[K, width]`.
    pub weights: Vec<f32>,
    /// `[K]`.
    pub biases: Vec<f32>,
    pub choice: RidgeChoice,
    pub features: LabelFeatures,
    pub card: Arc<NetworkCard>,
}

/// The head that suggests at the moment.
pub(super) enum HeadNow {
    Ridge(RidgeNow),
    Larger(Arc<LargerFound>),
}

impl HeadNow {
    fn save(self, path: &Path, replace: bool) -> Result<()> {
        let info = |config, card: &NetworkCard, (seed, draws), classes| HeadInfo {
            format: FORMAT,
            config,
            network: NetworkRef { name: card.name.clone(), hash: card.hash.clone(), path: card.path.clone() },
            preprocess: card.config.preprocess,
            seed,
            draws,
            classes,
            hash: String::new(),
        };
        match self {
            HeadNow::Ridge(RidgeNow { classes, weights, biases, choice, features, card }) => {
                let config = features.head(&card)?;
                let head = Head::Instant(InstantHead::linear(&config, weights, biases, choice)?);
                let info = info(config, &card, (features.seed, features.draws), classes);
                save(path, &info, &head, &Backbone::from(&*card), replace)
            }
            HeadNow::Larger(found) => {
                let LargerFound { head, card, names, seed, .. } = &*found;
                let info = info(head.config().clone(), card, (*seed, 1), names.clone());
                save(path, &info, head, &Backbone::from(&**card), replace)
            }
        }
    }
}

impl Engine {
    /// Saves the head that suggests in `session` as `path`, to be asked by `difscope predict` and in the
    /// window; it ends with [`Outcome::Saved`].
    pub fn save_label_head(&self, session: &LabelSession, path: PathBuf, replace: bool) -> JobId {
        let (sender, answer): (_, Receiver<Result<HeadNow>>) = channel();
        session.link().put(|inbox| inbox.heads.push(sender));
        self.aside(format!("saving {}", path.display()), move |_| {
            let gone = |_| Error::Compute("the labeller is gone".into());
            answer.recv().map_err(gone)??.save(&path, replace)?;
            Ok(Outcome::Saved(path))
        })
    }
}
