//! Colours, spacing, type and fonts: nowhere else.

use std::collections::BTreeMap;
use std::sync::Arc;

use eframe::egui::ecolor::Hsva;
use eframe::egui::style::{ScrollAnimation, Selection, TextCursorStyle, WidgetVisuals, Widgets};
use eframe::egui::{
    Align, Color32, Context, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Label, Margin,
    Response, RichText, Shadow, Stroke, Style, TextStyle, Theme, Ui, Visuals, vec2,
};

use crate::figure::fonts;

/// Spacing between things that belong together, in points.
pub const SPACE_XS: f32 = 4.0;
/// Spacing between neighbours.
pub const SPACE_S: f32 = 8.0;
/// Margin inside a panel.
pub const SPACE_M: f32 = 12.0;
/// Spacing between groups.
pub const SPACE_L: f32 = 16.0;
/// Spacing between parts of a screen.
pub const SPACE_XL: f32 = 24.0;
/// Radius of every rounded corner, in points.
pub const RADIUS: u8 = 4;
/// Width of every thin line, in points.
pub const HAIRLINE: f32 = 1.0;

/// Sizes of type at text scale 1: small, body, heading, title.
pub const TYPE_SIZES: [f32; 4] = [12.0, 14.0, 18.0, 24.0];
/// Text may be scaled between these.
pub const TEXT_SCALE_RANGE: std::ops::RangeInclusive<f32> = 0.75..=2.0;

/// The name of the text style for the one title of a screen.
pub fn title() -> TextStyle {
    TextStyle::Name("title".into())
}

/// The colours of one theme.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tokens {
    /// Background of the window.
    pub surface: Color32,
    /// Background of things that lie on it: cards, menus, buttons.
    pub raised: Color32,
    /// Background of things cut into it: fields, rails, picture wells.
    pub sunken: Color32,
    /// Thin lines.
    pub line: Color32,
    /// Text.
    pub text: Color32,
    /// Text that steps back.
    pub quiet: Color32,
    /// Shapes that carry information without asking for attention, as a computed block.
    pub solid: Color32,
    /// The selection and the primary button.
    pub accent: Color32,
    /// Text on the accent.
    pub on_accent: Color32,
    /// The accent as a background under text.
    pub accent_wash: Color32,
    /// Text that opens something elsewhere: the accent, dark enough to be read.
    pub link: Color32,
    /// Something to know before trusting a result.
    pub warning: Color32,
    /// Something failed.
    pub error: Color32,
    /// Something worked.
    pub good: Color32,
    /// Under a dialogue, over the rest.
    pub veil: Color32,
}

const ACCENT: Color32 = Color32::from_rgb(0x4c, 0x9a, 0xff);
const WARNING: Color32 = Color32::from_rgb(0xe0, 0xa2, 0x3c);
const ERROR: Color32 = Color32::from_rgb(0xe5, 0x60, 0x4d);
const GOOD: Color32 = Color32::from_rgb(0x4f, 0xb2, 0x86);

/// The dark palette, the default.
pub const DARK: Tokens = Tokens {
    surface: Color32::from_rgb(0x16, 0x18, 0x1c),
    raised: Color32::from_rgb(0x1e, 0x21, 0x26),
    sunken: Color32::from_rgb(0x11, 0x13, 0x16),
    line: Color32::from_rgb(0x2c, 0x30, 0x38),
    text: Color32::from_rgb(0xe6, 0xe8, 0xeb),
    quiet: Color32::from_rgb(0x9a, 0xa3, 0xad),
    solid: Color32::from_rgb(0x5b, 0x64, 0x70),
    accent: ACCENT,
    on_accent: Color32::from_rgb(0x0d, 0x16, 0x22),
    accent_wash: Color32::from_rgb(0x1f, 0x33, 0x4d),
    link: ACCENT,
    warning: WARNING,
    error: ERROR,
    good: GOOD,
    veil: Color32::from_black_alpha(0x78),
};

