//! Tested runs picture by picture: confusion, classes, errors, and two runs side by side.

use eframe::egui::{Grid, Rect, RichText, ScrollArea, Sense, Ui, pos2, vec2};

use super::detail::untested;
use super::follow::has_answers;
use super::state::HeadsState;
use crate::app::opening::content_id;
use crate::app::panels::Action;
use crate::app::state::{State, Thumb};
use crate::app::style;
use crate::app::widgets::confusion::{self, Confusion};
use crate::jobs::{RunRecord, RunResults};
use crate::study::TestedPicture;
use crate::study::statistics::wilson;

use super::act::HeadsAction;

/// Side of small pictures.
const SMALL: f32 = 72.0;
/// Pictures shown at once.
const SHOWN: usize = 60;

/// A test picture of a run with what was said of it.
struct Said<'a> {
    picture: &'a TestedPicture,
    label: usize,
    guess: usize,
    confidence: f32,
}

fn said(results: &RunResults) -> Vec<Said<'_>> {
    let classes = results.classes.len().max(1);
    let rows = results.tested.iter().zip(results.probabilities.chunks(classes));
    rows.map(|(picture, row)| {
        let best = (0..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best });
        Said { picture, label: picture.label, guess: best, confidence: row[best] }
    })
    .collect()
}

/// Confusion matrices of the runs chosen, and the pictures of the cell that was clicked.
pub fn confusion(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let mut clicked = None;
    ui.horizontal_top(|ui| {
        for run in state.heads.chosen() {
            ui.vertical(|ui| match run.results.as_ref().and_then(|results| results.test.as_ref()) {
                None => untested(ui, &run.name),
                Some(test) => {
                    style::heading(ui, &run.name);
                    let classes = run.results.as_ref().map_or(&[][..], |results| &results.classes);
                    let held = state.heads.cell.filter(|cell| cell.0 == run.id);
                    let matrix = Confusion {
                        name: &format!("confusion matrix of {}", run.name),
                        classes,
                        counts: &test.confusion,
                        held: held.map(|(_, label, guess)| (label, guess)),
                        marked: None,
                        side: confusion::SIDE,
                        above: confusion::NAMES,
                    };
                    if let Some((label, guess)) = matrix.show(ui) {
                        clicked = Some((run.id, label, guess));
                    }
                }
            });
            ui.add_space(style::SPACE_L);
        }
        cell_pictures(ui, state, actions);
    });
    if clicked.is_some() {
        state.heads.cell = clicked;
    }
}

fn cell_pictures(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let Some((id, label, guess)) = state.heads.cell else { return };
    let Some(run) = state.heads.run(id).filter(|run| state.heads.is_chosen(run.id)) else { return };
    let Some(results) = &run.results else { return };
    let (Some(of), Some(taken)) = (results.classes.get(label), results.classes.get(guess)) else { return };
    ui.vertical(|ui| {
        style::heading(ui, format!("{}: {of} taken for {taken}", run.name));
        let all = said(results);
        let here: Vec<&Said> = all.iter().filter(|s| (s.label, s.guess) == (label, guess)).collect();
        pictures(ui, state, here.iter().map(|s| (s.picture, sure(s.confidence))), actions);
    });
}

fn sure(confidence: f32) -> String {
    format!("{:.0} %", 100.0 * confidence)
}

/// Small pictures of the data set by name, or by content where they have another name now, each with a line below. A click puts one into the library.
fn pictures<'a>(
    ui: &mut Ui,
    state: &State,
    shown: impl Iterator<Item = (&'a TestedPicture, String)>,
    actions: &mut Vec<Action>,
) {
    let Some(survey) = &state.heads.survey else {
        ui.label(style::quiet("The pictures show once the data set is read."));
        return;
    };
    let mut wanted = Vec::new();
    let all: Vec<(&TestedPicture, String)> = shown.collect();
    let count = all.len();
    let columns = ((ui.available_width() / (SMALL + style::SPACE_S)) as usize).max(1);
    for row in all.chunks(columns).take(SHOWN.div_ceil(columns)) {
        ui.horizontal_top(|ui| {
            for (picture, line) in row {
                let name = picture.name.as_str();
                let named = survey.items.iter().position(|item| item.name == name);
                let renamed = || survey.items.iter().position(|item| item.digest == picture.digest);
                let Some(item) = named.or_else(renamed) else {
                    ui.label(style::quiet(format!("{name} is not in the data set in use")));
                    continue;
                };
                ui.vertical(|ui| {
                    ui.set_width(SMALL);
                    let (rect, response) = ui.allocate_exact_size(vec2(SMALL, SMALL), Sense::click());
                    ui.painter().rect_filled(rect, style::RADIUS, style::tokens(ui).sunken);
                    match state.library.thumbs.get(&content_id(&survey.items[item].digest, false)) {
                        Some(Thumb::Ready(texture, size)) => {
                            let scale = (SMALL / size.x).min(SMALL / size.y);
                            let inner = Rect::from_center_size(rect.center(), *size * scale);
                            let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
                            ui.painter().image(texture.id(), inner, whole, eframe::egui::Color32::WHITE);
                        }
                        Some(Thumb::Failed(error)) => {
                            ui.put(rect, eframe::egui::Label::new(style::quiet("cannot be read").small()))
                                .on_hover_text(error.to_string());
                        }
                        None => wanted.push(item),
                    }
                    response.widget_info(|| super::data::named(&format!("Show {name}")));
                    if response.on_hover_text(name).clicked() {
                        actions.push(Action::Heads(HeadsAction::ShowPicture(item)));
                    }
                    ui.label(RichText::new(line).small());
                });
            }
        });
    }
    let most = SHOWN.div_ceil(columns) * columns;
    match count {
        0 => _ = ui.label(style::quiet("none")),
        n if n > most => _ = ui.label(style::quiet(format!("the first {most} of {n}"))),
        _ => {}
    }
    if !wanted.is_empty() {
        actions.push(Action::TestedThumbnails(wanted));
    }
}

