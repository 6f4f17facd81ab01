//! The command line that writes what is on the screen.

use serde_json::json;

use super::explore::{LockConfig, LookConfig, SheetKind};
use super::shot::Shot;
use crate::features::extract::Blocks;
use crate::features::network::NetworkCard;
use crate::features::view::View;
use crate::study::similarity::SimilarityConfig;
use crate::tensor::precision::Precision;

/// How picture and network are named on a command line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Named<'a> {
    /// The picture; its name where it has no file.
    pub picture: Option<&'a str>,
    /// The network's file; none: the embedded one.
    pub model: Option<&'a str>,
    /// The preset that the file is read as.
    pub preset: Option<&'a str>,
}

/// The command line that writes the view of `shot`, or with `sheet` the contact sheet beside it.
pub(super) fn command_line(shot: &Shot, sheet: SheetKind, named: &Named<'_>) -> String {
    let selection = &shot.map.selection;
    let mut words = vec!["difscope".to_string(), "heatmap".into()];
    words.push(quote(named.picture.unwrap_or(&shot.shown.picture.name)));
    words.extend(network_words(named, &shot.card));
    words.push(format!("--t {} --block {} --view {}", selection.timestep, selection.block, shot.map.view));
    if sheet != SheetKind::None {
        words.push(format!("--sheet {}", sheet.name()));
    }
    if selection.seed != 0 {
        words.push(format!("--seed {}", selection.seed));
    }
    if selection.average != 1 {
        words.push(format!("--draws {}", selection.average));
    }
    if let Some(class) = selection.class {
        words.push(format!("--class {class}"));
    }
    if shot.map.view == View::Pca {
        words.extend(lock_flags(&shot.lock));
    }
    words.push(format!("--map {}", shot.look.map));
    if shot.look.overlay {
        words.push(format!("--overlay {}", shot.look.opacity));
    }
    words.extend(differing_settings(&shot.look, selection.draw));
    words.push(format!("--out {}.png", if sheet == SheetKind::None { "view" } else { "sheet" }));
    words.join(" ")
}

/// The command line that compares blocks and timesteps on the pictures of `data` as `config` says, with the
/// network called `against` where there is one.
pub fn similarity_line(
    config: &SimilarityConfig,
    data: &str,
    against: Option<&str>,
    (named, card): (&Named<'_>, &NetworkCard),
) -> String {
    let numbers = |list: &[usize]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let blocks = |blocks: &Blocks| match blocks {
        Blocks::All => "all".to_string(),
        Blocks::List(list) => numbers(list),
    };
    let mut words = vec!["difscope similarity".to_string(), quote(data)];
    words.extend(network_words(named, card));
    words.push(format!("--t {} --blocks {}", numbers(&config.timesteps), blocks(&config.blocks)));
    words.push(format!("--pool {}", config.pool.map_or("none".into(), |pool| pool.to_string())));
    words.push(format!("--n {} --batch {}", config.pictures, config.batch));
    if let Some(against) = against {
        words.push(format!(
            "--against {} --against-blocks {}",
            quote(against),
            blocks(&config.against_blocks)
        ));
    }
    if config.seed != 0 {
        words.push(format!("--seed {}", config.seed));
    }
    if config.draws != 1 {
        words.push(format!("--draws {}", config.draws));
    }
    if let Some(class) = config.class {
        words.push(format!("--class {class}"));
    }
    words.join(" ")
}

/// The flags that name the network.
pub(super) fn network_words(named: &Named<'_>, card: &NetworkCard) -> Vec<String> {
    let model = named.model.map(|model| format!("--model {}", quote(model)));
    let preset = named.preset.map(|preset| format!("--preset {}", quote(preset)));
    let precision = (card.precision != Precision::F32).then(|| format!("--precision {}", card.precision));
    [model, preset, precision].into_iter().flatten().collect()
}

fn lock_flags(lock: &LockConfig) -> Vec<String> {
    let pictures = lock.pictures.iter().map(|picture| format!("--lock-pictures {}", quote(picture)));
    let numbers = |flag: &str, list: &[usize]| {
        let list: Vec<String> = list.iter().map(ToString::to_string).collect();
        (!list.is_empty()).then(|| format!("--lock-{flag} {}", list.join(",")))
    };
    pictures.chain(numbers("t", &lock.timesteps)).chain(numbers("blocks", &lock.blocks)).collect()
}

/// Settings that have no flag of their own, as `--set`.
pub(super) fn differing_settings(look: &LookConfig, draw: u32) -> Vec<String> {
    let plain = LookConfig::default();
    let mut sets = Vec::new();
    let mut set = |differs: bool, text: String| {
        if differs {
            sets.push(format!("--set {}", quote(&text)));
        }
    };
    set(draw != 0, format!("draw={draw}"));
    set(look.gamma != plain.gamma, format!("look.gamma={}", look.gamma));
    set(look.smooth, "look.smooth=true".into());
    set(look.shared_channels, "look.shared_channels=true".into());
    set(look.shared_cells, "look.shared_cells=true".into());
    set(look.order != plain.order, format!("look.order={}", look.order.name()));
    set(look.range != plain.range, format!("look.range={}", json!(look.range)));
    sets
}

/// A word for a POSIX shell.
pub(super) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:,=#+@%".contains(c);
    // At the beginning of a word these mean something to some shells.
    let begins_plainly = !word.starts_with(['#', '=']);
    if !word.is_empty() && begins_plainly && word.chars().all(plain) {
        word.to_string()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quote("a/b-1.png"), "a/b-1.png");
        assert_eq!(quote("my cat's.png"), r"'my cat'\''s.png'");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("#3 cat.png"), "'#3 cat.png'");
        assert_eq!(quote("#3.png"), "'#3.png'");
        assert_eq!(quote("bundled:fashion/test#3"), "bundled:fashion/test#3");
    }

    #[test]
    fn locked_colours_are_named_by_flags() {
        let lock = LockConfig {
            pictures: vec!["a.png".into(), "my b.png".into()],
            timesteps: vec![10, 50],
            blocks: vec![12],
        };
        let flags =
            ["--lock-pictures a.png", "--lock-pictures 'my b.png'", "--lock-t 10,50", "--lock-blocks 12"];
        assert_eq!(lock_flags(&lock), flags);
        assert!(lock_flags(&LockConfig::default()).is_empty());
    }
}
