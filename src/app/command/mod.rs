//! Every action as a named command: its name, what it does, its shortcuts and where it works.

mod input;
mod search;
mod table;

use std::fmt;

use eframe::egui::{KeyboardShortcut, ModifierNames};
use serde::{Deserialize, Serialize};

pub use input::pressed;
pub use search::{Found, search};
pub use table::Command;

/// Where a command works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Space {
    /// In every work space.
    Everywhere,
    /// Only in Explore.
    #[default]
    Explore,
    /// Where a view can be kept: in Explore and in Attention.
    Views,
    /// Only in Attention.
    Attention,
    /// Only in Sweep.
    Sweep,
    /// Only in Heads.
    Heads,
    /// Only in Label.
    Label,
}

impl Space {
    /// The work spaces, in the order in which they stand.
    pub const ALL: [Space; 5] = [Space::Explore, Space::Attention, Space::Sweep, Space::Heads, Space::Label];

    /// The name on its tab.
    pub fn title(self) -> &'static str {
        match self {
            Space::Everywhere => "Everywhere",
            Space::Explore => "Explore",
            Space::Views => "Views",
            Space::Attention => "Attention",
            Space::Sweep => "Sweep",
            Space::Heads => "Heads",
            Space::Label => "Label",
        }
    }

    /// The command that goes there.
    pub fn command(self) -> Option<Command> {
        match self {
            Space::Everywhere | Space::Views => None,
            Space::Explore => Some(Command::GoToExplore),
            Space::Attention => Some(Command::GoToAttention),
            Space::Sweep => Some(Command::GoToSweep),
            Space::Heads => Some(Command::GoToHeads),
            Space::Label => Some(Command::GoToLabel),
        }
    }
}

/// What a command is about: the headings of the key table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Pictures of the library.
    Pictures,
    /// The network and its blocks.
    Network,
    /// Timestep and noise.
    Timestep,
    /// How a block is shown.
    View,
    /// Pins and contact sheets.
    Compare,
    /// The inside of a head.
    Attention,
    /// Sweeps over blocks and timesteps.
    Sweep,
    /// Heads and their runs.
    Heads,
    /// Labels of pictures.
    Label,
    /// What leaves the window.
    Export,
    /// The window itself.
    Window,
}

impl Group {
    /// Every group in the order of the key table.
    pub const ALL: [Group; 11] = [
        Group::Pictures,
        Group::Network,
        Group::Timestep,
        Group::View,
        Group::Compare,
        Group::Attention,
        Group::Sweep,
        Group::Heads,
        Group::Label,
        Group::Export,
        Group::Window,
    ];

    /// The heading, in sentence case.
    pub fn title(self) -> &'static str {
        match self {
            Group::Pictures => "Pictures",
            Group::Network => "Network and blocks",
            Group::Timestep => "Timestep and noise",
            Group::View => "View",
            Group::Compare => "Compare",
            Group::Attention => "Inside of a head",
            Group::Sweep => "Sweep",
            Group::Heads => "Heads and runs",
            Group::Label => "Labels",
            Group::Export => "Export and copy",
            Group::Window => "Window",
        }
    }
}

/// What is known about a command.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// In sentence case, with "…" when it asks for more.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub about: &'static str,
    /// Its heading in the key table.
    pub group: Group,
    /// Where it works.
    pub space: Space,
    /// Its keys, the one to show first.
    pub shortcuts: &'static [KeyboardShortcut],
}

impl Command {
    /// The name, in sentence case.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// Whether it works in `space`.
    pub fn works_in(self, space: Space) -> bool {
        match self.info().space {
            Space::Everywhere => true,
            Space::Views => matches!(space, Space::Explore | Space::Attention),
            own => own == space,
        }
    }

    /// Every command that works in `space`, in the order of the table.
    pub fn all_in(space: Space) -> impl Iterator<Item = Command> {
        Command::ALL.iter().copied().filter(move |command| command.works_in(space))
    }

    /// The first shortcut as people read it: `Ctrl+Shift+P`, `]`, `Esc`.
    pub fn shortcut_text(self) -> Option<String> {
        self.info().shortcuts.first().map(shortcut_text)
    }

    /// What a tooltip says: what it does and the key.
    pub fn tooltip(self) -> String {
        match self.shortcut_text() {
            Some(keys) => format!("{} ({keys})", self.info().about),
            None => self.info().about.to_string(),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `Ctrl+Shift+P` (`Shift+Cmd+P` on macOS), with keys named by what is printed on them.
pub fn shortcut_text(shortcut: &KeyboardShortcut) -> String {
    use eframe::egui::Key;
    let is_mac = cfg!(target_os = "macos");
    let names = ModifierNames::NAMES;
    let key = match shortcut.logical_key {
        Key::ArrowLeft => "Left",
        Key::ArrowRight => "Right",
        Key::ArrowUp => "Up",
        Key::ArrowDown => "Down",
        Key::Escape => "Esc",
        Key::Comma => ",",
        Key::Period => ".",
        Key::Slash => "/",
        Key::Questionmark => "?",
        Key::OpenBracket => "[",
        Key::CloseBracket => "]",
        Key::OpenCurlyBracket => "{",
        Key::CloseCurlyBracket => "}",
        Key::Minus => "-",
        Key::Plus => "+",
        Key::Equals => "=",
        other => other.name(),
    };
    let modifiers = names.format(&shortcut.modifiers, is_mac);
    if modifiers.is_empty() { key.to_string() } else { format!("{modifiers}{}{key}", names.concat) }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    #[test]
    fn no_two_commands_of_a_space_share_a_shortcut() {
        let mut owner: HashMap<(KeyboardShortcut, Space), Command> = HashMap::new();
        let everywhere =
            Space::ALL.into_iter().flat_map(|space| Command::all_in(space).map(move |c| (space, c)));
        for (space, command) in everywhere {
            for &shortcut in command.info().shortcuts {
                let other = owner.insert((shortcut, space), command);
                assert!(other.is_none(), "{command:?} and {other:?} share {}", shortcut_text(&shortcut));
            }
        }
    }

    #[test]
    fn names_are_unique_in_sentence_case_and_explained() {
        let mut seen = HashSet::new();
        for &command in Command::ALL {
            let info = command.info();
            assert!(seen.insert(info.name), "{} twice", info.name);
            assert!(info.name.starts_with(char::is_uppercase), "{}", info.name);
            assert!(info.about.ends_with('.') && !info.about.contains('!'), "{}", info.about);
            assert_eq!(info.about.matches(". ").count(), 0, "one sentence: {}", info.about);
            for word in info.name.split(' ').skip(1) {
                let proper =
                    ["PCA", "RGB", "Explore", "Attention", "Sweep", "Heads", "Label"].contains(&word);
                assert!(proper || !word.starts_with(char::is_uppercase), "{}", info.name);
            }
        }
    }

    #[test]
    fn shortcuts_read_as_printed_on_the_keys() {
        assert_eq!(Command::NextMarkedStep.shortcut_text().as_deref(), Some("]"));
        assert_eq!(Command::CancelJob.shortcut_text().as_deref(), Some("Esc"));
        assert_eq!(Command::Keys.shortcut_text().as_deref(), Some("?"));
        if !cfg!(target_os = "macos") {
            assert_eq!(Command::ToggleTheme.shortcut_text().as_deref(), Some("Ctrl+Shift+L"));
        }
        assert!(Command::NextDraw.tooltip().ends_with("(D)"));
    }
}
