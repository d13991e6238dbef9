//! `tokenizer_config.json`: what the tokenizer's own file does not say.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Result;
use crate::folder::Config;

/// An end of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The beginning.
    Left,
    /// The end.
    #[default]
    Right,
}

/// What `tokenizer_config.json` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenizerConfig {
    /// How many tokens the model reads, if that is a length at all: files say 10³⁰ for "unlimited".
    pub model_max_length: Option<usize>,
    /// Where padding goes.
    pub padding_side: Side,
    /// Where a text that is too long is cut.
    pub truncation_side: Side,
    /// The token that padding consists of.
    pub pad_token: Option<String>,
}

/// A length above this means that there is none.
const UNLIMITED: f64 = 1e9;

impl TokenizerConfig {
    /// Reads `tokenizer_config.json` of a folder; without one, everything is at its default.
    ///
    /// # Errors
    /// [`Error::Model`](crate::Error::Model) if the file is there but cannot be read.
    pub fn read(dir: &Path) -> Result<Self> {
        let Some(config) = Config::read_optional(&dir.join("tokenizer_config.json"))? else {
            return Ok(Self::default());
        };
        Ok(Self {
            model_max_length: max_length(&config)?,
            padding_side: side(&config, "padding_side", usual_padding_side(&config)?)?,
            truncation_side: side(&config, "truncation_side", "right")?,
            pad_token: token(&config, "pad_token")?,
        })
    }
}

fn max_length(config: &Config) -> Result<Option<usize>> {
    let Some(value) = config.get("model_max_length") else { return Ok(None) };
    match value.as_f64() {
        Some(length) if length >= UNLIMITED => Ok(None),
        _ => config.usize("model_max_length").map(Some),
    }
}

/// Some classes of transformers pad on the left without their files saying so.
fn usual_padding_side(config: &Config) -> Result<&'static str> {
    match config.str_or("tokenizer_class", "")?.trim_end_matches("Fast") {
        "LlamaTokenizer" | "GemmaTokenizer" => Ok("left"),
        _ => Ok("right"),
    }
}

fn side(config: &Config, key: &str, default: &str) -> Result<Side> {
    match config.str_or(key, default)? {
        "left" => Ok(Side::Left),
        "right" => Ok(Side::Right),
        _ => Err(config.wrong(key, "`left` or `right`")),
    }
}

/// A token is a string, or an object that has it under `content`.
fn token(config: &Config, key: &str) -> Result<Option<String>> {
    match config.get(key) {
        None => Ok(None),
        Some(Value::String(token)) => Ok(Some(token.clone())),
        Some(Value::Object(_)) => {
            let content = config.section(key)?.map(|section| section.str("content").map(str::to_string));
            content.transpose()
        }
        Some(_) => Err(config.wrong(key, "a token")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<TokenizerConfig> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("tokenizer_config.json"), json).unwrap();
        TokenizerConfig::read(dir.path())
    }

    #[test]
    fn a_length_of_ten_to_the_thirty_is_none() {
        let length = |json| read(json).unwrap().model_max_length;
        assert_eq!(length(r#"{"model_max_length": 1000000000000000019884624838656}"#), None);
        assert_eq!(length(r#"{"model_max_length": 512}"#), Some(512));
        assert_eq!(length("{}"), None);
        assert!(
            read(r#"{"model_max_length": -1}"#).unwrap_err().to_string().contains("`model_max_length` is -1")
        );
    }

    #[test]
    fn sides_and_tokens_are_read_in_their_spellings() {
        let config =
            read(r#"{"padding_side": "left", "pad_token": {"content": "<p>", "lstrip": false}}"#).unwrap();
        assert_eq!((config.padding_side, config.truncation_side), (Side::Left, Side::Right));
        assert_eq!(config.pad_token.as_deref(), Some("<p>"));
        assert_eq!(read(r#"{"tokenizer_class": "LlamaTokenizerFast"}"#).unwrap().padding_side, Side::Left);
        let error = read(r#"{"padding_side": "up"}"#).unwrap_err().to_string();
        assert!(error.contains("`padding_side` is \"up\"; expected `left` or `right`"), "{error}");
    }

    #[test]
    fn a_folder_without_the_file_is_at_its_defaults() {
        assert_eq!(TokenizerConfig::read(Path::new("/nonexistent")).unwrap(), TokenizerConfig::default());
    }
}
