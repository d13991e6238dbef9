//! Workloads without a download: generated sentences, joined to given lengths, and an encoder that knows their words.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Value, json};
use umbel::Model;
use umbel::encoder::scratch::{self, Size};
use umbel::random::Random;
use umbel::synth::{self, Options};

/// all-MiniLM-L6-v2's shape.
pub(crate) const MINILM: Size = Size {
    hidden_size: 384,
    n_layers: 6,
    n_heads: 12,
    intermediate_size: 1536,
    max_positions: 512,
    dropout: 0.1,
};
/// As many words as BERT's vocabulary has, or nearly so.
const N_WORDS: usize = 30_000;
const SEED: u64 = 1;
/// From each score on a row belongs to the next of six classes.
const CLASSES: [f32; 5] = [-0.5, -0.25, 0.0, 0.25, 0.5];

/// How long the texts of a workload are, in tokens.
#[derive(Clone, Copy)]
enum Length {
    /// All the same.
    Is(usize),
    /// Log-normal with a median of 24 and a 95th percentile of 113, from 5 up to so many.
    UpTo(usize),
}

/// File, rows, lengths.
const WORKLOADS: [(&str, usize, Length); 4] = [
    ("w1_ragged", 1024, Length::UpTo(250)),
    ("w2_uniform", 256, Length::Is(128)),
    ("w3_train", 512, Length::UpTo(128)),
    ("w4_single", 1, Length::Is(12)),
];

/// Writes the workloads, and without a model one with random weights to `model`.
pub(crate) fn write(dir: &Path, model: Option<&Path>) {
    let written = dir.join("model");
    if model.is_none() {
        write_encoder(&written, &MINILM);
    }
    let model = Model::open(model.unwrap_or(&written)).expect("the model opens");
    let mut source = Source::new(&model);
    for (name, n_rows, length) in WORKLOADS {
        let lines: String = (0..n_rows).map(|_| format!("{}\n", source.row(length))).collect();
        std::fs::write(dir.join(format!("{name}.jsonl")), lines).expect("the workload is written");
    }
}

/// A BERT with random weights and a vocabulary as large as usual.
pub(crate) fn write_encoder(dir: &Path, size: &Size) {
    let known = synth::vocabulary();
    let others: Vec<String> = (known.len()..N_WORDS).map(|n| format!("word{n}")).collect();
    let words: Vec<&str> = known.into_iter().chain(others.iter().map(String::as_str)).collect();
    scratch::write(dir, &words, size, SEED).expect("the encoder is written");
}

/// Where texts come from.
struct Source<'a> {
    model: &'a Model,
    sentences: Vec<synth::Row>,
    n_tokens: HashMap<String, usize>,
    random: Random,
}

impl<'a> Source<'a> {
    fn new(model: &'a Model) -> Self {
        let sentences = synth::generate(&Options { rows: 4_000, seed: SEED, ..Options::default() });
        Self { model, sentences, n_tokens: HashMap::new(), random: Random::new(SEED) }
    }

    /// A text of that length, and the class and score of its first sentence.
    fn row(&mut self, length: Length) -> Value {
        let n_tokens = self.draw(length);
        let first = self.random.below(self.sentences.len());
        let text = self.text(first, n_tokens);
        let score = self.sentences[first].sentiment.expect("no label is missing");
        let label = CLASSES.iter().filter(|&&class| score >= class).count();
        json!({"text": text, "n_tokens": self.count(&text), "label": label, "score": score})
    }

    fn draw(&mut self, length: Length) -> usize {
        let most = match length {
            Length::Is(length) => return length,
            Length::UpTo(most) => most,
        };
        let (median, p95): (f32, f32) = (24.0, 113.0);
        let deviation = (p95 / median).ln() / 1.6449; // Of the standard normal, 95 % lie below that.
        ((median.ln() + deviation * self.random.normal()).exp().round() as usize).clamp(5, most)
    }

    /// Words of the sentences from `first` on, as many as fit beside the tokenizer's own two tokens.
    fn text(&mut self, first: usize, n_tokens: usize) -> String {
        let mut left = n_tokens - 2;
        let mut words: Vec<String> = Vec::new();
        for sentence in first.. {
            let sentence = self.sentences[sentence % self.sentences.len()].text.clone();
            for word in sentence.split_whitespace() {
                let n = self.count_word(word);
                if n <= left {
                    words.push(word.to_string());
                    left -= n;
                }
            }
            if left == 0 {
                break;
            }
        }
        words.join(" ")
    }

    /// The tokens of a word within a text; BERT splits at spaces first, so that those of words add up.
    fn count_word(&mut self, word: &str) -> usize {
        if let Some(&n) = self.n_tokens.get(word) {
            return n;
        }
        let n = self.count(word) - self.count("");
        self.n_tokens.insert(word.to_string(), n);
        n
    }

    fn count(&self, text: &str) -> usize {
        self.model.tokenize(&[text]).expect("a text can be tokenised").lengths[0]
    }
}
