//! How far a stream of texts is: a spinner on a terminal, a line now and then elsewhere.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::Output;

/// Time between two lines where there is no terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// How far a stream of texts is.
pub struct TextProgress<'a> {
    output: &'a Output,
    spinner: ProgressBar,
    n_texts: usize,
    start: Instant,
    last_line: Instant,
}

impl<'a> TextProgress<'a> {
    /// Begins to count; `destination` is the file of the results, if there is one.
    pub fn new(output: &'a Output, destination: Option<&Path>) -> Self {
        // Results on the terminal are progress enough.
        let is_seen = destination.is_some() || !io::stdout().is_terminal();
        let spinner = if is_seen && !output.quiet && io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{spinner} {human_pos} texts, {per_sec} [{elapsed}]");
            ProgressBar::new_spinner().with_style(style.expect("the template is well-formed"))
        } else {
            ProgressBar::hidden()
        };
        let now = Instant::now();
        Self { output, spinner, n_texts: 0, start: now, last_line: now }
    }

    /// Counts more texts.
    pub fn add(&mut self, n_texts: usize) {
        self.n_texts += n_texts;
        self.spinner.inc(n_texts as u64);
        if !io::stderr().is_terminal() && self.last_line.elapsed() >= BETWEEN_LINES {
            self.last_line = Instant::now();
            self.output.note(self.line());
        }
    }

    /// How many texts there were.
    pub fn n_texts(&self) -> usize {
        self.n_texts
    }

    /// Says that the results are in their file.
    pub fn finish(&self, destination: Option<&Path>) {
        self.spinner.finish_and_clear();
        if let Some(path) = destination {
            self.output.note(format_args!("{} → {}", self.line(), path.display()));
        }
    }

    fn line(&self) -> String {
        let rate = self.n_texts as f64 / self.start.elapsed().as_secs_f64().max(1e-3);
        let plural = if self.n_texts == 1 { "" } else { "s" };
        format!("{} text{plural}, {rate:.0} a second", self.n_texts)
    }
}

impl Drop for TextProgress<'_> {
    fn drop(&mut self) {
        self.spinner.finish_and_clear();
    }
}
