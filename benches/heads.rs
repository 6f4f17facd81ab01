//! `cargo bench --bench heads`: what heads with a transformer are trained by, forward and back, beside
//! candle's operations for the same.

mod common;

use std::time::Duration;

use common::heads::{Task, Whose, fed_step, gelu_layer, linear_layer, norm_layer, step};
use common::in_pool;
use criterion::{Criterion, criterion_group};
use difscope::heads::HeadKind;

/// Tokens of a step of DifFormer on the embedded network under the few-shot recipe, and as published.
const TOKENS: [usize; 2] = [16 * 49, 32 * 193];
/// The farthest that both may be from each other.
const TOLERANCE: f32 = 1e-3;

/// Times what `task` makes of both, which must come to the same.
fn pair(c: &mut Criterion, group: &str, name: &str, task: impl Fn(Whose) -> Task) {
    let both = [Whose::Ours, Whose::Candles].map(|whose| task(whose).run());
    let apart = (&both[0] - &both[1]).and_then(|apart| apart.abs()?.max_all()?.to_scalar::<f32>());
    assert!(apart.is_ok_and(|apart| apart < TOLERANCE), "{group} {name}: not the same");
    let mut group = c.benchmark_group(format!("{group}/{name}"));
    for (name, whose) in [("ours", Whose::Ours), ("candle", Whose::Candles)] {
        group.bench_function(name, |b| {
            let mut task = task(whose);
            b.iter(|| task.run());
        });
    }
    group.finish();
}

fn heads(c: &mut Criterion) {
    for rows in TOKENS {
        pair(c, "linear", &format!("{rows} tokens of 128 to 512"), |whose| {
            linear_layer(whose, rows, 128, 512)
        });
        pair(c, "norm", &format!("{rows} tokens of 128"), |whose| norm_layer(whose, rows, 128));
        pair(c, "gelu", &format!("{rows} tokens of 512"), |whose| gelu_layer(whose, rows, 512));
    }
    pair(c, "norm", "32 maps of 128x8x8", |whose| norm_layer(whose, 32, 128 * 64));
    for (name, few) in [("few-shot", true), ("published", false)] {
        for kind in [HeadKind::Attention, HeadKind::DifFormer] {
            pair(c, "step", &format!("{name} {kind} on 16"), |whose| step(whose, kind, few, 16));
        }
    }
    // Most of it is the second pass.
    c.bench_function("step/few-shot diffeed on 16", |b| {
        let mut task = fed_step(16);
        b.iter(|| task.run());
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(15).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = heads
}

fn main() {
    in_pool(|| {
        benches();
        Criterion::default().configure_from_args().final_summary();
    });
}
