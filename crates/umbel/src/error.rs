//! What can go wrong, each variant named by what the user must fix.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A result of this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong, each variant named by what the user must fix.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The settings say something that cannot be; the message names the key.
    Settings(String),
    /// A name that is in no table.
    Unknown {
        /// What was looked for, as `pooling`.
        kind: &'static str,
        /// The name that was given.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A model folder is broken; everything that is wrong with it.
    Model {
        /// The folder or the file in it.
        path: PathBuf,
        /// One sentence a problem.
        problems: Vec<String>,
    },
    /// Rows of a data file cannot be used.
    Data(BadRows),
    /// A text cannot be turned into tokens that the encoder reads.
    Text {
        /// Which of the texts it is, from 0; `None` if that has no meaning.
        row: Option<usize>,
        /// What is wrong with it.
        problem: String,
    },
    /// A model could not be had from the hub.
    Hub(String),
    /// A checkpoint cannot be continued.
    Checkpoint {
        /// The checkpoint file.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
    /// Training met a loss or a gradient that is not a finite number.
    Diverged(String),
}

impl Error {
    /// Wraps what the system said about `path`; made for `map_err(Error::io(path))`.
    pub fn io(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        |source| Self::Io { path, source }
    }

    /// The same error of a text that comes after `n` others.
    #[must_use]
    pub(crate) fn after(self, n: usize) -> Self {
        match self {
            Self::Text { row: Some(row), problem } => Self::Text { row: Some(n + row), problem },
            other => other,
        }
    }

    /// One thing that is wrong with a model folder.
    pub fn model(path: impl AsRef<Path>, problem: impl Into<String>) -> Self {
        Self::Model { path: path.as_ref().to_path_buf(), problems: vec![problem.into()] }
    }
}

/// How many problems of a model folder a message lists: a large model may lack thousands of tensors.
const SHOWN: usize = 50;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Settings(message) | Self::Hub(message) | Self::Diverged(message) => f.write_str(message),
            Self::Text { row: None, problem } => f.write_str(problem),
            Self::Text { row: Some(row), problem } => write!(f, "row {}: {problem}", row + 1),
            Self::Unknown { kind, name, known } if known.is_empty() => {
                write!(f, "unknown {kind} `{name}`; there is none")
            }
            Self::Unknown { kind, name, known } => {
                write!(f, "unknown {kind} `{name}`; there is: {}", known.join(", "))?;
                match nearest(name, known) {
                    Some(near) => write!(f, " (did you mean `{near}`?)"),
                    None => Ok(()),
                }
            }
            Self::Model { path, problems } if problems.len() == 1 => {
                write!(f, "{}: {}", path.display(), problems[0])
            }
            Self::Model { path, problems } => {
                write!(f, "{}: {} problems", path.display(), problems.len())?;
                problems.iter().take(SHOWN).try_for_each(|problem| write!(f, "\n  {problem}"))?;
                match problems.len().saturating_sub(SHOWN) {
                    0 => Ok(()),
                    more => write!(f, "\n  ... and {more} more"),
                }
            }
            Self::Data(bad) => write!(f, "{bad}"),
            Self::Checkpoint { path, problem } => write!(f, "{}: {problem}", path.display()),
        }
    }
}

/// A message says all there is to say; a source would say it again.
impl std::error::Error for Error {}

/// The known name that is spelled most like `name`, if one is close.
pub fn nearest<'a, S: AsRef<str>>(name: &str, known: &'a [S]) -> Option<&'a str> {
    let close = |known: &&'a S| strsim::jaro_winkler(name, known.as_ref());
    let best = known.iter().max_by(|a, b| close(a).total_cmp(&close(b)))?;
    (close(&best) > 0.75).then(|| best.as_ref())
}

/// A row of a data file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// The file it is in.
    pub path: PathBuf,
    /// Its line, from 1; of a Parquet file, its row from 1.
    pub line: usize,
    /// The column, if one is at fault.
    pub column: Option<String>,
    /// What was found and what was expected.
    pub problem: String,
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.path.display(), self.line)?;
        if let Some(column) = &self.column {
            write!(f, "column `{column}`: ")?;
        }
        f.write_str(&self.problem)
    }
}

/// The first rows that cannot be used, and how many there are in all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BadRows {
    // Invariant: at most `BadRows::SHOWN` rows, and never more than `count`.
    first: Vec<BadRow>,
    count: usize,
}

impl BadRows {
    /// How many rows are kept to be shown.
    pub const SHOWN: usize = 20;

    /// Takes note of one more bad row.
    pub fn push(&mut self, row: BadRow) {
        self.count += 1;
        if self.first.len() < Self::SHOWN {
            self.first.push(row);
        }
    }

    /// The first bad rows, at most [`BadRows::SHOWN`].
    pub fn first(&self) -> &[BadRow] {
        &self.first
    }

    /// How many bad rows there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// `Ok` if no row is bad.
    ///
    /// # Errors
    /// [`Error::Data`] with all that was noted.
    pub fn into_result(self) -> Result<()> {
        if self.count == 0 { Ok(()) } else { Err(Error::Data(self)) }
    }
}

impl fmt::Display for BadRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = if self.count == 1 { "row" } else { "rows" };
        write!(f, "{} bad {rows}", self.count)?;
        self.first.iter().try_for_each(|row| write!(f, "\n  {row}"))?;
        match self.count - self.first.len() {
            0 => Ok(()),
            more => write!(f, "\n  ... and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_lists_the_known_ones_and_the_nearest() {
        let known = ["cls", "mean", "max"].map(String::from).to_vec();
        let error = Error::Unknown { kind: "pooling", name: "maen".into(), known };
        assert_eq!(
            error.to_string(),
            "unknown pooling `maen`; there is: cls, mean, max (did you mean `mean`?)"
        );
    }

    #[test]
    fn a_long_list_of_problems_is_cut() {
        let problems = (0..60).map(|i| format!("`{i}` is missing")).collect();
        let text = Error::Model { path: "model".into(), problems }.to_string();
        assert!(text.starts_with("model: 60 problems\n  `0` is missing\n"), "{text}");
        assert!(text.ends_with("`49` is missing\n  ... and 10 more"), "{text}");
    }

    #[test]
    fn the_first_twenty_bad_rows_are_shown_and_all_are_counted() {
        let mut bad = BadRows::default();
        for line in 1..=25 {
            let problem = "expected a number, found `x`".to_string();
            bad.push(BadRow { path: "train.csv".into(), line, column: Some("score".into()), problem });
        }
        let text = bad.into_result().unwrap_err().to_string();
        assert!(
            text.starts_with("25 bad rows\n  train.csv:1: column `score`: expected a number, found `x`\n")
        );
        assert!(
            text.ends_with("train.csv:20: column `score`: expected a number, found `x`\n  ... and 5 more")
        );
    }
}
