use super::*;
use crate::tensor::testing::{farthest, tensor};
use candle_core::Var;

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
