//! Colour maps: from a value to a colour, evaluated on the CPU.
//!
//! [`shade`] is the twin of the shader in `app/gpu/heatmap.wgsl`: both do the same steps in f32 on
//! the same table ([`ColorMap::lut`]), so that the window and an exported figure agree.

mod tables;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::grid::Grid;

/// A named map from 0…1 to a colour. All are safe for colour-blind readers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColorMap {
    /// Dark blue over green to yellow.
    #[default]
    Viridis,
    /// Black over purple and orange to cream.
    Magma,
    /// Blue over grey to yellow.
    Cividis,
    /// Black to white.
    Grey,
    /// Blue over white to orange, for values with a sign; the middle is exactly white.
    Diverging,
}

impl ColorMap {
    /// Every map, in the order in which they are offered.
    pub const ALL: [ColorMap; 5] =
        [ColorMap::Viridis, ColorMap::Magma, ColorMap::Cividis, ColorMap::Grey, ColorMap::Diverging];

    /// The name, as written on the command line and in settings.
    pub fn name(self) -> &'static str {
        match self {
            ColorMap::Viridis => "viridis",
            ColorMap::Magma => "magma",
            ColorMap::Cividis => "cividis",
            ColorMap::Grey => "grey",
            ColorMap::Diverging => "diverging",
        }
    }

    /// The 256 colours of the map as sRGB bytes, from low to high.
    pub fn lut(self) -> &'static [[u8; 3]; 256] {
        static VIRIDIS: [[u8; 3]; 256] = unpack(&tables::VIRIDIS);
        static MAGMA: [[u8; 3]; 256] = unpack(&tables::MAGMA);
        static CIVIDIS: [[u8; 3]; 256] = unpack(&tables::CIVIDIS);
        static GREY: [[u8; 3]; 256] = grey();
        static DIVERGING: [[u8; 3]; 256] = unpack(&tables::DIVERGING);
        match self {
            ColorMap::Viridis => &VIRIDIS,
            ColorMap::Magma => &MAGMA,
            ColorMap::Cividis => &CIVIDIS,
            ColorMap::Grey => &GREY,
            ColorMap::Diverging => &DIVERGING,
        }
    }

    /// Whether the middle of the map means zero, so that its range should be symmetric.
    pub fn is_diverging(self) -> bool {
        self == ColorMap::Diverging
    }
}

impl fmt::Display for ColorMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ColorMap {
    type Err = Error;

    fn from_str(text: &str) -> Result<ColorMap> {
        ColorMap::ALL.into_iter().find(|map| map.name() == text).ok_or_else(|| {
            let names = ColorMap::ALL.map(ColorMap::name).join(", ");
            Error::Setting(format!("there is no colour map \"{text}\"; choose one of {names}"))
        })
    }
}

/// How values become colours: what a heatmap's controls set.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tone {
    /// The values at the low and at the high end of the map. The other way round, the map is reversed.
    pub range: [f32; 2],
    /// Exponent on the place within the range: above 1 darkens the middle. Must be positive.
    pub gamma: f32,
    /// The colours.
    pub map: ColorMap,
}

impl Tone {
    /// `map` over `range`, without gamma.
    pub fn new(range: [f32; 2], map: ColorMap) -> Tone {
        Tone { range, gamma: 1.0, map }
    }

    /// The place of `value` on the map, 0 to 1, gamma included; NaN for NaN. All in f32:
    ///
    /// 1. `lo == hi`: the place is 0 below, 1 above and 0.5 at that value.
    /// 2. Else `u = clamp((value − lo) / (hi − lo), 0, 1)`; infinite values clamp like large ones.
    /// 3. The place is `u ^ gamma`.
    pub fn place(&self, value: f32) -> f32 {
        let [lo, hi] = self.range;
        let u = if lo != hi {
            ((value - lo) / (hi - lo)).clamp(0.0, 1.0)
        } else if value < lo {
            0.0
        } else if value > lo {
            1.0
        } else if value.is_nan() {
            f32::NAN
        } else {
            0.5
        };
        u.powf(self.gamma)
    }
}

