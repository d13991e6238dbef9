//! Writes what a static encoder's folder has beside its table: the tokenizer, and the settings of model2vec.

use std::path::Path;

use serde_json::{Value, json};

use super::config::read_json;
use super::sentence::SentenceFolder;
use super::static_folder::Input;
use super::write::write_file;
use super::write_sentence::write_json;
use crate::error::Result;

/// Writes the tokenizer, which cuts where `sentence` says, and `config.json` if the encoder is one of model2vec.
///
/// # Errors
/// If a file cannot be read or written.
pub(super) fn write_static_encoder(dir: &Path, sentence: &SentenceFolder) -> Result<()> {
    let source = &sentence.transformer_dir;
    let mut tokenizer = read_json(&source.join("tokenizer.json"))?;
    tokenizer["truncation"] = truncation(sentence.max_seq_length);
    let config = (sentence.input == Input::Model2Vec).then(|| model2vec_config(sentence)).transpose()?;
    write_file(&dir.join("tokenizer.json"), tokenizer.to_string().as_bytes())?;
    config.map_or(Ok(()), |config| write_json(&dir.join("config.json"), &config))
}

/// As `Tokenizer.enable_truncation` of the tokenizers library has it.
fn truncation(max_length: Option<usize>) -> Value {
    max_length.map_or(Value::Null, |max_length| {
        json!({"direction": "Right", "max_length": max_length, "strategy": "LongestFirst", "stride": 0})
    })
}

/// The settings as they were, but for what is other now.
fn model2vec_config(sentence: &SentenceFolder) -> Result<Value> {
    let mut config = read_json(&sentence.transformer_dir.join("config.json"))?;
    if let Some(entries) = config.as_object_mut() {
        entries.remove("vocabulary_quantization"); // Each token has a row of its own now.
        entries.insert("model_type".into(), "model2vec".into());
        entries.insert("normalize".into(), sentence.normalize.into());
        entries.insert("max_length".into(), sentence.max_seq_length.into());
        entries.insert("embedding_dtype".into(), "float32".into());
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::super::write_sentence_folder;
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/static");
        for name in ["sentence-transformers", "nested", "model2vec", "model2vec-quantized", "model2vec-half"]
        {
            let dir = tempfile::tempdir().unwrap();
            let mut sentence = SentenceFolder::read(&root.join(name)).unwrap();
            sentence.max_seq_length = Some(7);
            write_sentence_folder(dir.path(), &sentence, 16).unwrap();
            let tokenizer = read_json(&dir.path().join("tokenizer.json")).unwrap();
            assert_eq!(tokenizer["truncation"]["max_length"], 7, "{name}");
            let again = SentenceFolder::read(dir.path()).unwrap();
            let max_seq_length = (again.input == Input::Model2Vec).then_some(7);
            let expected = SentenceFolder { transformer_dir: dir.path().into(), max_seq_length, ..sentence };
            assert_eq!(again, expected, "{name}");
        }
    }
}
