//! What a user chooses of an export.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// What labels are written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExportFormat {
    /// A table that comes in again as it went out.
    #[default]
    Csv,
    /// The pictures themselves, in one folder per class.
    Folders,
    /// Tasks of Label Studio with a labelling configuration beside.
    LabelStudio,
    /// A `FiftyOneImageClassificationDataset`.
    Fiftyone,
    /// COCO's JSON with annotations that are categories only.
    Coco,
    /// Vectors and metadata for the projector of TensorBoard.
    Projector,
}

impl ExportFormat {
    /// All, as they are offered.
    pub const ALL: [ExportFormat; 6] = [
        ExportFormat::Csv,
        ExportFormat::Folders,
        ExportFormat::LabelStudio,
        ExportFormat::Fiftyone,
        ExportFormat::Coco,
        ExportFormat::Projector,
    ];

    /// Its name in flags and files.
    pub fn name(self) -> &'static str {
        match self {
            ExportFormat::Csv => "csv",
            ExportFormat::Folders => "folders",
            ExportFormat::LabelStudio => "label-studio",
            ExportFormat::Fiftyone => "fiftyone",
            ExportFormat::Coco => "coco",
            ExportFormat::Projector => "projector",
        }
    }

    /// Whether it is written to a folder, not to a file.
    pub fn is_folder(self) -> bool {
        matches!(self, ExportFormat::Folders | ExportFormat::Fiftyone | ExportFormat::Projector)
    }
}

/// How pictures come into the folders of their classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Carry {
    /// As copies; pictures in files of many as PNG.
    #[default]
    Copy,
    /// As hard links: the same file under another name, on the same disk.
    Link,
    /// As symbolic links, which break when the picture is moved.
    Symlink,
    /// The picture is moved; a journal in the target says from where.
    Move,
}

impl Carry {
    /// All, as they are offered.
    pub const ALL: [Carry; 4] = [Carry::Copy, Carry::Link, Carry::Symlink, Carry::Move];

    /// Its name in flags and files.
    pub fn name(self) -> &'static str {
        match self {
            Carry::Copy => "copy",
            Carry::Link => "link",
            Carry::Symlink => "symlink",
            Carry::Move => "move",
        }
    }

    /// What was done to a picture, in words.
    pub fn done(self) -> &'static str {
        match self {
            Carry::Copy => "copied",
            Carry::Link => "linked (hard links)",
            Carry::Symlink => "linked (symbolic links)",
            Carry::Move => "moved",
        }
    }
}

macro_rules! named {
    ($kind:ident, $what:literal) => {
        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $kind {
            type Err = Error;

            fn from_str(text: &str) -> Result<$kind, Error> {
                $kind::ALL.into_iter().find(|one| one.name() == text).ok_or_else(|| {
                    let names = $kind::ALL.map($kind::name).join(", ");
                    Error::Setting(format!("{text:?} is no {}; use one of {names}", $what))
                })
            }
        }
    };
}

named!(ExportFormat, "format of labels");
named!(Carry, "way to carry pictures");

/// Everything that a user chooses of an export but its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExportConfig {
    /// What labels are written as.
    pub format: ExportFormat,
    /// What a head suggests goes out too, in fields of its own.
    pub suggestions: bool,
    /// Folders: how pictures come into them.
    pub how: Carry,
    /// Folders: one for what the user cannot tell, too.
    pub unsure: bool,
    /// Folders: one for what is of none of the classes, too.
    pub outside: bool,
    /// Folders: names that are taken get a number, instead of being in the way.
    pub number: bool,
    /// Label Studio: the folder that it serves files from (`LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT`). By
    /// default the one above the folder that all pictures lie in.
    pub root: Option<PathBuf>,
    /// Projector: the labels as the only column, which then has no header.
    pub labels_only: bool,
}
