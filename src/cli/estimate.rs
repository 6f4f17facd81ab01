//! What a command would cost, told without doing it.

use serde::Serialize;

use super::Failure;
use super::output::{bytes, report};

/// The cost of a command.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Pictures.
    pub items: usize,
    /// Forward passes, each as deep as needed.
    pub forwards: usize,
    /// Multiply-accumulates of all of them, in 10⁹.
    pub gmac: f64,
    /// Bytes written, where that is known before.
    pub output_bytes: Option<u64>,
    /// Bytes of the network's parameters as f32, the least that memory must hold.
    pub parameter_bytes: u64,
}

impl Estimate {
    /// Prints it.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn print(&self, json: bool) -> Result<(), Failure> {
        report(json, self, || {
            let output =
                self.output_bytes.map(|count| format!("\noutput    {}", bytes(count))).unwrap_or_default();
            format!(
                "pictures  {}\nforwards  {}\ncost      {:.2} GMAC{output}\nmemory    {} for the parameters, and maps\n",
                self.items,
                self.forwards,
                self.gmac,
                bytes(self.parameter_bytes)
            )
        })
    }
}
