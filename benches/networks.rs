//! `cargo bench --bench networks -- fashion32`: whole networks.
//!
//! The 256×256 network takes several GB and minutes; it is built when a bench of its is asked for.

mod common;

use std::cell::OnceCell;
use std::time::Duration;

use common::{
    BLOCK_OF_FEATURES, adm256, all_pooled, fashion32, in_pool, map_of, network, output_of, pictures,
};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group};
use difscope::tensor::precision::Precision;
use difscope::unet::Unet;

fn embedded(c: &mut Criterion) {
    let mut group = c.benchmark_group("fashion32");
    let unet = OnceCell::new();
    for count in [1, 100] {
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("{count} to the last block"), |b| {
            let unet = unet.get_or_init(|| network(&fashion32(), Precision::F32));
            let x = pictures(unet, count);
            b.iter(|| map_of(unet, &x, unet.block_count()));
        });
    }
    group.finish();
}

fn published(c: &mut Criterion) {
    let mut group = c.benchmark_group("adm256");
    // A pass takes seconds: one to a sample.
    group.sampling_mode(SamplingMode::Flat).warm_up_time(Duration::from_millis(1));
    let unet = OnceCell::new();
    let mut bench = |name: String, run: fn(&Unet) -> candle_core::Tensor| {
        group.bench_function(name, |b| {
            let unet = unet.get_or_init(|| network(&adm256(), Precision::F32));
            b.iter(|| run(unet));
        });
    };
    bench(format!("to block {BLOCK_OF_FEATURES}"), |unet| {
        map_of(unet, &pictures(unet, 1), BLOCK_OF_FEATURES)
    });
    bench("full".into(), |unet| output_of(unet, &pictures(unet, 1)));
    bench("all blocks pooled".into(), |unet| all_pooled(unet, &pictures(unet, 1)));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(5));
    targets = embedded, published
}

fn main() {
    in_pool(|| {
        benches();
        Criterion::default().configure_from_args().final_summary();
    });
}
