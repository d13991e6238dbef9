//! The speed of each architecture in a shape that people use, with random weights.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use umbel::Model;
use umbel::encoder::scratch::{self, Size};
use umbel::nn::params::Part;

use crate::{peak, scaling, worker};

/// The sequences of a batch and their length.
const N_TEXTS: usize = 32;
const LENGTH: usize = 128;

/// Names of shapes and what their `config.json` has beside the usual. Deep models have a quarter of their layers.
const SHAPES: &str = include_str!("shapes.json");

/// The names of shapes and their `config.json`. Vocabularies are small, since looking words up takes no time.
fn shapes() -> Vec<(String, Value)> {
    let shapes: serde_json::Map<String, Value> = serde_json::from_str(SHAPES).expect("an object");
    let whole = |(name, own): (String, Value)| {
        let mut config = json!({
            "vocab_size": 8192, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
            "intermediate_size": 3072, "max_position_embeddings": 514, "hidden_act": "gelu", "pad_token_id": 1,
            "type_vocab_size": 1,
        });
        let entries = config.as_object_mut().expect("an object");
        entries.extend(own.as_object().cloned().expect("an object"));
        (name, config)
    };
    shapes.into_iter().map(whole).collect()
}

/// Writes `families-<precision>.md`.
pub(crate) fn run(precision: &str, dir: &Path) {
    let peak = peak::measure()[precision];
    let mut table = format!(
        "## Architectures, {precision}\n\n{N_TEXTS} sequences of {LENGTH} random tokens, all threads; the largest \
         products alone reach {peak:.0} GFLOP/s.\n\n| shape | parameters of layers | tokens/s | useful GFLOP/s | \
         of the peak |\n|---|---|---|---|---|\n"
    );
    for (name, config) in shapes() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Its tokenizer only; no text is tokenised.
        scratch::write(folder.path(), &[], &Size::default(), 1).expect("the tokenizer is written");
        scratch::write_weights(folder.path(), &config, 1).expect("the weights are written");
        let model = worker::open(folder.path().to_str().expect("a plain path"), precision);
        let seconds = scaling::median_seconds(&model, N_TEXTS, LENGTH);
        let tokens = (N_TEXTS * LENGTH) as f64;
        let gflops = tokens * operations_per_token(&model, &config) / seconds / 1e9;
        let parameters = weights(&model) as f64 / 1e6;
        let rate = tokens / seconds;
        let share = 100.0 * gflops / peak;
        writeln!(table, "| {name} | {parameters:.1} M | {rate:.0} | {gflops:.0} | {share:.0} % |")
            .expect("a string takes all");
        eprintln!("{name}: {rate:.0} tokens/s, {gflops:.0} GFLOP/s");
    }
    std::fs::create_dir_all(dir).expect("the folder is made");
    std::fs::write(dir.join(format!("families-{precision}.md")), &table).expect("the table is written");
    println!("{table}");
}

/// The numbers in the layers' matrices.
fn weights(model: &Model) -> usize {
    let of_layers = model.params.iter().filter(|(_, p)| matches!(p.part(), Part::Layer(_)) && p.decays());
    of_layers.map(|(_, param)| param.data().len()).sum()
}

/// Twice the weights of all layers, shared ones as often as they are used, and attention to all tokens of the
/// sequence.
fn operations_per_token(model: &Model, config: &Value) -> f64 {
    let n_layers = model.encoder_shape().n_layers as f64;
    let uses = config["num_hidden_groups"].as_f64().map_or(1.0, |groups| n_layers / groups);
    let queries = match config["head_dim"].as_f64().zip(config["num_attention_heads"].as_f64()) {
        Some((size, heads)) => size * heads,
        None => model.encoder_shape().hidden_size as f64,
    };
    2.0 * weights(model) as f64 * uses + n_layers * 4.0 * queries * LENGTH as f64
}
