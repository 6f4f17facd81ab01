//! Pictures that belong together, to be labelled at once.

use eframe::egui::accesskit::Role;
use eframe::egui::{ComboBox, ScrollArea, Sense, Ui, WidgetInfo, vec2};

use super::act::LabelAction;
use super::pictures;
use super::state::Open;
use crate::app::panels::Action;
use crate::app::state::{LibraryState, State};
use crate::app::style;
use crate::app::widgets::{number, states};
use crate::jobs::Groups;
use crate::study::label::Group;

/// Side of a picture of a group.
const SIDE: f32 = 72.0;
/// Clusters at first.
const CLUSTERS: usize = 20;

/// Draws the groups.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let (label, library) = (&mut state.label, &state.library);
    let Some(open) = &mut label.open else { return };
    let asked = open.now.groups.as_ref().map(|found| found.asked);
    ui.horizontal_wrapped(|ui| {
        let about = "Other sizes, formats and compressions of one picture.";
        let looks = ui.selectable_label(asked == Some(Groups::SameLook), "same look").on_hover_text(about);
        if looks.clicked() {
            actions.push(Action::Label(LabelAction::AskGroups(Groups::SameLook)));
        }
        let held = match asked {
            Some(Groups::Clusters(count)) => Some(count),
            _ => None,
        };
        let about = "Pictures whose features are alike, from the middle of each cluster outwards.";
        if ui.selectable_label(held.is_some(), "clusters").on_hover_text(about).clicked() {
            actions.push(Action::Label(LabelAction::AskGroups(Groups::Clusters(held.unwrap_or(CLUSTERS)))));
        }
        if let Some(mut count) = held {
            let before = count;
            number::add(ui, &mut count, |field| field.range(2..=500)).on_hover_text("How many clusters.");
            if count != before {
                actions.push(Action::Label(LabelAction::AskGroups(Groups::Clusters(count))));
            }
        }
    });
    let Some(found) = open.now.groups.clone() else {
        let sentence =
            "Pictures that belong together are labelled at once; the edges of a group are fixed after.";
        if states::empty(ui, sentence, "Find clusters") {
            actions.push(Action::Label(LabelAction::AskGroups(Groups::Clusters(CLUSTERS))));
        }
        return;
    };
    if found.groups.is_empty() {
        ui.label(style::quiet("There are no such groups among these pictures."));
        return;
    }
    let height = SIDE + 34.0;
    let mut wanted = Vec::new();
    let scroll = ScrollArea::vertical().id_salt("groups").auto_shrink([false, false]);
    scroll.show_rows(ui, height, found.groups.len(), |ui, rows| {
        for number in rows {
            ui.push_id(number, |ui| {
                ui.set_height(height);
                one(ui, open, library, (number, &found.groups[number]), &mut wanted, actions);
            });
        }
    });
    actions.push(Action::LabelPictures(wanted, false));
}

fn one(
    ui: &mut Ui,
    open: &Open,
    library: &LibraryState,
    (number, group): (usize, &Group),
    wanted: &mut Vec<usize>,
    actions: &mut Vec<Action>,
) {
    let found = group.state(open.session.session(), open.now.suggestions.as_deref());
    let mut act = |action| actions.push(Action::Label(action));
    ui.vertical(|ui| {
        ui.horizontal(|ui| {
            let name = format!("group {}", number + 1);
            ui.label(format!("{} pictures, {} without a label", group.pictures.len(), found.open.len()));
            if let Some(class) = found.class {
                ui.label(style::quiet(format!("{:.0} % {}", 100.0 * found.agreed, open.class(class).0)));
                let text = format!("Label {} as {}", found.open.len(), open.class(class).0);
                let button = ui.add_enabled(!found.open.is_empty(), eframe::egui::Button::new(text));
                if button.on_hover_text("Labels those without a label; one undo takes it back.").clicked() {
                    act(LabelAction::MarkGroup(found.open.clone(), class));
                }
            }
            let combo = ComboBox::from_id_salt(("group as", number)).width(80.0).selected_text("label as");
            let combo = combo.show_ui(ui, |ui| {
                for (other, class) in open.session.session().class_list().live() {
                    if ui.selectable_label(false, &class.name).clicked() {
                        act(LabelAction::MarkGroup(found.open.clone(), other));
                    }
                }
            });
            combo.response.on_hover_text("Labels those without a label as another class.");
            let about = "Shows only these pictures, to fix what does not belong.";
            if ui.button("Look into").on_hover_text(about).clicked() {
                act(LabelAction::Only(Some((name, group.pictures.clone()))));
            }
        });
        ui.horizontal_top(|ui| {
            let fits = (ui.available_width() / (SIDE + style::SPACE_XS)) as usize;
            ui.spacing_mut().item_spacing.x = style::SPACE_XS;
            for &picture in group.pictures.iter().take(fits.max(1)) {
                let (rect, response) = ui.allocate_exact_size(vec2(SIDE, SIDE), Sense::hover());
                pictures::picture(ui, library, open, (picture, false), rect);
                pictures::rim(ui, open, picture, rect);
                wanted.push(picture);
                let name = &open.session.opened().pictures[picture].name;
                let words = pictures::words(open, picture);
                response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("{name} {words}")));
                response.on_hover_text(format!("{name}\n{words}"));
            }
        });
    });
}
