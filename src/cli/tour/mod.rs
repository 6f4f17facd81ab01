//! `difscope tour`: the first views of the pictures brought along, with a page that explains them.

mod figures;
mod folder;
mod page;

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::Failure;
use super::args::{Everywhere, TourArgs};
use super::estimate::Estimate;
use super::output::report;
use super::session::{Interrupt, Opened, Previewed, Session};
use super::set;
use crate::data::Source;
use crate::data::bundled::{FASHION_CLASSES, Fashion, fashion, photos};
use crate::data::library::IdxSet;
use crate::features::network::NetworkCard;
use crate::features::view::View;
use crate::jobs::{
    Exhibit, ExploreConfig, MARKS, MapShown, PictureShown, PreviewRequest, Selection, Sheet, SheetKind,
    SheetShot, Shot,
};
use folder::Folder;

/// Where the tour goes unless told otherwise.
pub const FOLDER: &str = "difscope-tour";

/// What the tour wrote.
#[derive(Serialize)]
pub(super) struct Tour {
    /// How the folder is known to be the tour's own.
    program: &'static str,
    version: &'static str,
    network: String,
    network_hash: String,
    timestep: usize,
    block: usize,
    pictures: Vec<Stop>,
}

/// One picture's part of the tour.
#[derive(Serialize)]
pub(super) struct Stop {
    picture: String,
    notes: Vec<String>,
    files: Vec<Written>,
}

/// A file and what it shows, in a sentence.
#[derive(Serialize)]
pub(super) struct Written {
    file: String,
    about: String,
}

/// Writes the tour.
///
/// # Errors
/// When the folder holds other things, or cannot be written.
pub fn run(args: &TourArgs, everywhere: &Everywhere, interrupt: &Interrupt) -> Result<(), Failure> {
    let config = set::apply(everywhere.explore(), &everywhere.set)?;
    config.look.validate()?;
    let mut session = Session::start(everywhere, interrupt)?;
    let pictures = pictures()?;
    if everywhere.estimate {
        let Opened { card, .. } = session.open_network(everywhere)?;
        return estimate(&config, &card, pictures.len()).print(everywhere.json);
    }
    let folder = Folder::open(&args.out, everywhere.force)?;
    let Opened { card, .. } = session.open_network(everywhere)?;
    let selection = config.selection(&card);
    let mut tour = Tour {
        program: folder::PROGRAM,
        version: env!("CARGO_PKG_VERSION"),
        network: card.name.clone(),
        network_hash: card.hash.clone(),
        timestep: selection.timestep,
        block: selection.block,
        pictures: Vec::new(),
    };
    // First, so that a tour that was stopped may be repeated.
    folder.write_list(&tour)?;
    for (stem, source) in pictures {
        let guide = Guide { folder: &folder, stem, source, card: &card, config: &config, selection };
        tour.pictures.push(guide.visit(&mut session)?);
    }
    folder.write_page(&page::html(&tour, &card, &selection))?;
    folder.write_list(&tour)?;
    report(everywhere.json, &tour, || text(&tour, &args.out))
}

fn text(tour: &Tour, out: &Path) -> String {
    let files: usize = tour.pictures.iter().map(|stop| stop.files.len()).sum();
    format!(
        "{files} views of {} pictures with {} at t {}, b {}\nopen {}\n",
        tour.pictures.len(),
        tour.network,
        tour.timestep,
        tour.block,
        out.join(folder::PAGE).display()
    )
}

/// The photographs and an ankle boot, each with the first part of its files' names.
fn pictures() -> Result<Vec<(String, Source)>, Failure> {
    let stem = |source: &Source| source.name().split('.').next().unwrap_or_default().to_string();
    let mut pictures: Vec<(String, Source)> =
        photos().into_iter().map(|photo| (stem(&photo), photo)).collect();
    let set = fashion(Fashion::Test)?;
    let boot = FASHION_CLASSES.len() - 1;
    let index = set.labels().and_then(|labels| labels.iter().position(|&label| usize::from(label) == boot));
    pictures.extend(IdxSet::source(&set, index.unwrap_or(0)).map(|source| ("boot".to_string(), source)));
    Ok(pictures)
}

/// The paper's steps, which are of 1000, for a process of `count` steps.
fn steps(count: usize) -> Vec<usize> {
    MARKS.iter().map(|step| (step * count / 1000).min(count - 1)).collect()
}

