//! Sums and products of whole slices.

use crate::{
    parallel::chunks,
    simd::{Isa, Kernel, Simd},
};

/// `into += x`.
///
/// # Panics
/// If the lengths differ.
pub fn add(x: &[f32], into: &mut [f32]) {
    add_on(Isa::best(), x, into);
}

/// `x *= by`.
pub fn scale(x: &mut [f32], by: f32) {
    scale_on(Isa::best(), x, by);
}

fn add_on(isa: Isa, x: &[f32], into: &mut [f32]) {
    assert_eq!(x.len(), into.len(), "a value for each value");
    chunks(into, |range, into| isa.run(Add { x: &x[range], into }));
}

fn scale_on(isa: Isa, x: &mut [f32], by: f32) {
    chunks(x, |_, x| isa.run(Scale { x, by }));
}

struct Add<'a> {
    x: &'a [f32],
    into: &'a mut [f32],
}

impl Kernel for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        add_with(simd, self.x, self.into);
    }
}

/// `into += x` inside another kernel.
#[inline(always)]
pub(crate) fn add_with<S: Simd>(simd: S, x: &[f32], into: &mut [f32]) {
    let mut vectors = into.chunks_exact_mut(S::LANES);
    let x = x.chunks_exact(S::LANES);
    let x_rest = x.remainder();
    for (into, x) in (&mut vectors).zip(x) {
        simd.store(simd.add(simd.load(into), simd.load(x)), into);
    }
    vectors.into_remainder().iter_mut().zip(x_rest).for_each(|(into, x)| *into += x);
}

struct Scale<'a> {
    x: &'a mut [f32],
    by: f32,
}

impl Kernel for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        scale_with(simd, self.x, self.by);
    }
}

/// `x *= by` inside another kernel.
#[inline(always)]
pub(crate) fn scale_with<S: Simd>(simd: S, x: &mut [f32], by: f32) {
    let factor = simd.splat(by);
    let mut vectors = x.chunks_exact_mut(S::LANES);
    for x in &mut vectors {
        simd.store(simd.mul(simd.load(x), factor), x);
    }
    vectors.into_remainder().iter_mut().for_each(|x| *x *= by);
}
