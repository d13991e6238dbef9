//! A folder with a tiny encoder, generated rows and settings, and the program that runs on it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use umbel::encoder::scratch::{self, Size};
use umbel::synth::{self, Options};

/// Small enough that a step takes no time, also in a debug build.
const SIZE: Size =
    Size { hidden_size: 16, n_layers: 2, n_heads: 2, intermediate_size: 32, max_positions: 64, dropout: 0.1 };

/// A folder with a tiny encoder, generated rows and settings.
pub(crate) struct Project {
    dir: tempfile::TempDir,
}

impl Project {
    /// 96 rows to train on, 12 to validate and 12 to test, some of them without a label.
    pub(crate) fn new() -> Self {
        let project = Self { dir: tempfile::tempdir().unwrap() };
        scratch::write(&project.path("encoder"), &synth::vocabulary(), &SIZE, 1).unwrap();
        let encoder = project.path("encoder").to_str().unwrap().to_string();
        let options = Options { rows: 120, missing: 0.1, encoder: Some(encoder), ..Options::default() };
        synth::write(project.dir.path(), &options).unwrap();
        project
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `umbel` with those arguments, in the project's folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_umbel"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        command.env("XDG_CACHE_HOME", self.path("cache")); // Where umbel-mini is unpacked.
        command
    }

    /// Runs `umbel`.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs `umbel`, which must succeed, and gives what it printed as a result.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs `umbel`, which must fail with exit code 1, and gives its error.
    pub(crate) fn error(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        error
    }

    /// Trains `model`, quick unless `more` says otherwise.
    pub(crate) fn train(&self, model: &str, more: &[&str]) -> String {
        self.ok(&arguments(model, more))
    }

    /// Trains `model` in a process of its own.
    pub(crate) fn spawn(&self, model: &str, more: &[&str]) -> Child {
        let mut command = self.command(&arguments(model, more));
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The rows of a file of JSON lines.
    pub(crate) fn lines(&self, name: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The bytes of every file in a folder, by path.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        read_folder(&self.path(folder), "", &mut files);
        files
    }
}

/// The files without what says how often checkpoints are written, which three of them do.
pub(crate) fn but_for_checkpoints(mut files: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    for name in ["training/settings.toml", "training/report.html", "README.md"] {
        let text = String::from_utf8(files[name].clone()).unwrap();
        let own: Vec<&str> = text.lines().filter(|line| !line.starts_with("checkpoint_every = ")).collect();
        assert_eq!(own.len() + 1, text.lines().count(), "{name} has the settings");
        files.insert(name.to_string(), own.join("\n").into_bytes());
    }
    files
}

/// The arguments that train `model` for two epochs of 24 steps.
pub(crate) fn arguments<'a>(model: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let quick =
        ["--set", "train.epochs=2", "--set", "train.batch_size=4", "--set", "train.learning_rate=1e-3"];
    [&["train", "umbel.toml", "-o", model][..], &quick, more].concat()
}

fn read_folder(dir: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        match entry.path().is_dir() {
            true => read_folder(&entry.path(), &format!("{name}/"), files),
            false => drop(files.insert(name, std::fs::read(entry.path()).unwrap())),
        }
    }
}
