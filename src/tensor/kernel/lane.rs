//! Vectors of f32 as wide as the processor has them, and the choice between them.

use std::sync::OnceLock;

/// A set of instructions that the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// 16 values at a time (x86-64 with AVX-512).
    Avx512,
    /// 8 values at a time (x86-64 with AVX2 and FMA).
    Avx2,
    /// 4 values at a time (AArch64).
    #[cfg_attr(not(target_arch = "aarch64"), allow(dead_code, reason = "another processor's"))]
    Neon,
    /// Plain Rust, anywhere.
    Plain,
}

impl Isa {
    /// The widest set that this processor has.
    pub fn best() -> Isa {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| Isa::available()[0])
    }

    /// Every set that this processor has, the widest first.
    pub fn available() -> Vec<Isa> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx512f") {
                sets.push(Isa::Avx512);
            }
            if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                sets.push(Isa::Avx2);
            }
        }
        #[cfg(target_arch = "aarch64")]
        sets.push(Isa::Neon);
        sets.push(Isa::Plain);
        sets
    }
}

/// A vector of [`Lane::WIDTH`] values of f32 in a register.
///
/// Every function here is safe to call only where the processor has the instructions: inside the
/// entry functions that [`run`] chooses.
pub trait Lane: Copy {
    /// Values in one vector.
    const WIDTH: usize;

    /// All values 0.
    fn zero() -> Self {
        Self::splat(0.0)
    }
    /// All values `value`.
    fn splat(value: f32) -> Self;
    /// The values at `from`.
    ///
    /// # Safety
    /// `WIDTH` values can be read there.
    unsafe fn load(from: *const f32) -> Self;
    /// Writes the values to `to`.
    ///
    /// # Safety
    /// `WIDTH` values can be written there.
    unsafe fn store(self, to: *mut f32);
    /// Sum.
    fn add(self, other: Self) -> Self;
    /// Difference.
    fn sub(self, other: Self) -> Self;
    /// Product.
    fn mul(self, other: Self) -> Self;
    /// Quotient.
    fn div(self, other: Self) -> Self;
    /// `self * a + b`, rounded once where the processor can.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// The larger of each pair.
    fn max(self, other: Self) -> Self;
    /// The smaller of each pair.
    fn min(self, other: Self) -> Self;
    /// Times 2 to the power of `whole`, whole numbers within ±126.
    fn times_exp2(self, whole: Self) -> Self;
    /// To the nearest whole number.
    fn round(self) -> Self;
    /// `1 / x` to about 1e-7 relative, for values of at least 1.
    fn reciprocal(self) -> Self {
        Self::splat(1.0).div(self)
    }
    /// The sum of all values, always in the same order.
    fn sum(self) -> f32 {
        let mut values = [0f32; 16];
        // SAFETY: no vector is wider.
        unsafe { self.store(values.as_mut_ptr()) };
        values[..Self::WIDTH].iter().sum()
    }
    /// The largest value.
    fn largest(self) -> f32 {
        let mut values = [f32::NEG_INFINITY; 16];
        // SAFETY: no vector is wider.
        unsafe { self.store(values.as_mut_ptr()) };
        values[..Self::WIDTH].iter().copied().fold(f32::NEG_INFINITY, f32::max)
    }
}

/// `exp` of each value to about 1e-7 relative, and 2e-8 more for every unit of |x| (1e-7 in plain Rust);
/// past ±87 it is as there.
#[inline(always)]
pub fn exp<L: Lane>(x: L) -> L {
    exp_at(x, std::f32::consts::LOG2_E)
}

/// `x / (1 + exp(−x))` of each value.
#[inline(always)]
pub fn silu<L: Lane>(x: L) -> L {
    x.mul(sigmoid(x))
}

/// `1 / (1 + exp(−x))` of each value; past ±87 it is as there.
#[inline(always)]
pub fn sigmoid<L: Lane>(x: L) -> L {
    exp_at(x, -std::f32::consts::LOG2_E).add(L::splat(1.0)).reciprocal()
}

/// 2 to the power of `x · factor`, with x within ±87: a whole power times a polynomial between −½ and
/// ½.
#[inline(always)]
fn exp_at<L: Lane>(x: L, factor: f32) -> L {
    let factor = L::splat(factor);
    // In this order a value that is not a number stays one.
    let x = L::splat(87.0).min(L::splat(-87.0).max(x));
    let whole = x.mul(factor).round();
    let rest = x.mul_add(factor, L::zero().sub(whole));
    // The least largest relative error of degree 6, 2e-9.
    let mut p = L::splat(1.534_580_8e-4);
    for c in [1.339_993_1e-3, 9.618_489e-3, 5.550_328_6e-2, 2.402_264_6e-1, std::f32::consts::LN_2, 1.0] {
        p = p.mul_add(rest, L::splat(c));
    }
    p.times_exp2(whole)
}

