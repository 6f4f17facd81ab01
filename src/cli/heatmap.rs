//! `difscope heatmap`: one view of one picture as a figure or as numbers.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Failure;
use super::args::{Everywhere, HeatmapArgs};
use super::estimate::Estimate;
use super::output::{check_place, report};
use super::session::{Interrupt, Opened, Session};
use super::set;
use crate::data::Source;
use crate::features::network::NetworkCard;
use crate::features::view::View;
use crate::jobs::{
    Exhibit, ExploreConfig, LockConfig, PcaLock, PictureId, PreviewRequest, Selection, Sheet, SheetKind,
    SheetShot, Shot, Values,
};

/// Writes a view.
///
/// # Errors
/// When the picture, a setting or the output cannot be used.
pub fn run(args: &HeatmapArgs, everywhere: &Everywhere, interrupt: &Interrupt) -> Result<(), Failure> {
    let config = config(args, everywhere)?;
    check_ending(&args.out, config.sheet)?;
    check_place(&args.out, everywhere.force)?;
    let mut session = Session::start(everywhere, interrupt)?;
    let source = one_picture(&args.input, &mut session)?;
    let lock = lock(&config, &mut session)?;
    let Opened { card, seconds } = session.open_network(everywhere)?;
    let selection = config.selection(&card);
    if everywhere.estimate {
        return estimate(&config, &selection, &lock, &card)?.print(everywhere.json);
    }
    let mut request = PreviewRequest::of(source, selection, config.view);
    request.sheet = config.sheet.sheet(card.config.diffusion_steps);
    request.lock = lock;
    let previewed = session.preview(request)?;
    let picture = &previewed.shown.picture;
    let mut notes: Vec<String> = picture.notes.iter().map(ToString::to_string).collect();
    notes.extend(previewed.shown.far.clone());
    for note in &notes {
        session.progress.note(&format!("{}: {note}", picture.name));
    }
    let shot =
        Shot { shown: previewed.shown, map: previewed.map, card, look: config.look, lock: config.lock };
    let mut told = told(&shot, &notes);
    told["out"] = json!(args.out);
    told["device"] = json!(session.device);
    told["seconds_load"] = json!(seconds);
    let exhibit: Box<dyn Exhibit> = if config.sheet == SheetKind::None {
        Box::new(shot)
    } else {
        told["sheet"] = json!(config.sheet);
        told["cells"] =
            previewed.cells.iter().map(|cell| numbers(&cell.grid, cell.timestep, cell.block)).collect();
        Box::new(SheetShot { shot, kind: config.sheet, cells: previewed.cells })
    };
    exhibit.write(&args.out, args.look.colorbar, everywhere.force)?;
    let text = format!("{}: {} · {}\n", args.out.display(), exhibit.title(), config.view.title());
    report(everywhere.json, &told, || text)
}

/// What is told of a view.
fn told(shot: &Shot, notes: &[String]) -> Value {
    let grid = &shot.map.grid;
    let stats = grid.stats();
    json!({
        "picture": shot.shown.picture.name,
        "network": shot.card.name,
        "network_hash": shot.card.hash,
        "selection": shot.map.selection,
        "view": shot.map.view,
        "look": shot.look,
        "lock": shot.lock,
        "channels": grid.channels(),
        "height": grid.height(),
        "width": grid.width(),
        "minimum": stats.min,
        "maximum": stats.max,
        "mean": stats.mean,
        "range": (shot.map.view != View::Pca).then(|| shot.tone().range),
        "seconds": shot.map.seconds,
        "notes": notes,
    })
}

/// What is told of a cell of a contact sheet.
fn numbers(grid: &crate::grid::Grid, timestep: usize, block: usize) -> Value {
    let stats = grid.stats();
    json!({
        "timestep": timestep,
        "block": block,
        "channels": grid.channels(),
        "height": grid.height(),
        "width": grid.width(),
        "minimum": stats.min,
        "maximum": stats.max,
        "mean": stats.mean,
    })
}

