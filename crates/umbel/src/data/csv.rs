//! Comma and tab separated values, quoted as in RFC 4180.
//!
//! The records are split here and not by the `csv` crate, whose line numbers are off after blank lines and
//! `\r\n`, and which reads a quote that is never closed as one long cell. A test holds both to the same cells.

use std::collections::HashSet;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::lines::{Lines, utf8, without_end};
use super::{Format, Record, Records};
use crate::error::{BadRow, BadRows, Result};

pub(super) const COMMAS: Format = Format {
    records: |path, wanted| records(path, b',', wanted),
    columns: |path| columns(path, b','),
    streams: true,
};
pub(super) const TABS: Format = Format {
    records: |path, wanted| records(path, b'\t', wanted),
    columns: |path| columns(path, b'\t'),
    streams: true,
};

fn records(path: &Path, delimiter: u8, wanted: &[&str]) -> Result<Records> {
    let (header, rows) = open(path, delimiter)?;
    let places: Vec<Option<usize>> =
        wanted.iter().map(|name| header.iter().position(|known| known == name)).collect();
    let path = path.to_path_buf();
    Ok(Box::new(rows.map(move |row| {
        let bad = |line, problem| BadRow { path: path.clone(), line, column: None, problem };
        let row = row.map_err(|(line, problem)| bad(line, problem))?;
        let line = row.line;
        cells(&row, &header, &places)
            .map(|cells| Record { line, cells })
            .map_err(|problem| bad(line, problem))
    })))
}

fn columns(path: &Path, delimiter: u8) -> Result<Vec<String>> {
    open(path, delimiter).map(|(header, _)| header)
}

/// The cells at the wanted places of a row, or what is wrong with it.
fn cells(row: &Row, header: &[String], places: &[Option<usize>]) -> Result<Vec<Value>, String> {
    if row.cells.len() != header.len() {
        return Err(format!("expected {} cells as in the header, found {}", header.len(), row.cells.len()));
    }
    let cell = |place: &Option<usize>| match place.map(|place| row.cells[place].as_slice()) {
        None | Some(b"") => Ok(Value::Null),
        Some(bytes) => utf8(bytes).map(Value::from),
    };
    places.iter().map(cell).collect()
}

/// Reads the header; the rows are yet to be read.
fn open(path: &Path, delimiter: u8) -> Result<(Vec<String>, FileRows)> {
    let mut rows = Rows { lines: Lines::open(path)?, delimiter, ended: false };
    let header = match rows.next() {
        None => Err((1, "expected a header, found an empty file".to_string())),
        Some(row) => row.and_then(|row| header(&row).map_err(|problem| (row.line, problem))),
    };
    match header {
        Ok(header) => Ok((header, rows)),
        Err((line, problem)) => {
            let mut bad = BadRows::default();
            bad.push(BadRow { path: PathBuf::from(path), line, column: None, problem });
            Err(bad.into_result().expect_err("a bad row was just pushed"))
        }
    }
}

/// The names in the first row, each only once.
fn header(row: &Row) -> Result<Vec<String>, String> {
    let names: Vec<&str> = row.cells.iter().map(|cell| utf8(cell)).collect::<Result<_, _>>()?;
    let mut seen = HashSet::new();
    match names.iter().find(|&&name| !seen.insert(name)) {
        Some(twice) => Err(format!("the header has `{twice}` twice")),
        None => Ok(names.into_iter().map(String::from).collect()),
    }
}

/// The cells of a row, without their quotes.
struct Row {
    line: usize,
    cells: Vec<Vec<u8>>,
}

/// The rows of a file one by one.
struct Rows<R> {
    lines: Lines<R>,
    delimiter: u8,
    ended: bool,
}

/// The rows of a file that may be compressed.
type FileRows = Rows<Box<dyn BufRead + Send>>;

impl<R: BufRead> Iterator for Rows<R> {
    type Item = Result<Row, (usize, String)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let row = self.read();
        self.ended = !matches!(row, Ok(Some(Ok(_))));
        match row {
            Ok(row) => row,
            Err(error) => Some(Err((self.lines.line(), error.to_string()))),
        }
    }
}

impl<R: BufRead> Rows<R> {
    /// The next row: a line, and as many more as a quoted cell goes over.
    fn read(&mut self) -> io::Result<Option<Result<Row, (usize, String)>>> {
        let mut bytes = Vec::new();
        while without_end(&bytes).is_empty() {
            bytes.clear();
            if self.lines.read(&mut bytes)?.is_none() {
                return Ok(None);
            }
        }
        let line = self.lines.line();
        let mut splitter = Splitter::new(self.delimiter);
        loop {
            if splitter.feed(&bytes) == State::Quoted {
                bytes.clear();
                if self.lines.read(&mut bytes)?.is_none() {
                    let problem = "expected a closing quote, found the end of the file".to_string();
                    return Ok(Some(Err((line, problem))));
                }
            } else {
                return Ok(Some(Ok(Row { line, cells: splitter.cells })));
            }
        }
    }
}

