//! Parquet files, row by row.

use std::collections::VecDeque;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{ConvertedType, Type as Physical};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::{ReaderIter, TreeBuilder};
use parquet::record::{Field, Row};
use parquet::schema::types::{ColumnDescriptor, SchemaDescPtr, SchemaDescriptor, Type};
use serde_json::{Number, Value};

use super::lines::utf8;
use super::{Format, Record, Records};
use crate::error::{BadRow, BadRows, Error, Result};

pub(super) const FORMAT: Format = Format { records, columns, streams: false };

fn records(path: &Path, wanted: &[&str]) -> Result<Records> {
    let reader = open(path)?;
    let schema = projection(path, &reader, wanted)?;
    Ok(Box::new(Rows {
        groups: (0..reader.num_row_groups()).collect(),
        reader,
        schema,
        group: None,
        wanted: wanted.iter().map(|name| name.to_string()).collect(),
        path: path.to_path_buf(),
        row: 0,
    }))
}

fn columns(path: &Path) -> Result<Vec<String>> {
    let reader = open(path)?;
    let schema = reader.metadata().file_metadata().schema();
    Ok(schema.get_fields().iter().map(|field| field.name().to_string()).collect())
}

fn open(path: &Path) -> Result<SerializedFileReader<File>> {
    let file = File::open(path).map_err(Error::io(path))?;
    SerializedFileReader::new(file).map_err(|error| broken(path, &error))
}

/// The error of a file that is not as Parquet files are.
fn broken(path: &Path, error: &ParquetError) -> Error {
    Error::io(path)(std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string()))
}

/// The file's schema with only the wanted columns.
fn projection(path: &Path, reader: &SerializedFileReader<File>, wanted: &[&str]) -> Result<SchemaDescPtr> {
    let schema = reader.metadata().file_metadata().schema();
    let fields = schema.get_fields().iter().filter(|field| wanted.contains(&field.name())).cloned();
    let group = Type::group_type_builder(schema.name()).with_fields(fields.collect()).build();
    let projection = SchemaDescriptor::new(Arc::new(group.map_err(|error| broken(path, &error))?));

    let mut bad = BadRows::default();
    for column in projection.columns().iter().filter(|column| !is_readable(column)) {
        let name = column.path().parts().first().cloned();
        let problem =
            format!("expected strings, numbers, truth values or lists of them, found {}", type_name(column));
        bad.push(BadRow { path: path.to_path_buf(), line: 1, column: name, problem });
    }
    bad.into_result()?;
    Ok(Arc::new(projection))
}

/// True of the types that [`value`] knows; of others the parquet crate would panic.
fn is_readable(column: &ColumnDescriptor) -> bool {
    use ConvertedType as C;
    let is_number = matches!(
        column.converted_type(),
        C::NONE
            | C::INT_8
            | C::INT_16
            | C::INT_32
            | C::INT_64
            | C::UINT_8
            | C::UINT_16
            | C::UINT_32
            | C::UINT_64
    );
    let is_text = matches!(column.converted_type(), C::NONE | C::UTF8 | C::ENUM | C::JSON);
    match column.physical_type() {
        Physical::BOOLEAN | Physical::FLOAT | Physical::DOUBLE => true,
        Physical::INT32 | Physical::INT64 => is_number,
        Physical::BYTE_ARRAY => is_text,
        Physical::INT96 | Physical::FIXED_LEN_BYTE_ARRAY => false,
    }
}

/// What a column holds, as an error says it.
fn type_name(column: &ColumnDescriptor) -> String {
    match column.converted_type() {
        ConvertedType::NONE => column.physical_type().to_string(),
        converted => converted.to_string(),
    }
}

/// The rows of a file, a row group at a time.
struct Rows {
    reader: SerializedFileReader<File>,
    schema: SchemaDescPtr,
    // The row groups that are yet to be read; empty after an error, which would come again.
    groups: VecDeque<usize>,
    group: Option<ReaderIter>,
    wanted: Vec<String>,
    path: PathBuf,
    row: usize,
}

