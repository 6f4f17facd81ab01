//! Many pictures, small: chosen by click, shift-click and lasso, labelled at once.

use eframe::egui::accesskit::Role;
use eframe::egui::{Rect, ScrollArea, Sense, Stroke, StrokeKind, TextStyle, Ui, Vec2, WidgetInfo, vec2};

use super::act::{Choice, LabelAction};
use super::pictures;
use super::state::Open;
use crate::app::panels::Action;
use crate::app::state::{LibraryState, State};
use crate::app::style;
use crate::app::widgets::states;
use crate::study::label::Mark;

/// Draws the grid.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let (label, library) = (&mut state.label, &state.library);
    let Some(open) = &mut label.open else { return };
    if open.row.pictures().is_empty() {
        let sentence = "No picture is let through by what is chosen above.";
        if states::empty(ui, sentence, "Show all") {
            actions.push(Action::Label(LabelAction::ShowAll));
        }
        return;
    }
    if !open.chosen.is_empty() {
        chosen_bar(ui, open, actions);
    }
    let gap = style::SPACE_XS;
    let width = ui.available_width();
    let columns = (((width + gap) / (open.view.side + gap)).floor() as usize).max(1);
    let side = ((width + gap) / columns as f32 - gap).max(1.0);
    let cell = vec2(side, side + ui.text_style_height(&TextStyle::Small) + 2.0);
    let pitch = cell + Vec2::splat(gap);
    let count = open.row.pictures().len();
    let rows = count.div_ceil(columns);
    open.columns = columns;
    let scroll = ScrollArea::vertical().id_salt("label grid").auto_shrink([false, false]);
    scroll.show_viewport(ui, |ui, viewport| {
        ui.set_width(ui.available_width());
        ui.set_height((rows as f32 * pitch.y - gap).max(0.0));
        let origin = ui.max_rect().min;
        let at = |place: usize| {
            let (row, column) = (place / columns, place % columns);
            Rect::from_min_size(origin + vec2(column as f32 * pitch.x, row as f32 * pitch.y), cell)
        };
        let first = (viewport.min.y / pitch.y).floor().max(0.0) as usize * columns;
        let end = ((viewport.max.y / pitch.y).ceil().max(0.0) as usize).saturating_mul(columns);
        open.visible = first.min(count)..end.min(count);
        // Under the pictures: these take clicks, and it takes what is drawn.
        lasso(ui, open, at, actions);
        for place in open.visible.clone() {
            let picture = open.row.pictures()[place];
            one(ui, open, library, (place, picture), at(place), actions);
        }
        if let Some(place) =
            open.scroll_to.take().and_then(|p| open.row.pictures().iter().position(|&o| o == p))
        {
            ui.scroll_to_rect(at(place), None);
        }
    });
    open.row.seen(open.visible.end);
    let near = open.visible.start..(open.visible.end + 2 * columns).min(count);
    actions.push(Action::LabelPictures(open.row.pictures()[near].to_vec(), false));
}

/// What can be done with those chosen.
fn chosen_bar(ui: &mut Ui, open: &Open, actions: &mut Vec<Action>) {
    ui.horizontal_wrapped(|ui| {
        ui.label(format!("{} chosen", open.chosen.len()));
        let mut act = |action| actions.push(Action::Label(action));
        for (number, class) in open.session.session().class_list().live() {
            let key = class.key.map_or(String::new(), |key| format!(" ({key})"));
            if ui
                .button(format!("{}{key}", class.name))
                .on_hover_text("Labels all that are chosen.")
                .clicked()
            {
                act(LabelAction::Mark(Mark::Class {
                    class: number,
                    source: crate::project::LabelSource::Hand,
                }));
            }
        }
        if ui
            .button("As suggested")
            .on_hover_text("Accepts the suggestion for each that is chosen.")
            .clicked()
        {
            act(LabelAction::Accept);
        }
        if ui.button("No label").on_hover_text("Takes their labels away.").clicked() {
            act(LabelAction::Mark(Mark::Blank));
        }
    });
}

