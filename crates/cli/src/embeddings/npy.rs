//! NumPy's file of one array, of shape (rows, size): `numpy.load(FILE)`.

use anyhow::Result;

use super::binary::{Binary, HEADER};
use super::{Destination, EmbeddingWriter};

pub(super) fn open(destination: &Destination<'_>) -> Result<Box<dyn EmbeddingWriter>> {
    let file = super::file(destination, "npy")?;
    Ok(Box::new(Binary::open(file, destination.size, header)?))
}

/// As `numpy.lib.format` describes version 1.0: a magic number, the version, the length of what follows, a
/// dictionary, and spaces up to a line end.
fn header(n_rows: usize, size: usize) -> Vec<u8> {
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend((HEADER as u16 - 10).to_le_bytes());
    header.extend(
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({n_rows}, {size}), }}").into_bytes(),
    );
    header.resize(HEADER - 1, b' ');
    header.push(b'\n');
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_room_for_any_number_of_rows() {
        for n_rows in [0, usize::MAX] {
            let header = header(n_rows, 1 << 20);
            assert_eq!((header.len(), header[HEADER - 1]), (HEADER, b'\n'));
            assert!(String::from_utf8_lossy(&header).contains(&format!("({n_rows}, 1048576), }}")));
        }
    }
}
