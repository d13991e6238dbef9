//! Packs the folder of a model as the library carries umbel-mini: `cargo run --release --example pack -- DIR FILE`.
#![allow(clippy::print_stdout, reason = "an example is a program")]

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dir, file] = &arguments[..] else { return Err("expected a folder and a file".into()) };
    let packed = umbel::hub::pack(Path::new(dir))?;
    umbel::folder::write::write_file(Path::new(file), &packed)?;
    println!("{file}: {} bytes", packed.len());
    Ok(())
}
