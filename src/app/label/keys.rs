//! Keys that assign a class: those that the user gave to classes, before the commands of the same keys.

use eframe::egui::{Context, Event, Key, Modifiers};

use super::act::LabelAction;
use super::state::LabelState;
use crate::app::panels::Action;
use crate::project::LabelSource;
use crate::study::label::Mark;

/// The character that a key stands for where it can be the key of a class.
pub fn character_of(key: Key) -> Option<char> {
    let mut name = key.name().chars();
    let (Some(first), None) = (name.next(), name.next()) else { return None };
    (first.is_ascii_alphanumeric() && first != '0').then(|| first.to_ascii_lowercase())
}

/// What the keys of classes that were pressed in this frame mean. The presses are consumed.
pub fn class_keys(ctx: &Context, label: &LabelState) -> Vec<Action> {
    let Some(open) = &label.open else { return Vec::new() };
    if ctx.text_edit_focused() || ctx.memory(|memory| memory.top_modal_layer().is_some()) {
        return Vec::new();
    }
    let classes = open.session.session().class_list();
    let mut actions = Vec::new();
    ctx.input_mut(|input| {
        input.events.retain(|event| {
            let Event::Key { key, pressed: true, modifiers: Modifiers::NONE, .. } = event else {
                return true;
            };
            let Some(class) = character_of(*key).and_then(|character| classes.by_key(character)) else {
                return true;
            };
            let mark = Mark::Class { class, source: LabelSource::Hand };
            actions.push(Action::Label(LabelAction::Mark(mark)));
            false
        });
    });
    actions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_letters_can_be_keys_of_classes() {
        assert_eq!(character_of(Key::Num1), Some('1'));
        assert_eq!(character_of(Key::Q), Some('q'));
        for key in [Key::Num0, Key::Space, Key::Backspace, Key::F1, Key::Slash, Key::ArrowLeft] {
            assert_eq!(character_of(key), None, "{key:?}");
        }
    }
}
