//! How alike blocks, timesteps and networks are: what decides it at the left, matrices in the middle.

mod follow;
mod matrix;
mod pages;
mod side;
mod state;

use eframe::egui::{CentralPanel, Frame, Label, Margin, Panel, RichText, ScrollArea, Ui, vec2};

use super::SweepAction;
use crate::app::panels::Action;
use crate::app::state::State;
use crate::app::style;
use crate::app::widgets::colour_bar::{ColourBar, Spread};
use crate::app::widgets::states;
use crate::grid::Grid;
use crate::jobs::JobState;
use crate::study::similarity::Similarity;
use matrix::{MatrixView, RANGE, tone};

pub use pages::{Page, pages};
pub use state::{SimilaritySettings, SimilarityState};

/// Width of the left side at first, in points.
const SIDE: f32 = 280.0;
/// Width of the colour bar with its numbers.
const BAR: f32 = 104.0;

/// What the user wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimilarityAction {
    /// A comparison with the settings on screen.
    Begin,
    /// A comparison given up.
    Cancel,
    /// A dialog for a folder to write to.
    Export,
    /// A dialog for the network to compare with.
    ChooseNetwork,
    /// The command line that does the same, on the clipboard.
    CopyCommand,
}

/// Draws the page.
pub fn show(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    let frame =
        |ui: &Ui| Frame::new().fill(ui.visuals().panel_fill).inner_margin(Margin::same(style::SPACE_M as i8));
    let side = Panel::left("similarity settings").default_size(SIDE).size_range(220.0..=480.0);
    side.frame(frame(ui)).show(ui, |ui| {
        ui.set_min_size(ui.available_size());
        ScrollArea::vertical().id_salt("similarity settings").auto_shrink([false, false]).show(ui, |ui| {
            side::show(ui, state, actions);
        });
    });
    CentralPanel::default().frame(frame(ui)).show(ui, |ui| {
        let similarity = &state.sweep.similarity;
        match (&similarity.running, similarity.found.clone()) {
            (_, Some(found)) => matrices(ui, state, &found, actions),
            (Some((_, job)), None) => {
                let (done, left) = match job {
                    JobState::Running { done, total, seconds_left, .. } if *total > 0 => {
                        (Some(*done as f32 / *total as f32), *seconds_left)
                    }
                    _ => (None, None),
                };
                let left = left.and_then(|left| std::time::Duration::try_from_secs_f64(left).ok());
                let work = states::Working {
                    what: "Comparing blocks on the pictures",
                    done,
                    left,
                    can_cancel: true,
                    ..Default::default()
                };
                if states::working(ui, &work) {
                    actions.push(wanted(SimilarityAction::Cancel));
                }
            }
            (None, None) => empty(ui, state, actions),
        }
    });
}

fn wanted(action: SimilarityAction) -> Action {
    Action::Sweep(SweepAction::Similarity(action))
}

fn empty(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    if state.network.is_none() || state.heads.survey.is_none() {
        ui.centered_and_justified(|ui| {
            ui.add(Label::new(style::quiet("Choose pictures at the left.")).wrap());
        });
        return;
    }
    let sentence = "Which blocks see the same? Their features on your pictures are compared with each other, \
                    with or without classes.";
    if states::empty(ui, sentence, "Compare blocks") {
        actions.push(wanted(SimilarityAction::Begin));
    }
}

/// The place of the value nearest to `wanted` on an axis.
fn nearest(axis: &[usize], wanted: usize) -> usize {
    (0..axis.len()).min_by_key(|at| axis[*at].abs_diff(wanted)).unwrap_or(0)
}

