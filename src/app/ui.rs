//! A frame: bars at the edges, panels between, overlays on top.

use eframe::egui::{Align, CentralPanel, Context, Frame, Id, Layout, Margin, Order, Panel, RichText, Ui};

use super::command::{Command, Space, pressed};
use super::dialogs::Ask;
use super::icons;
use super::layout::{Pane, Panels, set_visible};
use super::panels::{self, Action};
use super::style;
use super::widgets::selection_line::SelectionLine;
use super::window::Window;
use crate::features::network::NetworkSource;

/// Below this width of the window the top bar keeps to what is needed, in points.
const NARROW: f32 = 900.0;

impl Window {
    /// Draws everything and does what the user asked for on the way.
    pub(super) fn draw(&mut self, ui: &mut Ui, frame: &eframe::Frame) {
        let ctx = ui.ctx().clone();
        // Here and not between frames, where what goes to the clipboard would be lost.
        let mut actions = match self.state.space {
            Space::Label => super::label::class_keys(&ctx, &self.state.label),
            _ => Vec::new(),
        };
        actions.extend(pressed(&ctx, self.state.space).into_iter().map(Action::Do));
        self.state.last_cursor = self.state.cursor.take();
        let bar = |ui: &Ui| {
            Frame::new()
                .fill(ui.visuals().panel_fill)
                .inner_margin(Margin::symmetric(style::SPACE_M as i8, style::SPACE_XS as i8 + 2))
        };
        Panel::top("top bar").frame(bar(ui)).show(ui, |ui| self.top_bar(ui, &mut actions));
        Panel::bottom("status bar").frame(bar(ui)).show(ui, |ui| {
            panels::status::show(ui, &self.state, &mut actions);
        });
        CentralPanel::default().frame(Frame::new().fill(ui.visuals().panel_fill)).show(ui, |ui| {
            match self.state.space {
                Space::Heads => return super::heads::show(ui, &mut self.state, &mut actions),
                Space::Sweep => return super::sweep::show(ui, &mut self.state, &mut actions),
                Space::Attention => return super::attention::show(ui, &mut self.state, &mut actions),
                Space::Label => return super::label::show(ui, &mut self.state, &mut actions),
                Space::Explore | Space::Everywhere | Space::Views => {}
            }
            set_visible(&mut self.layout, Pane::Pins, !self.state.pins.is_empty());
            let (layout, state) = (&mut self.layout, &mut self.state);
            let mut draw = |ui: &mut Ui, pane| panels::show(ui, pane, state, &mut actions);
            layout.ui(&mut Panels { draw: &mut draw }, ui);
        });
        panels::card::windows(&ctx, &mut self.state, &mut actions);
        let state = &self.state;
        let available = |command| state.is_available(command);
        if let Some(command) = self.palette.show(&ctx, state.space, &available) {
            actions.push(Action::Do(command));
        }
        self.keys.show(&ctx, self.state.space);
        self.notices.show(&ctx);
        drop_hint(&ctx);
        if let Some(image) = self.to_clipboard.take() {
            ctx.copy_image(image);
        }
        let quiet = |action: &Action| {
            use Action::{LabelPictures, TestedThumbnails, Thumbnails};
            matches!(action, Thumbnails(_) | TestedThumbnails(_) | LabelPictures(..))
        };
        if actions.iter().any(|action| !quiet(action)) {
            // What follows from them shows in the next frame.
            ctx.request_repaint();
        }
        for action in actions {
            self.act(&ctx, frame, action);
        }
    }

    fn top_bar(&self, ui: &mut Ui, actions: &mut Vec<Action>) {
        ui.horizontal(|ui| {
            let narrow = ui.available_width() < NARROW;
            if !narrow {
                ui.label(RichText::new("difscope").strong());
                ui.add_space(style::SPACE_S);
            }
            for space in Space::ALL {
                let Some(command) = space.command() else { continue };
                let tab = ui.selectable_label(self.state.space == space, space.title());
                if tab.on_hover_text(command.tooltip()).clicked() {
                    actions.push(Action::Do(command));
                }
            }
            ui.add_space(style::SPACE_S);
            let right = |ui: &mut Ui| {
                let (icon, command) =
                    (if self.dark { icons::SUN } else { icons::MOON }, Command::ToggleTheme);
                panels::icon_button(ui, icon, command, actions);
                panels::icon_button(ui, icons::KEYBOARD, Command::Keys, actions);
                if narrow {
                    panels::icon_button(ui, icons::MAGNIFYING_GLASS, Command::Palette, actions);
                } else {
                    let text = format!("{} commands", icons::MAGNIFYING_GLASS);
                    if ui.button(style::quiet(text)).on_hover_text(Command::Palette.tooltip()).clicked() {
                        actions.push(Action::Do(Command::Palette));
                    }
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| self.selection_line(ui));
            };
            ui.with_layout(Layout::right_to_left(Align::Center), right);
        });
    }

