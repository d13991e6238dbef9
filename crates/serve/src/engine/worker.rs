//! The thread that runs batches through models, and lives on whatever happens in one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

use umbel::Model;
use umbel::model::{Piece, Raw};

use super::Refused;
use super::gate::Gate;
use super::queue::{Part, Queue, Waiting};
use crate::metrics::Metrics;

/// Runs texts through a model.
pub type Pass = Arc<dyn Fn(&Model, &[Piece<'_>]) -> Vec<Raw> + Send + Sync>;

/// What [`Pass`] is but in tests.
pub fn run_model(model: &Model, pieces: &[Piece<'_>]) -> Vec<Raw> {
    model.pass(pieces)
}

struct Worker {
    queue: Arc<Queue>,
    gate: Arc<Gate>,
    metrics: Arc<Metrics>,
    pass: Pass,
}

pub(super) fn start(
    queue: Arc<Queue>,
    gate: Arc<Gate>,
    metrics: Arc<Metrics>,
    pass: Pass,
) -> std::io::Result<JoinHandle<()>> {
    let worker = Worker { queue, gate, metrics, pass };
    Builder::new().name("model".to_string()).spawn(move || worker.run())
}

impl Worker {
    fn run(&self) {
        while let Some(parts) = self.queue.take() {
            let now = Instant::now();
            for part in parts.iter().filter(|part| part.waiting.is_new()) {
                self.metrics.queue_seconds.observe((now - part.waiting.since).as_secs_f64());
            }
            let unfinished = self.run_parts(parts);
            self.queue.push_rest(unfinished);
        }
    }

    /// Runs a batch; if it panics, each half by itself, until whoever makes it panic is alone.
    fn run_parts(&self, mut parts: Vec<Part>) -> Vec<Waiting> {
        let served = Arc::clone(&parts[0].waiting.served);
        let pieces: Vec<Piece<'_>> = parts
            .iter()
            .flat_map(|part| part.texts.clone().map(|text| part.waiting.questions.piece(text)))
            .collect();
        let (n_texts, n_tokens) = (pieces.len(), parts.iter().map(Part::n_tokens).sum::<usize>());
        let begun = Instant::now();
        let ran = catch_unwind(AssertUnwindSafe(|| (self.pass)(&served.model, &pieces)));
        drop(pieces);
        if let Ok(raw) = ran {
            let took = begun.elapsed();
            self.gate.computed(n_tokens, took);
            self.metrics.compute_seconds.observe(took.as_secs_f64());
            self.metrics.batch_texts.observe(n_texts as f64);
            self.metrics.batch_tokens.observe(n_tokens as f64);
            let mut raw = raw.into_iter();
            let finish = |part: Part| {
                let own = raw.by_ref().take(part.texts.len()).collect();
                part.computed(own)
            };
            return parts.into_iter().filter_map(finish).collect();
        }
        self.metrics.panics.inc();
        if parts.len() == 1 {
            tracing::error!(
                model = served.name,
                n_texts,
                "a pass panicked; its request is answered with an error"
            );
            parts.remove(0).waiting.refuse(Refused::Failed);
            return Vec::new();
        }
        let half = parts.split_off(parts.len() / 2);
        let mut unfinished = self.run_parts(parts);
        unfinished.extend(self.run_parts(half));
        unfinished
    }
}
