//! Times and values.

use std::time::Instant;

/// Median seconds of each, run in turns.
pub(crate) fn medians<const N: usize>(mut runs: [&mut dyn FnMut(); N], repeats: usize) -> [f64; N] {
    let mut times = [const { Vec::new() }; N];
    for _ in 0..11 {
        for (run, times) in runs.iter_mut().zip(&mut times) {
            let start = Instant::now();
            (0..repeats).for_each(|_| run());
            times.push(start.elapsed().as_secs_f64() / repeats as f64);
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    })
}

/// Repeatable values in -0.5..0.5.
pub(crate) fn values(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i * 7919 % 1013) as f32 / 1013.0 - 0.5).collect()
}
