//! Number fields: what is typed counts on enter or when the field is left, and Esc forgets it.

use eframe::egui::DragValue;
use eframe::egui::emath::Numeric;

/// A field for `value`.
pub fn field<N: Numeric>(value: &mut N) -> DragValue<'_> {
    DragValue::new(value).update_while_editing(false)
}
