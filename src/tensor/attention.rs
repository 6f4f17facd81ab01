//! Self-attention over the tokens of a map (`QKVAttention`, `QKVAttentionLegacy`).

use candle_core::{CpuStorage, CustomOp1, CustomOp2, D, DType, Layout as Strides, Shape, Tensor, bail};
use candle_nn::ops::softmax;

use super::kernel::attention::{Attention, Head, Tokens, attend as attend_one};
use super::kernel::attention_back::{attend_back, attend_back_to_one};
use super::kernel::lane::Isa;
use super::kernel::share::written;
use super::kernel::{How, each_image};
use super::layout::{Layout, floats, with_floats};

/// How the 3·C channels of `qkv` are split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitOrder {
    /// Heads first, then q, k, v inside each head.
    HeadsFirst,
    /// q, k, v first, then heads.
    QkvFirst,
}

/// Attention over the pixels of `qkv`, a map of 3·C channels as it lies inside, to a map of C; q and
/// k are scaled by width^(−1/4) each, the softmax is computed in f32.
///
/// # Errors
/// When 3·C channels cannot be split into `heads`, or the device fails.
pub fn attend(qkv: &Tensor, heads: usize, order: SplitOrder, layout: Layout) -> candle_core::Result<Tensor> {
    let (n, three_c, h, w) = layout.sizes(qkv)?;
    if heads == 0 || three_c % (3 * heads) != 0 {
        bail!("{three_c} channels cannot be split into q, k and v of {heads} heads");
    }
    match layout {
        Layout::ChannelsLast => qkv.contiguous()?.apply_op1(AttentionOp { heads, order }),
        Layout::ChannelsFirst => {
            let qkv = qkv.reshape((n, three_c, h * w))?;
            attend_plain(&qkv, heads, order)?.reshape((n, three_c / 3, h, w))
        }
    }
}

/// `[N, 3·C, T]` to `[N, C, T]`, in candle's operations.
fn attend_plain(qkv: &Tensor, heads: usize, order: SplitOrder) -> candle_core::Result<Tensor> {
    let (n, three_c, tokens) = qkv.dims3()?;
    let c = three_c / 3;
    let width = c / heads;
    let part = |index: usize| -> candle_core::Result<Tensor> {
        let part = match order {
            SplitOrder::HeadsFirst => {
                qkv.reshape((n * heads, 3 * width, tokens))?.narrow(1, index * width, width)?
            }
            SplitOrder::QkvFirst => {
                qkv.narrow(1, index * c, c)?.contiguous()?.reshape((n * heads, width, tokens))?
            }
        };
        part.contiguous()
    };
    let scale = (width as f64).powf(-0.25);
    let q = (part(0)? * scale)?;
    let k = (part(1)? * scale)?;
    let scores = q.transpose(1, 2)?.contiguous()?.matmul(&k)?;
    // The plain softmax: candle's fused one cuts the graph without a word.
    let weights = softmax(&scores.to_dtype(DType::F32)?, D::Minus1)?.to_dtype(qkv.dtype())?;
    let out = part(2)?.matmul(&weights.transpose(1, 2)?.contiguous()?)?;
    out.reshape((n, c, tokens))
}

/// Attention of the tokens `q` `[N, Q, C]`, which hold queries, to the tokens `kv` `[N, T, 2·C]`, which
/// hold keys and then values, to `[N, Q, C]`; scores are divided by sqrt(C / heads). On the CPU only,
/// in f32: neither there nor for the gradient are the weights of more than a few queries held.
///
/// # Errors
/// When C channels cannot be split into `heads`, the tokens do not fit, or they are not on the CPU.
pub fn attend_to(q: &Tensor, kv: &Tensor, heads: usize) -> candle_core::Result<Tensor> {
    let ((n, _, c), (n_keys, _, two_c)) = (q.dims3()?, kv.dims3()?);
    if heads == 0 || c % heads != 0 || n != n_keys || two_c != 2 * c {
        bail!("{:?} tokens cannot attend to {:?} in {heads} heads", q.shape(), kv.shape());
    }
    q.contiguous()?.apply_op2(&kv.contiguous()?, AttendToOp { heads })
}

/// One call over `[N, H, W, 3·C]`, as candle records it.
struct AttentionOp {
    heads: usize,
    order: SplitOrder,
}

impl AttentionOp {
    fn places(&self, c: usize) -> Vec<Head> {
        let width = c / self.heads;
        let place = |head: usize| match self.order {
            SplitOrder::HeadsFirst => {
                let first = head * 3 * width;
                Head { q: first, k: first + width, v: first + 2 * width }
            }
            SplitOrder::QkvFirst => {
                let first = head * width;
                Head { q: first, k: c + first, v: 2 * c + first }
            }
        };
        (0..self.heads).map(place).collect()
    }
}

/// A batch of `[Q, stride]` and `[T, stride]` with the places of the heads in them.
struct Batch<'a> {
    images: usize,
    queries: Tokens<'a>,
    keys: Tokens<'a>,
    heads: &'a [Head],
    width: usize,
}

