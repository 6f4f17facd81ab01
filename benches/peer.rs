//! This program's side of `benches/peer/compare.py`: runs what it is told, in one process, so that
//! weights and caches stay warm between turns.
//!
//! A line in, an answer out: `config NETWORK` gives its configuration as JSON, `time ITEM COUNT` the
//! milliseconds of COUNT runs, `values ITEM` a line with the number of values of the result, then
//! those as f32 little-endian, `[N, C, H, W]`. Threads are those of `RAYON_NUM_THREADS`.
#![allow(clippy::expect_used, reason = "a bench that cannot run has nothing to say")]

mod common;

use std::collections::HashMap;
use std::io::{self, BufRead, IsTerminal, Write};
use std::rc::Rc;
use std::time::Instant;

use candle_core::{Tensor, Var};
use common::layers::{Layer, attention, convolution, norm, skip};
use common::{
    BLOCK_OF_FEATURES, adm256, all_pooled, begin, fashion32, in_pool, map_of, network, output_of, pictures,
};
use difscope::tensor::precision::Precision;
use difscope::unet::config::UnetConfig;
use difscope::unet::{Keep, Unet};

/// Pictures that pass through the network together when there are many.
const BATCH: usize = 20;
/// The block that a head reads in the second pass of DifFeed on the embedded network.
const BLOCK_OF_HEAD: usize = 12;

/// Something to run again and again.
type Item = Rc<dyn Fn() -> Tensor>;

/// Networks and items that were asked for once.
#[derive(Default)]
struct Shelf {
    networks: HashMap<(String, Precision), Rc<Unet>>,
    items: HashMap<String, Item>,
}

impl Shelf {
    fn network(&mut self, name: &str, precision: Precision) -> Rc<Unet> {
        let made = self.networks.entry((name.to_string(), precision));
        Rc::clone(made.or_insert_with(|| Rc::new(network(&config(name), precision))))
    }

    fn item(&mut self, name: &str) -> Item {
        if let Some(item) = self.items.get(name) {
            return Rc::clone(item);
        }
        let item = self.make(name);
        self.items.insert(name.to_string(), Rc::clone(&item));
        item
    }

    /// The item `kind` or `kind:number,number`, with the numbers that `items.py` gives.
    fn make(&mut self, name: &str) -> Item {
        let (kind, numbers) = name.split_once(':').unwrap_or((name, ""));
        let numbers: Vec<usize> = numbers.split(',').filter_map(|number| number.parse().ok()).collect();
        match (kind, &numbers[..]) {
            ("conv", &[c_in, c_out, side]) => of_layer(convolution(c_in, c_out, side)),
            ("norm", &[channels, side]) => of_layer(norm(channels, side)),
            ("attention", &[heads, width, side]) => of_layer(attention(heads, width, side)),
            ("skip", &[channels, c_out, side]) => of_layer(skip(channels, c_out, side)),
            ("adm256-full", []) => self.pass("adm256", 1, output_of),
            ("adm256-block", []) => self.pass("adm256", 1, |unet, x| map_of(unet, x, BLOCK_OF_FEATURES)),
            ("adm256-block-bf16", []) => {
                self.pass_in(Precision::Bf16, "adm256", 1, |unet, x| map_of(unet, x, BLOCK_OF_FEATURES))
            }
            ("adm256-pooled", []) => self.pass("adm256", 1, all_pooled),
            ("fashion32-last", &[count]) => self.pass("fashion32", count, to_the_last_block),
            ("fashion32-step", &[count]) => self.pass("fashion32", count, feedback_step),
            _ => unreachable!("no item {name:?}"),
        }
    }

    fn pass(&mut self, network: &str, count: usize, run: fn(&Unet, &Tensor) -> Tensor) -> Item {
        self.pass_in(Precision::F32, network, count, run)
    }

    fn pass_in(
        &mut self,
        precision: Precision,
        network: &str,
        count: usize,
        run: fn(&Unet, &Tensor) -> Tensor,
    ) -> Item {
        let unet = self.network(network, precision);
        let x = pictures(&unet, count);
        Rc::new(move || run(&unet, &x))
    }
}

fn config(network: &str) -> UnetConfig {
    match network {
        "fashion32" => fashion32(),
        "adm256" => adm256(),
        _ => unreachable!("no network {network:?}"),
    }
}

fn of_layer(layer: Layer) -> Item {
    Rc::new(move || layer.map())
}

/// The maps of the last block, `BATCH` pictures at a time.
fn to_the_last_block(unet: &Unet, x: &Tensor) -> Tensor {
    let count = x.dims()[0];
    let parts = (0..count).step_by(BATCH).map(|first| {
        let part = x.narrow(0, first, BATCH.min(count - first)).expect("inside");
        map_of(unet, &part, unet.block_count())
    });
    let parts: Vec<Tensor> = parts.collect();
    match &parts[..] {
        [one] => one.clone(),
        parts => Tensor::cat(parts, 0).expect("maps of one shape"),
    }
}

/// A step as the training of DifFeed has it: a whole pass for the decoder's features, the gradient
/// of a loss on the head's block with respect to what enters the encoder, and a whole pass again.
fn feedback_step(unet: &Unet, x: &Tensor) -> Tensor {
    let mut first = begin(unet, x, Keep::All);
    unet.finish(&mut first, &mut |_, _| Ok(())).expect("the pass runs");
    let x = Var::from_tensor(x).expect("a tensor");
    let map = map_of(unet, &x, BLOCK_OF_HEAD);
    let loss = map.sqr().and_then(|squares| squares.mean_all()).expect("a loss");
    let gradients = loss.backward().expect("gradients");
    let gradient = gradients.get(&x).expect("a gradient of the input").clone();
    output_of(unet, &x.detach());
    gradient
}

fn answer(shelf: &mut Shelf, request: &str, out: &mut impl Write) -> io::Result<()> {
    let words: Vec<&str> = request.split_whitespace().collect();
    match words[..] {
        ["config", network] => {
            let text = serde_json::to_string(&config(network)).expect("a configuration is JSON");
            writeln!(out, "{text}")?;
        }
        ["time", item, count] => {
            let (item, count) = (shelf.item(item), count.parse().unwrap_or(1));
            for _ in 0..count {
                let start = Instant::now();
                let result = item();
                write!(out, "{} ", start.elapsed().as_secs_f64() * 1e3)?;
                drop(result);
            }
            writeln!(out)?;
        }
        ["values", item] => {
            let values: Vec<f32> =
                shelf.item(item)().flatten_all().and_then(|all| all.to_vec1()).expect("f32");
            writeln!(out, "{}", values.len())?;
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            out.write_all(&bytes)?;
        }
        _ => unreachable!("no request {request:?}"),
    }
    out.flush()
}

fn serve() -> io::Result<()> {
    let mut shelf = Shelf::default();
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        answer(&mut shelf, &line?, &mut out)?;
    }
    Ok(())
}

fn main() -> io::Result<()> {
    if io::stdin().is_terminal() {
        // Nobody would tell it what to do, as when all benches are run.
        return writeln!(io::stderr(), "peer: run `python3 benches/peer/compare.py`, which talks to this");
    }
    in_pool(serve)
}
