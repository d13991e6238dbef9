//! Texts one at a time, from a file or from standard input, never all of them in memory.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use super::cells::read_texts;
use super::lines::{Lines, utf8, without_end};
use super::table::not_a_text;
use super::{Record, Records, compression, format_of, jsonl, missing_column};
use crate::error::{BadRow, Error, Result};

/// A text and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Its line, from 1; of a Parquet file, its row from 1.
    pub line: usize,
    /// The text.
    pub text: String,
    /// The texts of other columns of its row, in the order in which these were asked for; empty lists where it has none.
    pub others: Vec<Vec<String>>,
}

/// Texts one at a time; the reading goes on after a bad one.
pub struct TextSource {
    texts: Box<dyn Iterator<Item = Result<Text, BadRow>> + Send>,
}

impl TextSource {
    /// Opens a file, or standard input where there is no path or it is `-`.
    ///
    /// A `.txt` file has one text a line; an empty line is an empty text. A file of a known data format has
    /// them in the column `text_column`. Standard input, and a file without an extension, is JSON lines if
    /// its first line that is not blank is an object with that column, and else one text a line. All but Parquet
    /// may be compressed, as `texts.txt.gz`.
    ///
    /// # Errors
    /// If the file cannot be read, is of an unknown format, or has no such column.
    pub fn open(path: Option<&Path>, text_column: &str) -> Result<Self> {
        Self::open_with(path, &[text_column])
    }

    /// As [`TextSource::open`], with the texts of other columns: `columns` has that of the texts, and then those. A file
    /// may lack the others.
    ///
    /// # Errors
    /// As [`TextSource::open`].
    pub fn open_with(path: Option<&Path>, columns: &[&str]) -> Result<Self> {
        let path = match path {
            None => return Self::sniffed(BufReader::new(io::stdin()), Path::new("<stdin>"), columns),
            Some(path) if path == Path::new("-") => return Self::open_with(None, columns),
            Some(path) => path,
        };
        match compression::inner(path).0.extension().and_then(OsStr::to_str) {
            Some("txt") => Ok(Self::plain(Lines::open(path)?, path)),
            None => Self::sniffed(compression::open(path)?, path, columns),
            Some(_) => Self::data(path, columns),
        }
    }

    /// The texts that `reader` gives, told apart as those of standard input are; see [`TextSource::open`].
    ///
    /// # Errors
    /// If the first lines cannot be read.
    pub fn from_reader(reader: impl BufRead + Send + 'static, text_column: &str) -> Result<Self> {
        Self::sniffed(reader, Path::new("<stdin>"), &[text_column])
    }

    fn sniffed(mut reader: impl BufRead + Send + 'static, path: &Path, columns: &[&str]) -> Result<Self> {
        let mut head = Vec::new();
        while head.iter().all(u8::is_ascii_whitespace) {
            if reader.read_until(b'\n', &mut head).map_err(Error::io(path))? == 0 {
                break;
            }
        }
        let first = head.trim_ascii();
        let first = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first);
        let is_jsonl = jsonl::object(first).is_ok_and(|object| object.contains_key(columns[0]));
        let lines = Lines::new(Cursor::new(head).chain(reader));
        if is_jsonl {
            let records = jsonl::from_lines(lines, path, columns);
            return Ok(Self::column(records, path, columns));
        }
        Ok(Self::plain(lines, path))
    }

    /// The text column of a file of a known format.
    fn data(path: &Path, columns: &[&str]) -> Result<Self> {
        let (format, text_column) = (format_of(path)?, columns[0]);
        let mut records = (format.records)(path, columns)?.peekable();
        // All nulls may be a column that is not there; one text is enough to know that it is.
        let has_text =
            records.peek().is_some_and(|first| first.as_ref().is_ok_and(|row| !row.cells[0].is_null()));
        if !has_text {
            let known = (format.columns)(path)?;
            if !known.is_empty() && !known.iter().any(|known| known == text_column) {
                return Err(missing_column(path, text_column, &known));
            }
        }
        Ok(Self::column(Box::new(records), path, columns))
    }

    fn column(records: Records, path: &Path, columns: &[&str]) -> Self {
        let path = path.to_path_buf();
        let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
        let texts = records.map(move |record| {
            let Record { line, cells } = record?;
            let text = match &cells[0] {
                serde_json::Value::String(text) => text.clone(),
                other => return Err(not_a_text(&path, line, &columns[0], other)),
            };
            let other = |(cell, column): (&serde_json::Value, &String)| {
                read_texts(cell).map_err(|problem| BadRow {
                    path: path.clone(),
                    line,
                    column: Some(column.clone()),
                    problem,
                })
            };
            let others = cells[1..].iter().zip(&columns[1..]).map(other).collect::<Result<_, _>>()?;
            Ok(Text { line, text, others })
        });
        Self { texts: Box::new(texts) }
    }

    fn plain(lines: Lines<impl BufRead + Send + 'static>, path: &Path) -> Self {
        Self { texts: Box::new(PlainTexts { lines, path: path.to_path_buf(), ended: false }) }
    }
}

