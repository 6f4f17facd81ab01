//! The command palette and the table of keys.

use eframe::egui::accesskit::Role;
use eframe::egui::text::{LayoutJob, TextFormat};
use eframe::egui::{
    Align, Align2, Area, Button, Context, CornerRadius, FontId, Frame, Id, Key, Layout, Margin, Modal,
    Modifiers, Pos2, Rect, RichText, ScrollArea, Sense, Stroke, StrokeKind, TextEdit, TextStyle, Ui,
    WidgetInfo, vec2,
};

use crate::app::command::{Command, Found, Group, Space, search, shortcut_text};
use crate::app::{icons, style};

const WIDTH: f32 = 520.0;
const ROW: f32 = 28.0;
const KEYS_ROW: f32 = 25.0;
const ROWS_SHOWN: f32 = 11.0;

/// Finds any command by a few letters of its name.
#[derive(Debug, Default)]
pub struct CommandPalette {
    is_open: bool,
    query: String,
    selected: usize,
}

impl CommandPalette {
    /// Opens it with an empty query.
    pub fn open(&mut self) {
        *self = CommandPalette { is_open: true, ..CommandPalette::default() };
    }

    /// Whether it is on screen.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Draws it over the window if it is open. Returns the command that the user chose among those
    /// of `space`; commands for which `available` is false are shown but cannot be chosen.
    pub fn show(
        &mut self,
        ctx: &Context,
        space: Space,
        available: &dyn Fn(Command) -> bool,
    ) -> Option<Command> {
        if !self.is_open {
            return None;
        }
        let id = Id::unique("command palette");
        let veil = style::Tokens::of(ctx.theme()).veil;
        let area = dialogue_area(id, Align2::CENTER_TOP, ctx).accessible_name("Command palette");
        let frame = Frame::popup(&ctx.global_style()).inner_margin(Margin::same(style::SPACE_S as i8));
        let modal = Modal::new(id).area(area).backdrop_color(veil).frame(frame).show(ctx, |ui| {
            ui.set_width(WIDTH.min(ctx.content_rect().width() - 2.0 * style::SPACE_XL));
            self.contents(ui, space, available)
        });
        if modal.should_close() || modal.inner.is_some() {
            self.is_open = false;
        }
        modal.inner
    }

    fn contents(
        &mut self,
        ui: &mut Ui,
        space: Space,
        available: &dyn Fn(Command) -> bool,
    ) -> Option<Command> {
        let (down, up, enter) = ui.input_mut(|input| {
            let down = input.count_and_consume_key(Modifiers::NONE, Key::ArrowDown);
            let up = input.count_and_consume_key(Modifiers::NONE, Key::ArrowUp);
            (down, up, input.consume_key(Modifiers::NONE, Key::Enter))
        });
        // It always has the focus: a ring in full strength would say nothing.
        ui.visuals_mut().selection.stroke = style::tokens(ui).hairline();
        let field = TextEdit::singleline(&mut self.query)
            .hint_text("Type a few letters of a command")
            .prefix(style::quiet(icons::MAGNIFYING_GLASS))
            .margin(Margin::symmetric(style::SPACE_S as i8, 6))
            .desired_width(f32::INFINITY);
        let field = ui.add(field).accessible_name("Search commands");
        // The field owns the keyboard as long as the palette is open.
        field.request_focus();
        if field.changed() {
            self.selected = 0;
            // The field decides whether to show its hint before it takes the letters.
            ui.ctx().request_repaint();
        }
        let mut found = search(&self.query, space);
        if !self.query.is_empty() {
            // What can be done comes before what cannot be done now.
            found.sort_by_key(|found| !available(found.command));
        }
        let last = found.len().saturating_sub(1);
        self.selected = (self.selected + down).min(last).saturating_sub(up);
        let chosen = self.list(ui, &found, available, down + up > 0 || field.changed());
        let Some(selected) = found.get(self.selected).map(|found| found.command) else {
            ui.label(style::quiet("No command has these letters in this order."));
            return None;
        };
        ui.add_space(style::SPACE_XS);
        let about = if available(selected) { selected.info().about.to_string() } else { not_now(selected) };
        ui.label(style::quiet(about).small());
        chosen.or(enter.then_some(selected)).filter(|&command| available(command))
    }

