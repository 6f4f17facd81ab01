//! The bundled fonts: figures and the window draw with these and no other, so that they look the
//! same everywhere. Origin and licences are in `assets/fonts`.

/// Inter, regular: all running text. Its digits are of equal width.
pub const PROPORTIONAL: &[u8] = include_bytes!("../../assets/fonts/Inter-Regular.otf");

/// JetBrains Mono, regular: columns of numbers, paths and commands.
pub const TABULAR: &[u8] = include_bytes!("../../assets/fonts/JetBrainsMono-Regular.ttf");

/// Phosphor, regular: icons in the private use area, and ☐ ☑.
pub const ICONS: &[u8] = include_bytes!("../../assets/fonts/Phosphor.ttf");
