//! What can be kept of the screen: as a picture, as a figure, as numbers, or as a command line.

use std::path::Path;

use image::RgbImage;
use serde_json::Value;

use super::command_line::Named;
use crate::error::{Error, Result};
use crate::figure::theme::Theme;
use crate::figure::write::write_png;

/// A kind of file for raw values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// A NumPy array.
    Npy,
    /// A table of text.
    Csv,
    /// Named tensors.
    Safetensors,
}

impl Values {
    /// The kind that the ending of `path` names.
    pub fn of(path: &Path) -> Option<Values> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "npy" => Some(Values::Npy),
            "csv" => Some(Values::Csv),
            "safetensors" => Some(Values::Safetensors),
            _ => None,
        }
    }

    /// The ending of its files.
    pub fn ending(self) -> &'static str {
        match self {
            Values::Npy => "npy",
            Values::Csv => "csv",
            Values::Safetensors => "safetensors",
        }
    }

    /// In words, for a dialog.
    pub fn title(self) -> &'static str {
        match self {
            Values::Npy => "NumPy array",
            Values::Csv => "CSV table",
            Values::Safetensors => "Tensors",
        }
    }
}

/// Something on the screen that can be kept.
pub trait Exhibit: Send {
    /// What it is of, in one line.
    fn title(&self) -> String;

    /// The settings in words, a line each.
    fn lines(&self) -> Vec<String>;

    /// The picture alone.
    ///
    /// # Errors
    /// When it would be too large.
    fn picture(&self) -> Result<RgbImage>;

    /// The picture with title, colour bar and settings.
    ///
    /// # Errors
    /// When it would be too large.
    fn figure(&self, theme: Theme) -> Result<RgbImage>;

    /// The settings for the file's metadata.
    fn settings(&self) -> Value;

    /// A name for its file, without an ending.
    fn file_stem(&self) -> String;

    /// The kinds of files that its raw values can be written to, the most useful first.
    fn kinds_of_values(&self) -> Vec<Values>;

    /// Writes the raw values; `kind` is one of [`Exhibit::kinds_of_values`].
    ///
    /// # Errors
    /// When the file exists and `force` is false, or the disk refuses.
    fn write_values(&self, path: &Path, kind: Values, force: bool) -> Result<()>;

    /// The command line that writes the same.
    fn command_line(&self, named: &Named<'_>) -> String;

    /// Writes it to `path`: `.png` (with title, colour bar and settings if `captioned`), or the raw
    /// values.
    ///
    /// # Errors
    /// When the ending is another, the file exists and `force` is false, or the disk refuses.
    fn write(&self, path: &Path, captioned: bool, force: bool) -> Result<()> {
        let is_png = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
        if is_png {
            let image = if captioned { self.figure(Theme::Light)? } else { self.picture()? };
            return write_png(path, &image, Some(&self.settings().to_string()), force);
        }
        let kinds = self.kinds_of_values();
        match Values::of(path).filter(|kind| kinds.contains(kind)) {
            Some(kind) => self.write_values(path, kind, force),
            None => {
                let endings: Vec<String> = kinds.iter().map(|kind| format!(".{}", kind.ending())).collect();
                Err(Error::Setting(format!(
                    "{}: it is written as .png, its raw values as {}; choose one of these endings",
                    path.display(),
                    endings.join(" or ")
                )))
            }
        }
    }
}
