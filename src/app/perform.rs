//! What each command does.

use eframe::egui::{Context, ViewportCommand};

use super::command::{Command, Space};
use super::dialogs::Ask;
use super::heads::HeadsAction;
use super::history::Moment;
use super::keep::Kept;
use super::label::LabelAction;
use super::layout;
use super::state::{AVERAGED_DRAWS, LAST_DRAW};
use super::style;
use super::sweep::SweepAction;
use super::widgets::viewport::ViewPort;
use super::window::Window;
use crate::colormap::{ColorMap, RangeChoice};
use crate::features::network::NetworkSource;
use crate::features::view::{ChannelOrder, View};
use crate::jobs::{LockConfig, LookConfig, SheetKind};
use crate::train::Sight;

const TEXT_STEP: f32 = 0.125;

impl Window {
    /// Does what `command` says.
    pub(super) fn perform(&mut self, ctx: &Context, frame: &eframe::Frame, command: Command) {
        match command {
            Command::OpenPictures => self.ask_for(ctx, frame, Ask::Pictures),
            Command::OpenFolder => self.ask_for(ctx, frame, Ask::Folder),
            Command::PastePicture => ctx.send_viewport_cmd(ViewportCommand::RequestPaste),
            Command::NextPicture | Command::PreviousPicture if self.labels_are_open() => {
                let by = if command == Command::NextPicture { 1 } else { -1 };
                self.act_on_labels(ctx, frame, LabelAction::Step(by));
            }
            Command::NextPicture => self.step_picture(1),
            Command::PreviousPicture => self.step_picture(-1),
            Command::OpenNetwork => self.ask_for(ctx, frame, Ask::Network),
            Command::UseEmbeddedNetwork => self.open_network(NetworkSource::Embedded, None),
            Command::RecentNetworks => self.state.recent_open = !self.state.recent_open,
            Command::NetworkCard => self.state.card_open = !self.state.card_open,
            Command::NextBlock => self.step_block(1),
            Command::PreviousBlock => self.step_block(-1),
            Command::NextMarkedStep => self.step_mark(true),
            Command::PreviousMarkedStep => self.step_mark(false),
            Command::TimestepUp => self.step_timestep(1),
            Command::TimestepDown => self.step_timestep(-1),
            Command::NextDraw => self.state.config.draw = (self.state.config.draw + 1).min(LAST_DRAW),
            Command::ToggleAverage => {
                let average = &mut self.state.config.average;
                *average = if *average > 1 { 1 } else { AVERAGED_DRAWS };
            }
            Command::PreviousDraw => self.state.config.draw = self.state.config.draw.saturating_sub(1),
            Command::ViewMosaic => self.state.config.view = View::Mosaic,
            Command::ViewChannel => self.show_channel(),
            Command::ViewMean => self.state.config.view = View::Mean,
            Command::ViewNorm => self.state.config.view = View::Norm,
            Command::ViewPca => self.state.config.view = View::Pca,
            Command::ViewSimilarity => self.show_similarity(),
            Command::NextChannel => self.step_channel(1),
            Command::PreviousChannel => self.step_channel(-1),
            Command::ToggleOverlay => self.change_look(|look| look.overlay = !look.overlay),
            Command::NextColourMap => self.change_look(|look| {
                let at = ColorMap::ALL.iter().position(|map| *map == look.map).unwrap_or(0);
                look.map = ColorMap::ALL[(at + 1) % ColorMap::ALL.len()];
            }),
            Command::PlaceLeft => self.move_place(-1, 0),
            Command::PlaceRight => self.move_place(1, 0),
            Command::PlaceUp => self.move_place(0, -1),
            Command::PlaceDown => self.move_place(0, 1),
            Command::NextOrder => self.change_look(|look| {
                let at = ChannelOrder::ALL.iter().position(|order| *order == look.order).unwrap_or(0);
                look.order = ChannelOrder::ALL[(at + 1) % ChannelOrder::ALL.len()];
            }),
            Command::ToggleOneRange => self.change_look(|look| look.shared_channels = !look.shared_channels),
            Command::ToggleSmooth => self.change_look(|look| look.smooth = !look.smooth),
            Command::ToggleFullRange => self.change_look(|look| {
                let full = look.range == RangeChoice::Full;
                look.range = if full { RangeChoice::default() } else { RangeChoice::Full };
            }),
            Command::MoreOpaque => self.change_look(|look| look.opacity = tenth(look.opacity + 0.1)),
            Command::LessOpaque => self.change_look(|look| look.opacity = tenth(look.opacity - 0.1)),
            Command::LockPicture => self.lock_picture(),
            Command::LockTimestep => self.lock_timestep(),
            Command::LockBlock => self.lock_block(),
            Command::LockPinned => self.lock_pinned(),
            Command::UnlockColours => self.state.config.lock = LockConfig::default(),
            Command::ToggleOneCellRange => self.change_look(|look| look.shared_cells = !look.shared_cells),
            Command::Undo | Command::Redo if self.labels_are_open() => {
                self.undo_label(command == Command::Undo);
            }
            Command::Undo => {
                let moment = self.history.undo();
                self.go_to(moment);
            }
            Command::Redo => {
                let moment = self.history.redo();
                self.go_to(moment);
            }
            Command::UnpinLast => _ = self.state.pins.pop(),
            Command::ResetZoom => {
                self.state.input_port = ViewPort::default();
                self.state.port = ViewPort::default();
                self.state.map_port = ViewPort::default();
                self.state.pins.iter_mut().for_each(|pin| pin.port = ViewPort::default());
            }
            Command::PinView => self.pin(ctx, Kept::View),
            Command::PinSheet => self.pin(ctx, Kept::Sheet),
            Command::ClearPins => self.state.pins.clear(),
            Command::ToggleSharedScale => self.state.shared_scale = !self.state.shared_scale,
            Command::ToggleLinkedCursor => self.state.linked = !self.state.linked,
            Command::ContactSheetSteps => self.toggle_sheet(SheetKind::Steps),
            Command::ContactSheetBlocks => self.toggle_sheet(SheetKind::Blocks),
            Command::ExportView => self.export(ctx, frame, Kept::View, false, false),
            Command::ExportViewWithSettings => self.export(ctx, frame, Kept::View, true, false),
            Command::ExportRawValues => self.export(ctx, frame, Kept::View, false, true),
            Command::ExportSheet => self.export(ctx, frame, Kept::Sheet, false, false),
            Command::ExportSheetWithSettings => self.export(ctx, frame, Kept::Sheet, true, false),
            Command::ExportSheetValues => self.export(ctx, frame, Kept::Sheet, false, true),
            Command::CopyView => self.copy_picture(ctx, Kept::View),
            Command::CopySheet => self.copy_picture(ctx, Kept::Sheet),
            Command::CopyAsCommandLine => self.copy_command_line(ctx, Kept::View),
            Command::CopySheetAsCommandLine => self.copy_command_line(ctx, Kept::Sheet),
            Command::CopySettings => self.copy_settings(ctx),
            Command::GoToExplore => self.state.space = Space::Explore,
            Command::GoToAttention => self.state.space = Space::Attention,
            Command::NextHeadBlock => self.step_head_block(1),
            Command::PreviousHeadBlock => self.step_head_block(-1),
            Command::NextHeadTimestep => self.step_head_timestep(1),
            Command::PreviousHeadTimestep => self.step_head_timestep(-1),
            Command::NextLayer => self.step_layer(1),
            Command::PreviousLayer => self.step_layer(-1),
            Command::NextAttentionHead => self.step_attention_head(1),
            Command::PreviousAttentionHead => self.step_attention_head(-1),
            Command::ShowRollout => self.state.attention.config.sight = Sight::Rollout,
            Command::ShowMeanOfHeads => self.state.attention.config.sight = Sight::Mean,
            Command::ToggleFeedback => flip(&mut self.state.attention.config.feedback),
            Command::NextState => self.step_state(1),
            Command::PreviousState => self.step_state(-1),
            Command::PlayStates => self.play_states(ctx),
            Command::ToggleAttentionOverlay => flip(&mut self.state.attention.config.bare),
            Command::ToggleOwnScale => flip(&mut self.state.attention.config.own_scale),
            Command::GoToSweep => self.state.space = Space::Sweep,
            Command::BeginSweep => self.act_on_sweep(ctx, frame, SweepAction::Begin),
            Command::NextCellBlock => self.step_cell(1, 0),
            Command::PreviousCellBlock => self.step_cell(-1, 0),
            Command::NextCellTimestep => self.step_cell(0, 1),
            Command::PreviousCellTimestep => self.step_cell(0, -1),
            Command::UseCellInHeads => {
                let pool = self.state.sweep.table().map_or(1, |table| table.at.0);
                self.act_on_sweep(ctx, frame, SweepAction::UseInHeads(pool));
            }
            Command::ExportSweep => self.act_on_sweep(ctx, frame, SweepAction::Export),
            Command::GoToHeads => self.state.space = Space::Heads,
            Command::GoToLabel => self.state.space = Space::Label,
            Command::OpenLabelFolder
            | Command::AcceptSuggestion
            | Command::MarkUnsure
            | Command::MarkNone
            | Command::ClearLabel
            | Command::RowDown
            | Command::RowUp
            | Command::NextScreen
            | Command::PreviousScreen
            | Command::ToggleGrid
            | Command::ChooseAll
            | Command::SortAnew
            | Command::SimilarNext
            | Command::AskByChance
            | Command::AcceptMany
            | Command::NewClass => self.perform_label(ctx, frame, command),
            Command::OpenLabelledFolder => self.ask_for(ctx, frame, Ask::LabelledFolder),
            Command::OpenLabelledFile => self.ask_for(ctx, frame, Ask::LabelledFile),
            Command::LoadHead => self.act_on_heads(ctx, frame, HeadsAction::ChooseHead),
            Command::TrainAll => self.train_all(),
            Command::NextTab => self.state.heads.config.step_tab(1),
            Command::PreviousTab => self.state.heads.config.step_tab(-1),
            Command::DeleteRuns => {
                for run in self.state.heads.chosen().iter().map(|run| run.id).collect::<Vec<_>>() {
                    self.act_on_heads(ctx, frame, HeadsAction::Remove(run));
                }
            }
            Command::Settings => self.toggle_settings(),
            Command::Palette => self.palette.open(),
            Command::Keys => self.keys.open(),
            Command::ToggleTheme => {
                self.dark = !self.dark;
                self.restyle(ctx);
            }
            Command::BiggerText => self.scale_text(ctx, TEXT_STEP),
            Command::SmallerText => self.scale_text(ctx, -TEXT_STEP),
            Command::ResetLayout => self.layout = layout::default_layout(),
            Command::CancelJob => self.cancel_or_close(),
            Command::Quit => ctx.send_viewport_cmd(ViewportCommand::Close),
        }
    }

