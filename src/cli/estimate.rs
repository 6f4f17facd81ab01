//! What a command would cost, told without doing it.

use serde::Serialize;

use super::Failure;
use super::output::{bytes, report};
use super::progress::duration;

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

/// A cost with the time it takes.
#[derive(Serialize)]
struct Timed<'a> {
    #[serde(flatten)]
    cost: &'a Estimate,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
}

impl Estimate {
    /// Prints it.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn print(&self, json: bool) -> Result<(), Failure> {
        self.tell(None, json)
    }

    /// Prints it with the `seconds` that it takes at most on this machine.
    ///
    /// # Errors
    /// As [`Estimate::print`].
    pub fn print_timed(&self, seconds: f64, json: bool) -> Result<(), Failure> {
        self.tell(Some(seconds), json)
    }

    fn tell(&self, seconds: Option<f64>, json: bool) -> Result<(), Failure> {
        report(json, &Timed { cost: self, seconds }, || {
            let output =
                self.output_bytes.map(|count| format!("\noutput    {}", bytes(count))).unwrap_or_default();
            let time = seconds
                .map(|seconds| format!("\ntime      about {}, measured here", duration(seconds)))
                .unwrap_or_default();
            format!(
                "pictures  {}\nforwards  {}\ncost      {:.2} GMAC{time}{output}\nmemory    {} for the parameters, and maps\n",
                self.items,
                self.forwards,
                self.gmac,
                bytes(self.parameter_bytes)
            )
        })
    }
}
