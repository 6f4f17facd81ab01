//! Vectors of x86-64.

use super::{Kernel, Lane, add_halves};
use std::arch::x86_64::*;

/// With products of bf16 or without.
#[derive(Clone, Copy)]
pub struct Avx512<const BF16: bool>(__m512);
#[derive(Clone, Copy)]
pub struct Avx2(__m256);

/// # Safety
/// The processor has AVX-512F and AVX512-BF16.
#[target_feature(enable = "avx512f,avx512bf16")]
pub unsafe fn run_avx512_bf16<K: Kernel>(kernel: K) {
    kernel.run::<Avx512<true>>();
}

/// # Safety
/// The processor has AVX-512F.
#[target_feature(enable = "avx512f")]
pub unsafe fn run_avx512<K: Kernel>(kernel: K) {
    kernel.run::<Avx512<false>>();
}

/// # Safety
/// The processor has AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub unsafe fn run_avx2<K: Kernel>(kernel: K) {
    kernel.run::<Avx2>();
}

// SAFETY of every block below: values of these types are only made inside the two functions
// above, where the processor has the instructions; reads and writes are the caller's promise.
impl<const BF16: bool> Lane for Avx512<BF16> {
    const WIDTH: usize = 16;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Avx512(unsafe { _mm512_set1_ps(value) })
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Avx512(unsafe { _mm512_loadu_ps(from) })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Avx512(unsafe { _mm512_add_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Avx512(unsafe { _mm512_sub_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Avx512(unsafe { _mm512_mul_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Avx512(unsafe { _mm512_div_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        Avx512(unsafe { _mm512_fmadd_ps(self.0, a.0, b.0) })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Avx512(unsafe { _mm512_max_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Avx512(unsafe { _mm512_min_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn times_exp2(self, whole: Self) -> Self {
        Avx512(unsafe { _mm512_scalef_ps(self.0, whole.0) })
    }
    #[inline(always)]
    fn round(self) -> Self {
        Avx512(unsafe { _mm512_roundscale_ps::<0>(self.0) })
    }
    #[inline(always)]
    fn reciprocal(self) -> Self {
        // 14 bits, then one step of Newton.
        unsafe {
            let near = _mm512_rcp14_ps(self.0);
            let rest = _mm512_fnmadd_ps(self.0, near, _mm512_set1_ps(1.0));
            Avx512(_mm512_fmadd_ps(near, rest, near))
        }
    }
    #[inline(always)]
    fn halves(self) -> (Self, Self) {
        unsafe {
            let bits = _mm512_castps_si512(self.0);
            let low = _mm512_slli_epi32::<16>(bits);
            let high = _mm512_and_si512(bits, _mm512_set1_epi32(!0xffff));
            (Avx512(_mm512_castsi512_ps(low)), Avx512(_mm512_castsi512_ps(high)))
        }
    }
    #[inline(always)]
    fn add_pairs(self, x: u32, w: Self) -> Self {
        if !BF16 {
            return add_halves(self, x, w);
        }
        // Only the last step needs AVX512-BF16; vectors of bf16 and of f32 are the same bits.
        unsafe {
            let x: __m512bh = std::mem::transmute(_mm512_set1_epi32(x.cast_signed()));
            let w: __m512bh = std::mem::transmute(w.0);
            Avx512(_mm512_dpbf16_ps(self.0, x, w))
        }
    }
}

impl Lane for Avx2 {
    const WIDTH: usize = 8;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Avx2(unsafe { _mm256_set1_ps(value) })
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Avx2(unsafe { _mm256_loadu_ps(from) })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm256_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Avx2(unsafe { _mm256_add_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Avx2(unsafe { _mm256_sub_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Avx2(unsafe { _mm256_mul_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Avx2(unsafe { _mm256_div_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        Avx2(unsafe { _mm256_fmadd_ps(self.0, a.0, b.0) })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Avx2(unsafe { _mm256_max_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Avx2(unsafe { _mm256_min_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn times_exp2(self, whole: Self) -> Self {
        Avx2(unsafe {
            let whole = _mm256_cvtps_epi32(whole.0);
            let exponent = _mm256_add_epi32(whole, _mm256_set1_epi32(127));
            _mm256_mul_ps(self.0, _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent)))
        })
    }
    #[inline(always)]
    fn round(self) -> Self {
        Avx2(unsafe { _mm256_round_ps::<0x08>(self.0) })
    }
    #[inline(always)]
    fn halves(self) -> (Self, Self) {
        unsafe {
            let bits = _mm256_castps_si256(self.0);
            let low = _mm256_slli_epi32::<16>(bits);
            let high = _mm256_and_si256(bits, _mm256_set1_epi32(!0xffff));
            (Avx2(_mm256_castsi256_ps(low)), Avx2(_mm256_castsi256_ps(high)))
        }
    }
}
