//! Compute devices by the names people give them.

use std::fmt;
use std::str::FromStr;

use candle_core::Device;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Which device to compute on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DeviceChoice {
    /// The best that works.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// An NVIDIA GPU by its number.
    Cuda(usize),
    /// The Apple GPU.
    Metal,
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceChoice::Auto => write!(f, "auto"),
            DeviceChoice::Cpu => write!(f, "cpu"),
            DeviceChoice::Cuda(index) => write!(f, "cuda:{index}"),
            DeviceChoice::Metal => write!(f, "metal"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let cuda = |index: &str| index.parse().ok().map(DeviceChoice::Cuda);
        let choice = match text {
            "auto" => Some(DeviceChoice::Auto),
            "cpu" => Some(DeviceChoice::Cpu),
            "cuda" => Some(DeviceChoice::Cuda(0)),
            "metal" => Some(DeviceChoice::Metal),
            other => other.strip_prefix("cuda:").and_then(cuda),
        };
        choice.ok_or_else(|| Error::Setting(format!("no device {text:?}; use auto, cpu, cuda:0 or metal")))
    }
}

impl TryFrom<String> for DeviceChoice {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<DeviceChoice> for String {
    fn from(choice: DeviceChoice) -> String {
        choice.to_string()
    }
}

/// A device that works, and why it is not the one asked for, if it is not.
#[derive(Clone, Debug)]
pub struct OpenedDevice {
    /// The device.
    pub device: Device,
    /// What it is, in words: `CPU`, `CUDA GPU 0`, `Apple GPU`.
    pub name: String,
    /// Why the device asked for was replaced by the CPU.
    pub replaced: Option<String>,
}

/// Device kinds compiled into this program, besides the CPU.
pub fn compiled_in() -> &'static [&'static str] {
    match (cfg!(feature = "cuda"), cfg!(feature = "metal")) {
        (true, true) => &["cuda", "metal"],
        (true, false) => &["cuda"],
        (false, true) => &["metal"],
        (false, false) => &[],
    }
}

/// Opens a device; one that fails to start is replaced by the CPU, with the reason.
pub fn open(choice: DeviceChoice) -> OpenedDevice {
    let cpu = |replaced| OpenedDevice { device: Device::Cpu, name: "CPU".into(), replaced };
    let tried = match choice {
        DeviceChoice::Cpu => return cpu(None),
        DeviceChoice::Auto => {
            let gpus = [DeviceChoice::Cuda(0), DeviceChoice::Metal];
            let compiled = gpus.into_iter().filter(|gpu| compiled_in().contains(&kind(*gpu)));
            // Silence is right here: nobody asked for a GPU.
            return compiled.filter_map(|gpu| start(gpu).ok()).next().unwrap_or_else(|| cpu(None));
        }
        gpu => start(gpu),
    };
    tried.unwrap_or_else(|why| cpu(Some(format!("{choice} cannot be used: {why}; the CPU computes instead"))))
}

fn kind(choice: DeviceChoice) -> &'static str {
    match choice {
        DeviceChoice::Cuda(_) => "cuda",
        DeviceChoice::Metal => "metal",
        DeviceChoice::Auto | DeviceChoice::Cpu => "cpu",
    }
}

fn start(choice: DeviceChoice) -> std::result::Result<OpenedDevice, String> {
    let kind = kind(choice);
    if !compiled_in().contains(&kind) {
        return Err(format!("this program was built without it (build with `--features {kind}`)"));
    }
    let device = match choice {
        DeviceChoice::Cuda(index) => Device::new_cuda(index),
        DeviceChoice::Metal => Device::new_metal(0),
        DeviceChoice::Auto | DeviceChoice::Cpu => Ok(Device::Cpu),
    };
    let device = device.map_err(|error| error.to_string().lines().next().unwrap_or("unknown").to_string())?;
    // A device may open and still fail at its first kernel.
    candle_core::Tensor::ones(4, candle_core::DType::F32, &device)
        .and_then(|ones| ones.sum_all()?.to_scalar::<f32>())
        .map_err(|error| error.to_string())?;
    let name = match choice {
        DeviceChoice::Cuda(index) => format!("CUDA GPU {index}"),
        DeviceChoice::Metal => "Apple GPU".into(),
        DeviceChoice::Auto | DeviceChoice::Cpu => "CPU".into(),
    };
    Ok(OpenedDevice { device, name, replaced: None })
}

/// Bytes of memory that programs can still take, where the system tells.
pub fn free_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for choice in [DeviceChoice::Auto, DeviceChoice::Cpu, DeviceChoice::Cuda(3), DeviceChoice::Metal] {
            assert_eq!(choice.to_string().parse::<DeviceChoice>().unwrap(), choice);
        }
        assert!("gpu".parse::<DeviceChoice>().unwrap_err().to_string().contains("cuda:0"));
    }

    #[test]
    fn a_device_that_fails_is_replaced_and_said() {
        let opened = open(DeviceChoice::Cuda(4096));
        assert_eq!(opened.name, "CPU");
        assert!(opened.replaced.unwrap().contains("cuda:4096"));
        assert!(open(DeviceChoice::Auto).replaced.is_none());
    }
}
