//! What a run said of each picture that it was tested on: predictions of the project, and beside its
//! metrics which pictures these are.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::place::Folders;
use super::record::RunResults;
use crate::data::dataset::Digest;
use crate::error::Result;
use crate::project::{ClassId, Image, ImageId, NewImage, Prediction, Project, RunId};
use crate::study::TestedPicture;
use crate::train::metrics::predicted;

/// The class of a prediction where the project has none of that name.
const NO_CLASS: ClassId = ClassId(-1);
/// The pictures of a run's predictions, and the hash of these.
pub(super) type Answers = (Vec<ImageId>, blake3::Hash);

/// A tested picture beside the metrics of a run.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    pub image: i64,
    pub label: usize,
    pub name: String,
    pub digest: Digest,
}

/// Saves what `results` says of each picture, unless it is there; the pictures.
pub(super) fn put(
    project: &mut Project,
    folders: &Folders,
    run: RunId,
    results: &RunResults,
    known: &mut Option<Answers>,
) -> Result<Vec<ImageId>> {
    let mark = mark(results);
    if let Some((pictures, before)) = known
        && *before == mark
    {
        return Ok(pictures.clone());
    }
    let RunResults { tested, probabilities, classes, .. } = results;
    if tested.is_empty() {
        return Ok(Vec::new());
    }
    let guesses = predicted(probabilities, classes.len())?;
    if guesses.len() != tested.len() {
        let why = format!("{} answers about {} pictures cannot be kept", guesses.len(), tested.len());
        return Err(folders.error(&why));
    }
    let images: Vec<NewImage> = tested
        .iter()
        .map(|picture| NewImage { digest: picture.digest.0, place: picture.place.clone() })
        .collect();
    let pictures = project.add_images(&images)?;
    let known_classes = project.classes()?;
    let class = |guess: usize| {
        let named = known_classes.iter().find(|class| class.name == classes[guess]);
        named.map_or(NO_CLASS, |class| class.id)
    };
    let rows = probabilities.chunks(classes.len());
    let predictions: Vec<Prediction> = pictures
        .iter()
        .zip(guesses.iter().zip(rows))
        .map(|(&image, (&guess, row))| Prediction {
            image,
            class: class(guess),
            confidence: row[guess].into(),
            scores: row.to_vec(),
        })
        .collect();
    project.put_predictions(run, &predictions)?;
    *known = Some((pictures.clone(), mark));
    Ok(pictures)
}

/// Brings back what `results` said of the pictures `kept`; what identifies it, or none when some of it
/// is missing.
pub(super) fn get(
    project: &Project,
    run: RunId,
    results: &mut RunResults,
    kept: Vec<Kept>,
    images: &HashMap<ImageId, Image>,
) -> Result<Option<Answers>> {
    let scores: HashMap<ImageId, Vec<f32>> =
        project.predictions(run)?.into_iter().map(|said| (said.image, said.scores)).collect();
    let (mut tested, mut probabilities, mut pictures) = (Vec::new(), Vec::new(), Vec::new());
    for Kept { image, label, name, digest } in kept {
        let image = ImageId(image);
        let (Some(at), Some(scores)) = (images.get(&image), scores.get(&image)) else { return Ok(None) };
        if scores.len() != results.classes.len() || label >= results.classes.len() {
            return Ok(None);
        }
        tested.push(TestedPicture { name, digest, place: at.place.clone(), label });
        probabilities.extend(scores);
        pictures.push(image);
    }
    (results.tested, results.probabilities) = (tested, probabilities);
    Ok(Some((pictures, mark(results))))
}

/// Identifies the answers of a run.
fn mark(results: &RunResults) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for picture in &results.tested {
        hasher.update(&picture.digest.0).update(picture.place.as_bytes()).update(&[0]);
    }
    for probability in &results.probabilities {
        hasher.update(&probability.to_le_bytes());
    }
    hasher.finalize()
}
