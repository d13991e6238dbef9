//! Broken and malicious model folders end in an error, never in a panic.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod configs;
#[cfg(unix)]
mod files;
mod tokenizers;
mod weights;

#[path = "../golden/mod.rs"]
mod golden;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use umbel::Model;

/// The small BERT of the project.
fn bert() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/families/bert")
}

/// A copy of a model's folder that may be changed.
fn copy(source: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"] {
        fs::copy(source.join(name), dir.path().join(name)).unwrap();
    }
    dir
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Changes a file of JSON.
fn change(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value = read_json(path);
    change(&mut value);
    fs::write(path, value.to_string()).unwrap();
}

/// What opening the folder and embedding two texts says, if anything is wrong.
fn complaint(dir: &Path) -> Option<String> {
    let texts = ["Refund my order!", "a b, c"];
    Model::open(dir).and_then(|model| model.embed(&texts)).err().map(|error| error.to_string())
}

/// Changes a folder of the small BERT, and holds the message against what it should say.
#[track_caller]
fn check(change: impl FnOnce(&Path), expected: &str) {
    let dir = copy(&bert());
    change(dir.path());
    let message = complaint(dir.path()).expect("it is refused");
    assert!(message.contains(expected), "{message}");
}
