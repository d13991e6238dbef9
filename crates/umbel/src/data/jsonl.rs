//! JSON lines: one object a line.

use std::collections::BTreeSet;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::lines::{Lines, utf8, without_end};
use super::{Format, Record, Records, describe};
use crate::error::{BadRow, Result};

pub(super) const FORMAT: Format = Format { records, columns, streams: true };

fn records(path: &Path, columns: &[&str]) -> Result<Records> {
    Ok(from_lines(Lines::open(path)?, path, columns))
}

/// Reads the wanted columns of JSON lines; `path` is what errors call the source.
pub(super) fn from_lines<R: BufRead + Send + 'static>(
    lines: Lines<R>,
    path: &Path,
    columns: &[&str],
) -> Records {
    let columns: Vec<String> = columns.iter().map(|column| column.to_string()).collect();
    Box::new(Objects { lines, path: path.to_path_buf(), ended: false }.map(move |object| {
        let (line, mut object) = object?;
        let cells = columns.iter().map(|column| object.get_mut(column).map(Value::take).unwrap_or_default());
        Ok(Record { line, cells: cells.collect() })
    }))
}

fn columns(path: &Path) -> Result<Vec<String>> {
    let mut known = Vec::new();
    let mut seen = BTreeSet::new();
    let objects = Objects { lines: Lines::open(path)?, path: path.to_path_buf(), ended: false };
    for (key, _) in objects.flatten().flat_map(|(_, object)| object) {
        if seen.insert(key.clone()) {
            known.push(key);
        }
    }
    Ok(known)
}

/// The objects of a file and their lines.
struct Objects<R> {
    lines: Lines<R>,
    path: PathBuf,
    ended: bool,
}

impl<R: BufRead> Iterator for Objects<R> {
    type Item = Result<(usize, Map<String, Value>), BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut bytes = Vec::new();
        while !self.ended {
            bytes.clear();
            let object = match self.lines.read(&mut bytes) {
                Ok(None) => return None,
                Ok(Some(_)) if bytes.iter().all(u8::is_ascii_whitespace) => continue,
                Ok(Some(_)) => object(without_end(&bytes)),
                Err(error) => {
                    self.ended = true; // An unreadable file would be unreadable forever.
                    Err(error.to_string())
                }
            };
            let line = self.lines.line();
            let bad = |problem| BadRow { path: self.path.clone(), line, column: None, problem };
            return Some(object.map(|object| (line, object)).map_err(bad));
        }
        None
    }
}

/// Reads one line, or says what is wrong with it.
pub(super) fn object(line: &[u8]) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(utf8(line)?) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => Err(format!("expected an object, found {}", describe(&other))),
        // The line that the message names is always 1, here where each line is read alone.
        Err(error) => {
            Err(format!("expected an object: {}", error.to_string().replace("line 1 column", "column")))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::tests::{check, file};
    use super::*;

    #[test]
    fn cells_keep_their_types() {
        let content = "{\"text\": \"a 😀\", \"label\": [\"x\", 1], \"other\": 2}\n{\"label\": 0.5}\n";
        check("a.jsonl", content, &[(1, Ok(json!(["a 😀", ["x", 1]]))), (2, Ok(json!([null, 0.5])))]);
    }

    #[test]
    fn blank_lines_line_ends_and_a_byte_order_mark_are_passed_over() {
        let content = "\u{feff}{\"text\": \"a\"}\r\n\r\n  \n{\"text\": \"b\"}";
        check("a.ndjson", content, &[(1, Ok(json!(["a", null]))), (4, Ok(json!(["b", null])))]);
    }

    #[test]
    fn the_reading_goes_on_after_bad_lines() {
        let content = b"{\"text\": \"a\"}\n{\"text\": \n[1]\n{\"text\": \"\xff\"}\n{\"text\": \"b\"}\n";
        let expected = [
            (1, Ok(json!(["a", null]))),
            (2, Err("expected an object: EOF while parsing a value at column 9")),
            (3, Err("expected an object, found a list")),
            (4, Err("expected UTF-8, found other bytes after 10 of them")),
            (5, Ok(json!(["b", null]))),
        ];
        check("a.jsonl", content, &expected);
    }

    #[test]
    fn columns_are_the_keys_of_all_rows() {
        let (_dir, path) = file("a.jsonl", "{\"text\": 1}\nnonsense\n{\"score\": 1, \"text\": 2}\n");
        assert_eq!(columns(&path).unwrap(), ["text", "score"]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_the_end(content in proptest::collection::vec(any::<u8>(), 0..200)) {
            let found = from_lines(Lines::new(std::io::Cursor::new(content.clone())), Path::new("x"), &["text"]).count();
            let blank = |line: &&[u8]| !line.iter().all(u8::is_ascii_whitespace);
            let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&content);
            prop_assert_eq!(found, content.split(|&byte| byte == b'\n').filter(blank).count());
        }
    }
}