    fn selection_line(&self, ui: &mut Ui) {
        let state = &self.state;
        let (Some(network), Some(selection)) = (&state.network, state.selection()) else {
            ui.label(style::quiet(match &state.network_error {
                Some(_) => "no network",
                None => "opening the network",
            }));
            return;
        };
        let mut warnings = Vec::new();
        if let Some(held) = state.current.picture.as_ref().filter(|held| !held.stale) {
            warnings.extend(held.value.shown.far.clone());
        }
        // A head may read neither the timestep nor the block of the other work spaces.
        let looked_at = state.attention.looked_at().filter(|_| state.space == Space::Attention);
        let (timestep, block) = looked_at.unwrap_or((selection.timestep, selection.block));
        SelectionLine {
            picture: state.library.current().map(|entry| entry.name.as_str()),
            network: &network.card.name,
            timestep,
            block: network.card.block(block),
            warnings: &warnings,
        }
        .show(ui);
    }

    fn act(&mut self, ctx: &Context, frame: &eframe::Frame, action: Action) {
        match action {
            Action::Do(command) => self.perform(ctx, frame, command),
            Action::SelectPicture(index) => {
                self.state.library.selected = Some(index);
                self.state.hints.library = false;
            }
            Action::SelectBlock(block) => self.select_block(block),
            Action::SelectTimestep(timestep) => self.select_timestep(timestep),
            Action::SetView(view) => self.state.config.view = view,
            Action::Redraw => self.redraw(),
            Action::Thumbnails(visible) => self.request_thumbnails(visible),
            Action::CancelJob(id) => self.engine.cancel(id),
            Action::OpenNetwork(path, preset) => {
                self.state.recent_open = false;
                self.open_network(NetworkSource::Named(path.display().to_string()), preset);
            }
            Action::OpenBundled => self.open_bundled(),
            Action::Unpin(id) => self.state.pins.retain(|pin| pin.id != id),
            Action::ApplySettings => self.apply_settings(),
            Action::ChooseCacheFolder => self.ask_for(ctx, frame, Ask::CacheFolder),
            Action::AskAgain => self.asked = None,
            Action::Sweep(action) => self.act_on_sweep(ctx, frame, action),
            Action::Heads(action) => self.act_on_heads(ctx, frame, action),
            Action::Label(action) => self.act_on_labels(ctx, frame, action),
            Action::LabelPictures(wanted, large) => self.request_label_pictures(&wanted, large),
            Action::TestedThumbnails(items) => self.request_tested_thumbnails(&items),
            Action::LookAt(timestep, block) => self.look_at(timestep, block),
            Action::ShowState(epoch) => self.show_state(epoch),
            Action::PickChannel(channel) => self.state.channel = Some(channel),
        }
    }
}

/// Says what happens when the files over the window are let go.
fn drop_hint(ctx: &Context) {
    let hovering = ctx.input(|input| !input.raw.hovered_files.is_empty());
    if !hovering {
        return;
    }
    let tokens = style::Tokens::of(ctx.theme());
    let painter = ctx.layer_painter(eframe::egui::LayerId::new(Order::Foreground, Id::unique("drop hint")));
    let rect = ctx.content_rect();
    painter.rect_filled(rect, 0.0, tokens.veil);
    painter.text(
        rect.center(),
        eframe::egui::Align2::CENTER_CENTER,
        "Drop pictures, folders or a checkpoint",
        eframe::egui::TextStyle::Heading.resolve(&ctx.global_style()),
        tokens.text,
    );
}
