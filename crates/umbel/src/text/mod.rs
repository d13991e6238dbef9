//! From text to packed token sequences.

pub mod batch;
mod bombs;
#[cfg(test)]
mod edge_cases;
pub mod explain;
mod guard;
pub mod length;
mod model2vec;
pub mod padding;
#[cfg(test)]
mod parity;
pub mod stored;
pub mod tokenizer;
pub mod tokenizer_config;
pub mod words;

pub use batch::{Batch, Tokens, WordTokens};
pub use explain::TokenInfo;
pub use stored::StoredTokens;
pub use tokenizer::{Encoded, Tokenizer, TokenizerOptions, Truncation};
pub use tokenizer_config::{Side, TokenizerConfig};
pub use words::WordRule;
