//! What the tests of this room share.

use candle_core::{Device, Shape, Tensor};

use super::rng::standard_normal;

/// Normal values that follow from `key`.
pub fn tensor(key: u8, shape: impl Into<Shape>) -> Tensor {
    let shape = shape.into();
    Tensor::from_vec(standard_normal(&[key; 32], shape.elem_count()), shape, &Device::Cpu).unwrap()
}

/// All values in order.
pub fn values(t: &Tensor) -> Vec<f32> {
    t.flatten_all().unwrap().to_vec1().unwrap()
}

/// The largest difference of two tensors of one shape.
pub fn farthest(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    values(a).iter().zip(values(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}
