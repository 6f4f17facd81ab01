//! Codepoints of the bundled icon font (Phosphor, regular), by the names that Phosphor gives them.
//!
//! The subset in `assets/fonts/Phosphor.ttf` holds these icons and no other; a constant is the icon's
//! character as a string, ready to stand in a label.

// Files and pictures.

/// `folder`.
pub const FOLDER: &str = "\u{e24a}";
/// `folder-open`.
pub const FOLDER_OPEN: &str = "\u{e256}";
/// `file`.
pub const FILE: &str = "\u{e230}";
/// `file-plus`.
pub const FILE_PLUS: &str = "\u{e236}";
/// `file-image`.
pub const FILE_IMAGE: &str = "\u{ea24}";
/// `file-csv`.
pub const FILE_CSV: &str = "\u{eb1c}";
/// `image`.
pub const IMAGE: &str = "\u{e2ca}";
/// `images`.
pub const IMAGES: &str = "\u{e836}";
/// `download-simple`.
pub const DOWNLOAD_SIMPLE: &str = "\u{e20c}";
/// `upload-simple`.
pub const UPLOAD_SIMPLE: &str = "\u{e4c0}";
/// `export`.
pub const EXPORT: &str = "\u{eaf0}";
/// `floppy-disk`.
pub const FLOPPY_DISK: &str = "\u{e248}";
/// `database`.
pub const DATABASE: &str = "\u{e1de}";
/// `hard-drives`.
pub const HARD_DRIVES: &str = "\u{e2a0}";
/// `trash`.
pub const TRASH: &str = "\u{e4a6}";

// Editing.

/// `copy`.
pub const COPY: &str = "\u{e1ca}";
/// `clipboard`.
pub const CLIPBOARD: &str = "\u{e196}";
/// `clipboard-text`.
pub const CLIPBOARD_TEXT: &str = "\u{e198}";
/// `note-pencil`.
pub const NOTE_PENCIL: &str = "\u{e34c}";
/// `pencil-simple`.
pub const PENCIL_SIMPLE: &str = "\u{e3b4}";
/// `scissors`.
pub const SCISSORS: &str = "\u{eae0}";
/// `plus`.
pub const PLUS: &str = "\u{e3d4}";
/// `minus`.
pub const MINUS: &str = "\u{e32a}";
/// `x`.
pub const X: &str = "\u{e4f6}";
/// `check`.
pub const CHECK: &str = "\u{e182}";
/// `arrow-counter-clockwise`.
pub const ARROW_COUNTER_CLOCKWISE: &str = "\u{e038}";
/// `arrow-clockwise`.
pub const ARROW_CLOCKWISE: &str = "\u{e036}";
/// `arrows-clockwise`.
pub const ARROWS_CLOCKWISE: &str = "\u{e094}";
/// `swap`.
pub const SWAP: &str = "\u{e83c}";
/// `link`.
pub const LINK: &str = "\u{e2e2}";
/// `link-break`.
pub const LINK_BREAK: &str = "\u{e2e4}";
/// `lock`.
pub const LOCK: &str = "\u{e2fa}";
/// `lock-open`.
pub const LOCK_OPEN: &str = "\u{e306}";
/// `push-pin`.
pub const PUSH_PIN: &str = "\u{e3e2}";
/// `push-pin-slash`.
pub const PUSH_PIN_SLASH: &str = "\u{e3e4}";
/// `tag`.
pub const TAG: &str = "\u{e478}";
/// `star`.
pub const STAR: &str = "\u{e46a}";
/// `flag`.
pub const FLAG: &str = "\u{e244}";
/// `bookmark-simple`.
pub const BOOKMARK_SIMPLE: &str = "\u{e0ea}";

// Moving about.

