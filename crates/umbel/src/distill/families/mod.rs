//! The families that a student can be of, and the configuration of each.

use serde_json::{Value, json};

use super::DistillSettings;
use crate::registry::Registry;

/// How a family of students is made.
#[derive(Debug)]
pub struct Family {
    /// Its class in transformers.
    architecture: &'static str,
    /// Its `config.json`, for so many tokens and that padding token.
    config: fn(&DistillSettings, usize, usize) -> Value,
    /// What comes before the number of a layer in the names of its weights.
    pub(super) layer: &'static str,
}

impl Family {
    const fn new(
        architecture: &'static str,
        config: fn(&DistillSettings, usize, usize) -> Value,
        layer: &'static str,
    ) -> Self {
        Self { architecture, config, layer }
    }

    /// The `config.json` of a student that knows so many tokens, of which `pad` is the padding.
    pub(super) fn config(&self, settings: &DistillSettings, vocab_size: usize, pad: usize) -> Value {
        let mut config = (self.config)(settings, vocab_size, pad);
        config["architectures"] = json!([self.architecture]);
        config
    }
}

const BERT_LAYER: &str = "encoder.layer.";

/// The families that a student can be of.
pub static FAMILIES: Registry<Family> = Registry {
    kind: "student.model_type",
    entries: &[
        ("bert", Family::new("BertModel", bert, BERT_LAYER)),
        ("camembert", Family::new("CamembertModel", roberta, BERT_LAYER)),
        ("distilbert", Family::new("DistilBertModel", distilbert, "transformer.layer.")),
        ("electra", Family::new("ElectraModel", electra, BERT_LAYER)),
        ("ernie", Family::new("ErnieModel", bert, BERT_LAYER)),
        ("roberta", Family::new("RobertaModel", roberta, BERT_LAYER)),
        ("xlm-roberta", Family::new("XLMRobertaModel", roberta, BERT_LAYER)),
    ],
};

/// Keys by which layers of the same sizes compute otherwise; who takes a teacher's layers takes these along.
pub(super) const TAKEN_WITH_LAYERS: [&str; 3] = ["hidden_act", "activation", "layer_norm_eps"];

fn bert(settings: &DistillSettings, vocab_size: usize, pad: usize) -> Value {
    let student = &settings.student;
    json!({
        "architectures": null,
        "model_type": student.model_type,
        "vocab_size": vocab_size,
        "hidden_size": student.hidden_size,
        "num_hidden_layers": student.layers,
        "num_attention_heads": student.heads,
        "intermediate_size": settings.intermediate_size(),
        "max_position_embeddings": student.max_length,
        "type_vocab_size": 2,
        "hidden_act": "gelu",
        "hidden_dropout_prob": student.dropout,
        "attention_probs_dropout_prob": student.dropout,
        "layer_norm_eps": 1e-12,
        "initializer_range": 0.02,
        "pad_token_id": pad,
    })
}

fn electra(settings: &DistillSettings, vocab_size: usize, pad: usize) -> Value {
    let mut config = bert(settings, vocab_size, pad);
    config["embedding_size"] = json!(settings.student.hidden_size);
    config
}

/// BERT whose positions are counted after the padding token's id.
fn roberta(settings: &DistillSettings, vocab_size: usize, pad: usize) -> Value {
    let mut config = bert(settings, vocab_size, pad);
    config["max_position_embeddings"] = json!(settings.student.max_length + pad + 1);
    config["type_vocab_size"] = json!(1);
    config
}

fn distilbert(settings: &DistillSettings, vocab_size: usize, pad: usize) -> Value {
    let student = &settings.student;
    json!({
        "architectures": null,
        "model_type": student.model_type,
        "vocab_size": vocab_size,
        "dim": student.hidden_size,
        "n_layers": student.layers,
        "n_heads": student.heads,
        "hidden_dim": settings.intermediate_size(),
        "max_position_embeddings": student.max_length,
        "activation": "gelu",
        "dropout": student.dropout,
        "attention_dropout": student.dropout,
        "sinusoidal_pos_embds": false,
        "initializer_range": 0.02,
        "pad_token_id": pad,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_says_its_family_and_counts_positions_as_that_does() {
        let config = |family: &str| {
            let text = format!("[student]\nmodel_type = \"{family}\"");
            let settings = DistillSettings::parse(&text, &[]).unwrap();
            FAMILIES.find(family).unwrap().config(&settings, 100, 1)
        };
        let (bert, roberta) = (config("bert"), config("xlm-roberta"));
        assert_eq!((&bert["architectures"], &bert["model_type"]), (&json!(["BertModel"]), &json!("bert")));
        assert_eq!(roberta["architectures"], json!(["XLMRobertaModel"]));
        assert_eq!(bert["max_position_embeddings"], json!(128));
        assert_eq!(roberta["max_position_embeddings"], json!(130));
    }
}
