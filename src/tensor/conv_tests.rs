use super::*;
use crate::tensor::testing::{farthest, tensor, values};
use candle_core::Var;

fn conv(size: ConvSize, layout: Layout) -> FrozenConv {
    let weight = tensor(1, (size.c_out, size.c_in, size.kernel, size.kernel));
    FrozenConv::new(&weight, &tensor(2, size.c_out), size, layout, Precision::F32).unwrap()
}

/// (batch, C_in, C_out, kernel, stride, H, W): both ways of computing, borders and odd sizes.
const CASES: [(usize, usize, usize, usize, usize, usize, usize); 8] = [
    (1, 3, 32, 3, 1, 8, 8),
    (2, 64, 130, 3, 1, 7, 9),
    (1, 96, 70, 1, 1, 5, 6),
    (2, 32, 32, 3, 2, 8, 8),
    (1, 16, 8, 3, 2, 7, 7),
    (1, 40, 20, 3, 1, 40, 41),
    (1, 4, 4, 3, 1, 1, 1),
    (5, 32, 48, 3, 1, 32, 32),
];

#[test]
fn both_layouts_and_their_gradients_agree() {
    for (n, c_in, c_out, kernel, stride, h, w) in CASES {
        let size = ConvSize { c_in, c_out, kernel, stride, side: h };
        let x = tensor(3, (n, c_in, h, w));
        let run = |layout: Layout| {
            let var = Var::from_tensor(&x).unwrap();
            let inside = layout.arrange(&var).unwrap();
            let y = conv(size, layout).forward(ConvInput::of(&[&inside])).unwrap();
            let y = layout.feature_map(&y).unwrap();
            let loss = (&y * tensor(4, y.dims())).unwrap().sum_all().unwrap();
            let grads = loss.backward().unwrap();
            (y.contiguous().unwrap(), grads.get(&var).unwrap().contiguous().unwrap())
        };
        let (ours, theirs) = (run(Layout::ChannelsLast), run(Layout::ChannelsFirst));
        assert!(farthest(&ours.0, &theirs.0) < 5e-3, "{size:?}: {}", farthest(&ours.0, &theirs.0));
        assert!(farthest(&ours.1, &theirs.1) < 5e-3, "{size:?}: {}", farthest(&ours.1, &theirs.1));
    }
}

/// Two maps, doubled, with a doubled addend: values and every gradient.
#[test]
fn what_is_folded_in_equals_what_is_done_apart() {
    for (side, kernel) in [(6, 3), (6, 1), (16, 3)] {
        let (n, a, b, c_out) = (2, 64, 32, 32);
        // Two maps go to 1×1 convolutions and small maps alone.
        let two = side < 16;
        let c_in = if two { a + b } else { a };
        let size = ConvSize { c_in, c_out, kernel, stride: 1, side: 2 * side };
        let inputs =
            [tensor(3, (n, a, side, side)), tensor(4, (n, b, side, side)), tensor(5, (n, c_out, side, side))];
        let run = |layout: Layout| {
            let vars: Vec<Var> = inputs.iter().map(|t| Var::from_tensor(t).unwrap()).collect();
            let inside: Vec<Tensor> = vars.iter().map(|v| layout.arrange(v).unwrap()).collect();
            let maps = [&inside[0], &inside[1]];
            let maps = if two { &maps[..] } else { &maps[..1] };
            let input = ConvInput { maps, doubled: true, addend: Some((&inside[2], true)) };
            let y = conv(size, layout).forward(input).unwrap();
            let y = layout.feature_map(&y).unwrap();
            let grads = (&y * tensor(6, y.dims())).unwrap().sum_all().unwrap().backward().unwrap();
            let grads = vars.iter().filter_map(|v| grads.get(v).cloned()).collect::<Vec<_>>();
            (y.contiguous().unwrap(), grads)
        };
        let (ours, theirs) = (run(Layout::ChannelsLast), run(Layout::ChannelsFirst));
        assert!(farthest(&ours.0, &theirs.0) < 5e-3);
        assert_eq!(ours.1.len(), theirs.1.len());
        for (ours, theirs) in ours.1.iter().zip(&theirs.1) {
            assert!(farthest(ours, theirs) < 5e-3, "{side} {kernel}: {}", farthest(ours, theirs));
        }
    }
}

