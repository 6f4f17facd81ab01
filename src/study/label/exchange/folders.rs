//! Pictures in one folder per class: what would be done, and what is in the way, before anything is.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::config::{Carry, ExportConfig};
use super::packed::file_name;
use super::place::{is_packed, real};
use super::set::LabelSet;
use super::table::word;
use crate::error::Result;
use crate::study::label::Mark;

/// The longest name of a folder, in bytes: all systems take 255, and a number may follow.
const LONGEST: usize = 200;
/// Names that Windows keeps for devices, whatever their ending.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Where the pictures of a class go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FolderOf {
    /// The class, `unsure` or `none`.
    pub class: String,
    /// The folder in the target: the name of the class, with `_` for what is no part of a name on every
    /// system.
    pub folder: String,
    /// Pictures that belong there.
    pub pictures: usize,
}

/// A picture to be carried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its number.
    pub picture: usize,
    /// Where it is: a file, or for copies a picture in a file of many as
    /// [`LabelPicture::place`](super::LabelPicture::place) has it.
    pub from: PathBuf,
    /// Where it is to be; nothing is there.
    pub to: PathBuf,
}

/// Something that is in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The picture, where it is about one.
    pub picture: Option<usize>,
    /// Where.
    pub path: PathBuf,
    /// What, and what to do.
    pub why: String,
}

/// Pictures that do not go into a folder, by their mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Without a mark.
    pub blank: usize,
    /// Which the user cannot tell.
    pub unsure: usize,
    /// Of none of the classes.
    pub outside: usize,
}

/// Everything that would be done, and everything that is in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FolderPlan {
    /// The folder that gets the folders, from the root of the disk.
    pub target: PathBuf,
    /// How pictures come into them.
    pub how: Carry,
    /// The folders, in the order of the classes; those without pictures are left away.
    pub folders: Vec<FolderOf>,
    /// What is to be done, in the order of the pictures.
    pub steps: Vec<Step>,
    /// Pictures that are where they belong already.
    pub in_place: usize,
    /// What is in the way: as long as there is something, nothing is done.
    pub conflicts: Vec<Conflict>,
    /// Pictures that stay out.
    pub left_out: LeftOut,
}

impl FolderPlan {
    /// Plans folders in `target`. Nothing is made, moved or written.
    ///
    /// # Errors
    /// When the labels cannot be carried out at all ([`LabelSet::check`]). What is in the way is no error: it is
    /// in [`FolderPlan::conflicts`].
    pub fn make(set: &LabelSet, config: &ExportConfig, target: &Path) -> Result<FolderPlan> {
        set.check()?;
        let mut plan = FolderPlan {
            target: real(target),
            how: config.how,
            folders: Vec::new(),
            steps: Vec::new(),
            in_place: 0,
            conflicts: Vec::new(),
            left_out: LeftOut::default(),
        };
        let folders = plan.folders(set, config);
        let mut taken: HashSet<PathBuf> = HashSet::new();
        for (number, picture) in set.pictures.iter().enumerate() {
            let out = match picture.mark {
                Mark::Blank => Some(&mut plan.left_out.blank),
                Mark::Unsure if !config.unsure => Some(&mut plan.left_out.unsure),
                Mark::Outside if !config.outside => Some(&mut plan.left_out.outside),
                _ => None,
            };
            if let Some(out) = out {
                *out += 1;
                continue;
            }
            let Some(folder) = folders.get(&key_of(picture.mark)) else { continue };
            match step(number, &picture.place, &plan.target.join(folder), config, &mut taken) {
                Ok(Some(step)) => plan.steps.push(step),
                Ok(None) => plan.in_place += 1,
                Err(why) => {
                    let path = PathBuf::from(&picture.place);
                    plan.conflicts.push(Conflict { picture: Some(number), path, why });
                }
            }
        }
        Ok(plan)
    }

