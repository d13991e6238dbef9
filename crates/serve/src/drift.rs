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
