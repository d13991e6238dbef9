//! The server as its clients meet it: routers without sockets, and sockets.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod answers;
mod batches;
mod browser;
mod devtools;
mod fairness;
mod hostile;
mod keys;
mod life;
mod protocols;
mod tei;
mod world;
