//! Where results, progress and warnings go.

use std::io::{self, IsTerminal, Write};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

/// Where results, progress and warnings go.
pub struct Output {
    /// Whether results are JSON.
    pub json: bool,
    /// Whether progress is not printed.
    pub quiet: bool,
}

impl Output {
    /// An output as the flags want it.
    pub fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// Prints a line of a result to stdout.
    pub fn line(&self, line: impl std::fmt::Display) -> Result<()> {
        writeln!(io::stdout().lock(), "{line}")?;
        Ok(())
    }

    /// Prints a line about the progress to stderr.
    pub fn note(&self, line: impl std::fmt::Display) {
        if !self.quiet {
            eprintln!("{line}");
        }
    }

    /// Prints a warning to stderr.
    pub fn warn(&self, warning: impl std::fmt::Display) {
        eprintln!("warning: {warning}");
    }

    /// A bar on a terminal; nothing elsewhere.
    pub fn bar(&self, length: u64, unit: &str) -> ProgressBar {
        if self.quiet || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let template = format!("{{bar:30}} {{pos}}/{{len}} {unit} {{msg}} [{{elapsed}} < {{eta}}]");
        let style = ProgressStyle::with_template(&template).expect("the template is well-formed");
        ProgressBar::new(length).with_style(style)
    }
}
