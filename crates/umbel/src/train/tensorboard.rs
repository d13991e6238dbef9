//! `training/tensorboard/`: what `metrics.jsonl` says, as a file of events that TensorBoard reads.
//!
//! A line of `metrics.jsonl` is one event with all its numbers, so that a run that goes on knows which events to keep:
//! as many as there are lines. The file is a TFRecord of `Event` messages (tensorflow/core/util/event.proto); of these
//! only wall time, step, file version and plain numbers are written. Wall times are the one thing in a run's folder
//! that differs from one run to the next.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::error::{Error, Result};

/// A name that TensorBoard takes for a file of events: it looks for `tfevents`.
const NAME: &str = "events.out.tfevents.0.umbel";
/// What the first event says.
const VERSION: &str = "brain.Event:2";
/// The largest event that is believed; one has some kilobytes.
const MAX_EVENT: u64 = 1 << 24;

const CRC: crc::Crc<u32, crc::Table<16>> = crc::Crc::<u32, crc::Table<16>>::new(&crc::CRC_32_ISCSI);

/// The file of events of a run.
pub(super) struct Events {
    path: PathBuf,
    file: File,
}

impl Events {
    /// Goes on with the file below `folder` after the lines that `metrics` has, or begins it with these.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be read or written.
    pub(super) fn open(folder: &Path, metrics: &Path) -> Result<Self> {
        let folder = folder.join("tensorboard");
        std::fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        let path = folder.join(NAME);
        let mut events = Self::go_on(&path, metrics).map_err(Error::io(&path))?;
        events.file.flush().map_err(Error::io(&path))?;
        Ok(events)
    }

    fn go_on(path: &Path, metrics: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        let lines: Vec<String> = BufReader::new(File::open(metrics)?).lines().collect::<io::Result<_>>()?;
        let (kept, bytes) = kept(&file, 1 + lines.len())?;
        file.set_len(bytes)?;
        file.seek(SeekFrom::End(0))?;
        let mut events = Self { path: path.to_path_buf(), file };
        if kept == 0 {
            events.file.write_all(&record(&version(now())))?;
        }
        for line in &lines[kept.saturating_sub(1)..] {
            let line = serde_json::from_str(line).map_err(io::Error::other)?;
            events.write(&line)?;
        }
        Ok(events)
    }

    /// Writes the event of a line of `metrics.jsonl`.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be written.
    pub(super) fn add(&mut self, line: &Value) -> Result<()> {
        self.write(line).map_err(Error::io(&self.path))
    }

    fn write(&mut self, line: &Value) -> io::Result<()> {
        let step = line["step"].as_u64().unwrap_or_default();
        self.file.write_all(&record(&event(now(), step, &numbers(line))))
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// How many of the first `most` records are whole, and where they end.
fn kept(file: &File, most: usize) -> io::Result<(usize, u64)> {
    let (mut reader, mut n, mut bytes) = (BufReader::new(file), 0, 0);
    while n < most
        && let Some(length) = whole_record(&mut reader)?
    {
        n += 1;
        bytes += length;
    }
    Ok((n, bytes))
}

/// The bytes of the record that comes next; none if it is broken or there is none.
fn whole_record(reader: &mut impl Read) -> io::Result<Option<u64>> {
    let mut header = Vec::new();
    reader.take(12).read_to_end(&mut header)?;
    let Some((length, check)) = header.split_first_chunk::<8>() else { return Ok(None) };
    let size = u64::from_le_bytes(*length);
    if *check != masked(length).to_le_bytes() || size > MAX_EVENT {
        return Ok(None);
    }
    let mut data = Vec::new();
    reader.take(size + 4).read_to_end(&mut data)?;
    let whole = data.len() as u64 == size + 4;
    let right = whole && data[size as usize..] == masked(&data[..size as usize]).to_le_bytes();
    Ok(right.then_some(12 + size + 4))
}

/// TFRecord: the length, its checksum, the data, their checksum.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked(&length).to_le_bytes(), data, &masked(data).to_le_bytes()].concat()
}

/// The CRC-32C, rotated and moved so that checksums of data that hold checksums stay good
/// (tensorflow/core/lib/hash/crc32c.h).
fn masked(data: &[u8]) -> u32 {
    CRC.checksum(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// `Event { wall_time = 1, file_version = 3 }`.
fn version(time: f64) -> Vec<u8> {
    let mut message = wall_time(time);
    field(&mut message, 3, VERSION.as_bytes());
    message
}

/// `Event { wall_time = 1, step = 2, summary = 5 { value = 1 { tag = 1, simple_value = 2 } } }`.
fn event(time: f64, step: u64, numbers: &[(String, f64)]) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, number) in numbers {
        let mut value = Vec::new();
        field(&mut value, 1, tag.as_bytes());
        value.push(2 << 3 | 5); // Four bytes.
        value.extend((*number as f32).to_le_bytes());
        field(&mut summary, 1, &value);
    }
    let mut message = wall_time(time);
    message.push(2 << 3); // A variable number of bytes.
    varint(&mut message, step);
    field(&mut message, 5, &summary);
    message
}

fn wall_time(time: f64) -> Vec<u8> {
    let mut message = vec![1 << 3 | 1]; // Eight bytes.
    message.extend(time.to_le_bytes());
    message
}

/// A field that says its length.
fn field(message: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    message.push(number << 3 | 2);
    varint(message, bytes.len() as u64);
    message.extend(bytes);
}

fn varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}

