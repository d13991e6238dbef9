//! What the server counts, as Prometheus reads it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use umbel::model::{Predicted, Questions};
use umbel::task::Answer;

use crate::engine::Served;

/// What the server counts.
pub struct Metrics {
    registry: Registry,
    /// Requests by route and status.
    pub requests: Family<RequestLabels, Counter>,
    /// From the head of a request to that of its response, by route.
    pub request_seconds: Family<RouteLabels, Histogram>,
    /// Jobs that were refused because too much waits.
    pub shed: Counter,
    /// From coming in to being tokens.
    pub tokenize_seconds: Histogram,
    /// From being tokens to the first pass.
    pub queue_seconds: Histogram,
    /// Each pass.
    pub compute_seconds: Histogram,
    /// Texts of a pass.
    pub batch_texts: Histogram,
    /// Tokens of a pass.
    pub batch_tokens: Histogram,
    /// Tokens that wait or are computed.
    pub queue_tokens: Gauge,
    /// Passes that panicked.
    pub panics: Counter,
    /// Models that were loaded anew, by whether that worked.
    pub reloads: Family<ReloadLabels, Counter>,
    texts: Family<ModelLabels, Counter>,
    truncated: Family<ModelLabels, Counter>,
    tokens: Family<ModelLabels, Counter>,
    answers: Family<AnswerLabels, Counter>,
    scores: Family<TaskLabels, Histogram>,
    drift: Family<TaskLabels, Gauge<f64, AtomicU64>>,
    drift_answers: Family<TaskLabels, Gauge>,
}

/// A route and the status of its response.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// The path of the route, with the names of its parameters.
    pub route: String,
    /// The status code.
    pub status: u16,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RouteLabels {
    /// The path of the route, with the names of its parameters.
    pub route: String,
}

/// A model, and whether it could be loaded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReloadLabels {
    /// The model's name.
    pub model: String,
    /// `loaded` or `failed`.
    pub result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    model: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TaskLabels {
    model: String,
    task: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnswerLabels {
    model: String,
    task: String,
    label: String,
}

fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 17)) // half a millisecond to half a minute
}

impl Default for Metrics {
    fn default() -> Self {
        let sizes = || Histogram::new(exponential_buckets(1.0, 2.0, 15));
        Self {
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(seconds),
            shed: Counter::default(),
            tokenize_seconds: seconds(),
            queue_seconds: seconds(),
            compute_seconds: seconds(),
            batch_texts: sizes(),
            batch_tokens: sizes(),
            queue_tokens: Gauge::default(),
            panics: Counter::default(),
            reloads: Family::default(),
            texts: Family::default(),
            truncated: Family::default(),
            tokens: Family::default(),
            answers: Family::default(),
            scores: Family::new_with_constructor(|| Histogram::new((-20..=20).map(|i| f64::from(i) / 2.0))),
            drift: Family::default(),
            drift_answers: Family::default(),
            registry: Registry::default(),
        }
        .registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Self {
        let mut registry = Registry::with_prefix("umbel");
        registry.register("requests", "Requests by route and status", self.requests.clone());
        let help = "From the head of a request to that of its response";
        registry.register_with_unit("request_duration", help, Unit::Seconds, self.request_seconds.clone());
        registry.register("shed_requests", "Requests refused because too much waits", self.shed.clone());
        for (name, help, histogram) in [
            ("tokenize_duration", "Turning a request's texts into tokens", &self.tokenize_seconds),
            ("queue_duration", "From tokens to the first pass", &self.queue_seconds),
            ("compute_duration", "A pass through the encoder and the heads", &self.compute_seconds),
        ] {
            registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
        }
        registry.register("batch_texts", "Texts of a pass", self.batch_texts.clone());
        registry.register("batch_tokens", "Tokens of a pass", self.batch_tokens.clone());
        registry.register("queue_tokens", "Tokens that wait or are computed", self.queue_tokens.clone());
        registry.register("panics", "Passes that panicked", self.panics.clone());
        registry.register("reloads", "Models loaded anew", self.reloads.clone());
        registry.register("texts", "Texts that were answered", self.texts.clone());
        registry.register("truncated_texts", "Texts that were cut", self.truncated.clone());
        registry.register("tokens", "Tokens that were read", self.tokens.clone());
        registry.register("answers", "Answers by label", self.answers.clone());
        registry.register("scores", "Answers that are numbers", self.scores.clone());
        let help = "Population stability index of the last answers against those at the end of training";
        registry.register("drift", help, self.drift.clone());
        registry.register("drift_answers", "Answers that the drift is of", self.drift_answers.clone());
        self.registry = registry;
        self
    }

    /// Counts what was answered.
    pub fn answered(&self, served: &Served, predicted: &Predicted, questions: &Questions) {
        let labels = ModelLabels { model: served.name.clone() };
        let n_tokens: usize = (0..questions.len()).map(|text| questions.n_read(text)).sum();
        self.texts.get_or_create(&labels).inc_by(questions.len() as u64);
        self.tokens.get_or_create(&labels).inc_by(n_tokens as u64);
        self.truncated.get_or_create(&labels).inc_by(predicted.n_truncated as u64);
        for (task, answer) in predicted.predictions.iter().flat_map(|prediction| &prediction.answers) {
            self.count(&served.name, task, answer);
        }
        served.drift.add(&predicted.predictions);
    }

    fn count(&self, model: &str, task: &str, answer: &Answer) {
        let count = |label: &str| {
            let (model, task, label) = (model.to_string(), task.to_string(), label.to_string());
            self.answers.get_or_create(&AnswerLabels { model, task, label }).inc();
        };
        let observe = |score: f32| {
            let labels = TaskLabels { model: model.to_string(), task: task.to_string() };
            self.scores.get_or_create(&labels).observe(f64::from(score));
        };
        match answer {
            Answer::Label { label, .. } | Answer::Rank { label, .. } => count(label),
            Answer::Labels { labels, .. } if labels.is_empty() => count("(none)"),
            Answer::Labels { labels, .. } => labels.iter().for_each(|label| count(label)),
            Answer::Spans(spans) if spans.is_empty() => count("(none)"),
            Answer::Spans(spans) => spans.iter().for_each(|span| count(&span.label)),
            Answer::Score(score) | Answer::Similarity { score, .. } => observe(*score),
            _ => {}
        }
    }

    /// All of it, in the text format of OpenMetrics.
    pub fn text(&self, models: impl Iterator<Item = Arc<Served>>) -> String {
        for served in models {
            for (task, drift, n) in served.drift.values() {
                let labels = TaskLabels { model: served.name.clone(), task };
                self.drift.get_or_create(&labels).set(drift);
                self.drift_answers.get_or_create(&labels).set(n as i64);
            }
        }
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes everything");
        text
    }
}