/// The light palette.
pub const LIGHT: Tokens = Tokens {
    surface: Color32::from_rgb(0xfb, 0xfb, 0xfa),
    raised: Color32::from_rgb(0xff, 0xff, 0xff),
    sunken: Color32::from_rgb(0xf1, 0xf2, 0xf3),
    line: Color32::from_rgb(0xe2, 0xe4, 0xe8),
    text: Color32::from_rgb(0x1b, 0x1e, 0x23),
    quiet: Color32::from_rgb(0x5d, 0x66, 0x70),
    solid: Color32::from_rgb(0x9c, 0xa5, 0xb0),
    accent: ACCENT,
    on_accent: Color32::from_rgb(0x0d, 0x16, 0x22),
    accent_wash: Color32::from_rgb(0xdc, 0xea, 0xff),
    link: Color32::from_rgb(0x1f, 0x66, 0xc4),
    warning: WARNING,
    error: ERROR,
    good: GOOD,
    veil: Color32::from_black_alpha(0x38),
};

impl Tokens {
    /// The colours of `theme`.
    pub fn of(theme: Theme) -> &'static Tokens {
        match theme {
            Theme::Dark => &DARK,
            Theme::Light => &LIGHT,
        }
    }

    /// A line of the theme's colour, one point wide.
    pub fn hairline(&self) -> Stroke {
        Stroke::new(HAIRLINE, self.line)
    }
}

/// The colours that `ui` is drawn with.
pub fn tokens(ui: &Ui) -> &'static Tokens {
    if ui.visuals().dark_mode { &DARK } else { &LIGHT }
}

/// Gives `ctx` the bundled fonts and no others: proportional, tabular (the monospace family) and icons.
/// To be called once, before the first frame.
pub fn install_fonts(ctx: &Context) {
    let [text, tabular, icons] = ["text", "tabular", "icons"];
    let data = [(text, fonts::PROPORTIONAL), (tabular, fonts::TABULAR), (icons, fonts::ICONS)]
        .map(|(name, bytes)| (name.to_string(), Arc::new(FontData::from_static(bytes))));
    // A character that one font lacks is looked up in the next.
    let families =
        [(FontFamily::Proportional, [text, tabular, icons]), (FontFamily::Monospace, [tabular, text, icons])]
            .map(|(family, order)| (family, order.map(String::from).to_vec()));
    ctx.set_fonts(FontDefinitions { font_data: data.into(), families: families.into() });
}

/// Makes `ctx` look like difscope: colours of `theme`, type scaled by `text_scale` (clamped to
/// [`TEXT_SCALE_RANGE`]). Cheap enough to call whenever either changes; not meant for every frame.
pub fn apply(ctx: &Context, theme: Theme, text_scale: f32) {
    let scale = text_scale.clamp(*TEXT_SCALE_RANGE.start(), *TEXT_SCALE_RANGE.end());
    for each in [Theme::Dark, Theme::Light] {
        ctx.set_style_of(each, style(each, scale));
    }
    ctx.set_theme(theme);
    // Text is scaled by commands of our own, which remember the scale.
    ctx.options_mut(|options| options.zoom_with_keyboard = false);
}

fn style(theme: Theme, scale: f32) -> Style {
    let mut style = Style { visuals: visuals(theme), ..theme.default_style() };
    style.text_styles = text_styles(scale);
    style.drag_value_text_style = TextStyle::Monospace;
    style.animation_time = 0.08;
    style.scroll_animation = ScrollAnimation::duration(0.1);
    style.url_in_tooltip = true;
    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(SPACE_S, SPACE_S);
    spacing.button_padding = vec2(SPACE_S, SPACE_XS);
    spacing.window_margin = Margin::same(SPACE_M as i8);
    spacing.menu_margin = Margin::same(SPACE_XS as i8);
    spacing.interact_size = vec2(40.0, 24.0) * scale.max(1.0);
    spacing.slider_rail_height = 4.0;
    spacing.icon_width = 16.0 * scale.max(1.0);
    spacing.icon_width_inner = 8.0 * scale.max(1.0);
    spacing.tooltip_width = 360.0;
    spacing.indent = SPACE_L;
    // What is cut off must be seen to be cut off, also where the pointer is elsewhere.
    spacing.scroll.floating_width = 4.0;
    spacing.scroll.dormant_handle_opacity = 0.4;
    style.interaction.tooltip_delay = 0.35;
    style.interaction.selectable_labels = false;
    style
}

