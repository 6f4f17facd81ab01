//! The layers of heads beside candle's operations for the same, and whole steps of training.

use std::collections::BTreeMap;

use candle_core::{D, Device, Tensor, Var};
use candle_nn::ops::{log_softmax, softmax};
use difscope::heads::{Backbone, HeadConfig, HeadKind, Maps, NeuralHead, Noised, SecondPass, collect, reads};
use difscope::tensor::precision::Precision;
use difscope::tensor::token;
use difscope::train::few_shot_head;
use difscope::unet::Unet;
use difscope::unet::plan::Plan;

use super::{fashion32, input, network};

type Result<T> = candle_core::Result<T>;

/// Whose operations compute.
#[derive(Clone, Copy)]
pub enum Whose {
    /// One walk over the tokens each.
    Ours,
    /// A walk for every sum and product.
    Candles,
}

/// Classes told apart.
const CLASSES: usize = 10;
/// PyTorch's eps.
const EPS: f64 = 1e-5;

/// `x · weightᵀ + bias` over the last dimension.
fn linear(whose: Whose, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    if let Whose::Ours = whose {
        return token::linear(x, weight, bias);
    }
    let mut shape = x.dims().to_vec();
    let inputs = shape.pop().unwrap_or(1);
    shape.push(weight.dim(0)?);
    let y = x.reshape(((), inputs))?.matmul(&weight.t()?)?;
    match bias {
        Some(bias) => y.broadcast_add(bias)?.reshape(shape),
        None => y.reshape(shape),
    }
}

fn norm(whose: Whose, x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    if let Whose::Ours = whose {
        return token::layer_norm(x, weight, bias);
    }
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    centred.broadcast_div(&(variance + EPS)?.sqrt()?)?.broadcast_mul(weight)?.broadcast_add(bias)
}

fn gelu(whose: Whose, x: &Tensor) -> Result<Tensor> {
    match whose {
        Whose::Ours => token::gelu(x),
        Whose::Candles => x.gelu_erf(),
    }
}

/// Something to do again and again, forward and back.
pub struct Task(Box<dyn FnMut() -> Result<Tensor>>);

impl Task {
    /// Does it; the output.
    ///
    /// # Panics
    /// Not expected.
    pub fn run(&mut self) -> Tensor {
        (self.0)().expect("it runs")
    }

    /// A layer over variables of `shapes`.
    fn of(shapes: &[&[usize]], layer: impl Fn(&[Var]) -> Result<Tensor> + 'static) -> Task {
        let var = |(index, shape): (usize, &&[usize])| {
            Var::from_tensor(&input(&format!("{index}"), shape)).expect("a variable")
        };
        let vars: Vec<Var> = shapes.iter().enumerate().map(var).collect();
        Task(Box::new(move || {
            let y = layer(&vars)?;
            y.sum_all()?.backward()?;
            Ok(y)
        }))
    }
}

/// A linear layer over `rows` tokens.
pub fn linear_layer(whose: Whose, rows: usize, inputs: usize, outputs: usize) -> Task {
    Task::of(&[&[rows, inputs], &[outputs, inputs], &[outputs]], move |vars| {
        linear(whose, &vars[0], &vars[1], Some(&vars[2]))
    })
}

/// LayerNorm over `rows` of `width` values.
pub fn norm_layer(whose: Whose, rows: usize, width: usize) -> Task {
    Task::of(&[&[rows, width], &[width], &[width]], move |vars| norm(whose, &vars[0], &vars[1], &vars[2]))
}

/// The exact GELU of `rows` of `width` values.
pub fn gelu_layer(whose: Whose, rows: usize, width: usize) -> Task {
    Task::of(&[&[rows, width]], move |vars| gelu(whose, &vars[0]))
}

fn backbone() -> Backbone {
    let config = fashion32();
    let blocks = Plan::new(&config).expect("a possible network").table();
    Backbone { name: "fashion32".into(), hash: String::new(), config, blocks }
}

/// A head of `kind` as the few-shot recipe sizes it, or as published.
fn head_of(kind: HeadKind, few: bool, backbone: &Backbone) -> NeuralHead {
    let published = HeadConfig::published(kind, backbone).expect("the network has blocks");
    let config = if few { few_shot_head(published) } else { published };
    NeuralHead::new(&config, backbone, CLASSES, 0, &Device::Cpu).expect("the head fits")
}

/// Cross-entropy of `[N, K]`, the label of row n being n modulo K.
fn loss(logits: &Tensor) -> Result<Tensor> {
    let (n, classes) = logits.dims2()?;
    let labels = (0..n).map(|row| (row % classes) as u32).collect::<Vec<_>>();
    let labels = Tensor::from_vec(labels, (n, 1), logits.device())?;
    log_softmax(logits, D::Minus1)?.gather(&labels, 1)?.mean_all()?.neg()
}

