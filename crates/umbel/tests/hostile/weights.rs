//! Weights that are no numbers, or more than any memory holds.

use std::fs::{self, File};
use std::io::{Seek, Write};
use std::path::Path;

use umbel::folder::Weights;

use super::check;

/// Puts bytes over those of a tensor.
fn overwrite(dir: &Path, tensor: &str, bytes: &[u8]) {
    let path = dir.join("model.safetensors");
    let mut file = fs::read(&path).unwrap();
    let (length, metadata) = safetensors::SafeTensors::read_metadata(&file).unwrap();
    let start = 8 + length + metadata.info(tensor).unwrap().data_offsets.0;
    file[start..start + bytes.len()].copy_from_slice(bytes);
    fs::write(path, file).unwrap();
}

#[test]
fn weights_that_are_no_numbers_are_named_when_they_are_used() {
    for number in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let tensor = "encoder.layer.0.output.dense.weight";
        let change = |dir: &Path| overwrite(dir, tensor, &number.to_le_bytes());
        check(change, &format!("`{tensor}` has 1 numbers that are infinite or not a number"));
    }
    let large = [f32::MAX; 32].map(f32::to_le_bytes).concat();
    let change = |dir: &Path| overwrite(dir, "embeddings.LayerNorm.weight", &large);
    check(change, "overflow, though all weights are finite");
}

/// A file of one tensor whose data is a hole.
fn hole(path: &Path, dtype: &str, n_values: u64, n_bytes: u64) {
    let header =
        format!(r#"{{"a":{{"dtype":"{dtype}","shape":[{n_values}],"data_offsets":[0,{n_bytes}]}}}}"#);
    let header = format!("{header:<width$}", width = header.len().next_multiple_of(8));
    let mut file = File::create(path).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    let end = file.stream_position().unwrap() + n_bytes;
    file.set_len(end).unwrap();
}

#[test]
fn a_tensor_that_no_memory_holds_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    hole(&path, "F16", 1 << 42, 1 << 43);
    let message = Weights::open(dir.path()).unwrap().tensor("a").unwrap_err().to_string();
    assert!(message.contains("`a` needs more memory than there is: 4398046511104 floats"), "{message}");
    hole(&path, "F32", 1 << 41, 1 << 43);
    assert_eq!(Weights::open(dir.path()).unwrap().tensor("a").unwrap().as_slice()[1 << 40], 0.0);
}

#[test]
fn tensors_without_values_are_read() {
    let dir = tempfile::tempdir().unwrap();
    hole(&dir.path().join("model.safetensors"), "BF16", 0, 0);
    assert!(Weights::open(dir.path()).unwrap().tensor("a").unwrap().as_slice().is_empty());
}