    fn list(
        &mut self,
        ui: &mut Ui,
        found: &[Found],
        available: &dyn Fn(Command) -> bool,
        follow: bool,
    ) -> Option<Command> {
        let mut chosen = None;
        ui.spacing_mut().item_spacing.y = 0.0;
        let pointer_moved = ui.input(|input| input.pointer.is_moving());
        // As high as the full list, so that the palette does not jump while one types.
        let height = ROW * ROWS_SHOWN;
        let scroll = ScrollArea::vertical().max_height(height).min_scrolled_height(height).auto_shrink(false);
        scroll.show(ui, |ui| {
            for (index, each) in found.iter().enumerate() {
                let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::CLICK);
                let is_selected = index == self.selected;
                response.widget_info(|| {
                    let enabled = available(each.command);
                    WidgetInfo::selected(Role::ListBoxOption, enabled, is_selected, each.command.name())
                });
                if is_selected && follow {
                    response.scroll_to_me(None);
                }
                if response.hovered() && pointer_moved {
                    self.selected = index;
                }
                if response.clicked() {
                    chosen = Some(each.command);
                }
                if ui.is_rect_visible(rect) {
                    paint_row(ui, rect, each, is_selected, available(each.command));
                }
            }
        });
        chosen
    }
}

fn not_now(command: Command) -> String {
    format!("Not possible now. {}", command.info().about)
}

fn paint_row(ui: &Ui, rect: Rect, found: &Found, is_selected: bool, is_available: bool) {
    let tokens = style::tokens(ui);
    if is_selected {
        ui.painter().rect_filled(rect, CornerRadius::same(style::RADIUS), tokens.accent_wash);
    }
    let font = TextStyle::Body.resolve(ui.style());
    let colour = if is_available { tokens.text } else { style::blend(tokens.raised, tokens.quiet, 0.6) };
    let mut job = LayoutJob::default();
    let mut matched = found.matched.iter().copied().peekable();
    for (at, character) in found.command.name().chars().enumerate() {
        let hit = matched.next_if_eq(&at).is_some();
        let underline = if hit { Stroke::new(1.0, colour) } else { Stroke::NONE };
        let format = TextFormat { font_id: font.clone(), color: colour, underline, ..Default::default() };
        job.append(&character.to_string(), 0.0, format);
    }
    let name = ui.painter().layout_job(job);
    let at = rect.left_center() + vec2(style::SPACE_S, -name.size().y / 2.0);
    ui.painter().galley(at, name, colour);
    if let Some(keys) = found.command.shortcut_text() {
        let font = TextStyle::Small.resolve(ui.style());
        paint_keys(ui, rect.right_center() - vec2(style::SPACE_S, 0.0), &keys, font);
    }
}

/// A key cap with its right edge at `right`; returns its place.
fn paint_keys(ui: &Ui, right: Pos2, keys: &str, font: FontId) -> Rect {
    let tokens = style::tokens(ui);
    let galley = ui.painter().layout_no_wrap(keys.to_string(), font, tokens.quiet);
    let size = vec2((galley.size().x + 2.0 * 6.0).max(22.0), galley.size().y + 4.0);
    let cap = Align2::RIGHT_CENTER.anchor_size(right, size);
    ui.painter().rect(cap, CornerRadius::same(3), tokens.surface, tokens.hairline(), StrokeKind::Inside);
    ui.painter().galley(cap.center() - galley.size() / 2.0, galley, tokens.quiet);
    cap
}

/// The keys that work on this screen.
#[derive(Debug, Default)]
pub struct KeysOverlay {
    is_open: bool,
}

impl KeysOverlay {
    /// Opens it.
    pub fn open(&mut self) {
        self.is_open = true;
    }

