//! Files of what came of a training: in their place, or where that fails elsewhere.

use std::path::{Path, PathBuf};

use super::json_beside;
use crate::error::{Error, Result};

/// Writes a file of a training whose head is at the path given.
pub(super) type Write<'a> = dyn Fn(&Path) -> Result<()> + 'a;

/// Writes the head `out` and the report beside it. What cannot be written there, on a full disk, is kept
/// in the system's folder for temporary files, so that nothing has to be learned again. Of a report that
/// is not in its place it says where it is.
///
/// # Errors
/// When the head is not in its place; says where it is instead, or that it is lost.
pub(super) fn keep(out: &Path, head: &Write<'_>, report: &Write<'_>) -> Result<Option<String>> {
    if let Err(failed) = head(out) {
        if !matches!(failed, Error::Io { .. } | Error::Exists(_)) {
            return Err(failed);
        }
        let why = match elsewhere(out, &[head, report]) {
            Ok(place) => format!(
                "{failed}; it is trained, and kept with its report as {} instead: move both from there",
                place.display()
            ),
            Err(_) => format!("{failed}; what was learned is lost: make room and train it again"),
        };
        return Err(Error::head(out.display().to_string(), why));
    }
    let Err(failed) = report(out) else { return Ok(None) };
    let why = match elsewhere(out, &[report]) {
        Ok(place) => format!("its report is kept as {} instead", json_beside(&place).display()),
        Err(_) => "its report is nowhere else".into(),
    };
    Ok(Some(format!("{failed}; the head itself is saved, and {why}")))
}

/// Writes files of the head `out` into a new folder that stays.
fn elsewhere(out: &Path, files: &[&Write<'_>]) -> Result<PathBuf> {
    let folder = tempfile::Builder::new().prefix("difscope-").tempdir();
    let folder = folder.map_err(Error::io("create a folder in", std::env::temp_dir()))?;
    let place = folder.path().join(out.file_name().unwrap_or_default());
    files.iter().try_for_each(|write| write(&place))?;
    let _ = folder.keep();
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes files, except into `full`.
    fn write(full: Option<&Path>, path: &Path) -> Result<()> {
        match full.is_some_and(|full| path.starts_with(full)) {
            true => Err(Error::io("write", path)(std::io::ErrorKind::StorageFull.into())),
            false => std::fs::write(path, "values").map_err(Error::io("write", path)),
        }
    }

    #[test]
    fn what_finds_no_room_is_kept_elsewhere_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("birds.safetensors");
        let to = |full| move |path: &Path| write(full, path);
        let report = |full| move |path: &Path| write(full, &json_beside(path));
        let full = Some(folder.path());
        let place = |text: &str| {
            let end = text.find(" instead").unwrap();
            Path::new(text[..end].rsplit(" as ").next().unwrap()).to_path_buf()
        };

        let text = keep(&out, &to(full), &report(full)).unwrap_err().to_string();
        let kept = place(&text);
        assert!(text.contains("birds.safetensors") && text.contains("it is trained, and kept"), "{text}");
        assert!(!kept.starts_with(folder.path()) && kept.ends_with("birds.safetensors"), "{text}");
        assert!(kept.is_file() && json_beside(&kept).is_file());
        std::fs::remove_dir_all(kept.parent().unwrap()).unwrap();
        assert!(!out.exists());

        let text = keep(&out, &to(None), &report(full)).unwrap().unwrap();
        let kept = place(&text);
        assert!(text.contains("the head itself is saved"), "{text}");
        assert!(out.is_file() && kept.ends_with("birds.json") && kept.is_file(), "{text}");
        assert!(!kept.with_extension("safetensors").exists());
        std::fs::remove_dir_all(kept.parent().unwrap()).unwrap();

        assert_eq!(keep(&out, &to(None), &report(None)).unwrap(), None);
        assert!(json_beside(&out).is_file());
        let everywhere = |path: &Path| write(Some(Path::new("/")), path);
        let text = keep(&out, &everywhere, &everywhere).unwrap_err().to_string();
        assert!(text.contains("is lost: make room"), "{text}");
        let text = keep(&out, &to(None), &everywhere).unwrap().unwrap();
        assert!(text.contains("its report is nowhere else"), "{text}");
        let astray = |_: &Path| Err(Error::head("a", "is not finite"));
        assert_eq!(keep(&out, &astray, &to(None)).unwrap_err().to_string(), "head a: is not finite");
    }
}