/// Plain Rust: the compiler makes of the arrays what it can.
#[derive(Clone, Copy)]
pub struct Plain([f32; 8]);

impl Plain {
    #[inline(always)]
    fn map(self, f: impl Fn(f32) -> f32) -> Self {
        Plain(self.0.map(f))
    }

    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Plain(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }
}

impl Lane for Plain {
    const WIDTH: usize = 8;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Plain([value; 8])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Plain(unsafe { from.cast::<[f32; 8]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<[f32; 8]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }
    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        self.mul(a).add(b)
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn times_exp2(self, whole: Self) -> Self {
        self.zip(whole, |v, whole| v * f32::from_bits((whole as i32 + 127).unsigned_abs() << 23))
    }
    #[inline(always)]
    fn round(self) -> Self {
        // Half away from zero or to even: both are near enough for a range reduction.
        self.map(|v| (v + 12_582_912.0) - 12_582_912.0)
    }
}

/// Work that is compiled once for every instruction set.
pub trait Kernel {
    /// Does the work with vectors of kind `L`.
    fn run<L: Lane>(self);
}

/// Runs `kernel` compiled for `isa`, which must be one of [`Isa::available`].
pub fn run<K: Kernel>(isa: Isa, kernel: K) {
    match isa {
        // SAFETY: `isa` was found on this processor.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { x86::run_avx512(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { x86::run_avx2(kernel) },
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => kernel.run::<neon::Neon>(),
        _ => kernel.run::<Plain>(),
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Kernel, Lane};
    use std::arch::x86_64::*;

    #[derive(Clone, Copy)]
    pub struct Avx512(__m512);
    #[derive(Clone, Copy)]
    pub struct Avx2(__m256);

    /// # Safety
    /// The processor has AVX-512F.
    #[target_feature(enable = "avx512f")]
    pub unsafe fn run_avx512<K: Kernel>(kernel: K) {
        kernel.run::<Avx512>();
    }

    /// # Safety
    /// The processor has AVX2 and FMA.
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn run_avx2<K: Kernel>(kernel: K) {
        kernel.run::<Avx2>();
    }

    // SAFETY of every block below: values of these types are only made inside the two functions
    // above, where the processor has the instructions; reads and writes are the caller's promise.
    impl Lane for Avx512 {
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
    }
}

#[cfg(target_arch = "aarch64")]
mod neon {
    use super::Lane;
    use std::arch::aarch64::*;

    #[derive(Clone, Copy)]
    pub struct Neon(float32x4_t);

    // SAFETY of every block below: every AArch64 processor has NEON; reads and writes are the
    // caller's promise.
    impl Lane for Neon {
        const WIDTH: usize = 4;

        #[inline(always)]
        fn splat(value: f32) -> Self {
            Neon(unsafe { vdupq_n_f32(value) })
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            Neon(unsafe { vld1q_f32(from) })
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe { vst1q_f32(to, self.0) }
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            Neon(unsafe { vaddq_f32(self.0, other.0) })
        }
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            Neon(unsafe { vsubq_f32(self.0, other.0) })
        }
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            Neon(unsafe { vmulq_f32(self.0, other.0) })
        }
        #[inline(always)]
        fn div(self, other: Self) -> Self {
            Neon(unsafe { vdivq_f32(self.0, other.0) })
        }
        #[inline(always)]
        fn mul_add(self, a: Self, b: Self) -> Self {
            Neon(unsafe { vfmaq_f32(b.0, self.0, a.0) })
        }
        #[inline(always)]
        fn max(self, other: Self) -> Self {
            Neon(unsafe { vmaxq_f32(self.0, other.0) })
        }
        #[inline(always)]
        fn min(self, other: Self) -> Self {
            Neon(unsafe { vminq_f32(self.0, other.0) })
        }
        #[inline(always)]
        fn times_exp2(self, whole: Self) -> Self {
            Neon(unsafe {
                let whole = vcvtq_s32_f32(whole.0);
                let exponent = vaddq_s32(whole, vdupq_n_s32(127));
                vmulq_f32(self.0, vreinterpretq_f32_s32(vshlq_n_s32::<23>(exponent)))
            })
        }
        #[inline(always)]
        fn round(self) -> Self {
            Neon(unsafe { vrndnq_f32(self.0) })
        }
    }
}
