//! Rows of the tables.

use serde::Serialize;

use super::answers::ClassScore;
use super::report::{CellPicture, CellReport};
use crate::study::statistics::Estimate;

/// A picture: one row of `cell-pictures.csv`. The fields' order is that of the columns.
#[derive(Serialize)]
pub(super) struct PictureRecord<'a> {
    name: &'a str,
    place: &'a str,
    class: Option<&'a str>,
    answer: Option<&'a str>,
    confidence: Option<f32>,
    recognised: Option<f64>,
    pca_1: f32,
    pca_2: f32,
    map_1: f32,
    map_2: f32,
    same_class: Option<f64>,
    /// Names, the nearest first, divided by semicolons.
    nearest: String,
}

impl<'a> PictureRecord<'a> {
    fn of(report: &'a CellReport, picture: &'a CellPicture) -> PictureRecord<'a> {
        let class = |number: Option<usize>| number.and_then(|at| report.classes.get(at)).map(String::as_str);
        let names = picture.nearest.iter().filter_map(|near| report.pictures.get(near.picture));
        PictureRecord {
            name: &picture.name,
            place: &picture.place,
            class: class(picture.class),
            answer: class(picture.answer),
            confidence: picture.confidence,
            recognised: picture.recognised,
            pca_1: picture.pca[0],
            pca_2: picture.pca[1],
            map_1: picture.map[0],
            map_2: picture.map[1],
            same_class: picture.same_class,
            nearest: names.map(|near| near.name.as_str()).collect::<Vec<_>>().join(";"),
        }
    }
}

/// All pictures.
pub(super) fn pictures(report: &CellReport) -> Vec<PictureRecord<'_>> {
    report.pictures.iter().map(|picture| PictureRecord::of(report, picture)).collect()
}

/// A class: one row of `cell-classes.csv`.
#[derive(Serialize)]
pub(super) struct ClassRecord<'a> {
    class: &'a str,
    support: usize,
    predicted: usize,
    recall: Option<f64>,
    recall_low: Option<f64>,
    recall_high: Option<f64>,
    precision: Option<f64>,
    precision_low: Option<f64>,
    precision_high: Option<f64>,
    f1: Option<f64>,
    f1_low: Option<f64>,
    f1_high: Option<f64>,
}

impl<'a> ClassRecord<'a> {
    pub(super) fn of(score: &'a ClassScore) -> ClassRecord<'a> {
        let [recall, recall_low, recall_high] = three(score.recall);
        let [precision, precision_low, precision_high] = three(score.precision);
        let [f1, f1_low, f1_high] = three(score.f1);
        ClassRecord {
            class: &score.class,
            support: score.support,
            predicted: score.predicted,
            recall,
            recall_low,
            recall_high,
            precision,
            precision_low,
            precision_high,
            f1,
            f1_low,
            f1_high,
        }
    }
}

fn three(estimate: Option<Estimate>) -> [Option<f64>; 3] {
    [estimate.map(|e| e.value), estimate.map(|e| e.low), estimate.map(|e| e.high)]
}
