use super::*;
use crate::tensor::testing::{farthest, tensor, values};
use candle_core::Var;

#[test]
fn both_layouts_orders_and_their_gradients_agree() {
    use SplitOrder::{HeadsFirst, QkvFirst};
    for (order, channels) in [(HeadsFirst, 48), (QkvFirst, 48), (QkvFirst, 15), (HeadsFirst, 3)] {
        let x = tensor(1, (2, 3 * channels, 5, 7));
        let run = |layout: Layout| {
            let var = Var::from_tensor(&x).unwrap();
            let y = attend(&layout.arrange(&var).unwrap(), 3, order, layout).unwrap();
            let y = layout.feature_map(&y).unwrap();
            let grads = (&y * tensor(2, y.dims())).unwrap().sum_all().unwrap().backward().unwrap();
            (y.contiguous().unwrap(), grads.get(&var).unwrap().clone())
        };
        let (ours, theirs) = (run(Layout::ChannelsLast), run(Layout::ChannelsFirst));
        assert!(farthest(&ours.0, &theirs.0) < 1e-5, "{order:?}");
        assert!(farthest(&ours.1, &theirs.1) < 2e-5, "{order:?}: {}", farthest(&ours.1, &theirs.1));
    }
    assert!(attend(&tensor(1, (1, 4, 4, 96)), 5, SplitOrder::QkvFirst, Layout::ChannelsLast).is_err());
}

/// Output and both gradients of attention from `q` to `kv`, by the operation or by candle's own.
fn attended(q: &Tensor, kv: &Tensor, heads: usize, ours: bool) -> [Tensor; 3] {
    let (q, kv) = (Var::from_tensor(q).unwrap(), Var::from_tensor(kv).unwrap());
    let c = q.dims()[2];
    let split = |t: &Tensor| {
        let (n, rows, c) = t.dims3().unwrap();
        t.reshape((n, rows, heads, c / heads)).unwrap().transpose(1, 2).unwrap().contiguous().unwrap()
    };
    let y = if ours {
        attend_to(&q, &kv, heads).unwrap()
    } else {
        let (k, v) = (split(&kv.narrow(2, 0, c).unwrap()), split(&kv.narrow(2, c, c).unwrap()));
        let scores = split(&q).matmul(&k.transpose(2, 3).unwrap().contiguous().unwrap()).unwrap();
        let weights = softmax(&(scores / ((c / heads) as f64).sqrt()).unwrap(), D::Minus1).unwrap();
        let mixed = weights.matmul(&v).unwrap().transpose(1, 2).unwrap().contiguous().unwrap();
        mixed.reshape(q.shape()).unwrap()
    };
    let grads = (&y * tensor(3, y.dims())).unwrap().sum_all().unwrap().backward().unwrap();
    [y.detach(), grads.get(&q).unwrap().clone(), grads.get(&kv).unwrap().clone()]
}

#[test]
fn attention_to_other_tokens_and_its_gradients_agree_with_candle() {
    for (n, asking, tokens, heads, width) in
        [(1, 1, 1, 1, 1), (3, 1, 17, 3, 5), (2, 97, 131, 2, 7), (5, 49, 49, 4, 16), (1, 8, 33, 1, 40)]
    {
        let q = tensor(1, (n, asking, heads * width));
        let kv = tensor(2, (n, tokens, 2 * heads * width));
        let (ours, theirs) = (attended(&q, &kv, heads, true), attended(&q, &kv, heads, false));
        for (index, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            let apart = farthest(ours, theirs);
            assert!(apart < 3e-5, "{n} {asking} {tokens} {heads} {width}, {index}: {apart}");
        }
    }
    assert!(attend_to(&tensor(1, (2, 3, 8)), &tensor(2, (2, 3, 16)), 3).is_err());
    assert!(attend_to(&tensor(1, (2, 3, 8)), &tensor(2, (1, 3, 16)), 2).is_err());
}

/// Few images share the threads head by head, many image by image: the bits are the same.
#[test]
fn threads_and_batches_change_no_bit_of_attention() {
    let (q, kv) = (tensor(1, (9, 61, 24)), tensor(2, (9, 61, 48)));
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| attended(&q, &kv, 3, true))
    };
    let one = on(1);
    for threads in [2, 3, 8] {
        for (one, more) in one.iter().zip(&on(threads)) {
            assert_eq!(values(one), values(more), "{threads}");
        }
    }
}
