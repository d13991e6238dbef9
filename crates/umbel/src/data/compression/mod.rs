//! Files that are compressed as a whole, read as they are unpacked. A way of compressing a file.
//!
//! To add one: a file with a function that unpacks a stream, and its line in [`COMPRESSIONS`].

mod gz;
mod zst;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::registry::Registry;

/// Unpacks a stream; one that ends within its archive is an error of the reader that comes out.
pub type Unpack = fn(BufReader<File>) -> io::Result<Box<dyn Read + Send>>;

/// The known ways of compressing, by the extension that they add to a file's name.
///
/// - `gz`: gzip, of one member or several, as `cat a.gz b.gz` makes them.
/// - `zst`: Zstandard, of one frame or several.
pub static COMPRESSIONS: Registry<Unpack> =
    Registry { kind: "compression", entries: &[("gz", gz::unpack), ("zst", zst::unpack)] };

/// A path without the extension of a compression, and that extension if there is one.
pub fn inner(path: &Path) -> (PathBuf, Option<&'static str>) {
    let extension = path.extension().and_then(OsStr::to_str).map(str::to_lowercase);
    let known = COMPRESSIONS.names().find(|name| Some(*name) == extension.as_deref());
    (if known.is_some() { path.with_extension("") } else { path.to_path_buf() }, known)
}

/// The bytes of a file, unpacked if its name says that it is compressed.
///
/// # Errors
/// [`Error::Io`] if it cannot be opened.
pub(super) fn open(path: &Path) -> Result<Box<dyn BufRead + Send>> {
    let file = BufReader::with_capacity(1 << 16, File::open(path).map_err(Error::io(path))?);
    let Some(name) = inner(path).1 else { return Ok(Box::new(file)) };
    let unpacked = COMPRESSIONS.find(name)?(file).map_err(Error::io(path))?;
    Ok(Box::new(BufReader::with_capacity(1 << 16, Named { reader: unpacked, name })))
}

/// Says of an error that it is the archive's.
struct Named {
    reader: Box<dyn Read + Send>,
    name: &'static str,
}

impl Read for Named {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer).map_err(|error| {
            let name = self.name;
            match error.kind() {
                io::ErrorKind::Interrupted => error,
                _ if error.raw_os_error().is_some() => error,
                io::ErrorKind::UnexpectedEof => io::Error::new(
                    error.kind(),
                    format!("the .{name} archive ends too early, after this line: the file was cut short"),
                ),
                kind => {
                    io::Error::new(kind, format!("the .{name} archive is damaged after this line: {error}"))
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use serde_json::json;

    use super::super::tests::{check, file};
    use super::super::{format_of, texts::TextSource};
    use super::*;

    fn gz(content: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn zst(content: &str) -> Vec<u8> {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 0).unwrap();
        encoder.include_checksum(true).unwrap(); // As the `zstd` command does.
        encoder.write_all(content.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    const ROWS: [&str; 2] = ["{\"text\": \"a\"}\n{\"text\": \"b\"}\n", "{\"text\": \"c\", \"label\": 1}\n"];

    #[test]
    fn archives_of_several_parts_are_read_to_their_end() {
        let expected = [(1, Ok(json!(["a", null]))), (2, Ok(json!(["b", null]))), (3, Ok(json!(["c", 1])))];
        check("a.jsonl.gz", ROWS.map(gz).concat(), &expected);
        check("a.JSONL.ZST", ROWS.map(zst).concat(), &expected);
        check("a.csv.gz", gz("label,text\nx,\"a\nb\"\n"), &[(2, Ok(json!(["a\nb", "x"])))]);
        check("a.tsv.zst", zst("label\ttext\nx\ta\n"), &[(2, Ok(json!(["a", "x"])))]);
    }

    /// Text that does not pack well, so that an archive's first half unpacks to whole lines.
    fn long() -> String {
        let mut random = crate::random::Random::new(1);
        (0..4000).map(|_| format!("{{\"text\": \"{:x}\"}}\n", random.next_u64())).collect()
    }

    #[test]
    fn an_archive_that_was_cut_short_is_an_error_and_no_end() {
        for (name, whole) in [("a.jsonl.gz", gz(&long())), ("a.jsonl.zst", zst(&long()))] {
            for cut in [0, 1, 5, whole.len() / 2, whole.len() - 1] {
                if cut == 0 && name.ends_with("zst") {
                    continue; // No frame at all is an archive of nothing.
                }
                let (_dir, path) = file(name, &whole[..cut]);
                let rows: Vec<_> = (format_of(&path).unwrap().records)(&path, &["text"]).unwrap().collect();
                let last = rows.last().unwrap().as_ref().unwrap_err().to_string();
                assert!(last.contains("ends too early"), "{name} cut at {cut}: {last}");
                assert!(last.contains(&format!("{name}:{}: ", rows.len() - 1)), "{last}");
                assert!(rows[..rows.len() - 1].iter().all(|row| row.is_ok()));
            }
        }
    }

    #[test]
    fn a_damaged_archive_is_an_error() {
        for (name, mut content) in [("a.jsonl.gz", gz(&long())), ("a.jsonl.zst", zst(&long()))] {
            let middle = content.len() / 2;
            content[middle..middle + 64].fill(0xff);
            let (_dir, path) = file(name, content);
            let rows: Vec<_> = (format_of(&path).unwrap().records)(&path, &["text"]).unwrap().collect();
            let last = rows.last().unwrap().as_ref().unwrap_err().to_string();
            assert!(last.contains("archive is damaged") || last.contains("ends too early"), "{last}");
        }
        let (_dir, path) = file("a.jsonl.gz", "no archive at all");
        let mut rows = (format_of(&path).unwrap().records)(&path, &["text"]).unwrap();
        let error = rows.next().unwrap().unwrap_err().to_string();
        assert!(error.contains("a.jsonl.gz:0: the .gz archive is damaged"), "{error}");
    }

    #[test]
    fn texts_are_unpacked_too() {
        for (name, content) in [
            ("a.txt.gz", gz("a\nb\n")),
            ("a.gz", gz("a\nb\n")),
            ("a.zst", zst("{\"text\": \"a\"}\n{\"text\": \"b\"}\n")),
            ("a.csv.zst", zst("text\na\nb\n")),
        ] {
            let (_dir, path) = file(name, content);
            let texts: Vec<String> =
                TextSource::open(Some(&path), "text").unwrap().map(|text| text.unwrap().text).collect();
            assert_eq!(texts, ["a", "b"], "{name}");
        }
    }

    #[test]
    fn parquet_is_not_compressed_from_outside() {
        let error = format_of(Path::new("a.parquet.gz")).err().unwrap().to_string();
        assert!(error.contains("a.parquet.gz: ") && error.contains("unpack it"), "{error}");
    }
}