fn text_styles(scale: f32) -> BTreeMap<TextStyle, FontId> {
    let [small, body, heading, big] = TYPE_SIZES.map(|size| size * scale);
    BTreeMap::from([
        (TextStyle::Small, FontId::proportional(small)),
        (TextStyle::Body, FontId::proportional(body)),
        (TextStyle::Button, FontId::proportional(body)),
        (TextStyle::Monospace, FontId::monospace(body)),
        (TextStyle::Heading, FontId::proportional(heading)),
        (title(), FontId::proportional(big)),
    ])
}

fn visuals(theme: Theme) -> Visuals {
    let tokens = Tokens::of(theme);
    let radius = CornerRadius::same(RADIUS);
    let shadow = Shadow { offset: [0, 4], blur: 16, spread: 0, color: tokens.veil };
    Visuals {
        weak_text_color: Some(tokens.quiet),
        widgets: widget_visuals(tokens),
        selection: Selection { bg_fill: tokens.accent_wash, stroke: Stroke::new(HAIRLINE, tokens.text) },
        hyperlink_color: tokens.link,
        faint_bg_color: tokens.raised,
        extreme_bg_color: tokens.sunken,
        text_edit_bg_color: Some(tokens.sunken),
        code_bg_color: tokens.sunken,
        warn_fg_color: tokens.warning,
        error_fg_color: tokens.error,
        window_corner_radius: radius,
        menu_corner_radius: radius,
        window_shadow: shadow,
        popup_shadow: shadow,
        window_fill: tokens.raised,
        panel_fill: tokens.surface,
        window_stroke: tokens.hairline(),
        window_highlight_topmost: false,
        text_cursor: TextCursorStyle {
            stroke: Stroke::new(1.5, tokens.accent),
            blink: false,
            ..Default::default()
        },
        indent_has_left_vline: false,
        slider_trailing_fill: true,
        ..theme.default_visuals()
    }
}

fn widget_visuals(tokens: &Tokens) -> Widgets {
    let base = WidgetVisuals {
        bg_fill: tokens.raised,
        weak_bg_fill: tokens.raised,
        bg_stroke: tokens.hairline(),
        corner_radius: CornerRadius::same(RADIUS),
        fg_stroke: Stroke::new(HAIRLINE, tokens.text),
        expansion: 0.0,
    };
    let hover = blend(tokens.raised, tokens.text, 0.07);
    let press = blend(tokens.raised, tokens.text, 0.13);
    let hover_line = Stroke::new(HAIRLINE, blend(tokens.line, tokens.text, 0.3));
    Widgets {
        noninteractive: WidgetVisuals { bg_fill: tokens.surface, weak_bg_fill: tokens.surface, ..base },
        inactive: base,
        hovered: WidgetVisuals { bg_fill: hover, weak_bg_fill: hover, bg_stroke: hover_line, ..base },
        active: WidgetVisuals { bg_fill: press, weak_bg_fill: press, bg_stroke: hover_line, ..base },
        open: WidgetVisuals { bg_fill: hover, weak_bg_fill: hover, ..base },
    }
}

/// `share` of `over` laid on `under`, in gamma space: for hover tints and dimming.
pub fn blend(under: Color32, over: Color32, share: f32) -> Color32 {
    under.lerp_to_gamma(over, share.clamp(0.0, 1.0))
}

/// Text that steps back.
pub fn quiet(text: impl Into<String>) -> RichText {
    RichText::new(text).weak()
}

/// A heading over a part of a panel.
pub fn heading(ui: &mut Ui, text: impl Into<String>) -> Response {
    ui.add(Label::new(RichText::new(text).strong()).extend())
}

