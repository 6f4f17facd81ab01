//! Which project file a window works on, and the folders beside it.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::project::{Project, RunId};

/// Which project a window works on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProjectChoice {
    /// `default.difscope` in the platform's folder for data; for a second window at the same time
    /// `default-2.difscope`, and so on to 9.
    #[default]
    Default,
    /// This file, made where it is not there.
    File(PathBuf),
    /// One that is gone when the program ends.
    Temporary,
}

/// Windows that have a project of their own by default at a time.
const WINDOWS: usize = 9;

/// An open project file with its surroundings. The file is closed before a temporary folder goes.
pub(super) struct Place {
    pub project: Project,
    pub folders: Folders,
    temporary: Option<TempDir>,
    /// What should be known about the choice, in sentences.
    pub notes: Vec<String>,
}

/// The places that belong to a project file.
#[derive(Clone, Debug)]
pub(super) struct Folders {
    /// The file.
    pub file: PathBuf,
    /// Folder of trained heads.
    pub heads: PathBuf,
    /// Folder of what can be computed again.
    pub cache: PathBuf,
}

impl Folders {
    fn of(file: &Path) -> Folders {
        let beside = |ending: &str| {
            let mut name = file.file_stem().unwrap_or_default().to_owned();
            name.push(ending);
            file.with_file_name(name)
        };
        Folders { file: file.to_path_buf(), heads: beside(".heads"), cache: beside(".cache") }
    }

    /// The file of the head of run `run`, where it has none elsewhere; and the other places that this
    /// run's files may be at: its report, and the folder of its states.
    pub fn of_run(&self, run: RunId) -> [PathBuf; 3] {
        let at = |ending: &str| self.heads.join(format!("run-{}{ending}", run.0));
        [at(".safetensors"), at(".json"), at("")]
    }

    /// How the file says where a head is: relative to itself where that is beside it, so that the
    /// folder may be moved.
    pub fn told(&self, head: &Path) -> Result<String> {
        let head = std::path::absolute(head).map_err(Error::io("find", head))?;
        let text = |path: &Path| {
            let not_text = || self.error("the name of a head's file is no text; rename the file");
            path.to_str().map(str::to_owned).ok_or_else(not_text)
        };
        match head.strip_prefix(&self.heads) {
            Ok(inside) => {
                let folder = Path::new(self.heads.file_name().unwrap_or_default());
                // Understood by every system.
                Ok(text(&folder.join(inside))?.replace(std::path::MAIN_SEPARATOR, "/"))
            }
            Err(_) => text(&head),
        }
    }

    /// Where the head is that the file says is at `told`.
    pub fn found(&self, told: &str) -> PathBuf {
        if Path::new(told).is_absolute() {
            return PathBuf::from(told);
        }
        let path = self.file.with_file_name(told);
        // The folder may have been renamed together with the file.
        match path.file_name().map(|name| self.heads.join(name)) {
            Some(renamed) if !path.exists() && renamed.exists() => renamed,
            _ => path,
        }
    }

    /// Something about this project that does not work.
    pub fn error(&self, why: &str) -> Error {
        Error::project(self.file.display().to_string(), why)
    }
}

