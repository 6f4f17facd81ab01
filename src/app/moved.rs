//! Pictures that lie elsewhere than they did: found again by their content.

use std::path::{Path, PathBuf};

use super::widgets::notices::NoticeKind;
use super::window::Window;
use crate::project::NewImage;
use crate::study::Survey;

/// Whether a data set can be looked for where `data` says.
pub fn is_gone(data: &Path) -> bool {
    !data.to_string_lossy().starts_with("bundled:") && !data.exists()
}

/// Where `data` is now if it was moved together with the project: beside the file, under the longest end
/// of its old path that is there.
fn beside(project: &Path, data: &Path) -> Option<PathBuf> {
    let folder = project.parent()?;
    let parts: Vec<_> = data.components().collect();
    (1..parts.len())
        .map(|first| folder.join(parts[first..].iter().collect::<PathBuf>()))
        .find(|at| at.exists())
}

impl Window {
    /// Finds pictures of the project again among those of a data set that was read.
    pub(super) fn find_pictures(&mut self, survey: &Survey) {
        let data = &survey.config.data;
        if self.state.heads.project.is_none() || self.relinked.as_ref() == Some(data) {
            return;
        }
        let found = survey.items.iter();
        let found = found.map(|item| NewImage { digest: item.digest.0, place: item.place.clone() }).collect();
        self.engine.relink(found);
        self.relinked = Some(data.clone());
    }

    /// Pictures were found again.
    pub(super) fn pictures_moved(&mut self, moved: usize) {
        let text = match moved {
            1 => "a picture was found again by its content at another place".to_string(),
            _ => format!("{moved} pictures were found again by their content at another place"),
        };
        self.notices.push(NoticeKind::Good, format!("{text}; what is known of them stays with them"));
    }

    /// Follows a data set that was moved together with the project.
    pub(super) fn look_beside(&mut self, project: &Path) {
        let data = self.state.heads.config.survey.data.clone();
        if is_gone(&data)
            && let Some(place) = beside(project, &data)
        {
            let text = format!(
                "{} is not there any more; {} beside the project is used",
                data.display(),
                place.display()
            );
            self.notices.push(NoticeKind::Information, text);
            self.data_moved(place);
        }
    }

    /// The data set in use lies at `place` now: classes, split and runs stay.
    pub fn data_moved(&mut self, place: PathBuf) {
        let heads = &mut self.state.heads;
        let old = std::mem::replace(&mut heads.config.survey.data, place.clone());
        heads.data_text = place.display().to_string();
        (heads.survey, heads.survey_error) = (None, None);
        for run in heads.runs.iter_mut().filter(|run| run.settings.data == old) {
            run.settings.data.clone_from(&place);
            self.engine.keep_run(run.clone());
        }
        self.relinked = None;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_data_set_is_looked_for_beside_the_project() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("p.difscope");
        let old = Path::new("/somewhere/else/sets/birds");
        assert_eq!(beside(&project, old), None);
        fs::create_dir_all(folder.path().join("birds")).unwrap();
        assert_eq!(beside(&project, old), Some(folder.path().join("birds")));
        fs::create_dir_all(folder.path().join("sets/birds")).unwrap();
        assert_eq!(beside(&project, old), Some(folder.path().join("sets/birds")));
        assert!(is_gone(old) && !is_gone(folder.path()) && !is_gone(Path::new("bundled:fashion")));
    }
}