/// Where in a cell the splitting is.
#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Nothing of the cell was read yet.
    Start,
    /// In a cell without quotes, or after its closing quote.
    Bare,
    /// Between quotes.
    Quoted,
    /// After a quote between quotes, which closes them or stands for itself.
    QuoteInQuoted,
}

/// Splits a row into its cells.
struct Splitter {
    delimiter: u8,
    state: State,
    // Invariant: never empty; the last is the cell that is being read.
    cells: Vec<Vec<u8>>,
}

impl Splitter {
    fn new(delimiter: u8) -> Self {
        Self { delimiter, state: State::Start, cells: vec![Vec::new()] }
    }

    /// Reads a line with its end; the row goes on if it ends in [`State::Quoted`].
    fn feed(&mut self, line: &[u8]) -> State {
        let content = without_end(line);
        content.iter().for_each(|&byte| self.push(byte));
        if self.state == State::Quoted {
            line[content.len()..].iter().for_each(|&byte| self.push(byte)); // The line's end is the cell's.
        }
        self.state
    }

    fn push(&mut self, byte: u8) {
        match (self.state, byte) {
            (State::Start, b'"') => return self.state = State::Quoted,
            (State::Quoted, b'"') => return self.state = State::QuoteInQuoted,
            (State::Quoted, _) => {}
            (_, byte) if byte == self.delimiter => {
                self.cells.push(Vec::new());
                return self.state = State::Start;
            }
            (State::QuoteInQuoted, b'"') => self.state = State::Quoted,
            _ => self.state = State::Bare,
        }
        self.cells.last_mut().expect("there is always a cell").push(byte);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::tests::{check, file};
    use super::*;

    #[test]
    fn rows_start_where_an_editor_shows_them() {
        let content = "text,label\n\n\"a\nb, \"\"c\"\"\",x\n\nd,\ne 😀,y";
        let expected = [
            (3, Ok(json!(["a\nb, \"c\"", "x"]))),
            (6, Ok(json!(["d", null]))),
            (7, Ok(json!(["e 😀", "y"]))),
        ];
        check("a.csv", content, &expected);
        let expected = [(3, Ok(json!(["a\r\nb, \"c\"", "x"]))), expected[1].clone(), expected[2].clone()];
        check("a.csv", content.replace('\n', "\r\n"), &expected);
    }

    #[test]
    fn tabs_separate_tsv() {
        check("a.tsv", "\u{feff}label\ttext\n1\ta, \"b\"\n", &[(2, Ok(json!(["a, \"b\"", "1"])))]);
    }

    #[test]
    fn the_reading_goes_on_after_bad_rows() {
        let content = b"text,label\na\nb,1,2\n\xff,1\n\xffother,2,\nc,3\n";
        let expected = [
            (2, Err("expected 2 cells as in the header, found 1")),
            (3, Err("expected 2 cells as in the header, found 3")),
            (4, Err("expected UTF-8, found other bytes after 0 of them")),
            (5, Err("expected 2 cells as in the header, found 3")),
            (6, Ok(json!(["c", "3"]))),
        ];
        check("a.csv", content, &expected);
    }

    #[test]
    fn a_quote_that_is_never_closed_is_a_bad_row() {
        let content = "text,label\na,1\n\"b,2\nc,3\n";
        let problem = "expected a closing quote, found the end of the file";
        check("a.csv", content, &[(2, Ok(json!(["a", "1"]))), (3, Err(problem))]);
    }

    #[test]
    fn a_header_is_there_and_has_each_name_once() {
        for (content, problem) in [
            ("", "1: expected a header, found an empty file"),
            ("text,label,text\na,1,b\n", "1: the header has `text` twice"),
        ] {
            let (_dir, path) = file("a.csv", content);
            let error = columns(&path, b',').unwrap_err().to_string();
            assert!(error.ends_with(problem), "{error}");
        }
    }

    proptest! {
        #[test]
        fn cells_are_those_of_the_csv_crate(
            rows in proptest::collection::vec(proptest::collection::vec("[ab\",\r\n\t😀]{0,6}", 2), 1..6),
        ) {
            let mut writer = ::csv::Writer::from_writer(Vec::new());
            rows.iter().for_each(|row| writer.write_record(row).unwrap());
            let content = writer.into_inner().unwrap();
            let split = Rows { lines: Lines::new(content.as_slice()), delimiter: b',', ended: false };
            let found: Vec<Vec<String>> = split
                .map(|row| row.unwrap().cells.into_iter().map(|cell| String::from_utf8(cell).unwrap()).collect())
                .collect();
            prop_assert_eq!(found, rows);
        }
    }
}
