//! What an encoder was made for, as far as pooling goes.

use std::path::Path;

use super::Config;

/// True of models that were made to continue texts, and not changed to read both ways.
pub(super) fn is_causal(dir: &Path) -> bool {
    let Ok(config) = Config::read(&dir.join("config.json")) else { return false }; // Said when the encoder is opened.
    let architectures = config.strings("architectures").unwrap_or_default();
    let is_lm = architectures.first().is_some_and(|name| name.ends_with("ForCausalLM"));
    is_lm && config.bool_or("is_causal", true).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use crate::folder::SentenceFolder;

    #[test]
    fn what_continues_texts_is_pooled_at_its_last_token() {
        let dir = tempfile::tempdir().unwrap();
        let pooling = |config: &str| {
            std::fs::write(dir.path().join("config.json"), config).unwrap();
            SentenceFolder::read(dir.path()).unwrap().poolings
        };
        assert_eq!(pooling(r#"{"architectures": ["Qwen3ForCausalLM"]}"#), ["lasttoken"]);
        assert_eq!(pooling(r#"{"architectures": ["Qwen3ForCausalLM"], "is_causal": false}"#), ["mean"]);
        assert_eq!(pooling(r#"{"architectures": ["BertForMaskedLM"]}"#), ["mean"]);
    }
}
