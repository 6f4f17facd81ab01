//! What numbers convolutions and linear layers multiply.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::kernel::lane::has_bf16;
use crate::error::{Error, Result};

/// Numbers that are multiplied; sums are f32 in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 24 bits: what every stated tolerance is for.
    #[default]
    F32,
    /// 8 bits, half the memory for most weights: features differ by about 1 %.
    Bf16,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
        })
    }
}

/// Which precision to compute in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PrecisionChoice {
    /// This one.
    Of(Precision),
    /// bf16 where the device multiplies it faster than f32.
    Auto,
}

impl Default for PrecisionChoice {
    fn default() -> Self {
        PrecisionChoice::Of(Precision::F32)
    }
}

impl PrecisionChoice {
    /// Every choice, as offered.
    pub const ALL: [PrecisionChoice; 3] =
        [PrecisionChoice::Of(Precision::F32), PrecisionChoice::Of(Precision::Bf16), PrecisionChoice::Auto];

    /// What it means on `device`.
    pub fn on(self, device: &candle_core::Device) -> Precision {
        match self {
            PrecisionChoice::Of(precision) => precision,
            PrecisionChoice::Auto if !device.is_cpu() || has_bf16() => Precision::Bf16,
            PrecisionChoice::Auto => Precision::F32,
        }
    }
}

impl fmt::Display for PrecisionChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PrecisionChoice::Of(precision) => precision.fmt(f),
            PrecisionChoice::Auto => f.write_str("auto"),
        }
    }
}

impl FromStr for PrecisionChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let known = PrecisionChoice::ALL.into_iter().find(|choice| choice.to_string() == text);
        known.ok_or_else(|| Error::Setting(format!("no precision {text:?}; use f32, bf16 or auto")))
    }
}

impl TryFrom<String> for PrecisionChoice {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<PrecisionChoice> for String {
    fn from(choice: PrecisionChoice) -> String {
        choice.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for choice in PrecisionChoice::ALL {
            assert_eq!(choice.to_string().parse::<PrecisionChoice>().unwrap(), choice);
        }
        assert!("f16".parse::<PrecisionChoice>().unwrap_err().to_string().contains("bf16 or auto"));
        assert_eq!(PrecisionChoice::default().on(&candle_core::Device::Cpu), Precision::F32);
    }
}
