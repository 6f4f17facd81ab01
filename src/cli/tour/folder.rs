//! The folder of a tour: its own, or not touched.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use image::RgbImage;

use super::{Failure, Tour};
use crate::error::{Error, Result};
use crate::figure::write::{atomic, write_png};

/// The page that explains the files.
pub const PAGE: &str = "index.html";
/// The list of the files, by which a folder is known as the tour's.
const LIST: &str = "tour.json";
/// What the list says of its maker.
pub const PROGRAM: &str = "difscope tour";
/// Longest list that is looked into.
const MAX_LIST: u64 = 1 << 20;

/// A folder that the tour may write to.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes the folder, or takes one that is empty or that an earlier tour made.
    ///
    /// # Errors
    /// When it holds other things and `force` is false, or cannot be made.
    pub fn open(path: &Path, force: bool) -> Result<Folder> {
        fs::create_dir_all(path).map_err(Error::io("create", path))?;
        let mut entries = fs::read_dir(path).map_err(Error::io("list", path))?;
        if entries.next().is_some() && !is_tour(path) && !force {
            return Err(Error::Setting(format!(
                "{} holds other files; choose another folder with --out, or add --force to write among them",
                path.display()
            )));
        }
        Ok(Folder(path.to_path_buf()))
    }

    /// The path of a file in it.
    pub fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    /// Writes a figure.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write_png(&self, file: &str, image: &RgbImage) -> Result<()> {
        write_png(&self.path(file), image, None, true)
    }

    /// Writes the page.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write_page(&self, html: &str) -> Result<()> {
        self.write(PAGE, html)
    }

    /// Writes the list.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write_list(&self, tour: &Tour) -> std::result::Result<(), Failure> {
        let text = serde_json::to_string_pretty(tour)
            .map_err(|error| Failure::failed(format!("the list of the tour cannot be written: {error}")))?;
        Ok(self.write(LIST, &text)?)
    }

    fn write(&self, file: &str, text: &str) -> Result<()> {
        let path = self.path(file);
        atomic(&path, true, |out| out.write_all(text.as_bytes()).map_err(Error::io("write", &path)))
    }
}

fn is_tour(folder: &Path) -> bool {
    let list = folder.join(LIST);
    let small = fs::metadata(&list).is_ok_and(|about| about.is_file() && about.len() <= MAX_LIST);
    let text = if small { fs::read_to_string(&list).unwrap_or_default() } else { String::new() };
    serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|list| list["program"] == PROGRAM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_empty_folder_or_a_tour_is_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        assert!(Folder::open(&path, false).is_ok(), "made with its parents");
        fs::write(path.join("mine.txt"), "x").unwrap();
        assert!(Folder::open(&path, false).err().unwrap().to_string().contains("--force"));
        assert!(Folder::open(&path, true).is_ok());
        fs::write(path.join(LIST), r#"{"program": "another"}"#).unwrap();
        assert!(Folder::open(&path, false).is_err());
        fs::write(path.join(LIST), format!(r#"{{"program": "{PROGRAM}"}}"#)).unwrap();
        assert!(Folder::open(&path, false).is_ok());
        assert!(Folder::open(&path.join("mine.txt"), false).is_err());
    }
}
