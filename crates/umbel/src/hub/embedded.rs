//! umbel-mini, the encoder that is part of the program, and how a model's folder is packed so small.
//!
//! A packed model is compressed by zstd. In it are the length of a header (8 bytes, little-endian), the header in JSON, and
//! what the header tells of: files as they are; matrices of safetensors as a 32-bit scale and 8-bit whole numbers a row, to
//! be multiplied; other tensors as 32-bit floats.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::unpacked::{SIZES, is_whole};
use crate::error::{Error, Result};
use crate::folder::write::{NamedTensor, write_file, write_safetensors};
use crate::folder::{Weights, disk};

/// The name by which it is asked for.
pub const MINI: &str = "umbel-mini";

/// It, packed.
pub(super) static PACKED: &[u8] = include_bytes!("../../assets/umbel-mini.bin");

/// zstd's strongest level without the ones that take much more memory.
const LEVEL: i32 = 19;

/// What a packed model consists of.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Header {
    files: Vec<PackedFile>,
    tensors: Vec<PackedTensor>,
}

/// A file that is taken as it is.
#[derive(Debug, Serialize, Deserialize)]
struct PackedFile {
    path: String,
    bytes: usize,
}

/// A tensor of a file of weights.
#[derive(Debug, Serialize, Deserialize)]
struct PackedTensor {
    path: String,
    name: String,
    shape: Vec<usize>,
}

impl PackedTensor {
    /// Rows and columns of what is packed in 8 bits.
    fn matrix(&self) -> Option<(usize, usize)> {
        match self.shape[..] {
            [rows, cols] if cols > 0 => Some((rows, cols)),
            _ => None,
        }
    }
}

/// Packs the model of a folder: all its files but heads, `umbel.json`, `README.md` and what training has left.
///
/// # Errors
/// If a file cannot be read.
pub fn pack(dir: &Path) -> Result<Vec<u8>> {
    let (mut header, mut blob) = (Header::default(), Vec::new());
    for path in paths(dir, "")? {
        let full = dir.join(&path);
        if path.ends_with(".safetensors") {
            let weights = Weights::open_file(&full)?;
            for name in weights.names() {
                let tensor = weights.tensor(name)?;
                let packed =
                    PackedTensor { path: path.clone(), name: name.to_string(), shape: tensor.shape.clone() };
                match packed.matrix() {
                    Some((_, cols)) => {
                        tensor.as_slice().chunks(cols).for_each(|row| pack_row(row, &mut blob))
                    }
                    None => blob.extend_from_slice(bytemuck::cast_slice(tensor.as_slice())),
                }
                header.tensors.push(packed);
            }
        }
    }
    for path in paths(dir, "")?.into_iter().filter(|path| !path.ends_with(".safetensors")) {
        let full = dir.join(&path);
        let bytes = fs::read(&full).map_err(Error::io(&full))?;
        blob.extend_from_slice(&bytes);
        header.files.push(PackedFile { path, bytes: bytes.len() });
    }
    let header = serde_json::to_vec(&header).expect("plain values");
    let whole = [&(header.len() as u64).to_le_bytes()[..], &header, &blob].concat();
    zstd::encode_all(&whole[..], LEVEL).map_err(Error::io(dir))
}

/// The files of a folder and of those in it, by their paths in it, in alphabetical order.
fn paths(dir: &Path, below: &str) -> Result<Vec<String>> {
    let folder = dir.join(below);
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).map_err(Error::io(&folder))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        let is_left_out =
            ["training", "heads", "umbel.json", "README.md"].contains(&&path[..]) || name.starts_with('.');
        match (is_left_out, entry.path().is_dir()) {
            (true, _) => {}
            (false, true) => found.extend(paths(dir, &path)?),
            (false, false) => found.push(path),
        }
    }
    found.sort();
    Ok(found)
}