/// Values and gradients in bf16, within its rounding; an odd number of channels stays f32.
#[test]
fn bf16_is_near() {
    for (n, c_in, c_out, kernel, stride, h, w) in CASES {
        let size = ConvSize { c_in, c_out, kernel, stride, side: h };
        let run = |precision: Precision| {
            let var = Var::from_tensor(&tensor(3, (n, h, w, c_in))).unwrap();
            let weight = tensor(1, (c_out, c_in, kernel, kernel));
            let conv =
                FrozenConv::new(&weight, &tensor(2, c_out), size, Layout::ChannelsLast, precision).unwrap();
            let y = conv.forward(ConvInput::of(&[&var])).unwrap();
            let grads = (&y * tensor(4, y.dims())).unwrap().sum_all().unwrap().backward();
            let grad = if h == w || stride == 1 { grads.unwrap().get(&var).cloned() } else { None };
            (y, grad)
        };
        let (exact, rounded) = (run(Precision::F32), run(Precision::Bf16));
        let near = |a: &Tensor, b: &Tensor| {
            let size = values(b).iter().fold(0f32, |most, v| most.max(v.abs()));
            assert!(farthest(a, b) < 1e-2 * size, "{:?}: {} of {size}", a.dims(), farthest(a, b));
        };
        near(&rounded.0, &exact.0);
        if let (Some(rounded), Some(exact)) = (&rounded.1, &exact.1) {
            near(rounded, exact);
        }
        let f32_alone = c_in % 2 == 1 || winograd_tile(size) == Some(Tile::Four);
        assert_eq!(farthest(&rounded.0, &exact.0) == 0.0, f32_alone, "{size:?}");
    }
}

#[test]
fn only_the_input_has_a_gradient_and_wrong_sizes_are_refused() {
    let size = ConvSize { c_in: 32, c_out: 32, kernel: 3, stride: 1, side: 8 };
    let (weight, bias) = (tensor(1, (32, 32, 3, 3)), tensor(2, 32));
    assert!(
        FrozenConv::new(&weight, &bias, ConvSize { c_in: 31, ..size }, Layout::ChannelsLast, Precision::F32)
            .is_err()
    );
    let conv = FrozenConv::new(&weight, &bias, size, Layout::ChannelsLast, Precision::F32).unwrap();
    let x = Var::from_tensor(&tensor(3, (1, 8, 8, 32))).unwrap();
    let grads = conv.forward(ConvInput::of(&[&x])).unwrap().sum_all().unwrap().backward().unwrap();
    assert!(grads.get(&x).is_some() && grads.get(&weight).is_none());
    assert!(conv.forward(ConvInput::of(&[&tensor(3, (1, 8, 8, 31))])).is_err());
    let addend = tensor(3, (1, 4, 4, 32));
    let input = ConvInput { maps: &[&x], doubled: false, addend: Some((&addend, false)) };
    assert!(conv.forward(input).is_err());
}

#[test]
fn bits_do_not_depend_on_threads_or_batch() {
    for side in [20, 36] {
        let size = ConvSize { c_in: 64, c_out: 200, kernel: 3, stride: 1, side };
        let conv = conv(size, Layout::ChannelsLast);
        let x = tensor(3, (5, side, side, 64));
        let run = |threads: usize, x: &Tensor| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            values(&pool.install(|| conv.forward(ConvInput::of(&[x]))).unwrap())
        };
        let all = run(1, &x);
        assert!(all == run(3, &x));
        assert!(all[all.len() / 5..2 * all.len() / 5] == run(2, &x.narrow(0, 1, 1).unwrap()));
    }
}

#[test]
fn rows_are_linear() {
    for layout in [Layout::ChannelsLast, Layout::ChannelsFirst] {
        let size = ConvSize { c_in: 20, c_out: 33, kernel: 1, stride: 1, side: 1 };
        let x = tensor(3, (4, 20));
        let want = x.matmul(&tensor(1, (33, 20)).t().unwrap()).unwrap();
        let want = want.broadcast_add(&tensor(2, 33)).unwrap();
        assert!(farthest(&conv(size, layout).forward_rows(&x).unwrap(), &want) < 1e-4);
    }
}
