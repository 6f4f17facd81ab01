//! What features follow from, and the names that files of them have.

use std::sync::Arc;

use half::f16;

use crate::diffusion::Draw;
use crate::features::Network;
use crate::grid::Grid;
use crate::tensor::precision::Precision;

/// What features follow from beside the picture and its noise: a network, and how it computes.
#[derive(Clone, Debug)]
pub struct Origin {
    network: Arc<str>,
    precision: Precision,
    /// Of the configuration, which a file beside the same parameters may change, and of the kind of
    /// device: each kind has its own bits.
    computing: [u8; 32],
}

/// Whose features a row holds: BLAKE3 of everything that decides x_t.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RowKey(pub(super) [u8; 32]);

/// Features of one block at one timestep, of one size: one file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Series {
    network: Arc<str>,
    precision: Precision,
    timestep: usize,
    block: usize,
    channels: usize,
    /// Rows and columns as kept.
    sides: [usize; 2],
    /// Rows and columns of the block's whole map.
    map: [usize; 2],
}

/// Bytes of a hash.
pub(super) const KEY: usize = 32;
/// Bytes of a checksum.
pub(super) const CHECK: usize = 8;
const MAGIC: &[u8; 8] = b"difscopf";
/// Another one whenever a network's features get other bits.
const VERSION: u32 = 1;
/// The longest side of maps and pools that are looked for.
const LONGEST: usize = 4096;

impl Origin {
    /// Of features that `network` computes where it is; none for a network that is of no checkpoint,
    /// as one with random weights.
    pub fn of(network: &Network) -> Option<Origin> {
        Origin::named(&network.card.hash, network)
    }

    /// Of features that a control computes, a network of no checkpoint that has only a name.
    pub fn of_control(network: &Network) -> Option<Origin> {
        Origin::named(blake3::hash(network.card.hash.as_bytes()).to_hex().as_str(), network)
    }

    fn named(hash: &str, network: &Network) -> Option<Origin> {
        let card = &*network.card;
        let mut config = card.config.clone();
        (config.defaults, config.card) = (None, None);
        let mut hasher = blake3::Hasher::new();
        hasher.update(&serde_json::to_vec(&config).ok()?);
        let device = network.unet.device();
        hasher.update(if device.is_cpu() {
            b"cpu"
        } else if device.is_cuda() {
            b"cuda"
        } else {
            b"metal"
        });
        Origin::new(hash, card.precision, *hasher.finalize().as_bytes())
    }

    pub(super) fn new(network: &str, precision: Precision, computing: [u8; 32]) -> Option<Origin> {
        let hash = network.len() == 64 && network.bytes().all(|byte| byte.is_ascii_hexdigit());
        hash.then(|| Origin { network: network.into(), precision, computing })
    }

    /// The key of `picture`, `[3, S, S]` as the network takes it, under the noise `draw` and as `class`.
    pub fn key(&self, picture: &Grid, draw: Draw, class: Option<usize>) -> RowKey {
        let pixels: Vec<u8> = picture.values().iter().flat_map(|value| value.to_le_bytes()).collect();
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"difscope row");
        hasher.update(&self.computing);
        hasher.update(&draw.seed.to_le_bytes());
        hasher.update(&draw.number.to_le_bytes());
        // No class has this number.
        hasher.update(&class.map_or(u64::MAX, |class| class as u64).to_le_bytes());
        hasher.update(&pixels);
        RowKey(*hasher.finalize().as_bytes())
    }

    /// Features of `block` at `timestep`: `[C, h, w]` made of the whole map of the rows and columns
    /// `map`.
    pub fn series(
        &self,
        timestep: usize,
        block: usize,
        [channels, height, width]: [usize; 3],
        map: [usize; 2],
    ) -> Series {
        let (network, precision) = (Arc::clone(&self.network), self.precision);
        Series { network, precision, timestep, block, channels, sides: [height, width], map }
    }
}

impl Series {
    /// Values of a row, C·h·w.
    pub fn values(&self) -> usize {
        self.channels * self.sides[0] * self.sides[1]
    }

    /// Bytes of a row in its file.
    pub(super) fn record(&self) -> usize {
        KEY + 2 * self.values() + CHECK
    }

