//! Tiny runs whose files a test writes.

use std::path::Path;

use super::report::{Finding, Report};
use crate::error::Error;
use crate::settings::Settings;

/// One classification task `topic` on `train.jsonl` and `validation.jsonl`.
pub(super) const TOPIC: &str = "[[task]]\nname = 'topic'\nkind = 'classification'\n\
                                [data]\ntrain = 'train.jsonl'\nvalidation = 'validation.jsonl'\n";

/// Files in a folder of their own, which lives as long as this.
pub(super) struct Files {
    dir: tempfile::TempDir,
}

impl Files {
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, content)| std::fs::write(dir.path().join(name), content).unwrap());
        Self { dir }
    }

    /// The settings of a run on these files.
    pub(super) fn settings(&self, text: &str) -> Settings {
        let path = self.dir.path().join("umbel.toml");
        let model = if text.contains("[model]") { "" } else { "[model]\nencoder = 'none'\n" };
        std::fs::write(&path, format!("{model}{text}")).unwrap();
        Settings::read(&path, &[]).unwrap()
    }

    /// What is found without an encoder.
    pub(super) fn check(&self, settings: &str) -> Report {
        super::check(&self.settings(settings), Err(Error::Hub("there is none".into())))
    }

    /// What is found with the encoder of that folder.
    pub(super) fn check_with(&self, settings: &str, encoder: &Path) -> Report {
        super::check(&self.settings(settings), Ok(encoder.to_path_buf()))
    }

    /// The one finding of that name.
    pub(super) fn found<'a>(&self, report: &'a Report, name: &str) -> &'a Finding {
        let mut found = report.findings.iter().filter(|finding| finding.name == name);
        let first = found.next().unwrap_or_else(|| panic!("no `{name}` in {:#?}", report.findings));
        assert!(found.next().is_none(), "more than one `{name}`");
        first
    }
}

/// Rows of labels, so many each; no two texts are the same.
pub(super) fn lines(split: &str, counts: &[(&str, usize)]) -> String {
    let line = |label: &str, i| format!("{{\"text\": \"{label} {i} {split}\", \"topic\": \"{label}\"}}\n");
    counts.iter().flat_map(|&(label, n)| (0..n).map(move |i| line(label, i))).collect()
}

/// True if nothing of that name was found.
pub(super) fn is_silent(report: &Report, name: &str) -> bool {
    report.findings.iter().all(|finding| finding.name != name)
}
