//! Reads bytes as each kind of file that umbel opens; whatever they are, nothing may panic, hang or run out of memory.
//!
//! `fuzz/` runs these functions under libFuzzer; `tests/corpus.rs` runs them over the corpus and its mutations on a
//! stable toolchain.
#![forbid(unsafe_code)]

pub mod mutate;

mod base;
mod folders;
mod rows;
mod settings;

/// A target's name, which is that of its corpus too, and what it runs; true of an input that was taken.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// All targets.
pub static TARGETS: [Target; 9] = [
    ("config", folders::config),
    ("csv", rows::csv),
    ("jsonl", rows::jsonl),
    ("manifest", folders::manifest),
    ("parquet", rows::parquet),
    ("sentence", folders::sentence),
    ("settings", settings::settings),
    ("tokenizer", folders::tokenizer),
    ("weights", folders::weights),
];

/// Runs a target; true if it took the input for what it should be.
///
/// # Panics
/// If there is no such target, or if it found something.
pub fn run(name: &str, input: &[u8]) -> bool {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("it is one of `TARGETS`");
    target(input)
}