fn one(
    ui: &mut Ui,
    open: &Open,
    library: &LibraryState,
    (place, picture): (usize, usize),
    rect: Rect,
    actions: &mut Vec<Action>,
) {
    let response = ui.interact(rect, ui.scope_id().with(("picture", picture)), Sense::CLICK);
    let tokens = style::tokens(ui);
    let well = Rect::from_min_size(rect.min, Vec2::splat(rect.width()));
    pictures::picture(ui, library, open, (picture, false), well);
    pictures::rim(ui, open, picture, well);
    let (chosen, in_hand) = (open.chosen.contains(&picture), place == open.row.place());
    if chosen {
        ui.painter().rect_filled(well, style::RADIUS, tokens.accent.gamma_multiply(0.25));
    }
    if chosen || in_hand || response.hovered() {
        let stroke = match in_hand {
            true => Stroke::new(2.0, tokens.accent),
            false => Stroke::new(style::HAIRLINE, if chosen { tokens.accent } else { tokens.quiet }),
        };
        ui.painter().rect_stroke(well, style::RADIUS, stroke, StrokeKind::Inside);
    }
    let words = pictures::words(open, picture);
    let font = TextStyle::Small.resolve(ui.style());
    let shade = if open.mark_of(picture) == Mark::Blank { tokens.quiet } else { tokens.text };
    let fits =
        |text: &str| ui.painter().layout_no_wrap(text.into(), font.clone(), shade).size().x <= rect.width();
    let line = crate::app::widgets::selection_line::elide_middle(&words, fits);
    ui.painter().text(rect.center_bottom(), eframe::egui::Align2::CENTER_BOTTOM, line, font.clone(), shade);
    let name = &open.session.opened().pictures[picture].name;
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, format!("{name} {words}")));
    let modifiers = ui.input(|input| input.modifiers);
    let response = response.on_hover_text(format!("{name}\n{words}"));
    if response.double_clicked() {
        actions.push(Action::Label(LabelAction::Look(picture)));
    } else if response.clicked() {
        let choice = match (modifiers.shift, modifiers.command) {
            (true, _) => Choice::UpTo,
            (_, true) => Choice::Toggle,
            _ => Choice::Only,
        };
        actions.push(Action::Label(LabelAction::Choose(picture, choice)));
    }
}

/// Chooses what is drawn around; with shift or ctrl beside what is chosen already.
fn lasso(ui: &mut Ui, open: &mut Open, at: impl Fn(usize) -> Rect, actions: &mut Vec<Action>) {
    let id = ui.scope_id().with("lasso");
    let area = ui.clip_rect();
    let response = ui.interact(area, id, Sense::DRAG);
    if let Some(pointer) = response.interact_pointer_pos() {
        let begins = response.drag_started();
        let from = if begins { ui.input(|input| input.pointer.press_origin()) } else { None };
        let from = from.or(open.lasso.map(|[from, _]| from)).unwrap_or(pointer);
        open.lasso = Some([from, pointer]);
    }
    let Some([from, to]) = open.lasso else { return };
    let drawn = Rect::from_two_pos(from, to);
    let tokens = style::tokens(ui);
    let painter = ui.ctx().layer_painter(eframe::egui::LayerId::new(eframe::egui::Order::Foreground, id));
    painter.rect(
        drawn.intersect(area),
        0.0,
        tokens.accent.gamma_multiply(0.15),
        Stroke::new(style::HAIRLINE, tokens.accent),
        StrokeKind::Inside,
    );
    if response.drag_stopped() {
        open.lasso = None;
        let places = open.visible.clone().filter(|&place| at(place).intersects(drawn));
        let inside: Vec<usize> = places.map(|place| open.row.pictures()[place]).collect();
        if !ui.input(|input| input.modifiers.shift || input.modifiers.command) {
            open.chosen.clear();
        }
        actions.push(Action::Label(LabelAction::ChooseMany(inside)));
    }
}
