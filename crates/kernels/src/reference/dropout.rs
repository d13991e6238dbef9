//! Dropout, one element after the other.

use crate::Dropout;

/// Applies dropout in place.
pub fn dropout(dropout: Dropout, x: &mut [f32]) {
    for (i, x) in x.iter_mut().enumerate() {
        *x *= factor(dropout, i as u64);
    }
}

/// What the element at an index is multiplied by.
pub(super) fn factor(dropout: Dropout, index: u64) -> f32 {
    let kept = uniform(dropout.seed, index) >= dropout.probability;
    if kept { 1.0 / (1.0 - dropout.probability) } else { 0.0 }
}

/// A number in `[0, 1)` that is a function of the seed and the index.
pub fn uniform(seed: u64, index: u64) -> f32 {
    let keys = split_mix(seed.wrapping_add((index >> 32).wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    // "lowbias32" of Chris Wellons' hash prospector, with the second key between its rounds.
    let mut hash = index as u32 ^ keys as u32;
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x7FEB_352D) ^ (keys >> 32) as u32;
    hash ^= hash >> 15;
    hash = hash.wrapping_mul(0x846C_A68B);
    hash ^= hash >> 16;
    f32::from_bits((hash >> 9) | 0x3F80_0000) - 1.0
}

/// The output function of SplitMix64 (Steele, Lea and Flood, 2014).
fn split_mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
