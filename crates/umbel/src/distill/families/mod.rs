//! The families that a student can be of, and the configuration of each.

mod absolute;
mod decoder;
mod distances;
mod rotary;

use serde_json::{Value, json};

use super::DistillSettings;
use crate::error::{Error, Result};
use crate::registry::Registry;

/// How a family of students is made.
#[derive(Debug)]
pub struct Family {
    /// Its class in transformers.
    architecture: &'static str,
    /// Its `config.json`.
    config: fn(&Sizes<'_>) -> Value,
    /// Where its first position stands in the table of positions.
    positions: Positions,
    /// The table of its tokens' embeddings.
    pub(super) words: &'static str,
    /// What comes before the number of a layer in the names of its weights; empty if layers share theirs.
    pub(super) layer: &'static str,
}

/// From where positions are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Positions {
    /// There is no table of them.
    None,
    /// From 0.
    Start,
    /// From the number after that of the padding token.
    AfterPadding,
    /// From 2, as if the padding token had the number 1.
    AfterOne,
}

/// What a configuration follows from.
pub(super) struct Sizes<'a> {
    /// The student's file.
    pub(super) settings: &'a DistillSettings,
    /// How many tokens it knows.
    pub(super) vocab: usize,
    /// The number of the padding token.
    pub(super) pad: usize,
}

const BERT_LAYER: &str = "encoder.layer.";
const BERT_WORDS: &str = "embeddings.word_embeddings.weight";

impl Family {
    const fn bert(architecture: &'static str, config: fn(&Sizes<'_>) -> Value) -> Self {
        Self { architecture, config, positions: Positions::Start, words: BERT_WORDS, layer: BERT_LAYER }
    }

    const fn roberta(architecture: &'static str) -> Self {
        Self { positions: Positions::AfterPadding, ..Self::bert(architecture, absolute::roberta) }
    }

    /// As BERT, without embeddings of positions.
    const fn without_table(architecture: &'static str, config: fn(&Sizes<'_>) -> Value) -> Self {
        Self { positions: Positions::None, ..Self::bert(architecture, config) }
    }

    const fn llama(architecture: &'static str, config: fn(&Sizes<'_>) -> Value) -> Self {
        Self { words: "embed_tokens.weight", layer: "layers.", ..Self::without_table(architecture, config) }
    }

    /// The `config.json` of a student of these sizes.
    pub(super) fn config(&self, sizes: &Sizes<'_>) -> Value {
        let student = &sizes.settings.student;
        let first = json!({"architectures": [self.architecture], "model_type": student.model_type});
        with(first, (self.config)(sizes))
    }

    /// True if positions have embeddings.
    pub(super) fn has_position_table(&self) -> bool {
        self.positions != Positions::None
    }

    /// True if the table of positions is read from another row on where the padding token has another number.
    pub(super) fn counts_from_padding(&self) -> bool {
        self.positions == Positions::AfterPadding
    }

    /// Refuses a tokenizer whose padding token the family cannot have.
    pub(super) fn check_padding(&self, pad: usize) -> Result<()> {
        if self.positions == Positions::AfterOne && pad != 1 {
            return Err(Error::Settings(format!(
                "the padding token of the teacher's tokenizer has the number {pad}; expected 1, from which \
                 `student.model_type` `mpnet` counts positions; choose another one"
            )));
        }
        Ok(())
    }
}

