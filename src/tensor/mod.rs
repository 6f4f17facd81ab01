//! Kernels over candle, without knowledge of any network.
