//! Names and shapes of the reference networks, and what can be inferred from them.

use std::collections::BTreeMap;
use std::fs;

use difscope::unet::config::UnetConfig;
use difscope::unet::plan::Plan;
use difscope::unet::presets::by_name;
use difscope::unet::weights::ConfigSource;
use serde::Deserialize;
use tempfile::TempDir;

use super::*;

#[derive(Deserialize)]
struct Network {
    config: UnetConfig,
    parameters: Vec<(String, Vec<usize>)>,
}

fn networks() -> BTreeMap<String, Network> {
    let text = fs::read_to_string(golden("network_parameters.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn planned(config: &UnetConfig) -> BTreeMap<String, Vec<usize>> {
    let parameters = Plan::new(config).unwrap().parameters();
    let count = parameters.len();
    let map: BTreeMap<_, _> = parameters.into_iter().map(|p| (p.name, p.shape)).collect();
    assert_eq!(map.len(), count, "a name occurs twice");
    map
}

#[test]
fn plans_have_exactly_the_reference_names_and_shapes() {
    let networks = networks();
    assert_eq!(networks.len(), 6);
    for (name, network) in networks {
        let expected: BTreeMap<_, _> = network.parameters.into_iter().collect();
        assert_eq!(planned(&network.config), expected, "{name}");
    }
}

#[test]
fn the_published_256_network_is_reproduced() {
    let expected: BTreeMap<_, _> = networks().remove("adm256").unwrap().parameters.into_iter().collect();
    assert_eq!(expected.len(), 566);
    assert_eq!(planned(&by_name("adm256-uncond").unwrap().config()), expected);
}

#[test]
fn shapes_alone_give_the_small_networks_back() {
    let folder = TempDir::new().unwrap();
    for (name, network) in networks().into_iter().filter(|(name, _)| name != "adm256") {
        let tensors = formula_network(&network.config, "s0");
        let path =
            write(folder.path(), &format!("{name}.safetensors"), &safetensors(&tensors, Kind::F16, &[]));
        let loaded = read(&path).unwrap();
        loaded.check().unwrap();
        assert_eq!(loaded.config_source, ConfigSource::Shapes, "{name}");
        assert!(loaded.assumed.len() >= 3 && loaded.assumed.iter().any(|s| s.contains("head")), "{name}");
        // What shapes cannot tell is set as the reference has it, and the rest must agree.
        let inferred = UnetConfig {
            image_size: network.config.image_size,
            attention_resolutions: network.config.attention_resolutions.clone(),
            num_heads: network.config.num_heads,
            num_head_channels: network.config.num_head_channels,
            use_new_attention_order: network.config.use_new_attention_order,
            ..loaded.config.clone()
        };
        assert_eq!(inferred, network.config, "{name}");
        let levels = |config: &UnetConfig| -> Vec<usize> {
            config.attention_resolutions.iter().map(|side| config.image_size / side).collect()
        };
        assert_eq!(levels(&loaded.config), levels(&network.config), "{name}");
    }
}
