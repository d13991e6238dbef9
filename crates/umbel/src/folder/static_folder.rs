//! Folders of static encoders, which are a table of token embeddings: those of sentence-transformers and of model2vec.

use super::config::Config;
use super::sentence::SentenceFolder;
use crate::error::Result;

/// What makes vectors of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// An encoder of transformers.
    Transformer,
    /// A table of which a text takes the mean of its tokens' rows, special tokens left out: `StaticEmbedding` of
    /// sentence-transformers.
    StaticEmbedding,
    /// The same as model2vec reads it: unknown tokens are left out too.
    Model2Vec,
}

/// How many tokens model2vec reads where `config.json` does not say.
const MODEL2VEC_MAX_LENGTH: usize = 512;

/// Keys that only model2vec writes; older and plain models of it have no `model_type`.
const MODEL2VEC_KEYS: [&str; 4] = ["apply_pca", "apply_zipf", "sif_coefficient", "embedding_dtype"];

impl Input {
    /// True of a table without layers.
    pub fn is_static(self) -> bool {
        self != Self::Transformer
    }
}

impl SentenceFolder {
    /// The settings of the encoder, which for a static one only say that.
    ///
    /// # Errors
    /// [`Error::Model`](crate::Error::Model) if `config.json` is needed and cannot be read.
    pub fn encoder_config(&self) -> Result<Config> {
        let path = self.transformer_dir.join("config.json");
        match self.input {
            Input::Transformer => Config::read(&path),
            Input::StaticEmbedding => Ok(Config::empty(&path).with("model_type", "static_embedding".into())),
            Input::Model2Vec => Ok(Config::read(&path)?.with("model_type", "model2vec".into())),
        }
    }

    /// Reads `config.json` of model2vec, if there is one.
    pub(super) fn read_model2vec(&mut self) -> Result<()> {
        let Some(config) = Config::read_optional(&self.transformer_dir.join("config.json"))? else {
            return Ok(());
        };
        if !is_model2vec(&config, self.input)? {
            return Ok(());
        }
        self.input = Input::Model2Vec;
        self.normalize |= config.bool_or("normalize", false)?;
        let unlimited = config.entries().any(|(key, value)| key == "max_length" && value.is_null());
        let max_length = config.usize_or("max_length", MODEL2VEC_MAX_LENGTH)?;
        self.max_seq_length = (!unlimited).then_some(max_length);
        Ok(())
    }
}

fn is_model2vec(config: &Config, input: Input) -> Result<bool> {
    if config.has("model_type") {
        return Ok(config.get("model_type").and_then(|name| name.as_str()) == Some("model2vec"));
    }
    Ok(input == Input::StaticEmbedding || MODEL2VEC_KEYS.iter().any(|key| config.has(key)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(name: &str) -> SentenceFolder {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/static");
        SentenceFolder::read(&root.join(name)).unwrap()
    }

    #[test]
    fn static_folders_are_told_apart() {
        let check = |name: &str, input: Input, max_length: Option<usize>, normalize: bool| {
            let folder = read(name);
            assert_eq!(
                (folder.input, folder.max_seq_length, folder.normalize),
                (input, max_length, normalize)
            );
            assert_eq!(folder.poolings, ["mean"]);
        };
        check("sentence-transformers", Input::StaticEmbedding, None, false);
        check("nested", Input::StaticEmbedding, None, true);
        check("model2vec", Input::Model2Vec, Some(20), true);
        check("model2vec-quantized", Input::Model2Vec, None, false);
        check("model2vec-half", Input::Model2Vec, Some(512), false);
    }

    #[test]
    fn a_table_is_pooled_by_no_other_module() {
        let dir = tempfile::tempdir().unwrap();
        let module =
            |class: &str| format!(r#"{{"type": "sentence_transformers.models.{class}", "path": ""}}"#);
        let modules = format!("[{}, {}]", module("StaticEmbedding"), module("Pooling"));
        std::fs::write(dir.path().join("modules.json"), modules).unwrap();
        std::fs::write(dir.path().join("config.json"), "{}").unwrap();
        let error = SentenceFolder::read(dir.path()).unwrap_err().to_string();
        assert!(error.contains("expected no Pooling beside StaticEmbedding, found 1"), "{error}");
    }
}
