//! What `train`, `distill`, `eval`, `synth` and `demo` promise, held against the program itself.
#![allow(clippy::unwrap_used)]

mod audit;
mod distill;
mod eval;
mod files;
mod freeze;
mod generated;
mod heads;
mod project;
mod repeat;
#[cfg(unix)]
mod stop;
mod written;
