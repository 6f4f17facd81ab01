//! Which configuration a checkpoint has: the first found of a file beside it, its own metadata, a
//! published network, and the shapes. A preset that the user names goes before all of them.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::infer;
use crate::error::{Error, Result};
use crate::unet::config::UnetConfig;
use crate::unet::plan::Plan;
use crate::unet::presets::{Preset, by_name, presets};

/// Where a configuration came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    /// A JSON file beside the checkpoint.
    Beside(PathBuf),
    /// The metadata of a safetensors file.
    Metadata,
    /// The published network that the user named.
    Chosen(&'static str),
    /// A published network, recognised by its parameter names and shapes.
    Recognised(&'static str),
    /// The shapes of the parameters.
    Shapes,
}

impl fmt::Display for ConfigSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigSource::Beside(path) => write!(f, "{} beside it", file_name(path)),
            ConfigSource::Metadata => f.write_str("the file's metadata"),
            ConfigSource::Chosen(name) => write!(f, "the preset {name}, as chosen"),
            ConfigSource::Recognised(name) => write!(f, "the preset {name}, recognised"),
            ConfigSource::Shapes => f.write_str("the shapes of its parameters"),
        }
    }
}

/// A configuration, where it came from, and in sentences what was assumed.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) config: UnetConfig,
    pub(super) source: ConfigSource,
    pub(super) assumed: Vec<String>,
}

/// Largest JSON read beside a checkpoint.
const MAX_JSON: u64 = 1 << 20;

/// Reads a configuration from JSON; `origin` says in an error where it stands.
///
/// # Errors
/// Names the key that is unknown, missing or impossible.
pub fn parse_config(text: &str, origin: &str) -> Result<UnetConfig> {
    let refuse = |why: String| Error::Setting(format!("{origin}: {why}"));
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| refuse(format!("is not JSON: {error}")))?;
    let Some(keys) = value.as_object() else {
        return Err(refuse("a network's configuration is a JSON object".into()));
    };
    let config: UnetConfig = serde_json::from_value(value.clone()).map_err(|error| {
        // serde names unknown and missing keys; for a wrong value each key is tried alone.
        let template = presets().first().and_then(|preset| serde_json::to_value(preset.config()).ok());
        let wrong = keys.iter().find_map(|(key, value)| {
            let mut trial = template.clone()?;
            trial.as_object_mut()?.insert(key.clone(), value.clone());
            let error = serde_json::from_value::<UnetConfig>(trial).err()?;
            Some(if error.to_string().contains(&format!("`{key}`")) {
                error.to_string()
            } else {
                format!("key `{key}`: {error}")
            })
        });
        refuse(wrong.unwrap_or_else(|| error.to_string()))
    })?;
    config.validate().map_err(|error| refuse(error.to_string()))?;
    Ok(config)
}

