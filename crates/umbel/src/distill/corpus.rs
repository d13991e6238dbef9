//! The texts that a student learns from, which of them are held out, and where in the user's files each stands.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{CORPUS, DistillSettings};
use crate::data::{Columns, Dataset, Origins, Table, TextSource};
use crate::error::{BadRow, BadRows, Error, Result};
use crate::folder::write::write_with;

/// Texts by which the first projection and the main directions are fitted.
const SAMPLE: usize = 8192;

/// The texts of the corpus that are not empty, in the order of the files.
pub(super) fn read(
    settings: &DistillSettings,
    corpus: &[PathBuf],
    folder: &Path,
) -> Result<(Dataset, Origins)> {
    // Written once as JSON lines, since a table reads no plain text.
    let path = folder.join(CORPUS);
    if !path.exists() {
        // What cannot be opened is told as such, not as a failure to write the file below.
        corpus.iter().try_for_each(|path| TextSource::open(Some(path), &settings.corpus.text).map(|_| ()))?;
        let mut bad = BadRows::default();
        write_with(&path, |file| write(settings, corpus, file, &mut bad))?;
        if let Err(error) = bad.into_result() {
            std::fs::remove_file(&path).map_err(Error::io(&path))?;
            return Err(error);
        }
    }
    let columns = Columns { text: "text".to_string(), labels: Vec::new() };
    let table = Table::read(&[path], &columns)?;
    Ok((Dataset::from_table(&table, &[])?, table.origins().clone()))
}

fn write(
    settings: &DistillSettings,
    corpus: &[PathBuf],
    file: &mut impl Write,
    bad: &mut BadRows,
) -> io::Result<()> {
    for path in corpus {
        let source = TextSource::open(Some(path), &settings.corpus.text);
        for text in source.map_err(|error| io::Error::other(error.to_string()))? {
            match text {
                Ok(text) if is_empty(&text.text) => {}
                Ok(text) => writeln!(file, "{}", serde_json::json!({"text": text.text}))?,
                Err(row) => bad.push(row),
            }
        }
    }
    Ok(())
}

fn is_empty(text: &str) -> bool {
    text.trim().is_empty()
}

/// The same error; one of a text of the corpus names its file and line.
pub(super) fn with_line(error: Error, settings: &DistillSettings, corpus: &[PathBuf]) -> Error {
    match error {
        Error::Text { row: Some(row), problem } => match place(settings, corpus, row) {
            Some((path, line)) => {
                let mut bad = BadRows::default();
                bad.push(BadRow { path, line, column: None, problem });
                Error::Data(bad)
            }
            None => Error::Text { row: Some(row), problem },
        },
        other => other,
    }
}

/// The file and the line of a text of the corpus.
fn place(settings: &DistillSettings, corpus: &[PathBuf], row: usize) -> Option<(PathBuf, usize)> {
    let mut before = 0;
    for path in corpus {
        let texts = TextSource::open(Some(path), &settings.corpus.text).ok()?;
        for text in texts.flatten().filter(|text| !is_empty(&text.text)) {
            if before == row {
                return Some((path.clone(), text.line));
            }
            before += 1;
        }
    }
    None
}

/// The rows of `n` that are held out, evenly over them. Ascending.
pub(super) fn held_out(n: usize, n_held: usize) -> Vec<usize> {
    (0..n_held).map(|i| i * n / n_held).collect()
}

/// The rows of `n` that are trained on. Ascending.
pub(super) fn trained(n: usize, n_held: usize) -> Vec<usize> {
    let held = held_out(n, n_held);
    (0..n).filter(|row| held.binary_search(row).is_err()).collect()
}

/// The rows by which the first projection and the main directions are fitted: the first ones that are trained on.
pub(super) fn sample(n: usize, n_held: usize) -> Vec<usize> {
    let mut rows = trained(n, n_held);
    rows.truncate(SAMPLE);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_held_out_are_in_no_sample() {
        assert_eq!(held_out(10, 3), [0, 3, 6]);
        assert_eq!(trained(10, 3), [1, 2, 4, 5, 7, 8, 9]);
        assert_eq!(sample(10, 3), trained(10, 3));
        assert_eq!(sample(3 * SAMPLE, 1), (1..=SAMPLE).collect::<Vec<_>>());
    }

    #[test]
    fn an_error_of_a_text_names_its_file_and_line() {
        let dir = tempfile::tempdir().unwrap();
        let files = ["a.txt", "b.txt"].map(|name| dir.path().join(name));
        std::fs::write(&files[0], "one\n\ntwo\n").unwrap();
        std::fs::write(&files[1], " \nthree\n").unwrap();
        let settings = DistillSettings::parse("[student]", &[]).unwrap();
        let told = |row| {
            let error = Error::Text { row: Some(row), problem: "is odd".to_string() };
            with_line(error, &settings, &files).to_string()
        };
        assert!(told(1).ends_with("a.txt:3: is odd"), "{}", told(1));
        assert!(told(2).ends_with("b.txt:2: is odd"), "{}", told(2));
        assert_eq!(told(3), "row 4: is odd");
    }
}
