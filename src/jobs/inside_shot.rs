//! The inside of a head as pixels and as files: every block and timestep that it reads, or what feedback
//! changes, or what speaks for a class.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbImage;
use serde_json::{Value, json};

use super::ask::SeenInside;
use super::command_line::{Named, differing_settings, network_words, quote};
use super::event::PictureShown;
use super::exhibit::{Exhibit, Values};
use super::explore::LookConfig;
use super::inside::{AttentionConfig, Chosen, block_name};
use super::shot::{ground_of, sampling_of};
use crate::colormap::{ColorMap, Tone};
use crate::error::{Error, Result};
use crate::features::network::NetworkCard;
use crate::figure::overlay::Ground;
use crate::figure::sheet::{Cell, contact_grid, contact_sheet};
use crate::figure::write::{write_csv_stack, write_safetensors};
use crate::figure::{Bar, Caption, Layer, Theme};
use crate::grid::Grid;
use crate::train::{Sight, Summary};

/// Side of a map, in pixels.
const CELL_SIDE: u32 = 128;
/// Longer side of a map that is laid over its picture, in pixels.
const OVERLAY_SIDE: u32 = 160;
/// Classes named in the caption.
const CLASSES: usize = 3;

/// What was seen inside a head, with all that its figure and files need.
#[derive(Clone, Debug)]
pub struct InsideShot {
    /// The picture.
    pub shown: Arc<PictureShown>,
    /// The network.
    pub card: Arc<NetworkCard>,
    head: PathBuf,
    seen: Arc<SeenInside>,
    config: AttentionConfig,
    look: LookConfig,
}

/// A map with what it is.
struct Map {
    /// Under it in the figure.
    label: String,
    /// In files.
    name: String,
    grid: Grid,
}

impl InsideShot {
    /// Of what was seen of the head at `head`.
    ///
    /// # Errors
    /// When there is nothing in it to show, or not what `config` asks for.
    pub fn new(
        shown: Arc<PictureShown>,
        card: Arc<NetworkCard>,
        (head, seen): (PathBuf, Arc<SeenInside>),
        config: AttentionConfig,
        look: LookConfig,
    ) -> Result<InsideShot> {
        let shot = InsideShot { shown, card, head, seen, config, look };
        let seen = &shot.seen;
        let kind = seen.config.kind;
        let (layers, _) = seen.inside.layers_and_heads();
        if let Some(layer) = shot.config.layer.filter(|layer| layers > 0 && !(1..=layers).contains(layer)) {
            return Err(Error::Setting(format!("this {kind} head has layers 1 to {layers}, and no {layer}")));
        }
        if shot.config.feedback && seen.inside.feedback.is_empty() {
            return Err(Error::Setting(format!("a {kind} head has no feedback; only diffeed has")));
        }
        if shot.maps().is_empty() {
            return Err(Error::Setting(format!(
                "{kind} weighs the whole pooled feature at once: there is no place that it looks at; look \
                 into a linear, ridge, attention, difformer or diffeed head"
            )));
        }
        Ok(shot)
    }

    /// What of it is shown.
    fn chosen(&self) -> Chosen {
        Chosen::of(&self.config, (0, 0), &self.seen)
    }

    /// What the head answers: probabilities by class, the most probable first.
    pub fn answer(&self) -> Vec<(&str, f32)> {
        let seen = &self.seen;
        let names = seen.classes.iter().map(String::as_str);
        let mut answer: Vec<_> = names.zip(seen.inside.probabilities.iter().copied()).collect();
        answer.sort_by(|a, b| b.1.total_cmp(&a.1));
        answer
    }

    /// What CLS takes from each block at each timestep in the layer shown, as rollout and as mean over the
    /// heads: (timestep, block, of the second pass, rollout, mean).
    pub fn shares(&self) -> Vec<(usize, usize, bool, f32, f32)> {
        let (seen, chosen) = (&self.seen, self.chosen());
        let mut shares = Vec::new();
        for &timestep in &seen.config.timesteps {
            let taken = |sight| seen.inside.taken(timestep, chosen.layer, sight);
            let (Some(rollout), Some(mean)) = (taken(Sight::Rollout), taken(Sight::Mean)) else { continue };
            let both = rollout.shares().into_iter().zip(mean.shares());
            for ((block, second_pass), (rollout, mean)) in seen.blocks().into_iter().zip(both) {
                shares.push((timestep, block, second_pass, rollout, mean));
            }
        }
        shares
    }

    /// The maps of the figure, row by row.
    fn maps(&self) -> Vec<Map> {
        let seen = &*self.seen;
        match () {
            () if self.config.feedback => self.fed_maps(seen),
            () if seen.inside.attention.is_empty() => self.evidence_maps(seen),
            () => self.attention_maps(seen),
        }
    }

