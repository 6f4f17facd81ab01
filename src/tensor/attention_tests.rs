use super::*;
use crate::tensor::rng::standard_normal;
use candle_core::{Device, Var};

fn tensor(key: u8, shape: impl Into<Shape>) -> Tensor {
    let shape = shape.into();
    Tensor::from_vec(standard_normal(&[key; 32], shape.elem_count()), shape, &Device::Cpu).unwrap()
}

fn farthest(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    let values = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    values(a).iter().zip(values(b)).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max)
}

#[test]
fn both_layouts_orders_and_their_gradients_agree() {
    for order in [SplitOrder::HeadsFirst, SplitOrder::QkvFirst] {
        let x = tensor(1, (2, 3 * 48, 5, 7));
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
