//! Every action as a named command with a shortcut.