    fn attention_maps(&self, seen: &SeenInside) -> Vec<Map> {
        let (layer, (_, heads)) = (self.chosen().layer, seen.inside.layers_and_heads());
        let sights: Vec<Sight> =
            [Sight::Rollout, Sight::Mean].into_iter().chain((0..heads).map(Sight::Head)).collect();
        let mut maps = Vec::new();
        for &timestep in &seen.config.timesteps {
            for (index, block) in seen.blocks().into_iter().enumerate() {
                for &sight in &sights {
                    let Some(taken) = seen.inside.taken(timestep, layer, sight) else { continue };
                    let Some(tokens) = taken.tokens.get(index) else { continue };
                    let share = 100.0 * tokens.weights.values().iter().sum::<f32>();
                    let (title, name) = match sight {
                        Sight::Rollout => ("rollout".to_string(), "rollout".to_string()),
                        Sight::Mean => ("mean".into(), "mean".into()),
                        Sight::Head(head) => (format!("head {}", head + 1), format!("head{}", head + 1)),
                    };
                    let at = format!("t {timestep} {}", block_name(block));
                    maps.push(Map {
                        label: format!("{at} {title} {share:.1} %"),
                        name: format!("t{timestep}/layer{layer}/{name}/{}", file_name(block)),
                        grid: tokens.weights.clone(),
                    });
                }
            }
        }
        maps
    }

    fn evidence_maps(&self, seen: &SeenInside) -> Vec<Map> {
        let wanted = self.config.class;
        let evidence =
            seen.inside.evidence.iter().filter(|evidence| wanted.is_none_or(|class| class == evidence.class));
        let map = |evidence: &crate::heads::Evidence| {
            let class = seen.classes.get(evidence.class).map_or("", String::as_str);
            let sum: f32 = evidence.places.values().iter().sum();
            Map {
                label: format!("{class} t {} b {} {sum:+.2}", evidence.timestep, evidence.block),
                name: format!("t{}/block_{:02}/class{}", evidence.timestep, evidence.block, evidence.class),
                grid: evidence.places.clone(),
            }
        };
        // A row per class.
        let mut maps: Vec<(usize, Map)> = Vec::new();
        let mut order: Vec<usize> = Vec::new();
        for evidence in evidence {
            if !order.contains(&evidence.class) {
                order.push(evidence.class);
            }
            let row = order.iter().position(|class| *class == evidence.class).unwrap_or(0);
            maps.push((row, map(evidence)));
        }
        maps.sort_by_key(|(row, _)| *row);
        maps.into_iter().map(|(_, map)| map).collect()
    }

    fn fed_maps(&self, seen: &SeenInside) -> Vec<Map> {
        let grid = |summary: &Summary| match self.config.mean {
            true => summary.mean.clone(),
            false => summary.norm.clone(),
        };
        let maps = seen.inside.feedback.iter().flat_map(|fed| {
            let share = |summary: &Summary| 100.0 * summary.total / fed.before.total.max(f32::MIN_POSITIVE);
            let parts = [
                ("before", &fed.before),
                ("after", &fed.after),
                ("difference", &fed.difference),
                ("feedback", &fed.feedback),
            ];
            let at = format!("t {} b {}", fed.timestep, fed.block);
            parts.map(|(name, summary)| Map {
                label: match name {
                    "feedback" => format!("{at} feedback from b {} {:.1} %", fed.from, share(summary)),
                    "difference" => format!("{at} difference {:.1} %", share(summary)),
                    _ => format!("{at} {name}"),
                },
                name: format!("t{}/block_{:02}/{name}", fed.timestep, fed.block),
                grid: grid(summary),
            })
        });
        maps.collect()
    }

    fn is_signed(&self) -> bool {
        if self.config.feedback { self.config.mean } else { self.seen.inside.attention.is_empty() }
    }

    fn columns(&self) -> usize {
        let seen = &self.seen;
        match () {
            () if self.config.feedback => 4,
            () if seen.inside.attention.is_empty() => {
                (seen.config.timesteps.len() * seen.config.blocks.len()).max(4)
            }
            () => seen.inside.layers_and_heads().1 + 2,
        }
    }

    /// All maps in one scale: features of different blocks have scales of their own.
    fn is_shared(&self) -> bool {
        !self.config.own_scale && !self.config.feedback
    }

    fn tone(&self, values: &Grid) -> Tone {
        let signed = self.is_signed() && !self.look.map.is_diverging();
        let map = ColorMap::ALL.into_iter().find(|map| signed && map.is_diverging());
        self.look.range.tone(values, self.look.gamma, map.unwrap_or(self.look.map))
    }

    fn painted(&self, maps: &[Map], shared: Option<Tone>) -> Result<Vec<Cell>> {
        let sampling = sampling_of(&self.look);
        let ground: Option<Ground> = match self.look.overlay {
            true => Some(ground_of(&self.shown, &self.look, Some(OVERLAY_SIDE))?),
            false => None,
        };
        let cells = maps.iter().map(|map| {
            let tone = shared.unwrap_or_else(|| self.tone(&map.grid));
            let layer = Layer::Map(&map.grid, tone);
            let image = match &ground {
                Some(ground) => ground.lay(&layer)?,
                None => {
                    let side = CELL_SIDE.max(map.grid.width() as u32);
                    layer.render(side, side, sampling)?
                }
            };
            Ok(Cell { image, label: map.label.clone() })
        });
        cells.collect()
    }
}