impl Iterator for TextSource {
    type Item = Result<Text, BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        self.texts.next()
    }
}

/// One text a line.
struct PlainTexts<R> {
    lines: Lines<R>,
    path: PathBuf,
    ended: bool,
}

impl<R: BufRead> Iterator for PlainTexts<R> {
    type Item = Result<Text, BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let mut bytes = Vec::new();
        let text = match self.lines.read(&mut bytes) {
            Ok(None) => return None,
            Ok(Some(_)) => utf8(without_end(&bytes)).map(String::from),
            Err(error) => {
                self.ended = true; // An unreadable file would be unreadable forever.
                Err(error.to_string())
            }
        };
        let line = self.lines.line();
        let bad = |problem| BadRow { path: self.path.clone(), line, column: None, problem };
        Some(text.map(|text| Text { line, text, others: Vec::new() }).map_err(bad))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::file;
    use super::*;

    type Expected<'a> = [(usize, Result<&'a str, &'a str>)];

    fn check(source: TextSource, expected: &Expected<'_>) {
        let found: Vec<_> = source
            .map(|text| match text {
                Ok(text) => (text.line, Ok(text.text)),
                Err(bad) => (bad.line, Err(bad.problem)),
            })
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(line, text)| (*line, text.map(String::from).map_err(String::from)))
            .collect();
        assert_eq!(found, expected);
    }

    fn check_stdin(content: &'static [u8], expected: &Expected<'_>) {
        check(TextSource::from_reader(content, "text").unwrap(), expected);
    }

    fn check_file(name: &str, content: &str, expected: &Expected<'_>) {
        let (_dir, path) = file(name, content);
        check(TextSource::open(Some(&path), "text").unwrap(), expected);
    }

    #[test]
    fn each_line_of_standard_input_is_a_text() {
        let bad = Err("expected UTF-8, found other bytes after 0 of them");
        check_stdin(
            b"\xef\xbb\xbfa\r\n\n\xff\n{\"text\": 1}",
            &[(1, Ok("a")), (2, Ok("")), (3, bad), (4, Ok("{\"text\": 1}"))],
        );
        check_stdin(b"", &[]);
        check_stdin(b"{\"other\": 1}\n", &[(1, Ok("{\"other\": 1}"))]);
    }

    #[test]
    fn standard_input_may_be_json_lines() {
        let content = b"\n{\"text\": \"a\"}\n{\"text\": 2}\nplain\n{\"text\": \"b\"}\n";
        check_stdin(
            content,
            &[
                (2, Ok("a")),
                (3, Err("expected a text, found `2`")),
                (4, Err("expected an object: expected value at column 1")),
                (5, Ok("b")),
            ],
        );
    }

    #[test]
    fn files_are_read_by_their_extension() {
        check_file("a.txt", "{\"text\": \"a\"}\nb\n", &[(1, Ok("{\"text\": \"a\"}")), (2, Ok("b"))]);
        check_file("a", "{\"text\": \"a\"}\n", &[(1, Ok("a"))]);
        check_file("a.jsonl", "{\"text\": \"a\"}\n", &[(1, Ok("a"))]);
        check_file("a.csv", "id,text\n1,\"a\nb\"\n2,c\n", &[(2, Ok("a\nb")), (4, Ok("c"))]);
        check_file(
            "a.tsv",
            "id\ttext\n1\ta\n2\t\n",
            &[(2, Ok("a")), (3, Err("expected a text, found nothing"))],
        );
    }

    #[test]
    fn texts_of_other_columns_come_along() {
        let (_dir, path) = file(
            "a.jsonl",
            "{\"text\": \"a\", \"pair\": \"b\"}\n{\"text\": \"c\"}\n{\"text\": \"d\", \"pair\": 3}\n",
        );
        let mut source = TextSource::open_with(Some(&path), &["text", "pair"]).unwrap();
        let mut next = || source.next().unwrap().map(|text| text.others).map_err(|bad| bad.to_string());
        assert_eq!(next(), Ok(vec![vec!["b".to_string()]]));
        assert_eq!(next(), Ok(vec![Vec::new()]));
        assert!(next().unwrap_err().ends_with("a.jsonl:3: column `pair`: expected a text, found `3`"));
    }

    #[test]
    fn a_column_that_is_not_there_is_an_error_at_once() {
        for (name, content) in [("a.csv", "id,txt\n1,a\n"), ("a.jsonl", "{\"id\": 1, \"txt\": \"a\"}\n")] {
            let (_dir, path) = file(name, content);
            let error = TextSource::open(Some(&path), "text").err().unwrap().to_string();
            assert!(error.ends_with("no column `text`; there is: id, txt (did you mean `txt`?)"), "{error}");
        }
        let (_dir, path) = file("a.xlsx", "");
        assert!(TextSource::open(Some(&path), "text").is_err());
    }
}