/// The configuration of the checkpoint at `path` (none for an embedded one) that holds `entries`.
///
/// # Errors
/// When a configuration is unreadable or impossible, or the shapes follow no known layout.
pub(super) fn decide(
    name: &str,
    path: Option<&Path>,
    metadata: &BTreeMap<String, String>,
    preset: Option<&str>,
    entries: &[Entry],
) -> Result<Decision> {
    if let Some(chosen) = preset {
        let preset = by_name(chosen).ok_or_else(|| {
            let names: Vec<&str> = presets().iter().map(|preset| preset.name).collect();
            Error::Setting(format!("there is no preset {chosen}; the presets are {}", names.join(", ")))
        })?;
        let source = ConfigSource::Chosen(preset.name);
        return Ok(Decision { config: preset.config(), source, assumed: Vec::new() });
    }
    if let Some(beside) = path.map(|path| path.with_extension("json"))
        && beside.is_file()
    {
        let size = fs::metadata(&beside).map_err(Error::io("read", &beside))?.len();
        if size > MAX_JSON {
            return Err(Error::Setting(format!(
                "{}: {size} bytes are too many for a configuration",
                beside.display()
            )));
        }
        let text = fs::read_to_string(&beside).map_err(Error::io("read", &beside))?;
        let config = parse_config(&text, &beside.display().to_string())?;
        return Ok(Decision { config, source: ConfigSource::Beside(beside), assumed: Vec::new() });
    }
    if let Some(text) = metadata.get("config") {
        let config = parse_config(text, &format!("the configuration in {name}"))?;
        let assumed =
            metadata.get("assumed").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        return Ok(Decision { config, source: ConfigSource::Metadata, assumed });
    }
    if let Some((preset, assumed)) = recognise(name, entries)? {
        let source = ConfigSource::Recognised(preset.name);
        return Ok(Decision { config: preset.config(), source, assumed: vec![assumed] });
    }
    let infer::Inferred { config, assumed } = infer::infer(entries)
        .map_err(|why| Error::checkpoint(name, format!("is not a network in OpenAI's layout: {why}")))?;
    config.validate().map_err(|error| {
        Error::checkpoint(name, format!("its shapes give no network that can be built ({error})"))
    })?;
    Ok(Decision { config, source: ConfigSource::Shapes, assumed })
}

/// The published network with exactly these names and shapes. Among several, the file name decides,
/// then their order. A file that carries a published name may lack some parameters, so that they
/// can be listed.
fn recognise(name: &str, entries: &[Entry]) -> Result<Option<(&'static Preset, String)>> {
    let shapes: HashMap<&str, &[usize]> =
        entries.iter().map(|e| (e.name.as_str(), e.shape.as_slice())).collect();
    let mut fitting = Vec::new();
    let mut nearly = Vec::new();
    for preset in presets() {
        let expected = Plan::new(&preset.config())?.parameters();
        let hits =
            expected.iter().filter(|p| shapes.get(p.name.as_str()) == Some(&p.shape.as_slice())).count();
        if hits == expected.len() && network_entries(entries) == expected.len() {
            fitting.push(preset);
        } else if hits * 10 >= expected.len() * 9 {
            nearly.push(preset);
        }
    }
    let by_file = |presets: &[&'static Preset]| {
        presets.iter().copied().filter(|p| named(p, name) > 0).max_by_key(|preset| named(preset, name))
    };
    let Some(first) = fitting.first().copied() else {
        return Ok(by_file(&nearly).map(|preset| {
            let how = "by its file name, though not all parameters fit";
            (preset, format!("Taken for {} {how}.", preset.title))
        }));
    };
    let hint = by_file(&fitting);
    let preset = hint.unwrap_or(first);
    let what = "attention heads, noise schedule and preprocessing are that network's";
    let others: Vec<&str> = fitting.iter().map(|p| p.name).filter(|name| *name != preset.name).collect();
    let assumed = if others.is_empty() {
        format!("Recognised as {} by its parameter names and shapes; {what}.", preset.title)
    } else if hint.is_some() {
        format!("Recognised as {} by its shapes and file name; {what}.", preset.title)
    } else {
        format!(
            "Taken for {} ({}), whose shapes it shares with {}; {what}. Choose another with --preset.",
            preset.title,
            preset.name,
            others.join(", ")
        )
    };
    Ok(Some((preset, assumed)))
}

/// How many entries are named as parameters of a network are.
fn network_entries(entries: &[Entry]) -> usize {
    entries.iter().filter(|entry| is_network_name(&entry.name)).count()
}

/// True for names that only a network's own parameters have.
pub(super) fn is_network_name(name: &str) -> bool {
    ["time_embed.", "label_emb.", "input_blocks.", "middle_block.", "output_blocks.", "out."]
        .iter()
        .any(|part| name.starts_with(part))
}

