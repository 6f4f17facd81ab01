//! What this build of the program is.

use std::sync::LazyLock;

use crate::tensor::device::compiled_in;

/// Version, commit, cargo features and devices, a line each.
pub fn long() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(text);
    &TEXT
}

fn text() -> String {
    let features: Vec<&str> = [
        ("cuda", cfg!(feature = "cuda")),
        ("cudnn", cfg!(feature = "cudnn")),
        ("metal", cfg!(feature = "metal")),
    ]
    .iter()
    .filter(|(_, on)| *on)
    .map(|(name, _)| *name)
    .collect();
    let features = if features.is_empty() { "none".to_string() } else { features.join(", ") };
    let devices: Vec<&str> = std::iter::once("cpu").chain(compiled_in().iter().copied()).collect();
    format!(
        "{}\ncommit   {}\nfeatures {features}\ndevices  {}",
        env!("CARGO_PKG_VERSION"),
        env!("DIFSCOPE_COMMIT"),
        devices.join(", ")
    )
}
