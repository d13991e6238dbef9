//! The umbel command line.
fn main() {}
