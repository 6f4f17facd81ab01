//! The heads by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// What turns frozen features into classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeadKind {
    /// Pooled features and one linear layer.
    Linear,
    /// Pooled features and linear layers with ReLU between.
    Mlp,
    /// Attention pooling over the tokens of one block at one timestep.
    Attention,
    /// One transformer over the tokens of several blocks, shared by several timesteps.
    DifFormer,
    /// Decoder features fed back to the encoder in a second pass, under an attention head.
    DifFeed,
    /// Ridge regression in closed form.
    Ridge,
    /// The class with the most similar mean.
    Prototype,
    /// A vote among the nearest pictures.
    Knn,
}

impl HeadKind {
    /// Every head, the simplest first.
    pub const ALL: [HeadKind; 8] = [
        HeadKind::Linear,
        HeadKind::Mlp,
        HeadKind::Attention,
        HeadKind::DifFormer,
        HeadKind::DifFeed,
        HeadKind::Ridge,
        HeadKind::Prototype,
        HeadKind::Knn,
    ];

    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            HeadKind::Linear => "linear",
            HeadKind::Mlp => "mlp",
            HeadKind::Attention => "attention",
            HeadKind::DifFormer => "difformer",
            HeadKind::DifFeed => "diffeed",
            HeadKind::Ridge => "ridge",
            HeadKind::Prototype => "prototype",
            HeadKind::Knn => "knn",
        }
    }

    /// True for heads that are fitted in closed form, without steps.
    pub fn is_instant(self) -> bool {
        matches!(self, HeadKind::Ridge | HeadKind::Prototype | HeadKind::Knn)
    }

    /// True for heads with a transformer, whose attention can be looked at.
    pub fn attends(self) -> bool {
        matches!(self, HeadKind::Attention | HeadKind::DifFormer | HeadKind::DifFeed)
    }
}

impl fmt::Display for HeadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for HeadKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<HeadKind, Error> {
        HeadKind::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            let names = HeadKind::ALL.map(HeadKind::name).join(", ");
            Error::Setting(format!("there is no head {text:?}; choose one of {names}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_everywhere() {
        for kind in HeadKind::ALL {
            assert_eq!(kind.to_string().parse::<HeadKind>().unwrap(), kind);
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        assert!("cnn".parse::<HeadKind>().unwrap_err().to_string().contains("difformer"));
    }
}