    /// The folder of its network, inside that of the store.
    pub(super) fn folder(&self) -> &str {
        &self.network[..16]
    }

    /// Its file inside that folder.
    pub(super) fn file(&self) -> String {
        let [height, width] = self.sides;
        format!("{}{height}x{width}.{}", self.beginning(), super::folder::ENDING)
    }

    /// What the names of its block and timestep begin with, of whatever size.
    fn beginning(&self) -> String {
        let Series { precision, timestep, block, channels, .. } = self;
        format!("{precision}-t{timestep:04}-b{block:02}-{channels}x")
    }

    /// What its file begins with, to the byte.
    pub(super) fn header(&self) -> Vec<u8> {
        let Series { network, precision, timestep, block, channels, sides: [height, width], .. } = self;
        let key = format!(
            "{{\"network\":\"{network}\",\"precision\":\"{precision}\",\"timestep\":{timestep},\"block\":{block},\"shape\":[{channels},{height},{width}]}}"
        );
        let mut header = MAGIC.to_vec();
        header.extend(VERSION.to_le_bytes());
        header.extend((key.len() as u32).to_le_bytes());
        header.extend(key.into_bytes());
        header
    }

    /// The series of the file `name`, if its rows hold what those of this one are derived from.
    pub(super) fn larger(&self, name: &str) -> Option<Series> {
        let size = name.strip_prefix(&self.beginning())?.strip_suffix(super::folder::ENDING)?;
        let (height, width) = size.strip_suffix('.')?.split_once('x')?;
        let sides: [usize; 2] = [height.parse().ok()?, width.parse().ok()?];
        let larger = Series { sides, ..self.clone() };
        // Numbers can be written in many ways, and be of any size.
        let plain = sides.iter().all(|side| *side <= LONGEST) && larger.file() == name;
        (plain && self.follows_from(&larger)).then_some(larger)
    }

    /// True when averages over equal parts of `larger` are what the block's map would be pooled to.
    fn follows_from(&self, larger: &Series) -> bool {
        let axis = |axis: usize| pool_follows(self.sides[axis], larger.sides[axis], self.map[axis]);
        larger.sides != self.sides && axis(0) && axis(1)
    }

    /// A row of `larger` averaged to one of this: sums in f32, rounded once. It differs from the row
    /// that the network's map would give by rounding to half precision only: at most 2⁻¹¹ of the mean
    /// magnitude that was averaged, and 2⁻¹¹ of each of the two values. None where `larger` holds what
    /// was too large for half precision.
    pub(super) fn average(&self, larger: &Series, row: &[f16]) -> Option<Vec<f16>> {
        if row.iter().any(|value| value.to_f32().abs() >= f16::MAX.to_f32()) {
            return None;
        }
        Some(average_cells(row, larger.sides, self.sides))
    }
}

/// True when averages over equal parts of a map of side `whole` pooled to `larger` are what it would be
/// pooled to `smaller`, along one axis.
pub fn pool_follows(smaller: usize, larger: usize, whole: usize) -> bool {
    let (p, q) = (smaller, larger);
    if p == 0 || q == 0 || whole == 0 || q % p != 0 {
        return false;
    }
    // Cells must not overlap: those of q lie in one pixel each, or are made of whole ones.
    whole.is_multiple_of(q)
        || (q.is_multiple_of(whole) && (whole.is_multiple_of(p) || p.is_multiple_of(whole)))
}

/// A row `[C, rows, cols]` averaged to `[C, height, width]`, which divide those: sums in f32, rounded
/// once.
pub fn average_cells(row: &[f16], [rows, cols]: [usize; 2], [height, width]: [usize; 2]) -> Vec<f16> {
    let (down, across) = (rows / height, cols / width);
    let count = (down * across) as f32;
    let mut averages = Vec::with_capacity(row.len() / (rows * cols) * height * width);
    for plane in row.chunks(rows * cols) {
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let lines = plane.chunks(cols).skip(y * down).take(down);
            let cell = lines.flat_map(|line| &line[x * across..][..across]);
            averages.push(f16::from_f32(cell.map(|value| value.to_f32()).sum::<f32>() / count));
        }
    }
    averages
}
