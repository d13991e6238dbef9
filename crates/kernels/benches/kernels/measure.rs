//! Times and values.

use std::time::Instant;

/// Seconds of each, run in turns `rounds` times.
pub(crate) fn in_turns<const N: usize>(mut runs: [&mut dyn FnMut(); N], rounds: usize) -> [Times; N] {
    let mut times = [const { Times(Vec::new()) }; N];
    for _ in 0..rounds {
        for (run, times) in runs.iter_mut().zip(&mut times) {
            let start = Instant::now();
            run();
            times.0.push(start.elapsed().as_secs_f64());
        }
    }
    times
}

/// The seconds of each round.
pub(crate) struct Times(Vec<f64>);

impl Times {
    /// Whatever else the machine does, it disturbed this round least.
    pub(crate) fn fastest(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// How many times longer the other took in the same round: the median of the rounds.
    pub(crate) fn ratio(&self, other: &Times) -> f64 {
        let mut ratios: Vec<f64> = self.0.iter().zip(&other.0).map(|(own, other)| other / own).collect();
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    }
}

/// Repeatable values in -0.5..0.5.
pub(crate) fn values(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i * 7919 % 1013) as f32 / 1013.0 - 0.5).collect()
}
