//! Number fields: what is typed counts on enter or when the field is left, and Esc forgets it.

use eframe::egui::emath::Numeric;
use eframe::egui::{DragValue, Key, Response, Ui};

/// Adds a field for `value`, made as `make` says.
pub fn add<N: Numeric>(
    ui: &mut Ui,
    value: &mut N,
    make: impl FnOnce(DragValue<'_>) -> DragValue<'_>,
) -> Response {
    forgetting(ui, value, |ui, value| ui.add(make(DragValue::new(value).update_while_editing(false))))
}

/// Adds what `add` adds, so that Esc brings `value` back as it was. egui commits what was typed in
/// the frame after Esc, when the field still counts as just left.
pub fn forgetting<N: Copy>(
    ui: &mut Ui,
    value: &mut N,
    add: impl FnOnce(&mut Ui, &mut N) -> Response,
) -> Response {
    let mark = ui.next_auto_id().with("forget what was typed");
    let before = *value;
    let forget = ui.data_mut(|data| data.remove_temp::<()>(mark)).is_some();
    let response = add(ui, value);
    if forget {
        *value = before;
    }
    if ui.input(|input| input.key_pressed(Key::Escape)) {
        ui.data_mut(|data| data.insert_temp(mark, ()));
    }
    response
}
