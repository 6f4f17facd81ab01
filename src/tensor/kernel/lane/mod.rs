//! Vectors of f32 as wide as the processor has them, and the choice between them.

use std::sync::OnceLock;

/// A set of instructions that the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// 16 values at a time, and products of bf16 (x86-64 with AVX512-BF16).
    Avx512Bf16,
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

    /// The best set for products of bf16.
    pub fn best_for_pairs() -> Isa {
        if has_bf16() { Isa::Avx512Bf16 } else { Isa::best() }
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

/// Whether this processor multiplies bf16 faster than f32.
pub fn has_bf16() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx512bf16");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
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
    /// Where every value holds two of bf16, those in the lower halves and those in the upper ones.
    fn halves(self) -> (Self, Self);
    /// `self + x·w` over pairs of bf16: `x` holds one pair for all values, `w` one for each.
    #[inline(always)]
    fn add_pairs(self, x: u32, w: Self) -> Self {
        add_halves(self, x, w)
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

/// [`Lane::add_pairs`] where products are of f32.
#[inline(always)]
fn add_halves<L: Lane>(sum: L, x: u32, w: L) -> L {
    let (low, high) = w.halves();
    let sum = L::splat(f32::from_bits(x << 16)).mul_add(low, sum);
    L::splat(f32::from_bits(x & !0xffff)).mul_add(high, sum)
}

/// A vector of `values` from `at` on; `fill` behind their end.
#[inline(always)]
pub fn load_at<L: Lane>(values: &[f32], at: usize, fill: f32) -> L {
    let rest = &values[at..];
    if rest.len() >= L::WIDTH {
        // SAFETY: a whole vector is there.
        return unsafe { L::load(rest.as_ptr()) };
    }
    let mut held = [fill; 16];
    held[..rest.len()].copy_from_slice(rest);
    // SAFETY: no vector is wider.
    unsafe { L::load(held.as_ptr()) }
}

/// Writes a vector to `to` from `at` on, as far as it reaches.
#[inline(always)]
pub fn store_at<L: Lane>(vector: L, to: &mut [f32], at: usize) {
    let rest = &mut to[at..];
    if rest.len() >= L::WIDTH {
        // SAFETY: there is room for a whole vector.
        return unsafe { vector.store(rest.as_mut_ptr()) };
    }
    let mut held = [0f32; 16];
    // SAFETY: no vector is wider.
    unsafe { vector.store(held.as_mut_ptr()) };
    rest.copy_from_slice(&held[..rest.len()]);
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
    #[inline(always)]
    fn halves(self) -> (Self, Self) {
        let low = self.map(|v| f32::from_bits(v.to_bits() << 16));
        (low, self.map(|v| f32::from_bits(v.to_bits() & !0xffff)))
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
        Isa::Avx512 | Isa::Avx512Bf16 => unsafe { x86::run_avx512(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { x86::run_avx2(kernel) },
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => kernel.run::<neon::Neon>(),
        _ => kernel.run::<Plain>(),
    }
}

/// As [`run`], for kernels over pairs of bf16.
pub fn run_pairs<K: Kernel>(isa: Isa, kernel: K) {
    match isa {
        // SAFETY: `isa` was found on this processor.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Bf16 => unsafe { x86::run_avx512_bf16(kernel) },
        _ => run(isa, kernel),
    }
}

#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "aarch64")]
mod neon;
