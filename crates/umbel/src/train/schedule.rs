//! How the learning rate changes from step to step.

use crate::settings::{Schedule, TrainSettings};

/// The learning rate of each step.
#[derive(Debug, Clone, Copy)]
pub struct LearningRate {
    peak: f64,
    schedule: Schedule,
    warmup: f64,
    n_steps: usize,
    // Steps of a schedule of their own that come first.
    n_probe: usize,
}

impl LearningRate {
    /// What the settings say, for a run of `n_steps`.
    pub fn new(settings: &TrainSettings, n_steps: usize) -> Self {
        let TrainSettings { learning_rate, schedule, warmup, .. } = *settings;
        Self { peak: learning_rate, schedule, warmup, n_steps, n_probe: 0 }
    }

    /// The same with a schedule of its own, warm-up included, for the first `n_probe` steps, and another for the rest.
    pub fn after_probe(self, n_probe: usize) -> Self {
        Self { n_probe, ..self }
    }

    /// The rate of a step, counted from 0.
    pub fn at(&self, step: usize) -> f64 {
        match step.checked_sub(self.n_probe) {
            None => self.of(step, self.n_probe),
            Some(step) => self.of(step, self.n_steps - self.n_probe),
        }
    }

    /// The rate of a step of a schedule of `n_steps`, as `transformers.get_scheduler`.
    fn of(&self, step: usize, n_steps: usize) -> f64 {
        let n_warmup = (self.warmup * n_steps as f64).ceil() as usize;
        if step < n_warmup {
            return self.peak * step as f64 / n_warmup as f64;
        }
        let rest = (n_steps - n_warmup).max(1) as f64;
        let progress = ((step - n_warmup) as f64 / rest).min(1.0);
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
    fn a_probe_has_a_schedule_of_its_own() {
        let settings = TrainSettings { learning_rate: 1.0, warmup: 0.25, ..TrainSettings::default() };
        let rate = LearningRate::new(&settings, 12).after_probe(4);
        let alone =
            |n: usize| (0..n).map(|step| LearningRate::new(&settings, n).at(step)).collect::<Vec<_>>();
        let expected = [alone(4), alone(8)].concat();
        assert_eq!((0..12).map(|step| rate.at(step)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn rates_are_those_of_transformers() {
        check(Schedule::Linear, [0., 0.5, 1., 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]);
        check(Schedule::Cosine, [0., 0.5, 1., 0.9619, 0.8536, 0.6913, 0.5, 0.3087, 0.1464, 0.0381]);
        check(Schedule::Constant, [0., 0.5, 1., 1., 1., 1., 1., 1., 1., 1.]);
    }
}
