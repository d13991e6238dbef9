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
    for i in (0..into.len()).step_by(S::LANES) {
        simd.store_at(simd.add(simd.load_at(into, i), simd.load_at(x, i)), into, i);
    }
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
    for i in (0..x.len()).step_by(S::LANES) {
        simd.store_at(simd.mul(simd.load_at(x, i), simd.splat(by)), x, i);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        reference,
        testing::{length, values},
    };

    proptest! {
        #[test]
        fn sums_and_products_equal_reference(len in length(), by in -2f32..2.0) {
            let (x, into) = (values(1, len), values(2, len));
            let (mut sum, mut product) = (into.clone(), into.clone());
            reference::add(&x, &mut sum);
            reference::scale(&mut product, by);
            for isa in Isa::available() {
                let (mut found_sum, mut found_product) = (into.clone(), into.clone());
                add_on(isa, &x, &mut found_sum);
                scale_on(isa, &mut found_product, by);
                prop_assert!(found_sum == sum && found_product == product, "{isa:?}");
            }
        }
    }
}
