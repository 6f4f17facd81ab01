//! Similarities in files: CSV and JSON with the same names, and figures.

use std::io::Write;
use std::path::{Path, PathBuf};

use image::RgbImage;
use serde::Serialize;

use super::{Compared, Similarity};
use crate::error::{Error, Result};
use crate::figure::write::{atomic, encode_png, refuse_existing};
use crate::figure::{Caption, Theme};
use crate::study::chart::{Panel, matrix_figure};
use crate::study::measures::cka::CkaMatrix;
use crate::study::report::{csv, json};

/// A timestep and a block.
type Place = (usize, usize);

/// What differs between the two of a row.
const BLOCKS: &str = "blocks";
const TIMESTEPS: &str = "timesteps";
const NETWORKS: &str = "networks";

/// The values at the ends of the colours.
const RANGE: [f32; 2] = [0.0, 1.0];

/// The tables.
const TABLES: [&str; 2] = ["similarity.csv", "similarity.json"];
/// The figure of blocks beside blocks.
pub const BLOCKS_PNG: &str = "similarity-blocks.png";
/// The figure of timesteps beside timesteps.
pub const TIMESTEPS_PNG: &str = "similarity-timesteps.png";
/// The figure of two networks.
pub const NETWORKS_PNG: &str = "similarity-networks.png";
/// All figures; each is written where there is something for it to show.
pub const FIGURES: [&str; 3] = [BLOCKS_PNG, TIMESTEPS_PNG, NETWORKS_PNG];

/// One row of `similarity.csv`: two representations of the same pictures. The fields' order is that of the
/// columns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SimilarityRecord<'a> {
    /// `blocks`, `timesteps` or `networks`: what differs between the two.
    pub comparison: &'static str,
    /// The first: its network.
    pub network_a: &'a str,
    /// Its timestep.
    pub timestep_a: usize,
    /// Its block.
    pub block_a: usize,
    /// The second: its network.
    pub network_b: &'a str,
    /// Its timestep.
    pub timestep_b: usize,
    /// Its block.
    pub block_b: usize,
    /// Their similarity, 1 for the same; empty where one does not vary.
    pub cka: Option<f64>,
    /// Pictures.
    pub n: usize,
    /// Minibatches of these.
    pub batches: usize,
}

