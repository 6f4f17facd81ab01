//! `difscope heatmap`: one view of one picture as a figure or as numbers.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::Failure;
use super::args::{Everywhere, HeatmapArgs};
use super::estimate::Estimate;
use super::output::{check_place, report};
use super::session::{Interrupt, Opened, Session};
use super::set;
use crate::colormap::RangeChoice;
use crate::data::Source;
use crate::features::network::NetworkCard;
use crate::features::view::View;
use crate::jobs::{ExploreConfig, PreviewRequest, Selection, Shot};

/// Writes a view.
///
/// # Errors
/// When the picture, a setting or the output cannot be used.
pub fn run(args: &HeatmapArgs, everywhere: &Everywhere, interrupt: &Interrupt) -> Result<(), Failure> {
    let config = config(args, everywhere)?;
    check_ending(&args.out)?;
    check_place(&args.out, everywhere.force)?;
    let mut session = Session::start(everywhere, interrupt)?;
    let source = one_picture(&args.input, &mut session)?;
    let Opened { card, seconds } = session.open_network(everywhere)?;
    let selection = config.selection(&card);
    if everywhere.estimate {
        return estimate(&selection, &card)?.print(everywhere.json);
    }
    let previewed = session.preview(PreviewRequest::of(source, selection, config.view))?;
    let picture = &previewed.shown.picture;
    let mut notes: Vec<String> = picture.notes.iter().map(ToString::to_string).collect();
    notes.extend(previewed.shown.far.clone());
    for note in &notes {
        session.progress.note(&format!("{}: {note}", picture.name));
    }
    let shot = Shot { shown: previewed.shown.clone(), map: previewed.map, card, look: config.look };
    shot.write(&args.out, args.colorbar, everywhere.force)?;
    let grid = &shot.map.grid;
    let stats = grid.stats();
    let range = (config.view != View::Pca).then(|| shot.tone().range);
    let told = json!({
        "out": args.out,
        "picture": picture.name,
        "network": shot.card.name,
        "network_hash": shot.card.hash,
        "device": session.device,
        "selection": selection,
        "view": config.view,
        "look": shot.look,
        "channels": grid.channels(),
        "height": grid.height(),
        "width": grid.width(),
        "minimum": stats.min,
        "maximum": stats.max,
        "mean": stats.mean,
        "range": range,
        "seconds_load": seconds,
        "seconds": shot.map.seconds,
        "notes": notes,
    });
    report(everywhere.json, &told, || {
        format!("{}: {} · {}\n", args.out.display(), shot.title(), config.view.title())
    })
}

fn config(args: &HeatmapArgs, everywhere: &Everywhere) -> Result<ExploreConfig, Failure> {
    let mut config = everywhere.explore();
    config.timestep = args.timestep;
    config.block = args.block;
    config.view = args.view.unwrap_or(config.view);
    config.look.map = args.map.unwrap_or(config.look.map);
    if let Some([low, high]) = args.range {
        config.look.range = RangeChoice::Manual(low, high);
    }
    if let Some(opacity) = args.overlay {
        (config.look.overlay, config.look.opacity) = (true, opacity);
    }
    let config = set::apply(config, &everywhere.set)?;
    config.look.validate()?;
    if config.look.overlay && config.view == View::Mosaic {
        return Err(Failure::usage(
            "--overlay lays one map over the picture; choose it with --view, as in --view norm",
        ));
    }
    Ok(config)
}

fn check_ending(out: &Path) -> Result<(), Failure> {
    let ending = out.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    if matches!(ending.as_deref(), Some("png" | "npy" | "csv")) {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "{}: a view is written as .png, its raw values as .npy or .csv; choose one of these endings",
        out.display()
    )))
}

fn one_picture(input: &Path, session: &mut Session) -> Result<Source, Failure> {
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

fn estimate(selection: &Selection, card: &NetworkCard) -> Result<Estimate, Failure> {
    let count = card.blocks.len();
    let block = card.block(selection.block).ok_or_else(|| {
        Failure::failed(format!("block {} does not exist; this network has 1 to {count}", selection.block))
    })?;
    let forwards = selection.average.max(1) as usize;
    Ok(Estimate {
        items: 1,
        forwards,
        gmac: block.cumulative_gmac * forwards as f64,
        output_bytes: None,
        parameter_bytes: card.parameters as u64 * 4,
    })
}
