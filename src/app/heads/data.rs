//! The labelled pictures: where they are, their classes, and how they are split.

use eframe::egui::{Button, ComboBox, Grid, Key, RichText, TextEdit, Ui};

use super::act::HeadsAction;
use super::state::HeadsState;
use crate::app::moved::is_gone;
use crate::app::panels::Action;
use crate::app::widgets::number;
use crate::app::{icons, style};
use crate::data::dataset::ClassTable;
use crate::data::split::How;
use crate::figure::ticks::thousands;
use crate::study::Survey;

/// Draws data set, classes and split.
pub fn show(ui: &mut Ui, heads: &mut HeadsState, actions: &mut Vec<Action>) {
    place(ui, heads, actions);
    facts(ui, heads, actions);
    if heads.classes_open
        && let Some(survey) = heads.survey.clone()
        && survey.classes.len() > 1
    {
        classes(ui, heads, &survey);
    }
    ui.add_space(style::SPACE_S);
    split(ui, heads, actions);
}

/// Where the labelled pictures are.
pub(in crate::app) fn place(ui: &mut Ui, heads: &mut HeadsState, actions: &mut Vec<Action>) {
    let mut act = |action| actions.push(Action::Heads(action));
    ui.horizontal(|ui| {
        let label = ui.label(style::quiet("data"));
        let buttons = 2.0 * (ui.spacing().interact_size.x + style::SPACE_S);
        let width = (ui.available_width() - buttons).max(80.0);
        let field = TextEdit::singleline(&mut heads.data_text).desired_width(width);
        let field = ui.add(field).labelled_by(label.id).on_hover_text(
            "A folder with one folder per class, IDX or CIFAR files, a table (.csv) with path and label, or bundled:fashion. Sweeps without labels take any folder of pictures.",
        );
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let text = heads.data_text.trim();
        if (entered || field.lost_focus()) && !text.is_empty() && heads.config.survey.data.as_os_str() != text
        {
            act(HeadsAction::SetData(text.into()));
        }
        let folder = ui.button(icons::FOLDER_OPEN).on_hover_text("Chooses a folder with one folder per class.");
        folder.widget_info(|| named("Choose labelled folder"));
        if folder.clicked() {
            act(HeadsAction::ChooseFolder);
        }
        let file = ui.button(icons::FILE_CSV).on_hover_text("Chooses a table, or an IDX or CIFAR file.");
        file.widget_info(|| named("Choose labelled file"));
        if file.clicked() {
            act(HeadsAction::ChooseFile);
        }
    });
}

/// A button for screen readers.
pub(super) fn named(text: &str) -> eframe::egui::WidgetInfo {
    eframe::egui::WidgetInfo::labeled(eframe::egui::accesskit::Role::Button, true, text)
}

/// How many pictures and classes there are.
pub(in crate::app) fn facts(ui: &mut Ui, heads: &mut HeadsState, actions: &mut Vec<Action>) {
    if let Some((config, error)) = &heads.survey_error
        && *config == heads.config.survey
    {
        ui.colored_label(style::tokens(ui).error, error.to_string());
        let about = "Chooses the folder where these pictures are now; they are known by their content, and \
                     classes, split and runs stay.";
        if is_gone(&config.data) && ui.button("Find it again…").on_hover_text(about).clicked() {
            actions.push(Action::Heads(HeadsAction::FindData));
        }
        return;
    }
    let Some(survey) = heads.survey.clone() else {
        ui.horizontal(|ui| {
            ui.spinner();
            ui.label(style::quiet("reading the pictures"));
        });
        return;
    };
    ui.horizontal_wrapped(|ui| {
        let classes = match survey.classes.len() {
            0 => "no classes".to_string(),
            1 => "1 class".to_string(),
            count => format!("{count} classes"),
        };
        let counts = format!("{classes} · {} pictures", thousands(survey.items.len() as u64));
        ui.label(style::quiet(counts));
        if survey.near_duplicates > 0 {
            let text = format!("{} near-duplicates", thousands(survey.near_duplicates as u64));
            let about = "Pictures that look like another one; a split keeps them on one side.";
            ui.label(style::quiet(text)).on_hover_text(about);
        }
        if !survey.unreadable.is_empty() {
            let list: Vec<String> = survey
                .unreadable
                .iter()
                .take(12)
                .map(|one| format!("{}: {}", one.path.display(), one.why))
                .collect();
            let text = format!("{} {} unreadable", icons::WARNING, survey.unreadable.len());
            ui.colored_label(style::tokens(ui).warning, text).on_hover_text(list.join("\n"));
        }
        if heads.surveying.is_some() {
            ui.spinner();
        }
        if survey.classes.len() < 2 {
            return;
        }
        let word = if heads.classes_open { "Close classes" } else { "Classes…" };
        let about = "Renames classes, merges them or leaves some out.";
        if ui.button(word).on_hover_text(about).clicked() {
            heads.classes_open = !heads.classes_open;
        }
    });
}