/// `arrow-left`.
pub const ARROW_LEFT: &str = "\u{e058}";
/// `arrow-right`.
pub const ARROW_RIGHT: &str = "\u{e06c}";
/// `arrow-up`.
pub const ARROW_UP: &str = "\u{e08e}";
/// `arrow-down`.
pub const ARROW_DOWN: &str = "\u{e03e}";
/// `caret-left`.
pub const CARET_LEFT: &str = "\u{e138}";
/// `caret-right`.
pub const CARET_RIGHT: &str = "\u{e13a}";
/// `caret-up`.
pub const CARET_UP: &str = "\u{e13c}";
/// `caret-down`.
pub const CARET_DOWN: &str = "\u{e136}";
/// `caret-double-left`.
pub const CARET_DOUBLE_LEFT: &str = "\u{e128}";
/// `caret-double-right`.
pub const CARET_DOUBLE_RIGHT: &str = "\u{e12a}";
/// `magnifying-glass`.
pub const MAGNIFYING_GLASS: &str = "\u{e30c}";
/// `magnifying-glass-plus`.
pub const MAGNIFYING_GLASS_PLUS: &str = "\u{e310}";
/// `magnifying-glass-minus`.
pub const MAGNIFYING_GLASS_MINUS: &str = "\u{e30e}";
/// `arrows-out-cardinal`.
pub const ARROWS_OUT_CARDINAL: &str = "\u{e0a4}";
/// `corners-out`.
pub const CORNERS_OUT: &str = "\u{e1d0}";
/// `corners-in`.
pub const CORNERS_IN: &str = "\u{e1ce}";
/// `frame-corners`.
pub const FRAME_CORNERS: &str = "\u{e626}";
/// `crosshair`.
pub const CROSSHAIR: &str = "\u{e1d6}";
/// `target`.
pub const TARGET: &str = "\u{e47c}";
/// `cursor-click`.
pub const CURSOR_CLICK: &str = "\u{e7c8}";
/// `selection`.
pub const SELECTION: &str = "\u{e69a}";
/// `dots-three`.
pub const DOTS_THREE: &str = "\u{e1fe}";
/// `dots-three-vertical`.
pub const DOTS_THREE_VERTICAL: &str = "\u{e208}";

// Running.

/// `play`.
pub const PLAY: &str = "\u{e3d0}";
/// `stop`.
pub const STOP: &str = "\u{e46c}";
/// `pause`.
pub const PAUSE: &str = "\u{e39e}";
/// `dice-five`.
pub const DICE_FIVE: &str = "\u{e1ee}";
/// `shuffle`.
pub const SHUFFLE: &str = "\u{e422}";
/// `hourglass`.
pub const HOURGLASS: &str = "\u{e2b2}";
/// `clock`.
pub const CLOCK: &str = "\u{e19a}";
/// `clock-counter-clockwise`.
pub const CLOCK_COUNTER_CLOCKWISE: &str = "\u{e1a0}";
/// `circle-notch`.
pub const CIRCLE_NOTCH: &str = "\u{eb44}";
/// `gauge`.
pub const GAUGE: &str = "\u{e628}";
/// `lightning`.
pub const LIGHTNING: &str = "\u{e2de}";
/// `cpu`.
pub const CPU: &str = "\u{e610}";
/// `plugs`.
pub const PLUGS: &str = "\u{eb56}";

// Views and charts.

