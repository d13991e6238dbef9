//! Floating-point operations that a text needs, none of padding.

use std::path::Path;

use serde_json::Value;

/// The sizes of an encoder that its cost depends on.
pub(crate) struct Sizes {
    n_layers: f64,
    hidden_size: f64,
    intermediate_size: f64,
}

impl Sizes {
    /// Those of the encoder in that folder.
    pub(crate) fn read(model: &Path) -> Self {
        let config = std::fs::read_to_string(model.join("config.json")).expect("`config.json` can be read");
        let config: Value = serde_json::from_str(&config).expect("`config.json` is JSON");
        let size = |key: &str| config[key].as_f64().expect("a size");
        Self {
            n_layers: size("num_hidden_layers"),
            hidden_size: size("hidden_size"),
            intermediate_size: size("intermediate_size"),
        }
    }

    /// Of one forward pass over texts of these lengths: 2 × weights of matrix products × tokens, and in attention
    /// layers × 4 × hidden × n² a text. Training costs three times that.
    pub(crate) fn forward(&self, lengths: &[usize]) -> f64 {
        let Self { n_layers, hidden_size, intermediate_size } = self;
        let weights = n_layers * (4.0 * hidden_size * hidden_size + 2.0 * hidden_size * intermediate_size);
        let text = |n: f64| 2.0 * weights * n + n_layers * 4.0 * hidden_size * n * n;
        lengths.iter().map(|&n| text(n as f64)).sum()
    }
}
