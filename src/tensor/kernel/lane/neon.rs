//! Vectors of AArch64.

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
    #[inline(always)]
    fn halves(self) -> (Self, Self) {
        unsafe {
            let bits = vreinterpretq_u32_f32(self.0);
            let high = vandq_u32(bits, vdupq_n_u32(!0xffff));
            (Neon(vreinterpretq_f32_u32(vshlq_n_u32::<16>(bits))), Neon(vreinterpretq_f32_u32(high)))
        }
    }
}
