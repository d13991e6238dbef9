//! The rules that the source tree keeps, held by reading it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The library's modules, lowest first: a module uses those before it, and none after it.
#[rustfmt::skip] // A row a layer.
const LAYERS: [&str; 26] = [
    "error", "random", "registry", "spans", "spool", "weighting", "sampling", // What everyone needs, and plain numbers.
    "nn", "folder", // Tensors, what is computed with them, and the files that they are in.
    "text", "settings", "hub", // Before the encoder.
    "encoder", "pooling", "metric", "task", "model", // From tokens to answers.
    "data", "evaluate", "predictions", "synth", "train", "distill", "report", "check", // From rows to models.
    "lib",
];

/// Files of more than 400 lines, and why each is not two.
const LONG_FILES: &[(&str, &str)] = &[];

/// Families: the folder below the library's sources, its table, and the files in the folder that are no members.
const FAMILIES: [(&str, &str, &[&str]); 8] = [
    ("encoder", "ENCODERS", &["block", "build", "keys", "post_norm", "rotary", "scratch"]),
    ("pooling", "POOLINGS", &[]),
    ("task", "KINDS", &["answer", "calibration", "distribution", "labels", "remember", "targets"]),
    ("sampling", "SAMPLINGS", &[]),
    ("weighting", "WEIGHTINGS", &["gram", "solve", "tests"]),
    ("data", "FORMATS", &["cells", "compression", "dataset", "lines", "shuffle", "split", "table", "texts"]),
    ("data/compression", "COMPRESSIONS", &[]),
    ("../../serve/src/routes", "ROUTES", &["errors", "operations", "texts"]),
];

/// A file of Rust.
struct Source {
    // Below the root of the repository, with `/`.
    path: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All files of Rust below a folder, in a fixed order.
fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
                found.push(Source { path, text });
            }
        }
    }
    assert!(!found.is_empty(), "no source in {folder}");
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The files below a folder without those that are compiled for tests only.
fn without_tests(folder: &str) -> Vec<Source> {
    let all = sources(folder);
    let test_only: BTreeSet<String> = all.iter().flat_map(Source::test_modules).collect();
    let is_test = |path: &str| {
        let stem = path.strip_suffix(".rs").unwrap_or(path);
        path.contains("/tests/")
            || test_only.iter().any(|test| stem == test || path.starts_with(&format!("{test}/")))
    };
    all.into_iter().filter(|source| !is_test(&source.path)).collect()
}

impl Source {
    /// The lines of code with their numbers, without comments and without the tests at the end.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = self.text.find("#[cfg(test)]\nmod tests {").unwrap_or(self.text.len());
        let lines = self.text[..end].lines().enumerate().map(|(i, line)| (i + 1, line));
        lines.map(|(number, line)| (number, line.split("//").next().unwrap_or_default()))
    }

    /// Paths, without extension, of the modules that this file declares for tests only.
    fn test_modules(&self) -> Vec<String> {
        let path = Path::new(&self.path);
        let is_root = ["mod.rs", "lib.rs", "main.rs"].iter().any(|name| path.ends_with(name));
        let folder = if is_root { path.parent().unwrap().to_path_buf() } else { path.with_extension("") };
        let declared = |after: &str| {
            let name = after.trim_start().lines().next()?.strip_suffix(';')?.split("mod ").nth(1)?;
            Some(folder.join(name).to_string_lossy().replace('\\', "/"))
        };
        self.text.split("#[cfg(test)]").skip(1).filter_map(declared).collect()
    }

    /// The places of lines of code that hold one of `words`.
    fn find(&self, words: &[&str]) -> Vec<String> {
        let bad = self.code().filter(|(_, line)| words.iter().any(|word| line.contains(word)));
        bad.map(|(number, line)| format!("{}:{number}: {}", self.path, line.trim())).collect()
    }
}

/// Fails with all violations of a rule.
fn hold(rule: &str, violations: impl IntoIterator<Item = String>) {
    let violations: Vec<String> = violations.into_iter().collect();
    assert!(violations.is_empty(), "{rule}:\n  {}", violations.join("\n  "));
}

