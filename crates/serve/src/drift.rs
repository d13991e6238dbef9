//! How the answers of a model's tasks compare with those at the end of its training.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use umbel::Model;
use umbel::model::Prediction;
use umbel::task::Distribution;

/// The last answers of each task, counted by what was answered.
pub struct Drift {
    tasks: Vec<(String, Mutex<Window>)>,
    // Answers that are kept of each task.
    length: usize,
}

struct Window {
    reference: Distribution,
    // For each answer the bins that it is in.
    last: VecDeque<Vec<usize>>,
    counts: Vec<u64>,
}

impl Drift {
    /// Nothing was answered yet. Tasks without statistics of their training are left out.
    pub fn new(model: &Model, length: usize) -> Self {
        let known =
            model.heads().iter().filter_map(|head| Some((head.name(), model.distribution(head.name())?)));
        let window = |(name, reference): (&str, &Distribution)| {
            let counts = vec![0; reference.n_bins()];
            let window = Window { reference: reference.clone(), last: VecDeque::new(), counts };
            (name.to_string(), Mutex::new(window))
        };
        Self { tasks: known.map(window).collect(), length }
    }

    /// Counts the answers for some texts.
    pub fn add(&self, predictions: &[Prediction]) {
        for (task, window) in &self.tasks {
            let mut window = window.lock().unwrap_or_else(PoisonError::into_inner);
            predictions.iter().filter_map(|prediction| prediction.get(task)).for_each(|answer| {
                let bins = window.reference.bins(answer);
                window.add(bins, self.length);
            });
        }
    }

    /// For each task the population stability index of its last answers, and how many these are.
    pub fn values(&self) -> Vec<(String, f64, usize)> {
        let value = |(task, window): &'_ (String, Mutex<Window>)| {
            let window = window.lock().unwrap_or_else(PoisonError::into_inner);
            (task.clone(), window.reference.drift(&window.counts), window.last.len())
        };
        self.tasks.iter().map(value).collect()
    }
}

impl Window {
    fn add(&mut self, bins: Vec<usize>, length: usize) {
        bins.iter().for_each(|&bin| self.counts[bin] += 1);
        self.last.push_back(bins);
        if self.last.len() > length
            && let Some(oldest) = self.last.pop_front()
        {
            oldest.iter().for_each(|&bin| self.counts[bin] -= 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use umbel::task::Answer;

    use super::*;

    fn label(name: &str) -> Answer {
        let probabilities = vec![("a".to_string(), 0.5), ("b".to_string(), 0.5)];
        Answer::Label { label: name.to_string(), probabilities, abstained: None }
    }

    #[test]
    fn only_the_last_answers_count() {
        let reference = Distribution::of(&[label("a"), label("b")]).unwrap();
        let counts = vec![0; reference.n_bins()];
        let window = Window { reference, last: VecDeque::new(), counts };
        let drift = Drift { tasks: vec![("topic".to_string(), Mutex::new(window))], length: 4 };
        let add = |name: &str, n: usize| {
            let one = || Prediction { answers: vec![("topic".to_string(), label(name))] };
            drift.add(&(0..n).map(|_| one()).collect::<Vec<_>>());
            drift.values().remove(0)
        };
        let (_, all_a, n) = add("a", 100);
        assert!(all_a > 0.25 && n == 4);
        assert_eq!(add("b", 2), ("topic".to_string(), 0.0, 4));
    }
}