/// `squares-four`.
pub const SQUARES_FOUR: &str = "\u{e464}";
/// `grid-four`.
pub const GRID_FOUR: &str = "\u{e296}";
/// `grid-nine`.
pub const GRID_NINE: &str = "\u{ec8c}";
/// `rows`.
pub const ROWS: &str = "\u{e5a2}";
/// `columns`.
pub const COLUMNS: &str = "\u{e546}";
/// `list`.
pub const LIST: &str = "\u{e2f0}";
/// `list-bullets`.
pub const LIST_BULLETS: &str = "\u{e2f2}";
/// `table`.
pub const TABLE: &str = "\u{e476}";
/// `layout`.
pub const LAYOUT: &str = "\u{e6d6}";
/// `sidebar-simple`.
pub const SIDEBAR_SIMPLE: &str = "\u{ec24}";
/// `stack`.
pub const STACK: &str = "\u{e466}";
/// `cards`.
pub const CARDS: &str = "\u{e0f8}";
/// `graph`.
pub const GRAPH: &str = "\u{eb58}";
/// `tree-structure`.
pub const TREE_STRUCTURE: &str = "\u{e67c}";
/// `network`.
pub const NETWORK: &str = "\u{edde}";
/// `brain`.
pub const BRAIN: &str = "\u{e74e}";
/// `cube`.
pub const CUBE: &str = "\u{e1da}";
/// `chart-bar`.
pub const CHART_BAR: &str = "\u{e150}";
/// `chart-line`.
pub const CHART_LINE: &str = "\u{e154}";
/// `chart-line-up`.
pub const CHART_LINE_UP: &str = "\u{e156}";
/// `chart-scatter`.
pub const CHART_SCATTER: &str = "\u{eaac}";
/// `percent`.
pub const PERCENT: &str = "\u{e3b6}";
/// `ruler`.
pub const RULER: &str = "\u{e6b8}";
/// `wave-sine`.
pub const WAVE_SINE: &str = "\u{ea9a}";
/// `gradient`.
pub const GRADIENT: &str = "\u{eb42}";
/// `palette`.
pub const PALETTE: &str = "\u{e6c8}";
/// `drop`.
pub const DROP: &str = "\u{e210}";
/// `aperture`.
pub const APERTURE: &str = "\u{e00a}";
/// `circle`.
pub const CIRCLE: &str = "\u{e18a}";
/// `circle-half`.
pub const CIRCLE_HALF: &str = "\u{e18c}";
/// `square`.
pub const SQUARE: &str = "\u{e45e}";
/// `check-square`.
pub const CHECK_SQUARE: &str = "\u{e186}";
/// `intersect`.
pub const INTERSECT: &str = "\u{e2d2}";
/// `exclude`.
pub const EXCLUDE: &str = "\u{e882}";
/// `eye`.
pub const EYE: &str = "\u{e220}";
/// `eye-slash`.
pub const EYE_SLASH: &str = "\u{e224}";
/// `sliders`.
pub const SLIDERS: &str = "\u{e432}";
/// `sliders-horizontal`.
pub const SLIDERS_HORIZONTAL: &str = "\u{e434}";
/// `funnel`.
pub const FUNNEL: &str = "\u{e266}";
/// `sort-ascending`.
pub const SORT_ASCENDING: &str = "\u{e444}";
/// `sort-descending`.
pub const SORT_DESCENDING: &str = "\u{e446}";
/// `sparkle`.
pub const SPARKLE: &str = "\u{e6a2}";
/// `graduation-cap`.
pub const GRADUATION_CAP: &str = "\u{e62c}";

// The program.

/// `gear`.
pub const GEAR: &str = "\u{e270}";
/// `moon`.
pub const MOON: &str = "\u{e330}";
/// `sun`.
pub const SUN: &str = "\u{e472}";
/// `command`.
pub const COMMAND: &str = "\u{e1c4}";
/// `keyboard`.
pub const KEYBOARD: &str = "\u{e2d8}";
/// `terminal`.
pub const TERMINAL: &str = "\u{e47e}";
/// `terminal-window`.
pub const TERMINAL_WINDOW: &str = "\u{eae8}";
/// `code`.
pub const CODE: &str = "\u{e1bc}";
/// `hash`.
pub const HASH: &str = "\u{e2a2}";
/// `text-aa`.
pub const TEXT_AA: &str = "\u{e6ee}";
/// `info`.
pub const INFO: &str = "\u{e2ce}";
/// `question`.
pub const QUESTION: &str = "\u{e3e8}";
/// `warning`.
pub const WARNING: &str = "\u{e4e0}";
/// `warning-circle`.
pub const WARNING_CIRCLE: &str = "\u{e4e2}";
/// `check-circle`.
pub const CHECK_CIRCLE: &str = "\u{e184}";
/// `prohibit`.
pub const PROHIBIT: &str = "\u{e3de}";
/// `bug`.
pub const BUG: &str = "\u{e5f4}";
/// `sign-out`.
pub const SIGN_OUT: &str = "\u{e42a}";

