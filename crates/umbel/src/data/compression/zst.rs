//! Zstandard (RFC 8878), of one frame or several.

use std::fs::File;
use std::io::{self, BufReader, Read};

use zstd::stream::read::Decoder;

pub(super) fn unpack(file: BufReader<File>) -> io::Result<Box<dyn Read + Send>> {
    Ok(Box::new(Decoder::with_buffer(file)?))
}
