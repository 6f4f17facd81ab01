//! From key presses to commands.

use std::sync::Arc;

use eframe::egui::{Context, Event, Id, Key, KeyboardShortcut, Modifiers, Popup};

use super::{Command, Space};

/// Who else listens to the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Focus {
    /// Nobody.
    Free,
    /// A widget that uses arrows, space and enter.
    Widget,
    /// A field in which the user types.
    Text,
}

/// The commands of `space` whose keys were pressed in this frame, in the order of the presses. The
/// presses are consumed, so that nothing else reacts to them.
///
/// Nothing is returned while a dialogue is open. While the user types into a field only shortcuts
/// with ctrl are obeyed, and not those that edit text; while another widget has the focus, arrows,
/// space and enter are left to it. Esc closes an open menu, or leaves the widget that had the focus,
/// before it means anything else. `Paste picture` comes as `Event::PasteImage`, which carries the
/// picture and is read by whoever takes it; `Copy view` comes from `Event::Copy`.
pub fn pressed(ctx: &Context, space: Space) -> Vec<Command> {
    if ctx.memory(|memory| memory.top_modal_layer().is_some()) {
        return Vec::new();
    }
    let focus = if ctx.text_edit_focused() {
        Focus::Text
    } else if ctx.egui_wants_keyboard_input() {
        Focus::Widget
    } else {
        Focus::Free
    };
    let takes_escape = Popup::is_any_open(ctx) || had_focus(ctx);
    let mut commands = Vec::new();
    ctx.input_mut(|input| {
        input.events.retain(|event| match command_of(event, space, focus) {
            Some(_) if takes_escape && is_escape(event) => true,
            Some(command) => {
                commands.push(command);
                false
            }
            None => true,
        });
    });
    commands
}

fn is_escape(event: &Event) -> bool {
    matches!(event, Event::Key { key: Key::Escape, .. })
}

/// Whether any widget had the focus when the frame before ended. By now Esc has taken it away, and
/// the widget has yet to learn why.
fn had_focus(ctx: &Context) -> bool {
    let mark = Id::unique("focus at the end of the frame before");
    let held = ctx.data(|data| data.get_temp::<bool>(mark));
    if held.is_none() {
        ctx.data_mut(|data| data.insert_temp(mark, false));
        ctx.on_end_pass(
            "difscope focus",
            Arc::new(move |ui| {
                let focused = ui.memory(|memory| memory.focused().is_some());
                ui.data_mut(|data| data.insert_temp(mark, focused));
            }),
        );
    }
    held.unwrap_or(false)
}

