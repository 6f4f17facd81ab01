//! `difscope bench`: how fast the network in use is on this machine.

use serde::Serialize;

use super::args::{BenchArgs, Everywhere};
use super::estimate::Estimate;
use super::memory::peak_rss_bytes;
use super::output::{report, significant, table};
use super::session::{Interrupt, Opened, Session, unexpected};
use super::{Failure, set};
use crate::features::network::NetworkCard;
use crate::features::speed::{BlockSpeed, SpeedConfig, Stretch};
use crate::jobs::{Machine, Outcome, SpeedJob, SpeedReport};

/// Passes timed unless told otherwise: odd, so that the median is one of them.
const PASSES: usize = 7;

/// What `--json` tells.
#[derive(Serialize)]
struct Told<'a> {
    network: &'a str,
    network_hash: &'a str,
    #[serde(flatten)]
    machine: &'a Machine,
    settings: &'a SpeedConfig,
    seconds_load: f64,
    to_block: Stretch,
    to_end: Stretch,
    rest_milliseconds: f64,
    peak_rss_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocks: Option<&'a [BlockSpeed]>,
}

/// Times the network.
///
/// # Errors
/// When the network or a setting cannot be used.
pub fn run(args: &BenchArgs, everywhere: &Everywhere, interrupt: &Interrupt) -> Result<(), Failure> {
    // What can be refused at once is, before a network is read.
    config(args, everywhere, None)?;
    let mut session = Session::start(everywhere, interrupt)?;
    let Opened { card, seconds } = session.open_network(everywhere)?;
    let config = config(args, everywhere, Some(&card))?;
    config.validate(&card)?;
    if everywhere.estimate {
        let forwards = config.passes + 1;
        let gmac = card.full_gmac * forwards as f64;
        let parameter_bytes = card.parameters as u64 * 4;
        return Estimate { items: 1, forwards, gmac, output_bytes: None, parameter_bytes }
            .print(everywhere.json);
    }
    let timed = match session.run(SpeedJob::new(config))? {
        Outcome::Timed(timed) => timed,
        other => return Err(unexpected(&other)),
    };
    let speed = &timed.speed;
    let told = Told {
        network: &timed.network,
        network_hash: &timed.network_hash,
        machine: &timed.machine,
        settings: &timed.settings,
        seconds_load: seconds,
        to_block: speed.to_block,
        to_end: speed.to_end,
        rest_milliseconds: speed.rest_milliseconds,
        peak_rss_bytes: peak_rss_bytes(),
        blocks: args.profile.then_some(&speed.blocks),
    };
    report(everywhere.json, &told, || text(&timed, args.profile))
}

/// The settings: flags, what they leave open as the network has it, then `--set`.
fn config(
    args: &BenchArgs,
    everywhere: &Everywhere,
    card: Option<&NetworkCard>,
) -> Result<SpeedConfig, Failure> {
    let (timestep, block) = card.map_or((0, 1), |card| (card.default_timestep(), card.default_block()));
    let config = SpeedConfig {
        timestep: args.timestep.unwrap_or(timestep),
        block: args.block.unwrap_or(block),
        passes: args.passes.unwrap_or(PASSES),
        seed: everywhere.seed.unwrap_or(0),
        class: everywhere.class,
    };
    set::apply(config, &everywhere.set)
}

fn text(timed: &SpeedReport, profile: bool) -> String {
    let SpeedReport { network, machine, settings, speed, .. } = timed;
    let Machine { device, precision, threads } = machine;
    let plural =
        |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let line = |name: String, stretch: Stretch| {
        let seconds = format!("{:.4} s", stretch.seconds);
        vec![
            name,
            seconds,
            format!("{} GMAC", significant(stretch.gmac)),
            format!("{:.1} GFLOP/s", stretch.gflops),
        ]
    };
    let stretches =
        [line(format!("to b {}", settings.block), speed.to_block), line("to the end".into(), speed.to_end)];
    let mut text = format!(
        "{network} · {device}, {}, {precision} · one picture, t {} · {}\n\n{}",
        plural(*threads, "thread", "threads"),
        settings.timestep,
        plural(settings.passes, "pass", "passes, medians"),
        table(&stretches, &[0])
    );
    if profile {
        text += &format!("\n{}", blocks(&speed.blocks, speed.rest_milliseconds, speed.to_end.seconds));
    }
    text
}

fn blocks(blocks: &[BlockSpeed], rest: f64, whole: f64) -> String {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let head = ["b", "place", "name", "C×H×W", "GMAC", "ms", "GFLOP/s", "share"].map(String::from).to_vec();
    let rows = blocks.iter().map(|BlockSpeed { info, milliseconds, gflops, share }| {
        vec![
            info.block.to_string(),
            info.place(),
            info.name.clone(),
            info.shape(),
            significant(info.gmac),
            format!("{milliseconds:.3}"),
            format!("{gflops:.1}"),
            percent(*share),
        ]
    });
    let blank = String::new;
    let share = if whole > 0.0 { percent(rest / 1e3 / whole) } else { blank() };
    let rest = vec![
        blank(),
        "rest".into(),
        "time_embed, out".into(),
        blank(),
        blank(),
        format!("{rest:.3}"),
        blank(),
        share,
    ];
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).chain([rest]).collect();
    table(&rows, &[1, 2])
}
