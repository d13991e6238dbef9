//! The commands that use a model, run as a user runs them.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod embed;
mod info;
mod mini;
mod predict;
mod serve;
mod tokenize;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use umbel::Model;
use umbel::settings::TaskSettings;

/// What a command left behind.
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    /// The lines of standard output as JSON.
    fn lines(&self) -> Vec<Value> {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        json_lines(&self.stdout)
    }

    /// Holds that the command failed with this exit code, and said this.
    fn failed(&self, code: i32, expected: &str) {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        assert!(self.stderr.contains(expected), "{}", self.stderr);
    }
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn spawn(args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_umbel"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs umbel with this standard input.
fn umbel(args: &[&str], input: &str) -> Ran {
    let mut child = spawn(args);
    // A command that fails may not read its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A tiny encoder without heads.
fn bert() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/families/bert")
}

/// A model of two tasks on the tiny encoder.
fn trained() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut model = Model::open(&bert()).unwrap();
    add_head(&mut model, "domain", "classification", &[json!("film"), json!("hotel")]);
    add_head(&mut model, "sentiment", "regression", &[json!(1.0), json!(5.0)]);
    model.save(dir.path()).unwrap();
    dir
}

fn add_head(model: &mut Model, name: &str, kind: &str, labels: &[Value]) {
    let settings: TaskSettings = serde_json::from_value(json!({"name": name, "kind": kind})).unwrap();
    let mut task = umbel::task::make(&settings).unwrap();
    task.learn(&mut labels.iter().cloned()).unwrap();
    model.add_head(settings, task, 1).unwrap();
}

fn str(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Writes a file into a folder and returns its path.
fn write(dir: &TempDir, name: &str, content: &str) -> String {
    let path = dir.path().join(name);
    std::fs::write(&path, content).unwrap();
    str(&path).to_string()
}

#[test]
fn flags_that_are_not_there_are_wrong_usage() {
    umbel(&["predict"], "").failed(2, "<MODEL>");
    umbel(&["embed", "m", "--normalize", "--no-normalize"], "").failed(2, "cannot be used with");
    umbel(&["embed", "m", "--batch", "0"], "").failed(2, "--batch");
}
