//! A safetensors file of one tensor, `embeddings`, of shape [rows, size].

use anyhow::Result;
use serde_json::json;

use super::binary::{Binary, HEADER};
use super::{Destination, EmbeddingWriter};

pub(super) fn open(destination: &Destination<'_>) -> Result<Box<dyn EmbeddingWriter>> {
    let file = super::file(destination, "safetensors")?;
    Ok(Box::new(Binary::open(file, destination.size, header)?))
}

/// The length of what follows, and JSON that spaces fill up.
fn header(n_rows: usize, size: usize) -> Vec<u8> {
    let tensor = json!({"dtype": "F32", "shape": [n_rows, size], "data_offsets": [0, n_rows as u64 * size as u64 * 4]});
    let mut header = (HEADER as u64 - 8).to_le_bytes().to_vec();
    header.extend(json!({"embeddings": tensor}).to_string().into_bytes());
    header.resize(HEADER, b' ');
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_room_for_as_many_rows_as_a_disk_can_hold() {
        let header = header(1 << 40, 1 << 20);
        assert_eq!(header.len(), HEADER);
        assert_eq!(header.iter().filter(|byte| **byte == b'}').count(), 2);
    }
}
