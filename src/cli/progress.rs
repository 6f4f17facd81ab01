//! Progress and notes on standard error.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Where nobody looks on, a line this often is enough.
const RARELY: Duration = Duration::from_secs(10);
/// On a terminal the line changes at most this often.
const OFTEN: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Silent,
    Rewritten,
    Plain,
}

/// One line of progress, rewritten on a terminal; elsewhere a line now and then.
#[derive(Debug)]
pub struct Progress {
    style: Style,
    last: Instant,
    shown: bool,
}

impl Progress {
    /// Progress on standard error, none if `quiet`.
    pub fn new(quiet: bool) -> Progress {
        let style = match (quiet, io::stderr().is_terminal()) {
            (true, _) => Style::Silent,
            (false, true) => Style::Rewritten,
            (false, false) => Style::Plain,
        };
        Progress { style, last: Instant::now(), shown: false }
    }

    /// Shows how far things are, unless that was shown a moment ago.
    pub fn update(&mut self, text: impl FnOnce() -> String) {
        let pause = if self.style == Style::Rewritten { OFTEN } else { RARELY };
        if self.style == Style::Silent || self.last.elapsed() < pause {
            return;
        }
        self.last = Instant::now();
        if self.style == Style::Rewritten {
            self.shown = true;
            // Lines are cut, not wrapped: a wrapped line could not be rewritten.
            write(&format!("\r\x1b[?7l{}\x1b[K\x1b[?7h", text()));
        } else {
            write(&format!("{}\n", text()));
        }
    }

    /// Says something that stays.
    pub fn note(&mut self, text: &str) {
        self.clear();
        if self.style != Style::Silent {
            write(&format!("difscope: {text}\n"));
        }
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            write("\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn write(text: &str) {
    let mut out = io::stderr().lock();
    // Who closes standard error does not want to know.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// "about 3 min left".
pub fn time_left(seconds: f64) -> String {
    format!("about {} left", duration(seconds.ceil().max(1.0)))
}

/// "0.2 s", "12 s", "3 min", "1.5 h".
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => format!("{s:.1} s"),
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 90.0 * 60.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
