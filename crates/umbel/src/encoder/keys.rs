//! Keys of `config.json` that many architectures read alike.

use kernels::Activation;

use crate::error::Result;
use crate::folder::Config;

/// The activation functions of `config.json`, as `transformers.activations.ACT2FN` names them.
static ACTIVATIONS: [(&str, Activation); 10] = [
    ("gelu", Activation::Gelu),
    ("gelu_python", Activation::Gelu),
    ("gelu_new", Activation::GeluTanh),
    ("gelu_pytorch_tanh", Activation::GeluTanh),
    ("gelu_fast", Activation::GeluTanh),
    ("relu", Activation::Relu),
    ("silu", Activation::Silu),
    ("swish", Activation::Silu),
    ("tanh", Activation::Tanh),
    ("linear", Activation::Identity),
];

/// The activation function that `key` names; `default` if the key is missing.
pub(super) fn activation(config: &Config, key: &str, default: &str) -> Result<Activation> {
    let name = config.str_or(key, default)?;
    let found = ACTIVATIONS.iter().find(|(known, _)| *known == name);
    let known: Vec<&str> = ACTIVATIONS.iter().map(|(known, _)| *known).collect();
    let expected = || format!("an activation function: {}", known.join(", "));
    found.map(|(_, activation)| *activation).ok_or_else(|| config.wrong(key, &expected()))
}

/// A number of parts into which `whole` can be cut evenly.
pub(super) fn divisor(config: &Config, key: &str, whole: usize) -> Result<usize> {
    let parts = config.usize(key)?;
    if parts == 0 || !whole.is_multiple_of(parts) {
        return Err(config.wrong(key, &format!("a number that divides {whole}")));
    }
    Ok(parts)
}

/// A size that is at least 1.
pub(super) fn size(config: &Config, key: &str) -> Result<usize> {
    match config.usize(key)? {
        0 => Err(config.wrong(key, "1 or more")),
        size => Ok(size),
    }
}

/// Refuses a key that says something else than what is supported.
pub(super) fn only(config: &Config, key: &str, supported: &str) -> Result<()> {
    if config.str_or(key, supported)? == supported {
        return Ok(());
    }
    Err(config.wrong(key, &format!("`{supported}`")))
}

/// The row of the token embedding that gets no gradient: `default` if the file does not say, none if it says null.
pub(super) fn padding_idx(config: &Config, default: u32) -> Result<Option<u32>> {
    let said = config.entries().any(|(key, _)| key == "pad_token_id");
    match (said, config.get("pad_token_id")) {
        (false, _) => Ok(Some(default)),
        (true, None) => Ok(None),
        (true, Some(_)) => config.usize("pad_token_id").map(|id| Some(id as u32)),
    }
}
