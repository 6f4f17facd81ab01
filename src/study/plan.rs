//! Which heads read which features.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::table::Features;
use crate::error::{Error, Result};
use crate::heads::{Backbone, HeadConfig, HeadKind};
use crate::train::{Reader, Recipe, few_shot_head};
use crate::unet::config::UnetConfig;

/// Heads that also read the controls: raw pixels, and the network with random weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Controls(pub Vec<HeadKind>);

impl Default for Controls {
    fn default() -> Self {
        Controls(vec![HeadKind::Ridge, HeadKind::Linear])
    }
}

impl fmt::Display for Controls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|kind| kind.name()).collect();
        f.write_str(&if names.is_empty() { "none".to_string() } else { names.join(",") })
    }
}

impl FromStr for Controls {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "none" => Ok(Controls(Vec::new())),
            "all" => Ok(Controls(HeadKind::ALL.into_iter().filter(|&kind| reads_pixels(kind)).collect())),
            list => {
                let kinds = list.split(',').map(|name| name.trim().parse::<HeadKind>());
                let kinds = kinds.collect::<Result<Vec<_>>>()?;
                match kinds.iter().find(|&&kind| !reads_pixels(kind)) {
                    Some(kind) => Err(Error::Setting(format!(
                        "{kind} is no control: it needs several blocks; choose from linear, mlp, attention, ridge, prototype and knn"
                    ))),
                    None => Ok(Controls(kinds)),
                }
            }
        }
    }
}

impl TryFrom<String> for Controls {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Controls> for String {
    fn from(controls: Controls) -> String {
        controls.to_string()
    }
}

fn reads_pixels(kind: HeadKind) -> bool {
    !matches!(kind, HeadKind::DifFormer | HeadKind::DifFeed)
}

/// The block table that heads on `features` are built for, where the network in use is `network`.
pub(super) fn of_features(features: Features, network: &Backbone) -> Backbone {
    match features {
        Features::RawPixels => Reader::Pixels(&network.config).backbone(),
        Features::Network | Features::RandomWeights => network.clone(),
    }
}

/// The settings of a head of `kind` under `recipe` on `features`, where the network in use is
/// `backbone`.
///
/// # Errors
/// When the network has no blocks.
pub fn head_for(
    kind: HeadKind,
    recipe: Recipe,
    features: Features,
    backbone: &Backbone,
    config: &UnetConfig,
) -> Result<HeadConfig> {
    let published = HeadConfig::published(kind, backbone)?;
    let sized = match recipe {
        Recipe::Paper => published,
        Recipe::FewShot => few_shot_head(published),
    };
    Ok(match features {
        Features::RawPixels => Reader::on_pixels(&sized, config),
        Features::Network | Features::RandomWeights => sized,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_read_back() {
        assert_eq!("ridge,linear".parse::<Controls>().unwrap(), Controls::default());
        assert_eq!(Controls::default().to_string(), "ridge,linear");
        assert!("none".parse::<Controls>().unwrap().0.is_empty());
        assert!("all".parse::<Controls>().unwrap().0.len() >= 5);
        assert!("diffeed".parse::<Controls>().unwrap_err().to_string().contains("no control"));
    }
}