/// The colour of `value`, or `None` for NaN, which is [`hatch`]ed instead. All in f32:
///
/// 1. `p = place · 255` with [`Tone::place`].
/// 2. `i = min(floor(p), 254)` and `f = p − i`.
/// 3. For each of R, G, B: `c = lut[i] + (lut[i + 1] − lut[i]) · f`, with entries as 0…255.
/// 4. The byte is `floor(c + 0.5)`.
pub fn shade(value: f32, tone: &Tone) -> Option<[u8; 3]> {
    let place = tone.place(value);
    if place.is_nan() {
        return None;
    }
    let p = place * 255.0;
    let i = (p.floor() as usize).min(254);
    let f = p - i as f32;
    let lut = tone.map.lut();
    let (low, high) = (lut[i], lut[i + 1]);
    Some(std::array::from_fn(|k| {
        let (a, b) = (f32::from(low[k]), f32::from(high[k]));
        (a + (b - a) * f + 0.5).floor() as u8
    }))
}

/// The darker stripe of [`hatch`].
pub const HATCH_DARK: [u8; 3] = [88, 88, 88];
/// The lighter stripe of [`hatch`].
pub const HATCH_LIGHT: [u8; 3] = [152, 152, 152];

/// The colour that stands for "not a number" at pixel (x, y) of the output: diagonal stripes 4 pixels
/// wide, dark where `((x + y) / 4) % 2 == 0` (whole-number division), light elsewhere.
pub fn hatch(x: u32, y: u32) -> [u8; 3] {
    if (x.wrapping_add(y) / 4).is_multiple_of(2) { HATCH_DARK } else { HATCH_LIGHT }
}

/// The smallest range around zero that holds `range`: for diverging maps.
pub fn symmetric_range(range: [f32; 2]) -> [f32; 2] {
    let reach = range[0].abs().max(range[1].abs());
    [-reach, reach]
}

/// How the range of a map is found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RangeChoice {
    /// Between two percentiles (0 to 100) of the finite values.
    Percentile(f32, f32),
    /// As given.
    Manual(f32, f32),
    /// From the smallest to the largest finite value.
    Full,
}

impl Default for RangeChoice {
    fn default() -> RangeChoice {
        RangeChoice::Percentile(1.0, 99.0)
    }
}

impl RangeChoice {
    /// The range for the values of `grid`, all channels together; `[0, 0]` without a finite value
    /// unless given by hand.
    pub fn resolve(self, grid: &Grid) -> [f32; 2] {
        match self {
            RangeChoice::Percentile(low, high) => grid.percentiles([low, high]),
            RangeChoice::Manual(low, high) => [low, high],
            RangeChoice::Full => {
                let stats = grid.stats();
                [stats.min, stats.max]
            }
        }
    }

    /// A whole tone for `grid`: the range found, and made symmetric around zero where `map` is
    /// diverging and the range was not given by hand.
    pub fn tone(self, grid: &Grid, gamma: f32, map: ColorMap) -> Tone {
        let found = self.resolve(grid);
        let by_hand = matches!(self, RangeChoice::Manual(..));
        let range = if map.is_diverging() && !by_hand { symmetric_range(found) } else { found };
        Tone { range, gamma, map }
    }
}

const fn unpack(packed: &[u32; 256]) -> [[u8; 3]; 256] {
    let mut table = [[0; 3]; 256];
    let mut i = 0;
    while i < 256 {
        let [_, r, g, b] = packed[i].to_be_bytes();
        table[i] = [r, g, b];
        i += 1;
    }
    table
}