impl Iterator for Rows {
    type Item = Result<Record, BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        // The crate panics on some damaged pages instead of giving an error.
        let read = catch_unwind(AssertUnwindSafe(|| self.read()));
        let read = read.unwrap_or_else(|_| Err(ParquetError::General("the file is damaged".to_string())));
        let row = read.unwrap_or_else(|error| {
            self.groups.clear();
            self.group = None;
            Some(Err(error.to_string()))
        })?;
        self.row += 1;
        let bad = |(column, problem)| BadRow { path: self.path.clone(), line: self.row, column, problem };
        let cells = row.map_err(|problem| (None, problem)).and_then(|row| cells(row, &self.wanted));
        Some(cells.map(|cells| Record { line: self.row, cells }).map_err(bad))
    }
}

impl Rows {
    /// The next row of this row group or of the next one that has any.
    fn read(&mut self) -> Result<Option<Result<Row, String>>, ParquetError> {
        loop {
            if let Some(row) = self.group.as_mut().and_then(Iterator::next) {
                return Ok(Some(Ok(row?)));
            }
            let Some(group_idx) = self.groups.pop_front() else {
                return Ok(None);
            };
            let group = self.reader.get_row_group(group_idx)?;
            self.group = Some(TreeBuilder::new().as_iter(self.schema.clone(), group.as_ref())?);
        }
    }
}

/// The wanted cells of a row, or the column at fault and what is wrong with it.
fn cells(row: Row, wanted: &[String]) -> Result<Vec<Value>, (Option<String>, String)> {
    let fields = row.into_columns();
    let cell = |name: &String| match fields.iter().find(|(known, _)| known == name) {
        Some((_, field)) => value(field).map_err(|problem| (Some(name.clone()), problem)),
        None => Ok(Value::Null),
    };
    wanted.iter().map(cell).collect()
}

fn value(field: &Field) -> Result<Value, String> {
    Ok(match field {
        Field::Null => Value::Null,
        Field::Bool(truth) => Value::from(*truth),
        Field::Byte(number) => Value::from(*number),
        Field::Short(number) => Value::from(*number),
        Field::Int(number) => Value::from(*number),
        Field::Long(number) => Value::from(*number),
        Field::UByte(number) => Value::from(*number),
        Field::UShort(number) => Value::from(*number),
        Field::UInt(number) => Value::from(*number),
        Field::ULong(number) => Value::from(*number),
        Field::Float(number) => number_or_null(f64::from(*number)),
        Field::Double(number) => number_or_null(*number),
        Field::Str(text) => Value::from(text.as_str()),
        Field::Bytes(bytes) => Value::from(utf8(bytes.data())?),
        Field::ListInternal(list) => list.elements().iter().map(value).collect::<Result<_, _>>()?,
        other => return Err(format!("expected a string, a number, a truth value or a list, found {other}")),
    })
}