#[test]
fn modules_use_only_the_layers_below() {
    let layer = |name: &str| LAYERS.iter().position(|known| *known == name);
    let mut violations = Vec::new();
    for source in without_tests("crates/umbel/src") {
        let inside = source.path.strip_prefix("crates/umbel/src/").unwrap();
        let own = inside.split(['/', '.']).next().unwrap();
        let Some(own_layer) = layer(own) else {
            violations.push(format!("{}: `{own}` has no place in LAYERS", source.path));
            continue;
        };
        for (number, line) in source.code() {
            for used in line.split("crate::").skip(1) {
                let used = used.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
                let used = match used {
                    "Error" | "Result" => "error",
                    "Model" => "model",
                    used => used,
                };
                if layer(used).is_none_or(|used| used > own_layer) {
                    violations.push(format!("{}:{number}: `{own}` uses `{used}`", source.path));
                }
            }
        }
    }
    hold("a module uses only those before it in LAYERS", violations);
}

#[test]
fn files_are_short() {
    let all: Vec<Source> = sources("crates");
    let mut violations = Vec::new();
    for source in &all {
        let n_lines = source.text.lines().count();
        let limit = if LONG_FILES.iter().any(|(path, _)| *path == source.path) { 600 } else { 400 };
        if n_lines > limit {
            violations.push(format!("{}: {n_lines} lines", source.path));
        }
    }
    let exists =
        |path: &str| all.iter().any(|source| source.path == path && source.text.lines().count() > 400);
    let stale = LONG_FILES.iter().filter(|(path, _)| !exists(path));
    violations
        .extend(stale.map(|(path, _)| format!("{path}: not longer than 400 lines; take it off LONG_FILES")));
    hold("a file has at most 400 lines, or a reason in LONG_FILES and at most 600", violations);
}

#[test]
fn unsafe_stays_where_it_belongs() {
    let word = concat!("un", "safe");
    let has_word =
        |line: &str| line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word);
    // The benches call a foreign library to compare with.
    let allowed_in = [
        "crates/kernels/src/simd/",
        "crates/kernels/src/parallel/team.rs",
        "crates/kernels/src/memory.rs",
        "crates/kernels/benches/",
        "crates/mapped/src/",
    ];
    let allowed = |path: &str| allowed_in.iter().any(|folder| path.starts_with(folder));
    let mut violations = Vec::new();
    for source in sources("crates").iter().filter(|source| !allowed(&source.path)) {
        let lines = source.text.lines().map(|line| line.split("//").next().unwrap_or_default());
        let bad = lines.enumerate().filter(|(_, line)| has_word(line));
        violations.extend(bad.map(|(i, line)| format!("{}:{}: {}", source.path, i + 1, line.trim())));
    }
    for crate_dir in fs::read_dir(root().join("crates")).unwrap() {
        let crate_dir = crate_dir.unwrap().path();
        let name = crate_dir.file_name().unwrap().to_string_lossy().into_owned();
        let roots = ["lib.rs", "main.rs"].map(|file| crate_dir.join("src").join(file));
        for file in roots.iter().filter(|file| file.exists() && !["kernels", "mapped"].contains(&&*name)) {
            if !fs::read_to_string(file).unwrap().contains(&format!("#![forbid({word}_code)]")) {
                violations.push(format!("crates/{name}: does not forbid it"));
            }
        }
    }
    hold(
        "only simd/, the team and the memory of the kernels and the crate of mapped files go without checks",
        violations,
    );
}

#[test]
fn every_member_of_a_family_is_in_its_table() {
    let mut violations = Vec::new();
    for (family, table, others) in FAMILIES {
        let folder = root().join("crates/umbel/src").join(family);
        let text = fs::read_to_string(folder.join("mod.rs")).unwrap();
        let start =
            text.find(&format!("pub static {table}")).unwrap_or_else(|| panic!("{family} has no {table}"));
        let entries = text[start..].split("};").next().unwrap();
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let is_member = name != "mod" && !others.contains(&&*name);
            if is_member && !entries.contains(&format!("{name}::")) {
                violations.push(format!("{family}/{name} is not in {table}"));
            }
        }
    }
    hold("each file of a family has its line in the table", violations);
}

#[test]
fn nothing_is_left_undone() {
    let words =
        [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("to", "do!("), concat!("unimple", "mented!(")];
    let undone = |source: &Source| {
        let bad =
            source.text.lines().enumerate().filter(|(_, line)| words.iter().any(|word| line.contains(word)));
        bad.map(|(i, line)| format!("{}:{}: {}", source.path, i + 1, line.trim())).collect::<Vec<_>>()
    };
    hold("what is left to do is an issue", sources("crates").iter().flat_map(undone));
}

#[test]
fn only_the_command_line_prints() {
    let words = ["print!(", "println!(", "dbg!("];
    let libraries = ["crates/kernels/src", "crates/mapped/src", "crates/umbel/src", "crates/serve/src"]
        .map(without_tests);
    hold("a library does not print", libraries.iter().flatten().flat_map(|source| source.find(&words)));
}