    /// Names the folders, and looks whether they can be: the folder of every mark.
    fn folders(&mut self, set: &LabelSet, config: &ExportConfig) -> HashMap<Option<usize>, String> {
        let mut counts: HashMap<Option<usize>, (usize, Mark)> = HashMap::new();
        for picture in &set.pictures {
            counts.entry(key_of(picture.mark)).or_insert((0, picture.mark)).0 += 1;
        }
        let classes = (0..set.classes.len()).map(Some);
        let marks = [(UNSURE, config.unsure), (OUTSIDE, config.outside)];
        let marks = marks.into_iter().filter_map(|(mark, asked)| asked.then_some(key_of(mark)));
        let mut folders = HashMap::new();
        let mut owners: HashMap<String, String> = HashMap::new();
        for key in classes.chain(marks) {
            let Some(&(pictures, mark)) = counts.get(&key) else { continue };
            let (class, folder) = match set.label(mark) {
                Some(class) => (class.to_owned(), folder_name(class)),
                None => (word(mark).to_owned(), format!("_{}", word(mark))),
            };
            let path = self.target.join(&folder);
            if let Some(why) = unfit(&path, &self.target) {
                self.conflicts.push(Conflict { picture: None, path: path.clone(), why });
            }
            if let Some(owner) = owners.insert(same_name(&folder), class.clone()) {
                let why = format!("{owner} and {class} would share this folder; rename one of the classes");
                self.conflicts.push(Conflict { picture: None, path, why });
            }
            self.folders.push(FolderOf { class, folder: folder.clone(), pictures });
            folders.insert(key, folder);
        }
        if let Some(why) = unfit_target(&self.target) {
            self.conflicts.push(Conflict { picture: None, path: self.target.clone(), why });
        }
        folders
    }
}

const UNSURE: Mark = Mark::Unsure;
const OUTSIDE: Mark = Mark::Outside;

/// Marks that share a folder: the class, or a number that no class has.
fn key_of(mark: Mark) -> Option<usize> {
    match mark {
        Mark::Class { class, .. } => Some(class),
        Mark::Unsure => Some(usize::MAX),
        Mark::Outside => Some(usize::MAX - 1),
        Mark::Blank => None,
    }
}

/// A name under which files are told apart here: not by case on systems that ignore it.
fn same_name(name: &str) -> String {
    if cfg!(any(windows, target_os = "macos")) { name.to_lowercase() } else { name.to_owned() }
}