/// A scale, and whole numbers from -127 to 127 that it is multiplied by.
fn pack_row(row: &[f32], blob: &mut Vec<u8>) {
    let scale = row.iter().fold(0f32, |largest, x| largest.max(x.abs())) / 127.0;
    blob.extend(scale.to_le_bytes());
    let whole = |x: &f32| if scale > 0.0 { (x / scale).round() as i8 } else { 0 };
    blob.extend(row.iter().map(|x| whole(x) as u8));
}

/// Writes a packed model as a folder, which appears whole or not at all, and replaces one that has lost files.
///
/// # Errors
/// [`Error::Io`] if a file cannot be written, [`Error::Model`] if the bytes are no packed model.
pub fn unpack(packed: &[u8], folder: &Path) -> Result<()> {
    let damaged = || Error::model(folder, "it is to be unpacked from bytes that are no packed model");
    let whole = zstd::decode_all(packed).map_err(|_| damaged())?;
    let mut rest = &whole[..];
    let mut take = |n: usize| -> Result<&[u8]> {
        let (taken, left) = rest.split_at_checked(n).ok_or_else(damaged)?;
        rest = left;
        Ok(taken)
    };
    let length = u64::from_le_bytes(take(8)?.try_into().expect("eight bytes"));
    let header: Header = serde_json::from_slice(take(length as usize)?).map_err(|_| damaged())?;
    let mut tensors: Vec<(&PackedTensor, Vec<f32>)> = Vec::new();
    for tensor in &header.tensors {
        let n_values = tensor.shape.iter().product::<usize>();
        let values = match tensor.matrix() {
            Some((rows, cols)) => take(rows * (size_of::<f32>() + cols))?
                .chunks(size_of::<f32>() + cols)
                .flat_map(row)
                .collect(),
            None => take(n_values * size_of::<f32>())?.chunks(size_of::<f32>()).map(float).collect(),
        };
        tensors.push((tensor, values));
    }
    let mut files: Vec<(&str, &[u8])> = Vec::new();
    for file in &header.files {
        files.push((&file.path[..], take(file.bytes)?));
    }
    let beside = beside(folder)?;
    // A folder in it, since it itself cannot be read by others.
    let temporary = beside.path().join(MINI);
    for (path, bytes) in files {
        write_file(&inside(&temporary, path)?, bytes)?;
    }
    for part in tensors.chunk_by(|(a, _), (b, _)| a.path == b.path) {
        let named: Vec<NamedTensor<'_>> = part
            .iter()
            .map(|(tensor, values)| (tensor.name.clone(), tensor.shape.clone(), &values[..]))
            .collect();
        write_safetensors(&inside(&temporary, &part[0].0.path)?, &named, &[("format", "pt")])?;
    }
    write_sizes(&temporary)?;
    if folder.is_dir() && !is_whole(folder) {
        disk::rename(folder, &beside.path().join("damaged")).map_err(Error::io(folder))?;
    }
    match disk::rename(&temporary, folder) {
        Err(_) if is_whole(folder) => Ok(()), // Another thread or process was faster.
        renamed => renamed.map_err(Error::io(folder)),
    }
}

/// A new folder in that of `folder`, which is deleted when it is dropped.
fn beside(folder: &Path) -> Result<tempfile::TempDir> {
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(Error::io(parent))?;
    let made = tempfile::Builder::new().prefix(".unpacked.").suffix(".tmp").tempdir_in(parent);
    made.map_err(Error::io(parent))
}

/// Writes down how many bytes each file of a folder has.
fn write_sizes(folder: &Path) -> Result<()> {
    let mut sizes = BTreeMap::new();
    for path in paths(folder, "")? {
        let full = folder.join(&path);
        let bytes = fs::metadata(&full).map_err(Error::io(&full))?.len();
        sizes.insert(path, bytes);
    }
    write_file(&folder.join(SIZES), &serde_json::to_vec(&sizes).expect("plain values"))
}

