//! `cargo bench --bench label`: what the user waits for while labelling.
#![allow(clippy::expect_used, reason = "a bench that cannot run has nothing to say")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group};
use difscope::heads::Rows;
use difscope::project::LabelSource;
use difscope::study::label::{
    Cover, Filter, Mark, Names, Order, Refit, Session, Shown, Situation, Sort, Space, Suggestions,
};
use difscope::tensor::rng::standard_normal;

/// As the program itself.
#[global_allocator]
static MEMORY: difscope::tensor::Memory = difscope::tensor::Memory::new();

const CLASSES: usize = 20;
const LABELS: usize = 1000;

/// Runs `work` on a thread of the pool that computes, as the program's own worker is.
fn in_pool<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().build().expect("threads").install(work)
}

/// Random features of `count` pictures, 1,000 of them labelled.
fn labelled(count: usize, width: usize) -> Refit {
    let rows = Rows::new(width, standard_normal(&[1; 32], count * width)).expect("whole rows");
    let space = Space::new(&rows, &(0..count).collect::<Vec<_>>()).expect("there are pictures");
    let mut refit = Refit::new(Arc::new(space), CLASSES).expect("enough classes");
    (0..LABELS).for_each(|picture| refit.label(picture, Some(picture % CLASSES)).expect("it is there"));
    refit
}

/// One label more, and what all pictures would be labelled as.
fn refit(c: &mut Criterion) {
    let mut group = c.benchmark_group("refit at 1000 labels, 20 classes, 4096 features");
    for count in [2000, 10_000] {
        let mut refit = labelled(count, 4096);
        group.bench_function(format!("label one of {count} and suggest for all"), |b| {
            b.iter(|| {
                refit.label(count - 1, Some(3)).expect("it is there");
                black_box(refit.suggestions());
                refit.label(count - 1, None).expect("it is there");
            });
        });
        group.bench_function(format!("change one of {count} and suggest for all"), |b| {
            let mut class = 0;
            b.iter(|| {
                class = (class + 1) % CLASSES;
                refit.label(500, Some(class)).expect("it is there");
                black_box(refit.suggestions());
            });
        });
        if count == 2000 {
            group.bench_function("choose the penalty, aside", |b| {
                b.iter_batched(|| refit.tuning(), |tuning| black_box(tuning.run()), BatchSize::LargeInput);
            });
        }
    }
    group.finish();
}

/// The next picture in every order, of 10,000.
fn orders(c: &mut Criterion) {
    let refit = labelled(10_000, 512);
    let all: Vec<usize> = (0..10_000).collect();
    let cover = Cover::new(refit.space(), &all, 0);
    let suggestions = refit.suggestions();
    let situation = Situation {
        refit: &refit,
        suggestions: &suggestions,
        cover: &cover,
        class: None,
        similar_to: None,
        seed: 0,
    };
    let mut group = c.benchmark_group("next of 10000 at 1000 labels");
    for order in Order::ALL {
        let offered: &[usize] = if order.is_of_labelled() { &all[..LABELS] } else { &all[LABELS..] };
        group.bench_function(order.name(), |b| {
            b.iter(|| black_box(situation.ranked(order, offered).expect("all are there")));
        });
    }
    group.finish();
}

/// The list of 10,000 pictures: filtered, sorted, marked and undone.
fn list(c: &mut Criterion) {
    let count = 10_000;
    let names: Vec<String> =
        (0..count).map(|picture| format!("folder {}/img{picture}.png", picture % 7)).collect();
    let names = Names::new(&names);
    let mut session = Session::new(count, (0..CLASSES).map(|class| format!("class {class}")).collect());
    let hand = |class| Mark::Class { class, source: LabelSource::Hand };
    (0..count).step_by(3).for_each(|picture| {
        session.mark("label", &[picture], hand(picture % CLASSES)).expect("it is there");
    });
    let noise = standard_normal(&[2; 32], count * CLASSES);
    let probabilities = difscope::heads::softmax_rows(&noise, CLASSES);
    let suggestions = Suggestions { classes: CLASSES, probabilities };
    let filters = [
        ("all by name", Filter::default(), Sort::Name),
        ("all by confidence", Filter::default(), Sort::LeastConfident),
        (
            "blank, of a class, confident, by name",
            Filter {
                shown: Shown::Blank,
                suggested: Some(3),
                confidence: Some([0.2, 1.0]),
                name: "IMG1".into(),
            },
            Sort::MostConfident,
        ),
    ];
    let mut group = c.benchmark_group("list of 10000");
    for (name, filter, sort) in &filters {
        group.bench_function(*name, |b| {
            b.iter(|| black_box(names.list(&session, Some(&suggestions), filter, *sort)));
        });
    }
    let all: Vec<usize> = (0..count).collect();
    group.bench_function("mark all, undo, redo, undo", |b| {
        b.iter(|| {
            session.mark("all", &all, hand(1)).expect("all are there");
            black_box(session.undo());
            black_box(session.redo());
            black_box(session.undo());
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(2));
    targets = refit, orders, list
}

fn main() {
    in_pool(|| {
        benches();
        Criterion::default().configure_from_args().final_summary();
    });
}
