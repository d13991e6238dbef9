//! How much is taken at once, may wait, and may be asked.

use serde::{Deserialize, Serialize};

/// What one pass through the encoder takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchSettings {
    /// Tokens, of as many requests as there are; a text longer than this goes by itself.
    pub tokens: usize,
    /// Threads that turn texts into tokens; 0 is one a core.
    pub tokenize_threads: usize,
}

/// How much may wait; what comes when one of these is reached is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueueSettings {
    /// Tokens. One request more is taken while there are fewer.
    pub tokens: usize,
    /// Texts. One request more is taken while there are fewer.
    pub texts: usize,
    /// Bytes of text. One request more is taken while there are fewer. Bodies that are being read have as much room
    /// again.
    pub bytes: usize,
    /// Requests that wait or are being answered.
    pub requests: usize,
}

/// What one request may ask, and how long it may take to do so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// Connections that are open; more wait until one is closed.
    pub connections: usize,
    /// Bytes of a body, after it has been decompressed.
    pub body_bytes: usize,
    /// How deep brackets may be nested in JSON.
    pub json_depth: usize,
    /// Texts of a request, those that are only compared included.
    pub texts: usize,
    /// Characters of a text.
    pub characters: usize,
    /// Tokens of a request, after texts have been cut.
    pub tokens: usize,
    /// Milliseconds for the head of a request, and for a connection to do nothing.
    pub header_ms: u64,
    /// Milliseconds for the body of a request.
    pub body_ms: u64,
    /// Milliseconds in which a client takes none of its answer, before it is cut off.
    pub write_ms: u64,
    /// Milliseconds from the body to the answer; what has waited longer is not computed any more.
    pub request_ms: u64,
}

impl Default for BatchSettings {
    fn default() -> Self {
        Self { tokens: 4096, tokenize_threads: 0 }
    }
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self { tokens: 32_768, texts: 4096, bytes: 32 << 20, requests: 512 }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            connections: 4096,
            body_bytes: 4 << 20,
            json_depth: 16,
            texts: 1024,
            characters: 200_000,
            tokens: 131_072,
            header_ms: 10_000,
            body_ms: 30_000,
            write_ms: 30_000,
            request_ms: 60_000,
        }
    }
}
