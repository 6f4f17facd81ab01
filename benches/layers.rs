//! `cargo bench --bench layers`: single layers, at the sizes that the 256×256 network has.

mod common;

use std::time::Duration;

use common::in_pool;
use common::layers::{CONVOLUTIONS, Layer, attention, convolution, norm, skip};
use criterion::{Criterion, Throughput, criterion_group};

/// `macs`: multiply-accumulates of a run, or 0 for layers that only move data.
fn bench(c: &mut Criterion, group: &str, name: &str, macs: usize, layer: impl Fn() -> Layer) {
    let mut group = c.benchmark_group(group);
    if macs > 0 {
        // Operations, two to a multiply-accumulate: criterion's "Gelem/s" reads as GFLOP/s.
        group.throughput(Throughput::Elements(2 * macs as u64));
    }
    group.bench_function(name, |b| {
        let layer = layer();
        b.iter(|| layer.run());
    });
    group.finish();
}

fn layers(c: &mut Criterion) {
    for (c_in, c_out, side) in CONVOLUTIONS {
        let name = format!("{c_in} to {c_out} at {side}x{side}");
        bench(c, "conv3x3", &name, 9 * c_in * c_out * side * side, || convolution(c_in, c_out, side));
    }
    bench(c, "norm", "256 at 128x128 with silu", 0, || norm(256, 128));
    bench(c, "attention", "8 heads of 64 over 1024", 2 * 8 * 64 * 1024 * 1024, || attention(8, 64, 32));
    bench(c, "skip", "256 and 256 to 256 at 64x64", 512 * 256 * 64 * 64, || skip(256, 256, 64));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(4));
    targets = layers
}

fn main() {
    in_pool(|| {
        benches();
        Criterion::default().configure_from_args().final_summary();
    });
}
