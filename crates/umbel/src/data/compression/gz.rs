//! gzip (RFC 1952), of one member or several.

use std::fs::File;
use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

pub(super) fn unpack(file: BufReader<File>) -> io::Result<Box<dyn Read + Send>> {
    Ok(Box::new(MultiGzDecoder::new(file)))
}