/// `block_12`, and for the second pass `block_12_second`.
fn file_name((block, second_pass): (usize, bool)) -> String {
    format!("block_{block:02}{}", if second_pass { "_second" } else { "" })
}

/// All values of `maps` in a row.
fn joint(maps: &[Map]) -> Result<Grid> {
    let values: Vec<f32> = maps.iter().flat_map(|map| map.grid.values().iter().copied()).collect();
    Grid::new(1, 1, values.len(), values)
}

impl Exhibit for InsideShot {
    /// `boot.png · fashion32 · difformer, layer 1`.
    fn title(&self) -> String {
        let kind = self.seen.config.kind;
        let what = match self.chosen().layer {
            _ if self.config.feedback => format!("{kind}, feedback"),
            0 => format!("{kind}, evidence"),
            layer => format!("{kind}, layer {layer}"),
        };
        format!("{} · {} · {what}", self.shown.picture.name, self.card.name)
    }

    fn lines(&self) -> Vec<String> {
        let answer = self.answer();
        let named = answer.iter().take(CLASSES).map(|(class, p)| format!("{class} {:.1} %", 100.0 * p));
        let mut lines = vec![named.collect::<Vec<_>>().join(", ")];
        let range = if self.is_shared() { "one range" } else { "each map in its own range" };
        lines.push(match (self.config.feedback, self.config.mean) {
            (true, true) => format!("means over the channels, {range}"),
            (true, false) => format!("L2 norms over the channels, {range}"),
            _ => range.to_string(),
        });
        lines.push(format!("network {}", self.card.hash.get(..16).unwrap_or(&self.card.hash)));
        lines.extend(self.shown.far.clone());
        lines
    }

    fn picture(&self) -> Result<RgbImage> {
        let maps = self.maps();
        let tone = if self.is_shared() { Some(self.tone(&joint(&maps)?)) } else { None };
        contact_grid(&self.painted(&maps, tone)?, self.columns(), Theme::Light)
    }

    fn figure(&self, theme: Theme) -> Result<RgbImage> {
        let (maps, columns) = (self.maps(), self.columns());
        let caption = Caption { title: self.title(), lines: self.lines() };
        if !self.is_shared() {
            return contact_sheet(&self.painted(&maps, None)?, columns, None, &caption, theme);
        }
        let values = joint(&maps)?;
        let tone = self.tone(&values);
        let bar = Bar { tone, values: &values };
        contact_sheet(&self.painted(&maps, Some(tone))?, columns, Some(&bar), &caption, theme)
    }

    fn settings(&self) -> Value {
        json!({
            "program": concat!("difscope ", env!("CARGO_PKG_VERSION")),
            "picture": self.shown.picture.name,
            "network": self.card.name,
            "network_hash": self.card.hash,
            "head": self.seen.config,
            "attention": self.config,
            "look": self.look,
        })
    }

    fn file_stem(&self) -> String {
        let name = Path::new(&self.shown.picture.name).file_stem().unwrap_or_default().to_string_lossy();
        let kind = self.seen.config.kind;
        format!("{name}-{kind}{}", if self.config.feedback { "-feedback" } else { "-attention" })
    }

    fn kinds_of_values(&self) -> Vec<Values> {
        vec![Values::Safetensors, Values::Csv]
    }

    fn write_values(&self, path: &Path, kind: Values, force: bool) -> Result<()> {
        let maps = self.maps();
        match kind {
            Values::Csv => {
                let labelled: Vec<(String, &Grid)> =
                    maps.iter().map(|map| (format!("{},", map.name), &map.grid)).collect();
                write_csv_stack(path, &labelled, force)
            }
            Values::Safetensors | Values::Npy => {
                let named: Vec<(String, &Grid)> =
                    maps.iter().map(|map| (map.name.clone(), &map.grid)).collect();
                write_safetensors(path, &named, &self.settings().to_string(), force)
            }
        }
    }

    fn command_line(&self, named: &Named<'_>) -> String {
        let mut words = vec!["difscope attention".to_string()];
        words.push(quote(&self.head.display().to_string()));
        words.push(quote(named.picture.unwrap_or(&self.shown.picture.name)));
        words.extend(network_words(named, &self.card));
        words.extend(self.config.layer.map(|layer| format!("--layer {layer}")));
        if self.config.feedback {
            words.push("--feedback".into());
        }
        let class = self.config.class.and_then(|class| self.seen.classes.get(class));
        words.extend(class.map(|class| format!("--evidence {}", quote(class))));
        words.push(format!("--map {}", self.look.map));
        if self.look.overlay {
            words.push(format!("--overlay {}", self.look.opacity));
        }
        if self.config.mean {
            words.push("--set attention.mean=true".into());
        }
        if self.config.own_scale {
            words.push("--set attention.own_scale=true".into());
        }
        words.extend(differing_settings(&self.look, 0));
        words.push("--out attention.png".into());
        words.join(" ")
    }
}