/// Every icon above.
pub const ALL: [&str; 136] = [
    FOLDER,
    FOLDER_OPEN,
    FILE,
    FILE_PLUS,
    FILE_IMAGE,
    FILE_CSV,
    IMAGE,
    IMAGES,
    DOWNLOAD_SIMPLE,
    UPLOAD_SIMPLE,
    EXPORT,
    FLOPPY_DISK,
    DATABASE,
    HARD_DRIVES,
    TRASH,
    COPY,
    CLIPBOARD,
    CLIPBOARD_TEXT,
    NOTE_PENCIL,
    PENCIL_SIMPLE,
    SCISSORS,
    PLUS,
    MINUS,
    X,
    CHECK,
    ARROW_COUNTER_CLOCKWISE,
    ARROW_CLOCKWISE,
    ARROWS_CLOCKWISE,
    SWAP,
    LINK,
    LINK_BREAK,
    LOCK,
    LOCK_OPEN,
    PUSH_PIN,
    PUSH_PIN_SLASH,
    TAG,
    STAR,
    FLAG,
    BOOKMARK_SIMPLE,
    ARROW_LEFT,
    ARROW_RIGHT,
    ARROW_UP,
    ARROW_DOWN,
    CARET_LEFT,
    CARET_RIGHT,
    CARET_UP,
    CARET_DOWN,
    CARET_DOUBLE_LEFT,
    CARET_DOUBLE_RIGHT,
    MAGNIFYING_GLASS,
    MAGNIFYING_GLASS_PLUS,
    MAGNIFYING_GLASS_MINUS,
    ARROWS_OUT_CARDINAL,
    CORNERS_OUT,
    CORNERS_IN,
    FRAME_CORNERS,
    CROSSHAIR,
    TARGET,
    CURSOR_CLICK,
    SELECTION,
    DOTS_THREE,
    DOTS_THREE_VERTICAL,
    PLAY,
    STOP,
    PAUSE,
    DICE_FIVE,
    SHUFFLE,
    HOURGLASS,
    CLOCK,
    CLOCK_COUNTER_CLOCKWISE,
    CIRCLE_NOTCH,
    GAUGE,
    LIGHTNING,
    CPU,
    PLUGS,
    SQUARES_FOUR,
    GRID_FOUR,
    GRID_NINE,
    ROWS,
    COLUMNS,
    LIST,
    LIST_BULLETS,
    TABLE,
    LAYOUT,
    SIDEBAR_SIMPLE,
    STACK,
    CARDS,
    GRAPH,
    TREE_STRUCTURE,
    NETWORK,
    BRAIN,
    CUBE,
    CHART_BAR,
    CHART_LINE,
    CHART_LINE_UP,
    CHART_SCATTER,
    PERCENT,
    RULER,
    WAVE_SINE,
    GRADIENT,
    PALETTE,
    DROP,
    APERTURE,
    CIRCLE,
    CIRCLE_HALF,
    SQUARE,
    CHECK_SQUARE,
    INTERSECT,
    EXCLUDE,
    EYE,
    EYE_SLASH,
    SLIDERS,
    SLIDERS_HORIZONTAL,
    FUNNEL,
    SORT_ASCENDING,
    SORT_DESCENDING,
    SPARKLE,
    GRADUATION_CAP,
    GEAR,
    MOON,
    SUN,
    COMMAND,
    KEYBOARD,
    TERMINAL,
    TERMINAL_WINDOW,
    CODE,
    HASH,
    TEXT_AA,
    INFO,
    QUESTION,
    WARNING,
    WARNING_CIRCLE,
    CHECK_CIRCLE,
    PROHIBIT,
    BUG,
    SIGN_OUT,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ab_glyph::{Font as _, FontRef, ScaleFont as _};

    use super::ALL;
    use crate::figure::fonts;

    #[test]
    fn every_icon_is_one_character_of_the_font() {
        let font = FontRef::try_from_slice(fonts::ICONS).unwrap();
        for icon in ALL {
            let character = icon.chars().next().unwrap();
            assert_eq!(icon.chars().count(), 1);
            let glyph = font.as_scaled(16.0).scaled_glyph(character);
            assert_ne!(glyph.id.0, 0, "U+{:04X} is not in the icon font", u32::from(character));
            assert!(font.outline_glyph(glyph).is_some(), "U+{:04X} is blank", u32::from(character));
        }
    }

    #[test]
    fn no_two_names_share_an_icon() {
        assert_eq!(ALL.iter().collect::<BTreeSet<_>>().len(), ALL.len());
    }
}