fn command_of(event: &Event, space: Space, focus: Focus) -> Option<Command> {
    match *event {
        Event::Copy if focus != Focus::Text => Command::CopyView.works_in(space).then_some(Command::CopyView),
        Event::Key { key, pressed: true, modifiers, .. } => {
            matching(key, modifiers, space, Strictness::Exact, focus)
                .or_else(|| matching(key, modifiers, space, Strictness::Symbol, focus))
        }
        _ => None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Strictness {
    /// All modifiers as in the table.
    Exact,
    /// Shift may be needed to type the symbol, as for `/` on a German keyboard.
    Symbol,
}

fn matching(
    key: Key,
    modifiers: Modifiers,
    space: Space,
    strictness: Strictness,
    focus: Focus,
) -> Option<Command> {
    Command::all_in(space).find(|command| {
        command.info().shortcuts.iter().any(|shortcut| {
            shortcut.logical_key == key
                && allowed(shortcut, focus)
                && match strictness {
                    Strictness::Exact => modifiers.matches_exact(shortcut.modifiers),
                    Strictness::Symbol => is_symbol(key) && modifiers.matches_logically(shortcut.modifiers),
                }
        })
    })
}

fn allowed(shortcut: &KeyboardShortcut, focus: Focus) -> bool {
    match focus {
        Focus::Free => true,
        Focus::Widget => {
            shortcut.modifiers.command
                || !matches!(
                    shortcut.logical_key,
                    Key::ArrowLeft
                        | Key::ArrowRight
                        | Key::ArrowUp
                        | Key::ArrowDown
                        | Key::Space
                        | Key::Enter
                )
        }
        Focus::Text => {
            let edits = matches!(shortcut.logical_key, Key::Backspace | Key::Delete);
            let types = shortcut.modifiers.shift && !shortcut.modifiers.command;
            !edits && !types && !shortcut.conflicts_with_text_editing()
        }
    }
}

fn is_symbol(key: Key) -> bool {
    matches!(
        key,
        Key::Slash
            | Key::Questionmark
            | Key::Plus
            | Key::Minus
            | Key::Equals
            | Key::Comma
            | Key::Period
            | Key::OpenBracket
            | Key::CloseBracket
            | Key::OpenCurlyBracket
            | Key::CloseCurlyBracket
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(key: Key, modifiers: Modifiers, focus: Focus) -> Option<Command> {
        let event = Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers };
        command_of(&event, Space::Explore, focus)
    }

    const CTRL: Modifiers = Modifiers { ctrl: true, command: true, ..Modifiers::NONE };
    const CTRL_SHIFT: Modifiers = Modifiers { shift: true, ..CTRL };

    #[test]
    fn every_shortcut_reaches_its_command() {
        for command in Command::all_in(Space::Explore) {
            for shortcut in command.info().shortcuts {
                let mut modifiers = shortcut.modifiers;
                modifiers.ctrl |= modifiers.command;
                assert_eq!(press(shortcut.logical_key, modifiers, Focus::Free), Some(command));
            }
        }
    }

    #[test]
    fn typing_into_a_field_triggers_nothing() {
        for key in [Key::CloseBracket, Key::D, Key::Space, Key::Slash, Key::Questionmark, Key::Escape] {
            assert_eq!(press(key, Modifiers::NONE, Focus::Text), None);
            assert_eq!(press(key, Modifiers::SHIFT, Focus::Text), None);
        }
        assert_eq!(press(Key::Backspace, CTRL, Focus::Text), None, "deletes a word there");
        assert_eq!(press(Key::O, CTRL, Focus::Text), Some(Command::OpenPictures));
        assert_eq!(command_of(&Event::Copy, Space::Explore, Focus::Text), None);
        assert_eq!(command_of(&Event::Copy, Space::Explore, Focus::Free), Some(Command::CopyView));
    }

    #[test]
    fn a_focused_widget_keeps_arrows_and_space() {
        for key in [Key::ArrowDown, Key::ArrowLeft, Key::Space] {
            assert!(press(key, Modifiers::NONE, Focus::Free).is_some());
            assert_eq!(press(key, Modifiers::NONE, Focus::Widget), None);
        }
        assert_eq!(press(Key::D, Modifiers::NONE, Focus::Widget), Some(Command::NextDraw));
    }

    #[test]
    fn shift_matters_for_letters_and_brackets_but_not_for_typed_symbols() {
        assert_eq!(press(Key::D, Modifiers::SHIFT, Focus::Free), Some(Command::ToggleAverage));
        assert_eq!(press(Key::M, Modifiers::SHIFT, Focus::Free), None);
        assert_eq!(press(Key::CloseBracket, Modifiers::NONE, Focus::Free), Some(Command::NextMarkedStep));
        assert_eq!(press(Key::CloseBracket, Modifiers::SHIFT, Focus::Free), Some(Command::TimestepUp));
        assert_eq!(press(Key::CloseCurlyBracket, Modifiers::SHIFT, Focus::Free), Some(Command::TimestepUp));
        assert_eq!(press(Key::Questionmark, Modifiers::SHIFT, Focus::Free), Some(Command::Keys));
        assert_eq!(press(Key::Slash, Modifiers::SHIFT, Focus::Free), Some(Command::Palette));
        assert_eq!(press(Key::Plus, CTRL_SHIFT, Focus::Free), Some(Command::BiggerText));
        assert_eq!(press(Key::E, CTRL_SHIFT, Focus::Free), Some(Command::ExportViewWithSettings));
    }

    #[test]
    fn commands_of_explore_sleep_elsewhere() {
        let event = Event::Key {
            key: Key::M,
            physical_key: None,
            pressed: true,
            repeat: false,
            modifiers: Modifiers::NONE,
        };
        assert_eq!(command_of(&event, Space::Everywhere, Focus::Free), None);
    }
}
