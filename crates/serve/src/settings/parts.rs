//! Models, keys, certificates, the end, and the log.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A model that is served.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    /// The name that requests call it by; the last part of its path if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A folder or a name on the hub.
    pub path: String,
    /// How precisely the encoder computes: `f32`, `bf16`, `int8` or `auto`.
    #[serde(default = "f32")]
    pub precision: String,
}

fn f32() -> String {
    "f32".to_string()
}

impl ModelSettings {
    /// A model as the command line says it: `MODEL` or `NAME=MODEL`.
    pub fn from_argument(argument: &str, precision: &str) -> Self {
        let (name, path) = match argument.split_once('=') {
            Some((name, path)) => (Some(name.to_string()), path.to_string()),
            None => (None, argument.to_string()),
        };
        Self { name, path, precision: precision.to_string() }
    }

    /// The name that requests call it by.
    pub fn name(&self) -> String {
        let last = || Path::new(&self.path).canonicalize().ok();
        let of_path = || {
            let last =
                last().and_then(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()));
            last.unwrap_or_else(|| self.path.rsplit('/').next().unwrap_or_default().to_string())
        };
        self.name.clone().unwrap_or_else(of_path)
    }

    pub(super) fn relative_to(&mut self, folder: &Path) {
        let path = folder.join(&self.path);
        if path.is_dir() {
            self.path = path.to_string_lossy().into_owned();
        }
    }
}

/// Who may ask: whoever has one of the keys, or everyone if there are none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthSettings {
    /// Keys as `umbel serve --hash-key` writes them: `sha256:` and 64 hexadecimal digits.
    pub keys: Vec<String>,
    /// A file with a key a line, plain or as above; lines that begin with `#` do not count.
    pub key_file: Option<PathBuf>,
}

/// The certificate, if connections are encrypted. Both files are read anew when they change.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsSettings {
    /// The chain of certificates, as PEM.
    pub certificate: Option<PathBuf>,
    /// The private key, as PEM.
    pub key: Option<PathBuf>,
}

/// How the server ends after SIGTERM or SIGINT.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShutdownSettings {
    /// Milliseconds between saying that it is not ready and taking no more connections.
    pub delay_ms: u64,
    /// Milliseconds after that for what has begun.
    pub timeout_ms: u64,
}

impl Default for ShutdownSettings {
    fn default() -> Self {
        Self { delay_ms: 2000, timeout_ms: 20_000 }
    }
}

/// What is logged, to standard error. No text of a request is ever part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// The form of a line.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, or levels by module as `tracing` filters say them; `info` has a line a request.
    pub level: String,
}

/// The form of a line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// A JSON object a line.
    Json,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".to_string() }
    }
}
