//! A header of fixed size, which is written last, and then all rows as 32-bit floats.

use std::io::{Seek, Write};

use anyhow::Result;
use umbel::folder::write::PendingFile;
use umbel::nn::Matrix;

use super::EmbeddingWriter;
use crate::texts::Row;

/// Room for the header of any number of rows; a multiple of 64, so that the numbers are aligned.
pub(super) const HEADER: usize = 128;

/// The first [`HEADER`] bytes of a file, given its rows and columns.
pub(super) type Header = fn(usize, usize) -> Vec<u8>;

pub(super) struct Binary {
    file: PendingFile,
    header: Header,
    n_rows: usize,
    size: usize,
}

impl Binary {
    pub(super) fn open(mut file: PendingFile, size: usize, header: Header) -> Result<Self> {
        file.write_all(&[0; HEADER])?;
        Ok(Self { file, header, n_rows: 0, size })
    }
}

impl EmbeddingWriter for Binary {
    fn write(&mut self, rows: &[Row], embeddings: &Matrix) -> Result<()> {
        self.n_rows += rows.len();
        let mut bytes = Vec::with_capacity(self.size * 4);
        for embedding in embeddings.iter_rows() {
            bytes.clear();
            embedding.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
            self.file.write_all(&bytes)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let header = (self.header)(self.n_rows, self.size);
        assert_eq!(header.len(), HEADER, "a header fills its room");
        self.file.rewind()?;
        self.file.write_all(&header)?;
        Ok(self.file.commit()?)
    }
}
