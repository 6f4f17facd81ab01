//! `difscope attention`: where a trained head looks in a picture, as a figure or as numbers.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Failure;
use super::args::Everywhere;
use super::head_args::AttentionArgs;
use super::heatmap::one_picture;
use super::output::{check_place, report};
use super::predict::network_of;
use super::session::{Interrupt, Session, unexpected};
use super::set;
use crate::heads::read_info;
use crate::jobs::{
    AttentionConfig, Exhibit, InsideShot, LookConfig, OpenNetworkJob, Outcome, PreviewRequest, Selection,
    Values,
};

/// What is shown, and how it looks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    attention: AttentionConfig,
    look: LookConfig,
}

/// Writes the inside of a head.
///
/// # Errors
/// When the head, its network, the picture or the output cannot be used.
pub fn run(args: &AttentionArgs, everywhere: &Everywhere, interrupt: &Interrupt) -> Result<(), Failure> {
    check_ending(&args.out)?;
    check_place(&args.out, everywhere.force)?;
    let info = read_info(&args.head)?;
    let config = config(args, &info.classes, everywhere)?;
    let source = network_of(&info, everywhere)?;
    let mut session = Session::start(everywhere, interrupt)?;
    let picture = one_picture(&args.input, &mut session)?;
    let card = match session.run(OpenNetworkJob { source, preset: everywhere.preset.clone() })? {
        Outcome::Network(card) => card,
        other => return Err(unexpected(&other)),
    };
    let selection = Selection { timestep: 0, block: 1, seed: info.seed, draw: 0, average: 1, class: None };
    let mut request = PreviewRequest::of(picture, selection, Default::default());
    request.inside = Some(args.head.clone());
    let (shown, inside) = session.look_inside(request)?;
    let seen = match &inside.seen {
        Ok(seen) => (inside.head.clone(), Arc::clone(seen)),
        Err(error) => return Err(error.as_ref().into()),
    };
    let shot = InsideShot::new(shown, card, seen, config.attention, config.look)?;
    let mut notes: Vec<String> = shot.shown.picture.notes.iter().map(ToString::to_string).collect();
    notes.extend(shot.shown.far.clone());
    for note in &notes {
        session.progress.note(&format!("{}: {note}", shot.shown.picture.name));
    }
    shot.write(&args.out, args.look.colorbar, everywhere.force)?;
    let told = told(&shot, &args.out, &notes);
    report(everywhere.json, &told, || {
        let answer = shot.lines().into_iter().next().unwrap_or_default();
        format!("{}: {} · {answer}\n", args.out.display(), shot.title())
    })
}

fn config(args: &AttentionArgs, classes: &[String], everywhere: &Everywhere) -> Result<Config, Failure> {
    let mut config = Config::default();
    config.attention.layer = args.layer;
    config.attention.feedback = args.feedback;
    if let Some(name) = &args.evidence {
        let class = classes.iter().position(|class| class == name);
        config.attention.class = Some(class.ok_or_else(|| {
            Failure::failed(format!("--evidence {name}: this head knows {}", classes.join(", ")))
        })?);
    }
    args.look.apply(&mut config.look);
    let config = set::apply(config, &everywhere.set)?;
    config.look.validate()?;
    Ok(config)
}

fn check_ending(out: &Path) -> Result<(), Failure> {
    let is_png = out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
    if is_png || matches!(Values::of(out), Some(Values::Safetensors | Values::Csv)) {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "{}: it is written as .png, its raw values as .safetensors or .csv; choose one of these endings",
        out.display()
    )))
}

/// What is told: the settings, the answer, and the shares of attention.
fn told(shot: &InsideShot, out: &Path, notes: &[String]) -> Value {
    let mut told = shot.settings();
    told["out"] = json!(out);
    told["notes"] = json!(notes);
    let answer = shot.answer().into_iter();
    told["answer"] =
        answer.map(|(class, probability)| json!({ "class": class, "probability": probability })).collect();
    told["shares"] = shot
        .shares()
        .into_iter()
        .map(|(timestep, block, second_pass, rollout, mean)| {
            json!({
                "timestep": timestep,
                "block": block,
                "second_pass": second_pass,
                "rollout": rollout,
                "mean": mean,
            })
        })
        .collect();
    told
}
