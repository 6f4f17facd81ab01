//! `--set path.to.field=value`: every field of a command's settings by its path.

use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Failure;

/// One `--set`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    path: String,
    value: String,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Setting, String> {
        let (path, value) = text.split_once('=').ok_or("use path=value, as in look.gamma=0.5")?;
        Ok(Setting { path: path.trim().to_string(), value: value.trim().to_string() })
    }
}

impl Setting {
    /// What the value may mean: JSON, a word, the items of a list, or a list of words.
    fn readings(&self) -> Vec<Value> {
        let list = serde_json::from_str(&format!("[{}]", self.value)).ok();
        let word = Value::String(self.value.clone());
        let words = self.value.split(',').map(|word| Value::String(word.trim().to_string())).collect();
        let json = serde_json::from_str(&self.value).ok();
        json.into_iter().chain([word]).chain(list).chain([words]).collect()
    }

    fn refuse(&self, why: &str) -> Failure {
        Failure::usage(format!("--set {}={}: {why}", self.path, self.value))
    }

    fn apply<T: Serialize + DeserializeOwned>(&self, config: &T) -> Result<T, Failure> {
        let whole = serde_json::to_value(config).map_err(|error| self.refuse(&error.to_string()))?;
        let mut first_error = None;
        for reading in self.readings() {
            let mut whole = whole.clone();
            *self.place(&mut whole)? = reading;
            match serde_json::from_value(whole) {
                Ok(config) => return Ok(config),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        let why = first_error.map_or_else(String::new, |error| error.to_string());
        Err(self.refuse(&why))
    }

    /// The value that the path leads to in `whole`.
    fn place<'v>(&self, whole: &'v mut Value) -> Result<&'v mut Value, Failure> {
        let mut place = whole;
        let mut walked = String::new();
        for key in self.path.split('.') {
            let Value::Object(keys) = place else {
                return Err(self.refuse(&format!("{walked} is a value without keys of its own")));
            };
            if !keys.contains_key(key) {
                let names: Vec<&str> = keys.keys().map(String::as_str).collect();
                let level = if walked.is_empty() { "the settings have" } else { walked.as_str() };
                let has = if walked.is_empty() { "" } else { " has" };
                return Err(
                    self.refuse(&format!("there is no key {key:?}; {level}{has} {}", names.join(", ")))
                );
            }
            if !walked.is_empty() {
                walked.push('.');
            }
            walked.push_str(key);
            place = &mut place[key];
        }
        Ok(place)
    }
}

/// `config` with every setting applied in order; later ones win.
///
/// # Errors
/// Names the path that does not exist, with the keys there are, or the value that does not fit.
pub fn apply<T: Serialize + DeserializeOwned>(config: T, settings: &[Setting]) -> Result<T, Failure> {
    settings.iter().try_fold(config, |config, setting| setting.apply(&config))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colormap::RangeChoice;
    use crate::features::extract::{Blocks, ExtractConfig};
    use crate::features::view::{ChannelOrder, View};
    use crate::jobs::ExploreConfig;

    fn set<T: Serialize + DeserializeOwned>(config: T, text: &str) -> Result<T, Failure> {
        apply(config, &[text.parse().unwrap()])
    }

    #[test]
    fn every_kind_of_field_is_reached() {
        let explore = |text| set(ExploreConfig::default(), text).unwrap();
        assert_eq!(explore("timestep=90").timestep, Some(90));
        assert_eq!(explore("class=null").class, None);
        assert_eq!(explore("view=channel:3").view, View::Channel(3));
        assert_eq!(explore("look.order=mean").look.order, ChannelOrder::Mean);
        assert_eq!(explore("look.gamma = 0.5").look.gamma, 0.5);
        assert!(explore("look.smooth=true").look.smooth);
        assert_eq!(explore("look.range=full").look.range, RangeChoice::Full);
        assert_eq!(explore(r#"look.range={"manual":[-1,2]}"#).look.range, RangeChoice::Manual(-1.0, 2.0));
        assert_eq!(explore("sheet=steps").sheet, crate::jobs::SheetKind::Steps);
        assert_eq!(explore("lock.pictures=a.png, b c.png").lock.pictures, ["a.png", "b c.png"]);
        assert_eq!(explore("lock.timesteps=10,50").lock.timesteps, [10, 50]);
        assert_eq!(explore("lock.blocks=12").lock.blocks, [12]);
        assert_eq!(explore("look.range.percentile=5,95").look.range, RangeChoice::Percentile(5.0, 95.0));
    }

    #[test]
    fn lists_need_no_brackets() {
        let config = ExtractConfig {
            timesteps: vec![1],
            blocks: Blocks::All,
            pool: None,
            seed: 0,
            draws: 1,
            class: None,
            noised: false,
            with_out: false,
        };
        let extract = |text| set(config.clone(), text).unwrap();
        assert_eq!(extract("timesteps=90,150").timesteps, [90, 150]);
        assert_eq!(extract("timesteps=90").timesteps, [90]);
        assert_eq!(extract("blocks=all").blocks, Blocks::All);
        assert_eq!(extract("blocks=3,4").blocks, Blocks::List(vec![3, 4]));
        assert_eq!(extract("pool=2").pool, Some(2));
    }

    #[test]
    fn what_does_not_exist_or_fit_is_named() {
        let why = |text| set(ExploreConfig::default(), text).unwrap_err().to_string();
        let unknown = why("look.gama=2");
        assert!(unknown.contains("gama") && unknown.contains("gamma, overlay, opacity"), "{unknown}");
        assert!(why("lok=2").contains("timestep, block, seed"), "{}", why("lok=2"));
        assert!(why("seed.x=2").contains("seed is a value"), "{}", why("seed.x=2"));
        assert!(why("seed=-1").contains("seed=-1"), "{}", why("seed=-1"));
        assert!(why("view=chanel:1").contains("channel:12"), "{}", why("view=chanel:1"));
        assert!("seed".parse::<Setting>().unwrap_err().contains("path=value"));
    }

    #[test]
    fn later_settings_win() {
        let settings: Vec<Setting> = ["seed=1", "seed=2"].iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(apply(ExploreConfig::default(), &settings).unwrap().seed, 2);
    }
}
