//! The program: arguments, logging, and the only place that exits.

use std::process::ExitCode;

use difscope::cli::{Interrupt, Ran, run, tell};

#[global_allocator]
static MEMORY: difscope::tensor::Memory = difscope::tensor::Memory::new();

fn main() -> ExitCode {
    // What users need to know is told by other means; RUST_LOG shows more.
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("error")).init();
    let interrupt = Interrupt::default();
    on_interrupt(interrupt.clone());
    match run(std::env::args_os(), &interrupt) {
        Ran::Ended(code) => ExitCode::from(code),
        Ran::Window(options) => match difscope::app::run(options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => ExitCode::from(tell(&error.into())),
        },
    }
}

/// The first Ctrl-C stops the command in order; a second one, or one that nobody hears, at once.
fn on_interrupt(interrupt: Interrupt) {
    #[allow(clippy::exit, reason = "a signal has no other way out")]
    let handler = move || {
        if !interrupt.raise() {
            std::process::exit(130);
        }
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        // The system's own way to stop remains, which keeps nothing.
        log::warn!("Ctrl-C will not keep finished parts: {error}");
    }
}