/// NaN stands for a missing number, as pandas writes it; infinity is no number of JSON, and is left to whoever
/// expects one.
fn number_or_null(number: f64) -> Value {
    if number.is_infinite() {
        return Value::from(number.to_string());
    }
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
    use parquet::schema::parser::parse_message_type;
    use serde_json::json;

    use super::super::tests::{check, file};
    use super::*;

    /// A file of one row group a call of `write`, which writes each column in turn.
    fn parquet(schema: &str, n_groups: usize, write: impl Fn(usize, SerializedColumnWriter<'_>)) -> Vec<u8> {
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut content = Vec::new();
        let properties = Arc::new(WriterProperties::builder().build());
        let mut writer = SerializedFileWriter::new(&mut content, schema, properties).unwrap();
        for _ in 0..n_groups {
            let mut group = writer.next_row_group().unwrap();
            let mut column_idx = 0;
            while let Some(column) = group.next_column().unwrap() {
                write(column_idx, column);
                column_idx += 1;
            }
            group.close().unwrap();
        }
        writer.close().unwrap();
        content
    }

    fn texts(mut column: SerializedColumnWriter<'_>, texts: &[&[u8]]) {
        let texts: Vec<ByteArray> = texts.iter().map(|text| ByteArray::from(text.to_vec())).collect();
        column.typed::<ByteArrayType>().write_batch(&texts, None, None).unwrap();
        column.close().unwrap();
    }

    #[test]
    fn damaged_files_never_panic() {
        let schema = "message m { required binary text (UTF8); }";
        let whole = parquet(schema, 2, |_, column| texts(column, &[b"one", b"two", b"one", b"one"]));
        let (_dir, path) = file("damaged.parquet", "");
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 0x55;
            std::fs::write(&path, damaged).unwrap();
            if let Ok(records) = records(&path, &["text"]) {
                assert!(records.count() <= 100, "byte {place}");
            }
        }
    }

    #[test]
    fn numbers_nulls_and_row_groups_are_read() {
        let schema =
            "message m { optional double label; required int64 other; required binary text (UTF8); }";
        let content = parquet(schema, 2, |column_idx, mut column| match column_idx {
            0 => {
                let values = [0.5, f64::NAN, f64::NEG_INFINITY];
                column.typed::<DoubleType>().write_batch(&values, Some(&[1, 0, 1, 1]), None).unwrap();
                column.close().unwrap();
            }
            1 => {
                column.typed::<Int64Type>().write_batch(&[1, 2, 3, 4], None, None).unwrap();
                column.close().unwrap();
            }
            _ => texts(column, &["a".as_bytes(), "😀".as_bytes(), b"", b"b"]),
        });
        let rows = [json!(["a", 0.5]), json!(["😀", null]), json!(["", null]), json!(["b", "-inf"])];
        let expected: Vec<_> = (1..).zip(rows.iter().cycle().take(8).cloned().map(Ok)).collect();
        check("a.parquet", &content, &expected);
        let (_dir, path) = file("a.parquet", content);
        assert_eq!(columns(&path).unwrap(), ["label", "other", "text"]);
    }

    #[test]
    fn lists_are_read() {
        let schema = "message m {
            optional group label (LIST) { repeated group list { optional binary element (UTF8); } }
            required binary text;
        }";
        let content = parquet(schema, 1, |column_idx, mut column| match column_idx {
            0 => {
                let values = ["x", "y"].map(ByteArray::from);
                let writer = column.typed::<ByteArrayType>();
                writer.write_batch(&values, Some(&[3, 3, 1, 0]), Some(&[0, 1, 0, 0])).unwrap();
                column.close().unwrap();
            }
            _ => texts(column, &[b"a", b"b", b"c"]),
        });
        let expected = [json!(["a", ["x", "y"]]), json!(["b", []]), json!(["c", null])];
        check("a.parquet", content, &(1..).zip(expected.map(Ok)).collect::<Vec<_>>());
    }

    #[test]
    fn the_reading_goes_on_after_text_that_is_not_utf8() {
        let content = parquet("message m { required binary text; }", 1, |_, column| {
            texts(column, &[b"a", b"b\xff", b"c"]);
        });
        let problem = "expected UTF-8, found other bytes after 1 of them";
        check(
            "a.parquet",
            content,
            &[(1, Ok(json!(["a", null]))), (2, Err(problem)), (3, Ok(json!(["c", null])))],
        );
    }

    #[test]
    fn a_type_that_is_no_label_is_an_error() {
        let content = parquet("message m { required int64 label (TIMESTAMP_MILLIS); }", 0, |_, _| {});
        let (_dir, path) = file("a.parquet", content);
        let error = records(&path, &["label"]).err().unwrap().to_string();
        assert!(error.ends_with("or lists of them, found TIMESTAMP_MILLIS"), "{error}");
        assert!(records(&path, &["text"]).is_ok(), "an unwanted column is not looked at");
    }

    #[test]
    fn a_broken_file_is_an_error_that_names_it() {
        let (_dir, path) = file("a.parquet", "not at all Parquet");
        let error = records(&path, &["text"]).err().unwrap().to_string();
        assert!(error.contains("a.parquet: "), "{error}");
    }
}