/// Accuracy by class, run beside run, with 95 % intervals.
pub fn classes(ui: &mut Ui, heads: &HeadsState) {
    let runs: Vec<&RunRecord> = heads.chosen().into_iter().filter(|run| has_answers(run)).collect();
    if runs.is_empty() {
        ui.label(style::quiet("The runs chosen were not tested."));
        return;
    }
    let mut names: Vec<&String> = Vec::new();
    for class in runs.iter().filter_map(|run| run.results.as_ref()).flat_map(|results| &results.classes) {
        if !names.contains(&class) {
            names.push(class);
        }
    }
    Grid::new("by class").striped(true).spacing([style::SPACE_L, style::SPACE_XS]).show(ui, |ui| {
        ui.label(style::quiet("class").small());
        runs.iter().for_each(|run| _ = ui.label(RichText::new(&run.name).small().strong()));
        ui.end_row();
        for (number, name) in names.into_iter().enumerate() {
            ui.horizontal(|ui| {
                let (rect, _) = ui.allocate_exact_size(vec2(8.0, 8.0), Sense::hover());
                ui.painter().rect_filled(rect, 2, heads.class_colour(name, number));
                ui.label(name.as_str());
            });
            for run in &runs {
                let class = run.results.as_ref().and_then(|results| {
                    let at = results.classes.iter().position(|class| class == name)?;
                    results.test.as_ref()?.classes.get(at).copied()
                });
                let text = class.filter(|class| class.support > 0).and_then(|class| {
                    let hits = (class.recall? * class.support as f64).round() as usize;
                    let interval = wilson(hits, class.support).ok()?;
                    let reach = (interval.high - interval.value).max(interval.value - interval.low);
                    Some(format!("{:.0} ± {:.0} of {}", 100.0 * interval.value, 100.0 * reach, class.support))
                });
                ui.add(style::number(text.unwrap_or_else(|| "not tested".into())));
            }
            ui.end_row();
        }
    });
}

/// Test pictures that were not recognised, the surest first.
pub fn errors(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    for run in state.heads.chosen() {
        let Some(results) = run.results.as_ref().filter(|_| has_answers(run)) else {
            untested(ui, &run.name);
            continue;
        };
        let mut wrong: Vec<Said> = said(results).into_iter().filter(|s| s.label != s.guess).collect();
        wrong.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        style::heading(ui, format!("{}: {} of {} wrong", run.name, wrong.len(), results.tested.len()));
        let name = |class: usize| results.classes.get(class).map_or("", String::as_str);
        let lines = wrong.iter().map(|s| {
            (s.picture, format!("{}, said {} {}", name(s.label), name(s.guess), sure(s.confidence)))
        });
        pictures(ui, state, lines, actions);
    }
}

/// Two runs on the same test pictures.
pub fn difference(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let tested: Vec<&RunRecord> = state.heads.chosen().into_iter().filter(|run| has_answers(run)).collect();
    let [first, second, ..] = tested[..] else {
        ui.label(style::quiet("Tick two runs that were tested; they are compared on the same pictures."));
        return;
    };
    let pair = [first.id, second.id];
    let contrast = match &state.heads.contrast {
        Some((held, Ok(contrast))) if *held == pair => contrast.clone(),
        Some((held, Err(error))) if *held == pair => {
            ui.colored_label(style::tokens(ui).error, error.to_string());
            return;
        }
        _ => {
            ui.horizontal(|ui| {
                ui.spinner();
                ui.label(style::quiet("comparing"));
            });
            return;
        }
    };
    let d = contrast.difference;
    let verdict = match (d.low > 0.0, d.high < 0.0) {
        (true, _) => format!("{} is better", first.name),
        (_, true) => format!("{} is better", second.name),
        _ => "the two cannot be told apart".into(),
    };
    ui.label(RichText::new(format!(
        "{} − {}: {:+.1} % (95 % interval {:+.1} to {:+.1}), McNemar p {}: {verdict}",
        first.name,
        second.name,
        100.0 * d.value,
        100.0 * d.low,
        100.0 * d.high,
        p_value(contrast.mcnemar.p),
    )));
    let mut text = format!(
        "{} pictures that both were tested on · only {} right: {} · only {} right: {}",
        contrast.shared, first.name, contrast.mcnemar.only_first, second.name, contrast.mcnemar.only_second
    );
    if contrast.alone > 0 {
        text += &format!(" · {} that only one was tested on are left out", contrast.alone);
    }
    ui.label(style::quiet(text).small());
    ui.add_space(style::SPACE_S);
    ScrollArea::vertical().id_salt("disagreements").auto_shrink([false, false]).show(ui, |ui| {
        style::heading(ui, format!("They disagree on {}", contrast.disagreements.len()));
        let lines = contrast.disagreements.iter().map(|one| {
            let mark = |at: usize| if one.right[at] { "right" } else { "wrong" };
            let [a, b] = &one.said;
            (&one.picture, format!("{a} ({}), {b} ({})", mark(0), mark(1)))
        });
        pictures(ui, state, lines, actions);
    });
}

fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".into() } else { format!("{p:.3}") }
}