/// The path of a file in a folder, with the folders that lead to it.
fn inside(folder: &Path, path: &str) -> Result<PathBuf> {
    let path = folder.join(path);
    let parent = path.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(Error::io(parent))?;
    Ok(path)
}

/// The numbers of a row that [`pack_row`] wrote.
fn row(packed: &[u8]) -> impl Iterator<Item = f32> {
    let (scale, numbers) = packed.split_at(size_of::<f32>());
    let scale = float(scale);
    numbers.iter().map(move |&number| f32::from(number as i8) * scale)
}

fn float(bytes: &[u8]) -> f32 {
    f32::from_le_bytes(bytes.try_into().expect("four bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::scratch::{self, Size};
    use crate::model::Model;

    /// The first numbers of the embedding of "A man is playing a guitar."
    const GOLDEN: [f32; 4] = [1.289_942, 0.739_131_2, -0.154_412_75, -0.384_439_47];

    fn small(dir: &Path) {
        let size = Size { hidden_size: 8, n_heads: 2, intermediate_size: 16, ..Size::default() };
        scratch::write(dir, &["sun", "moon"], &size, 1).unwrap();
    }

    #[test]
    fn a_model_is_the_same_to_a_part_in_127_after_it_was_packed() {
        let dir = tempfile::tempdir().unwrap();
        let (whole, unpacked) = (dir.path().join("whole"), dir.path().join("unpacked"));
        small(&whole);
        let packed = pack(&whole).unwrap();
        assert_eq!(packed, pack(&whole).unwrap());
        unpack(&packed, &unpacked).unwrap();
        for name in ["config.json", "tokenizer.json"] {
            assert_eq!(fs::read(whole.join(name)).unwrap(), fs::read(unpacked.join(name)).unwrap());
        }
        let (before, after) = (Weights::open(&whole).unwrap(), Weights::open(&unpacked).unwrap());
        for name in before.names() {
            let (before, after) = (before.tensor(name).unwrap(), after.tensor(name).unwrap());
            let cols = before.shape.last().copied().unwrap();
            for (a, b) in before.as_slice().chunks(cols).zip(after.as_slice().chunks(cols)) {
                let largest = a.iter().fold(0f32, |largest, x| largest.max(x.abs()));
                assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() <= largest / 127.0 * 0.51), "{name}");
            }
        }
        assert!(Model::open(&unpacked).is_ok());
        unpack(&packed, &unpacked).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left beside");
    }

    #[test]
    fn umbel_mini_is_small_and_knows_what_is_alike() {
        assert!(PACKED.len() <= 8 << 20, "{} bytes", PACKED.len());
        let dir = tempfile::tempdir().unwrap();
        unpack(PACKED, &dir.path().join(MINI)).unwrap();
        let model = Model::open(&dir.path().join(MINI)).unwrap();
        let texts = [
            "A man is playing a guitar.",
            "Someone plays an instrument.",
            "The stock market fell on Friday.",
        ];
        let embedded = model.embed(&texts).unwrap().embeddings;
        let cosine = |a, b| crate::metric::cosine(embedded.row(a), embedded.row(b));
        assert!(cosine(0, 1) > cosine(0, 2) + 0.3, "{} {}", cosine(0, 1), cosine(0, 2));
        let near = embedded.row(0).iter().zip(GOLDEN).all(|(x, golden)| (x - golden).abs() < 1e-4);
        assert!(near, "{:?}", &embedded.row(0)[..GOLDEN.len()]);
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        small(&dir.path().join("whole"));
        let packed = pack(&dir.path().join("whole")).unwrap();
        for bytes in [&packed[..packed.len() / 2], b"", b"umbel", &zstd::encode_all(&[9; 20][..], 1).unwrap()]
        {
            let error = unpack(bytes, &dir.path().join("other")).unwrap_err().to_string();
            assert!(error.contains("no packed model"), "{error}");
            assert!(!dir.path().join("other").exists());
        }
    }
}
