use super::*;
use crate::tensor::testing::{farthest, tensor, values};
use candle_core::Var;

/// Output and gradients of `layer` over variables of `inputs`.
fn with_gradients(inputs: &[Tensor], layer: impl Fn(&[Var]) -> candle_core::Result<Tensor>) -> Vec<Tensor> {
    let vars: Vec<Var> = inputs.iter().map(|t| Var::from_tensor(t).unwrap()).collect();
    let y = layer(&vars).unwrap();
    let key = tensor(9, y.dims()).to_dtype(y.dtype()).unwrap();
    let grads = (&y * key).unwrap().sum_all().unwrap().backward().unwrap();
    let grads = vars.iter().map(|var| grads.get(var).unwrap().clone());
    std::iter::once(y.detach()).chain(grads).map(|t| t.to_dtype(DType::F32).unwrap()).collect()
}

/// f64 goes the way of candle's operations.
fn wide(inputs: &[Tensor]) -> Vec<Tensor> {
    inputs.iter().map(|t| t.to_dtype(DType::F64).unwrap()).collect()
}

#[test]
fn norms_of_rows_and_their_gradients_agree_with_candle() {
    for (rows, width) in [(1, 1), (1, 40_000), (3, 17), (700, 128), (513, 5)] {
        let x = ((tensor(1, (rows, width)) * 3.0).unwrap() + 2.0).unwrap();
        let inputs = [x, tensor(2, width), tensor(3, width)];
        let layer = |vars: &[Var]| layer_norm(&vars[0], &vars[1], &vars[2]);
        let (ours, theirs) = (with_gradients(&inputs, layer), with_gradients(&wide(&inputs), layer));
        for (index, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            let apart = farthest(ours, theirs);
            assert!(apart < 5e-5, "{rows}×{width}, {index}: {apart}");
        }
    }
    assert!(layer_norm(&tensor(1, (2, 3)), &tensor(2, 4), &tensor(3, 3)).is_err());
}

#[test]
fn linear_layers_and_their_gradients_agree_with_candle() {
    for (rows, inputs, outputs) in [(1, 1, 1), (1, 512, 10), (97, 33, 7), (1100, 24, 96), (2, 700, 40)] {
        let inputs = [tensor(1, (rows, inputs)), tensor(2, (outputs, inputs)), tensor(3, outputs)];
        for biased in [true, false] {
            let inputs = &inputs[..2 + usize::from(biased)];
            let layer = |vars: &[Var]| {
                let (n, c) = vars[0].dims2()?;
                linear(&vars[0].reshape((n, 1, c))?, &vars[1], vars.get(2).map(|bias| &**bias))
            };
            let (ours, theirs) = (with_gradients(inputs, layer), with_gradients(&wide(inputs), layer));
            for (index, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
                let apart = farthest(ours, theirs);
                assert!(apart < 3e-4, "{rows} {}, {index}: {apart}", inputs[1].elem_count());
            }
        }
    }
    assert!(linear(&tensor(1, (2, 3)), &tensor(2, (4, 4)), None).is_err());
    assert!(linear(&tensor(1, (2, 3)), &tensor(2, (4, 3)), Some(&tensor(3, 3))).is_err());
}

#[test]
fn gelu_and_its_gradient_agree_with_candle() {
    let steps = Tensor::arange(-30_000i64, 30_001, &candle_core::Device::Cpu).unwrap();
    let x = (steps.to_dtype(DType::F32).unwrap() / 1000.0).unwrap();
    let inputs = [x];
    let (ours, theirs) = (
        with_gradients(&inputs, |vars| gelu(&vars[0])),
        with_gradients(&wide(&inputs), |vars| gelu(&vars[0])),
    );
    assert!(farthest(&ours[0], &theirs[0]) < 4e-6, "{}", farthest(&ours[0], &theirs[0]));
    assert!(farthest(&ours[1], &theirs[1]) < 4e-6, "{}", farthest(&ours[1], &theirs[1]));
    let ends = Tensor::new(&[f32::NAN, -1e10, 1e10], &candle_core::Device::Cpu).unwrap();
    let ends = values(&gelu(&ends).unwrap());
    assert!(ends[0].is_nan() && ends[1].abs() < 1e-9 && ends[2] == 1e10, "{ends:?}");
}

#[test]
fn threads_change_no_bit_of_tokens() {
    let inputs = [tensor(1, (900, 96)), tensor(2, 96), tensor(3, 96), tensor(4, (200, 96))];
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let layer = |vars: &[Var]| {
            let normalised = layer_norm(&vars[0], &vars[1], &vars[2])?;
            gelu(&linear(&normalised, &vars[3], None)?)
        };
        pool.install(|| with_gradients(&inputs, layer))
    };
    let one = on(1);
    for threads in [2, 5] {
        for (one, more) in one.iter().zip(&on(threads)) {
            assert_eq!(values(one), values(more), "{threads}");
        }
    }
}
