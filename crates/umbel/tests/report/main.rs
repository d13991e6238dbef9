//! What the pages and the model card of a run promise: well-formed, nothing loaded, nothing unescaped, true numbers.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod card;
mod events;
mod html;
mod numbers;
mod pages;
mod project;