fn estimate(config: &ExploreConfig, card: &NetworkCard, pictures: usize) -> Estimate {
    let selection = config.selection(card);
    let steps = steps(card.config.diffusion_steps);
    let others = steps.iter().filter(|&&step| step != selection.timestep).count();
    let to_block = card.block(selection.block).map_or(card.full_gmac, |info| info.cumulative_gmac);
    let draws = selection.average.max(1) as usize;
    Estimate {
        items: pictures,
        forwards: pictures * (1 + others) * draws,
        gmac: (pictures * draws) as f64 * (card.full_gmac + others as f64 * to_block),
        output_bytes: None,
        parameter_bytes: card.parameters as u64 * 4,
    }
}

/// Leads past one picture.
struct Guide<'a> {
    folder: &'a Folder,
    stem: String,
    source: Source,
    card: &'a Arc<NetworkCard>,
    config: &'a ExploreConfig,
    selection: Selection,
}

impl Guide<'_> {
    fn request(&self, view: View) -> PreviewRequest {
        PreviewRequest::of(self.source.clone(), self.selection, view)
    }

    fn visit(&self, session: &mut Session) -> Result<Stop, Failure> {
        let mut request = self.request(View::Mosaic);
        (request.predict, request.sheet) = (true, Some(Sheet::Blocks));
        let first = session.preview(request)?;
        let mut files = Vec::new();
        let mut add = |name: &str, about: String| {
            let file = format!("{}-{name}", self.stem);
            files.push(Written { file: file.clone(), about });
            file
        };
        let (t, b) = (self.selection.timestep, self.selection.block);
        let shown = &first.shown;

        let file = add("01-picture.png", "The picture, whole and uncropped.".into());
        self.folder.write_png(&file, &figures::picture(shown)?)?;
        let file = add(
            "02-noised.png",
            format!("x_t: what the network receives at step t {t}, the picture with noise."),
        );
        let noise = format!("x_t at t {t}, seed {}", self.selection.seed);
        self.folder.write_png(&file, &figures::input(&first.noised, shown, &noise)?)?;
        if let Some(predicted) = &first.predicted {
            let file = add(
                "03-predicted.png",
                "x_0 predicted: what the network takes the picture to be without noise.".into(),
            );
            let words = format!("x_0 predicted from x_t at t {t}");
            self.folder.write_png(&file, &figures::input(predicted, shown, &words)?)?;
        }

        let mut map = Arc::clone(&first.map);
        let middle = shown.placement.size / 2;
        let views = [
            (
                "04-mosaic.png",
                View::Mosaic,
                format!("Every channel of block {b}, the most varied first, each in its own range."),
            ),
            ("05-mean.png", View::Mean, format!("The mean over the channels of block {b}.")),
            (
                "06-norm.png",
                View::Norm,
                format!("The length of the feature vector at each place of block {b}."),
            ),
            (
                "07-pca.png",
                View::Pca,
                format!(
                    "The three directions in which the features of block {b} vary most, as red, green and blue."
                ),
            ),
            (
                "08-similarity.png",
                View::Similarity { x: middle, y: middle },
                format!("How much each place of block {b} resembles the middle of the picture."),
            ),
        ];
        for (name, view, about) in views {
            if view != View::Mosaic {
                map = session.preview(self.request(view))?.map;
            }
            let file = add(name, about);
            self.shot(shown, &map).write(&self.folder.path(&file), true, true)?;
        }
        let file = add("09-map.npy", format!("The raw values of block {b} for NumPy, [C, H, W]."));
        self.shot(shown, &first.map).write(&self.folder.path(&file), false, true)?;

        let mut request = self.request(View::Norm);
        request.sheet = Some(Sheet::Steps(steps(self.card.config.diffusion_steps)));
        let over_steps = session.preview(request)?;
        let file = add(
            "10-steps.png",
            format!("Block {b} over the steps of the paper, in one range: what noise takes away."),
        );
        let mut sheet = self.sheet(&over_steps, SheetKind::Steps);
        sheet.shot.look.shared_cells = true;
        sheet.write(&self.folder.path(&file), true, true)?;
        let file = add(
            "11-blocks.png",
            format!("All blocks at t {t}, each in its own range: where the picture turns into features."),
        );
        self.sheet(&first, SheetKind::Blocks).write(&self.folder.path(&file), true, true)?;

        Ok(Stop { picture: shown.picture.name.clone(), notes: shown.far.iter().cloned().collect(), files })
    }

    fn shot(&self, shown: &Arc<PictureShown>, map: &Arc<MapShown>) -> Shot {
        let ExploreConfig { look, lock, .. } = self.config.clone();
        Shot { shown: Arc::clone(shown), map: Arc::clone(map), card: Arc::clone(self.card), look, lock }
    }

    fn sheet(&self, previewed: &Previewed, kind: SheetKind) -> SheetShot {
        let shot = self.shot(&previewed.shown, &previewed.map);
        SheetShot { shot, kind, cells: previewed.cells.clone() }
    }
}