/// The table of classes, to be changed.
fn classes(ui: &mut Ui, heads: &mut HeadsState, survey: &Survey) {
    let table = survey.table.clone();
    let mut changed: Option<crate::error::Result<ClassTable>> = None;
    let scroll = eframe::egui::ScrollArea::vertical().id_salt("classes").max_height(220.0);
    scroll.show(ui, |ui| {
        Grid::new("classes").num_columns(5).spacing([style::SPACE_S, style::SPACE_XS]).show(ui, |ui| {
            for entry in table.entries() {
                let mut included = entry.included;
                let about = "Whether its pictures take part.";
                let tick = ui.checkbox(&mut included, "").on_hover_text(about);
                tick.widget_info(|| named(&format!("{} takes part", entry.name)));
                if tick.changed() {
                    changed = Some(table.include(entry.id, included));
                }
                let mut colour = entry.colour;
                if ui.color_edit_button_srgb(&mut colour).changed() {
                    changed = Some(table.recolour(entry.id, colour));
                }
                if let Some(name) = name_field(ui, entry.id, &entry.name) {
                    changed = Some(table.rename(entry.id, &name));
                }
                let count = survey.table_counts.get(entry.id).copied().unwrap_or(0);
                ui.add(style::number(thousands(count as u64)));
                let into = entry.merged_into.and_then(|into| table.entries().get(into));
                let text = into.map_or("on its own".to_string(), |into| format!("as {}", into.name));
                let combo = ComboBox::from_id_salt(("merge", entry.id)).width(96.0).selected_text(text);
                combo.show_ui(ui, |ui| {
                    if ui.selectable_label(into.is_none(), "on its own").clicked() {
                        changed = Some(table.separate(entry.id));
                    }
                    for other in table.entries().iter().filter(|other| other.id != entry.id) {
                        let is_it = entry.merged_into == Some(other.id);
                        if ui.selectable_label(is_it, format!("as {}", other.name)).clicked() {
                            changed = Some(table.merge(entry.id, other.id));
                        }
                    }
                });
                ui.end_row();
            }
        });
    });
    let refused = ui.scope_id().with("class refused");
    if let Some(result) = changed {
        let why = match result {
            Ok(table) => {
                heads.config.survey.classes = Some(table);
                String::new()
            }
            Err(error) => error.to_string(),
        };
        ui.data_mut(|data| data.insert_temp(refused, why));
    }
    let why: String = ui.data(|data| data.get_temp(refused)).unwrap_or_default();
    if !why.is_empty() {
        ui.colored_label(style::tokens(ui).error, why);
    }
}

/// The name typed for a class, once it is complete and another one.
fn name_field(ui: &mut Ui, id: usize, name: &str) -> Option<String> {
    let key = ui.scope_id().with(("class name", id));
    let mut text: String = ui.data(|data| data.get_temp(key)).unwrap_or_else(|| name.to_string());
    let field = ui.add(TextEdit::singleline(&mut text).desired_width(96.0));
    if field.lost_focus() {
        ui.data_mut(|data| data.remove_temp::<String>(key));
        return (text.trim() != name).then_some(text);
    }
    if field.has_focus() {
        ui.data_mut(|data| data.insert_temp(key, text));
    }
    None
}

const SHOTS: How = How::Shots { train: 20, validation: 5, test: Some(30) };
const SHARES: How = How::Fractions { train: 0.7, validation: 0.1 };