/// A step of a head without a second pass: loss and gradients of `batch` pictures whose features are
/// there. `Candles` computes the same from the same parameters.
pub fn step(whose: Whose, kind: HeadKind, few: bool, batch: usize) -> Task {
    let backbone = backbone();
    let mut head = head_of(kind, few, &backbone);
    let mut maps = Maps::new();
    for read in reads(head.config(), &backbone).expect("possible settings") {
        let info = backbone.block(read.block).expect("a block");
        let side = read.pool.unwrap_or(info.height);
        let key = format!("{} {}", read.timestep, read.block);
        maps.insert(read.timestep, read.block, &input(&key, &[batch, info.channels, side, side]));
    }
    match whose {
        Whose::Ours => Task(Box::new(move || {
            let logits = head.forward_train(&maps, None).expect("the head runs");
            loss(&logits)?.backward()?;
            Ok(logits)
        })),
        Whose::Candles => {
            let config = head.config().clone();
            let vars =
                head.parameters().variables().map(|(name, var)| (name.to_owned(), var.clone())).collect();
            Task(Box::new(move || {
                let logits = Plain { config: &config, vars: &vars }.forward(&maps)?;
                loss(&logits)?.backward()?;
                Ok(logits)
            }))
        }
    }
}

/// A head with a transformer, in candle's operations.
struct Plain<'a> {
    config: &'a HeadConfig,
    vars: &'a BTreeMap<String, Var>,
}

impl Plain<'_> {
    fn linear(&self, name: &str, x: &Tensor) -> Result<Tensor> {
        let weight = self.vars[&format!("head.{name}.weight")].flatten_from(1)?;
        let bias = self.vars.get(&format!("head.{name}.bias"));
        linear(Whose::Candles, x, &weight, bias.map(|bias| bias.as_tensor()))
    }

    fn norm(&self, name: &str, x: &Tensor) -> Result<Tensor> {
        let var = |what: &str| &self.vars[&format!("head.{name}.{what}")];
        norm(Whose::Candles, x, var("weight"), var("bias"))
    }

    fn forward(&self, maps: &Maps) -> Result<Tensor> {
        let mut all = Vec::new();
        for &timestep in &self.config.timesteps {
            let mut tokens = vec![];
            for &block in &self.config.blocks {
                let map = maps.get(timestep, block).expect("it was made");
                let (n, c, h, w) = map.dims4()?;
                let var = |what: &str| self.vars[&format!("head.pre_layer.{block}.1.{what}")].flatten_all();
                let x = norm(Whose::Candles, &map.flatten_from(1)?, &var("weight")?, &var("bias")?)?;
                let x = x.reshape((n, c, h * w))?.transpose(1, 2)?.contiguous()?;
                tokens.push(self.linear(&format!("pre_layer.{block}.2"), &x)?);
            }
            all.push(self.transformer(&Tensor::cat(&tokens, 1)?)?);
        }
        self.linear("head", &Tensor::cat(&all, 1)?)
    }

    fn transformer(&self, tokens: &Tensor) -> Result<Tensor> {
        let inside = "intra_inter_block_attention";
        let (n, _, width) = tokens.dims3()?;
        let cls = self.vars[&format!("head.{inside}.cls_token")].broadcast_as((n, 1, width))?;
        let mut x = Tensor::cat(&[&cls.contiguous()?, tokens], 1)?;
        for layer in 1..=self.config.layers {
            let name = |rest: &str| format!("{inside}.layers.{layer}.{rest}");
            let count = x.dim(1)?;
            let (heads, each) = (self.config.heads, width / self.config.heads);
            let qkv = self.linear(&name("attn.qkv"), &self.norm(&name("norm1"), &x)?)?;
            let part = |index: usize| {
                let part = qkv.narrow(2, index * width, width)?;
                part.reshape((n, count, heads, each))?.transpose(1, 2)?.contiguous()
            };
            let scores = (part(0)? * (each as f64).powf(-0.5))?.matmul(&part(1)?.t()?.contiguous()?)?;
            let mixed = softmax(&scores, D::Minus1)?.matmul(&part(2)?)?;
            let mixed = mixed.transpose(1, 2)?.contiguous()?.reshape((n, count, width))?;
            x = (x + self.linear(&name("attn.proj"), &mixed)?)?;
            let hidden = self.linear(&name("mlp.fc1"), &self.norm(&name("norm2"), &x)?)?;
            x = (&x + self.linear(&name("mlp.fc2"), &gelu(Whose::Candles, &hidden)?)?)?;
        }
        x.narrow(1, 0, 1)?.squeeze(1)
    }
}

/// A step of DifFeed: its second pass through the embedded network's layers, the loss of `batch` pictures
/// and all gradients, also back through that pass.
pub fn fed_step(batch: usize) -> Task {
    let backbone = backbone();
    let unet: Unet = network(&backbone.config, Precision::F32);
    let mut head = head_of(HeadKind::DifFeed, true, &backbone);
    let side = backbone.config.image_size;
    let noised = |&timestep: &usize| Noised { timestep, x_t: input("x", &[batch, 3, side, side]) };
    let batches: Vec<Noised> = head.config().timesteps.iter().map(noised).collect();
    let needed = reads(head.config(), &backbone).expect("possible settings");
    let maps = collect(&unet, &batches, None, &needed, &mut |_| Ok(())).expect("the first pass runs");
    Task(Box::new(move || {
        let second = SecondPass::new(&unet, &batches);
        let logits = head.forward_train(&maps, Some(&second)).expect("the head runs");
        loss(&logits)?.backward()?;
        Ok(logits)
    }))
}
