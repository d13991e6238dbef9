//! How the learning rate changes from step to step.

use crate::settings::{Schedule, TrainSettings};

/// The learning rate of each step.
#[derive(Debug, Clone, Copy)]
pub struct LearningRate {
    peak: f64,
    schedule: Schedule,
    n_warmup: usize,
    n_steps: usize,
}

impl LearningRate {
    /// What the settings say, for a run of `n_steps`.
    pub fn new(settings: &TrainSettings, n_steps: usize) -> Self {
        let n_warmup = (settings.warmup * n_steps as f64).ceil() as usize;
        Self { peak: settings.learning_rate, schedule: settings.schedule, n_warmup, n_steps }
    }

    /// The rate of a step, counted from 0, as `transformers.get_scheduler`.
    pub fn at(&self, step: usize) -> f64 {
        if step < self.n_warmup {
            return self.peak * step as f64 / self.n_warmup as f64;
        }
        let rest = (self.n_steps - self.n_warmup).max(1) as f64;
        let progress = ((step - self.n_warmup) as f64 / rest).min(1.0);
        let factor = match self.schedule {
            Schedule::Constant => 1.0,
            Schedule::Linear => 1.0 - progress,
            Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
        };
        self.peak * factor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: `transformers.get_scheduler(name, optimizer, 2, 10)` at a peak of 1.
    fn check(schedule: Schedule, expected: [f64; 10]) {
        let settings =
            TrainSettings { learning_rate: 1.0, warmup: 0.2, schedule, ..TrainSettings::default() };
        let rate = LearningRate::new(&settings, 10);
        for (step, expected) in expected.into_iter().enumerate() {
            assert!((rate.at(step) - expected).abs() < 1e-4, "{schedule:?} {step}: {}", rate.at(step));
        }
    }

    #[test]
    fn rates_are_those_of_transformers() {
        check(Schedule::Linear, [0., 0.5, 1., 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]);
        check(Schedule::Cosine, [0., 0.5, 1., 0.9619, 0.8536, 0.6913, 0.5, 0.3087, 0.1464, 0.0381]);
        check(Schedule::Constant, [0., 0.5, 1., 1., 1., 1., 1., 1., 1., 1.]);
    }
}