    pub(super) fn ask_for(&mut self, ctx: &Context, frame: &eframe::Frame, ask: Ask) {
        if !self.dialogs.ask(ctx, frame, ask) {
            self.not_now(
                "the system gives no dialog; drop files on the window or name them on the command line",
            );
        }
    }

    fn restyle(&self, ctx: &Context) {
        let theme = if self.dark { eframe::egui::Theme::Dark } else { eframe::egui::Theme::Light };
        style::apply(ctx, theme, self.text_scale);
    }

    fn scale_text(&mut self, ctx: &Context, by: f32) {
        let range = style::TEXT_SCALE_RANGE;
        self.text_scale = (self.text_scale + by).clamp(*range.start(), *range.end());
        self.restyle(ctx);
    }

    fn cancel_or_close(&mut self) {
        let state = &mut self.state;
        if state.settings.take().is_some() {
            return;
        }
        if self.state.card_open || self.state.recent_open || self.state.skipped_open {
            self.state.card_open = false;
            self.state.recent_open = false;
            self.state.skipped_open = false;
        } else if let Some(line) = self.state.jobs.first() {
            self.engine.cancel(line.id);
        } else {
            self.state.config.sheet = SheetKind::None;
        }
    }

    fn step_picture(&mut self, by: isize) {
        let library = &mut self.state.library;
        if let Some(last) = library.entries.len().checked_sub(1) {
            let at = library.selected.unwrap_or(0).saturating_add_signed(by).min(last);
            library.selected = Some(at);
            self.state.hints.library = false;
        }
    }

