//! Sums and products of whole slices.

use crate::reference;

/// `into += x`.
///
/// # Panics
/// If the lengths differ.
pub fn add(x: &[f32], into: &mut [f32]) {
    assert_eq!(x.len(), into.len(), "a value for each value");
    reference::add(x, into);
}

/// `x *= by`.
pub fn scale(x: &mut [f32], by: f32) {
    reference::scale(x, by);
}
