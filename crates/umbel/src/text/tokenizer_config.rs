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
            padding_side: side(&config, "padding_side")?,
            truncation_side: side(&config, "truncation_side")?,
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

fn side(config: &Config, key: &str) -> Result<Side> {
    match config.str_or(key, "right")? {
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
