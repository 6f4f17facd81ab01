//! Suggestions accepted at once: shown first, the least confident at the start, so that errors jump out.

use eframe::egui::accesskit::Role;
use eframe::egui::{Color32, ComboBox, ScrollArea, Sense, Slider, TextStyle, Ui, Vec2, WidgetInfo, vec2};

use super::act::LabelAction;
use super::pictures::{self, colour};
use super::state::Mode;
use crate::app::panels::Action;
use crate::app::state::State;
use crate::app::{icons, style};
use crate::figure::ticks::thousands;
use crate::study::label::Mark;

/// Draws what would be accepted.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let (label, library) = (&mut state.label, &state.library);
    let Some(open) = &mut label.open else { return };
    let list = open.acceptable();
    let taken = list.iter().filter(|(picture, ..)| !open.accepting.without.contains(picture)).count();
    ui.horizontal_wrapped(|ui| {
        let mut percent = 100.0 * open.accepting.confidence;
        let label = ui.label("accept from");
        ui.add(Slider::new(&mut percent, 0.0..=100.0).suffix(" %").fixed_decimals(0))
            .labelled_by(label.id)
            .on_hover_text("Suggestions of at least this confidence.");
        open.accepting.confidence = percent / 100.0;
        let text = open.accepting.class.map_or("of any class", |class| open.class(class).0).to_string();
        ComboBox::from_id_salt("accept class").width(110.0).selected_text(text).show_ui(ui, |ui| {
            ui.selectable_value(&mut open.accepting.class, None, "of any class");
            for (number, class) in open.session.session().class_list().live() {
                ui.selectable_value(&mut open.accepting.class, Some(number), &class.name);
            }
        });
        let text = format!("Accept {}", thousands(taken as u64));
        let button = ui.add_enabled_ui(taken > 0, |ui| style::primary_button(ui, text)).inner;
        if button.on_hover_text("Labels all that are not crossed out; one undo takes them back.").clicked() {
            actions.push(Action::Label(LabelAction::AcceptAll));
        }
        if ui.button("Cancel").clicked() {
            actions.push(Action::Label(LabelAction::SetMode(Mode::Grid)));
        }
    });
    if let Some(audited) = &open.now.audit.audited {
        let estimate = audited.suggestions;
        let text = format!(
            "Of all suggestions {:.0} to {:.0} % are right, by the pictures asked about by chance; confident ones are \
             right more often.",
            100.0 * estimate.low,
            100.0 * estimate.high
        );
        ui.label(style::quiet(text).small());
    }
    if list.is_empty() {
        let most = (0..open.session.opened().pictures.len())
            .filter(|&picture| open.mark_of(picture) == Mark::Blank)
            .filter_map(|picture| open.suggestion(picture))
            .map(|(_, sure)| sure)
            .fold(None, |most: Option<f32>, sure| Some(most.map_or(sure, |most| most.max(sure))));
        ui.label(style::quiet(match most {
            Some(most) => {
                format!("No suggestion is that confident; the most confident one has {:.0} %.", 100.0 * most)
            }
            None => "There are no suggestions yet; they come with labels of two classes.".into(),
        }));
        return;
    }
    ui.label(style::quiet("The least confident first: click what is wrong to leave it out.").small());
    let gap = style::SPACE_XS;
    let width = ui.available_width();
    let columns = (((width + gap) / (open.view.side + gap)).floor() as usize).max(1);
    let side = ((width + gap) / columns as f32 - gap).max(1.0);
    let height = side + ui.text_style_height(&TextStyle::Small) + 2.0;
    let mut wanted = Vec::new();
    ui.spacing_mut().item_spacing = Vec2::splat(gap);
    let scroll = ScrollArea::vertical().id_salt("acceptable").auto_shrink([false, false]);
    scroll.show_rows(ui, height, list.len().div_ceil(columns), |ui, rows| {
        for row in rows {
            ui.horizontal_top(|ui| {
                for &(picture, class, sure) in list.iter().skip(row * columns).take(columns) {
                    wanted.push(picture);
                    ui.vertical(|ui| {
                        ui.set_width(side);
                        ui.spacing_mut().item_spacing.y = 2.0;
                        let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::click());
                        pictures::picture(ui, library, open, (picture, false), rect);
                        pictures::rim(ui, open, picture, rect);
                        let without = open.accepting.without.contains(&picture);
                        if without {
                            let font = TextStyle::Heading.resolve(ui.style());
                            let tokens = style::tokens(ui);
                            ui.painter().rect_filled(rect, style::RADIUS, tokens.veil);
                            let centre = eframe::egui::Align2::CENTER_CENTER;
                            ui.painter().text(rect.center(), centre, icons::X, font, tokens.error);
                        }
                        let name = &open.session.opened().pictures[picture].name;
                        let (class, shade) = open.class(class);
                        let line = format!("{class} {:.0} %", 100.0 * sure);
                        response.widget_info(|| {
                            WidgetInfo::selected(Role::CheckBox, true, !without, format!("{name} {line}"))
                        });
                        if response.on_hover_text(name).clicked() {
                            actions.push(Action::Label(LabelAction::Without(picture)));
                        }
                        caption(ui, &line, colour(shade));
                    });
                }
            });
        }
    });
    actions.push(Action::LabelPictures(wanted, false));
}

fn caption(ui: &mut Ui, line: &str, shade: Color32) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = style::SPACE_XS;
        let (rect, _) = ui.allocate_exact_size(vec2(8.0, 8.0), Sense::hover());
        ui.painter().circle_filled(rect.center(), 4.0, shade);
        ui.add(eframe::egui::Label::new(style::quiet(line).small()).truncate());
    });
}