/// Length of the longest of the preset's names that occurs in the file name; 0 for none.
fn named(preset: &Preset, file: &str) -> usize {
    let stems = preset.files.iter().map(|file| file.trim_end_matches(".pt"));
    let found = stems.chain([preset.name]).filter(|stem| file.contains(stem)).map(str::len);
    found.max().unwrap_or(0)
}

/// The last part of `path` for people.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(config: &UnetConfig) -> Vec<Entry> {
        let parameters = Plan::new(config).unwrap().parameters();
        let stored = super::super::entry::Stored::F32;
        parameters
            .into_iter()
            .map(|p| Entry { name: p.name, shape: p.shape, stored: stored.clone() })
            .collect()
    }

    fn decided(name: &str, entries: &[Entry]) -> Decision {
        decide(name, None, &BTreeMap::new(), None, entries).unwrap()
    }

    #[test]
    fn every_preset_is_recognised_under_its_published_name() {
        for preset in presets() {
            let entries = entries(&preset.config());
            for file in preset.files {
                let decision = decided(file, &entries);
                assert_eq!(decision.source, ConfigSource::Recognised(preset.name));
                assert_eq!(decision.config, preset.config());
            }
        }
    }

    #[test]
    fn among_equal_shapes_the_first_is_assumed_and_the_others_are_named() {
        let entries = entries(&by_name("adm-lsun-cat").unwrap().config());
        let decision = decided("model.pt", &entries);
        assert_eq!(decision.source, ConfigSource::Recognised("adm256-uncond"));
        assert!(decision.assumed[0].contains("adm-lsun-cat") && decision.assumed[0].contains("--preset"));
        let named = decided("my_lsun_horse_nodropout_copy.pt", &entries);
        assert_eq!(named.source, ConfigSource::Recognised("adm-lsun-horse-nodropout"));
        let chosen = decide("model.pt", None, &BTreeMap::new(), Some("adm-lsun-cat"), &entries).unwrap();
        assert_eq!(chosen.config, by_name("adm-lsun-cat").unwrap().config());
        let wrong = decide("model.pt", None, &BTreeMap::new(), Some("adm-lsun-dog"), &entries).unwrap_err();
        assert!(wrong.to_string().contains("adm-lsun-dog") && wrong.to_string().contains("adm-lsun-cat"));
    }

    #[test]
    fn a_published_name_with_a_parameter_missing_is_still_that_network() {
        let mut entries = entries(&by_name("adm64-cond").unwrap().config());
        entries.retain(|entry| entry.name != "middle_block.1.proj_out.weight");
        assert_eq!(decided("64x64_diffusion.pt", &entries).source, ConfigSource::Recognised("adm64-cond"));
        assert_eq!(decided("model.pt", &entries).source, ConfigSource::Shapes);
    }

    #[test]
    fn wrong_keys_and_values_are_named() {
        let good = serde_json::to_value(presets()[0].config()).unwrap();
        let complaint = |key: &str, value: serde_json::Value| {
            let mut changed = good.clone();
            changed.as_object_mut().unwrap().insert(key.into(), value);
            parse_config(&changed.to_string(), "net.json").unwrap_err().to_string()
        };
        for (key, value) in [
            ("num_chanels", 3.into()),
            ("num_heads", "four".into()),
            ("image_size", (-64).into()),
            ("image_size", 100.into()),
            ("noise_schedule", "square".into()),
            ("channel_mult", serde_json::json!([])),
            ("diffusion_steps", 0.into()),
            ("card", serde_json::json!({"parameters": "many"})),
        ] {
            let text = complaint(key, value);
            assert!(text.contains(key) && text.contains("net.json"), "{text}");
        }
        let mut short = good.clone();
        short.as_object_mut().unwrap().shift_remove("learn_sigma");
        assert!(parse_config(&short.to_string(), "n").unwrap_err().to_string().contains("learn_sigma"));
        assert!(parse_config("[1", "net.json").unwrap_err().to_string().contains("not JSON"));
    }
}