/// The families that a student can be of.
pub static FAMILIES: Registry<Family> = Registry {
    kind: "student.model_type",
    entries: &[
        ("albert", Family { layer: "", ..Family::bert("AlbertModel", absolute::albert) }),
        ("bert", Family::bert("BertModel", absolute::bert)),
        ("camembert", Family::roberta("CamembertModel")),
        ("data2vec-text", Family::roberta("Data2VecTextModel")),
        ("deberta-v2", Family::without_table("DebertaV2Model", distances::deberta)),
        (
            "distilbert",
            Family { layer: "transformer.layer.", ..Family::bert("DistilBertModel", absolute::distilbert) },
        ),
        ("electra", Family::bert("ElectraModel", absolute::electra)),
        ("ernie", Family::bert("ErnieModel", absolute::bert)),
        ("eurobert", Family::llama("EuroBertModel", decoder::eurobert)),
        ("gemma3_text", Family::llama("Gemma3TextModel", decoder::gemma3)),
        ("gpt2", Family { words: "wte.weight", layer: "h.", ..Family::bert("GPT2Model", absolute::gpt2) }),
        ("gte", Family::without_table("GteModel", rotary::gte)),
        (
            "jina_embeddings_v3",
            Family {
                layer: "encoder.layers.",
                ..Family::without_table("JinaEmbeddingsV3Model", rotary::jina)
            },
        ),
        ("llama", Family::llama("LlamaModel", decoder::llama)),
        ("megatron-bert", Family::bert("MegatronBertModel", absolute::bert)),
        ("mistral", Family::llama("MistralModel", decoder::llama)),
        (
            "modernbert",
            Family {
                words: "embeddings.tok_embeddings.weight",
                layer: "layers.",
                ..Family::without_table("ModernBertModel", rotary::modernbert)
            },
        ),
        ("mpnet", Family { positions: Positions::AfterOne, ..Family::bert("MPNetModel", distances::mpnet) }),
        (
            "nomic_bert",
            Family { layer: "encoder.layers.", ..Family::without_table("NomicBertModel", rotary::nomic) },
        ),
        ("qwen2", Family::llama("Qwen2Model", decoder::llama)),
        ("qwen3", Family::llama("Qwen3Model", decoder::llama)),
        ("roberta", Family::roberta("RobertaModel")),
        (
            "t5",
            Family {
                words: "shared.weight",
                layer: "encoder.block.",
                ..Family::without_table("T5EncoderModel", distances::t5)
            },
        ),
        ("xlm-roberta", Family::roberta("XLMRobertaModel")),
    ],
};

/// The configuration with some keys more, or other values of them.
fn with(mut config: Value, keys: Value) -> Value {
    if let (Some(config), Value::Object(keys)) = (config.as_object_mut(), keys) {
        config.extend(keys);
    }
    config
}

/// The configuration without some keys.
fn without(mut config: Value, keys: &[&str]) -> Value {
    if let Some(config) = config.as_object_mut() {
        config.retain(|key, _| !keys.contains(&&key[..]));
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(family: &str, pad: usize) -> Value {
        let text = format!("[student]\nmodel_type = \"{family}\"");
        let settings = DistillSettings::parse(&text, &[]).unwrap();
        FAMILIES.find(family).unwrap().config(&Sizes { settings: &settings, vocab: 100, pad })
    }

    #[test]
    fn a_configuration_says_its_family_and_counts_positions_as_that_does() {
        let (bert, roberta) = (config("bert", 1), config("xlm-roberta", 1));
        let first: Vec<_> = bert.as_object().unwrap().iter().take(2).collect();
        assert_eq!(
            first,
            [
                (&"architectures".to_string(), &json!(["BertModel"])),
                (&"model_type".to_string(), &json!("bert"))
            ]
        );
        assert_eq!(roberta["architectures"], json!(["XLMRobertaModel"]));
        assert_eq!(bert["max_position_embeddings"], json!(128));
        assert_eq!(roberta["max_position_embeddings"], json!(130));
        assert_eq!(config("mpnet", 1)["max_position_embeddings"], json!(130));
    }

    #[test]
    fn students_may_be_of_all_architectures() {
        let others = ["model2vec", "new", "static_embedding"]; // Tables without layers; `new` is another name of `gte`.
        let named: Vec<&str> =
            crate::encoder::ENCODERS.names().filter(|name| !others.contains(name)).collect();
        assert_eq!(FAMILIES.names().collect::<Vec<_>>(), named);
    }

    #[test]
    fn a_family_refuses_padding_that_it_cannot_have() {
        let refused = |family: &str, pad| FAMILIES.find(family).unwrap().check_padding(pad).is_err();
        assert_eq!((refused("mpnet", 0), refused("mpnet", 1), refused("bert", 0)), (true, false, false));
    }
}