fn split(ui: &mut Ui, heads: &mut HeadsState, actions: &mut Vec<Action>) {
    let has_parts = heads.survey.as_ref().is_some_and(|survey| survey.has_parts);
    let config = &mut heads.config.survey;
    ui.horizontal_wrapped(|ui| {
        let label = ui.label(style::quiet("split"));
        let words = match (&config.split_file, config.split) {
            (Some(_), _) => "by a table",
            (None, Some(How::Shots { .. })) => "per class",
            (None, Some(How::Fractions { .. })) => "by share",
            (None, _) => "as given",
        };
        let combo = ComboBox::from_id_salt("split").width(88.0).selected_text(words);
        let shown = combo.show_ui(ui, |ui| {
            let mut choice = |ui: &mut Ui, text: &str, how: Option<How>, about: &str| {
                if ui.selectable_label(words == text, text).on_hover_text(about).clicked() {
                    config.split = how;
                    config.split_file = None;
                }
            };
            choice(ui, "per class", Some(SHOTS), "So many pictures of each class.");
            choice(ui, "by share", Some(SHARES), "These shares of each class; the rest is tested on.");
            if has_parts {
                choice(ui, "as given", None, "As the data set itself says.");
            }
            if ui.selectable_label(words == "by a table", "by a table…").clicked() {
                actions.push(Action::Heads(HeadsAction::ChooseSplit));
            }
        });
        shown.response.labelled_by(label.id).on_hover_text(
            "Which pictures are learned from, which decide the epoch kept, and which are tested on.",
        );
        if let Some(file) = &config.split_file {
            ui.label(style::quiet(file.file_name().map_or_else(String::new, |n| n.to_string_lossy().into())));
        } else {
            numbers(ui, &mut config.split);
        }
        let label = ui.label(style::quiet("seed"));
        number::add(ui, &mut config.seed, |field| field.range(0..=9999))
            .labelled_by(label.id)
            .on_hover_text("Another seed draws other pictures, views and first parameters.");
    });
    match heads.survey.as_ref().map(|survey| (&survey.split, survey.counts())) {
        Some((Ok(split), counts)) => {
            let sum = |part: usize| counts.iter().map(|count| count[part]).sum::<usize>() as u64;
            let text = format!(
                "{} to learn · {} to validate · {} to test",
                thousands(sum(0)),
                thousands(sum(1)),
                thousands(sum(2))
            );
            ui.horizontal(|ui| {
                ui.label(style::quiet(text)).on_hover_text(per_class(heads, &counts));
                let button = Button::new(RichText::new(icons::EXPORT).small()).frame_when_inactive(false);
                let button = ui.add(button).on_hover_text("Writes the split as a table (path, label, part).");
                button.widget_info(|| named("Export split"));
                if button.clicked() {
                    actions.push(Action::Heads(HeadsAction::ExportSplit));
                }
            });
            for note in &split.notes {
                ui.label(RichText::new(note).small().color(style::tokens(ui).warning));
            }
        }
        Some((Err(error), _)) => _ = ui.colored_label(style::tokens(ui).error, error.to_string()),
        None => {}
    }
}

fn numbers(ui: &mut Ui, split: &mut Option<How>) {
    match split {
        Some(How::Shots { train, validation, test }) => {
            number::add(ui, train, |field| field.range(1..=100_000))
                .on_hover_text("Learned from, per class.");
            number::add(ui, validation, |field| field.range(0..=100_000).prefix("+"))
                .on_hover_text("Decide which epoch is kept, per class; 0 keeps the last one.");
            let mut count = test.unwrap_or(0);
            let field = number::add(ui, &mut count, |field| {
                field.range(0..=100_000).custom_formatter(|n, _| {
                    if n == 0.0 { "test all others".into() } else { format!("test {n}") }
                })
            });
            if field.on_hover_text("Tested on, per class; 0 for all others.").changed() {
                *test = (count > 0).then_some(count);
            }
        }
        Some(How::Fractions { train, validation }) => {
            let percent = |n: f64, _: std::ops::RangeInclusive<usize>| format!("{:.0} %", 100.0 * n);
            number::add(ui, train, |f| f.range(0.01..=1.0).speed(0.01).custom_formatter(percent))
                .on_hover_text("Learned from.");
            number::add(ui, validation, |f| f.range(0.0..=0.9).speed(0.01).custom_formatter(percent))
                .on_hover_text("Decide which epoch is kept.");
        }
        Some(How::Given) | None => {}
    }
}

/// Pictures of each class in each part, for a tooltip.
fn per_class(heads: &HeadsState, counts: &[[usize; 3]]) -> String {
    let Some(survey) = &heads.survey else { return String::new() };
    let lines = survey.classes.iter().zip(counts).take(40);
    let lines = lines.map(|(class, [a, b, c])| format!("{class}: {a} + {b} + {c}"));
    lines.collect::<Vec<_>>().join("\n")
}