fn config(args: &HeatmapArgs, everywhere: &Everywhere) -> Result<ExploreConfig, Failure> {
    let mut config = everywhere.explore();
    config.timestep = args.timestep;
    config.block = args.block;
    config.view = args.view.unwrap_or(config.view);
    config.sheet = args.sheet.unwrap_or(config.sheet);
    config.lock = LockConfig {
        pictures: args.lock_pictures.clone(),
        timesteps: args.lock_timesteps.clone(),
        blocks: args.lock_blocks.clone(),
    };
    args.look.apply(&mut config.look);
    let config = set::apply(config, &everywhere.set)?;
    config.look.validate()?;
    if config.view != View::Pca && !config.lock.is_open() {
        return Err(Failure::usage(
            "--lock-pictures, --lock-t and --lock-blocks hold the colours of principal components; add --view pca",
        ));
    }
    Ok(config)
}

fn check_ending(out: &Path, sheet: SheetKind) -> Result<(), Failure> {
    let is_png = out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
    let (allowed, endings): (&[Values], _) = match sheet {
        SheetKind::None => (&[Values::Npy, Values::Csv], ".npy or .csv"),
        SheetKind::Steps => (&[Values::Npy, Values::Csv, Values::Safetensors], ".safetensors, .npy or .csv"),
        // Blocks differ in size, which no one array holds.
        SheetKind::Blocks => (&[Values::Csv, Values::Safetensors], ".safetensors or .csv"),
    };
    if is_png || Values::of(out).is_some_and(|kind| allowed.contains(&kind)) {
        return Ok(());
    }
    let what = if sheet == SheetKind::None { "a view" } else { "a contact sheet" };
    Err(Failure::failed(format!(
        "{}: {what} is written as .png, its raw values as {endings}; choose one of these endings",
        out.display()
    )))
}

/// The pictures that decide locked colours, found, with the steps and blocks.
fn lock(config: &ExploreConfig, session: &mut Session) -> Result<PcaLock, Failure> {
    let lock = &config.lock;
    let mut pictures = Vec::new();
    if !lock.pictures.is_empty() {
        let (sources, _) = session.list(lock.pictures.iter().map(PathBuf::from).collect())?;
        let most = LockConfig::MOST_PICTURES;
        if sources.len() > most {
            return Err(Failure::failed(format!(
                "--lock-pictures: {} pictures, and at most {most} decide the colours; name fewer",
                sources.len()
            )));
        }
        // 0 is the picture shown.
        pictures = (1..).map(PictureId).zip(sources).collect();
    }
    Ok(PcaLock { pictures, timesteps: lock.timesteps.clone(), blocks: lock.blocks.clone() })
}

pub(super) fn one_picture(input: &Path, session: &mut Session) -> Result<Source, Failure> {
    let (sources, _) = session.list(vec![PathBuf::from(input)])?;
    match <[Source; 1]>::try_from(sources) {
        Ok([source]) => Ok(source),
        Err(sources) => {
            let example = sources.first().and_then(Source::argument).unwrap_or_default();
            Err(Failure::failed(format!(
                "{}: {} pictures, and a view is of one; name one, as {example}",
                input.display(),
                sources.len()
            )))
        }
    }
}

fn estimate(
    config: &ExploreConfig,
    selection: &Selection,
    lock: &PcaLock,
    card: &NetworkCard,
) -> Result<Estimate, Failure> {
    let to_reach = |block: usize| {
        card.block(block).map(|info| info.cumulative_gmac).ok_or_else(|| {
            let count = card.blocks.len();
            Failure::failed(format!("block {block} does not exist; this network has 1 to {count}"))
        })
    };
    let draws = selection.average.max(1) as usize;
    let steps = match config.sheet.sheet(card.config.diffusion_steps) {
        Some(Sheet::Steps(steps)) => 1 + steps.iter().filter(|&&t| t != selection.timestep).count(),
        _ => 1,
    };
    let deepest = match config.sheet {
        SheetKind::Blocks => card.blocks.len(),
        _ => selection.block,
    };
    let mut gmac = to_reach(deepest)? * steps as f64;
    let mut forwards = steps;
    if !lock.is_open() {
        let all = lock.blocks.iter().chain([&deepest]).max();
        let passes = lock.pictures.len().max(1) * lock.timesteps.len().max(steps);
        gmac += to_reach(*all.unwrap_or(&deepest))? * passes as f64;
        forwards += passes;
    }
    Ok(Estimate {
        items: 1,
        forwards: forwards * draws,
        gmac: gmac * draws as f64,
        output_bytes: None,
        parameter_bytes: card.parameters as u64 * 4,
    })
}