    fn step_block(&mut self, by: isize) {
        let Some(selection) = self.state.selection() else { return };
        self.select_block(selection.block.saturating_add_signed(by));
    }

    /// Goes to a block, as far as there is one.
    pub(super) fn select_block(&mut self, block: usize) {
        let Some(network) = &self.state.network else { return };
        let block = block.clamp(1, network.card.blocks.len());
        self.state.config.block = Some(block);
        self.state.hints.network = false;
        if let (View::Channel(channel), Some(info)) = (self.state.config.view, network.card.block(block)) {
            self.state.config.view = View::Channel(channel.min(info.channels - 1));
        }
    }

    /// Goes to a timestep, as far as there is one.
    pub(super) fn select_timestep(&mut self, timestep: usize) {
        let Some(network) = &self.state.network else { return };
        self.state.config.timestep = Some(timestep.min(network.card.config.diffusion_steps - 1));
        self.state.hints.timestep = false;
    }

    fn step_timestep(&mut self, by: isize) {
        let Some(selection) = self.state.selection() else { return };
        self.select_timestep(selection.timestep.saturating_add_signed(by));
    }

    fn step_mark(&mut self, up: bool) {
        let Some(selection) = self.state.selection() else { return };
        let marks = self.state.marks();
        let next = if up {
            marks.into_iter().find(|mark| *mark > selection.timestep)
        } else {
            marks.into_iter().rev().find(|mark| *mark < selection.timestep)
        };
        if let Some(timestep) = next {
            self.select_timestep(timestep);
        }
    }

