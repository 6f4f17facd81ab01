use super::*;
use crate::tensor::testing::{farthest, tensor};
use candle_core::Var;

#[test]
fn both_layouts_and_their_gradients_agree() {
    let (n, a, b, h, w) = (3, 64, 32, 6, 4);
    let inputs = [tensor(1, (n, a, h, w)), tensor(2, (n, b, h, w))];
    for case in 0..6 {
        let two = case % 2 == 1;
        let c = if two { a + b } else { a };
        let modulation = match case / 2 {
            0 => Modulation::None,
            1 => Modulation::Before(tensor(3, (n, c))),
            _ => Modulation::After(tensor(3, (n, 2 * c))),
        };
        let then = Then { silu: case != 0, halve: case > 3 };
        let run = |layout: Layout| {
            let vars: Vec<Var> = inputs.iter().map(|t| Var::from_tensor(t).unwrap()).collect();
            let inside: Vec<Tensor> = vars.iter().map(|v| layout.arrange(v).unwrap()).collect();
            let maps = [&inside[0], &inside[1]];
            let norm = GroupNorm::new(tensor(4, c), tensor(5, c), layout).unwrap();
            let y = norm.forward(&maps[..1 + usize::from(two)], &modulation, then).unwrap();
            let y = layout.feature_map(&y).unwrap();
            let grads = (&y * tensor(6, y.dims())).unwrap().sum_all().unwrap().backward().unwrap();
            let grads = vars.iter().filter_map(|v| grads.get(v).cloned()).collect::<Vec<_>>();
            (y.contiguous().unwrap(), grads)
        };
        let (ours, theirs) = (run(Layout::ChannelsLast), run(Layout::ChannelsFirst));
        assert!(farthest(&ours.0, &theirs.0) < 2e-5, "{case}: {}", farthest(&ours.0, &theirs.0));
        assert_eq!((ours.1.len(), theirs.1.len()), (1 + usize::from(two), 1 + usize::from(two)));
        for (ours, theirs) in ours.1.iter().zip(&theirs.1) {
            assert!(farthest(ours, theirs) < 5e-5, "{case}: {}", farthest(ours, theirs));
        }
    }
}

#[test]
fn refuses_what_does_not_fit() {
    assert!(GroupNorm::new(tensor(1, 33), tensor(2, 33), Layout::ChannelsLast).is_err());
    let norm = GroupNorm::new(tensor(1, 64), tensor(2, 64), Layout::ChannelsLast).unwrap();
    let forward = |shape: (usize, usize, usize, usize), then: Then| {
        norm.forward(&[&tensor(3, shape)], &Modulation::None, then)
    };
    assert!(forward((1, 4, 4, 32), Then::default()).is_err());
    assert!(forward((1, 3, 4, 64), Then { silu: false, halve: true }).is_err());
    assert!(forward((1, 3, 4, 64), Then::default()).is_ok());
    let rows = Modulation::After(tensor(4, (2, 128)));
    assert!(norm.forward(&[&tensor(3, (1, 4, 4, 64))], &rows, Then::default()).is_err());
}
