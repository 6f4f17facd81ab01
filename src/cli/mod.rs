//! The command line: arguments, reports and exit codes. All work goes to the engine.

pub mod args;
mod attention;
mod bench;
mod cell;
mod compare;
mod convert;
mod data;
mod estimate;
mod extract;
mod head_args;
mod heatmap;
mod inspect;
mod kept;
mod label_bench;
mod labels;
mod labels_args;
mod labels_export;
mod labels_set;
mod lists;
mod look_args;
mod memory;
mod output;
mod predict;
mod progress;
mod project;
mod session;
mod set;
mod similarity;
mod sweep;
mod sweep_args;
mod tour;
mod train;
mod version;
mod window;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};

use clap::{CommandFactory, Parser};

use crate::error::Error;
use crate::jobs::WindowOptions;
use args::{Cli, Command, Everywhere};

pub use session::Interrupt;

/// How a command line ended.
pub enum Ran {
    /// With an exit code.
    Ended(u8),
    /// The window is wanted.
    Window(WindowOptions),
}

/// Why a command did not do its work, and the exit code that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    code: u8,
    text: String,
}

impl Failure {
    /// The exit code after Ctrl-C.
    const STOPPED: u8 = 130;

    /// A failure, exit code 1.
    pub fn failed(text: impl Into<String>) -> Failure {
        Failure { code: 1, text: text.into() }
    }

    /// Wrong arguments, exit code 2.
    pub fn usage(text: impl Into<String>) -> Failure {
        Failure { code: 2, text: text.into() }
    }

    /// With what else should be known.
    pub fn with(self, more: &str) -> Failure {
        Failure { text: format!("{}; {more}", self.text), ..self }
    }

    /// Stopped by Ctrl-C, exit code 130; `kept` says what is kept.
    pub fn stopped(kept: Option<String>) -> Failure {
        Failure {
            code: Failure::STOPPED,
            text: kept.map_or_else(|| "stopped".into(), |kept| format!("stopped; {kept}")),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One line, whatever a library put into its message.
        let lines: Vec<&str> = self.text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        f.write_str(&lines.join(" "))
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Failure {
        if error.is_cancelled() { Failure::stopped(None) } else { Failure::failed(error.to_string()) }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::from(&error)
    }
}

/// Runs the command line `args` (the program's name first). A failure is told in one line on
/// standard error.
pub fn run(args: impl IntoIterator<Item = OsString>, interrupt: &Interrupt) -> Ran {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(message) => {
            // Help and version go to standard output, the rest to standard error; who closed these
            // does not want to know.
            let _ = message.print();
            return Ran::Ended(if message.use_stderr() { 2 } else { 0 });
        }
    };
    let everywhere = &cli.everywhere;
    if let Err(failure) = check_project(&cli) {
        return Ran::Ended(tell(&failure));
    }
    let result = match &cli.command {
        Some(Command::Tour(args)) => tour::run(args, everywhere, interrupt),
        Some(Command::Inspect(args)) => inspect::run(args, everywhere, interrupt),
        Some(Command::Convert(args)) => convert::run(args, everywhere, interrupt),
        Some(Command::Extract(args)) => extract::run(args, everywhere, interrupt),
        Some(Command::Heatmap(args)) => heatmap::run(args, everywhere, interrupt),
        Some(Command::Data(args)) => data::run(args, everywhere),
        Some(Command::Train(args)) => train::run(args, everywhere, interrupt),
        Some(Command::Compare(args)) => compare::run(args, everywhere, interrupt),
        Some(Command::Attention(args)) => attention::run(args, everywhere, interrupt),
        Some(Command::Sweep(args)) => sweep::run(args, everywhere, interrupt),
        Some(Command::Merge(args)) => sweep::merge(args, everywhere, interrupt),
        Some(Command::Cell(args)) => cell::run(args, everywhere, interrupt),
        Some(Command::Similarity(args)) => similarity::run(args, everywhere, interrupt),
        Some(Command::LabelBench(args)) => label_bench::run(args, everywhere, interrupt),
        Some(Command::Labels(args)) => labels::run(args, everywhere),
        Some(Command::Predict(args)) => predict::run(args, everywhere, interrupt),
        Some(Command::Project(args)) => project::run(args, everywhere),
        Some(Command::Bench(args)) => bench::run(args, everywhere, interrupt),
        Some(Command::Completions { shell }) => completions(*shell),
        None => match window::open(cli.inputs, everywhere, interrupt) {
            Ok(Some(options)) => return Ran::Window(options),
            Ok(None) => Ok(()),
            Err(failure) => Err(failure),
        },
    };
    Ran::Ended(match result {
        Ok(()) => 0,
        Err(failure) => tell(&failure),
    })
}

/// Tells a failure in one line; its exit code.
pub fn tell(failure: &Failure) -> u8 {
    // Who closed standard error still gets the exit code.
    let _ = writeln!(io::stderr(), "difscope: {failure}");
    failure.code
}

fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "difscope", &mut text);
    output::print(&String::from_utf8_lossy(&text))
}

/// Refuses `--project` where nothing of a project is used.
fn check_project(cli: &Cli) -> Result<(), Failure> {
    match (&cli.everywhere.project, &cli.command) {
        (None, _)
        | (
            _,
            None
            | Some(
                Command::Train(_)
                | Command::Compare(_)
                | Command::Sweep(_)
                | Command::Merge(_)
                | Command::Cell(_)
                | Command::Labels(_),
            ),
        ) => Ok(()),
        (Some(_), Some(Command::Project(_))) => {
            Err(Failure::usage("--project: this command takes the file without it; leave the flag away"))
        }
        (Some(_), Some(_)) => Err(Failure::usage(
            "--project: the window, train, compare, sweep and cell use a project, and this command does not; leave it away",
        )),
    }
}

/// Refuses `--set` where there is nothing to set.
fn no_settings(everywhere: &Everywhere, command: &str) -> Result<(), Failure> {
    match everywhere.set.is_empty() {
        true => Ok(()),
        false => Err(Failure::usage(format!("--set: {command} has no settings; leave it away"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn failures_are_one_line() {
        let failure = Failure::failed("a\n  b\n\nc");
        assert_eq!(failure.to_string(), "a b c");
    }
}