/// The name of the folder for `class`, one part of a path on every system and not hidden.
pub(super) fn folder_name(class: &str) -> String {
    let mut name: String =
        class.chars().map(|c| if c.is_control() || r#"/\:*?"<>|"#.contains(c) { '_' } else { c }).collect();
    while name.len() > LONGEST {
        name.pop();
    }
    // Windows drops these from the end.
    let end = name.trim_end_matches([' ', '.']).len();
    name.replace_range(end.., &"_".repeat(name.len() - end));
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let port =
        |front: &str| stem.strip_prefix(front).is_some_and(|rest| rest.chars().count() == 1 && rest != "0");
    let device = DEVICES.contains(&&*stem) || port("com") || port("lpt");
    if device || name.is_empty() || name.starts_with(['.', ' ']) {
        name.insert(0, '_');
    }
    name
}

/// What is wrong with a folder that is there already.
fn unfit(folder: &Path, target: &Path) -> Option<String> {
    let about = std::fs::symlink_metadata(folder).ok()?;
    if !folder.is_dir() {
        return Some("a file is where the folder is to be; move it away".into());
    }
    let escapes = || {
        let (folder, target) = (folder.canonicalize().ok()?, target.canonicalize().ok()?);
        (!folder.starts_with(target)).then_some(())
    };
    (about.is_symlink() && escapes().is_some())
        .then(|| "a link that leads out of the target; remove it, or choose another target".into())
}

fn unfit_target(target: &Path) -> Option<String> {
    let there = target.ancestors().find(|folder| std::fs::symlink_metadata(folder).is_ok())?;
    match std::fs::metadata(there) {
        Ok(about) if !about.is_dir() => Some("a file is where the target is to be; choose another".into()),
        Ok(about) if about.permissions().readonly() => {
            Some(format!("{} is read-only; allow writing, or choose another target", there.display()))
        }
        Ok(_) => None,
        Err(error) => Some(format!("cannot be used ({error}); choose another target")),
    }
}

/// What is to be done with the picture at `place`, `None` where it is in `folder` already; or why nothing can
/// be.
fn step(
    picture: usize,
    place: &str,
    folder: &Path,
    config: &ExportConfig,
    taken: &mut HashSet<PathBuf>,
) -> Result<Option<Step>, String> {
    if is_packed(place) {
        if config.how != Carry::Copy {
            return Err("not a file of its own, so that it can only be copied, as PNG; choose copy".into());
        }
        let to = free_name(&file_name(place), folder, config, taken)?;
        return Ok(Some(Step { picture, from: place.into(), to }));
    }
    let from = real(Path::new(place));
    let about = std::fs::symlink_metadata(&from)
        .map_err(|error| format!("cannot be read ({error}); find it again first"))?;
    if !from.is_file() {
        return Err("not a file, or a link to none; find the picture again first".into());
    }
    let name = from.file_name().and_then(|name| name.to_str()).ok_or("its name is no text; rename it")?;
    let same_folder = || Some(from.parent()?.canonicalize().ok()? == folder.canonicalize().ok()?);
    if from.parent() == Some(folder) || same_folder() == Some(true) {
        taken.insert(folder.join(same_name(name)));
        return Ok(None);
    }
    match config.how {
        Carry::Move if about.is_symlink() => {
            return Err("a link, which may not work elsewhere; copy pictures instead of moving them".into());
        }
        Carry::Link if !same_disk(&from, folder) => {
            return Err(
                "on another disk than the target, where hard links do not reach; use symlink or copy".into(),
            );
        }
        _ => {}
    }
    let to = free_name(name, folder, config, taken)?;
    Ok(Some(Step { picture, from, to }))
}

/// The place in `folder` for a picture called `name`, which is taken from then on; or what is there.
fn free_name(
    name: &str,
    folder: &Path,
    config: &ExportConfig,
    taken: &mut HashSet<PathBuf>,
) -> Result<PathBuf, String> {
    let free = |name: &str, taken: &HashSet<PathBuf>| {
        let is_taken = taken.contains(&folder.join(same_name(name)));
        match (is_taken, std::fs::symlink_metadata(folder.join(name)).is_ok()) {
            (true, _) => Err("another picture of its class has the same name"),
            (false, true) => Err("something is there under its name already"),
            (false, false) => Ok(()),
        }
    };
    let mut chosen = name.to_owned();
    if let Err(why) = free(name, taken) {
        if !config.number {
            return Err(format!(
                "{why} ({}); let names be numbered, or rename it",
                folder.join(name).display()
            ));
        }
        let (stem, ending) = match name.rsplit_once('.') {
            Some((stem, ending)) if !stem.is_empty() => (stem, format!(".{ending}")),
            _ => (name, String::new()),
        };
        let numbered = (2..=taken.len() + 100_000).map(|number| format!("{stem}-{number}{ending}"));
        let found = numbered.into_iter().find(|name| free(name, taken).is_ok());
        chosen = found.ok_or_else(|| format!("{why}, and so have all numbered ones"))?;
    }
    taken.insert(folder.join(same_name(&chosen)));
    Ok(folder.join(chosen))
}

/// Whether hard links from `file` into `folder` can be; true where it cannot be told.
fn same_disk(file: &Path, folder: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let disk = |path: &Path| std::fs::metadata(path).ok().map(|about| about.dev());
        let (file, folder) = (disk(file), folder.ancestors().find_map(disk));
        file.is_none() || folder.is_none() || file == folder
    }
    #[cfg(not(unix))]
    {
        let _ = (file, folder);
        true
    }
}