impl<'a> Batch<'a> {
    fn image(&self, image: usize) -> Attention<'a> {
        let part = |tokens: Tokens<'a>| {
            let each = tokens.count * tokens.stride;
            Tokens { values: &tokens.values[image * each..][..each], ..tokens }
        };
        let (queries, keys) = (part(self.queries), part(self.keys));
        Attention { queries, keys, heads: self.heads, width: self.width }
    }

    fn forward(&self) -> CpuStorage {
        let each = self.queries.count * self.heads.len() * self.width;
        CpuStorage::F32(written(self.images * each, |out| {
            each_image(self.images, out, |image, on_all_threads, out| {
                attend_one(How { isa: Isa::best(), on_all_threads }, &self.image(image), out);
            });
        }))
    }
}

impl CustomOp1 for AttentionOp {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Strides) -> candle_core::Result<(CpuStorage, Shape)> {
        let values = floats(storage, layout)?;
        let (n, h, w, three_c) = layout.shape().dims4()?;
        let c = three_c / 3;
        let tokens = Tokens { values, count: h * w, stride: three_c };
        let (heads, width) = (&*self.places(c), c / self.heads);
        let batch = Batch { images: n, queries: tokens, keys: tokens, heads, width };
        Ok((batch.forward(), (n, h, w, c).into()))
    }

    fn bwd(&self, qkv: &Tensor, _: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let (n, h, w, three_c) = qkv.dims4()?;
        let (qkv, grad) = (qkv.contiguous()?, grad.contiguous()?);
        let out = with_floats([&qkv, &grad], |[values, grad]| {
            let tokens = Tokens { values, count: h * w, stride: three_c };
            let (heads, width) = (&*self.places(three_c / 3), three_c / 3 / self.heads);
            let batch = Batch { images: n, queries: tokens, keys: tokens, heads, width };
            written(values.len(), |out| {
                each_image(n, out, |image, on_all_threads, out| {
                    let how = How { isa: Isa::best(), on_all_threads };
                    let each = grad.len() / n;
                    attend_back_to_one(how, &batch.image(image), &grad[image * each..][..each], out);
                });
            })
        })?;
        Ok(Some(Tensor::from_vec(out, (n, h, w, three_c), qkv.device())?))
    }
}

/// Queries of some tokens, keys and values of others.
struct AttendToOp {
    heads: usize,
}

impl AttendToOp {
    fn places(&self, c: usize) -> Vec<Head> {
        let width = c / self.heads;
        (0..self.heads).map(|head| Head { q: head * width, k: head * width, v: c + head * width }).collect()
    }
}

impl CustomOp2 for AttendToOp {
    fn name(&self) -> &'static str {
        "attention-to"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Strides,
        s2: &CpuStorage,
        l2: &Strides,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let ((n, asking, c), (_, tokens, _)) = (l1.shape().dims3()?, l2.shape().dims3()?);
        let queries = Tokens { values: floats(s1, l1)?, count: asking, stride: c };
        let keys = Tokens { values: floats(s2, l2)?, count: tokens, stride: 2 * c };
        let batch = Batch { images: n, queries, keys, heads: &self.places(c), width: c / self.heads };
        Ok((batch.forward(), (n, asking, c).into()))
    }

    fn bwd(
        &self,
        q: &Tensor,
        kv: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let ((n, asking, c), (_, tokens, _)) = (q.dims3()?, kv.dims3()?);
        let (of_queries, of_keys) = (asking * c, tokens * 2 * c);
        let (q, kv, grad) = (q.contiguous()?, kv.contiguous()?, grad.contiguous()?);
        // Both gradients of an image side by side, so that it is one piece of work.
        let both = with_floats([&q, &kv, &grad], |[q, kv, grad]| {
            let queries = Tokens { values: q, count: asking, stride: c };
            let keys = Tokens { values: kv, count: tokens, stride: 2 * c };
            let batch = Batch { images: n, queries, keys, heads: &self.places(c), width: c / self.heads };
            written(n * (of_queries + of_keys), |out| {
                each_image(n, out, |image, on_all_threads, out| {
                    let how = How { isa: Isa::best(), on_all_threads };
                    let (queries, keys) = out.split_at_mut(of_queries);
                    let grad = &grad[image * of_queries..][..of_queries];
                    attend_back(how, &batch.image(image), grad, queries, keys);
                });
            })
        })?;
        let both = Tensor::from_vec(both, (n, of_queries + of_keys), q.device())?;
        let part = |first: usize, length: usize| both.narrow(1, first, length)?.contiguous();
        let q = part(0, of_queries)?.reshape((n, asking, c))?;
        Ok((Some(q), Some(part(of_queries, of_keys)?.reshape((n, tokens, 2 * c))?)))
    }
}

#[cfg(test)]
#[path = "attention_tests.rs"]
mod tests;
