//! What the tests of several kernels need.

use proptest::prelude::*;

/// Lengths around those of the vectors and tiles.
pub(crate) fn length() -> impl Strategy<Value = usize> {
    prop_oneof![0usize..40, Just(63), Just(64), Just(65), Just(127), Just(129)]
}

/// Repeatable values in -1..1.
pub(crate) fn values(seed: u64, len: usize) -> Vec<f32> {
    (0..len as u64).map(|i| 2.0 * crate::reference::uniform(seed, i) - 1.0).collect()
}

/// Asserts that values agree within a tolerance, absolute below 1 and relative above.
#[track_caller]
pub(crate) fn assert_close(name: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{name}: lengths");
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (found - expected).abs();
        assert!(error <= tolerance * expected.abs().max(1.0), "{name}[{i}]: {found} is not {expected}");
    }
}

/// The bits of values.
pub(crate) fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// Runs work on a pool of some threads.
pub(crate) fn with_threads<T: Send>(n: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(n).build().expect("a pool").install(work)
}
