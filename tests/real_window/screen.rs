//! A screen that nobody looks at: Xvfb with its picture in a file, and keys from xdotool.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use image::{Rgb, RgbImage};

/// The programs that a [`Screen`] needs.
pub const PROGRAMS: [&str; 2] = ["Xvfb", "xdotool"];

/// A running X server with one screen.
pub struct Screen {
    server: Child,
    /// What to put into `DISPLAY`.
    pub display: String,
    folder: tempfile::TempDir,
}

impl Screen {
    /// Starts a server on a display that is free, with a screen of `width`×`height`.
    pub fn start(width: u32, height: u32) -> Screen {
        let folder = tempfile::tempdir().unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-fbdir"])
            .arg(folder.path())
            .args(["-screen", "0", &format!("{width}x{height}x24")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let output = BufReader::new(server.stdout.take().unwrap());
        let (send, number) = mpsc::channel();
        thread::spawn(move || send.send(output.lines().next()));
        let number = number.recv_timeout(Duration::from_secs(20));
        let screen = Screen {
            display: match &number {
                Ok(Some(Ok(number))) => format!(":{}", number.trim()),
                _ => String::new(),
            },
            server,
            folder,
        };
        let log = || fs::read_to_string(screen.folder.path().join("log")).unwrap_or_default();
        assert!(!screen.display.is_empty(), "Xvfb did not start: {number:?}\n{}", log());
        // The pointer starts in the middle, where it would hover over something.
        screen.xdotool(&["mousemove", &(width - 1).to_string(), &(height - 1).to_string()]);
        screen
    }

    /// What is on the screen now.
    pub fn picture(&self) -> RgbImage {
        let file = fs::read(self.folder.path().join("Xvfb_screen0")).unwrap();
        parse_xwd(&file)
            .unwrap_or_else(|| panic!("Xvfb's picture of {} bytes is not as expected", file.len()))
    }

    /// The visible window whose title begins with `title`.
    pub fn window(&self, title: &str) -> Option<String> {
        let found = self.run_xdotool(&["search", "--onlyvisible", "--name", &format!("^{title}")]);
        String::from_utf8(found.stdout).unwrap().lines().last().map(str::to_string)
    }

    /// Puts window `id` over the whole screen and gives it the keyboard.
    pub fn fill(&self, id: &str, width: u32, height: u32) {
        self.xdotool(&["windowmove", id, "0", "0"]);
        self.xdotool(&["windowsize", id, &width.to_string(), &height.to_string()]);
        self.xdotool(&["windowfocus", id]);
    }

    /// Presses a key as xdotool calls it, such as `ctrl+q`, as slowly as a hand does.
    pub fn press(&self, key: &str) {
        self.xdotool(&["key", "--delay", "60", key]);
    }

    fn xdotool(&self, arguments: &[&str]) {
        let output = self.run_xdotool(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "xdotool {}: {said}", arguments.join(" "));
    }

    fn run_xdotool(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("xdotool");
        command.args(arguments).env("DISPLAY", &self.display).env_remove("XAUTHORITY").stdin(Stdio::null());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let started = Instant::now();
        let (mut child, limit) = (Running(child), Duration::from_secs(20));
        while child.0.try_wait().unwrap().is_none() {
            assert!(started.elapsed() < limit, "xdotool {} hangs", arguments.join(" "));
            thread::sleep(Duration::from_millis(5));
        }
        child.output()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A process that does not outlive its test.
pub struct Running(pub Child);

impl Running {
    /// What an ended process wrote.
    fn output(&mut self) -> Output {
        use std::io::Read as _;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        self.0.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
        self.0.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
        Output { status: self.0.wait().unwrap(), stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether `program` is on the search path.
pub fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
}

/// The picture in an X window dump of 32 bits a pixel, blue first; `None` for any other.
pub fn parse_xwd(file: &[u8]) -> Option<RgbImage> {
    let word = |index: usize| -> Option<usize> {
        let bytes = file.get(4 * index..4 * index + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?) as usize)
    };
    let (header, version) = (word(0)?, word(1)?);
    let (width, height, little_endian) = (word(4)?, word(5)?, word(7)? == 0);
    let (bits, stride, colours) = (word(11)?, word(12)?, word(19)?);
    if version != 7 || bits != 32 || !little_endian || stride < 4 * width {
        return None;
    }
    let pixels = file.get(header + 12 * colours..)?.get(..stride * height)?;
    Some(RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let at = stride * y as usize + 4 * x as usize;
        Rgb([pixels[at + 2], pixels[at + 1], pixels[at]])
    }))
}