impl Place {
    /// Opens the project file of `choice`; one that is open as `held` is not opened twice: `None`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(choice: &ProjectChoice, held: Option<&Path>) -> Result<Option<Place>> {
        match choice {
            ProjectChoice::File(path) => {
                let path = std::path::absolute(path).map_err(Error::io("find", path))?;
                if held.is_some_and(|held| same(held, &path)) {
                    return Ok(None);
                }
                Ok(Some(Place::at(&path)?))
            }
            ProjectChoice::Temporary => Place::temporary().map(Some),
            ProjectChoice::Default => {
                let dirs = directories::ProjectDirs::from("", "", "difscope");
                match dirs {
                    Some(dirs) => Place::default_in(dirs.data_dir(), held),
                    None => {
                        let why = "the system names no folder for a project";
                        Place::temporary_because(why).map(Some)
                    }
                }
            }
        }
    }

    /// The first default project in `folder` that is free; a temporary one where there is none.
    fn default_in(folder: &Path, held: Option<&Path>) -> Result<Option<Place>> {
        if let Err(error) = fs::create_dir_all(folder).map_err(Error::io("create", folder)) {
            return Place::temporary_because(&error.to_string()).map(Some);
        }
        let mut first = None;
        for number in 1..=WINDOWS {
            let name = match number {
                1 => "default.difscope".to_owned(),
                number => format!("default-{number}.difscope"),
            };
            let path = folder.join(&name);
            if held.is_some_and(|held| same(held, &path)) {
                return Ok(None);
            }
            match Place::at(&path) {
                Ok(place) => {
                    let note = |error| format!("{error}. This window keeps its work in {}", path.display());
                    return Ok(Some(Place { notes: first.map(note).into_iter().collect(), ..place }));
                }
                Err(error) => first = first.or(Some(error)),
            }
        }
        let why = first.map_or_else(String::new, |error| error.to_string());
        Place::temporary_because(&why).map(Some)
    }

    fn at(path: &Path) -> Result<Place> {
        let project = match Project::open(path) {
            Err(_) if !path.exists() => match Project::create(path) {
                // Made by somebody else just now.
                Err(Error::Exists(_)) => Project::open(path)?,
                made => made?,
            },
            opened => opened?,
        };
        Ok(Place { project, folders: Folders::of(path), temporary: None, notes: Vec::new() })
    }

    /// A temporary project in place of one that `why` stands against.
    ///
    /// # Errors
    /// When it cannot be made either.
    pub fn temporary_because(why: &str) -> Result<Place> {
        let place = Place::temporary()?;
        let note = format!(
            "{why}. What is done in this window is gone when it is closed; open or make a project to keep it"
        );
        Ok(Place { notes: vec![note], ..place })
    }

    /// A project that is gone when it is closed.
    fn temporary() -> Result<Place> {
        let folder = tempfile::Builder::new()
            .prefix("difscope-")
            .tempdir()
            .map_err(Error::io("create a folder in", std::env::temp_dir()))?;
        let place = Place::at(&folder.path().join("temporary.difscope"))?;
        Ok(Place { temporary: Some(folder), ..place })
    }

    /// Whether it is gone when it is closed.
    pub fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }
}

fn same(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_window_has_a_default_project_of_its_own_and_finds_it_again() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("share/difscope");
        let name = |place: &Place| place.folders.file.file_name().unwrap().to_str().unwrap().to_owned();
        let first = Place::default_in(&data, None).unwrap().unwrap();
        let second = Place::default_in(&data, None).unwrap().unwrap();
        assert_eq!((name(&first), name(&second)), ("default.difscope".into(), "default-2.difscope".into()));
        assert_eq!((first.notes.len(), second.notes.len()), (0, 1));
        assert!(second.notes[0].contains("is open in"), "{:?}", second.notes);
        assert!(Place::default_in(&data, Some(&first.folders.file)).unwrap().is_none(), "it is open already");
        drop(first);
        assert_eq!(name(&Place::default_in(&data, None).unwrap().unwrap()), "default.difscope");
    }

    #[test]
    fn a_damaged_default_project_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let damaged = folder.path().join("default.difscope");
        fs::write(&damaged, "no project").unwrap();
        let place = Place::default_in(folder.path(), None).unwrap().unwrap();
        assert!(place.folders.file.ends_with("default-2.difscope") && place.notes.len() == 1);
        assert_eq!(fs::read(&damaged).unwrap(), b"no project");
    }

    #[test]
    fn where_no_folder_can_be_made_there_is_atemporary_project() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let place = Place::default_in(&file.join("difscope"), None).unwrap().unwrap();
        assert!(place.is_temporary() && place.notes[0].contains("is gone when"), "{:?}", place.notes);
        let path = place.folders.file.clone();
        assert!(path.is_file());
        drop(place);
        assert!(!path.parent().unwrap().exists());
    }

    #[test]
    fn a_file_without_an_ending_has_folders_of_its_name() {
        let folders = Folders::of(Path::new("/a/birds.2026"));
        assert_eq!(folders.heads, Path::new("/a/birds.heads"));
        let plain = Folders::of(Path::new("/a/birds"));
        assert_eq!((plain.heads, plain.cache), ("/a/birds.heads".into(), "/a/birds.cache".into()));
    }
}