impl Similarity {
    /// Every pair: blocks by timestep, timesteps by block, then networks by timestep.
    pub fn records(&self) -> Vec<SimilarityRecord<'_>> {
        let own = &self.network;
        let other = self.other.as_ref().unwrap_or(own);
        let mut records = Vec::new();
        // The timestep and block of each row and of each column.
        let mut add = |comparison, matrix: &CkaMatrix, a: &[Place], b: &[Place]| {
            for (row, &(timestep_a, block_a)) in a.iter().enumerate() {
                for (column, &(timestep_b, block_b)) in b.iter().enumerate() {
                    records.push(SimilarityRecord {
                        comparison,
                        network_a: &own.network,
                        timestep_a,
                        block_a,
                        network_b: if comparison == NETWORKS { &other.network } else { &own.network },
                        timestep_b,
                        block_b,
                        cka: matrix.at(row, column),
                        n: self.pictures,
                        batches: self.batches,
                    });
                }
            }
        };
        let blocks =
            |of: &Compared, t: usize| of.blocks.iter().map(|&block| (t, block)).collect::<Vec<Place>>();
        for (t, matrix) in &self.over_blocks {
            let places = blocks(own, *t);
            add(BLOCKS, matrix, &places, &places);
        }
        for (block, matrix) in &self.over_timesteps {
            let places: Vec<Place> = self.config.timesteps.iter().map(|&t| (t, *block)).collect();
            add(TIMESTEPS, matrix, &places, &places);
        }
        for (t, matrix) in &self.over_networks {
            add(NETWORKS, matrix, &blocks(own, *t), &blocks(other, *t));
        }
        records
    }

    /// What a figure shows, by its file's name.
    fn panels(&self, name: &str) -> Vec<Panel> {
        let own = &self.network.blocks[..];
        let steps = &self.config.timesteps[..];
        let (matrices, lists, axes) = match (name, &self.other) {
            (BLOCKS_PNG, _) => (&self.over_blocks, [own, own], ["block".into(), "block".into()]),
            (TIMESTEPS_PNG, _) => (&self.over_timesteps, [steps, steps], ["t".into(), "t".into()]),
            (NETWORKS_PNG, Some(other)) => {
                let axes = ["block".into(), format!("block of {}", other.network)];
                (&self.over_networks, [own, &other.blocks[..]], axes)
            }
            _ => return Vec::new(),
        };
        let of = if name == TIMESTEPS_PNG { "block" } else { "t" };
        let names = |list: &[usize]| list.iter().map(ToString::to_string).collect::<Vec<String>>();
        let panel = |(at, matrix): &(usize, CkaMatrix)| Panel {
            title: format!("{of} {at}"),
            rows: names(lists[0]),
            columns: names(lists[1]),
            axes: axes.clone(),
            values: matrix.values.iter().map(|value| value.map_or(f32::NAN, |value| value as f32)).collect(),
        };
        matrices.iter().map(panel).collect()
    }

    /// One of [`FIGURES`]; none where there is nothing for it to show.
    ///
    /// # Errors
    /// When it would be too large.
    pub fn figure(&self, name: &str, theme: Theme) -> Result<Option<RgbImage>> {
        let panels = self.panels(name);
        if panels.is_empty() {
            return Ok(None);
        }
        matrix_figure(&panels, RANGE, &self.caption(name), theme).map(Some)
    }

    fn caption(&self, name: &str) -> Caption {
        let network = &self.network.network;
        let title = match (name, &self.other) {
            (NETWORKS_PNG, Some(other)) => format!("Blocks of {network} beside those of {}", other.network),
            (TIMESTEPS_PNG, _) => format!("Timesteps of {network} beside each other"),
            _ => format!("Blocks of {network} beside each other"),
        };
        let config = &self.config;
        let pool = config.pool.map_or("whole maps".to_string(), |side| format!("pooled to {side}×{side}"));
        let draws =
            if config.draws == 1 { String::new() } else { format!(" · {} noise draws", config.draws) };
        Caption {
            title,
            lines: vec![
                format!(
                    "{} · {} pictures in {} minibatches · {pool}{draws} · seed {}",
                    self.data, self.pictures, self.batches, config.seed
                ),
                "Linear CKA, without bias: 1 is the same up to rotation and scale, 0 unrelated. Numbers of a \
                 network are its own."
                    .into(),
            ],
        }
    }
}

/// Every file that similarities may be written to in `folder`.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    TABLES.iter().chain(&FIGURES).map(|name| folder.join(name)).collect()
}

/// Writes tables and figures into `folder`, which must be there, with `settings` (JSON) inside the
/// figures. Says what was written.
///
/// # Errors
/// When one of [`files`] is there and `force` is not given: then none is written. When a figure would be too
/// large, or the disk refuses.
pub fn write(
    folder: &Path,
    similarity: &Similarity,
    theme: Theme,
    settings: Option<&str>,
    force: bool,
) -> Result<Vec<PathBuf>> {
    files(folder).iter().try_for_each(|path| refuse_existing(path, force))?;
    let records = similarity.records();
    // All is made before anything is written, so that a failure leaves no half of a report.
    let mut contents =
        vec![(TABLES[0], csv(&records)?.into_bytes()), (TABLES[1], json(&records)?.into_bytes())];
    for name in FIGURES {
        if let Some(figure) = similarity.figure(name, theme)? {
            contents.push((name, encode_png(&figure, settings)?));
        }
    }
    let write = |(name, bytes): (&str, Vec<u8>)| {
        let path = folder.join(name);
        atomic(&path, force, |file| file.write_all(&bytes).map_err(Error::io("write", &path)))?;
        Ok(path)
    };
    contents.into_iter().map(write).collect()
}