/// A number or a value with its unit: tabular figures, right-aligned.
pub fn number(text: impl Into<String>) -> Label {
    Label::new(RichText::new(text).monospace()).halign(Align::RIGHT)
}

/// Adds the one button of a panel that does what the panel is for.
pub fn primary_button(ui: &mut Ui, text: impl Into<String>) -> Response {
    let tokens = tokens(ui);
    let text = RichText::new(text).color(tokens.on_accent);
    ui.scope(|ui| {
        let widgets = &mut ui.visuals_mut().widgets;
        let looks = [(&mut widgets.inactive, 0.0), (&mut widgets.hovered, 0.15), (&mut widgets.active, 0.3)];
        for (look, share) in looks {
            look.weak_bg_fill = blend(tokens.accent, tokens.surface, share);
            look.bg_stroke = Stroke::NONE;
        }
        ui.button(text)
    })
    .inner
}

/// Okabe and Ito's colours that stand out on dark and on light, in the order they are given out.
const OKABE_ITO: [Color32; 7] = [
    Color32::from_rgb(0xe6, 0x9f, 0x00),
    Color32::from_rgb(0x56, 0xb4, 0xe9),
    Color32::from_rgb(0x00, 0x9e, 0x73),
    Color32::from_rgb(0xcc, 0x79, 0xa7),
    Color32::from_rgb(0xd5, 0x5e, 0x00),
    Color32::from_rgb(0x00, 0x72, 0xb2),
    Color32::from_rgb(0xf0, 0xe4, 0x42),
];

/// The colour of class `index`, the same in every chart, chip and map: Okabe and Ito's set first,
/// then hues a golden angle apart in two brightnesses.
pub fn class_colour(index: usize) -> Color32 {
    if let Some(&colour) = OKABE_ITO.get(index) {
        return colour;
    }
    let turn = (index - OKABE_ITO.len()) as f32;
    let value = if turn % 2.0 == 0.0 { 0.85 } else { 0.62 };
    Hsva::new((0.08 + turn * 0.618_034).fract(), 0.55, value, 1.0).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance of WCAG 2.
    fn luminance(colour: Color32) -> f64 {
        let linear = |byte: u8| {
            let value = f64::from(byte) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(colour.r()) + 0.7152 * linear(colour.g()) + 0.0722 * linear(colour.b())
    }

    fn contrast(a: Color32, b: Color32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_can_be_read_on_every_background() {
        for tokens in [&DARK, &LIGHT] {
            for back in [tokens.surface, tokens.raised, tokens.sunken, tokens.accent_wash] {
                assert!(contrast(tokens.text, back) > 7.0, "{tokens:?}");
                assert!(contrast(tokens.quiet, back) > 4.5, "{tokens:?}");
                assert!(contrast(tokens.link, back) > 4.0, "{tokens:?}");
            }
            assert!(contrast(tokens.on_accent, tokens.accent) > 4.5);
        }
    }

    #[test]
    fn classes_have_different_colours() {
        let colours: std::collections::HashSet<_> = (0..40).map(class_colour).collect();
        assert_eq!(colours.len(), 40);
        assert_eq!(class_colour(39), class_colour(39));
    }

    #[test]
    fn applying_sets_theme_type_and_leaves_zoom_to_the_commands() {
        let ctx = Context::default();
        apply(&ctx, Theme::Light, 1.5);
        assert_eq!(ctx.theme(), Theme::Light);
        let style = ctx.style_of(Theme::Light);
        assert_eq!(TextStyle::Body.resolve(&style).size, 21.0);
        assert_eq!(title().resolve(&style).size, 36.0);
        assert_eq!(style.visuals.panel_fill, LIGHT.surface);
        assert!(!ctx.options(|options| options.zoom_with_keyboard));
        apply(&ctx, Theme::Dark, 99.0);
        assert_eq!(TextStyle::Small.resolve(&ctx.style_of(Theme::Dark)).size, 24.0);
    }
}