fn matrices(ui: &mut Ui, state: &State, found: &Similarity, actions: &mut Vec<Action>) {
    if state.sweep.similarity.running.is_some() {
        // What was found before is not what was asked for.
        ui.multiply_opacity(0.5);
        ui.label("comparing anew; this was found before");
    }
    let (block, timestep) = state.selection().map_or((1, 0), |at| (at.block, at.timestep));
    let is_own = state.network.as_ref().is_some_and(|network| network.card.hash == found.network.hash);
    let steps = &found.config.timesteps;
    let at_step = nearest(steps, timestep);
    if let Some(sentence) = found.sentence(at_step) {
        ui.add(Label::new(RichText::new(sentence).strong()).wrap());
    }
    ui.add(Label::new(style::quiet(source(found, at_step, is_own)).small()).wrap());
    ui.add_space(style::SPACE_S);
    let mut views = Vec::new();
    if let Some((step, matrix)) = found.over_blocks.get(at_step) {
        views.push(MatrixView::of_blocks(*step, found, matrix));
    }
    let own = &found.network.blocks;
    if let Some((block, matrix)) = found.over_timesteps.get(nearest(own, block)) {
        views.push(MatrixView::of_timesteps(*block, found, matrix));
    }
    if let (Some((step, matrix)), Some(other)) = (found.over_networks.get(at_step), &found.other) {
        views.push(MatrixView::of_networks(*step, found, other, matrix));
    }
    ScrollArea::both().id_salt("similarity matrices").auto_shrink([false, false]).show(ui, |ui| {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = style::SPACE_L;
            let height = ui.available_height() - style::SPACE_S;
            let room = ui.available_width() - BAR - views.len() as f32 * style::SPACE_L;
            let widths = shares(room, &views.iter().map(|view| view.width(height)).collect::<Vec<f32>>());
            for (view, width) in views.iter().zip(widths) {
                let held = (block, timestep);
                // Of another network block and timestep mean something else.
                if let Some((timestep, block)) = view.show(ui, vec2(width, height), held)
                    && is_own
                {
                    actions
                        .push(Action::LookAt(timestep.unwrap_or(held.1), (block.unwrap_or(held.0), false)));
                }
            }
            let values: Vec<f32> = views.iter().flat_map(|view| view.values()).collect();
            bar(ui, values);
        });
    });
}

/// Parts of `room`: to each as much as it wants, or an equal share of what the others leave.
fn shares(room: f32, wanted: &[f32]) -> Vec<f32> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let (mut given, mut left) = (vec![0.0; wanted.len()], room);
    for (done, at) in order.into_iter().enumerate() {
        given[at] = wanted[at].min(left / (wanted.len() - done) as f32);
        left -= given[at];
    }
    given
}

/// What was compared, and on what.
fn source(found: &Similarity, at_step: usize, is_own: bool) -> String {
    let network = &found.network.network;
    let data = std::path::Path::new(&found.data).file_name();
    let data = data.map_or_else(|| found.data.clone(), |name| name.to_string_lossy().into_owned());
    let other = if is_own { "" } else { ", not the network in use," };
    let mut parts = vec![
        format!("Linear CKA of {network}{other} on {} pictures of {data}", found.pictures),
        "1: the same up to rotation and scale; 0: unrelated".into(),
        "gaps: the middle block".into(),
    ];
    if let Some(other) = &found.other {
        parts.push(match found.same_blocks(at_step) {
            Some(mean) => format!("the same block of {}: {mean:.2} on average", other.network),
            None => format!("beside {}", other.network),
        });
    }
    if found.over_timesteps.is_empty() {
        parts.push("give two timesteps or more to compare these too".into());
    }
    parts.extend(found.notes.iter().cloned());
    parts.join(" · ")
}

fn bar(ui: &mut Ui, values: Vec<f32>) {
    let Ok(grid) = Grid::new(1, 1, values.len(), values) else { return };
    ui.vertical(|ui| {
        ui.label(style::quiet("CKA").small());
        let height = (ui.available_height() - 24.0).clamp(80.0, 260.0);
        ui.allocate_ui(vec2(BAR, height), |ui| {
            ColourBar::new("similarity colour bar", tone(), &Spread::of(&grid, RANGE))
                .height(height)
                .show(ui);
        });
    });
}

#[cfg(test)]
mod tests {
    use super::shares;

    #[test]
    fn what_little_ones_leave_is_shared() {
        assert_eq!(shares(900.0, &[600.0, 100.0, 600.0]), [400.0, 100.0, 400.0]);
        assert_eq!(shares(900.0, &[500.0]), [500.0]);
        assert_eq!(shares(300.0, &[200.0, 200.0]), [150.0, 150.0]);
        assert!(shares(300.0, &[]).is_empty());
    }
}
