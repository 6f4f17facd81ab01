//! `difscope train`: a head on labelled pictures.

use super::args::Everywhere;
use super::estimate::Estimate;
use super::head_args::TrainArgs;
use super::kept::{self, KeptRun};
use super::output::{check_place, report};
use super::session::{Interrupt, Opened, Session, unexpected};
use super::{Failure, set};
use crate::data::dataset::DataSet;
use crate::data::split::{How, foreseen};
use crate::features::network::NetworkCard;
use crate::figure::ticks::thousands;
use crate::heads::{Backbone, HeadConfig};
use crate::jobs::{Outcome, PaceJob, TrainJob};
use crate::study::statistics::wilson;
use crate::study::table::Features;
use crate::study::{TrainReport, TrainingConfig, TrainingPlan, json_beside};
use crate::train::{Recipe, TrainConfig, few_shot_head};

/// Trains a head, tests it and writes it.
///
/// # Errors
/// When pictures, settings or the output cannot be used.
pub fn run(args: &TrainArgs, everywhere: &Everywhere, interrupt: &Interrupt) -> Result<(), Failure> {
    if !args.out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors")) {
        let text = format!("{}: a head is written as .safetensors; choose such a name", args.out.display());
        return Err(Failure::failed(text));
    }
    check_place(&args.out, everywhere.force)?;
    check_place(&json_beside(&args.out), everywhere.force)?;
    let mut session = Session::start(everywhere, interrupt)?;
    if !everywhere.estimate {
        kept::open(&mut session, everywhere)?;
    }
    let Opened { card, .. } = session.open_network(everywhere)?;
    let config = config(args, everywhere, &card)?;
    if everywhere.estimate {
        return estimate(args, everywhere, config, &card, &mut session);
    }
    let kept = match everywhere.project {
        Some(_) => Some(KeptRun::begin(&mut session, &config, &args.data, &card, &args.out)?),
        None => None,
    };
    let job = TrainJob::new(config, args.data.clone(), Some(args.out.clone()), everywhere.force);
    let came = session.run(job).and_then(|outcome| match outcome {
        Outcome::Trained(trained) => Ok(trained),
        other => Err(unexpected(&other)),
    });
    let saved = kept.map_or(Ok(()), |kept| kept.end(&mut session, came.as_deref()));
    // Of two failures the first is told.
    let trained = came?;
    for note in trained.notes.iter().filter(|note| Some(*note) != trained.unsaved.as_ref()) {
        session.progress.note(note);
    }
    report(everywhere.json, &*trained, || text(&trained))?;
    match (&trained.unsaved, saved) {
        (None, Ok(())) => Ok(()),
        (Some(why), Ok(())) => Err(Failure::failed(why)),
        (None, Err(failure)) => Err(failure.with(
            "the head is trained and saved, and its run is completed from the report when the project is opened next",
        )),
        (Some(why), Err(failure)) => Err(failure.with(why)),
    }
}

/// Tells what a training takes: passes over all pictures, and the time of all of it.
fn estimate(
    args: &TrainArgs,
    everywhere: &Everywhere,
    config: TrainingConfig,
    card: &NetworkCard,
    session: &mut Session,
) -> Result<(), Failure> {
    let set = DataSet::open(&args.data, &|| false)?;
    let parts = foreseen(config.split, config.split_file.as_deref(), &set)?;
    let [learned, validated, tested] = parts;
    let classes = set.classes.len();
    let plan = TrainingPlan::new(&config, &Backbone::from(card), (learned + validated, tested), classes)?;
    let answers = tested * config.draws.max(1) as usize;
    let timesteps = config.head.timesteps.len();
    let estimate = Estimate {
        items: learned + validated + tested,
        forwards: (plan.features.examples * plan.features.views + answers) * timesteps,
        gmac: plan.features.gmac + plan.test_gmac,
        output_bytes: None,
        parameter_bytes: card.parameters as u64 * 4 + plan.memory_bytes,
    };
    match session.run(PaceJob::Training { config, parts, classes })? {
        Outcome::Paced(seconds) => estimate.print_timed(seconds, everywhere.json),
        other => Err(unexpected(&other)),
    }
}

/// The settings: the recipe's, then flags, then `--set`.
fn config(args: &TrainArgs, everywhere: &Everywhere, card: &NetworkCard) -> Result<TrainingConfig, Failure> {
    let recipe = args.recipe.unwrap_or_default();
    let published = HeadConfig::published(args.head, &Backbone::from(card))?;
    let mut head = match recipe {
        Recipe::Paper => published,
        Recipe::FewShot => few_shot_head(published),
    };
    let mut train = TrainConfig::of(recipe, args.head, everywhere.seed.unwrap_or(0));
    head.timesteps = args.timesteps.clone().unwrap_or(head.timesteps);
    head.blocks = args.blocks.clone().unwrap_or(head.blocks);
    head.second = args.second.clone().unwrap_or(head.second);
    head.feedback = args.feedback.clone().unwrap_or(head.feedback);
    head.pool = args.pool.unwrap_or(head.pool);
    train.epochs = args.epochs.unwrap_or(train.epochs);
    let split = args.shots.map(|shots| How::Shots {
        train: shots,
        validation: args.validation.unwrap_or(0),
        test: args.test,
    });
    let config = TrainingConfig {
        head,
        train,
        split,
        split_file: args.split.clone(),
        draws: everywhere.draws.unwrap_or(1),
        features: Features::Network,
        classes: None,
        states: 0,
    };
    set::apply(config, &everywhere.set)
}

fn text(trained: &TrainReport) -> String {
    let TrainReport { out, network, settings, counts, cost, stopped, seconds_train, .. } = trained;
    let [learned, validated, tested] = counts;
    let out = out.as_ref().map_or_else(|| "no file".into(), |out| out.display().to_string());
    let mut text = format!(
        "{out}: {} on {network} · {} parameters · {:.3} GMAC per picture\n\
         {learned} pictures to learn from, {validated} to validate, {tested} to test · {stopped} · {seconds_train:.1} s\n",
        settings.head.kind,
        thousands(cost.parameters as u64),
        cost.head_gmac + cost.network_gmac,
    );
    if let Some(test) = &trained.test {
        let hits = (test.accuracy * test.count as f64).round() as usize;
        let interval = wilson(hits, test.count)
            .map(|interval| {
                format!(" (95 % interval {:.1} to {:.1})", 100.0 * interval.low, 100.0 * interval.high)
            })
            .unwrap_or_default();
        text += &format!(
            "accuracy {:.1} %{interval} on {} pictures · macro-F1 {:.3}\n",
            100.0 * test.accuracy,
            test.count,
            test.macro_f1
        );
    }
    text
}