/// The numbers of a line with their tags; TensorBoard groups them by what is before the first `/`.
fn numbers(line: &Value) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    let mut add = |tag: String, value: &Value| found.extend(value.as_f64().map(|value| (tag, value)));
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let name = |value: &Value| value.as_str().unwrap_or_default().to_string();
    if line["event"] == "step" {
        add("loss".to_string(), &line["loss"]);
        add("learning_rate".to_string(), &line["learning_rate"]);
        add("gradient_norm".to_string(), &line["grad_norm"]);
        for task in list(&line["tasks"]) {
            add(format!("loss/{}", name(&task["task"])), &task["loss"]);
            add(format!("share_of_loss/{}", name(&task["task"])), &task["share"]);
        }
        let shared = &line["shared"];
        let tasks: Vec<String> = list(&shared["tasks"]).iter().map(name).collect();
        for (i, task) in tasks.iter().enumerate() {
            add(format!("gradient_norm/{task}"), &shared["norms"][i]);
            add(format!("coefficient/{task}"), &shared["coefficients"][i]);
        }
        let pairs = (0..tasks.len()).flat_map(|i| (i + 1..tasks.len()).map(move |j| (i, j)));
        for ((i, j), cosine) in pairs.zip(list(&shared["cosines"])) {
            add(format!("cosine/{} and {}", tasks[i], tasks[j]), &cosine);
        }
    }
    for split in ["train", "validation"] {
        for scores in list(&line[split]).iter().filter(|scores| scores["n"].as_u64() != Some(0)) {
            let task = name(&scores["task"]);
            add(format!("{split}/{task}/loss"), &scores["loss"]);
            let metrics = scores["metrics"].as_object().into_iter().flatten();
            metrics.filter(|(_, value)| value.is_f64()).for_each(|(metric, value)| {
                add(format!("{split}/{task}/{metric}"), value);
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: &str = r#"{"event":"step","step":300,"epoch":1,"learning_rate":0.5,"loss":1.5,"tasks":[{"task":"a","loss":1.5,"share":1.0},{"task":"b","loss":null,"share":0.0}],"grad_norm":2.0,"shared":{"tasks":["a","b"],"norms":[0.25,0.5],"coefficients":[1.0,1.0],"cosines":[-0.75]},"rows":4}"#;
    const EPOCH: &str = r#"{"event":"epoch","epoch":1,"step":300,"losses":[],"train":[{"task":"a","n":4,"loss":0.5,"metrics":{"n":4,"accuracy":0.25}}],"validation":[{"task":"a","n":0,"loss":0.0,"metrics":{"accuracy":0.0}}],"score":0.1,"best":true,"findings":[]}"#;

    /// CRC-32C bit by bit, from its polynomial.
    fn crc32c(data: &[u8]) -> u32 {
        let mut crc = !0u32;
        for byte in data {
            crc ^= u32::from(*byte);
            (0..8).for_each(|_| crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 });
        }
        !crc
    }

    /// The fields of a message: number, and bytes of the value.
    fn fields(mut message: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut found = Vec::new();
        let varint = |message: &mut &[u8]| {
            let end = message.iter().position(|byte| byte & 0x80 == 0).unwrap();
            let value =
                message[..=end].iter().rev().fold(0u64, |value, byte| value << 7 | u64::from(byte & 0x7f));
            *message = &message[end + 1..];
            value
        };
        while let Some((&key, rest)) = message.split_first() {
            message = rest;
            let value = match key & 7 {
                0 => varint(&mut message).to_le_bytes().to_vec(),
                wire => {
                    let n = [0, 8, 0, 0, 0, 4][usize::from(wire)];
                    let n = if wire == 2 { varint(&mut message) as usize } else { n };
                    let (value, rest) = message.split_at(n);
                    message = rest;
                    value.to_vec()
                }
            };
            found.push((key >> 3, value));
        }
        found
    }

    /// The messages of a file, whose checksums must be right.
    fn messages(mut file: &[u8]) -> Vec<Vec<u8>> {
        let check = |data: &[u8], found: &[u8]| {
            let expected = (crc32c(data) >> 15 | crc32c(data) << 17).wrapping_add(0xa282_ead8);
            assert_eq!(found, expected.to_le_bytes());
        };
        let mut found = Vec::new();
        while !file.is_empty() {
            let n = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
            check(&file[..8], &file[8..12]);
            check(&file[12..12 + n], &file[12 + n..16 + n]);
            found.push(file[12..12 + n].to_vec());
            file = &file[16 + n..];
        }
        found
    }

    /// The step of an event, and its tags and numbers.
    fn read(message: &[u8]) -> (u64, Vec<(String, f32)>) {
        let fields_of = fields(message);
        let step = fields_of.iter().find(|(number, _)| *number == 2).map(|(_, value)| value.clone()).unwrap();
        let summary =
            fields_of.iter().find(|(number, _)| *number == 5).map(|(_, value)| value.clone()).unwrap();
        let value = |(_, value): (u8, Vec<u8>)| {
            let parts = fields(&value);
            let number = f32::from_le_bytes(parts[1].1[..].try_into().unwrap());
            (String::from_utf8(parts[0].1.clone()).unwrap(), number)
        };
        (u64::from_le_bytes(step.try_into().unwrap()), fields(&summary).into_iter().map(value).collect())
    }

    fn folder(metrics: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        write(&dir, metrics);
        dir
    }

    fn write(dir: &tempfile::TempDir, metrics: &[&str]) {
        let text: String = metrics.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(dir.path().join("metrics.jsonl"), text).unwrap();
    }

    fn open(dir: &tempfile::TempDir) -> Events {
        Events::open(dir.path(), &dir.path().join("metrics.jsonl")).unwrap()
    }

    fn file(dir: &tempfile::TempDir) -> Vec<u8> {
        std::fs::read(dir.path().join("tensorboard").join(NAME)).unwrap()
    }

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!((crc32c(b"123456789"), CRC.checksum(b"123456789")), (0xe306_9283, 0xe306_9283)); // RFC 3720
    }

    #[test]
    fn every_number_of_a_step_and_an_epoch_is_read_back() {
        let dir = folder(&[]);
        let mut events = open(&dir);
        for line in [STEP, EPOCH] {
            events.add(&serde_json::from_str(line).unwrap()).unwrap();
        }
        let found = messages(&file(&dir));
        assert_eq!(fields(&found[0])[1], (3, VERSION.as_bytes().to_vec()));
        let expected = [
            ("loss", 1.5),
            ("learning_rate", 0.5),
            ("gradient_norm", 2.0),
            ("loss/a", 1.5),
            ("share_of_loss/a", 1.0),
            ("share_of_loss/b", 0.0),
            ("gradient_norm/a", 0.25),
            ("coefficient/a", 1.0),
            ("gradient_norm/b", 0.5),
            ("coefficient/b", 1.0),
            ("cosine/a and b", -0.75),
        ];
        assert_eq!(read(&found[1]), (300, expected.map(|(tag, x)| (tag.to_string(), x)).to_vec()));
        let expected = [("train/a/loss", 0.5), ("train/a/accuracy", 0.25)];
        assert_eq!(read(&found[2]), (300, expected.map(|(tag, x)| (tag.to_string(), x)).to_vec()));
    }

    #[test]
    fn a_run_that_goes_on_keeps_as_many_events_as_lines_and_writes_those_that_are_missing() {
        let dir = folder(&[STEP, EPOCH]);
        drop(open(&dir));
        let whole = file(&dir);
        assert_eq!(messages(&whole).len(), 3);
        drop(open(&dir));
        assert!(file(&dir) == whole, "nothing is written twice");

        write(&dir, &[STEP]); // The run was killed after the epoch, but its last checkpoint was before.
        let mut events = open(&dir);
        assert!(file(&dir) == whole[..whole.len() - record(&messages(&whole)[2]).len()]);
        events.add(&serde_json::from_str(EPOCH).unwrap()).unwrap();
        assert_eq!(messages(&file(&dir)).len(), 3);

        let path = dir.path().join("tensorboard").join(NAME);
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap(); // Killed while it wrote.
        write(&dir, &[STEP, EPOCH]);
        drop(open(&dir));
        assert_eq!(messages(&file(&dir)).len(), 3);
    }
}