const fn grey() -> [[u8; 3]; 256] {
    let mut table = [[0; 3]; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = [i as u8; 3];
        i += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_hold_the_published_colours() {
        assert_eq!(ColorMap::Viridis.lut()[0], [68, 1, 84]);
        assert_eq!(ColorMap::Viridis.lut()[255], [253, 231, 37]);
        assert_eq!(ColorMap::Magma.lut()[255], [252, 253, 191]);
        assert_eq!(ColorMap::Cividis.lut()[0], [0, 34, 78]);
        assert_eq!(ColorMap::Grey.lut()[100], [100; 3]);
    }

    #[test]
    fn diverging_is_white_at_zero_and_nowhere_off_it() {
        let tone = Tone::new(symmetric_range([-3.0, 1.0]), ColorMap::Diverging);
        assert_eq!(tone.range, [-3.0, 3.0]);
        assert_eq!(shade(0.0, &tone), Some([255; 3]));
        let (below, above) = (shade(-3.0, &tone).unwrap(), shade(3.0, &tone).unwrap());
        assert!(below[2] > below[0] && above[0] > above[2], "blue below, orange above");
        assert_ne!(shade(-0.1, &tone), Some([255; 3]));
    }

    #[test]
    fn lightness_of_the_sequential_maps_only_rises() {
        for map in [ColorMap::Viridis, ColorMap::Magma, ColorMap::Cividis, ColorMap::Grey] {
            let light =
                map.lut().map(|[r, g, b]| 2126 * u32::from(r) + 7152 * u32::from(g) + 722 * u32::from(b));
            let falls = light.windows(2).filter(|pair| pair[1] + 6000 < pair[0]).count();
            assert_eq!(falls, 0, "{map} is not monotonic");
            assert!(light[255] > light[0] + 1_000_000);
        }
    }

    #[test]
    fn entries_are_hit_exactly_and_interpolated_between() {
        let tone = Tone::new([0.0, 255.0], ColorMap::Viridis);
        for i in 0..256 {
            assert_eq!(shade(i as f32, &tone), Some(ColorMap::Viridis.lut()[i]));
        }
        let grey = Tone::new([0.0, 255.0], ColorMap::Grey);
        assert_eq!(shade(10.4, &grey), Some([10; 3]));
        assert_eq!(shade(10.5, &grey), Some([11; 3]));
    }

    #[test]
    fn values_outside_clamp_and_gamma_bends() {
        let tone = Tone { range: [-1.0, 1.0], gamma: 2.0, map: ColorMap::Grey };
        assert_eq!(shade(-7.0, &tone), Some([0; 3]));
        assert_eq!(shade(f32::INFINITY, &tone), Some([255; 3]));
        assert_eq!(shade(f32::NEG_INFINITY, &tone), Some([0; 3]));
        assert_eq!(shade(0.0, &tone), Some([64; 3]));
        assert_eq!(shade(f32::NAN, &tone), None);
    }

    #[test]
    fn a_range_of_one_value_still_orders() {
        let tone = Tone::new([2.0, 2.0], ColorMap::Grey);
        assert_eq!(shade(1.0, &tone), Some([0; 3]));
        assert_eq!(shade(2.0, &tone), Some([128; 3]));
        assert_eq!(shade(3.0, &tone), Some([255; 3]));
        assert_eq!(shade(f32::NAN, &tone), None);
    }

    #[test]
    fn hatching_runs_along_the_diagonal() {
        assert_eq!(hatch(0, 0), HATCH_DARK);
        assert_eq!(hatch(3, 0), HATCH_DARK);
        assert_eq!(hatch(3, 1), HATCH_LIGHT);
        assert_eq!(hatch(5, 3), HATCH_DARK);
    }

    #[test]
    fn names_are_read_back_and_a_wrong_one_lists_them() {
        for map in ColorMap::ALL {
            assert_eq!(map.name().parse::<ColorMap>().unwrap(), map);
            assert_eq!(serde_json::to_string(&map).unwrap(), format!("\"{map}\""));
        }
        let text = "jet".parse::<ColorMap>().unwrap_err().to_string();
        assert!(text.contains("jet") && text.contains("viridis, magma, cividis, grey, diverging"), "{text}");
    }

    #[test]
    fn ranges_are_found_as_chosen() {
        let grid = Grid::from_fn(1, 1, 101, |_, _, x| x as f32 - 20.0);
        assert_eq!(RangeChoice::Percentile(10.0, 90.0).resolve(&grid), [-10.0, 70.0]);
        assert_eq!(RangeChoice::Full.resolve(&grid), [-20.0, 80.0]);
        assert_eq!(RangeChoice::Full.tone(&grid, 1.0, ColorMap::Diverging).range, [-80.0, 80.0]);
        assert_eq!(RangeChoice::Manual(0.0, 5.0).tone(&grid, 1.0, ColorMap::Diverging).range, [0.0, 5.0]);
    }
}