    fn channels(&self) -> usize {
        let block = self.state.selection().and_then(|selection| {
            self.state.network.as_ref()?.card.block(selection.block).map(|info| info.channels)
        });
        block.unwrap_or(1)
    }

    fn show_channel(&mut self) {
        if !matches!(self.state.config.view, View::Channel(_)) {
            let first = self.state.current.map.as_ref().map(|held| {
                self.state
                    .config
                    .look
                    .order
                    .sorted(&held.value.map.channel_stats)
                    .first()
                    .copied()
                    .unwrap_or(0)
            });
            self.state.config.view = View::Channel(first.unwrap_or(0).min(self.channels() - 1));
        }
    }

    fn show_similarity(&mut self) {
        if !matches!(self.state.config.view, View::Similarity { .. }) {
            let side = self.state.network.as_ref().map_or(2, |network| network.card.config.image_size);
            self.state.config.view = View::Similarity { x: side / 2, y: side / 2 };
        }
    }

    fn step_channel(&mut self, by: isize) {
        let last = self.channels() - 1;
        self.state.config.view = match self.state.config.view {
            View::Channel(channel) => View::Channel(channel.saturating_add_signed(by).min(last)),
            _ => View::Channel(0),
        };
    }

    fn change_look(&mut self, change: impl FnOnce(&mut LookConfig)) {
        change(&mut self.state.config.look);
        self.redraw();
    }

    /// Restores settings that were on screen before.
    fn go_to(&mut self, moment: Option<Moment>) {
        let Some(Moment { config, picture, survey, cards, sweep }) = moment else {
            self.not_now("there is nothing more to undo or redo");
            return;
        };
        self.state.config = config;
        let heads = &mut self.state.heads;
        heads.data_text = survey.data.display().to_string();
        (heads.config.survey, heads.config.cards) = (survey, cards);
        if self.state.sweep.settings.config != sweep {
            (self.state.sweep.settings.config, self.state.sweep.texts) = (sweep, None);
        }
        let known = picture.filter(|index| *index < self.state.library.entries.len());
        self.state.library.selected = known.or(self.state.library.selected);
        self.redraw();
    }

    /// Moves the place of a similarity view by cells of the map.
    fn move_place(&mut self, right: isize, down: isize) {
        let View::Similarity { x, y } = self.state.config.view else {
            self.show_similarity();
            return;
        };
        let (Some(network), Some(selection)) = (&self.state.network, self.state.selection()) else { return };
        let side = network.card.config.image_size;
        let cells = network.card.block(selection.block).map_or(side, |info| info.width);
        let step = (side / cells.max(1)).max(1) as isize;
        let moved = |place: usize, by: isize| place.saturating_add_signed(by * step).min(side - 1);
        self.state.config.view = View::Similarity { x: moved(x, right), y: moved(y, down) };
    }

    fn toggle_sheet(&mut self, kind: SheetKind) {
        let sheet = &mut self.state.config.sheet;
        *sheet = if *sheet == kind { SheetKind::None } else { kind };
    }

    /// Colours everything anew after the look changed.
    pub(super) fn redraw(&mut self) {
        let look = self.state.config.look.clone();
        self.state.current.redraw(&look);
    }
}

fn flip(switch: &mut bool) {
    *switch = !*switch;
}

/// An opacity as the keys set it: a share without the dust of adding tenths.
fn tenth(opacity: f32) -> f32 {
    ((opacity * 100.0).round() / 100.0).clamp(0.0, 1.0)
}