    /// Whether it is on screen.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Draws it over the window if it is open: every command of `space` with its keys, by group.
    pub fn show(&mut self, ctx: &Context, space: Space) {
        if !self.is_open {
            return;
        }
        let id = Id::unique("keys of this screen");
        let veil = style::Tokens::of(ctx.theme()).veil;
        let area = dialogue_area(id, Align2::CENTER_CENTER, ctx).accessible_name("Keys of this screen");
        let frame = Frame::popup(&ctx.global_style()).inner_margin(Margin::same(style::SPACE_L as i8));
        let closed = Modal::new(id).area(area).backdrop_color(veil).frame(frame).show(ctx, |ui| {
            let window = ctx.content_rect().size() - vec2(4.0 * style::SPACE_XL, 4.0 * style::SPACE_XL);
            ui.set_width(window.x.min(960.0));
            let close = ui
                .horizontal(|ui| {
                    ui.label(RichText::new("Keys of this screen").heading());
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        let button = Button::new(style::quiet(icons::X)).frame(false);
                        ui.add(button).on_hover_text("Close (Esc)").accessible_name("Close").clicked()
                    })
                    .inner
                })
                .inner;
            ui.add_space(style::SPACE_S);
            // The full height at once: the dialogue would otherwise start as low as its first guess.
            let scroll = ScrollArea::vertical().max_height(window.y).min_scrolled_height(window.y);
            scroll.show(ui, |ui| keys_table(ui, space));
            let again = ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Questionmark));
            close || again
        });
        if closed.should_close() || closed.inner {
            self.is_open = false;
        }
    }
}

/// A column of keys narrower than this would lay names under key caps.
const KEYS_WIDTH: f32 = 270.0;

/// Which groups stand below each other in which column, from the widest window to the narrowest.
const COLUMNS: [&[&[Group]]; 3] = [
    &[
        &[Group::Pictures, Group::Network, Group::Timestep],
        &[Group::View, Group::Compare, Group::Heads],
        &[Group::Export, Group::Window],
    ],
    &[
        &[Group::Pictures, Group::Network, Group::Timestep, Group::Compare],
        &[Group::View, Group::Heads, Group::Export, Group::Window],
    ],
    &[&Group::ALL],
];

fn keys_table(ui: &mut Ui, space: Space) {
    let width_of = |columns: usize| {
        let gaps = style::SPACE_XL * (columns - 1) as f32;
        // The scroll bar lies over the right edge.
        (ui.available_width() - gaps - style::SPACE_M) / columns as f32
    };
    let roomy = COLUMNS.into_iter().find(|columns| width_of(columns.len()) >= KEYS_WIDTH);
    let columns = roomy.unwrap_or(COLUMNS[COLUMNS.len() - 1]);
    let width = width_of(columns.len());
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing = vec2(style::SPACE_XL, 0.0);
        for groups in columns {
            ui.vertical(|ui| {
                ui.set_width(width);
                let here =
                    |group: &&Group| Command::all_in(space).any(|command| command.info().group == **group);
                for &group in groups.iter().filter(here) {
                    ui.label(style::quiet(group.title()));
                    ui.add_space(style::SPACE_XS);
                    for command in Command::all_in(space).filter(|command| command.info().group == group) {
                        keys_row(ui, command);
                    }
                    ui.add_space(style::SPACE_L);
                }
            });
        }
    });
}

fn keys_row(ui: &mut Ui, command: Command) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), KEYS_ROW), Sense::hover());
    let keys: Vec<String> = command.info().shortcuts.iter().map(shortcut_text).collect();
    response
        .widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{command}: {}", keys.join(" or "))));
    let font = TextStyle::Body.resolve(ui.style());
    ui.painter().text(rect.left_center(), Align2::LEFT_CENTER, command, font, ui.visuals().text_color());
    let mut right = rect.right_center();
    for keys in keys.iter().rev() {
        let font = TextStyle::Small.resolve(ui.style());
        right.x = paint_keys(ui, right, keys, font).left() - style::SPACE_XS;
    }
    response.on_hover_text(command.info().about);
}

fn dialogue_area(id: Id, pivot: Align2, ctx: &Context) -> Area {
    let down = if pivot == Align2::CENTER_TOP { (ctx.content_rect().height() * 0.12).min(96.0) } else { 0.0 };
    Modal::default_area(id).anchor(pivot, vec2(0.0, down))
}
